"""What peers of one packet path can do in any order, and what must hold after each thing that they did.

`Peers` has moves and promises; hypothesis draws the moves by rules, atheris by the bytes of a script.
"""

import struct
from collections.abc import Callable

from teleward_contract.units import ParticipantId
from teleward_media.core.answer import SourceKind
from teleward_media.core.estimate import MOST_BPS
from teleward_media.core.forwarding import HIDDEN, Orders, Output
from teleward_media.core.keyframes import LOW_FLOOR_S
from teleward_media.packetpath import rtcpwire, rtpwire, twcc
from teleward_media.packetpath.repair import REPAIR_BURST_S, REPAIR_SHARE

from teleward_testing.fuzzing import bounds
from teleward_testing.packet_call import (
    CAMERA_RTX_SSRC,
    CAMERA_SSRC,
    LEVEL_ID,
    MIC_SSRC,
    OPUS,
    PLAIN_SECTIONS,
    RED,
    RTX,
    SIMULCAST_SECTIONS,
    STAMP_ID,
    VP8,
    PacketCall,
    named,
    padding_only,
    red,
    rtp,
)

PEOPLE = ("ada", "ben", "eve")
MIDS = ("v0", "v1", "a0")
SHAPES = (PLAIN_SECTIONS, SIMULCAST_SECTIONS, PLAIN_SECTIONS[2:])
"""A camera, three encodings of one, nothing to send."""
STREAMS = (
    ("camera", "camera", "camera", "microphone"),
    ("h", "m", "l", "microphone"),
    ("camera",) * 4,
)
"""What a peer of each shape sends; the last one has no right to."""
SSRCS = {"microphone": MIC_SSRC, "camera": CAMERA_SSRC, "h": 31, "m": 32, "l": 33}
HEADS = (b"\x10\x00", b"\x10\x01", b"\x90\xf0\x80\x07\x09\x21\x00", b"\x90\xe0\x05\x09\x20\x01")
"""VP8 as a keyframe and not, without numbers, with long and with short ones."""
STEPS = (1, 1, 1, 2, 3, 6, 20, 300, 600, 3000, 0x7FFF, 0, -1, -2, -40, -600)
"""From the highest number of a stream to the next: gaps, leaps, twice, late, too late."""
WAITS_S = (0.0, 0.005, 0.02, 0.06, 0.3, 1.1, 30.0, 86_400.0)
SIZES = (0, 1, 40, 1400, 1500)
SLOT_SSRC = {"a0": 1000, "v0": 1001, "v1": 1003}
RTX_SSRC = {1002: "v0", 1004: "v1"}
_MID_OF = {ssrc: mid for mid, ssrc in SLOT_SSRC.items()} | RTX_SSRC
_START = 65_500
"""Where numbers begin: the wrap is near."""
PROBE_BYTES_PER_S = MOST_BPS / 8 * 0.06 / 3
"""60 ms of the highest estimate every three seconds (`estimate.PROBE_S`, `PROBE_EVERY_S`)."""


