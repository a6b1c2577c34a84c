"""A visit is made once, is kept while it is heard of, and is forgotten; two organisations never see one another.

Every clause holds for the memory implementation and for the scripts on a real store of each kind.
"""

import asyncio

import pytest
from teleward_gateway.core.visits import (
    Personal,
    VisitAction,
    VisitState,
    Waiting,
)
from teleward_gateway.errors import QueueFullError
from teleward_testing.visiting import (
    ADA,
    ENDINGS,
    HARBOUR,
    HILLS,
    KEEP_S,
    RETENTION_S,
    UNHEARD_S,
    ClockedVisits,
    visit,
)

# ── a visit is made once ──────────────────────────────────────────────────────────────────────


async def test_a_visit_that_enters_is_stored_and_waits(visits: ClockedVisits) -> None:
    stored = await visits.ports.enter(visit(), ADA, KEEP_S)

    assert stored == visit().model_copy(update={"seen_ms": visits.clock.ms})
    assert await visits.other.get(HARBOUR, "v") == stored
    assert await visits.other.personal(HARBOUR, "v") == ADA


async def test_a_visit_arrives_by_the_stores_clock_and_one_that_comes_back_when_it_first_did(
    visits: ClockedVisits,
) -> None:
    now = await visits.ports.enter(visit("now", arrived_ms=0), ADA, KEEP_S)
    back = await visits.ports.enter(visit("back", arrived_ms=7), ADA, KEEP_S)

    assert (now.arrived_ms, back.arrived_ms) == (await visits.ports.now_ms(HARBOUR), 7)
    assert now.arrived_ms == visits.clock.ms


async def test_entering_again_changes_nothing_and_answers_what_is_stored(
    visits: ClockedVisits,
) -> None:
    await visits.ports.enter(visit(), ADA, KEEP_S)
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    _, called = await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace")
    await visits.pass_s(5)

    again = await visits.other.enter(visit(arrived_ms=1), ADA, KEEP_S)

    assert again == called
    assert await visits.ports.get(HARBOUR, "v") == called
    assert await visits.ports.waiting(HARBOUR, "uid-1") == (Waiting(visit=again, personal=ADA),)


async def test_a_visit_whose_call_is_still_live_may_enter_in_consultation(
    visits: ClockedVisits,
) -> None:
    entering = visit(state=VisitState.IN_CONSULTATION)

    assert (await visits.enter(entering)).state is VisitState.IN_CONSULTATION
    assert await visits.ports.change(HARBOUR, "v", VisitAction.REFUSE) == (
        False,
        await visits.ports.get(HARBOUR, "v"),
    )


async def test_of_many_who_enter_at_once_no_more_wait_than_may(visits: ClockedVisits) -> None:
    await visits.connect()
    answers = await asyncio.gather(
        *(visits.ports.enter(visit(f"v{n}"), ADA, KEEP_S, 5) for n in range(20)),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, QueueFullError)]
    assert len(refused) == 15
    assert len(await visits.ports.waiting(HARBOUR, "uid-1")) == 5


async def test_who_has_a_place_or_was_called_takes_nobody_elses(visits: ClockedVisits) -> None:
    await visits.enter(visit("v1"))
    assert (await visits.ports.enter(visit("v1"), ADA, KEEP_S, 1)).id == "v1"
    with pytest.raises(QueueFullError):
        await visits.ports.enter(visit("v2"), ADA, KEEP_S, 1)

    await visits.ports.change(HARBOUR, "v1", VisitAction.CALL_IN, "grace")
    assert (await visits.ports.enter(visit("v2"), ADA, KEEP_S, 1)).id == "v2"
    elsewhere = visit("v3", namespace=HILLS)
    assert (await visits.ports.enter(elsewhere, ADA, KEEP_S, 1)).id == "v3"


async def test_entering_many_times_at_once_makes_one_visit(visits: ClockedVisits) -> None:
    arrivals = range(1_000, 1_024)
    await visits.connect()

    answers = await asyncio.gather(
        *(visits.ports.enter(visit(arrived_ms=ms), ADA, KEEP_S) for ms in arrivals)
    )

    (row,) = await visits.ports.waiting(HARBOUR, "uid-1")
    assert answers == [row.visit] * len(arrivals)
    assert row.visit == await visits.ports.get(HARBOUR, "v")


