"""A visit is made once and moves one step at a time; when it is over, what the patient said is gone with that step.

Every clause holds for the memory implementation and for the scripts on a real store, unless it is about the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

import pytest
from redis.crc import key_slot
from teleward_cli.store import free_port
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import (
    OVER,
    Carried,
    Destination,
    Personal,
    Visit,
    VisitAction,
    VisitState,
    Waiting,
    Words,
    take,
)
from teleward_gateway.errors import QueueFullError
from teleward_testing.valkey import RunningValkey
from teleward_testing.visiting import (
    HARBOUR,
    HILLS,
    KEEP_S,
    PATHS,
    RETENTION_S,
    ClockedVisits,
    VisitsAndQueues,
    visit,
)

ADA = Personal(name="Ada", fields={"reason": "cough"}, locale="ar")
SOON = Words(texts={"en": "Soon.", "ar": "قريبا."}, at_ms=1_794_999_000_001)
LATER = Words(texts={"und": "Ring at 5."}, at_ms=1_794_999_000_002)
ELSEWHERE = Destination(
    clinic="eyes", clinic_uid="uid-2", at_most=2, came_from="Cardiology", came_from_uid="uid-1"
)
ENDINGS = {
    VisitAction.END: VisitState.ENDED,
    VisitAction.REFUSE: VisitState.REFUSED,
    VisitAction.LEAVE: VisitState.LEFT,
}
UNHEARD_S = KEEP_S - 60
"""Time that passes unnoticed: a minute less than a visit is kept."""

METHODS: dict[str, Callable[[VisitsAndQueues], Coroutine[object, object, object]]] = {
    "life": lambda ports: ports.life(),
    "enter": lambda ports: ports.enter(visit(), ADA, KEEP_S),
    "get": lambda ports: ports.get(HARBOUR, "v"),
    "personal": lambda ports: ports.personal(HARBOUR, "v"),
    "change": lambda ports: ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace"),
    "words": lambda ports: ports.words(HARBOUR, "v"),
    "tell_all": lambda ports: ports.tell_all(HARBOUR, "uid-1", SOON),
    "count_message": lambda ports: ports.count_message(HARBOUR, "uid-1", 60),
    "claim": lambda ports: ports.claim(HARBOUR, "v", "socket-1", KEEP_S),
    "heard": lambda ports: ports.heard(HARBOUR, "v", "socket-1", KEEP_S),
    "waiting": lambda ports: ports.waiting(HARBOUR, "uid-1"),
}


@pytest.fixture
def visits(held_in: Store | None, monkeypatch: pytest.MonkeyPatch) -> ClockedVisits:
    return ClockedVisits(held_in, monkeypatch)


@pytest.fixture
def own_valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as running:
        yield running


# ── a visit is made once ──────────────────────────────────────────────────────────────────────


async def test_a_visit_that_enters_is_stored_and_waits(visits: ClockedVisits) -> None:
    stored = await visits.ports.enter(visit(), ADA, KEEP_S)

    assert stored == visit().model_copy(update={"seen_ms": visits.clock.ms})
    assert await visits.other.get(HARBOUR, "v") == stored
    assert await visits.other.personal(HARBOUR, "v") == ADA


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
    await connect(visits)
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
    await connect(visits)

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
    await connect(visits)

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
    await connect(visits)

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
    await connect(visits)

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
    assert await queue(visits, "uid-1") == []
    assert await queue(visits, "uid-2") == ["b", "c"]
    assert await visits.ports.personal(HARBOUR, "b") == Personal(name="Ada")
    assert await visits.ports.words(HARBOUR, "b") is None
    assert await visits.ports.heard(HARBOUR, "b", "socket-1", KEEP_S)
    assert await queue(visits, "uid-1") == []
    assert await visits.enter(visit("b", arrived_ms=1)) == await visits.ports.get(HARBOUR, "b")
    assert await queue(visits, "uid-2") == ["b", "c"]


async def test_no_more_visits_are_transferred_than_may_wait_there(visits: ClockedVisits) -> None:
    names = [f"v{n}" for n in range(8)]
    for name in names:
        await visits.enter(visit(name))
    await connect(visits)

    answers = await asyncio.gather(
        *(transfer(visits, name) for name in names), return_exceptions=True
    )

    assert sum(isinstance(answer, QueueFullError) for answer in answers) == 6
    assert len(await queue(visits, "uid-2")) == 2
    assert len(await queue(visits, "uid-1")) == 6


async def test_of_many_who_transfer_and_call_in_at_once_exactly_one_wins(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await connect(visits)

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
    assert await queue(visits, "uid-2") == []


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


async def connect(visits: ClockedVisits) -> None:
    """Open as many connections as the race needs: who has to open one first comes too late to race."""
    await asyncio.gather(*(visits.ports.get(HARBOUR, "nobody") for _ in range(24)))


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
    assert await queue(visits) == ["early", "late"]


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


# ── the queue and the waiting sockets ─────────────────────────────────────────────────────────


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
    await connect(visits)

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

    assert await queue(visits) == ["a", "b", "c", "d"]


async def test_who_returns_from_being_called_has_the_old_place(visits: ClockedVisits) -> None:
    for visit_id, arrived_ms in (("a", 1_000), ("b", 2_000)):
        await visits.enter(visit(visit_id, arrived_ms=arrived_ms))

    await visits.ports.change(HARBOUR, "a", VisitAction.CALL_IN, "grace")
    assert await queue(visits) == ["a", "b"]
    await visits.ports.change(HARBOUR, "a", VisitAction.RETURN)
    await visits.ports.claim(HARBOUR, "a", "socket-1", KEEP_S)

    assert await queue(visits) == ["a", "b"]


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

    assert await queue(visits, "uid-1") == ["a"]
    assert await queue(visits, "uid-2") == ["b"]
    assert await queue(visits, "uid-3") == []


async def queue(visits: ClockedVisits, clinic_uid: str = "uid-1") -> list[str]:
    return [row.visit.id for row in await visits.other.waiting(HARBOUR, clinic_uid)]


# ── the real store ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [state for state in VisitState if state in OVER])
async def test_nothing_that_a_patient_said_stays_in_the_store_after_the_end(
    store: Store, state: VisitState
) -> None:
    canaries = ["Canary-Náme", "canary-label", "canary-answer", "canary-locale", "canary-word"]
    name, label, answer, locale, word = canaries
    personal = Personal(name=name, fields={label: answer}, locale=locale)
    ports = RedisVisits(store, RETENTION_S)
    await ports.life()
    await ports.enter(visit(), personal, KEEP_S)
    await ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    words = Words(texts={"en": word}, at_ms=1)
    await ports.change(HARBOUR, "v", VisitAction.MESSAGE, "grace", Carried(words=words))
    await ports.waiting(HARBOUR, "uid-1")
    held = await everything(store)
    assert [canary for canary in canaries if canary not in held] == []

    for action in PATHS[state]:
        assert (await ports.change(HARBOUR, "v", action, "grace"))[0]
    assert (await ports.enter(visit(), personal, KEEP_S)).state is state
    await ports.claim(HARBOUR, "v", "socket-2", KEEP_S)
    await ports.heard(HARBOUR, "v", "socket-1", KEEP_S)

    held = await everything(store)
    assert state in held
    assert [canary for canary in canaries if canary in held] == []


async def test_no_reader_ever_finds_a_visit_that_is_over_beside_its_personal_data(
    store: Store,
) -> None:
    ports = RedisVisits(store, RETENTION_S)
    names = [f"v{n}" for n in range(40)]
    for name in names:
        await ports.enter(visit(name), ADA, KEEP_S)
    where = [key(HARBOUR, name) for name in names for key in (keys.visit, keys.personal)]

    async def pairs() -> list[tuple[bool, bool]]:
        found = await store.redis.mget(where)
        states = [Visit.model_validate_json(str(text)).state for text in found[::2]]
        return [
            (state in OVER, said is not None)
            for state, said in zip(states, found[1::2], strict=True)
        ]

    async def end(name: str) -> None:
        await ports.change(HARBOUR, name, VisitAction.END)

    seen = set(await pairs())
    ending = asyncio.gather(*(end(name) for name in names))
    while not ending.done():
        seen.update(await pairs())
    await ending
    seen.update(await pairs())

    assert seen == {(False, True), (True, False)}


async def test_every_key_of_a_visit_expires_in_the_store(store: Store) -> None:
    ports = RedisVisits(store, RETENTION_S)
    await ports.life()
    await ports.enter(visit("stays"), ADA, KEEP_S)
    await ports.claim(HARBOUR, "stays", "socket-1", KEEP_S)
    await ports.change(HARBOUR, "stays", VisitAction.MESSAGE, "grace", Carried(words=SOON))
    await ports.change(HARBOUR, "stays", VisitAction.CALL_IN, "grace")
    await ports.count_message(HARBOUR, "uid-1", 60)
    await ports.enter(visit("refused"), ADA, KEEP_S)
    await ports.change(HARBOUR, "refused", VisitAction.REFUSE, "grace", Carried(words=SOON))
    await ports.enter(visit("goes"), ADA, KEEP_S)
    await ports.change(HARBOUR, "goes", VisitAction.LEAVE)

    left = {str(key): await store.redis.ttl(key) for key in await store.redis.keys("*")}

    assert left.pop(keys.LIFE) == -1
    assert left == {
        keys.visit(HARBOUR, "stays"): pytest.approx(KEEP_S, abs=30),
        keys.personal(HARBOUR, "stays"): pytest.approx(KEEP_S, abs=30),
        keys.words(HARBOUR, "stays"): pytest.approx(KEEP_S, abs=30),
        keys.messages(HARBOUR, "uid-1"): pytest.approx(60, abs=30),
        keys.visit(HARBOUR, "refused"): pytest.approx(RETENTION_S, abs=30),
        keys.words(HARBOUR, "refused"): pytest.approx(RETENTION_S, abs=30),
        keys.queue(HARBOUR, "uid-1"): pytest.approx(keys.QUEUE_TTL_S, abs=30),
        keys.visit(HARBOUR, "goes"): pytest.approx(RETENTION_S, abs=30),
    }
    assert await store.redis.zrange(keys.queue(HARBOUR, "uid-1"), 0, -1) == ["stays"]


async def test_a_gateway_that_comes_late_to_name_the_stores_life_takes_the_name_it_has(
    store: Store, valkey: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_about_to_name, is_named = asyncio.Event(), asyncio.Event()
    async with open_store(valkey.url) as late:
        at_once = late.redis.set

        async def wait_and_set(key: str, value: str, nx: bool = False) -> object:
            is_about_to_name.set()
            await is_named.wait()
            return await at_once(key, value, nx=nx)

        monkeypatch.setattr(late.redis, "set", wait_and_set)
        naming = asyncio.create_task(RedisVisits(late, RETENTION_S).life())
        await asyncio.wait_for(is_about_to_name.wait(), 10)
        name = await RedisVisits(store, RETENTION_S).life()
        is_named.set()

        assert await naming == name
    assert await RedisVisits(store, RETENTION_S).life() == name


async def test_all_visits_of_an_organisation_live_in_one_slot_of_a_cluster(store: Store) -> None:
    ports = RedisVisits(store, RETENTION_S)
    await ports.enter(visit("a"), ADA, KEEP_S)
    await ports.enter(visit("b", clinic_uid="uid-2"), ADA, KEEP_S)

    found = [str(key) for key in await store.redis.keys("*")]

    assert len(found) == 6
    assert len({key_slot(key.encode()) for key in found}) == 1


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisVisits]:
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as store:
        yield RedisVisits(store, RETENTION_S)


@pytest.mark.parametrize("method", METHODS)
async def test_a_store_that_is_not_there_is_unavailable_to_every_method(
    nowhere: RedisVisits, method: str
) -> None:
    with pytest.raises(RoutingUnavailableError):
        await METHODS[method](nowhere)


async def test_a_silent_store_is_unavailable_to_every_method_and_serves_when_it_is_back(
    own_valkey: RunningValkey,
) -> None:
    async with open_store(own_valkey.url) as store:
        ports = RedisVisits(store, RETENTION_S)
        for method in METHODS.values():
            await method(ports)
        own_valkey.pause()

        answers = await asyncio.gather(
            *(method(ports) for method in METHODS.values()), return_exceptions=True
        )

        own_valkey.resume()
        assert [type(answer) for answer in answers] == [RoutingUnavailableError] * len(METHODS)
        assert await ports.personal(HARBOUR, "v") == ADA


async def test_a_restarted_store_has_another_life_and_serves_at_once(
    own_valkey: RunningValkey,
) -> None:
    async with open_store(own_valkey.url) as store:
        ports = RedisVisits(store, RETENTION_S)
        before = await ports.life()
        await ports.enter(visit(), ADA, KEEP_S)

        own_valkey.restart()

        assert await ports.life() != before
        assert await ports.get(HARBOUR, "v") is None
        assert (await ports.enter(visit(), ADA, KEEP_S)).state is VisitState.WAITING


async def everything(store: Store) -> str:
    """All keys of the store and all that they hold, as one text."""
    found: list[object] = []
    for key in await store.redis.keys("*"):
        kind = await store.redis.type(key)
        assert kind in ("string", "zset"), f"this test cannot read {kind!r} yet"
        is_text = kind == "string"
        found += [key, await (store.redis.get(key) if is_text else store.redis.zrange(key, 0, -1))]
    return "\n".join(map(str, found))
