"""A packet path, steering and one receiver behind a bad downlink, in time that is a number: minutes in seconds.

Ada publishes a voice and a picture; ben receives them through a `Link` and answers as a browser does: transport-wide
feedback each 50 ms, NACKs, a request for a keyframe when a picture cannot go on.
"""

import heapq
import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from teleward_contract.units import Seconds
from teleward_media.core.answer import TRANSPORT_SEQUENCE
from teleward_media.core.forwarding import Output, SourceId
from teleward_media.core.steering import EVERY_S, Steering
from teleward_media.packetpath import rtcpwire, rtpwire, twcc

from teleward_testing.impairment import Conditions, Link
from teleward_testing.path_world import ADA, BEN, CAMERA, OPUS, RTX, VOICE, VP8, World, named
from teleward_testing.sdp import audio, video

STAMP = (f"a=extmap:5 {TRANSPORT_SEQUENCE}",)
LADDER_BPS = (150_000.0, 500_000.0, 1_700_000.0)
"""The pages' three encodings."""
FPS = 30
PACKET_BYTES = 1100
UP_DELAY_S = 0.02
FEEDBACK_EVERY_S = 0.05
TICK_S = 0.01
KEYFRAME = 4.0
"""Times as large as another frame."""
PATIENCE_S = 0.2
"""A picture that waits for a packet for this long asks for a keyframe (libwebrtc's kMaxWaitForKeyFrame)."""


@dataclass
class Second:
    """What one second brought the receiver."""

    frames: int = 0
    bytes: int = 0
    voices: int = 0
    layer: int = -1
    """Highest layer whose frames were whole."""
    estimate_bps: float = 0.0
    longest_gap_s: float = 0.0
    """Between two whole frames."""


@dataclass
class _Layer:
    index: int
    bps: float
    ssrc: int
    sequence: int = 0
    frame: int = 0
    needs_keyframe: bool = True


@dataclass
class Receiver:
    """What arrives, put together to frames."""

    whole_at: list[tuple[float, int]] = field(default_factory=list)
    """(when, layer) of each whole frame."""
    arrived: dict[int, int] = field(default_factory=dict)
    """Extended transport-wide number → ticks."""
    highest: int = -1
    packets: dict[int, bytes] = field(default_factory=dict)
    """Extended number of the picture's slot → payload."""
    next: int = -1
    newest: int = -1
    missing: dict[int, float] = field(default_factory=dict)
    """Extended number → when it was asked for."""
    stuck_at: float | None = None
    voices: list[float] = field(default_factory=list)
    bytes: list[tuple[float, int]] = field(default_factory=list)
    waits_for_keyframe: bool = False


