"""What staff do with a visit, on the pages of both: refuse with a text, write, hold, resume, hand over, transfer."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect
from teleward_cli.demo.client import CallSocket, Visitor
from teleward_cli.people.peer import Peer
from teleward_contract.signalling import Join, Joined, Participants, Ready
from teleward_testing.browser import look, sees_and_hears, until
from teleward_testing.builders import House, document
from teleward_testing.doors import NOT_FOUND, first, knock_at_call
from teleward_testing.pages import PATIENCE_MS, Patient, Staff
from teleward_testing.recording import Recording, canary
from teleward_testing.running import Running

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]

LATE = {"en": "The doctor is ten minutes late.", "ar": "يتأخر الطبيب عشر دقائق."}
EMERGENCY = "Please go to the emergency department."


EYES = "eyes"


@pytest.fixture(scope="module", autouse=True)
def two_clinics(house: House) -> None:
    """One with a ready-made text that goes by priority and finds five minutes long; another with a colleague alone."""
    area = {"readyMessages": [LATE], "queue": {"order": "Priority", "longAfterMinutes": 5}}
    team = [{"user": house.colleague, "role": "Clinician"}]
    house.apply(
        [
            *house.documents(waiting_area=area),
            document("Clinic", house.namespace, EYES, {"displayName": "Eyes", "team": team}),
            document("WaitingArea", house.namespace, EYES, {"clinicRef": {"name": EYES}}),
        ]
    )
    house.teleward.kubectl(
        "wait", "--for=condition=Ready", f"clinic/{EYES}", "-n", house.namespace, "--timeout=20s"
    )


async def at_work(staff: NewStaff, house: House, user: str, clinic: str = "") -> Staff:
    """Somebody of the team who looks at the queue."""
    person = await staff(user)
    await person.sign_in(house.teleward.gateway, user)
    await person.open_dashboard(house.teleward.gateway, house.namespace, clinic or house.clinic)
    return person


async def press(person: Staff, name: str, button: str) -> None:
    """Press a button in somebody's row."""
    row = person.page.get_by_role("row").filter(has_text=name)
    await row.get_by_test_id(button).click()


async def reads_message(person: Patient, text: str) -> None:
    """Wait until the page shows this as written by the clinic."""
    await expect(person.page.get_by_test_id("message")).to_contain_text(text, timeout=PATIENCE_MS)


