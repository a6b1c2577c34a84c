"""One connected peer as the packet path sees it: keys, layers in, slots out, and when its packets were sent.

Held for one peer at the most, whatever it sends: 7 rings (a voice, and three encodings of each of two pictures: to
`learning.py` no other SSRC is a layer, and RTX has no ring) of 512 packets (`layer.RING`) of 1.5 KB with 0.1 KB of
objects, 5.7 MB; what its layers lack, 0.3 MB; `HISTORY` and the feedback on it, 0.5 MB; arrivals, 0.1 MB; 48 slots
(`core/offer.MAX_SECTIONS`) of 64 segments (`slot.MAX_SEGMENTS`) of 0.3 KB, 1 MB. That is 7.6 MB, and 0.1 KB for each
packet that was sent to it again within a second. While a slot's segment remembers a layer that another SSRC has taken
over, of that one 50 KB stay. A participant has two peers at the most (`adapters/peers.MOST`).
"""

from collections import deque
from dataclasses import dataclass, field

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import Negotiated
from teleward_media.core.estimate import Probe
from teleward_media.core.forwarding import SourceId
from teleward_media.core.limiter import TokenBucket
from teleward_media.core.trend import Sent
from teleward_media.packetpath import twcc
from teleward_media.packetpath.layer import Layer
from teleward_media.packetpath.slot import Slot
from teleward_media.packetpath.srtp import SrtpContext

HISTORY = 4096
"""Sent packets whose time and size are remembered until feedback comes, a power of two: four seconds
of `estimate.MOST_BPS` in packets of 1,000 bytes. Ours."""
_MASK = HISTORY - 1
MAX_UNREPORTED = 1000
"""Arrivals held for the next feedback: 50 ms of a flood at 20,000 packets a second. More are dropped from it.
Ours."""
MEDIA_RATE, MEDIA_BURST = 4000, 1000
"""RTP packets a second, and at once, that one peer may send: three encodings, a screen and their repairs are 600 a
second; at 4,000 the Python path gives one peer a fifth of a core. Ours."""
CONTROL_RATE, CONTROL_BURST = 200, 100
"""RTCP packets a second, and at once: a browser sends 20 feedbacks, and NACKs and reports of twenty streams. Ours."""
MAX_SSRCS = 64
"""SSRCs that one peer may use: five times what it may publish. libsrtp keeps a stream for each, 360 bytes, in a list
that it looks through for every packet: with 12,000 one packet took 106 µs, measured."""
FLOODING_S = 10.0
"""Sending more than it may for this long is no accident any more: the participant is to be removed. Ours: a burst
that a path held back is over after a fraction of it."""
WISH_RATE, WISH_BURST = 0.5, 8.0
"""Keyframes a second that one receiver may cost a publisher: after a burst of losses, one every two seconds. Ours:
half of what the floor of a high layer lets through (`core/keyframes.py`)."""
MAX_SEAM = 100
"""Lost packets told of before the first one that arrived; more are a leap. Ours."""
NOTHING_YET = 1 << 62
"""No number: more than any that is ever reached. Ours."""
MAX_FEEDBACKS = 8
"""Feedback packets written at a time; 50 ms of a browser's packets need one. Ours."""
MOST_RESPONSE_S = 1.0
"""A response that is later says nothing about repairs: by then a keyframe has been asked for. Ours."""
DEFAULT_ROUND_TRIP_S = 0.1
"""Until a report tells (mediasoup's DefaultRtt)."""


@dataclass(slots=True)
class Tally:
    """Where the counts stood when the quality was last told."""

    at: Seconds = Seconds(0.0)
    received: int = 0
    expected: int = 0
    octets_in: int = 0
    octets_out: int = 0
    told: int = 0
    """Packets of which feedback told the fate, since then."""
    told_lost: int = 0


