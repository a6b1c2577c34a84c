"""One packet bot: a participant that joins as a page does, replays what was encoded once, and counts what it sees."""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterable
from typing import Protocol

from teleward_contract import signalling
from teleward_contract.signalling import (
    Closed,
    Encodings,
    Error,
    Frame,
    Join,
    Joined,
    Ready,
    Resumed,
    ServerFrame,
    Slots,
    SlotView,
)
from teleward_media.core.answer import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_SEQUENCE,
)
from teleward_media.packetpath import rtcpwire, rtpwire

from teleward_testing.bots.film import film, sounds
from teleward_testing.bots.receiving import NTP_SHORT, Arrivals, Seen, SlotReceiver
from teleward_testing.bots.sending import (
    LEVEL_ID,
    LOUD,
    MID_ID,
    OPUS,
    REPAIRED_RID_ID,
    RID_ID,
    RTX,
    STAMP_ID,
    VP8,
    Camera,
    Microphone,
    Stamps,
    Stream,
)
from teleward_testing.bots.transport import Transport

TICK_S = 0.01
FEEDBACK_EVERY_S = 0.1
"""Between two transport-wide feedbacks: a browser's is 50 to 250 ms."""
REPORT_EVERY_S = 1.0
LEAST_RETRY_S = 0.05
JOIN_WITHIN_S = 20.0


class Socket(Protocol):
    """A call socket, or a control socket that has been admitted."""

    async def send_text(self, text: str) -> None: ...

    async def receive_text(self) -> str: ...

    async def close(self) -> None: ...


