"""Every step of a visit is counted and recorded by the step itself, and no visit goes without an outcome.

Every clause holds for the memory implementation and for the scripts on a real store of each kind.
"""

import asyncio

import pytest
from teleward_gateway.core.accounts import DAY_S, Came, Outcome, Spread
from teleward_gateway.core.audit import (
    DONE,
    GATEWAY,
    GUEST,
    MOST_REFUSALS_A_MINUTE,
    PATIENT,
    REFUSED,
    TOO_MANY,
    Event,
)
from teleward_gateway.core.staff import identity
from teleward_gateway.core.visits import (
    OVER,
    TRANSITIONS,
    Carried,
    Destination,
    VisitAction,
    VisitState,
)
from teleward_gateway.errors import QueueFullError
from teleward_gateway.ports.books import TAKEN_S
from teleward_testing.visiting import (
    HARBOUR,
    HILLS,
    KEEP_S,
    PATHS,
    ClockedVisits,
    visit,
)

EYES = Destination(
    clinic="eyes", clinic_uid="uid-2", at_most=5, came_from="Cardiology", came_from_uid="uid-1"
)


async def take(
    visits: ClockedVisits, *steps: VisitAction, by: str = "grace", of: str = "v"
) -> None:
    for step in steps:
        carried = Carried(to=EYES) if step is VisitAction.TRANSFER else Carried()
        who = "" if step in (VisitAction.JOIN, VisitAction.LEAVE) else by
        assert (await visits.ports.change(HARBOUR, of, step, who, carried))[0]


# ── reports ───────────────────────────────────────────────────────────────────────────────────


async def test_a_consultation_is_counted_with_how_long_was_waited_and_how_long_it_took(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.pass_s(400)
    await take(visits, VisitAction.CALL_IN)
    await visits.pass_s(30)
    await take(visits, VisitAction.JOIN)
    await visits.pass_s(1000)
    await take(visits, VisitAction.END)

    assert await visits.counted() == {
        "entered": 1, "consulted": 1, "waited:600": 1, "consultation:1200": 1,
    }  # fmt: skip


async def test_hold_is_part_of_a_consultation_and_being_sent_back_is_its_end(
    visits: ClockedVisits,
) -> None:
    await visits.bring(VisitState.IN_CONSULTATION)
    await take(visits, VisitAction.HOLD, VisitAction.RESUME, VisitAction.JOIN)
    await visits.pass_s(100)
    await take(visits, VisitAction.RETURN)
    await visits.pass_s(2000)
    await take(visits, VisitAction.CALL_IN, VisitAction.JOIN, VisitAction.LEAVE)

    assert await visits.counted() == {
        "entered": 1, "consulted": 1, "waited:60": 1, "waited:2700": 1,
        "consultation:120": 1, "consultation:60": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ((VisitAction.LEAVE,), Outcome.LEFT),
        ((VisitAction.END,), Outcome.UNSEEN),
        ((VisitAction.REFUSE,), Outcome.REFUSED),
        ((VisitAction.CALL_IN, VisitAction.LEAVE), Outcome.LEFT),
        ((VisitAction.CALL_IN, VisitAction.JOIN, VisitAction.LEAVE), Outcome.CONSULTED),
        (
            (VisitAction.CALL_IN, VisitAction.JOIN, VisitAction.RETURN, VisitAction.REFUSE),
            Outcome.CONSULTED,
        ),
    ],
)
async def test_a_visit_that_is_over_has_one_outcome(
    visits: ClockedVisits, steps: tuple[VisitAction, ...], outcome: Outcome
) -> None:
    await visits.enter(visit())
    await take(visits, *steps)

    counted = await visits.counted()
    assert {what: counted[what] for what in Outcome if what in counted} == {outcome: 1}
    assert (f"{Spread.IN_VAIN}:60" in counted) is (steps == (VisitAction.LEAVE,))


async def test_a_transfer_is_an_outcome_here_and_an_arrival_there(visits: ClockedVisits) -> None:
    await visits.bring(VisitState.IN_CONSULTATION)
    await visits.pass_s(70)
    await take(visits, VisitAction.TRANSFER)
    await visits.pass_s(200)
    await take(visits, VisitAction.CALL_IN, VisitAction.LEAVE)

    assert await visits.counted() == {
        "entered": 1, "waited:60": 1, "consultation:120": 1, "transferred": 1,
    }  # fmt: skip
    assert await visits.counted("eyes") == {"transferred_here": 1, "waited:300": 1, "left": 1}


