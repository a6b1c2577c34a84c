"""How much one receiver's path can carry: delay and loss of what was sent become a bitrate.

When the path's queue grows, arrivals spread further apart than departures: the trend of that difference says so
before anything is lost. Then the estimate falls below what got through, and grows again while the trend is flat;
a probe, a short burst above the estimate, tells at once whether there is room.

Source: draft-ietf-rmcat-gcc-02, "gcc" below (§5 delay-based and §6 loss-based control, AIMD of §5.5); the rules by
which a probe is judged are those of libwebrtc (probe_bitrate_estimator.cc). The whole loop was judged by simulation
(docs/adr/0012).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from teleward_contract.units import Seconds

from teleward_media.core.trend import GROUP_S, STANDING_S, DelayTrend, Sent, Usage

START_BPS = 1_000_000
"""Until something is known: what a call of two can live on. Ours; libwebrtc begins at 300 kbit/s."""
LEAST_BPS = 60_000
"""A voice and a breath; the lowest picture is sent whatever the estimate. Ours."""
MOST_BPS = 8_000_000
"""More than nine pictures and a screen can use. Ours."""

DECREASE, LEAST_DECREASE = 0.85, 0.5
"""Of what got through (gcc §5.5), less what empties the queue that stands within a second, but no less than half: the
queue's part is ours."""
INCREASE_PER_S = 1.08
"""Growth far from the rate at which the queue last grew (gcc §5.5)."""
NEAR = 0.1
"""Within this share of the rate at which the queue last grew, the estimate grows by a packet per response time. The
share is ours; gcc §5.5 has three standard deviations of that rate."""
PACKET_BITS = 1200 * 8
"""Of that packet (gcc §5.5, which grows by half of it)."""
ROUTE_AFTER_S, SAME_DELAY = 0.3, 0.95
"""A delay that after a decrease, a round trip and this long is the same within this share, while nothing is lost, is
that of a longer route (Wi-Fi to a phone's network): a queue would have grown or shrunk. Ours."""
SERIES_S = 2.0
"""Decreases within this long of the first one are judged by it. Ours: room for that wait on a slow path."""
ACKED_WINDOW_S = 0.5
"""Over which what got through is measured (gcc §5.5: 0.5 to 1 s)."""
MAX_ACKED = 100
"""Feedbacks that the window holds, whatever times a receiver claims: one each 5 ms."""
HEADROOM = 1.5
"""The estimate does not outgrow this multiple of what demonstrably got through (gcc §5.5)."""

LITTLE_LOSS, MUCH_LOSS = 0.02, 0.10
"""Below the first the estimate may grow, above the second it falls by half of the loss (gcc §6)."""
LOSS_WINDOW_PACKETS, LOSS_SMOOTHING = 20, 0.3
"""Packets over which loss is counted, at the least (libwebrtc's kLimitNumPackets); weight of the newest (ours)."""
LOSS_PATIENCE_S = 0.3
"""After a decrease by loss, until the next one: besides a round trip (libwebrtc's kBweDecreaseInterval)."""
JUDGE_LOSS_S = 1.0
"""From a round trip after a decrease by loss until it is judged: by then a loss of congestion has fallen, too. Ours."""
SAME_LOSS, LESS = 0.75, 0.9
"""Loss that is still the first share of what it was before the decrease, while what gets through has fallen to the
second, is the path's own, as on bad Wi-Fi, and no sign of congestion. The shares are ours;
libwebrtc's loss-based estimate (loss_based_bwe_v2.cc) fits an inherent loss, too."""

PROBE_FACTOR = 2.0
"""Of the estimate, that a probe may try (libwebrtc's alr_probe_scale)."""
PROBE_S = 0.05
"""Length of a probe: five ticks. Ours; libwebrtc's has 15 ms at the least (kMinProbeDurationMs)."""
PROBE_EVERY_S, MOST_PROBE_EVERY_S = Seconds(3.0), Seconds(6.0)
"""Between two probes, and between two that found nothing. Ours; libwebrtc's alr_probing_interval is five seconds."""
PROBE_GAIN = 1.05
"""A probe that finds less than this multiple of the estimate has found nothing. Ours."""
PROBE_ON = 0.7
"""Share of a probe's rate that must have got through for the next one to follow at once (libwebrtc's
kRepeatedProbeMinPercentage)."""
PROBE_PATIENCE_S = 2.0
"""A probe of which feedback tells nothing for this long has failed. Ours; libwebrtc waits half as long
(kMaxWaitingTimeForProbingResult)."""
PROBE_AFTER_DECREASE_S = Seconds(1.5)
"""Ours: the second in which a decrease empties the queue, and `ACKED_WINDOW_S`."""
LEAST_PROBE_PACKETS = 5
"""That arrived, for a probe to be judged (libwebrtc's kMinProbePacketsSent)."""
SATURATED, SATURATED_SHARE = 0.9, 0.95
"""What arrives at less than the first share of its sending rate has filled the path; of its rate the second share is
taken (libwebrtc's kMinRatioForUnsaturatedLink and kTargetUtilizationFraction)."""

