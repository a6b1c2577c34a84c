"""The estimate finds what a path carries, falls when it shrinks, and grows back, on a simulated path with a queue."""

from dataclasses import dataclass, field
from statistics import linear_regression

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_contract.units import Seconds
from teleward_media.core.estimate import (
    LEAST_BPS,
    PROBE_PATIENCE_S,
    PROBE_S,
    START_BPS,
    Estimator,
    Probe,
)
from teleward_media.core.trend import TREND_GROUPS, DelayTrend, Line, Sent, Usage
from teleward_testing.impairment import Conditions, Link

FRAME_S = 1 / 30
FEEDBACK_S = 0.05
PACKET = 1200
CLOCKS_APART_S = 5000.0
"""The receiver's clock is another one."""


@dataclass
class Sender:
    """Sends frames at the estimate (or as much as the picture needs), hears feedback, and may probe."""

    conditions: Conditions
    picture_bps: float = 1_700_000
    wanted_bps: float | None = None
    """What probing aims at; None never probes."""
    least_bps: float = 150_000
    """The lowest layer, which is sent whatever the estimate."""
    estimator: Estimator = field(default_factory=Estimator)
    now: float = 100.0
    history: list[tuple[float, float]] = field(default_factory=list)
    """(time, estimate)."""

    def __post_init__(self) -> None:
        self.link = Link(self.conditions, 5)
        self._next_frame = self._next_feedback = self.now
        self._flying: list[tuple[float, float | None, int]] = []
        self._probe: Probe | None = None

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            if self.now >= self._next_frame:
                self._next_frame += FRAME_S
                rate = max(self.least_bps, min(self.estimator.bps, self.picture_bps))
                for _ in range(max(1, round(rate * FRAME_S / 8 / PACKET))):
                    self._send()
            if self._probe is not None:
                self._pad(self._probe)
            if self.now >= self._next_feedback:
                self._next_feedback += FEEDBACK_S
                self._feedback()
            self.now += 0.002

    def _send(self) -> None:
        self._flying.append((self.now, self.link.carry(PACKET, self.now), PACKET))

    def _pad(self, probe: Probe) -> None:
        if self.now - probe.begun > PROBE_S:
            self._probe = None
            return
        for _ in range(max(1, round(probe.bps * 0.002 / 8 / PACKET))):
            self._send()

    def _feedback(self) -> None:
        back = self.conditions.delay_s
        told: list[tuple[float, float | None, int]] = []
        flying: list[tuple[float, float | None, int]] = []
        for sent, arrived, size in self._flying:
            known = (
                self.now - sent > back + FEEDBACK_S
                if arrived is None
                else arrived + back <= self.now
            )
            (told if known else flying).append((sent, arrived, size))
        self._flying = flying
        feedback = Sent(
            [Seconds(sent) for sent, _, _ in told],
            [None if arrived is None else arrived + CLOCKS_APART_S for _, arrived, _ in told],
            [size for _, _, size in told],
        )
        self.estimator.heard(feedback, Seconds(self.now), 2 * back + 0.01)
        self.history.append((self.now, self.estimator.bps))
        if self.wanted_bps is not None and self._probe is None:
            self._probe = self.estimator.probe(self.wanted_bps, Seconds(self.now))

    def estimates(self, since: float) -> list[float]:
        return [bps for at, bps in self.history if at >= since]


@pytest.mark.parametrize("rate", [300_000, 700_000, 1_500_000])
def test_the_estimate_settles_near_what_the_path_carries(rate: float) -> None:
    sender = Sender(Conditions(delay_s=0.03, rate_bps=rate))
    sender.run(12)
    tally = sender.link.tally
    passed, overflowed = tally.passed, tally.overflowed
    sender.run(8)
    settled = sender.estimates(sender.now - 8)

    assert 0.6 * rate < sum(settled) / len(settled) < 1.1 * rate
    assert (tally.overflowed - overflowed) / (tally.passed - passed) < 0.03


def test_a_path_without_a_limit_is_never_taken_for_narrow() -> None:
    sender = Sender(Conditions(delay_s=0.05, jitter_s=0.01))
    sender.run(20)

    assert min(sender.estimates(0)) >= START_BPS
    assert sender.estimator.bps >= 1_500_000


def test_a_fall_is_noticed_within_a_second_and_the_old_rate_is_back_within_fifteen() -> None:
    sender = Sender(Conditions(delay_s=0.03, rate_bps=2_000_000), wanted_bps=1_900_000)
    sender.run(10)
    before = sender.estimator.bps
    assert before > 1_200_000

    sender.link.conditions = Conditions(delay_s=0.03, rate_bps=300_000)
    fell = sender.now
    sender.run(20)
    under = [at for at, bps in sender.history if at > fell and bps < 350_000]
    assert under[0] - fell < 1.0
    assert max(sender.estimates(fell + 3)) < 500_000

    sender.link.conditions = Conditions(delay_s=0.03, rate_bps=2_000_000)
    rose = sender.now
    sender.run(15)
    over = [at for at, bps in sender.history if at > rose and bps > 1_400_000]
    assert over[0] - rose < 15


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.2])
def test_loss_that_is_the_same_at_any_rate_is_the_paths_own_and_borne(loss: float) -> None:
    sender = Sender(Conditions(delay_s=0.03, loss=loss))
    sender.run(20)

    assert min(sender.estimates(sender.now - 10)) > 0.5 * START_BPS


