"""What leaves: one outgoing SSRC whose numbering goes on whoever appears in it.

A slot is a list of segments. Each says: from this outgoing number on I carry that layer, shifted by so
much. The last one is the present; the others answer for late packets and for what is asked for again, so
that nothing has to be written down per packet.

Source: RFC 3550 §5.1 (numbering), RFC 7741 §4.2 (PictureID, TL0PICIDX, KEYIDX go on without a gap),
RFC 3711 §3.3.1 (first sequence number below 2^15, so that a lost first packet cannot confuse the rollover counter).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from teleward_contract.units import Seconds

from teleward_media.core.answer import SlotSection
from teleward_media.core.forwarding import SourceId
from teleward_media.packetpath.layer import RING, Layer
from teleward_media.packetpath.payloads import Descriptor

REPEAT_FROM, REPEAT_S = 5, 20.0
"""Loss (2 %, in 1/256) from which a voice is repeated, and for how long after: redundancy doubles what it costs, and
losses come in spells. Ours: 2 % is `estimate.LITTLE_LOSS`."""
MAX_SEGMENTS = 64
"""Switches whose numbering is remembered; more of them within a ring is no call. Ours."""


class Last(NamedTuple):
    """VP8's numbers as they were sent last."""

    picture: int
    tl0: int
    key: int


@dataclass(slots=True)
class Segment:
    """A stretch of outgoing numbers that one layer fills. Shifts are added to the layer's own numbers."""

    layer: Layer
    first: int
    """First extended number of the layer that is in it."""
    sequence: int
    timestamp: int
    picture: int = 0
    tl0: int = 0
    key: int = 0
    end: int = 1 << 62
    """First extended number of the layer that is not in it any more."""
    renumbers: bool = field(init=False)
    """Whether VP8's numbers change, too."""

    def __post_init__(self) -> None:
        self.renumbers = bool(self.picture or self.tl0 or self.key)

    def numbers(self, descriptor: Descriptor) -> Last:
        """VP8's numbers as they are sent; -1 where there are none."""
        return Last(
            descriptor.picture + self.picture & 0x7FFF if descriptor.picture >= 0 else -1,
            descriptor.tl0 + self.tl0 & 0xFF if descriptor.tl0 >= 0 else -1,
            descriptor.key + self.key & 0x1F if descriptor.key >= 0 else -1,
        )


