"""The sending half of a bot: simulcast camera and microphone, numbered and named as a browser does it.

Source: RFC 3550 (RTP), RFC 8285 and RFC 8852 (MID and RID until the receiver has reported the SSRC), RFC 7741 (VP8
payload descriptor), RFC 6464 (audio level), RFC 4588 (RTX), draft-holmer-rmcat-transport-wide-cc-extensions-01.
"""

import itertools
import random
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.reports import NTP_EPOCH

from teleward_testing.bots.film import FRAMES_PER_S, SAMPLES, Frame, Loop

OPUS, VP8, RTX = 111, 96, 97
LEVEL_ID, STAMP_ID, MID_ID, RID_ID, REPAIRED_RID_ID = 1, 3, 4, 10, 11
"""Payload types and header extensions as Chromium numbers them."""
LOUD, SILENT = 20, 127
"""RFC 6464 levels, in -dBov."""
REMEMBERED = 600
"""Packets of one SSRC that can be sent again."""

Send = Callable[[bytes], None]


class Stamps:
    """The transport-wide sequence number of one peer."""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def take(self) -> bytes:
        """The extension's bytes for the next packet."""
        return bytes([STAMP_ID << 4 | 1]) + (next(self._next) & 0xFFFF).to_bytes(2, "big")


@dataclass(slots=True)
class Stream:
    """One outgoing SSRC."""

    mid: str
    payload_type: int
    rid: str = ""
    clock_rate: int = 90_000
    is_named: bool = True
    """MID and RID are sent along until a report tells that the receiver knows the SSRC."""
    packets: int = 0
    octets: int = 0
    repeated: int = 0
    keyframes: int = 0
    ssrc: int = field(default_factory=lambda: random.randrange(2, 1 << 32))
    rtx_ssrc: int = field(default_factory=lambda: random.randrange(2, 1 << 32))
    sequence: int = field(default_factory=lambda: random.randrange(1 << 15))
    rtx_sequence: int = field(default_factory=lambda: random.randrange(1 << 15))
    offset: int = field(default_factory=lambda: random.randrange(1 << 32))
    """Of its timestamps."""
    _sent: OrderedDict[int, tuple[int, int, bytes]] = field(default_factory=OrderedDict)

    def timestamp(self, now: float) -> int:
        """The stream's clock at a moment."""
        return (self.offset + int(now * self.clock_rate)) & 0xFFFFFFFF

    def write(
        self, stamps: Stamps, timestamp: int, payload: bytes, *, marker: bool, level: int | None
    ) -> bytes:
        """Write the next packet."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        if level is None:
            self._sent[self.sequence] = (timestamp, marker << 7, payload)
            if len(self._sent) > REMEMBERED:
                self._sent.popitem(last=False)
        more = b"" if level is None else bytes([LEVEL_ID << 4, level])
        extensions = _extensions(stamps.take(), more, self._names(RID_ID))
        head = struct.pack(
            "!BBHII", 0x90, marker << 7 | self.payload_type, self.sequence, timestamp, self.ssrc
        )
        return head + extensions + payload

    def again(self, stamps: Stamps, sequence: int) -> bytes | None:
        """Write a packet again, as RTX; None if it is not remembered."""
        if sequence not in self._sent:
            return None
        timestamp, marker, payload = self._sent[sequence]
        self.rtx_sequence = (self.rtx_sequence + 1) & 0xFFFF
        self.repeated += 1
        head = struct.pack(
            "!BBHII", 0x90, marker | RTX, self.rtx_sequence, timestamp, self.rtx_ssrc
        )
        extensions = _extensions(stamps.take(), b"", self._names(REPAIRED_RID_ID, always=True))
        return head + extensions + sequence.to_bytes(2, "big") + payload

    def _names(self, rid_id: int, *, always: bool = False) -> bytes:
        if not (self.is_named or always):
            return b""
        named = bytes([MID_ID << 4 | len(self.mid) - 1]) + self.mid.encode()
        if self.rid:
            named += bytes([rid_id << 4 | len(self.rid) - 1]) + self.rid.encode()
        return named

    def report(self, now: float) -> bytes:
        """Write its sender report."""
        return rtcpwire.write_sr(
            self.ssrc, int(now * NTP_EPOCH), self.timestamp(now), self.packets, self.octets
        )


def _extensions(*parts: bytes) -> bytes:
    body = b"".join(parts)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0xBEDE, len(body) // 4) + body


@dataclass(slots=True)
class _Encoding:
    stream: Stream
    loop: Loop
    at: int = 0
    picture: int = field(default_factory=lambda: random.randrange(1 << 15))
    base: int = 0
    """TL0PICIDX."""

    def next(self) -> tuple[Frame, bytes]:
        """The next frame and its descriptor; only the S bit is to be cleared behind the first packet."""
        frame = self.loop[self.at]
        self.stream.keyframes += self.at == 0
        self.at = (self.at + 1) % len(self.loop)
        self.picture = (self.picture + 1) & 0x7FFF
        self.base = (self.base + (frame.temporal == 0)) & 0xFF
        return frame, struct.pack(
            "!BBHBB", 0x90, 0xE0, 0x8000 | self.picture, self.base, frame.temporal << 6
        )


class Camera:
    """Sends the encodings that it is told to, each from a keyframe on."""

    def __init__(self, mid: str, film: Mapping[str, Loop]) -> None:
        self.is_on = True
        self.active: tuple[str, ...] = ()
        self.film = film
        self.encodings = {
            rid: _Encoding(Stream(mid, VP8, rid), loop) for rid, loop in film.items()
        }
        self._due = 0.0

    def set_active(self, rids: Iterable[str]) -> None:
        """Send these encodings and no others; one that is alone carries the whole picture."""
        active = tuple(rid for rid in self.encodings if rid in set(rids))
        largest = list(self.film.values())[-1]
        for rid in active:
            loop = largest if len(active) == 1 else self.film[rid]
            encoding = self.encodings[rid]
            if encoding.loop is not loop or rid not in self.active:
                encoding.loop, encoding.at = loop, 0
        self.active = active

    def refresh(self, ssrc: int) -> None:
        """Answer PLI or FIR: begin the loop again, with its keyframe."""
        for encoding in self.encodings.values():
            if encoding.stream.ssrc == ssrc:
                encoding.at = 0

    def tick(self, now: float, stamps: Stamps, send: Send) -> None:
        """Send the frame that is due, in every active encoding."""
        if now < self._due:
            return
        late = now - self._due > 1 / FRAMES_PER_S
        self._due = (now if late else self._due) + 1 / FRAMES_PER_S
        for rid in self.active if self.is_on else ():
            encoding = self.encodings[rid]
            frame, descriptor = encoding.next()
            timestamp = encoding.stream.timestamp(now)
            for number, part in enumerate(frame.parts):
                if number == 1:
                    descriptor = bytes([0x80]) + descriptor[1:]
                is_last = number == len(frame.parts) - 1
                send(
                    encoding.stream.write(
                        stamps, timestamp, descriptor + part, marker=is_last, level=None
                    )
                )


class Microphone:
    """Silent until it is told to speak."""

    def __init__(self, mid: str, silence: tuple[bytes, ...], tone: tuple[bytes, ...]) -> None:
        self.is_on = True
        self.level = SILENT
        self.stream = Stream(mid, OPUS, clock_rate=48_000)
        self._sounds = silence, tone
        self._count = 0
        self._begun: float | None = None

    def tick(self, now: float, stamps: Stamps, send: Send) -> None:
        """Send the packets that are due; timestamps advance by exactly 20 ms each."""
        if self._begun is None:
            self._begun = now
        while self._begun + self._count * SAMPLES / 48_000 <= now:
            at = self._begun + self._count * SAMPLES / 48_000
            self._count += 1
            if not self.is_on or now - at > 1:
                continue
            packets = self._sounds[self.level != SILENT]
            payload = packets[self._count % len(packets)]
            voiced = 0x80 if self.level != SILENT else 0
            timestamp = self.stream.timestamp(self._begun) + (self._count - 1) * SAMPLES
            send(
                self.stream.write(
                    stamps, timestamp & 0xFFFFFFFF, payload,
                    marker=False, level=voiced | self.level,
                )
            )  # fmt: skip
