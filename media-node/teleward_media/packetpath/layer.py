"""What arrives: one encoding of one source, with its ring, its statistics and what is missing of it.

Source: RFC 3550 A.1, A.3, A.8 (sequence numbers, loss, jitter), RFC 4585 §6.2.1 (NACK).
"""

from typing import TYPE_CHECKING, NamedTuple

from teleward_contract.units import Seconds

from teleward_media.core.forwarding import SourceId
from teleward_media.core.keyframes import HIGH_FLOOR_S, LOW_FLOOR_S, KeyframeBroker
from teleward_media.core.offer import Codec
from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.payloads import READERS, Descriptor

if TYPE_CHECKING:
    from teleward_media.packetpath.slot import Slot

RING = 512
"""Packets kept per layer, a power of two: 2.6 s of 1.7 Mbit/s in packets of 1,100 bytes. Janus keeps half a second,
libwebrtc 600 packets (rtp_packet_history.h), mediasoup 600. It holds 0.9 MB at the most (`peer_path.py`)."""
_MASK = RING - 1
MAX_MISSING = 256
"""Packets asked for at a time; beyond it a keyframe is cheaper than repair. Ours: half of the ring, so that
answers still find their places. libwebrtc and mediasoup give up at 1,000 (kMaxNackPackets, MaxNackPackets)."""
MAX_TRIES = 10
"""Requests for one packet (mediasoup's MaxNackRetries; libwebrtc's kMaxNackRetries until it became 100)."""
REORDER_S = Seconds(0.01)
"""A gap this young may be reordering; it is not asked for yet. Ours: one tick (`run_path.TICK_S`); libwebrtc can be
told to wait up to 20 ms (WebRTC-SendNackDelayMs in nack_requester.cc)."""
MOST_RETRY_S = Seconds(1.0)
"""Between two requests for one packet, however long the round trip is said to be. Ours."""
LEAST_RETRY_S = Seconds(0.02)
"""Between two requests for one packet, however short the round trip is. Ours; libwebrtc's
NackPeriodicProcessor looks every 20 ms, too."""
MAX_LEVELS = 50
"""Audio levels held until somebody looks: a second of packets of 20 ms."""
VOICE_MOST_BPS, PICTURE_MOST_BPS = 1_200_000, 20_000_000
"""Of one stream, in payload, that is taken: Opus at its highest (510 kbit/s, RFC 6716 §2.1.1) with redundancy, and
more than twice any receiver's estimate (`core/estimate.MOST_BPS`). The lowest layer goes to receivers whatever their
paths carry, so that a publisher without a bound would flood all of them."""
BURST_S = 0.5
"""Of that rate at once: a keyframe, and what a publisher's own path held back. Ours."""
TOO_OLD = -1
"""No packet has this number."""


class Kept(NamedTuple):
    """One packet, as it is forwarded and found in the ring."""

    extended: int
    timestamp: int
    marker: int
    """0x80 or 0."""
    payload: bytes
    descriptor: Descriptor