class Bot:
    """Make it, `join`, watch `seen`; `closed` tells why it is over."""

    def __init__(
        self, socket: Socket, *, voices: int = 5, pictures: int = 5, seed: int = 0
    ) -> None:
        self.you = ""
        self.shows: dict[str, SlotView] = {}
        """mid → who appears there."""
        self.closed: str | None = None
        self.round_trip_s = 0.1
        """As the media node's reports about its streams tell it."""
        self.frames: list[ServerFrame] = []
        """Everything it was told, in order."""
        self.camera = Camera("1", film())
        self.microphone = Microphone("0", *sounds())
        self._socket = socket
        self._mids = {str(2 + n): "audio" for n in range(voices)}
        self._mids |= {str(2 + voices + n): "video" for n in range(pictures)}
        self._stamps, self._arrivals = Stamps(), Arrivals()
        self._transport = Transport(self._take_rtp, self._take_rtcp, seed)
        self._slots: dict[int, SlotReceiver] = {}
        """By SSRC."""
        self._repairs: dict[int, SlotReceiver] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._fed_back_at = self._reported_at = 0.0

    @property
    def seen(self) -> dict[str, Seen]:
        """What each slot has shown, by mid."""
        return {slot.seen.mid: slot.seen for slot in self._slots.values()}

    def showing(self, participant: str, kind: str = "video") -> Seen | None:
        """What is seen of somebody; None while they have no slot."""
        for mid, view in self.shows.items():
            if view.kind == kind and view.participant == participant:
                return self.seen[mid]
        return None

    @property
    def streams(self) -> list[Stream]:
        """All that it sends."""
        return [self.microphone.stream, *(e.stream for e in self.camera.encodings.values())]

    @property
    def media_port(self) -> int:
        """The media node's port, once it has joined."""
        return self._transport.port

    def lose(self, share: float) -> None:
        """Lose this share of what arrives."""
        self._transport.loses = share

    def speak(self, *, level: int = LOUD) -> None:
        """Speak at this level (-dBov), or be silent (`SILENT`)."""
        self.microphone.level = level

    def mark(self) -> None:
        """Measure the longest gaps from now on."""
        for slot in self._slots.values():
            slot.mark()

    async def say(self, frame: Frame) -> None:
        """Send a frame of signalling."""
        await self._socket.send_text(signalling.encode(frame))

    async def join(self, *, through: int | None = None, is_proxied: bool = False) -> Joined:
        """Join and begin to send; `through` is a port in front of the media node's own."""
        async with asyncio.timeout(JOIN_WITHIN_S):
            if is_proxied:
                await self._receive(Ready)
            await self.say(Join(offer=self._offer()))
            joined = await self._receive(Joined)
            self._learn_slots(joined.answer)
            await self._transport.connect(joined.answer, through)
        self._tasks += [asyncio.create_task(self._listen()), asyncio.create_task(self._run())]
        return joined

    async def leave(self) -> None:
        """Close the peer and the socket."""
        await self._end()
        await self._transport.close()
        await self._socket.close()

    async def vanish(self) -> None:
        """Stop without a word to anybody; the socket breaks."""
        self._transport.vanish()
        await self._end()
        await self._socket.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- signalling ----------------------------------------------------------------------------

    async def _receive(self, kind: type[Joined] | type[Ready]) -> Joined:
        while True:
            frame = self._took(signalling.parse_server_frame(await self._socket.receive_text()))
            assert not isinstance(frame, Error), f"{frame.code}: {frame.message}"
            if isinstance(frame, kind):
                return frame  # type: ignore[return-value]  # nobody reads a Ready

    async def _listen(self) -> None:
        with contextlib.suppress(Exception):  # the socket ends; `closed` may have been told
            while True:
                self._took(signalling.parse_server_frame(await self._socket.receive_text()))

    def _took(self, frame: ServerFrame) -> ServerFrame:
        self.frames.append(frame)
        if isinstance(frame, Joined | Resumed):
            self.you = frame.you
            self.camera.set_active(frame.encodings)
        if isinstance(frame, Joined | Resumed | Slots):
            self.shows = {slot.mid: slot for slot in frame.slots}
        if isinstance(frame, Encodings):
            self.camera.set_active(frame.active)
        if isinstance(frame, Closed):
            self.closed = frame.reason.value
        return frame

    def _offer(self) -> str:
        sections = [
            _section("audio", "0", "sendonly", _AUDIO),
            _section("video", "1", "sendonly", _VIDEO, _rids(self.camera.film)),
        ]
        sections += [
            _section(kind, mid, "recvonly", _AUDIO if kind == "audio" else _VIDEO)
            for mid, kind in self._mids.items()
        ]
        mids = " ".join(["0", "1", *self._mids])
        head = [
            "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {mids}",
            f"a=ice-ufrag:{self._transport.ufrag}", f"a=ice-pwd:{self._transport.password}",
            f"a=fingerprint:{self._transport.fingerprint}", "a=setup:actpass",
        ]  # fmt: skip
        return "\r\n".join(head + [line for section in sections for line in section]) + "\r\n"

    def _learn_slots(self, answer: str) -> None:
        for section in re.split(r"\r\n(?=m=)", answer):
            mid = re.search(r"a=mid:(\S+)", section)
            ssrcs = dict.fromkeys(re.findall(r"a=ssrc:(\d+)", section))
            if mid is None or mid[1] not in self._mids or not ssrcs:
                continue
            slot = SlotReceiver(mid[1], self._mids[mid[1]], int(next(iter(ssrcs))))
            self._slots[slot.ssrc] = slot
            for repair in list(ssrcs)[1:]:
                self._repairs[int(repair)] = slot

    # -- media ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            send = self._transport.send_rtp
            self.microphone.tick(now, self._stamps, send)
            self.camera.tick(now, self._stamps, send)
            retry_s = max(LEAST_RETRY_S, self.round_trip_s)
            for slot in self._slots.values():
                for part in slot.ask(self.microphone.stream.ssrc, now, retry_s):
                    self._transport.send_rtcp(part)
            if now - self._fed_back_at >= FEEDBACK_EVERY_S:
                self._fed_back_at = now
                for part in self._arrivals.write(self.microphone.stream.ssrc, 0):
                    self._transport.send_rtcp(part)
            if now - self._reported_at >= REPORT_EVERY_S:
                self._reported_at = now
                self._report(now)
            await asyncio.sleep(TICK_S)

    def _report(self, now: float) -> None:
        for stream in self.streams:
            if stream.packets:
                self._transport.send_rtcp(stream.report(now))
        blocks = [block for slot in self._slots.values() if (block := slot.block(now))]
        if blocks:
            self._transport.send_rtcp(rtcpwire.write_rr(self.microphone.stream.ssrc, blocks))

    def _take_rtp(self, packet: bytearray, length: int) -> None:
        now = time.monotonic()
        found = rtpwire.bounds(packet, 0, length)
        assert found is not None, "a malformed packet was forwarded"
        extension, start, stop = found
        for identifier, at, _ in rtpwire.extensions(packet, extension, start) if extension else ():
            if identifier == STAMP_ID:
                self._arrivals.note(packet[at] << 8 | packet[at + 1], now)
        ssrc = int.from_bytes(packet[8:12], "big")
        timestamp = int.from_bytes(packet[4:8], "big")
        sequence, marker = packet[2] << 8 | packet[3], packet[1] & 0x80 != 0
        slot = self._slots.get(ssrc)
        if slot is None:
            slot = self._repairs[ssrc]
            if stop - start < 2:
                return
            sequence = packet[start] << 8 | packet[start + 1]
            start += 2
        slot.take(
            sequence, timestamp, marker=marker, payload=bytes(packet[start:stop]), now=now,
            is_repair=ssrc in self._repairs,
        )  # fmt: skip

    def _take_rtcp(self, packet: bytearray, length: int) -> None:
        now = time.monotonic()
        for part in rtcpwire.read_rtcp(packet, 0, length):
            match part:
                case rtcpwire.KeyframeAsked():
                    self.camera.refresh(part.ssrc)
                case rtcpwire.Nacked():
                    self._repeat(part.ssrc, part.sequences)
                case rtcpwire.ReportBlock():
                    for stream in self.streams:
                        stream.is_named = stream.is_named and stream.ssrc != part.ssrc
                    if part.last_report:
                        elapsed = (
                            int(now * NTP_SHORT) - part.last_report - part.delay
                        ) & 0xFFFFFFFF
                        self.round_trip_s = elapsed / NTP_SHORT
                case rtcpwire.SenderReport():
                    if part.ssrc in self._slots:
                        self._slots[part.ssrc].heard_report(part.ntp, now)

    def _repeat(self, ssrc: int, sequences: Iterable[int]) -> None:
        for stream in self.streams:
            if stream.ssrc == ssrc:
                for sequence in sequences:
                    packet = stream.again(self._stamps, sequence)
                    if packet is not None:
                        self._transport.send_rtp(packet)


