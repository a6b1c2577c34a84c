"""What was seen becomes the layer of each output: by measured rates and each receiver's own estimate."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.allocate import Demand, allocate
from teleward_media.core.estimate import MOST_BPS, START_BPS, Probe
from teleward_media.core.forwarding import (
    HIDDEN,
    ForwardingPlan,
    Heard,
    Interest,
    Interests,
    Observed,
    Orders,
    Output,
    SourceId,
)
from teleward_media.core.steering import Steering, _Wants
from teleward_media.core.trend import Sent
from teleward_media.usecases.run_path import RunningPath

ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))
CAMERA, VOICE = SourceId(ADA, "camera"), SourceId(ADA, "microphone")
TO_BEN, TO_CAM = Output(BEN, "v"), Output(CAM, "v")
PLAN: ForwardingPlan = {
    CAMERA: (TO_BEN, TO_CAM), VOICE: (Output(BEN, "a"),),
}  # fmt: skip
BYTES_A_SECOND = (20_000, 60_000, 200_000)


@dataclass
class Seen:
    """What the packet path tells of a tenth of a second."""

    octets: dict[tuple[SourceId, int], int]
    feedback: dict[str, Sent]
    remb_bps: dict[ParticipantId, int] = field(default_factory=dict)

    def decide(
        self, steering: Steering, plan: ForwardingPlan, interests: Interests, at: float
    ) -> Orders:
        heard = {ParticipantId(who): (told, 0.05) for who, told in self.feedback.items()}
        steering.hear(heard, Seconds(at))
        seen = Observed(octets=self.octets, remb_bps=self.remb_bps)
        return steering.decide(seen, plan, interests, Seconds(at))


def seen(at: float, **feedback: Sent) -> Seen:
    octets = {(CAMERA, index): int(rate * at) for index, rate in enumerate(BYTES_A_SECOND)}
    return Seen(octets, feedback)


def crowded(at: float) -> Sent:
    """Half of the last tenth of a second is lost, and a queue grows in which the rest waits."""
    sent = [Seconds(at - 0.1 + n / 500) for n in range(50)]
    return Sent(sent, [1.5 * s if n % 2 else None for n, s in enumerate(sent)], [1000] * 50)


def layers(
    steering: Steering, seen: Seen, at: float, plan: ForwardingPlan = PLAN
) -> list[tuple[Output, int]]:
    return seen.decide(steering, plan, {}, at).layers


def test_everything_is_sent_until_something_is_known_against_it() -> None:
    steering = Steering()

    assert layers(steering, seen(0), 0) == [(TO_BEN, 0), (TO_CAM, 0)]
    assert layers(steering, seen(1), 1) == [(TO_BEN, 2), (TO_CAM, 2)]
    assert layers(steering, seen(2), 2) == []
    assert steering.estimate_bps(BEN) is None


def test_a_plan_that_is_another_is_told_every_layer_since_who_came_back_has_forgotten_its_own() -> (
    None
):
    steering = Steering()
    layers(steering, seen(0), 0)
    layers(steering, seen(1), 1)

    assert layers(steering, seen(2), 2, dict(PLAN)) == [(TO_BEN, 2), (TO_CAM, 2)]


def test_one_receivers_bad_path_changes_nothing_for_the_other() -> None:
    steering = Steering()
    for at in (0.0, 1.0):
        layers(steering, seen(at), at)
    changed: dict[Output, int] = {}
    for step in range(40):
        at = 2 + step / 10
        changed |= dict(layers(steering, seen(at, ben=crowded(at)), at))

    assert changed == {TO_BEN: 0}
    assert (steering.estimate_bps(BEN) or 0) < 200_000


def test_who_is_not_shown_anything_any_more_is_forgotten() -> None:
    steering = Steering()
    layers(steering, seen(1, ben=crowded(1)), 1)
    assert steering.estimate_bps(BEN) is not None

    assert layers(steering, seen(2), 2, {}) == []
    assert steering.estimate_bps(BEN) is None


ALONE = {(CAMERA, 0): 200_000}
"""Bytes a second of a camera of one layer."""


def alone(at: float, **feedback: Sent) -> Seen:
    return Seen({key: int(n * at) for key, n in ALONE.items()}, feedback)


def test_a_publisher_of_one_layer_is_told_what_its_only_receivers_path_carries() -> None:
    steering = Steering()
    plan: ForwardingPlan = {CAMERA: (TO_BEN,)}
    caps: list[float] = []
    for step in range(40):
        at = step / 10
        orders = alone(at, ben=crowded(at)).decide(steering, plan, {}, at)
        caps += orders.caps.values()
        assert orders.caps.keys() <= {ADA}

    assert caps == sorted(caps, reverse=True)
    assert caps[-1] < 200_000
    assert len(caps) < 40, "a cap that is as good as the last is not told"


def test_the_better_of_two_receivers_decides_since_there_is_but_one_layer() -> None:
    steering = Steering()
    plan: ForwardingPlan = {CAMERA: (TO_BEN, TO_CAM)}
    caps: list[float] = []
    for step in range(40):
        at = step / 10
        caps += alone(at, ben=crowded(at)).decide(steering, plan, {}, at).caps.values()

    assert caps == [], "nothing is known against the other"


def test_a_cap_is_taken_back_when_the_receiver_has_gone() -> None:
    steering = Steering()
    for step in range(20):
        at = step / 10
        alone(at, ben=crowded(at)).decide(steering, {CAMERA: (TO_BEN,)}, {}, at)

    assert alone(2).decide(steering, {}, {}, 2).caps == {ADA: MOST_BPS}
    assert alone(3).decide(steering, {}, {}, 3).caps == {}


def test_a_receiver_without_transport_wide_feedback_is_believed_its_own_estimate() -> None:
    steering = Steering()
    told = seen(1)
    told.remb_bps[BEN] = 300_000
    seen(0).decide(steering, PLAN, {}, 0)

    orders = told.decide(steering, PLAN, {}, 1)
    assert dict(orders.layers) == {TO_CAM: 2}, "ben keeps the lowest"


def test_what_is_shown_small_gets_a_small_layer_and_what_is_hidden_none() -> None:
    steering = Steering()
    interests = {TO_BEN: Interest(most=0), TO_CAM: Interest(most=HIDDEN)}
    assert seen(0).decide(steering, PLAN, interests, 0).layers == [
        (TO_BEN, 0), (TO_CAM, HIDDEN),
    ]  # fmt: skip
    assert seen(1).decide(steering, PLAN, interests, 1).layers == []
    assert seen(1.1).decide(steering, PLAN, {}, 1.1).layers == [(TO_BEN, 2), (TO_CAM, 2)]


def fine(at: float) -> Sent:
    """A tenth of a second that arrived as it was sent."""
    sent = [Seconds(at - 0.1 + n / 100) for n in range(10)]
    return Sent(sent, [float(one) for one in sent], [400] * 10)


def test_a_path_of_which_more_is_wanted_than_it_is_known_to_carry_is_probed() -> None:
    steering = Steering()
    probes: list[Probe] = []
    for step in range(60):
        at = step / 10
        orders = seen(at, ben=fine(at)).decide(steering, PLAN, {}, at)
        assert orders.probes.keys() <= {BEN}
        probes += orders.probes.values()

    assert 1 <= len(probes) <= 3
    assert all(probe.bps > START_BPS for probe in probes)


@given(
    st.lists(st.lists(st.integers(1000, 3_000_000), min_size=2, max_size=3), min_size=1, max_size=5),
    st.integers(0, 2), st.floats(0, 0.1),
)  # fmt: skip
def test_properties_of_what_probes_aim_at_it_is_enough_for_every_layer_that_is_of_use(
    ladders: list[list[int]], most: int, loss: float
) -> None:
    demands = [
        Demand(Output(BEN, f"v{n}"), tuple(map(float, sorted(ladder))), most=most)
        for n, ladder in enumerate(ladders)
    ]
    want = _Wants(demands, voices_bps=50_000)
    budget = (want.enough_bps(loss) - want.voices_bps) * (1 - loss)

    chosen = allocate(budget, demands, {demand.output: 0 for demand in demands})
    assert all(chosen[d.output] == min(most, len(d.layers_bps) - 1) for d in demands)


def test_who_told_of_what_came_and_tells_nothing_any_more_gets_less_and_less() -> None:
    steering = Steering()
    for tenth in range(20):
        seen(tenth / 10, ben=fine(tenth / 10)).decide(steering, PLAN, {}, tenth / 10)
    known = steering.estimate_bps(BEN)
    assert known is not None

    shares = []
    for second in range(2, 9):
        seen(second).decide(steering, PLAN, {}, second)
        shares.append((steering.estimate_bps(BEN) or 0.0) / known)

    assert shares == pytest.approx([1, 1, 1, 0.8, 0.8**2, 0.8**3, 0.8**4])


def test_who_is_shown_nothing_has_nothing_to_tell() -> None:
    steering = Steering()
    for tenth in range(20):
        seen(tenth / 10, ben=fine(tenth / 10)).decide(steering, PLAN, {}, tenth / 10)
    known = steering.estimate_bps(BEN)

    hidden = {TO_BEN: Interest(most=HIDDEN)}
    for second in range(2, 9):
        seen(second).decide(steering, PLAN, hidden, second)

    assert steering.estimate_bps(BEN) == known


class Path:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.ticks = 0
        self.steered: list[tuple[Output, int]] = []
        self.heard: Heard = {}

    def tick(self, now: Seconds) -> None:
        self.ticks += 1

    def hear(self) -> Heard:
        return self.heard

    def look(self) -> Observed:
        return Observed(octets=seen(0).octets)

    def steer(self, orders: Orders, now: Seconds) -> None:
        self.steered += orders.layers


class Calls:
    def __init__(self) -> None:
        self.observed: list[Observed] = []

    def plan(self) -> ForwardingPlan:
        return PLAN

    def interests(self) -> Interests:
        return {}

    def observe(self, seen: Observed, now: Seconds) -> None:
        self.observed.append(seen)


def test_the_path_ticks_each_time_and_is_steered_ten_times_a_second() -> None:
    path, calls, now = Path(), Calls(), [0.0]
    running = RunningPath(path, calls, lambda: Seconds(now[0]))  # type: ignore[arg-type]  # what is used of it
    for step in range(1, 11):
        now[0] = step / 100
        running.once()
        assert bool(path.steered) == (step == 10)

    assert path.ticks == 10
    assert path.steered == [(TO_BEN, 0), (TO_CAM, 0)]
    assert calls.observed == [Observed(octets=seen(0).octets)]


def test_a_path_that_becomes_narrow_at_once_is_answered_at_once() -> None:
    path, calls, now = Path(), Calls(), [0.0]
    running = RunningPath(path, calls, lambda: Seconds(now[0]))  # type: ignore[arg-type]  # what is used of it
    decided: list[int] = []
    for step in range(1, 60):
        now[0] = step / 100
        path.heard = {BEN: (crowded(step / 10), 0.05)} if step % 10 == 5 else {}
        running.once()
        decided.append(len(calls.observed))

    assert decided[-1] > 5, "five were due in this time"
    at_once = [step for step in range(1, 59) if decided[step] > decided[step - 1]]
    assert any(step % 10 == 4 for step in at_once), "the step at which it was heard"


def test_while_plan_interests_and_costs_are_the_same_the_choice_is_too() -> None:
    steering, interests = Steering(), Interest(most=0)
    cares: Interests = {TO_BEN: interests}
    first = seen(0).decide(steering, PLAN, cares, 0)
    again = [seen(at / 10).decide(steering, PLAN, cares, at / 10).layers for at in range(1, 9)]

    assert first.layers == [(TO_BEN, 0), (TO_CAM, 0)]
    assert again == [[]] * 8
    assert seen(1).decide(steering, PLAN, cares, 1).layers == [(TO_CAM, 2)]