class Peers:
    """The packet path, and what its peers remember of each other."""

    def __init__(self) -> None:
        self.call = PacketCall()
        self._plan: dict[Output, tuple[str, SourceKind]] = {}
        self._ever: dict[tuple[int, str], set[str]] = {}
        """(receiving peer, slot) → whom the plan showed there while the peer was there."""
        self._at: dict[tuple[int, str], int] = {}
        """(sending peer, stream) → its highest number."""
        self._skipped: dict[tuple[int, str], list[int]] = {}
        """(sending peer, stream) → numbers that were left out and may come late."""
        self._owner: dict[int, str] = {}
        self._shape: dict[int, int] = {}
        self._joined_at: dict[int, float] = {}
        self._repaired: dict[int, int] = {}
        self._asked_at: dict[tuple[int, int], float] = {}
        self._seen = 0
        for name in PEOPLE:
            self._join(name, 0)
        self.turn("ada", "ben", "v0")

    # -- moves: who is there, who is shown -----------------------------------------------------

    def come_or_go(self, name: str, shape: int | None) -> None:
        """Let a participant's oldest peer go, or a further one come."""
        if shape is None or len(self.call.numbers.get(name, ())) == 2:
            self.call.leave(name)
        if shape is not None:
            self._join(name, shape)

    def _join(self, name: str, shape: int) -> None:
        self.call.join(name, SHAPES[shape])
        number = self.call.newest(name)
        self._owner[number], self._shape[number], self._joined_at[number] = (
            name,
            shape,
            self.call.now,
        )
        self._note_plan()

    def show(self, publisher: str | None, receiver: str, mid: str) -> None:
        """Show somebody's camera or microphone in a slot, or nobody."""
        to = Output(ParticipantId(receiver), mid)
        self._plan.pop(to, None)
        if publisher is not None:
            self._plan[to] = publisher, "microphone" if mid == "a0" else "camera"
        rows = [(who, kind, str(to.participant), to.mid) for to, (who, kind) in self._plan.items()]
        self.call.plan(*rows)
        self._note_plan()

    def _note_plan(self) -> None:
        for to, (who, _) in self._plan.items():
            for number in self.call.numbers.get(str(to.participant), ()):
                self._ever.setdefault((number, to.mid), set()).add(who)

    def turn(self, publisher: str, receiver: str, mid: str) -> None:
        """Show somebody, from whom a keyframe comes at once."""
        self.show(publisher, receiver, mid)
        self.publish(publisher, 3 if mid == "a0" else 0, 0, [1], 1, 1)

    def steer(self, receiver: str, mid: str, index: int | None) -> None:
        """Choose a layer, or let steering choose by what was seen."""
        if index is None:
            self.call.steer()
        else:
            orders = Orders(layers=[(Output(ParticipantId(receiver), mid), index)])
            self.call.path.steer(orders, self.call.now)

    # -- moves: media --------------------------------------------------------------------------

    def publish(
        self, name: str, which: int, head: int, steps: list[int], times: int, size: int
    ) -> None:
        """Send some packets of one stream: in order, with gaps, late, twice, over the wrap, too long."""
        stream = self._stream(name, which)
        for step in steps * times:
            sequence = self._sequence(name, stream, step)
            self.call.put(name, self._packet(name, stream, sequence, HEADS[head], size))
        self.call.take()

    def publish_late(self, name: str, which: int, head: int, count: int) -> None:
        """Send what was left out, the latest of it."""
        stream = self._stream(name, which)
        skipped = self._skipped.get((self.call.newest(name), stream), [])
        late = skipped[-count:]
        del skipped[-count:]
        for sequence in late:
            self.call.put(name, self._packet(name, stream, sequence, HEADS[head], 1))
        self.call.take()

    def pad(self, name: str, which: int, step: int, then: int | None) -> None:
        """Send padding alone; then a payload under the same number, or none at all."""
        stream = self._stream(name, which)
        sequence = self._sequence(name, stream, step)
        self.call.send(name, padding_only(sequence, ssrc=SSRCS[stream]))
        self.call.send(name, padding_only(sequence, ssrc=SSRCS[stream], kind=OPUS))
        if then is not None:
            self.call.send(name, self._packet(name, stream, sequence, HEADS[then], 1))

    def break_payload(self, name: str, step: int, original: int) -> None:
        """Send a payload that ends in its descriptor, and a repair of any number."""
        sequence = self._sequence(name, "camera", step)
        self.call.send(name, rtp(sequence, b"\x90\xff\xff", ssrc=CAMERA_SSRC))
        body = struct.pack("!H", original) + HEADS[1] + f"{name} camera ".encode()
        self.call.send(name, rtp(original, body, ssrc=CAMERA_RTX_SSRC, kind=RTX))

    def claim_names(self, name: str, rid: str, mid: str) -> None:
        """Send under an SSRC of nobody, and under one of ours, with names that were perhaps never negotiated."""
        for ssrc in (77, SLOT_SSRC["v0"]):
            body = HEADS[0] + f"{name} camera ".encode()
            self.call.send(name, rtp(1, body, ssrc=ssrc, elements=named(rid, mid)))

    def _stream(self, name: str, which: int) -> str:
        return STREAMS[self._shape.get(self.call.newest(name), 2)][which]

    def _sequence(self, name: str, stream: str, step: int) -> int:
        key = self.call.newest(name), stream
        before = self._at.get(key, _START)
        if 1 < step < 50:
            self._skipped.setdefault(key, []).extend(range(before + 1, before + step))
        self._at[key] = max(before, before + step)
        return before + step

    def _packet(self, name: str, stream: str, sequence: int, head: bytes, size: int) -> bytes:
        elements: tuple[tuple[int, bytes], ...] = (
            (STAMP_ID, struct.pack("!H", sequence & 0xFFFF)),
        )
        if stream in ("h", "m", "l"):
            elements = (*named(stream), *elements)
        if stream == "microphone":
            elements = (*elements, (LEVEL_ID, b"\x07"))
        kind, payload = VP8, head + f"{name} {stream} {sequence} ".encode() + bytes(size)
        if stream == "microphone":
            kind = RED if sequence & 1 else OPUS
            payload = red(payload[:600], payload) if kind == RED else payload
        return rtp(
            sequence, payload, ssrc=SSRCS[stream], kind=kind, timestamp=sequence * 3000,
            elements=elements,
        )  # fmt: skip

    # -- moves: control ------------------------------------------------------------------------

    def ask_again(self, name: str, mid: str, back: list[int], times: int) -> None:
        """Ask for packets so far behind the newest, in a storm or once."""
        newest = self.call.peer(name).slots[mid].next if self.call.newest(name) else 0
        nack = rtcpwire.write_nack(1, SLOT_SSRC[mid], [(newest - b) & 0xFFFF for b in back])
        for _ in range(times):
            self.call.put(name, nack)
        self.call.take()

    def ask_keyframe(self, name: str, mid: str, times: int) -> None:
        """Ask for keyframes, twenty in a datagram."""
        for _ in range(times):
            self.call.put(name, rtcpwire.write_pli(1, SLOT_SSRC[mid]) * 20)
        self.call.take()

    def claim_arrivals(self, name: str, base: int, ticks: list[int | None]) -> None:
        """Tell feedback of packets by chance, and of the latest."""
        if self.call.newest(name):
            latest = self.call.peer(name).stamp_next
            for first in (base, max(0, latest - 10)):
                self.call.send(name, twcc.write(1, 2, first, 0, [1 << 22, *ticks])[0])

    def report(self, name: str, ntp: int, word: int, ssrc: int) -> None:
        """Tell clocks, losses and bandwidths by chance."""
        block = rtcpwire.ReportBlock(ssrc, 255, -1, word, word, word, ntp & 0xFFFFFFFF)
        self.call.send(name, rtcpwire.write_sr(ssrc, ntp, word, 0, 0, [block]))
        self.call.send(name, rtcpwire.write_remb(1, ntp >> 8, [ssrc]))

    def send_anything(self, name: str, data: bytes) -> None:
        """Send bytes, and bytes that begin as RTP and RTCP do."""
        for datagram in (data, b"\x80" + data, b"\x80\xcd" + data):
            self.call.send(name, datagram)

    def pass_time(self, seconds: float, ticks: int) -> None:
        """Let the clock go on in some ticks."""
        for _ in range(ticks):
            self.call.wait(seconds)
            self.check()  # what left now is judged by this time

    # -- promises ------------------------------------------------------------------------------

    def check(self) -> None:
        """Check everything that left since the last time, and every bound.

        Raises:
            AssertionError: A promise is broken.
        """
        bounds.check(self.call)
        fresh, self._seen = self.call.wire.sent[self._seen :], len(self.call.wire.sent)
        for peer, data in fresh:
            if rtpwire.is_rtcp(data[1]):
                self._check_control(peer, data)
            else:
                self._check_media(peer, data)

    def _check_control(self, peer: int, data: bytes) -> None:
        for part in rtcpwire.read_rtcp(data, 0, len(data)):
            if isinstance(part, rtcpwire.KeyframeAsked):
                before = self._asked_at.get((peer, part.ssrc), float("-inf"))
                assert self.call.now - before >= LOW_FLOOR_S, "asked for a keyframe too soon"
                self._asked_at[peer, part.ssrc] = self.call.now

    def _check_media(self, peer: int, data: bytes) -> None:
        found = rtpwire.bounds(data, 0, len(data))
        assert found is not None
        ssrc = int.from_bytes(data[8:12], "big")
        mid, payload = _MID_OF[ssrc], data[found[1] : found[2]]
        if ssrc in RTX_SSRC:
            self._check_budget(peer, len(payload))
            payload = payload[2:]
        elif data[1] & 0x7F == RED:
            payload = payload[5 + (int.from_bytes(payload[2:4], "big") & 0x3FF) :]
        head = next((head for head in HEADS if head[:2] == payload[:2]), None)
        if head is None:
            return  # a probe of padding
        publisher, stream = payload[len(head) :].decode(errors="replace").split(" ")[:2]
        assert publisher in self._ever[peer, mid], "somebody was never shown here"
        kind = "microphone" if stream == "microphone" else "camera"
        to = Output(ParticipantId(self._owner[peer]), mid)
        assert self._plan.get(to) == (publisher, kind), "somebody is not shown here any more"

    def _check_budget(self, peer: int, size: int) -> None:
        self._repaired[peer] = self._repaired.get(peer, 0) + size
        since = self.call.now - self._joined_at[peer]
        allowed = REPAIR_SHARE * MOST_BPS / 8 * (REPAIR_BURST_S + since)
        assert self._repaired[peer] <= allowed + PROBE_BYTES_PER_S * (since + 3), (
            "a storm was answered"
        )


