"""What may be done so often is done so often, and no oftener."""

from teleward_gateway.core.pace import Pace


def test_at_once_as_often_as_the_burst_and_then_as_it_fills() -> None:
    pace = Pace(burst=2, per_s=0.5)

    assert [pace.allows(now) for now in (0, 0, 0, 1, 2, 2)] == [
        True,
        True,
        False,
        False,
        True,
        False,
    ]


def test_it_never_holds_more_than_its_burst() -> None:
    pace = Pace(burst=2, per_s=1)
    assert pace.allows(0)

    assert [pace.allows(1000) for _ in range(3)] == [True, True, False]


def test_a_clock_that_steps_back_gives_nothing() -> None:
    pace = Pace(burst=1, per_s=1)

    assert [pace.allows(now) for now in (5, 1)] == [True, False]