class Layer:
    """One incoming SSRC. `extended` numbers are sequence numbers that do not wrap."""

    def __init__(
        self, peer: int, source: SourceId, index: int, ssrc: int, codec: Codec, red_type: int,
        level_id: int, sequence: int,
    ) -> None:  # fmt: skip
        self.peer = peer
        """Number of the peer that sends it."""
        self.source = source
        self.index = index
        """0 is the lowest encoding of its source."""
        self.ssrc = ssrc
        self.codec = codec.name
        self.payload_type = codec.payload_type
        self.red_type = red_type
        """Payload type under which it carries the last packets again (RFC 2198); -1 without."""
        self.read = READERS[codec.name]
        self.clock_rate = codec.clock_rate
        self.level_id = level_id
        """Header extension of the audio level; 0 without."""
        self.highest = self.base = sequence + 0x10000
        self.highest -= 1  # nothing has arrived yet
        self.payloads: list[bytes | None] = [None] * RING
        """The ring: by extended number, modulo its size. It and the lists beside it hold nothing that Python's garbage
        collector would look at again and again, which with a tuple for each packet cost 6 % of a media node's time."""
        self._numbers = [TOO_OLD] * RING
        self._timestamps = [0] * RING
        self._markers = [0] * RING
        self.missing: dict[int, list[float]] = {}
        """extended → [time of the next request, requests made]."""
        self.takers: list[Slot] = []
        """Slots that carry this layer now."""
        self.waiting: list[Slot] = []
        """Slots that will carry it from its next keyframe on."""
        self.keyframes = KeyframeBroker(HIGH_FLOOR_S if index else LOW_FLOOR_S)
        self.heard_at = self.framed_at = Seconds(float("-inf"))
        """When anything of it last arrived, and when the last packet of a frame did."""
        self.received = self.octets = self.repaired = self.looked = 0
        self.levels: list[int] = []
        """RFC 6464 levels in -dBov since the last look."""
        self.report: tuple[rtcpwire.SenderReport, Seconds] | None = None
        self.jitter = 0.0
        self._most_bytes_per_s = (
            VOICE_MOST_BPS if source.kind == "microphone" else PICTURE_MOST_BPS
        ) / 8
        self.may_bring = self._most_bytes_per_s * BURST_S
        """Bytes of payload that are taken until the next tick."""
        self._ask_at = 0.0
        """When the first of what is missing is due."""
        self._transit: float | None = None
        self._expected_before = self._received_before = 0

    def refill(self, since_s: float) -> None:
        """Let it bring again what time has brought."""
        most = self._most_bytes_per_s
        self.may_bring = min(most * BURST_S, max(0.0, self.may_bring) + most * since_s)

    def place(self, sequence: int, now: Seconds) -> int:
        """Tell which packet of the stream this is; `TOO_OLD` if it is known or nobody needs it any more."""
        ahead = (sequence - self.highest) & 0xFFFF
        if 0 < ahead < 0x8000:
            extended = self.highest + ahead
            if ahead > 1:
                self._lacks(self.highest + 1, extended, now)
            self.highest = extended
            return extended
        extended = self.highest - (-ahead & 0xFFFF)
        if extended <= self.highest - RING or extended < self.base:
            return TOO_OLD
        if self._numbers[extended & _MASK] == extended:
            return TOO_OLD
        self.missing.pop(extended, None)
        return extended

    def _lacks(self, first: int, end: int, now: Seconds) -> None:
        if self.source.kind == "microphone":
            return  # Opus conceals and corrects by itself; a late voice is of no use
        if len(self.missing) + end - first > MAX_MISSING:
            self.missing.clear()
            self.keyframes.is_wanted = bool(self.takers) or self.keyframes.is_wanted
            return
        due = now + REORDER_S
        self._ask_at = min(self._ask_at, due) if self.missing else due
        for extended in range(first, end):
            self.missing[extended] = [due, 0]

    def keep(self, kept: Kept) -> None:
        """Put a packet into the ring; a keyframe makes everything before it worthless."""
        extended, timestamp, marker, payload, descriptor = kept
        at = extended & _MASK
        self._numbers[at], self._timestamps[at] = extended, timestamp
        self._markers[at], self.payloads[at] = marker, payload
        if descriptor.keyframe and self.source.kind != "microphone":
            self.keyframes.arrived()
            if self.missing:
                self.missing = {e: m for e, m in self.missing.items() if e > extended}

    @property
    def expected(self) -> int:
        """Packets that its numbers say were sent so far."""
        return self.highest - self.base + 1

    def note_level(self, level: int) -> None:
        """Note an RFC 6464 level; nobody need ever look."""
        if len(self.levels) < MAX_LEVELS:
            self.levels.append(level)

    def empty(self) -> None:
        """Let go of all packets: slots remember what they carried, and need not remember what was in it."""
        self.payloads = [None] * RING
        self._numbers = [TOO_OLD] * RING

    def find(self, extended: int) -> Kept | None:
        """Look up a packet that may still be in the ring."""
        at = extended & _MASK
        payload = self.payloads[at]
        if payload is None or self._numbers[at] != extended:
            return None
        descriptor = self.read(payload, 0, len(payload))
        assert descriptor is not None  # it was read when it came
        return Kept(extended, self._timestamps[at], self._markers[at], payload, descriptor)

    def count(self, timestamp: int, size: int, now: Seconds) -> None:
        """Count one packet that came by itself, not as a repair."""
        self.received += 1
        self.octets += size
        self.heard_at = now
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            step = abs(transit - self._transit)
            if step < self.clock_rate:  # more is a wrapped or another clock, no jitter
                self.jitter += (step - self.jitter) / 16
        self._transit = transit

    def to_ask(self, now: Seconds, round_trip_s: float) -> list[int]:
        """List the packets to ask for now, ascending; they are asked again after a round trip."""
        if now < self._ask_at:
            return []
        oldest = self.highest - RING
        retry = now + min(MOST_RETRY_S, max(LEAST_RETRY_S, round_trip_s))
        asked = []
        for extended, state in list(self.missing.items()):
            if extended <= oldest or state[1] >= MAX_TRIES:
                del self.missing[extended]
            elif state[0] <= now:
                state[0], state[1] = retry, state[1] + 1
                asked.append(extended)
        self._ask_at = min((state[0] for state in self.missing.values()), default=0.0)
        return sorted(asked)

    def block(self, now: Seconds, also_lost: int = 0) -> rtcpwire.ReportBlock:
        """Make the report block since the last one; `also_lost` is what a receiver lost behind us, in 1/256."""
        expected = self.expected
        span, got = expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = expected, self.received
        lost = min(255, max(0, span - got) * 256 // span) if span > 0 else 0
        last, delay = 0, 0
        if self.report is not None:
            report, at = self.report
            last, delay = report.ntp >> 16 & 0xFFFFFFFF, int((now - at) * 65536)
        return rtcpwire.ReportBlock(
            self.ssrc, max(lost, also_lost), expected - self.received,
            self.highest - 0x10000, int(self.jitter), last, delay,
        )  # fmt: skip