async def test_what_does_not_happen_is_not_counted(visits: ClockedVisits) -> None:
    await visits.bring(VisitState.WAITING)
    before = await visits.counted()

    await visits.enter(visit())
    for step in (VisitAction.JOIN, VisitAction.HOLD, VisitAction.RESUME):
        assert not (await visits.ports.change(HARBOUR, "v", step, "grace"))[0]
    full = Carried(to=EYES.model_copy(update={"at_most": 0}))
    with pytest.raises(QueueFullError):
        await visits.ports.change(HARBOUR, "v", VisitAction.TRANSFER, "grace", full)

    assert await visits.counted() == before


async def test_of_many_who_act_at_once_one_is_counted(visits: ClockedVisits) -> None:
    await visits.bring(VisitState.CALLED)
    await visits.connect()
    await asyncio.gather(
        *(visits.ports.change(HARBOUR, "v", VisitAction.END, f"user-{n}") for n in range(20))
    )

    assert await visits.counted() == {"entered": 1, "waited:60": 1, "unseen": 1}


@pytest.mark.parametrize("state", [state for state in VisitState if state not in OVER])
async def test_a_visit_whose_page_vanished_has_an_outcome_by_whichever_gateway_sweeps(
    visits: ClockedVisits, state: VisitState
) -> None:
    await visits.bring(state)
    await visits.pass_s(KEEP_S + 1)

    swept = await asyncio.gather(
        *(ports.sweep(HARBOUR) for ports in (visits.ports, visits.other) for _ in range(3))
    )

    counted = await visits.counted()
    is_consulted = state in (VisitState.IN_CONSULTATION, VisitState.ON_HOLD)
    outcome = Outcome.CONSULTED if is_consulted else Outcome.VANISHED
    assert sum(swept) == 1
    assert {what: counted[what] for what in Outcome if what in counted} == {outcome: 1}
    assert (await visits.recorded())[-1] == ("vanish", GATEWAY, DONE)
    assert await visits.ports.get(HARBOUR, "v") is None


@pytest.mark.parametrize("finder", ["get", "claim", "heard", "change", "enter"])
async def test_who_finds_a_vanished_visit_before_the_sweep_finds_none_and_counts_it(
    visits: ClockedVisits, finder: str
) -> None:
    await visits.bring(VisitState.WAITING)
    await visits.ports.claim(HARBOUR, "v", "socket", KEEP_S)
    await visits.pass_s(KEEP_S + 1)
    ports = visits.ports

    if finder == "get":
        assert await ports.get(HARBOUR, "v") is None
    elif finder == "claim":
        assert await ports.claim(HARBOUR, "v", "socket-2", KEEP_S) is None
    elif finder == "heard":
        assert not await ports.heard(HARBOUR, "v", "socket", KEEP_S)
    elif finder == "change":
        assert await ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace") == (False, None)
    else:
        assert (await visits.enter(visit())).state is VisitState.WAITING

    assert await ports.sweep(HARBOUR) == 0
    assert (await visits.counted())[Outcome.VANISHED] == 1


async def test_a_visit_that_is_heard_of_is_not_swept(visits: ClockedVisits) -> None:
    await visits.enter(visit())
    await visits.ports.claim(HARBOUR, "v", "socket", KEEP_S)
    await visits.pass_s(KEEP_S - 60)
    assert await visits.ports.heard(HARBOUR, "v", "socket", KEEP_S)
    await visits.pass_s(KEEP_S - 60)

    assert await visits.ports.sweep(HARBOUR) == 0
    assert await visits.queue() == ["v"]