@dataclass(slots=True, eq=False)
class PeerPath:
    """One peer. Numbers ending in `_next` are extended; they go onto the wire modulo 2^16."""

    id: ParticipantId
    number: int
    receive: SrtpContext
    transmit: SrtpContext
    negotiated: Negotiated
    repair: TokenBucket
    """What its NACKs may still cost, in bytes."""
    wishes: TokenBucket
    """Keyframes that it may still ask for."""
    stamp_in: int
    """Header extension of the transport-wide sequence number in what it sends; 0 without."""
    layers: dict[int, Layer] = field(default_factory=dict)
    """By SSRC."""
    repairs: dict[int, Layer] = field(default_factory=dict)
    """By SSRC of RTX."""
    ssrcs: set[int] = field(default_factory=set)
    """SSRCs that it has used; libsrtp keeps a stream for each."""
    slots: dict[str, Slot] = field(default_factory=dict)
    slots_by_ssrc: dict[int, Slot] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    """Packets in the arena that wait for the end of this wake-up."""
    queue: deque[tuple[Slot, int]] = field(default_factory=deque)
    """Repairs that wait for their turn: slot and 16-bit number."""
    probe: Probe | None = None
    probed_bytes: int = 0
    response_s: float = 0.0
    """From sending a packet to hearing of it, with the queue that stands on the path, smoothed."""
    media_bps: float = 0.0
    """Rate of the new packets sent to it, smoothed."""
    paced_at: Seconds = Seconds(0.0)
    paced_octets: int = 0
    over_s: float = 0.0
    """For how long it has sent more than it may."""
    may_send: float = MEDIA_BURST
    """RTP packets that are taken until the next tick."""
    may_control: float = CONTROL_BURST
    """RTCP packets that are taken until the next tick."""
    is_alive: bool = False
    """Whether anything came since the last look that its keys opened."""
    forged: int = 0
    """Of those taken since the last tick, how many its keys did not open."""
    granted: float = MEDIA_BURST + CONTROL_BURST
    """How many could be taken since the last tick."""
    refilled_at: Seconds = Seconds(0.0)
    cap_bps: int = 0
    """What it may send in all; 0 until there was something to say."""
    remb_bps: int | None = None
    """What a receiver without transport-wide feedback says that it can take."""
    tally: Tally = field(default_factory=Tally)
    stamp_next: int = 0
    sent_at: list[Seconds] = field(default_factory=lambda: [Seconds(0.0)] * HISTORY)
    sent_size: list[int] = field(default_factory=lambda: [0] * HISTORY)
    feedback: Sent = field(default_factory=Sent)
    round_trip_s: float = DEFAULT_ROUND_TRIP_S
    has_round_trip: bool = False
    """Whether a report has told one."""
    clock_offset: float | None = None
    """Our NTP clock minus the peer's, in seconds, smoothed."""
    arrived: dict[int, int] = field(default_factory=dict)
    """Extended transport-wide sequence number → ticks, since the last feedback that we sent."""
    arrived_highest: int = -1
    feedback_count: int = 0
    told_until: int = NOTHING_YET
    """Extended number from which on our feedback has told nothing yet."""

    def layers_of(self, source: SourceId) -> list[Layer]:
        """The encodings of one source that have been heard, lowest first."""
        found = [layer for layer in self.layers.values() if layer.source == source]
        return sorted(found, key=lambda layer: layer.index)

    def refill(self, now: Seconds) -> None:
        """Let it send again what time has brought. Counting down is all that is done per packet.

        What others sent in its name costs it its share of the packet path's time, and never its place in the call.
        """
        since = now - self.refilled_at
        self.refilled_at = now
        taken = self.granted - max(0.0, self.may_send) - max(0.0, self.may_control)
        is_over = (self.may_send < 0 or self.may_control < 0) and self.forged < taken / 2
        self.may_send = min(MEDIA_BURST, max(0.0, self.may_send) + MEDIA_RATE * since)
        self.may_control = min(CONTROL_BURST, max(0.0, self.may_control) + CONTROL_RATE * since)
        self.forged, self.granted = 0, self.may_send + self.may_control
        for layer in self.layers.values():
            is_over = is_over or layer.may_bring < 0
            layer.refill(since)
        self.over_s = self.over_s + since if is_over else 0.0

    def note_sent(self, stamp: int, now: Seconds, size: int) -> None:
        """Remember when a packet was sent, under its extended transport-wide sequence number."""
        at = stamp & _MASK
        self.sent_at[at] = now
        self.sent_size[at] = size

    def note_arrival(self, sequence: int, now: Seconds) -> None:
        """Remember when a packet of this peer's transport arrived."""
        if self.arrived_highest < 0:
            extended = sequence + 0x10000
        else:
            ahead = (sequence - self.arrived_highest) & 0xFFFF
            extended = self.arrived_highest + (ahead if ahead < 0x8000 else ahead - 0x10000)
        if len(self.arrived) < MAX_UNREPORTED:
            self.arrived[extended] = int(now / twcc.TICK_S)
            if extended > self.arrived_highest:
                self.arrived_highest = extended

    def write_feedback(self, sender: int) -> list[bytes]:
        """Write transport-wide feedback of everything that arrived since the last."""
        parts: list[bytes] = []
        media = next(iter(self.layers), 0)
        numbers = sorted(self.arrived)
        while numbers and len(parts) < MAX_FEEDBACKS:
            # What was lost before the first that arrived is told, too: else losses at the seam of two would be none.
            base = max(numbers[0] - MAX_SEAM, min(numbers[0], self.told_until))
            within = [n for n in numbers if n - base < twcc.MAX_STATUSES]
            arrivals = [self.arrived.get(n) for n in range(base, within[-1] + 1)]
            part, told = twcc.write(sender, media, base, self.feedback_count, arrivals)
            self.feedback_count = (self.feedback_count + 1) & 0xFF
            parts.append(part)
            is_first = self.told_until == NOTHING_YET
            self.told_until = base + told if is_first else max(self.told_until, base + told)
            numbers = [n for n in numbers if n >= base + told]
        self.arrived.clear()
        return parts

    def take_feedback(self, heard: twcc.Feedback, now: Seconds) -> None:
        """Match the peer's feedback with what was sent; claims about anything else are passed over."""
        newest = None
        base = self.stamp_next - ((self.stamp_next - heard.base) & 0xFFFF)
        into = self.feedback
        for number, ticks in enumerate(heard.arrivals, base):
            if not self.stamp_next - HISTORY < number < self.stamp_next:
                continue
            at = number & _MASK
            size = self.sent_size[at]
            if size:
                self.tally.told += 1
                self.tally.told_lost += ticks is None
                newest = self.sent_at[at] if ticks is not None else newest
                into.sent_at.append(self.sent_at[at])
                into.arrived_at.append(None if ticks is None else ticks * twcc.TICK_S)
                into.sizes.append(size)
                self.sent_size[at] = 0
        if newest is not None:
            self.response_s += (min(MOST_RESPONSE_S, now - newest) - self.response_s) / 4