@pytest.mark.parametrize("action", ENDINGS)
async def test_a_visit_that_is_over_is_answered_as_it_is_and_takes_no_personal_data(
    visits: ClockedVisits, action: VisitAction
) -> None:
    await visits.enter(visit())
    _, over = await visits.ports.change(HARBOUR, "v", action)

    assert await visits.ports.enter(visit(), ADA, KEEP_S) == over
    assert over is not None
    assert over.state is ENDINGS[action]
    assert await visits.ports.get(HARBOUR, "v") == over
    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.ports.waiting(HARBOUR, "uid-1") == ()


async def test_a_visit_that_is_over_before_it_enters_leaves_nothing_behind(
    visits: ClockedVisits,
) -> None:
    answer = await visits.ports.enter(visit(state=VisitState.LEFT), ADA, KEEP_S)

    assert (answer.id, answer.state) == ("v", VisitState.LEFT)
    assert await visits.ports.get(HARBOUR, "v") is None
    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.ports.waiting(HARBOUR, "uid-1") == ()


async def test_a_visit_that_never_entered_is_unknown(visits: ClockedVisits) -> None:
    await visits.enter(visit("another"))

    assert await visits.ports.get(HARBOUR, "v") is None
    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.ports.change(HARBOUR, "v", VisitAction.END) == (False, None)
    assert await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S) is None
    assert not await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    assert await visits.ports.get(HARBOUR, "v") is None


# ── time ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_visit_is_forgotten_when_nothing_was_heard_of_it_for_as_long_as_it_is_kept(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.pass_s(UNHEARD_S)
    assert await visits.ports.get(HARBOUR, "v") is not None
    assert await visits.ports.personal(HARBOUR, "v") is not None

    await visits.pass_s(KEEP_S - UNHEARD_S)

    assert await visits.ports.get(HARBOUR, "v") is None
    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.ports.waiting(HARBOUR, "uid-1") == ()
    assert await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN) == (False, None)
    assert await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S) is None
    assert not await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)


@pytest.mark.parametrize("word", ["enter", "claim", "heard"])
async def test_each_word_from_the_patient_keeps_the_visit_and_what_was_said_as_long_as_it_asks(
    visits: ClockedVisits, word: str
) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.pass_s(UNHEARD_S)
    if word == "enter":
        await visits.enter(visit(), keep_s=2 * KEEP_S)
    elif word == "claim":
        await visits.ports.claim(HARBOUR, "v", "socket-2", 2 * KEEP_S)
    else:
        assert await visits.ports.heard(HARBOUR, "v", "socket-1", 2 * KEEP_S)

    await visits.pass_s(KEEP_S + UNHEARD_S)

    assert len(await visits.ports.waiting(HARBOUR, "uid-1")) == 1
    assert await visits.ports.personal(HARBOUR, "v") == Personal(name="Ada")
    await visits.pass_s(60)
    assert await visits.ports.get(HARBOUR, "v") is None