SILENCE_S, SILENCE_SHARE, SILENCE_EVERY_S = 3.0, 0.8, 1.0
"""Packets of which nothing is told for the first long may not arrive: then the estimate falls to the second share of
itself, each third (libwebrtc's RttBasedBackoff in send_side_bandwidth_estimation.cc: rtt_limit, drop_fraction,
drop_interval)."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A burst to be sent: `bps` for `PROBE_S` from `begun` on."""

    begun: Seconds
    bps: float


@dataclass(slots=True)
class _FallByLoss:
    counts_from: Seconds
    loss: float
    """Before it."""
    bps: float
    """Before it."""
    acked_bps: float
    """What got through before it."""
    lost: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class _Series:
    """Decreases by delay that follow one another."""

    begun: Seconds
    standing_s: float
    bps: float
    """Before the first."""


class Estimator:
    """The estimate for one receiver. Times are the sender's and the receiver's own, and are never compared."""

    def __init__(self, start_bps: float = START_BPS) -> None:
        self.bps = float(start_bps)
        self.acked_bps = 0.0
        self.loss = 0.0
        """Share lost of late, smoothed."""
        self._own_loss = 0.0
        """What the path loses at any rate."""
        self._fall: _FallByLoss | None = None
        """The decrease by loss that is to be judged."""
        self._series: _Series | None = None
        self._probe_every_s = PROBE_EVERY_S
        self._trend = DelayTrend()
        self._acked: deque[tuple[float, int]] = deque()
        self._acked_bytes = 0
        self._lost = self._seen = 0
        self._ceiling_bps: float | None = None
        """What got through when the queue last grew."""
        self._increased_at: Seconds | None = None
        self._fell_at = self._fell_by_loss_at = self._probed_at = Seconds(float("-inf"))
        self._probe: Probe | None = None
        self._probe_seen: list[tuple[float, float, int]] = []
        self._told_until = Seconds(float("-inf"))
        """When the newest packet was sent of which feedback told."""
        self._heard_at = Seconds(float("inf"))

    def unheard(self, now: Seconds) -> None:
        """Note that packets are sent, and feedback may have stopped."""
        is_silent = now - self._heard_at > SILENCE_S
        if is_silent and now - self._fell_at >= SILENCE_EVERY_S:
            self.bps = max(LEAST_BPS, SILENCE_SHARE * self.bps)
            self._fell_at = now

    def heard(self, told: Sent, now: Seconds, round_trip_s: float) -> None:
        """Take in feedback on some packets."""
        self._heard_at = now
        if told.sizes:
            self._told_until = max(self._told_until, told.sent_at[-1])
            self._seen += len(told.sizes)
            self._lost += told.arrived_at.count(None)
            self._trend.take(told)
            self._measure(told)
            if self._probe is not None:
                self._note_probe(told, self._probe)
        self._by_delay(now, round_trip_s)
        self._by_loss(now, round_trip_s)
        self._by_probe(now)
        self.bps = max(LEAST_BPS, min(MOST_BPS, self.bps))

    def _measure(self, told: Sent) -> None:
        """Count what got through: one entry a feedback, at its last arrival."""
        arrivals = [arrived for arrived in told.arrived_at if arrived is not None]
        if not arrivals:
            return
        pairs = zip(told.sizes, told.arrived_at, strict=True)
        got = sum(size for size, arrived in pairs if arrived is not None)
        self._acked.append((arrivals[-1], got))
        self._acked_bytes += got
        while arrivals[-1] - self._acked[0][0] > ACKED_WINDOW_S or len(self._acked) > MAX_ACKED:
            self._acked_bytes -= self._acked.popleft()[1]
        self.acked_bps = self._acked_bytes * 8 / ACKED_WINDOW_S

    def _by_delay(self, now: Seconds, round_trip_s: float) -> None:
        usage = self._trend.usage
        if usage is Usage.OVERUSED and self._is_route(now, round_trip_s):
            return
        if usage is Usage.OVERUSED:
            if now - self._fell_at > round_trip_s + GROUP_S:
                self._ceiling_bps = self.acked_bps
                share = max(LEAST_DECREASE, DECREASE - self._trend.standing_s())
                self.bps = min(self.bps, share * self.acked_bps)
                self._fell_at = now
            self._increased_at = None
        elif usage is Usage.UNDERUSED:
            self._increased_at = None  # let the queue drain
        else:
            self._increase(now, round_trip_s)

    def _is_route(self, now: Seconds, round_trip_s: float) -> bool:
        """Whether the path has become longer, not fuller; then what was taken off is given back."""
        standing = max(GROUP_S, self._trend.standing_s())
        if self._series is None or now - self._series.begun > SERIES_S:
            self._series = _Series(now, standing, self.bps)
            return False
        if now - self._series.begun < round_trip_s + ROUTE_AFTER_S or self.excess > LITTLE_LOSS:
            return False
        if not SAME_DELAY < standing / self._series.standing_s < 1 / SAME_DELAY:
            return False
        self.bps = max(self.bps, self._series.bps)
        self._series = None
        self._trend = DelayTrend()
        return True

    def _increase(self, now: Seconds, round_trip_s: float) -> None:
        since = min(1.0, now - self._increased_at) if self._increased_at is not None else 0.0
        self._increased_at = now
        if self.excess > LITTLE_LOSS:
            return
        ceiling = self._ceiling_bps
        if ceiling is not None and self.bps > ceiling * (1 + NEAR):
            self._ceiling_bps = ceiling = None  # the path has more than it had
        if ceiling is not None and self.bps > ceiling * (1 - NEAR):
            grown = self.bps + PACKET_BITS * since / (round_trip_s + 0.1)
        else:
            grown = self.bps * INCREASE_PER_S**since
        self.bps = max(self.bps, min(grown, HEADROOM * self.acked_bps + 10_000))

    def _by_loss(self, now: Seconds, round_trip_s: float) -> None:
        if self._seen < LOSS_WINDOW_PACKETS:
            return
        present = self._lost / self._seen
        self.loss += (present - self.loss) * LOSS_SMOOTHING
        self._own_loss = min(self._own_loss, self.loss)
        self._judge_fall(now)
        self._lost = self._seen = 0
        is_due = now - self._fell_by_loss_at > LOSS_PATIENCE_S + round_trip_s
        if self.excess > MUCH_LOSS and is_due:
            self._fell_by_loss_at = self._fell_at = now
            if self._fall is None:
                before = max(present, self.loss)
                self._fall = _FallByLoss(
                    Seconds(now + round_trip_s), before, self.bps, self.acked_bps
                )
            self.bps *= 1 - 0.5 * self.excess

    def _judge_fall(self, now: Seconds) -> None:
        """Take back a decrease that did nothing against the loss: it is the path's own."""
        fall = self._fall
        if fall is None or now < fall.counts_from:
            return
        fall.lost += self._lost
        fall.seen += self._seen
        if now < fall.counts_from + JUDGE_LOSS_S:
            return
        self._fall = None
        loss = fall.lost / fall.seen
        is_in_vain = loss > SAME_LOSS * fall.loss and self.acked_bps < LESS * fall.acked_bps
        if is_in_vain and self._trend.standing_s() < STANDING_S:
            self._own_loss = self.loss
            self.bps = max(self.bps, fall.bps)

    @property
    def excess(self) -> float:
        """Loss beyond what the path loses at any rate."""
        return max(0.0, self.loss - self._own_loss)

    # -- probing -------------------------------------------------------------------------------

    def probe(self, wanted_bps: float, now: Seconds) -> Probe | None:
        """Begin a probe if more is wanted than is known to be there, and the last one is long enough ago."""
        wanted_bps = min(wanted_bps, MOST_BPS)
        if (
            self.bps >= wanted_bps
            or self.excess > LITTLE_LOSS
            or self._trend.usage is not Usage.NORMAL
            or now - self._probed_at < self._probe_every_s
            or now - self._fell_at < PROBE_AFTER_DECREASE_S
        ):
            return None
        self._probed_at = now
        self._probe = Probe(now, min(wanted_bps, PROBE_FACTOR * self.bps))
        self._probe_seen = []
        return self._probe

    def _note_probe(self, told: Sent, probe: Probe) -> None:
        for sent, arrived, size in zip(told.sent_at, told.arrived_at, told.sizes, strict=True):
            if arrived is not None and 0 <= sent - probe.begun <= PROBE_S:
                self._probe_seen.append((sent, arrived, size))

    def _by_probe(self, now: Seconds) -> None:
        probe = self._probe
        if probe is None:
            return
        if self._told_until <= probe.begun + PROBE_S and now - probe.begun < PROBE_PATIENCE_S:
            return
        self._probe = None
        seen = self._probe_seen
        if len(seen) < LEAST_PROBE_PACKETS:
            self._probe_every_s = MOST_PROBE_EVERY_S
            return
        sending = _rate([(sent, size) for sent, _, size in seen])
        receiving = _rate(sorted((arrived, size) for _, arrived, size in seen))
        found = min(sending, receiving)
        if receiving < SATURATED * sending:
            found = SATURATED_SHARE * receiving
        found = min(found, probe.bps)
        if found < PROBE_GAIN * self.bps:
            self._probe_every_s = MOST_PROBE_EVERY_S
            return
        self._probe_every_s = PROBE_EVERY_S
        if found >= PROBE_ON * probe.bps:
            self._probed_at = Seconds(float("-inf"))
        self.bps = found
        self._ceiling_bps = None


def _rate(moments: Sequence[tuple[float, int]]) -> float:
    """Bits per second of packets at their moments; the first one only begins the clock."""
    span = moments[-1][0] - moments[0][0]
    return sum(size for _, size in moments[1:]) * 8 / span if span > 0 else float("inf")