@dataclass
class Policer(Link):
    """Cuts off what exceeds a rate, without a queue that would warn."""

    rate_bps: float = 400_000
    _until: float = 0.0

    def __init__(self) -> None:
        super().__init__(Conditions(delay_s=0.03), 5)

    def carry(self, size: int, now: float) -> float | None:
        self._until = max(self._until, now - 0.1) + size * 8 / self.rate_bps
        if self._until <= now:
            return super().carry(size, now)
        self._until -= size * 8 / self.rate_bps
        return None


def test_loss_that_falls_with_the_rate_is_taken_for_a_limit_even_where_no_queue_warns() -> None:
    sender = Sender(Conditions(delay_s=0.03))
    sender.link = Policer()
    sender.run(20)
    settled = sender.estimates(sender.now - 10)

    assert 0.5 * Policer.rate_bps < sum(settled) / len(settled) < 1.5 * Policer.rate_bps


def test_without_feedback_nothing_is_concluded() -> None:
    estimator = Estimator()
    estimator.heard(Sent(), Seconds(1), 0.1)

    assert estimator.bps == START_BPS


def test_a_probe_is_begun_only_where_more_is_wanted_and_not_twice_in_a_row() -> None:
    estimator = Estimator()

    assert estimator.probe(START_BPS / 2, Seconds(10)) is None
    begun = estimator.probe(10 * START_BPS, Seconds(10))
    assert begun is not None
    assert begun.bps == 2 * START_BPS
    assert estimator.probe(10 * START_BPS, Seconds(11)) is None


def test_claims_of_absurd_times_move_the_estimate_only_within_its_bounds() -> None:
    for arrivals in ([1e12] * 50, [0.0] * 50, [(-1e9) ** (n % 2) for n in range(50)]):
        estimator = Estimator()
        for step in range(40):
            sent = [Seconds(step + n / 100) for n in range(50)]
            told = Sent(sent, list(arrivals), [1200] * 50)
            estimator.heard(told, Seconds(step + 1), 0.05)
        assert LEAST_BPS <= estimator.bps <= 8_000_000


@pytest.mark.parametrize(
    ("spread", "expected"), [(1.0, 1_920_000), (1.5, 0.95 * 1_280_000), (4.0, START_BPS)]
)
def test_a_probe_is_judged_by_what_got_through(spread: float, expected: float) -> None:
    estimator = Estimator()
    probe = estimator.probe(1_920_000, Seconds(10))
    assert probe is not None
    sent = [Seconds(10 + n * 0.005) for n in range(10)]
    arrived: list[float | None] = [10 + n * 0.005 * spread for n in range(10)]
    estimator.heard(Sent(sent, arrived, [1200] * 10), Seconds(10.1), 0.05)
    assert estimator.bps == START_BPS, "not before all of it is told of"
    estimator.heard(Sent([Seconds(10.1)], [12.0], [100]), Seconds(10.5), 0.05)

    assert estimator.bps == pytest.approx(expected, rel=0.01)


def test_a_probe_of_which_too_little_is_heard_says_nothing() -> None:
    estimator = Estimator()
    estimator.probe(2_000_000, Seconds(10))
    estimator.heard(Sent([Seconds(10)], [10.0], [1200]), Seconds(10.1), 0.05)
    estimator.heard(Sent(), Seconds(10 + PROBE_PATIENCE_S), 0.05)

    assert estimator.bps == START_BPS


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 1e-4, 0.005, 0.02, 0.3, 30.0, 1e6, -1e6]), st.floats(-1, 1)
        ),
        max_size=200,
    )
)
def test_the_line_of_the_last_points_is_that_of_the_books_whatever_times_are_claimed(
    steps: list[tuple[float, float]],
) -> None:
    line, at = Line(), 1e5
    points: list[tuple[float, float]] = []
    for apart, y in steps:
        at += apart
        points = [*points, (at, y)][-TREND_GROUPS:]
        slope = line.add(at, y)
        if len(points) < TREND_GROUPS:
            assert slope is None
        elif len({moment for moment, _ in points}) == 1:
            assert slope == pytest.approx(0, abs=1e-6)
        else:
            by_the_book = linear_regression(*zip(*points, strict=True)).slope
            assert slope == pytest.approx(by_the_book, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("apart_s", [0.01, 0.014, 0.02])
def test_a_tenth_of_a_second_of_jitter_does_not_look_like_a_queue(
    apart_s: float, seed: int
) -> None:
    link, trend = Link(Conditions(delay_s=0.02, jitter_s=0.1), seed), DelayTrend()
    sent = [Seconds(100 + n * apart_s) for n in range(4000)]
    grew = 0
    for at in sent:
        trend.take(Sent([at], [link.carry(PACKET, at)], [PACKET]))
        grew += trend.usage is Usage.OVERUSED

    assert grew < 0.01 * len(sent)  # without regard to what is usual: 5 to 11 %
