"""A packet path of three people whose keys change nothing, and what it sent; time is a number."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.answer import TRANSPORT_SEQUENCE, negotiate
from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.core.forwarding import Output, SourceId
from teleward_media.core.offer import parse_offer
from teleward_media.packetpath import rtcpwire, rtpwire
from teleward_media.packetpath.reference import ReferencePath

from teleward_testing.sdp import audio, offer, video

ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))
CAMERA, VOICE = SourceId(ADA, "camera"), SourceId(ADA, "microphone")
VP8, OPUS, RTX = 96, 111, 97


class Plain:
    """Keys that change nothing; packets whose payload begins with `forged` are refused."""

    def __init__(self, session: object, block: Datagrams) -> None:
        self.session, self.block = session, block

    def unprotect(self, at: int, length: int) -> int:
        return 0 if self.block.buffer[at + 12 : at + 18] == b"forged" else length

    unprotect_rtcp = unprotect

    def protect(self, at: int, length: int) -> int:
        return 0 if self.session == "exhausted" else length

    protect_rtcp = protect


FRAME = b"\x10\x00frame"
"""A VP8 payload without numbering: the first packet of a keyframe."""
DELTA = b"\x10\x01delta"


@dataclass
class Wire:
    """What leaves; peers are numbered in the order in which they join."""

    people: list[ParticipantId] = field(default_factory=list)
    sent: list[tuple[ParticipantId, bytes]] = field(default_factory=list)
    sizes: list[list[int]] = field(default_factory=list)
    """Sizes of what left together."""

    gathered: list[tuple[int, Datagrams, Sequence[int]]] = field(default_factory=list)

    def send(self, peer: int, block: Datagrams, indexes: Sequence[int]) -> None:
        self.gathered.append((peer, block, indexes))

    def flush(self) -> None:
        for peer, block, indexes in self.gathered:
            self.sizes.append([block.lengths[index] for index in indexes])
            for index in indexes:
                at = index * STRIDE
                packet = bytes(block.view[at : at + block.lengths[index]])
                self.sent.append((self.people[peer], packet))
        self.gathered.clear()


@dataclass
class World:
    stamped: bool = False
    wire: Wire = field(default_factory=Wire)
    counted: dict[str, int] = field(default_factory=dict)
    now: Seconds = Seconds(100)

    def __post_init__(self) -> None:
        self.ingress = Datagrams(64)
        self.path = ReferencePath(self.ingress, self.wire, self._count, Plain)
        for who in (ADA, BEN, CAM):
            self.join(who)

    def _count(self, what: str, n: int) -> None:
        self.counted[what] = self.counted.get(what, 0) + n

    def join(
        self, who: ParticipantId, *sections: tuple[str, ...], transmit: object = None
    ) -> None:
        """Join in place of an earlier peer of the same participant."""
        self.leave(who)
        self.join_beside(who, *sections, transmit=transmit)

    def join_beside(
        self, who: ParticipantId, *sections: tuple[str, ...], transmit: object = None
    ) -> None:
        stamp = (f"a=extmap:5 {TRANSPORT_SEQUENCE}",) if self.stamped else ()
        sections = sections or (
            audio("mic", "sendonly", "a=ssrc:10 cname:x", *stamp),
            video("cam", "sendonly", "a=ssrc:20 cname:x", *stamp),
            audio("a0", "recvonly", *stamp),
            video("v0", "recvonly", *stamp),
        )
        numbers = iter(range(1000, 1100))
        negotiated = negotiate(parse_offer(offer(*sections)), lambda: next(numbers))
        number = len(self.wire.people)
        self.wire.people.append(who)
        self.path.add_peer(who, number, None, transmit, negotiated, self.now)

    def leave(self, who: ParticipantId) -> None:
        for number, one in enumerate(self.wire.people):
            if one == who:
                self.path.remove_peer(number)

    def show(self, *who: ParticipantId, source: SourceId = CAMERA, mid: str = "v0") -> None:
        plan = {source: tuple(Output(one, mid) for one in who)} if who else {}
        self.path.set_plan(plan, self.now)

    def put(self, who: ParticipantId, packet: bytes, peer: int | None = None) -> None:
        """Lay a datagram of the participant's newest peer into the block; it is taken in with the next `take`."""
        block = self.ingress
        at = block.count * STRIDE
        block.buffer[at : at + len(packet)] = packet
        block.lengths[block.count] = len(packet)
        numbers = [n for n, one in enumerate(self.wire.people) if one == who]
        block.peers[block.count] = max(numbers, default=99) if peer is None else peer
        block.count += 1

    def take(self) -> None:
        self.path.receive(self.now)

    def send(self, sequence: int, timestamp: int = 0, *, ssrc: int = 20, kind: int = VP8,
             who: ParticipantId = ADA, payload: bytes = FRAME, first: int = 0x80,
             peer: int | None = None) -> None:  # fmt: skip
        packet = struct.pack(
            "!BBHII", first, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
        )
        self.put(who, packet + payload, peer)
        self.take()

    def control(self, who: ParticipantId, packet: bytes) -> None:
        self.put(who, packet)
        self.take()

    def wait(self, seconds: float) -> None:
        """Let time pass as the pump does."""
        self.now = Seconds(self.now + seconds)
        self.path.tick(self.now)

    def media_for(self, who: ParticipantId) -> list[tuple[int, int, int, int, bytes]]:
        """(payload type, sequence, timestamp, ssrc, payload) of the RTP that somebody got."""
        found = []
        for receiver, data in self.wire.sent:
            if receiver == who and not rtpwire.is_rtcp(data[1]):
                _, kind, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
                bounds = rtpwire.bounds(data, 0, len(data))
                assert bounds is not None
                payload = data[bounds[1] : bounds[2]]
                found.append((kind & 0x7F, sequence, timestamp, ssrc, payload))
        return found

    def control_for(self, who: ParticipantId) -> list[rtcpwire.Part]:
        return [
            part
            for receiver, data in self.wire.sent
            if receiver == who and rtpwire.is_rtcp(data[1])
            for part in rtcpwire.read_rtcp(data, 0, len(data))
        ]

    def keyframes_asked(self) -> int:
        return sum(isinstance(part, rtcpwire.KeyframeAsked) for part in self.control_for(ADA))


def named(mid: bytes, rid: bytes, *, number: int = 10) -> bytes:
    """Write a header extension with MID and (repaired) RID."""
    body = bytes([0x40 | len(mid) - 1]) + mid + bytes([number << 4 | len(rid) - 1]) + rid
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0xBEDE, len(body) // 4) + body
