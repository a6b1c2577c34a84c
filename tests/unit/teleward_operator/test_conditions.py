"""Four conditions say how far an object is, and keep the time of their last change."""

import pytest
from teleward_operator.core.conditions import (
    ConditionType,
    Reason,
    Transition,
    Verdict,
    conditions,
    is_programmed,
    refuse,
    summarise,
    told,
    transition,
)

MISSING = refuse(ConditionType.RESOLVED_REFS, Reason.CLINIC_NOT_FOUND, "Apply it.")
SHUT = refuse(ConditionType.READY, Reason.SUSPENDED, "Open it.")


def _shown(verdicts: tuple[Verdict, ...]) -> dict[str, str]:
    return {verdict.type: verdict.reason.value for verdict in verdicts}


def test_with_nothing_wrong_all_four_hold() -> None:
    verdicts = summarise()

    assert _shown(verdicts) == {
        "Accepted": "Accepted",
        "ResolvedRefs": "Resolved",
        "Programmed": "Programmed",
        "Ready": "Ready",
    }
    assert all(verdict.status for verdict in verdicts)


def test_ready_repeats_the_first_thing_that_is_wrong() -> None:
    verdicts = summarise((MISSING, SHUT))

    assert _shown(verdicts) == {
        "Accepted": "Accepted",
        "ResolvedRefs": "ClinicNotFound",
        "Programmed": "Programmed",
        "Ready": "ClinicNotFound",
    }
    assert verdicts[3].message == "Apply it."
    assert not verdicts[3].status


def test_the_first_of_two_verdicts_on_one_condition_counts() -> None:
    other = refuse(ConditionType.RESOLVED_REFS, Reason.MEDIA_POOL_NOT_FOUND, "")

    assert _shown(summarise((MISSING, other)))["ResolvedRefs"] == "ClinicNotFound"


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    first = conditions(summarise((SHUT,)), 1, None, "earlier")
    second = conditions(summarise((MISSING,)), 2, first, "later")

    times = {str(c["type"]): c["lastTransitionTime"] for c in second}
    assert times == {
        "Accepted": "earlier",
        "ResolvedRefs": "later",
        "Programmed": "earlier",
        "Ready": "earlier",
    }
    assert {c["observedGeneration"] for c in second} == {2}


@pytest.mark.parametrize("before", [None, "text", ["text"], [{"type": 3}]])
def test_conditions_of_any_shape_are_written_anew(before: object) -> None:
    written = conditions(summarise(), 1, before, "now")

    assert [c["lastTransitionTime"] for c in written] == ["now"] * 4


@pytest.mark.parametrize(
    ("what", "status", "is_so"),
    [
        ("never reconciled", {}, False),
        ("this generation", {"conditions": conditions(summarise(), 3, None, "now")}, True),
        ("an older one", {"conditions": conditions(summarise(), 2, None, "now")}, False),
    ],
)
def test_an_object_is_programmed_when_its_status_says_so_of_this_generation(
    what: str, status: dict[str, object], is_so: bool
) -> None:
    assert is_programmed(status, 3) is is_so, what


def test_a_transition_is_a_change_of_the_summary_and_nothing_else() -> None:
    good: dict[str, object] = {"conditions": conditions(summarise(), 1, None, "now")}
    later: dict[str, object] = {"conditions": conditions(summarise(), 2, None, "later")}
    bad: dict[str, object] = {"conditions": conditions(summarise((MISSING,)), 1, None, "now")}

    assert transition({}, good) is None, "a good beginning is no news"
    assert transition(bad, good) == Transition("Ready", "It works.", True)
    assert transition(good, later) is None
    assert transition(good, bad) == Transition("ClinicNotFound", "Apply it.", False)
    assert transition(good, {}) is None


def test_a_status_is_told_by_its_own_conditions() -> None:
    listed = [{"type": "Ready", "status": "False"}, {"type": "Foreign", "status": "True"}, "junk"]

    assert told({"conditions": listed}) == [("Ready", "False")]
    assert told({}) == []