class Slot:
    """One receive position of one peer."""

    def __init__(
        self,
        peer: int,
        section: SlotSection,
        stamp_id: int,
        sequence: int,
        timestamp: int,
    ) -> None:
        self.peer = peer
        """Number of the peer that receives here."""
        self.section = section
        self.stamp_id = stamp_id
        """Header extension of the transport-wide sequence number; 0 without."""
        self.payload_types = {c.name: c.payload_type for c in reversed(section.codecs)}
        self.rtx_types = {c.apt: c.payload_type for c in section.codecs if c.is_rtx}
        self.clock_rate = 48000 if section.kind == "audio" else 90000
        self.source: SourceId | None = None
        self.wanted_index = 0
        """Layer to be carried if it is there; else the best one below it."""
        self.layer: Layer | None = None
        self.awaited: Layer | None = None
        """Layer that it will carry from its next keyframe on."""
        self.payload_type = 0
        self.repeats_until = Seconds(float("inf"))
        """Until when a voice is sent with redundancy: at first, and as long as its receiver reports losses."""
        self.segments: deque[Segment] = deque(maxlen=MAX_SEGMENTS)
        self.next = sequence + 0x10000
        """Next extended outgoing number."""
        self.rtx_next = sequence
        self.keyframe_at = 0
        """Extended outgoing number at which the last keyframe began."""
        self.last_timestamp = timestamp
        self.last_at = Seconds(0.0)
        self.newest: tuple[Segment, Descriptor] | None = None
        """How the newest packet with VP8's numbers was described, and the segment it went out in."""
        self.packets = self.octets = 0
        self.fraction_lost = 0
        """In 1/256, as last reported."""
        self.is_reported = False
        """Whether its receiver has reported at all."""
        self.jitter = 0
        """In units of the clock, as last reported."""
        self.resent: dict[int, Seconds] = {}
        """When what was asked for was last sent again, by its 16-bit number."""

    @property
    def present(self) -> Segment:
        """The segment that grows."""
        return self.segments[-1]

    @property
    def is_falling(self) -> bool:
        """Whether it waits for a lower layer because the present one is too much: mending it would be more still."""
        return bool(self.awaited and self.layer and self.awaited.index < self.layer.index)

    def red_type(self, layer: Layer, now: Seconds) -> int:
        """Payload type for the layer's redundant audio; -1 where it is not wanted or names another type inside."""
        is_fit = now < self.repeats_until and self.payload_types["opus"] == layer.payload_type
        return self.payload_types.get("red", -1) if is_fit else -1

    def note_report(self, fraction_lost: int, jitter: int, now: Seconds) -> None:
        """Note what the receiver reported: loss in 1/256, jitter in units of the clock."""
        self.fraction_lost, self.jitter, self.is_reported = fraction_lost, jitter, True
        if fraction_lost > REPEAT_FROM:
            self.repeats_until = Seconds(now + REPEAT_S)
        elif self.repeats_until == float("inf"):
            self.repeats_until = now

    def begin(
        self,
        layer: Layer,
        extended: int,
        timestamp: int,
        descriptor: Descriptor,
        out_timestamp: int,
    ) -> None:
        """Carry `layer` from this packet on, so that the receiver sees no seam."""
        self.wait_for(None)
        self.stop()
        last = self.newest[0].numbers(self.newest[1]) if self.newest else Last(-1, -1, -1)
        self.segments.append(
            Segment(
                layer=layer, first=extended, sequence=self.next - extended,
                timestamp=(out_timestamp - timestamp) & 0xFFFFFFFF,
                picture=_shift(last.picture, descriptor.picture) & 0x7FFF,
                tl0=_shift(last.tl0, descriptor.tl0) & 0xFF,
                key=_shift(last.key, descriptor.key) & 0x1F,
            )
        )  # fmt: skip
        self.layer = layer
        layer.takers.append(self)
        self.payload_type = self.payload_types[layer.codec]

    def skip(self, extended: int) -> None:
        """Leave a packet of the present layer out: what comes after it closes the gap."""
        now = self.segments[-1]
        if extended < now.first or extended + now.sequence < self.next:
            return  # late: its number is taken
        now.end = extended
        self.segments.append(
            Segment(
                now.layer, extended + 1, now.sequence - 1, now.timestamp,
                now.picture, now.tl0, now.key,
            )
        )  # fmt: skip

    def leap(self, extended: int) -> Segment:
        """Shrink a gap that nothing could fill any more to one packet, which tells the receiver that there was one.

        So the numbering cannot be driven past 2^15 unsent packets, from where on nobody could tell its rollover.
        """
        before = self.segments[-1]
        self._close()
        self.segments.append(
            Segment(
                before.layer, extended, self.next + 1 - extended, before.timestamp,
                before.picture, before.tl0, before.key,
            )
        )  # fmt: skip
        return self.segments[-1]

    def wait_for(self, layer: Layer | None) -> None:
        """Wait for a layer's next keyframe, or for none."""
        if self.awaited is not None:
            self.awaited.waiting.remove(self)
        self.awaited = layer
        if layer is not None:
            layer.waiting.append(self)

    def stop(self) -> None:
        """Carry nothing; what was sent can still be asked for as long as its source appears here."""
        if self.layer is None:
            return
        self._close()
        self.layer.takers.remove(self)
        self.layer = None

    def forget(self, peer: int) -> None:
        """Let go of every layer of a peer that is gone, and of their rings."""
        if self.awaited is not None and self.awaited.peer == peer:
            self.wait_for(None)
        if self.layer is not None and self.layer.peer == peer:
            self.stop()
        self.segments = deque((s for s in self.segments if s.layer.peer != peer), MAX_SEGMENTS)

    def _close(self) -> None:
        """Let no late packet take a number that has not been sent yet: it is somebody else's now."""
        for segment in self.segments:
            segment.end = min(segment.end, self.next - segment.sequence)

    def carrying(self, layer: Layer, extended: int) -> Segment | None:
        """Find the segment that a packet of the layer belongs to; None when it was never to be sent."""
        for segment in reversed(self.segments):
            if segment.layer is layer and segment.first <= extended < segment.end:
                return segment
        return None

    def asked(self, sequence: int) -> tuple[Segment, int] | None:
        """Find what was sent under a 16-bit number: its segment and its extended number in the layer.

        Of a source that does not appear here any more there is nothing: whoever is held gets no repair either.
        """
        number = self.next - ((self.next - sequence) & 0xFFFF)
        if self.next - number > RING:
            return None
        for segment in reversed(self.segments):
            extended = number - segment.sequence
            if extended >= segment.first:
                is_there = extended < segment.end and segment.layer.source == self.source
                return (segment, extended) if is_there else None
        return None

    def is_superseded(self, sequence: int) -> bool:
        """Whether a keyframe was sent after this 16-bit number, so that nothing before it is of use any more."""
        return self.next - ((self.next - sequence) & 0xFFFF) < self.keyframe_at


def _shift(last: int, first: int) -> int:
    return last + 1 - first if last >= 0 and first >= 0 else 0
