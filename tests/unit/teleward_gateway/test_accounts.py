"""What is counted of a visit, when, and where: each stay in a clinic ends in one outcome."""

from datetime import UTC, datetime

import pytest
from teleward_contract.units import Namespace
from teleward_gateway.core.accounts import (
    BOUNDS_S,
    MORE,
    Account,
    bucket,
    opened,
    settle,
    vanished,
)
from teleward_gateway.core.opening import utc_offset_s
from teleward_gateway.core.visits import Visit, VisitAction, VisitState

DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS + 1_000


def visit(state: VisitState, clinic: str = "eyes", utc_offset_s: int = 0) -> Visit:
    return Visit(
        id="v", namespace=Namespace("harbour"), clinic=clinic, clinic_uid=f"uid-{clinic}",
        arrived_ms=0, state=state, utc_offset_s=utc_offset_s,
    )  # fmt: skip


def what(account: Account, before: Visit, after: Visit, step: VisitAction) -> list[str]:
    return [one.what for one in settle(account, before, after, step, NOW_MS)[1]]


WAITS = Account(since_ms=NOW_MS - 90_000)
SEEN = Account(since_ms=0, joined_ms=NOW_MS - 700_000, is_consulted=True)
SEEN_BEFORE = Account(since_ms=NOW_MS - 90_000, is_consulted=True)
WAITING, CALLED = visit(VisitState.WAITING), visit(VisitState.CALLED)
INSIDE = visit(VisitState.IN_CONSULTATION)


def test_who_enters_is_counted_and_waits_from_now_on() -> None:
    account, counts = opened(WAITING, NOW_MS)

    assert account == Account(since_ms=NOW_MS)
    assert [(one.clinic, one.day, one.what) for one in counts] == [("eyes", 20_000, "entered")]


def test_a_visit_made_again_in_its_call_is_in_consultation_from_now_on() -> None:
    assert opened(INSIDE, NOW_MS)[0] == Account(
        since_ms=NOW_MS, joined_ms=NOW_MS, is_consulted=True
    )


@pytest.mark.parametrize(
    ("account", "before", "after", "step", "expected"),
    [
        (WAITS, WAITING, CALLED, VisitAction.CALL_IN, ["waited:120"]),
        (WAITS, CALLED, INSIDE, VisitAction.JOIN, []),
        (WAITS, WAITING, visit(VisitState.LEFT), VisitAction.LEAVE, ["waited_in_vain:120", "left"]),
        (WAITS, CALLED, visit(VisitState.LEFT), VisitAction.LEAVE, ["left"]),
        (WAITS, WAITING, visit(VisitState.REFUSED), VisitAction.REFUSE, ["refused"]),
        (WAITS, WAITING, visit(VisitState.ENDED), VisitAction.END, ["unseen"]),
        (SEEN, INSIDE, visit(VisitState.ENDED), VisitAction.END, ["consultation:900", "consulted"]),
        (SEEN, INSIDE, visit(VisitState.ON_HOLD), VisitAction.HOLD, []),
        (SEEN, INSIDE, WAITING, VisitAction.RETURN, ["consultation:900"]),
        (SEEN_BEFORE, WAITING, visit(VisitState.LEFT), VisitAction.LEAVE, ["consulted"]),
        (WAITS, WAITING, WAITING, VisitAction.MESSAGE, []),
        (
            SEEN, INSIDE, visit(VisitState.WAITING, "skin"), VisitAction.TRANSFER,
            ["consultation:900", "transferred", "transferred_here"],
        ),
    ],
)  # fmt: skip
def test_a_step_counts_what_it_ends(
    account: Account, before: Visit, after: Visit, step: VisitAction, expected: list[str]
) -> None:
    assert what(account, before, after, step) == expected


def test_a_transfer_counts_in_both_clinics_each_on_its_own_day_and_begins_a_new_account() -> None:
    there = visit(VisitState.WAITING, "skin", utc_offset_s=-3600)

    account, counts = settle(SEEN, INSIDE, there, VisitAction.TRANSFER, NOW_MS)

    assert account == Account(since_ms=NOW_MS)
    assert [(one.clinic, one.day) for one in counts[1:]] == [("eyes", 20_000), ("skin", 19_999)]


def test_joining_again_or_after_a_hold_is_the_same_consultation() -> None:
    assert settle(SEEN, CALLED, INSIDE, VisitAction.JOIN, NOW_MS) == (SEEN, [])
    joined, _ = settle(WAITS, CALLED, INSIDE, VisitAction.JOIN, NOW_MS)
    assert (joined.joined_ms, joined.is_consulted) == (NOW_MS, True)


@pytest.mark.parametrize(
    ("account", "state", "expected"),
    [
        (WAITS, VisitState.WAITING, ["waited_in_vain:120", "vanished"]),
        (WAITS, VisitState.CALLED, ["vanished"]),
        (SEEN, VisitState.IN_CONSULTATION, ["consultation:900", "consulted"]),
        (SEEN_BEFORE, VisitState.WAITING, ["consulted"]),
    ],
)
def test_a_visit_that_vanished_has_an_outcome(
    account: Account, state: VisitState, expected: list[str]
) -> None:
    assert [one.what for one in vanished(account, visit(state), NOW_MS)] == expected


def test_a_bucket_holds_its_upper_bound() -> None:
    assert [bucket(s) for s in (0, 60, 60.001, 14_400, 14_401)] == [
        "60",
        "60",
        "120",
        "14400",
        MORE,
    ]
    assert list(BOUNDS_S) == sorted(set(BOUNDS_S))


@pytest.mark.parametrize(
    ("zone", "moment", "hours"),
    [
        ("UTC", "2026-07-01T00:00", 0), ("Europe/London", "2026-07-01T00:00", 1),
        ("Europe/London", "2026-12-01T00:00", 0), ("Pacific/Kiritimati", "2026-12-01T00:00", 14),
        ("Nowhere/Land", "2026-12-01T00:00", 0), ("../etc/passwd", "2026-12-01T00:00", 0),
    ],
)  # fmt: skip
def test_a_clinics_wall_clock_is_ahead_of_utc_by_what_its_time_zone_says(
    zone: str, moment: str, hours: int
) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert utc_offset_s(zone, now) == hours * 3600