async def test_no_visit_is_without_an_outcome(visits: ClockedVisits) -> None:
    """Whatever happened: who came in is inside, or has one outcome for each clinic."""
    reached = [(state, step) for step, moves in TRANSITIONS.items() for state in moves]
    for number, (state, step) in enumerate(reached):
        await visits.bring(state, f"v{number}")
        carried = Carried(to=EYES.model_copy(update={"at_most": 99}))
        await visits.ports.change(
            HARBOUR, f"v{number}", step, "grace",
            carried if step is VisitAction.TRANSFER else Carried(),
        )  # fmt: skip

    for clinic, uid in (("cardiology", "uid-1"), ("eyes", "uid-2")):
        counted = await visits.counted(clinic)
        came = sum(counted.get(what, 0) for what in Came)
        gone = sum(counted.get(what, 0) for what in Outcome)
        assert came - gone == len(await visits.queue(uid))
    await visits.pass_s(KEEP_S + 1)
    await visits.ports.sweep(HARBOUR)
    for clinic in ("cardiology", "eyes"):
        counted = await visits.counted(clinic)
        assert sum(counted.get(w, 0) for w in Came) == sum(counted.get(w, 0) for w in Outcome)


async def test_it_is_counted_on_the_day_of_the_clinics_own_clock(visits: ClockedVisits) -> None:
    far = visit("far").model_copy(update={"utc_offset_s": 3 * 86_400})
    await visits.enter(far)

    (day,) = await visits.reports.days(HARBOUR, ["cardiology"], 0, 40_000)

    assert day.day == visits.today + 3


async def test_an_organisation_reads_its_own_counts_alone(visits: ClockedVisits) -> None:
    await visits.enter(visit())
    await visits.enter(visit("w", namespace=HILLS))

    assert await visits.reports.clinics(HARBOUR) == {"cardiology"}
    assert (await visits.counted()) == {"entered": 1}
    assert await visits.reports.days(HARBOUR, ["eyes"], 0, 40_000) == ()


async def test_a_clinic_of_which_nothing_is_kept_any_more_is_not_named(
    visits: ClockedVisits,
) -> None:
    await visits.enter(visit())
    await visits.pass_s(visits.keeping.report_keep_s - 30 * DAY_S)
    await visits.enter(visit("w").model_copy(update={"clinic": "eyes"}))
    assert await visits.reports.clinics(HARBOUR) == {"cardiology", "eyes"}

    await visits.pass_s(60 * DAY_S)

    assert await visits.reports.clinics(HARBOUR) == {"eyes"}


async def test_the_meter_hears_what_the_store_counted(visits: ClockedVisits) -> None:
    await visits.bring(VisitState.IN_CONSULTATION)
    await take(visits, VisitAction.END)

    expected = [Spread.WAITED, Spread.CONSULTATION, Outcome.CONSULTED]
    assert [what for what, _ in visits.told] == ([] if visits.is_in_memory else expected)


# ── audit ─────────────────────────────────────────────────────────────────────────────────────


async def test_each_step_is_recorded_with_who_took_it_by_a_pseudonym(
    visits: ClockedVisits,
) -> None:
    grace = visits.keeping.pseudonyms.staff(HARBOUR, "grace")
    await visits.enter(visit().model_copy(update={"pseudonym": "p"}))
    await take(
        visits, VisitAction.CALL_IN, VisitAction.JOIN, VisitAction.JOIN, VisitAction.HAND_OVER,
        VisitAction.END,
    )  # fmt: skip

    assert await visits.recorded() == [
        ("enter", PATIENT, DONE), ("call_in", grace, DONE), ("join", PATIENT, DONE),
        ("hand_over", grace, DONE), ("end", grace, DONE),
    ]  # fmt: skip
    page = await visits.audit.page(HARBOUR, 100)
    assert {(one.event.clinic, one.event.visit) for one in page} == {("cardiology", "p")}
    assert grace != visits.keeping.pseudonyms.staff(HILLS, "grace")
    assert "grace" not in grace


async def test_a_person_has_one_pseudonym_in_steps_and_in_all_else(visits: ClockedVisits) -> None:
    names = visits.keeping.pseudonyms
    await visits.enter(visit())
    await take(visits, VisitAction.CALL_IN, by=identity("grace@x.org", "house"))

    assert (await visits.recorded())[-1] == ("call_in", names.staff(HARBOUR, "Grace@x.org"), DONE)
    assert names.staff(HARBOUR, "grace@x.org") == names.staff(HARBOUR, "Grace@x.org")
    assert names.staff(HARBOUR, "grace") != names.staff(HARBOUR, "Grace")