async def test_what_staff_do_is_no_word_from_the_patient(visits: ClockedVisits) -> None:
    await visits.enter(visit())
    await visits.pass_s(UNHEARD_S)

    assert (await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace"))[0]
    await visits.pass_s(KEEP_S - UNHEARD_S)

    assert await visits.ports.get(HARBOUR, "v") is None
    assert await visits.ports.personal(HARBOUR, "v") is None


async def test_a_replaced_socket_does_not_keep_the_visit(visits: ClockedVisits) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.ports.claim(HARBOUR, "v", "socket-2", KEEP_S)
    await visits.pass_s(UNHEARD_S)

    assert not await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.pass_s(KEEP_S - UNHEARD_S)

    assert await visits.ports.get(HARBOUR, "v") is None


@pytest.mark.parametrize("keep_s", [60, 100 * RETENTION_S])
@pytest.mark.parametrize("action", ENDINGS)
async def test_a_visit_that_is_over_is_remembered_for_the_retention_time_and_no_longer(
    visits: ClockedVisits, action: VisitAction, keep_s: int
) -> None:
    await visits.enter(visit(), keep_s=keep_s)
    _, over = await visits.ports.change(HARBOUR, "v", action)
    await visits.pass_s(RETENTION_S - 60)

    assert over is not None
    assert await visits.ports.get(HARBOUR, "v") == over
    await visits.pass_s(60)
    assert await visits.ports.get(HARBOUR, "v") is None


async def test_no_word_from_the_patient_prolongs_the_memory_of_a_visit_that_is_over(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    _, over = await visits.ports.change(HARBOUR, "v", VisitAction.END)
    await visits.pass_s(RETENTION_S - 60)

    assert await visits.enter(visit()) == over
    assert await visits.ports.claim(HARBOUR, "v", "socket-2", KEEP_S) == over
    assert await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    assert await visits.ports.change(HARBOUR, "v", VisitAction.END) == (False, over)
    await visits.pass_s(60)

    assert await visits.ports.get(HARBOUR, "v") is None


# ── the store's life ──────────────────────────────────────────────────────────────────────────


async def test_the_stores_life_keeps_its_name_whoever_asks_and_whatever_happens(
    visits: ClockedVisits,
) -> None:
    names = await asyncio.gather(*(visits.ports.life() for _ in range(16)))
    await visits.bring(VisitState.ENDED)
    await visits.pass_s(1_000_000)

    assert {*names, await visits.other.life()} == {names[0]}
    assert names[0]


async def test_a_store_that_was_emptied_has_another_life_and_takes_the_visit_back_at_its_place(
    visits: ClockedVisits,
) -> None:
    before = await visits.ports.life()
    await visits.enter(visit("early", arrived_ms=1_000))
    await visits.empty()

    assert await visits.ports.get(HARBOUR, "early") is None
    assert await visits.ports.personal(HARBOUR, "early") is None
    assert await visits.ports.waiting(HARBOUR, "uid-1") == ()
    after = await visits.ports.life()
    await visits.enter(visit("late", arrived_ms=2_000))
    await visits.enter(visit("early", arrived_ms=1_000))
    assert after == await visits.other.life() != before
    assert await visits.queue() == ["early", "late"]


async def test_each_life_has_a_name_of_its_own(visits: ClockedVisits) -> None:
    names: set[str] = set()
    for _ in range(4):
        names.add(await visits.ports.life())
        await visits.empty()

    assert len(names) == 4


# ── two organisations ─────────────────────────────────────────────────────────────────────────


async def test_two_organisations_do_not_see_one_another(visits: ClockedVisits) -> None:
    await visits.enter(visit(), name="Ada")
    await visits.enter(visit(namespace=HILLS, arrived_ms=7), name="Hedy")
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.ports.claim(HILLS, "v", "socket-2", KEEP_S)
    theirs = await visits.ports.get(HILLS, "v")

    assert not await visits.ports.heard(HILLS, "v", "socket-1", KEEP_S)
    assert (await visits.ports.change(HARBOUR, "v", VisitAction.END))[0]

    assert await visits.ports.get(HILLS, "v") == theirs
    assert await visits.ports.personal(HILLS, "v") == Personal(name="Hedy")
    assert [row.personal.name for row in await visits.ports.waiting(HILLS, "uid-1")] == ["Hedy"]
    assert await visits.ports.waiting(HARBOUR, "uid-1") == ()


async def test_a_visit_of_another_organisation_is_unknown_by_its_name(
    visits: ClockedVisits,
) -> None:
    stored = await visits.enter(visit())

    assert await visits.ports.get(HILLS, "v") is None
    assert await visits.ports.personal(HILLS, "v") is None
    assert await visits.ports.change(HILLS, "v", VisitAction.END) == (False, None)
    assert await visits.ports.claim(HILLS, "v", "socket-1", KEEP_S) is None
    assert await visits.ports.waiting(HILLS, "uid-1") == ()
    assert await visits.ports.get(HARBOUR, "v") == stored
