"""A visit moves one step at a time, along its table, to one winner, whoever acts on it at once.

Every clause holds for the memory implementation and for the scripts on a real store of each kind.
"""

import asyncio

import pytest
from teleward_gateway.core.visits import (
    OVER,
    Carried,
    Destination,
    Personal,
    Visit,
    VisitAction,
    VisitState,
    Words,
    take,
)
from teleward_gateway.errors import QueueFullError
from teleward_testing.visiting import (
    ADA,
    ENDINGS,
    HARBOUR,
    HILLS,
    KEEP_S,
    RETENTION_S,
    SOON,
    UNHEARD_S,
    ClockedVisits,
    visit,
)

LATER = Words(texts={"und": "Ring at 5."}, at_ms=1_794_999_000_002)
ELSEWHERE = Destination(
    clinic="eyes", clinic_uid="uid-2", at_most=2, came_from="Cardiology", came_from_uid="uid-1"
)


# ── it moves along its table ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", list(VisitAction))
@pytest.mark.parametrize("state", list(VisitState))
async def test_each_action_is_carried_out_where_the_table_allows_it_and_nowhere_else(
    visits: ClockedVisits, state: VisitState, action: VisitAction
) -> None:
    before = await visits.bring(state)
    to = ELSEWHERE if action is VisitAction.TRANSFER else None
    carried = Carried(at="uid-1", priority=3, owner="ida", to=to)
    after = take(before, action, "hedy", carried)

    answer = await visits.other.change(HARBOUR, "v", action, "hedy", carried)

    assert answer == (after is not None, after or before)
    assert await visits.ports.get(HARBOUR, "v") == (after or before)


@pytest.mark.parametrize("action", list(VisitAction))
async def test_nothing_is_done_to_a_visit_that_is_in_another_clinic_than_thought(
    visits: ClockedVisits, action: VisitAction
) -> None:
    before = await visits.enter(visit())

    answer = await visits.ports.change(
        HARBOUR, "v", action, "hedy", Carried(at="uid-2", words=SOON)
    )

    assert answer == (False, before)
    assert await visits.ports.words(HARBOUR, "v") is None


@pytest.mark.parametrize("user", ["ada", "-", "0", 'ünal/"o\\\'hara" 🙂', ""])
async def test_who_called_in_is_noted_whatever_they_are_called_and_returning_takes_it_back(
    visits: ClockedVisits, user: str
) -> None:
    await visits.enter(visit())

    was_allowed, called = await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, user)
    _, joined = await visits.ports.change(HARBOUR, "v", VisitAction.JOIN)
    _, returned = await visits.ports.change(HARBOUR, "v", VisitAction.RETURN)

    assert was_allowed
    assert [step and step.called_by for step in (called, joined, returned)] == [user, user, ""]


@pytest.mark.parametrize("action", ENDINGS)
async def test_the_personal_data_is_gone_when_the_visit_is_over(
    visits: ClockedVisits, action: VisitAction
) -> None:
    await visits.ports.enter(visit(), ADA, KEEP_S)
    assert await visits.ports.personal(HARBOUR, "v") == ADA
    assert len(await visits.other.waiting(HARBOUR, "uid-1")) == 1

    await visits.ports.change(HARBOUR, "v", action)

    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.other.waiting(HARBOUR, "uid-1") == ()


@pytest.mark.parametrize("state", [state for state in VisitState if state not in OVER])
async def test_the_personal_data_stays_as_long_as_the_visit_lasts(
    visits: ClockedVisits, state: VisitState
) -> None:
    await visits.bring(state)

    assert await visits.ports.personal(HARBOUR, "v") == Personal(name="Ada")


async def test_of_many_who_call_in_at_once_exactly_one_wins(visits: ClockedVisits) -> None:
    await visits.enter(visit())
    staff = [f"staff-{n}" for n in range(24)]
    await visits.connect()

    answers = await asyncio.gather(
        *(
            (visits.ports, visits.other)[n % 2].change(HARBOUR, "v", VisitAction.CALL_IN, user)
            for n, user in enumerate(staff)
        )
    )

    (winner,) = [user for user, (won, _) in zip(staff, answers, strict=True) if won]
    stored = await visits.ports.get(HARBOUR, "v")
    assert stored is not None
    assert (stored.state, stored.called_by) == (VisitState.CALLED, winner)
    assert [now for _, now in answers] == [stored] * len(staff)


