"""Guests knock and are let in, turned away, put out; patients come into a call that runs with somebody else."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import expect
from teleward_testing.browser import look, sees_and_hears, until
from teleward_testing.builders import House, document
from teleward_testing.pages import PATIENCE_MS, SMALL, Guest, Patient, Staff
from teleward_testing.recording import canary
from teleward_testing.running import Running

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]
NewGuest = Callable[[str], Awaitable[Guest]]

DESK = "desk@harbour.example"


@pytest.fixture(scope="module", autouse=True)
def house_with_a_desk(house: House) -> None:
    """The clinic has a receptionist, and its user room takes patients."""
    team = [{"user": user, "role": "Clinician"} for user in house.team(8)]
    team += [{"user": DESK, "role": "Receptionist"}]
    room = {
        "clinicRef": {"name": house.clinic}, "owner": {"user": house.clinician},
        "displayName": "Room of Ada", "patientsAllowed": True,
    }  # fmt: skip
    house.apply(
        [
            *house.documents(clinic={"team": team}),
            document("UserRoom", house.namespace, house.user_room, room),
        ]
    )
    house.teleward.kubectl(
        "wait", "--for=condition=Ready", f"clinic/{house.clinic}", "-n", house.namespace,
        "--timeout=20s",
    )  # fmt: skip


async def signed_in(staff: NewStaff, house: House, user: str) -> Staff:
    person = await staff(user)
    await person.sign_in(house.teleward.gateway, user)
    return person


async def at_work(staff: NewStaff, house: House, user: str) -> Staff:
    """Somebody of the team who looks at the dashboard."""
    person = await signed_in(staff, house, user)
    await person.open_dashboard(house.teleward.gateway, house.namespace, house.clinic)
    return person


async def in_the_room(staff: NewStaff, house: House, user: str, room: str) -> Staff:
    """Somebody of the team who sits in a room."""
    person = await signed_in(staff, house, user)
    await person.page.goto(
        f"{house.teleward.gateway}/staff/{house.namespace}/{house.clinic}/{room}{SMALL}"
    )
    await person.sees("call")
    return person


async def test_a_guest_knocks_at_a_meeting_room_is_let_in_put_out_and_turned_away(
    teleward: Running, house: House, staff: NewStaff, guest: NewGuest, tmp_path: Path
) -> None:
    name, other = canary("Ida"), canary("Olga")
    room = f"meeting/{house.meeting_room}"
    clinician = await in_the_room(staff, house, house.clinician, room)
    desk = await at_work(staff, house, DESK)
    url = await clinician.invite()
    await clinician.page.screenshot(path=tmp_path / "invited.png")
    copy = clinician.page.get_by_test_id("copy-guest-url")
    await clinician.page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(); }"
    )
    await copy.click()
    await expect(copy).to_have_text("Copy")  # what was not copied is not said to be
    scanner, ida = await guest("scanner"), await guest("ida")
    await scanner.open(url)
    await scanner.sees("guest-door")

    await ida.knock(url, name)
    assert "#" not in ida.page.url
    await ida.page.screenshot(path=tmp_path / "knocking.png")
    card = desk.page.locator(f'[data-testid="room"][data-room="{house.meeting_room}"]')
    await expect(card.get_by_test_id("guest-knocks")).to_contain_text(name, timeout=PATIENCE_MS)
    await expect(card.get_by_test_id("guest-admit")).to_have_count(0)
    await expect(card.get_by_test_id("guest-refuse")).to_be_visible()
    await expect(card.get_by_test_id("room-names")).to_contain_text(house.clinician)
    await desk.page.screenshot(path=tmp_path / "desk.png", full_page=True)
    assert await is_out(ida), "who knocks has no call"

    await clinician.let_in(name)
    await sees_and_hears(ida.page, 1, seconds=20)
    await sees_and_hears(clinician.page, 1, seconds=20)
    await expect(card.get_by_test_id("room-names")).to_contain_text(name, timeout=PATIENCE_MS)
    await clinician.page.screenshot(path=tmp_path / "in-the-room.png")

    remove = clinician.page.get_by_test_id("tile").get_by_test_id("remove")
    await remove.click()
    await remove.click()
    await ida.sees("guest-removed")
    await until("the guest has no call", partial(is_out, ida), seconds=10)
    await ida.page.screenshot(path=tmp_path / "removed.png")
    await ida.page.get_by_test_id("next-step").click()
    await ida.sees("guest-knocking")
    await clinician.let_in(name)
    await sees_and_hears(ida.page, 1, seconds=20)

    await ida.page.reload()
    await sees_and_hears(ida.page, 1, seconds=30)
    links = clinician.page.get_by_test_id("call-steps").locator("details")
    await links.locator("summary").click()
    await links.get_by_test_id("guest-revoke").click()
    await ida.sees("guest-over")
    await expect(ida.page.get_by_role("heading", name="The call has ended")).to_be_visible()
    await expect(ida.page.get_by_test_id("next-step")).to_have_count(0)
    await until("the guest has no call", partial(is_out, ida), seconds=10)

    await scanner.page.get_by_label("Your name").fill(other)
    await scanner.page.get_by_role("button", name="Knock").click()
    await scanner.sees("guest-unknown-link")
    await scanner.page.reload()
    await scanner.sees("guest-unknown-link")
    second = await clinician.invite()
    await scanner.knock(second, other)
    await card.get_by_test_id("guest-refuse").click()
    await scanner.sees("guest-refused")
    assert scanner.recording.leaks([name, house.clinician]) == [], "who knocks hears of nobody"
    for person in (clinician, desk, ida):
        assert person.complaints == []


async def test_a_third_person_comes_into_a_consultation_and_goes_with_it(
    house: House, patient: NewPatient, staff: NewStaff, guest: NewGuest, tmp_path: Path
) -> None:
    name, relative = canary("Paul"), canary("Rita")
    paul, rita = await patient("paul"), await guest("rita")
    await paul.enter(house.patient_url, name)
    clinician = await at_work(staff, house, house.clinician)
    await clinician.call_in(name)
    await sees_and_hears(paul.page, 1, seconds=20)

    desk = await at_work(staff, house, DESK)
    await rita.knock(await clinician.invite(), relative)
    knocks = desk.page.get_by_test_id("consultation-guests")
    await expect(knocks).to_contain_text(relative, timeout=PATIENCE_MS)
    await expect(knocks.get_by_test_id("guest-admit")).to_have_count(0)
    await desk.page.screenshot(path=tmp_path / "desk.png", full_page=True)
    assert rita.recording.leaks([name]) == [], "who knocks hears nothing of the patient"
    await clinician.let_in(relative)
    for person in (paul, rita, clinician):
        await sees_and_hears(person.page, 2, seconds=30)
    await clinician.page.screenshot(path=tmp_path / "three.png")
    await rita.page.screenshot(path=tmp_path / "guest.png")

    steps = clinician.page.get_by_test_id("call-steps")
    await steps.get_by_test_id("hold").click()
    await paul.sees("on-hold")
    await sees_and_hears(rita.page, 1, seconds=20)
    await steps.get_by_test_id("resume").click()
    await sees_and_hears(paul.page, 2, seconds=30)

    await clinician.end_for_all()
    await paul.sees("ended")
    await expect(rita.page.get_by_role("heading", name="The call has ended")).to_be_visible(
        timeout=PATIENCE_MS
    )
    await clinician.sees("after-ended")
    for one in (paul, rita, clinician):
        assert one.complaints == []


async def test_a_patient_who_waits_is_added_to_a_consultation_which_goes_on_without_the_first(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    first, second = canary("Anna"), canary("Bert")
    anna, bert = await patient("anna"), await patient("bert")
    await anna.enter(house.patient_url, first)
    await bert.enter(house.patient_url, second)
    clinician = await at_work(staff, house, house.clinician)
    await clinician.sees_waiting(second)
    await clinician.call_in(first)
    await sees_and_hears(anna.page, 1, seconds=20)
    assert anna.recording.leaks([second]) == bert.recording.leaks([first]) == []

    await clinician.sees("alert")
    steps = clinician.page.get_by_test_id("call-steps")
    await steps.get_by_test_id("invite").click()
    await steps.get_by_test_id("inviter").get_by_role("textbox").fill("nothing lies over it")
    await steps.get_by_test_id("invite").click()
    await clinician.page.screenshot(path=tmp_path / "alert-in-a-call.png")
    adder = clinician.page.get_by_test_id("adder")
    await adder.get_by_role("combobox").select_option(label=second)
    await adder.get_by_test_id("add").click()
    for person in (anna, bert, clinician):
        await sees_and_hears(person.page, 2, seconds=30)
    await clinician.page.screenshot(path=tmp_path / "two-patients.png")

    both = clinician.page.get_by_test_id("call-patient")
    await expect(both).to_have_count(2)
    await both.filter(has_text=first).get_by_test_id("end").click()
    await anna.sees("ended")
    await until("the first has no call", partial(is_out, anna), seconds=10)
    await expect(both).to_have_count(1)
    await sees_and_hears(bert.page, 1, seconds=20)
    await sees_and_hears(clinician.page, 1, seconds=20)
    await clinician.page.screenshot(path=tmp_path / "goes-on.png")

    for one in (anna, bert, clinician):
        assert one.complaints == []
    await clinician.end_for_all()
    await bert.sees("ended")


async def test_a_patient_is_called_into_the_room_of_its_owner_and_nobody_else_joins_there(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name = canary("Vera")
    vera = await patient("vera")
    await vera.enter(house.patient_url, name)
    owner = await at_work(staff, house, house.clinician)
    colleague = await at_work(staff, house, house.colleague)
    row = owner.page.get_by_role("row").filter(has_text=name)
    theirs = colleague.page.get_by_role("row").filter(has_text=name)
    await expect(theirs.get_by_test_id("call-in")).to_be_visible(timeout=PATIENCE_MS)
    await expect(theirs.get_by_test_id("to-my-room")).to_have_count(0)

    await row.get_by_test_id("to-my-room").click()
    await sees_and_hears(vera.page, 1, seconds=20)
    await sees_and_hears(owner.page, 1, seconds=20)
    await owner.page.screenshot(path=tmp_path / "user-room.png")
    await expect(theirs).to_contain_text("In consultation", timeout=PATIENCE_MS)
    await expect(theirs.get_by_test_id("join")).to_have_count(0)
    card = colleague.page.locator(f'[data-testid="room"][data-room="{house.user_room}"]')
    await expect(card).to_have_count(0)

    await owner.page.get_by_test_id("call-steps").get_by_test_id("return").click()
    await vera.waits()
    await until("the patient has no call", partial(is_out, vera), seconds=10)
    assert await owner.page.get_by_test_id("call").is_visible(), "the room stays"
    for one in (vera, owner, colleague):
        assert one.complaints == []


async def test_a_guest_whose_network_is_gone_leaves_and_has_left_when_it_is_back(
    house: House, staff: NewStaff, guest: NewGuest
) -> None:
    name = canary("Lena")
    clinician = await in_the_room(staff, house, house.clinician, f"meeting/{house.meeting_room}")
    lena = await guest("lena")
    await lena.knock(await clinician.invite(), name)
    knocks = clinician.page.get_by_test_id("guest-knocks")
    await expect(knocks).to_contain_text(name, timeout=PATIENCE_MS)

    await lena.page.context.set_offline(True)
    await lena.page.evaluate("dispatchEvent(new Event('online'))")  # a new socket, which fails
    await expect(lena.page.get_by_text("They know that you are here.")).to_have_count(
        0, timeout=PATIENCE_MS
    )
    await lena.page.get_by_test_id("guest-leave").click()
    await lena.sees("guest-left")
    await lena.page.context.set_offline(False)

    await expect(knocks).to_have_count(0, timeout=2 * PATIENCE_MS)
    await lena.sees("guest-left")


async def is_out(person: Guest | Patient) -> bool:
    return (await look(person.page)).states == []
