"""A packet path with peers of our making: datagrams in, datagrams out, keys that only watch.

`WatchedKeys` keeps account of what AES-GCM must never see: one packet number twice under one key, and a packet
number from which neither libsrtp nor a receiver could tell how often the sequence number has wrapped.

Source: RFC 3711 §3.3.1 (guessing the packet index), RFC 7714 §12 (a nonce serves once).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.answer import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_SEQUENCE,
    Negotiated,
    negotiate,
)
from teleward_media.core.datagrams import LONGEST, STRIDE, Datagrams
from teleward_media.core.forwarding import ForwardingPlan, Output, SourceId
from teleward_media.core.offer import parse_offer
from teleward_media.core.steering import Steering
from teleward_media.packetpath import rtcpwire, rtpwire
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.reference import ReferencePath

from teleward_testing.sdp import SIMULCAST, audio, offer, video

OPUS, RED, VP8, RTX, H264 = 111, 63, 96, 97, 102
MIC_SSRC, CAMERA_SSRC, CAMERA_RTX_SSRC = 10, 20, 21
STAMP_ID, LEVEL_ID = 5, 1
KEY, DELTA = b"\x10\x00keyframe", b"\x10\x01delta"
"""VP8 payloads without numbering: how a keyframe begins, and what is none."""
SLOTS = ("a0", "v0", "v1")
FURTHEST_BACK = 2000
"""Numbers that a packet may be behind the newest: four rings. A receiver's guess is good for 32,768."""

_STAMP = f"a=extmap:{STAMP_ID} {TRANSPORT_SEQUENCE}"
_RED = (f"a=rtpmap:{RED} red/48000/2", f"a=fmtp:{RED} {OPUS}/{OPUS}")


def _voice(mid: str, direction: str, *more: str) -> tuple[str, ...]:
    media, *lines = audio(mid, direction, *more, *_RED, _STAMP)
    return (f"{media} {RED}", *lines)


PLAIN_SECTIONS = (
    _voice("mic", "sendonly", f"a=ssrc:{MIC_SSRC} cname:x"),
    video(
        "cam", "sendonly", f"a=ssrc-group:FID {CAMERA_SSRC} {CAMERA_RTX_SSRC}",
        f"a=ssrc:{CAMERA_SSRC} cname:x", f"a=ssrc:{CAMERA_RTX_SSRC} cname:x", _STAMP,
    ),
    _voice("a0", "recvonly"), video("v0", "recvonly", _STAMP), video("v1", "recvonly", _STAMP),
)  # fmt: skip
"""A microphone, a camera, a slot for a voice and two for pictures; every packet is stamped."""
SIMULCAST_SECTIONS = (
    PLAIN_SECTIONS[0], video("cam", "sendonly", *SIMULCAST, _STAMP), *PLAIN_SECTIONS[2:],
)  # fmt: skip
"""The same with three encodings, which are told by MID and RID."""


@cache
def _negotiated(sections: tuple[tuple[str, ...], ...]) -> Negotiated:
    ssrcs = iter(range(1000, 1100))
    return negotiate(parse_offer(offer(*sections)), lambda: next(ssrcs))


class WatchedKeys:
    """Keys of one direction that change nothing and refuse what says `forged`."""

    def __init__(self, session: object, block: Datagrams) -> None:
        self._block = block
        self._used: dict[int, set[int]] = {}
        self._highest: dict[int, int] = {}

    def unprotect(self, at: int, length: int) -> int:
        """Take every packet but forged ones."""
        return 0 if self._block.buffer[at + 12 : at + 18] == b"forged" else length

    unprotect_rtcp = unprotect

    def protect(self, at: int, length: int) -> int:
        """Check the packet's number as the receiver would guess it."""
        assert length <= LONGEST + 22, "a packet grew by more than stamp and original number"
        _, _, sequence, _, ssrc = struct.unpack_from("!BBHII", self._block.buffer, at)
        highest = self._highest.get(ssrc, sequence)
        index = highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        used = self._used.setdefault(ssrc, set())
        assert index not in used, f"packet number {index} of {ssrc} is used twice"
        assert index > highest - FURTHEST_BACK, f"packet number of {ssrc} leaps over a wrap"
        used.add(index)
        self._highest[ssrc] = max(highest, index)
        return length

    def protect_rtcp(self, at: int, length: int) -> int:
        """Take every control packet that fits a datagram."""
        assert length <= STRIDE - 20
        return length


@dataclass
class Wire:
    """What left, by the number of the peer that it went to."""

    sent: list[tuple[int, bytes]] = field(default_factory=list)

    gathered: list[tuple[int, Datagrams, Sequence[int]]] = field(default_factory=list)

    def send(self, peer: int, block: Datagrams, indexes: Sequence[int]) -> None:
        """Note what is to leave."""
        sizes = {block.lengths[index] for index in indexes[:-1]}
        assert len(sizes) <= 1, "a run is not of one size"
        self.gathered.append((peer, block, indexes))

    def flush(self) -> None:
        """Keep copies."""
        for peer, block, indexes in self.gathered:
            for index in indexes:
                at = index * STRIDE
                self.sent.append((peer, bytes(block.view[at : at + block.lengths[index]])))
        self.gathered.clear()