async def test_a_patient_reads_what_staff_write_and_at_last_why_they_are_refused(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    layla, tom = canary("Layla"), canary("Tom")
    guest, other = await patient("layla"), await patient("tom")
    await guest.page.goto(f"{house.patient_url}?locale=ar&video=small")
    await guest.page.get_by_role("textbox").first.fill(layla)
    await guest.page.get_by_test_id("enter").click()
    await other.enter(house.patient_url, tom)
    desk = await at_work(staff, house, house.clinician)
    await desk.sees_waiting(layla)
    await desk.page.evaluate("const right = Date.now; Date.now = () => right() + 6 * 60_000")
    row = desk.page.get_by_role("row").filter(has_text=layla)
    await expect(row).to_have_attribute("data-wait", "long", timeout=PATIENCE_MS)

    await press(desk, layla, "message")
    await desk.page.get_by_label("Choose a text").select_option(LATE["en"])
    await desk.page.get_by_test_id("write-send").click()
    await reads_message(guest, LATE["ar"])
    await guest.page.screenshot(path=tmp_path / "message.png")
    await desk.page.get_by_test_id("message-all").click()
    await desk.page.get_by_label("Message", exact=True).fill("Desk 5, please.")
    await desk.page.get_by_test_id("write-send").click()
    await reads_message(other, "Desk 5, please.")
    await reads_message(guest, "Desk 5, please.")

    row = desk.page.get_by_role("row").filter(has_text=tom)
    await row.get_by_test_id("priority").select_option("3")
    await until("the urgent come first", lambda: first_is(desk, tom), seconds=10)
    await desk.page.screenshot(path=tmp_path / "queue.png")

    await press(desk, tom, "refuse")
    await desk.page.get_by_label(re.compile("What the patient will read")).fill(EMERGENCY)
    await desk.page.get_by_test_id("write-send").click()
    await other.sees("refused")
    await reads_message(other, EMERGENCY)
    await other.page.screenshot(path=tmp_path / "refused.png")
    assert guest.recording.leaks([tom, EMERGENCY]) == []
    for person in (guest, other, desk):
        assert person.complaints == []


async def first_is(desk: Staff, name: str) -> bool:
    return (await desk.queue())[0] == name


async def test_a_consultation_is_held_resumed_and_handed_over(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name = canary("Held")
    guest = await patient("patient")
    await guest.enter(house.patient_url, name)
    clinician = await at_work(staff, house, house.clinician)
    colleague = await at_work(staff, house, house.colleague)
    await clinician.call_in(name)
    await sees_and_hears(guest.page, 1, seconds=20)
    await sees_and_hears(clinician.page, 1, seconds=20)

    await clinician.page.get_by_test_id("call-steps").get_by_test_id("hold").click()
    await guest.sees("on-hold")
    await guest.reads("Your consultation is paused")
    await guest.page.screenshot(path=tmp_path / "on-hold.png")
    await until("the patient has no call", lambda: is_out(guest), seconds=10)
    await until("the clinician is alone", lambda: is_alone(clinician), seconds=10)
    assert await clinician.page.get_by_test_id("call").is_visible(), "the call goes on"
    await clinician.page.screenshot(path=tmp_path / "held.png")

    await clinician.page.get_by_test_id("resume").click()
    await sees_and_hears(guest.page, 1, seconds=20)
    await sees_and_hears(clinician.page, 1, seconds=20)

    await clinician.page.get_by_test_id("hand-over").click()
    await clinician.page.get_by_role("combobox", name="Colleague").select_option(house.colleague)
    await clinician.page.get_by_test_id("choose").click()
    row = colleague.page.get_by_role("row").filter(has_text=name)
    await expect(row.get_by_text(house.colleague)).to_be_visible(timeout=PATIENCE_MS)
    await expect(clinician.page.get_by_test_id("hand-over")).to_have_count(0)
    await row.get_by_test_id("join").click()
    await sees_and_hears(guest.page, 2, seconds=30)
    await colleague.page.screenshot(path=tmp_path / "handed-over.png")
    for person in (guest, clinician, colleague):
        assert person.complaints == []
    await colleague.end_for_all()
    await guest.sees("ended")


@pytest.mark.parametrize("stays", ["on its socket", "without a socket"])
async def test_a_patient_who_does_not_leave_is_taken_out_of_a_call_that_is_on_hold(
    house: House, visitor: Callable[[Recording | None], Visitor], stays: str
) -> None:
    name = canary("Hostile")
    guest, clinician = visitor(None), visitor(None)
    await guest.enter(house.namespace, house.clinic, name, {})
    await clinician.sign_in(house.clinician)
    async with (
        asyncio.timeout(40),
        await guest.wait(name, {}),
        await clinician.watch(house.namespace, house.clinic) as queue,
    ):
        visit = (await queue.find(lambda entry: entry.name == name)).visit
        await clinician.act(house.namespace, house.clinic, visit, "call-in")
        theirs, ours = Peer(), Peer()
        async with (
            await guest.call(guest.patient_call) as call,
            await clinician.call(f"/ws/call/visit/{visit}") as colleague,
        ):
            you = [await joined(call, theirs), await joined(colleague, ours)][1].you
            await until("media arrives", lambda: receives(theirs), seconds=15)
            if stays == "without a socket":
                await call.close()

            await clinician.act(house.namespace, house.clinic, visit, "hold")

            while [p.id for p in (await first(colleague, Participants)).participants] != [you]:
                pass
            await asyncio.sleep(UNDER_WAY_S)
            frames = theirs.frames_decoded
            await asyncio.sleep(1)
            assert theirs.frames_decoded == frames, "who is on hold sees the call"
            assert await knock_at_call(guest, guest.patient_call) == NOT_FOUND
            await clinician.act(house.namespace, house.clinic, visit, "resume")
            assert await knock_at_call(guest, guest.patient_call) == "ready"
        for peer in (theirs, ours):
            await peer.close()
        await clinician.act(house.namespace, house.clinic, visit, "end")


UNDER_WAY_S = 0.5
"""What was sent before may arrive so much later."""


async def joined(call: CallSocket, peer: Peer) -> Joined:
    """Join with a peer, as a page does."""
    await first(call, Ready)
    await call.send(Join(offer=await peer.offer()))
    answer = await first(call, Joined)
    await peer.accept(answer.answer)
    return answer


async def receives(peer: Peer) -> bool:
    return peer.frames_decoded > 0


async def test_a_patient_is_transferred_out_of_a_consultation_and_waits_on_with_the_same_page(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name = canary("Moved")
    guest = await patient("patient")
    await guest.enter(house.patient_url, name)
    here = await at_work(staff, house, house.clinician)
    there = await at_work(staff, house, house.colleague, EYES)
    await here.call_in(name)
    await sees_and_hears(guest.page, 1, seconds=20)

    steps = here.page.get_by_test_id("call-steps")
    await steps.get_by_test_id("transfer").click()
    await steps.get_by_role("combobox", name="Clinic").select_option(EYES)
    await steps.get_by_test_id("choose").click()

    await here.sees("after-ended")
    await guest.sees("transferred")
    await guest.reads("You are in the waiting area of")
    assert urlsplit(guest.page.url).path == f"/c/{house.namespace}/{EYES}"
    await there.sees_waiting(name)
    await there.reads("from ⁨Cardiology⁩")
    await guest.page.screenshot(path=tmp_path / "transferred.png")
    await there.page.screenshot(path=tmp_path / "there.png")
    for person in (guest, here, there):
        assert person.complaints == []

    await guest.page.reload()
    await guest.waits()
    await there.call_in(name)
    await sees_and_hears(guest.page, 1, seconds=20)
    await sees_and_hears(there.page, 1, seconds=20)
    await there.end_for_all()
    await guest.sees("ended")


async def is_out(person: Patient) -> bool:
    return (await look(person.page)).states == []


async def is_alone(person: Staff) -> bool:
    return (await look(person.page)).pictures == {}
