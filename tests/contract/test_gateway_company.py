"""Who else is in a consultation or a user room: patients who are added, guests of one visit, and nobody more."""

import asyncio

import pytest
from teleward_cli.demo.client import RefusedAnswerError, Visitor
from teleward_cli.demo.frames import Invited, Unknown
from teleward_contract.signalling import ParticipantRole, Ready, Remove
from teleward_gateway.core.guests import GuestState
from teleward_gateway.core.visits import VisitAction
from teleward_testing.doors import NOT_FOUND, first, knock_at_call
from teleward_testing.guest_house import (
    ADA,
    BEN,
    CAPACITY,
    DESK,
    GUEST_CALL,
    HARBOUR,
    WITHIN_S,
    GuestHouse,
    refused,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ── user rooms ────────────────────────────────────────────────────────────────────────────────


async def test_a_user_room_is_its_owners_and_others_see_neither_its_guests_nor_who_is_in_it(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    link = await house.invite(ada, "user", "ada")
    ida = await house.knocks(link)
    desk = await house.staff(DESK)

    for other in (ben, desk):
        assert await refused(house.invite(other, "user", "ada")) == "not_found"
        for what in ("admit", "refuse", "revoke"):
            assert await refused(house.decide(other, link, what)) == "not_found"
        _, guests, _ = await house.seen_by(other)
        assert link.guest not in {one.guest for one in guests}
    _, guests, _ = await house.seen_by(ada)
    assert link.guest in {one.guest for one in guests}
    await house.decide(ada, link, "admit")
    async with asyncio.timeout(WITHIN_S), await ida.call(GUEST_CALL) as call:
        await call.receive()
        await until(lambda: house.shows(ada, "uid-ada", ("Ida",)))
        assert await house.shows(ben, "uid-ada", ())
        assert await house.shows(desk, "uid-ada", ())
    await house.decide(ada, link, "revoke")


async def test_patients_are_called_into_a_user_room_that_says_so_by_its_owner_alone(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    pat, visit = await house.patient("Vera")

    assert await refused(house.act(ben, visit, "call-in", room="ada")) == "not_found"
    assert await refused(house.act(ada, visit, "call-in", room="private")) == "no_patients"
    assert await refused(house.act(ada, visit, "call-in", room="nowhere")) == "not_found"
    assert (await house.visit(visit)).state == "waiting"

    await house.act(ada, visit, "call-in", room="ada")
    called = await house.visit(visit)
    assert (called.state, called.called_by, called.call) == ("called", ADA, "room:uid-ada")
    assert await knock_at_call(pat, "/ws/call/visit/harbour/cardiology") != NOT_FOUND
    assert await knock_at_call(ben, f"/ws/call/visit/{visit}") == NOT_FOUND, "not by the visit"
    assert await refused(house.act(ada, visit, "hand-over", to=BEN)) == "in_user_room"

    await house.act(ada, visit, "return")
    assert (await house.visit(visit)).call != "room:uid-ada"
    assert await knock_at_call(pat, "/ws/call/visit/harbour/cardiology") == NOT_FOUND
    await house.act(ada, visit, "end")


# ── consultations ─────────────────────────────────────────────────────────────────────────────


async def test_a_guest_of_a_consultation_is_admitted_to_that_one_and_no_later_one(
    house: GuestHouse, ada: Visitor
) -> None:
    _, visit = await house.patient("Wim")
    assert await refused(house.invite(ada, "visit", visit)) == "not_running"
    assert await refused(house.invite(ada, "visit", "no-such-visit")) == "not_found"
    await house.act(ada, visit, "call-in")
    ida, link = await house.admitted(ada, "visit", visit)
    assert await knock_at_call(ida, GUEST_CALL) != NOT_FOUND

    async with (
        asyncio.timeout(WITHIN_S),
        await ida.knock("harbour", "cardiology", "Ida") as socket,
    ):
        await socket.until("admitted")
        await house.act(ada, visit, "return")
        await socket.until("knocking")
        assert await refused(house.decide(ada, link, "admit")) == "not_running"
        await house.act(ada, visit, "call-in")
        assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND, "another consultation"
        await house.decide(ada, link, "admit")
        await socket.until("admitted")

        await house.act(ada, visit, "end")
        while not isinstance(await socket.receive(), Unknown):
            pass
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    await until(lambda: is_forgotten(house, link))


async def is_forgotten(house: GuestHouse, link: Invited) -> bool:
    return await house.guest(link) is None


async def test_an_added_patient_has_a_state_of_their_own_and_the_call_goes_on_until_the_last(
    house: GuestHouse, ada: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Xena")
    bert, two = await house.patient("Yves")

    await house.act(ada, two, "add", to=one)
    await house.visits.change(HARBOUR, two, VisitAction.JOIN)

    first, second = await house.visit(one), await house.visit(two)
    assert (second.call, second.called_by, second.state) == (first.call, ADA, "in_consultation")
    rows, _, _ = await house.seen_by(ada)
    assert rows[one].consultation == rows[two].consultation != ""
    await house.act(ada, two, "hold")
    assert ((await house.visit(one)).state, (await house.visit(two)).state) == (
        "in_consultation",
        "on_hold",
    )
    await house.act(ada, two, "resume")
    assert (await house.visit(two)).call == first.call
    house.control.heard.clear()
    await house.act(ada, one, "end")
    assert [what for what, _ in house.control.commands()] == ["remove"], "of the first alone"
    assert (await house.visit(two)).state == "called"
    assert await knock_at_call(bert, "/ws/call/visit/harbour/cardiology") != NOT_FOUND
    assert await knock_at_call(ada, f"/ws/call/visit/{one}") != NOT_FOUND, "it goes on"
    house.control.heard.clear()
    await house.act(ada, two, "end")
    assert [what for what, _ in house.control.commands()] == ["end"]
    assert await knock_at_call(ada, f"/ws/call/visit/{two}") == NOT_FOUND


async def test_who_is_removed_in_the_call_is_to_be_admitted_anew(
    house: GuestHouse, ada: Visitor
) -> None:
    pat, visit = await house.in_consultation(ada, "Hugo")
    ida, link = await house.admitted(ada, "visit", visit)
    async with (
        asyncio.timeout(WITHIN_S),
        await ada.call(f"/ws/call/visit/{visit}") as staff,
        await pat.call("/ws/call/visit/harbour/cardiology") as theirs,
        await ida.call(GUEST_CALL) as guests,
    ):
        for call in (staff, theirs, guests):
            await first(call, Ready)
    async with asyncio.timeout(WITHIN_S), await ada.call(f"/ws/call/visit/{visit}") as staff:
        await first(staff, Ready)
        for role in (ParticipantRole.GUEST, ParticipantRole.PATIENT):
            await staff.send(Remove(participant=house.control.newest(role)))
        await until(lambda: is_on_hold(house, visit))

    assert await house.state(link) is GuestState.REMOVED
    assert await knock_at_call(ida, GUEST_CALL) == NOT_FOUND
    assert await knock_at_call(pat, "/ws/call/visit/harbour/cardiology") == NOT_FOUND
    await house.act(ada, visit, "end")


async def is_on_hold(house: GuestHouse, visit: str) -> bool:
    return (await house.visit(visit)).state == "on_hold"


async def test_nobody_is_added_to_a_consultation_that_is_somebody_elses_over_or_away(
    house: GuestHouse, ada: Visitor, ben: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Zoe")
    _, two = await house.patient("Abel")

    with pytest.raises(RefusedAnswerError) as err:
        await house.act(ben, two, "add", to=one)
    assert (err.value.code, err.value.by) == ("taken", "Dr Ada")
    assert await refused(house.act(ada, two, "add", to=two)) == "not_running"
    assert await refused(house.act(ada, two, "add", to="no-such-visit")) == "not_running"
    await house.act(ada, one, "end")
    assert await refused(house.act(ada, two, "add", to=one)) == "not_running"
    waits = await house.visit(two)
    assert (waits.state, waits.called_by, waits.into) == ("waiting", "", "")
    await house.act(ada, two, "end")


async def test_without_capacity_nobody_is_added_nor_admitted_and_all_keep_their_places(
    house: GuestHouse, ada: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Cleo")
    _, two = await house.patient("Dan")
    link = await house.invite(ada, "visit", one)
    await house.knocks(link)
    house.capacity = 2
    await asyncio.sleep(BEATS_S)

    assert await refused(house.act(ada, two, "add", to=one)) == "full"
    assert await refused(house.decide(ada, link, "admit")) == "full"

    assert (await house.visit(two)).state == "waiting"
    assert await house.state(link) is GuestState.KNOCKING
    house.capacity = CAPACITY
    await asyncio.sleep(BEATS_S)
    await house.act(ada, two, "add", to=one)
    await house.decide(ada, link, "admit")
    for visit in (one, two):
        await house.act(ada, visit, "end")


BEATS_S = 1.2
"""Two heartbeats, and a bit."""


async def test_a_consultation_holds_six_and_the_next_is_told_that_it_is_full(
    house: GuestHouse, ada: Visitor
) -> None:
    _, one = await house.in_consultation(ada, "Eli")
    others = [(await house.patient(f"Other {n}"))[1] for n in range(5)]

    for visit in others[:4]:
        await house.act(ada, visit, "add", to=one)
    assert await refused(house.act(ada, others[4], "add", to=one)) == "full"

    for visit in (one, *others):
        await house.act(ada, visit, "end")