class PacketCall:
    """A packet path, its peers by name, and a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = Seconds(100.0)
        self.wire = Wire()
        self.counted: dict[str, int] = {}
        self.numbers: dict[str, list[int]] = {}
        """Name → numbers of its peers, oldest first."""
        self._joined = 0
        self._plan: ForwardingPlan = {}
        self.steering = Steering()
        self.ingress = Datagrams(64)
        self.path = ReferencePath(self.ingress, self.wire, self._count, WatchedKeys, lambda _: 7)

    def _count(self, what: str, n: int) -> None:
        self.counted[what] = self.counted.get(what, 0) + n

    def join(self, name: str, sections: Sequence[tuple[str, ...]] = PLAIN_SECTIONS) -> None:
        """Let a handshake be done, beside an earlier peer; the slots' SSRCs are 1000 and up, RTX after picture."""
        self._joined += 1
        negotiated = _negotiated(tuple(sections))
        self.numbers.setdefault(name, []).append(self._joined)
        self.path.add_peer(ParticipantId(name), self._joined, None, None, negotiated, self.now)

    def leave(self, name: str) -> None:
        """Let the oldest peer of somebody go, if there is one."""
        numbers = self.numbers.get(name)
        if numbers:
            self.path.remove_peer(numbers.pop(0))

    def plan(self, *shown: tuple[str, str, str, str]) -> None:
        """Show what is named: (publisher, kind, receiver, mid)."""
        plan: ForwardingPlan = {}
        for publisher, kind, receiver, mid in shown:
            source = SourceId(ParticipantId(publisher), kind)  # type: ignore[arg-type]  # a literal at every caller
            plan[source] = (*plan.get(source, ()), Output(ParticipantId(receiver), mid))
        self._plan = plan
        self.path.set_plan(plan, self.now)

    def steer(self) -> None:
        """Do what the pump does ten times a second: look, decide, order."""
        self.steering.hear(self.path.hear(), self.now)
        seen = self.path.look()
        self.path.steer(self.steering.decide(seen, self._plan, {}, self.now), self.now)

    def put(self, name: str, datagram: bytes) -> None:
        """Lay a datagram of the newest peer into the block; a whole block is taken in at once."""
        block = self.ingress
        at = block.count * STRIDE
        datagram = datagram[:LONGEST]
        block.buffer[at : at + len(datagram)] = datagram
        block.lengths[block.count], block.peers[block.count] = len(datagram), self.newest(name)
        block.count += 1
        if block.count == block.capacity:
            self.take()

    def take(self) -> None:
        """Take in what was put."""
        self.path.receive(self.now)

    def send(self, name: str, datagram: bytes) -> None:
        """Put one datagram and take it in."""
        self.put(name, datagram)
        self.take()

    def wait(self, seconds: float) -> None:
        """Move the clock, and do what the pump does with every tick."""
        self.now = Seconds(self.now + seconds)
        self.path.tick(self.now)
        self.steering.hear(self.path.hear(), self.now)

    def newest(self, name: str) -> int:
        """Tell the number of somebody's newest peer; 0 when there is none."""
        return (self.numbers.get(name) or [0])[-1]

    def peer(self, name: str) -> PeerPath:
        """Look at somebody's newest peer from inside."""
        return self.path._peers[self.newest(name)]

    def got(self, name: str) -> list[bytes]:
        """List the datagrams that left for somebody's newest peer."""
        number = self.newest(name)
        return [data for peer, data in self.wire.sent if peer == number]

    def media_for(self, name: str) -> list[tuple[int, int, bytes]]:
        """List (SSRC, sequence number, payload) of the RTP that left for a peer."""
        found = []
        for data in self.got(name):
            if not rtpwire.is_rtcp(data[1]):
                bounds = rtpwire.bounds(data, 0, len(data))
                assert bounds is not None
                _, _, sequence, _, ssrc = struct.unpack_from("!BBHII", data)
                found.append((ssrc, sequence, data[bounds[1] : bounds[2]]))
        return found

    def control_for(self, name: str) -> list[rtcpwire.Part]:
        """List the parts of the RTCP that left for a peer."""
        packets = [data for data in self.got(name) if rtpwire.is_rtcp(data[1])]
        return [part for one in packets for part in rtcpwire.read_rtcp(one, 0, len(one))]


def rtp(
    sequence: int, payload: bytes = DELTA, *, ssrc: int = CAMERA_SSRC, kind: int = VP8,
    timestamp: int = 0, elements: Sequence[tuple[int, bytes]] = (), first: int = 0x80,
) -> bytes:  # fmt: skip
    """Write an RTP packet; elements become a one-byte header extension (RFC 8285 §4.2)."""
    body = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in elements)
    body += bytes(-len(body) % 4)
    extension = struct.pack("!HH", 0xBEDE, len(body) // 4) + body if elements else b""
    head = struct.pack(
        "!BBHII", first | (0x10 if elements else 0), kind, sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF, ssrc,
    )  # fmt: skip
    return head + extension + payload


def red(before: bytes, newest: bytes) -> bytes:
    """Write a payload that carries the audio of 20 ms before once more (RFC 2198 §3)."""
    head = struct.pack("!BBHB", 0x80 | OPUS, 960 >> 6, (960 & 63) << 10 | len(before), OPUS)
    return head + before + newest


def padding_only(sequence: int, *, ssrc: int = CAMERA_SSRC, kind: int = VP8) -> bytes:
    """Write a packet that carries nothing but padding, as browsers probe with."""
    return rtp(sequence, b"\0\0\0\x04", ssrc=ssrc, kind=kind, first=0xA0)


def named(rid: str, mid: str = "cam", *, repaired: bool = False) -> tuple[tuple[int, bytes], ...]:
    """Write the elements that tell section and encoding, as `teleward_testing.sdp` numbers them."""
    return ((4, mid.encode()), (11 if repaired else 10, rid.encode()))


EXTENSION_URIS = {
    4: MID,
    10: RID,
    11: REPAIRED_RID,
    STAMP_ID: TRANSPORT_SEQUENCE,
    LEVEL_ID: AUDIO_LEVEL,
}
"""What the elements of these offers mean."""