class Simulation:
    """Run with `until(seconds)`, which counts from the beginning; `down` may be given other conditions at any time."""

    def __init__(
        self, down: Conditions, *, ladder_bps: tuple[float, ...] = LADDER_BPS, seed: int = 7
    ) -> None:
        self.world = World(stamped=True)
        self.now = self._begun = float(self.world.now)
        self.down = Link(down, seed)
        self.steering = Steering()
        self.cap_bps = float("inf")
        self.receiver = Receiver()
        self.layers = [_Layer(n, bps, 300 + n) for n, bps in enumerate(ladder_bps)]
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._sent = 0
        self._stamps = 0
        self.seconds: list[Second] = []
        self._join()
        self._every(1 / FPS, self._frame)
        self._every(0.02, self._voice)
        self._every(TICK_S, self._tick)
        self._every(EVERY_S, self._steer)
        self._every(FEEDBACK_EVERY_S, self._feed_back)
        self._every(1.0, self._second)

    # -- time ----------------------------------------------------------------------------------

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (when, next(self._order), what))

    def until(self, when: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= self._begun + when:
            self.now, _, what = heapq.heappop(self._events)
            self.world.now = Seconds(self.now)
            what()
            self._carry()

    def _every(self, period: float, what: Callable[[], None]) -> None:
        def again() -> None:
            what()
            self.at(self.now + period, again)

        self.at(self.now + period, again)

    # -- ada -----------------------------------------------------------------------------------

    def _join(self) -> None:
        rids = tuple(f"r{n}" for n in range(len(self.layers)))
        simulcast = (
            *(f"a=rid:{rid} send" for rid in rids), f"a=simulcast:send {';'.join(rids)}", *STAMP,
        )  # fmt: skip
        self.world.join(
            ADA,
            audio("mic", "sendonly", "a=ssrc:10 cname:x", *STAMP),
            video("cam", "sendonly", *simulcast),
        )
        self.world.path.set_plan(self._plan(), self.world.now)

    @staticmethod
    def _plan() -> dict[SourceId, tuple[Output, ...]]:
        return {CAMERA: (Output(BEN, "v0"),), VOICE: (Output(BEN, "a0"),)}

    def _voice(self) -> None:
        self._sent += 1
        self._from_ada(OPUS, self._sent, int(self.now * 48000), 10, b"v" * 80, b"")

    def _frame(self) -> None:
        for layer in self.layers:
            self._encode(layer)

    def _encode(self, layer: _Layer) -> None:
        bps = (
            min(layer.bps, max(30_000.0, self.cap_bps - 50_000))
            if len(self.layers) == 1
            else layer.bps
        )
        size = bps / 8 / FPS
        key, layer.needs_keyframe = layer.needs_keyframe, False
        size *= KEYFRAME if key else 1
        packets = max(1, round(size / PACKET_BYTES))
        layer.frame += 1
        timestamp = int(self.now * 90000)
        for n in range(packets):
            first, last = n == 0, n == packets - 1
            head = bytes([0x90 if first else 0x80, 0x80]) + struct.pack(
                "!H", 0x8000 | layer.frame & 0x7FFF
            )
            body = bytes([0 if key or not first else 1, layer.index]) + bytes(
                max(1, int(size / packets) - 6)
            )
            extension = named(b"cam", f"r{layer.index}".encode())
            self._from_ada(
                VP8 | (0x80 if last else 0),
                layer.sequence,
                timestamp,
                layer.ssrc,
                head + body,
                extension,
            )
            layer.sequence += 1

    def _from_ada(
        self, kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, extension: bytes
    ) -> None:
        self.world.send(
            sequence, timestamp, ssrc=ssrc, kind=kind, payload=extension + payload,
            first=0x90 if extension else 0x80,
        )  # fmt: skip

    # -- the media node --------------------------------------------------------------------------

    def _tick(self) -> None:
        self.world.path.tick(self.world.now)
        if self.steering.hear(self.world.path.hear(), self.world.now):
            self._steer()

    def _steer(self) -> None:
        orders = self.steering.decide(self.world.path.look(), self._plan(), {}, self.world.now)
        self.world.path.steer(orders, self.world.now)

    def _carry(self) -> None:
        sent, self.world.wire.sent = self.world.wire.sent, []
        for who, data in sent:
            if who == ADA:
                self._to_ada(data)
            elif who == BEN and not rtpwire.is_rtcp(data[1]):
                arrival = self.down.carry(len(data) + 28, self.now)
                if arrival is not None:
                    self.at(arrival, lambda data=data: self._arrive(data))  # type: ignore[misc]  # binds now

    def _to_ada(self, data: bytes) -> None:
        for part in rtcpwire.read_rtcp(data, 0, len(data)) if rtpwire.is_rtcp(data[1]) else ():
            match part:
                case rtcpwire.KeyframeAsked(ssrc):
                    for layer in self.layers:
                        layer.needs_keyframe = layer.needs_keyframe or layer.ssrc == ssrc
                case rtcpwire.Remb(bps):
                    self.cap_bps = bps

    # -- ben -----------------------------------------------------------------------------------

    def _arrive(self, data: bytes) -> None:
        found = rtpwire.bounds(data, 0, len(data))
        assert found is not None
        extension, start, stop = found
        ben = self.receiver
        for identifier, at, length in rtpwire.extensions(data, extension, start):
            if identifier == 5 and length == 2:
                number = _extend(data[at] << 8 | data[at + 1], ben.highest)
                ben.highest = max(ben.highest, number)
                ben.arrived[number] = int(self.now / twcc.TICK_S)
        ben.bytes.append((self.now, len(data)))
        kind = data[1] & 0x7F
        if kind == OPUS:
            ben.voices.append(self.now)
        elif kind == RTX and stop - start > 2:
            self._picture(data[start] << 8 | data[start + 1], data[start + 2 : stop], data[1] >> 7)
        elif kind == VP8:
            self._picture(data[2] << 8 | data[3], data[start:stop], data[1] >> 7)

    def _picture(self, sequence: int, payload: bytes, marker: int) -> None:
        ben = self.receiver
        number = _extend(sequence, ben.newest)
        if ben.next < 0:
            ben.next = number
        if number < ben.next:
            return
        for lost in range(max(ben.next, ben.newest + 1), number):
            ben.missing.setdefault(lost, float("-inf"))
        ben.newest = max(ben.newest, number)
        ben.missing.pop(number, None)
        ben.packets[number] = payload + bytes([marker])
        self._assemble()

    def _assemble(self) -> None:
        ben = self.receiver
        at = ben.next
        frame: list[bytes] = []
        while (packet := ben.packets.get(at)) is not None:
            at += 1
            frame.append(packet)
            if packet[-1]:
                self._whole(frame)
                for done in range(ben.next, at):
                    del ben.packets[done]
                ben.next, frame = at, []
                ben.stuck_at = None
        if ben.packets and self._skip_to_keyframe():
            self._assemble()
        elif ben.packets and ben.stuck_at is None:
            ben.stuck_at = self.now

    def _whole(self, frame: list[bytes]) -> None:
        ben = self.receiver
        if ben.waits_for_keyframe and not _is_key(frame[0]):
            return
        ben.waits_for_keyframe = False
        ben.whole_at.append((self.now, frame[0][5]))

    def _feed_back(self) -> None:
        ben = self.receiver
        numbers = sorted(ben.arrived)
        if numbers:
            arrivals = [ben.arrived.get(n) for n in range(numbers[0], numbers[-1] + 1)]
            packet, _ = twcc.write(1, 2, numbers[0] & 0xFFFF, self._stamps, arrivals)
            self._stamps += 1
            ben.arrived.clear()
            self._from_ben(packet)
        self._ask()

    def _ask(self) -> None:
        ben = self.receiver
        due = [n for n, at in sorted(ben.missing.items()) if self.now - at > 0.1]
        for number in due:
            ben.missing[number] = self.now
        if due:
            self._from_ben(rtcpwire.write_nack(1, self.picture_ssrc(), [n & 0xFFFF for n in due]))
        if ben.stuck_at is not None and self.now - ben.stuck_at > PATIENCE_S:
            self._give_up()

    def _give_up(self) -> None:
        """Ask for a keyframe; what comes before the next one that is whole is not waited for."""
        ben = self.receiver
        self._from_ben(rtcpwire.write_pli(1, self.picture_ssrc()))
        ben.stuck_at = self.now
        ben.waits_for_keyframe = True

    def _skip_to_keyframe(self) -> bool:
        ben = self.receiver
        for start in sorted((n for n, p in ben.packets.items() if _is_key(p)), reverse=True):
            at = start
            while (packet := ben.packets.get(at)) is not None and not packet[-1]:
                at += 1
            if packet is None:
                continue
            ben.next = start
            ben.packets = {n: p for n, p in ben.packets.items() if n >= start}
            ben.missing = {n: at for n, at in ben.missing.items() if n >= start}
            return True
        return False

    def picture_ssrc(self) -> int:
        """The SSRC under which ben sees the picture."""
        return 1001

    def _from_ben(self, packet: bytes) -> None:
        self.at(self.now + UP_DELAY_S, lambda: self.world.control(BEN, packet))

    # -- what is looked at -----------------------------------------------------------------------

    def _second(self) -> None:
        ben, since = self.receiver, self.now - 1
        whole = [(at, layer) for at, layer in ben.whole_at if at > since]
        before = max((at for at, _ in ben.whole_at if at <= since), default=since)
        moments = [before, *(at for at, _ in whole), self.now]
        self.seconds.append(
            Second(
                frames=len(whole), bytes=sum(n for at, n in ben.bytes if at > since),
                voices=sum(at > since for at in ben.voices),
                layer=max((layer for _, layer in whole), default=-1),
                estimate_bps=self.steering.estimate_bps(BEN) or 0.0,
                longest_gap_s=max(b - a for a, b in itertools.pairwise(moments)),
            )
        )  # fmt: skip
        ben.bytes = [(at, n) for at, n in ben.bytes if at > since]


def _is_key(payload: bytes) -> bool:
    return bool(payload[0] & 0x10) and not payload[4] & 1


def _extend(number: int, highest: int) -> int:
    if highest < 0:
        return number + 0x10000
    ahead = (number - highest) & 0xFFFF
    return highest + (ahead if ahead < 0x8000 else ahead - 0x10000)