_AUDIO = (
    f"m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}", f"a=rtpmap:{OPUS} opus/48000/2",
    f"a=rtcp-fb:{OPUS} transport-cc", f"a=extmap:{LEVEL_ID} {AUDIO_LEVEL}",
    f"a=extmap:{STAMP_ID} {TRANSPORT_SEQUENCE}", f"a=extmap:{MID_ID} {MID}",
)  # fmt: skip
_VIDEO = (
    f"m=video 9 UDP/TLS/RTP/SAVPF {VP8} {RTX}", f"a=rtpmap:{VP8} VP8/90000",
    f"a=rtcp-fb:{VP8} nack", f"a=rtcp-fb:{VP8} nack pli", f"a=rtcp-fb:{VP8} ccm fir",
    f"a=rtcp-fb:{VP8} transport-cc", f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={VP8}",
    f"a=extmap:{STAMP_ID} {TRANSPORT_SEQUENCE}", f"a=extmap:{MID_ID} {MID}",
    f"a=extmap:{RID_ID} {RID}", f"a=extmap:{REPAIRED_RID_ID} {REPAIRED_RID}",
)  # fmt: skip


def _rids(rids: Iterable[str]) -> tuple[str, ...]:
    return (*(f"a=rid:{rid} send" for rid in rids), f"a=simulcast:send {';'.join(rids)}")


def _section(
    kind: str, mid: str, direction: str, lines: tuple[str, ...], more: tuple[str, ...] = ()
) -> list[str]:
    first, *rest = lines
    return [
        first,
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        f"a={direction}",
        "a=rtcp-mux",
        *rest,
        *more,
    ]
