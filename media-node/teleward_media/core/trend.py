"""Whether the queue on one receiver's path grows: the trend of how arrivals spread beside departures.

Source: draft-ietf-rmcat-gcc-02, "gcc" below (§5.2 groups, §5.4 threshold); the trend line in place of the draft's
Kalman filter is that of libwebrtc (trendline_estimator.cc).
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from itertools import takewhile

from teleward_contract.units import Seconds

GROUP_S = 0.005
"""Packets sent within this long are one group (gcc §5.2, burst_time)."""
TREND_GROUPS = 20
"""Through which the line is drawn (libwebrtc's kDefaultTrendlineWindowSize)."""
SUM_ANEW, FAR_S = 64, 10.0
"""Points after which the trend's sums are taken anew, and distance of a point from their origin at which they are, too:
rounding of squares stays 10^-11 of what they tell apart, whatever times a receiver claims."""
SMOOTHING, GAIN = 0.9, 4.0
"""Weight of the delay so far beside a new group's, and factor of the slope (libwebrtc's
kDefaultTrendlineSmoothingCoeff and kDefaultTrendlineThresholdGain)."""
MAX_GAIN_GROUPS = 60
"""Groups by whose number the slope is multiplied, at the most (kMinNumDeltas in trendline_estimator.cc)."""
THRESHOLD, LEAST_THRESHOLD, MOST_THRESHOLD, OUTLIER = 12.5, 6.0, 600.0, 15.0
"""Of the trend, which is a slope times the number of groups times the gain (gcc §5.4, where it is in milliseconds)."""
K_UP, K_DOWN = 0.0087, 0.039
"""Per millisecond (k_up_ and k_down_ in trendline_estimator.cc): here the threshold falls faster than it rises. gcc
§5.4 recommends 0.01 and 0.00018, the other way round."""
OVERUSE_S, OVERUSE_TIMES = 0.01, 2
"""How long, and how many times in a row, the trend must exceed the threshold to count (gcc §5.4, overuse_time_th;
the times are those of overuse_counter_ in trendline_estimator.cc)."""
STANDING_S, STANDING_WINDOW_S = 0.05, 0.12
"""Delay above the least of late that even the quickest of the last packets must have for a trend to be a queue: what
jitters by 100 ms comes back to its least in between, a queue does not. Found by simulation (path_simulation.py)."""
MOST_USUAL_S = 0.05
"""Of the mean delay above the least, which is added to that: what order holds back behind late packets waits, too, so
that 100 ms of jitter look like a queue of 60 ms that stands. No more, or a queue that stands for long were usual. Found
by simulation and in traces of browsers."""
BASE_GROUPS = 1000
"""Over which the least delay is taken: some ten seconds, in which a route may change. Ours."""

_NEVER = float("-inf")


class Usage(Enum):
    """What the queue on the path does."""

    NORMAL = "normal"
    OVERUSED = "overused"
    UNDERUSED = "underused"


@dataclass(slots=True)
class Sent:
    """What feedback said of packets that were sent to one receiver, in order of sending; three lists of one length."""

    sent_at: list[Seconds] = field(default_factory=list)
    arrived_at: list[float | None] = field(default_factory=list)
    """Seconds on the receiver's clock; None for lost."""
    sizes: list[int] = field(default_factory=list)
    """Bytes."""


class Line:
    """The least-squares line through the last `TREND_GROUPS` points, of which one comes with every group of packets.

    The sums follow the window. Now and then they are taken anew from a new origin, so that rounding does not gather.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._origin = 0.0
        self._sum_x = self._sum_y = self._sum_xx = self._sum_xy = 0.0
        self._age = SUM_ANEW

    def add(self, at: float, y: float) -> float | None:
        """Take in a point; the slope, or None while there are too few."""
        points, x = self._points, at - self._origin
        points.append((at, y))
        self._age += 1
        if self._age > SUM_ANEW or not -FAR_S < x < FAR_S:
            self._begin_anew()
            return self._slope()
        if len(points) > TREND_GROUPS:
            old_at, old_y = points.popleft()
            old_x = old_at - self._origin
            self._sum_x += x - old_x
            self._sum_y += y - old_y
            self._sum_xx += x * x - old_x * old_x
            self._sum_xy += x * y - old_x * old_y
        else:
            self._sum_x += x
            self._sum_y += y
            self._sum_xx += x * x
            self._sum_xy += x * y
        return self._slope()

    def _begin_anew(self) -> None:
        while len(self._points) > TREND_GROUPS:
            self._points.popleft()
        self._origin, self._age = self._points[0][0], 0
        self._sum_x = self._sum_y = self._sum_xx = self._sum_xy = 0.0
        for at, y in self._points:
            x = at - self._origin
            self._sum_x += x
            self._sum_y += y
            self._sum_xx += x * x
            self._sum_xy += x * y

    def _slope(self) -> float | None:
        if len(self._points) < TREND_GROUPS:
            return None
        mean_x = self._sum_x / TREND_GROUPS
        spread = self._sum_xx - self._sum_x * mean_x
        return (self._sum_xy - self._sum_y * mean_x) / spread if spread > 0 else 0.0


class DelayTrend:
    """Whether the queue on the path grows."""

    def __init__(self) -> None:
        self.usage = Usage.NORMAL
        self._first_sent = self._last_sent = self._arrived = _NEVER
        """Of the group that is coming in."""
        self._before_sent = self._before_arrived = _NEVER
        """Last packet and arrival of the group before it."""
        self._line = Line()
        self._accumulated = self._smoothed = 0.0
        self._count = 0
        self._threshold = THRESHOLD
        self._trend = 0.0
        self._over_s = 0.0
        self._over_times = 0
        self._delays: deque[tuple[float, float]] = deque([(float("-inf"), 0.0)], BASE_GROUPS)

    def take(self, told: Sent) -> None:
        """Take in the packets that arrived, in order of sending."""
        for sent, arrived in zip(told.sent_at, told.arrived_at, strict=True):
            if arrived is None:
                continue
            if sent - self._first_sent <= GROUP_S:
                if sent > self._last_sent:
                    self._last_sent = sent
                if arrived > self._arrived:
                    self._arrived = arrived
                continue
            if self._before_sent != _NEVER:
                self._compare()
            self._before_sent, self._before_arrived = self._last_sent, self._arrived
            self._first_sent = self._last_sent = sent
            self._arrived = arrived

    def _compare(self) -> None:
        """Judge a group that is whole beside the one before it."""
        apart, arrived = self._last_sent - self._before_sent, self._arrived
        self._accumulated += (arrived - self._before_arrived) - apart
        self._delays.append((arrived, self._accumulated))
        self._smoothed = SMOOTHING * self._smoothed + (1 - SMOOTHING) * self._accumulated
        self._count += 1
        slope = self._line.add(arrived, self._smoothed)
        if slope is not None:
            self._judge(slope, apart)

    def _judge(self, slope: float, apart: float) -> None:
        trend = slope * min(self._count, MAX_GAIN_GROUPS) * GAIN
        if trend > self._threshold:
            self._over_s += apart
            self._over_times += 1
            has_lasted = self._over_s > OVERUSE_S and self._over_times >= OVERUSE_TIMES
            if has_lasted and trend >= self._trend and self._is_queue():
                self._over_s, self._over_times = 0.0, 0
                self.usage = Usage.OVERUSED
        else:
            self._over_s, self._over_times = 0.0, 0
            self.usage = Usage.UNDERUSED if trend < -self._threshold else Usage.NORMAL
        self._trend = trend
        self._adapt(abs(trend), apart)

    def _is_queue(self) -> bool:
        """Whether even the quickest of the last groups waited so much longer than groups usually do."""
        delays = [delay for _, delay in self._delays]
        usual = sum(delays) / len(delays) - min(delays)
        return self.standing_s() > STANDING_S + min(usual, MOST_USUAL_S)

    def standing_s(self) -> float:
        """How long the queue that stands on the path is: what even the quickest of the last groups waited."""
        until, _ = self._delays[-1]
        recent = takewhile(lambda one: until - one[0] <= STANDING_WINDOW_S, reversed(self._delays))
        least = min((delay for _, delay in recent), default=0.0)
        return least - min(delay for _, delay in self._delays)

    def _adapt(self, size: float, apart: float) -> None:
        """Let the threshold follow the trend slowly, so that flows that share the path do not starve us."""
        if size > self._threshold + OUTLIER:
            return
        k = K_DOWN if size < self._threshold else K_UP
        self._threshold += k * (size - self._threshold) * min(apart * 1000, 100)
        self._threshold = max(LEAST_THRESHOLD, min(MOST_THRESHOLD, self._threshold))