async def test_staff_who_came_too_late_are_recorded_and_patients_are_not(
    visits: ClockedVisits,
) -> None:
    grace = visits.keeping.pseudonyms.staff(HARBOUR, "grace")
    await visits.bring(VisitState.CALLED)
    begun = len(await visits.recorded())

    await visits.ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace")
    await visits.ports.change(HARBOUR, "v", VisitAction.HOLD, "grace", Carried(at="uid-9"))
    await visits.ports.change(HARBOUR, "nobody", VisitAction.END, "grace")
    await visits.ports.change(HARBOUR, "nobody", VisitAction.LEAVE)
    await visits.enter(visit("w"))
    await visits.ports.change(HARBOUR, "w", VisitAction.ADD, "grace", Carried(host="nobody"))

    assert (await visits.recorded())[begun:] == [
        ("call_in", grace, REFUSED), ("hold", grace, REFUSED), ("end", grace, REFUSED),
        ("enter", PATIENT, DONE), ("add", grace, REFUSED),
    ]  # fmt: skip


async def test_refusals_are_recorded_up_to_a_number_and_what_happened_is_without_bound(
    visits: ClockedVisits,
) -> None:
    for _ in range(MOST_REFUSALS_A_MINUTE + 20):
        await visits.audit.note(HARBOUR, Event("see_queue", "staff:x", outcome=REFUSED))
    await visits.enter(visit())

    outcomes = [outcome for _, _, outcome in await visits.recorded()]
    assert outcomes == [*[REFUSED] * MOST_REFUSALS_A_MINUTE, TOO_MANY, DONE]


async def test_who_tries_links_from_outside_hides_nothing_that_staff_were_refused(
    visits: ClockedVisits,
) -> None:
    for _ in range(MOST_REFUSALS_A_MINUTE + 20):
        await visits.audit.note(HARBOUR, Event("redeem", GUEST, outcome=REFUSED))
    await visits.audit.note(HARBOUR, Event("see_queue", "staff:x", outcome=REFUSED))

    assert (await visits.recorded())[-2:] == [
        ("redeem", GUEST, TOO_MANY), ("see_queue", "staff:x", REFUSED),
    ]  # fmt: skip


async def test_the_audit_is_read_page_by_page_newest_first(visits: ClockedVisits) -> None:
    for n in range(7):
        await visits.audit.note(HARBOUR, Event(f"deed-{n}", "staff:x"))
    await visits.audit.note(HILLS, Event("elsewhere", "staff:x"))

    read: list[str] = []
    before = ""
    while page := await visits.audit.page(HARBOUR, 3, before):
        read += [one.event.what for one in page]
        before = page[-1].id
    assert read == [f"deed-{n}" for n in range(7)][::-1]


async def test_what_was_taken_and_not_shipped_is_taken_again(visits: ClockedVisits) -> None:
    assert await visits.audit.take(HARBOUR, 10) == ()
    for n in range(5):
        await visits.audit.note(HARBOUR, Event(f"deed-{n}", "staff:x"))

    first = await visits.audit.take(HARBOUR, 3)
    second = await visits.audit.take(HARBOUR, 10)
    assert [one.event.what for one in (*first, *second)] == [f"deed-{n}" for n in range(5)]
    assert await visits.audit.take(HARBOUR, 10) == ()

    await visits.audit.shipped(HARBOUR, [one.id for one in first])
    await visits.grow_idle(TAKEN_S)
    again = await visits.audit.take(HARBOUR, 10)
    assert again == second
    await visits.audit.shipped(HARBOUR, [one.id for one in again])
    await visits.grow_idle(TAKEN_S)
    assert await visits.audit.take(HARBOUR, 10) == ()


async def test_gateways_that_take_at_once_take_each_record_once(visits: ClockedVisits) -> None:
    for n in range(40):
        await visits.audit.note(HARBOUR, Event(f"deed-{n}", "staff:x"))

    taken = await asyncio.gather(*(visits.audit.take(HARBOUR, 7) for _ in range(8)))

    ids = [one.id for some in taken for one in some]
    assert len(ids) == len(set(ids)) == 40


async def test_nothing_in_the_audit_is_older_than_its_retention(visits: ClockedVisits) -> None:
    await visits.audit.note(HARBOUR, Event("old", "staff:x"))
    await visits.age_audit()
    await visits.audit.note(HARBOUR, Event("new", "staff:x"))

    assert [what for what, _, _ in await visits.recorded()] == ["new"]


async def test_every_state_has_a_path_here() -> None:
    assert set(PATHS) == set(VisitState)
