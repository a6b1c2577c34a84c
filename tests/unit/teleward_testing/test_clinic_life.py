"""The model of the waiting area explains what may be, and nothing else."""

import pytest
from teleward_testing.clinic_life.life import thinned
from teleward_testing.clinic_life.model import (
    GONE,
    OK,
    TAKEN,
    Act,
    PatientAct,
    StaffAct,
    Stay,
    explanations,
    step,
)

ADA, BEN, DORA, RITA = "ada@x.org", "ben@x.org", "dora@x.org", "rita@x.org"
WAITS = Stay("Ann", "cardiology", "cardiology")
CALLED = Stay("Ann", "cardiology", "cardiology", "called", ADA)


def by(who: str, verb: str, to: str = "") -> StaffAct:
    return StaffAct(who, "cardiology", verb, 0, to)


def outcomes(stay: Stay, *done: tuple[Act, str], is_disturbed: bool = False) -> set[Stay]:
    return set(explanations(stay, done, is_disturbed=is_disturbed))


def test_of_two_who_call_in_one_wins_and_two_winners_are_not_explained() -> None:
    both = by(ADA, "call-in"), by(BEN, "call-in")

    assert outcomes(WAITS, (both[0], OK), (both[1], TAKEN)) == {CALLED}
    assert outcomes(WAITS, (both[0], OK), (both[1], OK)) == set()
    assert outcomes(WAITS, (both[0], TAKEN), (both[1], TAKEN)) == set()


def test_nobody_joins_who_was_not_called() -> None:
    join = PatientAct("join", 0)

    assert outcomes(WAITS, (join, OK)) == set()
    assert outcomes(WAITS, (join, GONE)) == {WAITS}
    assert {one.state for one in outcomes(WAITS, (join, OK), (by(ADA, "call-in"), OK))} == {
        "in_consultation"
    }


def test_a_refusal_has_to_be_the_one_that_the_visit_calls_for() -> None:
    assert outcomes(CALLED, (by(BEN, "refuse"), GONE)) == set()
    assert outcomes(CALLED, (by(RITA, "end"), GONE)) == {CALLED}
    assert outcomes(CALLED, (by(RITA, "end"), TAKEN)) == set()
    assert outcomes(CALLED, (by(BEN, "hand-over", DORA), TAKEN)) == {CALLED}


def test_a_hand_over_may_lose_to_whoever_came_between_and_to_nobody_else() -> None:
    hands_over = by(ADA, "hand-over", BEN)

    assert outcomes(CALLED, (hands_over, TAKEN)) == set()
    assert outcomes(CALLED, (hands_over, TAKEN), (by(DORA, "hand-over", DORA), OK)) != set()


def test_what_was_not_answered_may_have_been_done_or_not_and_only_while_something_was_broken() -> (
    None
):
    end = by(ADA, "end")

    assert outcomes(CALLED, (end, "503")) == {CALLED}
    states = {one.state for one in outcomes(CALLED, (end, "503"), is_disturbed=True)}
    assert states == {"called", "ended"}
    ticket = PatientAct("follow", 0)
    elsewhere = Stay("Ann", "urgent", "cardiology")
    assert outcomes(elsewhere, (ticket, "cut"), is_disturbed=True) == {elsewhere}


def test_who_enters_again_does_that_alone_and_no_more_than_three_act_on_one_visit() -> None:
    again, end = PatientAct("enter again", 0), by(ADA, "end")

    assert thinned([("Ann", again), ("Ann", end), ("Bo", end)]) == [("Ann", again), ("Bo", end)]
    assert thinned([("Ann", end), ("Ann", again)]) == [("Ann", end)]
    assert len(thinned([("Ann", end)] * 5)) == 3
    assert thinned([("Ann", PatientAct("join", 0)), ("Ann", PatientAct("leave", 1))]) == [
        ("Ann", PatientAct("join", 0))
    ]


@pytest.mark.parametrize("verb", ["call-in", "resume"])
def test_a_second_click_changes_nothing(verb: str) -> None:
    assert step(CALLED, by(ADA, verb)) == (OK, CALLED)
