"""A queue stands in order of arrival, and of a patient's waiting sockets the newest counts.

Every clause holds for the memory implementation and for the scripts on a real store of each kind.
"""

import asyncio

import pytest
from teleward_gateway.core.visits import (
    OVER,
    Personal,
    VisitAction,
    VisitState,
    Waiting,
)
from teleward_testing.visiting import (
    HARBOUR,
    KEEP_S,
    ClockedVisits,
    visit,
)


async def test_the_newest_waiting_socket_wins(visits: ClockedVisits) -> None:
    entered = await visits.enter(visit())
    first = await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    assert await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)

    second = await visits.other.claim(HARBOUR, "v", "socket-2", KEEP_S)

    assert first == entered.model_copy(update={"socket": "socket-1"})
    assert second == entered.model_copy(update={"socket": "socket-2"})
    assert not await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    assert await visits.ports.heard(HARBOUR, "v", "socket-2", KEEP_S)
    assert await visits.ports.get(HARBOUR, "v") == second


async def test_of_many_sockets_that_claim_at_once_exactly_one_is_the_newest(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    sockets = [f"socket-{n}" for n in range(24)]
    await visits.connect()

    await asyncio.gather(*(visits.ports.claim(HARBOUR, "v", socket, KEEP_S) for socket in sockets))

    heard = [
        socket for socket in sockets if await visits.ports.heard(HARBOUR, "v", socket, KEEP_S)
    ]
    stored = await visits.ports.get(HARBOUR, "v")
    assert stored is not None
    assert heard == [stored.socket]


async def test_claiming_and_being_heard_note_when_the_page_was_there(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    at = visits.clock.ms

    await visits.pass_s(10)
    claimed = await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.pass_s(10)
    await visits.ports.heard(HARBOUR, "v", "socket-0", KEEP_S)
    unheard = await visits.ports.get(HARBOUR, "v")
    await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    heard = await visits.ports.get(HARBOUR, "v")

    seen = [now and now.seen_ms - at for now in (claimed, unheard, heard)]
    assert seen == [10_000, 10_000, 20_000]


async def test_whose_page_was_not_heard_for_the_stale_time_is_silent_and_stays(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit("v"))
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)

    async def is_silent(stale_after_s: int | None) -> bool:
        (row,) = await visits.other.waiting(HARBOUR, "uid-1", stale_after_s)
        return row.is_silent

    await visits.pass_s(59)
    assert not await is_silent(60)
    await visits.pass_s(1)
    assert await is_silent(60)
    assert not await is_silent(61)
    assert not await is_silent(None)
    await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    assert not await is_silent(60)


async def test_a_socket_changes_nothing_but_itself(visits: ClockedVisits) -> None:
    before = await visits.bring(VisitState.IN_CONSULTATION)

    claimed = await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)

    assert claimed == before.model_copy(update={"socket": "socket-1"})
    assert await visits.ports.get(HARBOUR, "v") == claimed


@pytest.mark.parametrize("state", sorted(OVER))
async def test_claiming_a_visit_that_is_over_changes_nothing(
    visits: ClockedVisits, state: VisitState
) -> None:
    over = await visits.bring(state)
    await visits.pass_s(10)

    assert await visits.ports.claim(HARBOUR, "v", "socket-2", KEEP_S) == over
    assert not await visits.ports.heard(HARBOUR, "v", "socket-2", KEEP_S)
    assert await visits.ports.get(HARBOUR, "v") == over
    assert await visits.ports.waiting(HARBOUR, "uid-1") == ()


async def test_a_page_of_a_visit_that_is_over_is_still_told_whether_it_is_the_newest(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.ports.claim(HARBOUR, "v", "socket-2", KEEP_S)
    _, over = await visits.ports.change(HARBOUR, "v", VisitAction.END)
    await visits.pass_s(10)

    assert not await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    assert await visits.ports.heard(HARBOUR, "v", "socket-2", KEEP_S)
    assert over is not None
    assert await visits.ports.get(HARBOUR, "v") == over


async def test_the_queue_stands_in_order_of_arrival_whoever_was_stored_first(
    visits: ClockedVisits,
) -> None:
    for visit_id, arrived_ms in (("b", 2_000), ("c", 3_000), ("d", 10_000), ("a", 1_000)):
        await visits.enter(visit(visit_id, arrived_ms=arrived_ms))

    assert await visits.queue() == ["a", "b", "c", "d"]


async def test_who_returns_from_being_called_has_the_old_place(visits: ClockedVisits) -> None:
    for visit_id, arrived_ms in (("a", 1_000), ("b", 2_000)):
        await visits.enter(visit(visit_id, arrived_ms=arrived_ms))

    await visits.ports.change(HARBOUR, "a", VisitAction.CALL_IN, "grace")
    assert await visits.queue() == ["a", "b"]
    await visits.ports.change(HARBOUR, "a", VisitAction.RETURN)
    await visits.ports.claim(HARBOUR, "a", "socket-1", KEEP_S)

    assert await visits.queue() == ["a", "b"]


@pytest.mark.parametrize("state", list(VisitState))
async def test_the_queue_lists_the_visits_that_are_not_over_and_no_others(
    visits: ClockedVisits, state: VisitState
) -> None:
    now = await visits.bring(state)

    row = Waiting(visit=now, personal=Personal(name="Ada"))
    assert await visits.other.waiting(HARBOUR, "uid-1") == (() if state in OVER else (row,))


async def test_each_reading_of_the_queue_shows_every_visit_as_it_is_then(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit("a", arrived_ms=1_000))
    await visits.enter(visit("b", arrived_ms=2_000))
    before = await visits.other.waiting(HARBOUR, "uid-1")
    assert await visits.other.waiting(HARBOUR, "uid-1") == before

    _, called = await visits.ports.change(HARBOUR, "a", VisitAction.CALL_IN, "grace")
    await visits.ports.change(HARBOUR, "b", VisitAction.END)
    await visits.enter(visit("c", arrived_ms=500))

    first, second = await visits.other.waiting(HARBOUR, "uid-1")
    assert (first.visit.id, second.visit) == ("c", called)


async def test_each_clinic_has_a_queue_of_its_own(visits: ClockedVisits) -> None:
    await visits.enter(visit("a"))
    await visits.enter(visit("b", clinic_uid="uid-2"))

    assert await visits.queue("uid-1") == ["a"]
    assert await visits.queue("uid-2") == ["b"]
    assert await visits.queue("uid-3") == []