# -- moves by bytes ------------------------------------------------------------------------------------


class _Reader:
    """Draws choices from bytes; nought when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_empty(self) -> bool:
        return self._at >= len(self._data)

    def number(self, size: int = 1) -> int:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken, "big")

    def name(self) -> str:
        return PEOPLE[self.number() % 3]

    def mid(self) -> str:
        return MIDS[self.number() % 3]

    def step(self) -> int:
        return STEPS[self.number() % len(STEPS)]

    def maybe(self, most: int) -> int | None:
        drawn = self.number() % (most + 1)
        return drawn - 1 if drawn else None


_MOVES: tuple[Callable[[Peers, _Reader], None], ...] = (
    lambda p, r: p.come_or_go(r.name(), r.maybe(3)),
    lambda p, r: p.turn(r.name(), r.name(), r.mid()),
    lambda p, r: p.turn(r.name(), r.name(), r.mid()),
    lambda p, r: p.show((*PEOPLE, None)[r.number() & 3], r.name(), r.mid()),
    lambda p, r: p.steer(r.name(), r.mid(), (None, HIDDEN, 0, 1, 2)[r.number() % 5]),
    lambda p, r: p.publish(r.name(), r.number() & 3, r.number() & 3, [r.step(), r.step()], 1, SIZES[r.number() % 5]),
    lambda p, r: p.publish(r.name(), r.number() & 3, r.number() & 3, [r.step()], 30, 1),
    lambda p, r: p.publish_late(r.name(), r.number() & 3, r.number() & 3, 1 + r.number() % 20),
    lambda p, r: p.pad(r.name(), r.number() & 3, r.step(), r.maybe(4)),
    lambda p, r: p.break_payload(r.name(), r.step(), r.number(2)),
    lambda p, r: p.claim_names(r.name(), ("h", "x", "\0", "hm")[r.number() & 3], ("cam", "v0", "no")[r.number() % 3]),
    lambda p, r: p.ask_again(r.name(), r.mid(), [r.number() & 15, r.number(), r.number(2)], (1, 1, 20)[r.number() % 3]),
    lambda p, r: p.ask_keyframe(r.name(), r.mid(), 1 + r.number() % 40),
    lambda p, r: p.claim_arrivals(r.name(), r.number(2), [r.number(4) << (r.number() & 7), None, r.number()]),
    lambda p, r: p.report(r.name(), r.number(8), r.number(4), (10, 20, 31, 1001)[r.number() & 3]),
    lambda p, r: p.pass_time(WAITS_S[r.number() & 7], 1 + (r.number() & 3)),
)  # fmt: skip
MOST_MOVES = 80


def states(script: bytes) -> None:
    """Do what the bytes say, and check after each move."""
    peers, reader = Peers(), _Reader(script)
    peers.check()
    for _ in range(MOST_MOVES):
        if reader.is_empty:
            return
        _MOVES[reader.number() % len(_MOVES)](peers, reader)
        peers.check()


def scripts() -> list[bytes]:
    """Scripts to begin with: a storm, a gap with padding and a change of publisher and back, one of each move."""
    return [
        bytes([5, 0, 0, 1, 4, 0, 1, 11, 1, 0, 1, 2, 0, 0, 2, 15, 3, 1]),
        bytes([8, 0, 0, 5, 0, 1, 2, 1, 0, 1, 0, 1, 0, 7, 0, 0, 1, 9]),
        b"".join(bytes([move]) + bytes(range(1, 9)) for move in range(len(_MOVES))),
    ]