async def test_of_many_who_end_a_visit_differently_at_once_exactly_one_wins(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    actions = list(ENDINGS) * 8
    await visits.connect()

    answers = await asyncio.gather(
        *(visits.ports.change(HARBOUR, "v", action) for action in actions)
    )

    (winner,) = [action for action, (won, _) in zip(actions, answers, strict=True) if won]
    assert {now and now.state for _, now in answers} == {ENDINGS[winner]}
    assert await visits.ports.personal(HARBOUR, "v") is None


async def test_of_many_who_give_a_visit_away_at_once_exactly_one_wins(
    visits: ClockedVisits,
) -> None:
    before = await visits.bring(VisitState.CALLED)
    await visits.connect()

    answers = await asyncio.gather(
        *(
            (visits.ports, visits.other)[n % 2].change(
                HARBOUR, "v", VisitAction.HAND_OVER, "grace",
                Carried(owner=f"staff-{n}", owned_by="grace"),
            )
            for n in range(24)
        )
    )  # fmt: skip

    (winner,) = [n for n, (won, _) in enumerate(answers) if won]
    after = before.model_copy(update={"called_by": f"staff-{winner}", "changed_by": "grace"})
    assert await visits.ports.get(HARBOUR, "v") == after
    assert [now for _, now in answers] == [after] * 24


@pytest.mark.parametrize("owned_by", ["", "ada", "grace "])
async def test_who_does_not_own_a_visit_any_more_does_not_give_it_away(
    visits: ClockedVisits, owned_by: str
) -> None:
    before = await visits.bring(VisitState.ON_HOLD)

    answer = await visits.ports.change(
        HARBOUR, "v", VisitAction.HAND_OVER, "x", Carried(owner="x", owned_by=owned_by)
    )

    assert answer == (False, before)


# ── it goes to another clinic ─────────────────────────────────────────────────────────────────


async def transfer(
    visits: ClockedVisits, visit_id: str = "v", to: Destination = ELSEWHERE
) -> tuple[bool, Visit | None]:
    return await visits.other.change(
        HARBOUR, visit_id, VisitAction.TRANSFER, "grace", Carried(at="uid-1", to=to)
    )


async def test_a_visit_that_is_transferred_stands_in_the_other_queue_at_its_time_of_arrival(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit("b", arrived_ms=2_000))
    await visits.enter(visit("c", arrived_ms=3_000, clinic_uid="uid-2"))
    before = await visits.ports.claim(HARBOUR, "b", "socket-1", KEEP_S)
    await visits.ports.change(HARBOUR, "b", VisitAction.MESSAGE, "", Carried(words=SOON))
    assert before is not None

    allowed, now = await transfer(visits, "b")

    assert allowed
    assert now == before.model_copy(
        update={
            "clinic": "eyes", "clinic_uid": "uid-2", "changed_by": "grace",
            "came_from": "Cardiology", "came_from_uid": "uid-1",
        }
    )  # fmt: skip
    assert await visits.queue("uid-1") == []
    assert await visits.queue("uid-2") == ["b", "c"]
    assert await visits.ports.personal(HARBOUR, "b") == Personal(name="Ada")
    assert await visits.ports.words(HARBOUR, "b") is None
    assert await visits.ports.heard(HARBOUR, "b", "socket-1", KEEP_S)
    assert await visits.queue("uid-1") == []
    assert await visits.enter(visit("b", arrived_ms=1)) == await visits.ports.get(HARBOUR, "b")
    assert await visits.queue("uid-2") == ["b", "c"]


async def test_no_more_visits_are_transferred_than_may_wait_there(visits: ClockedVisits) -> None:
    names = [f"v{n}" for n in range(8)]
    for name in names:
        await visits.enter(visit(name))
    await visits.connect()

    answers = await asyncio.gather(
        *(transfer(visits, name) for name in names), return_exceptions=True
    )

    assert sum(isinstance(answer, QueueFullError) for answer in answers) == 6
    assert len(await visits.queue("uid-2")) == 2
    assert len(await visits.queue("uid-1")) == 6


async def test_of_many_who_transfer_and_call_in_at_once_exactly_one_wins(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.connect()

    async def call_in() -> tuple[bool, Visit | None]:
        return await visits.ports.change(
            HARBOUR, "v", VisitAction.CALL_IN, "ada", Carried(at="uid-1")
        )

    waiting = Carried(at="uid-1", owned_by="", to=ELSEWHERE)
    answers = await asyncio.gather(
        *(
            call_in()
            if n % 2
            else visits.other.change(HARBOUR, "v", VisitAction.TRANSFER, "grace", waiting)
            for n in range(24)
        )
    )

    assert sum(allowed for allowed, _ in answers) == 1
    assert len({now and now.changed_by for _, now in answers}) == 1


async def test_a_visit_that_was_transferred_goes_on_and_ends_in_the_other_clinic(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await transfer(visits)
    there = Carried(at="uid-2")

    assert not (
        await visits.ports.change(HARBOUR, "v", VisitAction.END, "x", Carried(at="uid-1"))
    )[0]
    assert (await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, "x", there))[0]
    assert (await visits.ports.change(HARBOUR, "v", VisitAction.END, "x", there))[0]
    assert await visits.ports.personal(HARBOUR, "v") is None
    assert await visits.queue("uid-2") == []


# ── what staff write ──────────────────────────────────────────────────────────────────────────


async def test_the_newest_message_stands_beside_the_visit(visits: ClockedVisits) -> None:
    await visits.enter(visit())
    assert await visits.ports.words(HARBOUR, "v") is None

    for words in (SOON, LATER):
        allowed, now = await visits.ports.change(
            HARBOUR, "v", VisitAction.MESSAGE, "grace", Carried(words=words)
        )
        assert (allowed, now and now.state) == (True, VisitState.WAITING)

        assert await visits.other.words(HARBOUR, "v") == words
        (row,) = await visits.other.waiting(HARBOUR, "uid-1")
        assert row.words == words


async def test_a_message_to_all_reaches_who_waits_in_this_clinic_and_nobody_else(
    visits: ClockedVisits,
) -> None:
    for name, clinic_uid in (("a", "uid-1"), ("b", "uid-1"), ("c", "uid-1"), ("d", "uid-2")):
        await visits.enter(visit(name, clinic_uid=clinic_uid))
    await visits.enter(visit("a", namespace=HILLS))
    await visits.ports.change(HARBOUR, "c", VisitAction.CALL_IN, "grace")

    await visits.bring(VisitState.ON_HOLD, "h")

    assert await visits.ports.tell_all(HARBOUR, "uid-1", SOON) == 3

    told = {name: await visits.other.words(HARBOUR, name) for name in "abcdh"}
    assert told == {"a": SOON, "b": SOON, "c": None, "d": None, "h": SOON}
    assert await visits.ports.words(HILLS, "a") is None


@pytest.mark.parametrize("action", ENDINGS)
async def test_what_was_written_is_gone_with_the_visit(
    visits: ClockedVisits, action: VisitAction
) -> None:
    await visits.enter(visit())
    await visits.ports.change(HARBOUR, "v", VisitAction.MESSAGE, "", Carried(words=SOON))

    await visits.ports.change(HARBOUR, "v", action)

    assert await visits.ports.words(HARBOUR, "v") is None
    assert await visits.ports.change(
        HARBOUR, "v", VisitAction.MESSAGE, "", Carried(words=LATER)
    ) == (False, await visits.ports.get(HARBOUR, "v"))
    assert await visits.ports.tell_all(HARBOUR, "uid-1", LATER) == 0
    assert await visits.ports.words(HARBOUR, "v") is None


async def test_the_words_of_a_refusal_are_remembered_as_long_as_the_visit(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.ports.change(HARBOUR, "v", VisitAction.MESSAGE, "", Carried(words=SOON))

    await visits.ports.change(HARBOUR, "v", VisitAction.REFUSE, "grace", Carried(words=LATER))

    assert await visits.ports.words(HARBOUR, "v") == LATER
    await visits.pass_s(RETENTION_S - 60)
    assert await visits.ports.words(HARBOUR, "v") == LATER
    await visits.pass_s(60)
    assert await visits.ports.words(HARBOUR, "v") is None


async def test_what_was_written_is_kept_as_long_as_the_visit_and_forgotten_with_it(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.ports.tell_all(HARBOUR, "uid-1", SOON)
    await visits.pass_s(UNHEARD_S)
    await visits.ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    await visits.pass_s(UNHEARD_S)
    assert await visits.ports.words(HARBOUR, "v") == SOON

    await visits.pass_s(KEEP_S)

    assert await visits.ports.words(HARBOUR, "v") is None


async def test_messages_are_counted_for_each_clinic_and_for_a_while(
    visits: ClockedVisits,
) -> None:
    counts = [await visits.ports.count_message(HARBOUR, "uid-1", 60) for _ in range(3)]
    assert counts == [1, 2, 3]
    assert await visits.other.count_message(HARBOUR, "uid-2", 60) == 1
    assert await visits.other.count_message(HILLS, "uid-1", 60) == 1

    await visits.pass_s(59)
    assert await visits.ports.count_message(HARBOUR, "uid-1", 60) == 4
    await visits.pass_s(1)
    assert await visits.ports.count_message(HARBOUR, "uid-1", 60) == 1


# ── several visits share a call ───────────────────────────────────────────────────────────────


async def host_and_added(visits: ClockedVisits) -> tuple[Visit, Carried]:
    """A consultation that runs, and what adding `w`, who waits, to it carries."""
    await visits.enter(visit("v"))
    called = Carried(at="uid-1", consultation="this")
    await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace", called)
    _, host = await visits.ports.change(HARBOUR, "v", VisitAction.JOIN)
    await visits.enter(visit("w"))
    assert host is not None
    return host, Carried(at="uid-1", consultation="this", into=host.call, host="v")


async def test_a_patient_is_added_to_a_call_and_both_keep_a_state_of_their_own(
    visits: ClockedVisits,
) -> None:
    host, carried = await host_and_added(visits)

    allowed, added = await visits.other.change(HARBOUR, "w", VisitAction.ADD, "grace", carried)

    assert allowed
    assert added is not None
    assert (added.call, added.called_by) == (host.call, "grace")
    in_call = await visits.ports.in_call(HARBOUR, "uid-1", host.call)
    assert {one.id for one in in_call} == {"v", "w"}
    await visits.ports.change(HARBOUR, "v", VisitAction.END, "grace")
    assert [v.id for v in await visits.other.in_call(HARBOUR, "uid-1", host.call)] == ["w"]
    _, back = await visits.ports.change(HARBOUR, "w", VisitAction.RETURN, "grace")
    assert back is not None
    assert (back.into, back.consultation) == ("", "")
    assert await visits.ports.in_call(HARBOUR, "uid-1", host.call) == ()


@pytest.mark.parametrize(
    ("before", "by"),
    [
        (VisitAction.END, "grace"), (VisitAction.RETURN, "grace"), (VisitAction.LEAVE, ""),
        (None, "hedy"),
    ],
    ids=["ended", "waits again", "left", "somebody else's"],
)  # fmt: skip
async def test_nobody_is_added_to_what_does_not_run_or_is_somebody_elses(
    visits: ClockedVisits, before: VisitAction | None, by: str
) -> None:
    _, carried = await host_and_added(visits)
    waits = await visits.ports.get(HARBOUR, "w")
    if before is not None:
        await visits.ports.change(HARBOUR, "v", before, by)

    answer = await visits.other.change(HARBOUR, "w", VisitAction.ADD, by or "grace", carried)

    assert answer == (False, waits)
    assert await visits.ports.get(HARBOUR, "w") == waits


async def test_nobody_is_added_to_the_consultation_after_the_one_that_was_meant(
    visits: ClockedVisits,
) -> None:
    _, carried = await host_and_added(visits)
    await visits.ports.change(HARBOUR, "v", VisitAction.RETURN, "grace")
    again = Carried(at="uid-1", consultation="the next")
    await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace", again)

    allowed, _ = await visits.other.change(HARBOUR, "w", VisitAction.ADD, "grace", carried)

    assert not allowed


async def test_of_adding_and_ending_at_once_nobody_is_added_to_a_call_that_is_over(
    visits: ClockedVisits,
) -> None:
    await visits.connect()
    host, carried = await host_and_added(visits)

    (ended, _), (added, now) = await asyncio.gather(
        visits.ports.change(HARBOUR, "v", VisitAction.END, "grace"),
        visits.other.change(HARBOUR, "w", VisitAction.ADD, "grace", carried),
    )

    assert ended
    assert now is not None
    assert now.state is (VisitState.CALLED if added else VisitState.WAITING)
    expected = ["w"] if added else []
    assert [v.id for v in await visits.ports.in_call(HARBOUR, "uid-1", host.call)] == expected
