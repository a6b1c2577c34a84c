"""Every page says what to do next, in the clinic's language, by keyboard alone, without a complaint."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import expect
from teleward_cli.demo.client import RefusedAnswerError, Visitor
from teleward_testing.browser import until
from teleward_testing.builders import House, build_house
from teleward_testing.pages import PATIENCE_MS, SMALL, Patient, Staff
from teleward_testing.recording import Recording, canary
from teleward_testing.running import Running

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]
NewVisitor = Callable[[Recording | None], Visitor]


@pytest_asyncio.fixture(loop_scope="session")
async def changing(house: House, visitor: NewVisitor) -> AsyncIterator[House]:
    """The clinic, for a test that changes it; afterwards it is open as before."""
    yield house
    house.apply(house.documents())
    await _door_says(house, visitor, "open")


SHUT: dict[str, dict[str, object]] = {
    "closed": {"hours": {"weekly": []}, "closedMessage": {"en": "Phone us tomorrow."}},
    "full": {"queue": {"maxWaiting": 1}},
}


async def test_an_unknown_clinic_is_a_404_page_that_says_what_to_do(
    teleward: Running, patient: NewPatient, visitor: NewVisitor
) -> None:
    person = await patient("somebody with a wrong link")

    answer = await person.page.goto(f"{teleward.gateway}/c/nowhere/nothing")

    assert answer is not None
    assert answer.status == 404
    await expect(
        person.page.get_by_role("heading", name="We cannot find this clinic")
    ).to_be_visible(timeout=PATIENCE_MS)
    await person.reads("Please check the link you were given")
    counted = _attempts(teleward, "unknown_clinic")
    with pytest.raises(RefusedAnswerError) as refused:
        await visitor(None).enter("nowhere", "nothing", "Somebody", {})
    assert (refused.value.status, refused.value.code) == (404, "unknown_clinic")
    assert _attempts(teleward, "unknown_clinic") == counted + 1


@pytest.mark.parametrize("state", sorted(SHUT))
async def test_a_door_that_is_shut_says_so_with_200_and_refuses_to_enter_with_409(
    state: str, changing: House, patient: NewPatient, visitor: NewVisitor
) -> None:
    if state == "full":
        await visitor(None).enter(changing.namespace, changing.clinic, "First", {})
    changing.apply(changing.documents(waiting_area=SHUT[state]))
    await _door_says(changing, visitor, state)

    await _page_and_attempt(state, changing, patient, visitor)


async def test_a_suspended_clinic_shows_its_message_with_200_and_refuses_to_enter_with_409(
    changing: House, patient: NewPatient, visitor: NewVisitor
) -> None:
    message = "We have moved. Please phone the ward."
    changing.apply(
        changing.documents(clinic={"suspended": {"messageForPatients": {"en": message}}})
    )
    await _door_says(changing, visitor, "suspended")

    person = await _page_and_attempt("suspended", changing, patient, visitor)
    await person.reads(message)


async def test_a_second_tab_replaces_the_first_which_says_so_and_can_take_over(
    house: House, patient: NewPatient
) -> None:
    first = await patient("patient")
    await first.enter(house.patient_url, canary("Tabs"))
    second = await Patient.arrive(first.page.context, "the same patient")
    storage = await first.page.evaluate("JSON.stringify(sessionStorage)")
    await second.page.add_init_script(
        f"for (const [k, v] of Object.entries({storage})) sessionStorage.setItem(k, v)"
    )

    await second.page.goto(house.patient_url + SMALL)
    await second.waits()

    await expect(
        first.page.get_by_role("heading", name="Your visit is open elsewhere")
    ).to_be_visible(timeout=PATIENCE_MS)
    await first.page.get_by_role("button", name="Use this page instead").click()
    await first.waits()
    await second.sees("replaced")


async def test_a_patient_can_enter_and_leave_by_keyboard_alone(
    house: House, patient: NewPatient
) -> None:
    person = await patient("patient with a keyboard")
    keyboard = person.page.keyboard
    await person.page.goto(house.patient_url + SMALL)
    name = person.page.get_by_label("Your name")
    await expect(name).to_be_visible(timeout=PATIENCE_MS)

    await _tab_to(person, "Your name")
    await keyboard.type(canary("Keys"))
    await keyboard.press("Enter")
    await person.waits()
    await _tab_to(person, "Leave the waiting area")
    await keyboard.press("Enter")
    await _tab_to(person, "Leave the waiting area")
    await keyboard.press("Enter")

    await expect(person.page.get_by_role("heading", name="You have left")).to_be_visible(
        timeout=PATIENCE_MS
    )
    assert person.complaints == []


async def test_an_entry_that_is_not_complete_says_which_answer_and_takes_the_person_there(
    house: House, patient: NewPatient
) -> None:
    person = await patient("patient")
    await person.page.goto(house.patient_url + SMALL)

    await person.page.get_by_role("button", name="Enter the waiting area").click()

    await person.reads("Please fill this in.")
    name = person.page.get_by_label("Your name")
    await expect(name).to_be_focused()
    await expect(name).to_have_attribute("aria-invalid", "true")


async def test_an_arabic_page_runs_from_right_to_left(
    changing: House, patient: NewPatient
) -> None:
    changing.apply(changing.documents(clinic={"locales": ["ar", "en"]}))
    person = await patient("patient who reads Arabic")

    await person.page.goto(f"{changing.patient_url}?locale=ar")

    await person.sees("entry")
    page = person.page.locator("html")
    await expect(page).to_have_attribute("dir", "rtl")
    await expect(page).to_have_attribute("lang", "ar")
    label = await person.page.get_by_test_id("enter").inner_text()
    assert any("\u0600" <= letter <= "\u06ff" for letter in label)
    assert person.complaints == []


async def test_pages_ask_no_third_party_for_anything(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> None:
    asked: list[str] = []
    guest, clinician = await patient("patient"), await staff("clinician")
    for person in (guest, clinician):
        person.page.on("request", lambda request: asked.append(request.url))

    await guest.enter(house.patient_url, canary("Private"))
    await clinician.sign_in(teleward.gateway, house.clinician)
    await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)

    strangers = [url for url in asked if not url.startswith((teleward.gateway, "data:", "blob:"))]
    assert asked
    assert strangers == []


async def test_a_stranger_is_sent_to_sign_in_and_a_member_of_another_clinic_finds_nothing(
    teleward: Running, house: House, staff: NewStaff, visitor: NewVisitor
) -> None:
    stranger = visitor(None)
    status, _ = await stranger.request("GET", "/staff")
    assert status == 303

    member = await staff("member of another clinic")
    other = build_house(teleward, f"{house.namespace}-b")
    await member.sign_in(teleward.gateway, other.clinician)
    answer = await member.page.goto(f"{teleward.gateway}/staff/{house.namespace}/{house.clinic}")
    assert answer is not None
    assert answer.status == 404


async def _page_and_attempt(
    state: str, house: House, patient: NewPatient, visitor: NewVisitor
) -> Patient:
    person = await patient("somebody in front of a shut door")
    answer = await person.page.goto(house.patient_url)
    assert answer is not None
    assert answer.status == 200
    await person.sees(f"clinic-{state}")
    counted = _attempts(house.teleward, state)
    with pytest.raises(RefusedAnswerError) as refused:
        await visitor(None).enter(house.namespace, house.clinic, "Somebody", {})
    assert (refused.value.status, refused.value.code) == (409, state)
    assert _attempts(house.teleward, state) == counted + 1
    return person


def _attempts(teleward: Running, outcome: str) -> float:
    """Attempts to enter that came to this, as the gateway counts them."""
    return teleward.metric("gateway", "teleward_gateway_entries_total", outcome=outcome)


async def _door_says(house: House, visitor: NewVisitor, state: str) -> None:
    somebody = visitor(None)

    async def so() -> bool:
        return (await somebody.door(house.namespace, house.clinic)).state == state

    await until(f"the door is {state}", so, seconds=5)


async def _tab_to(person: Patient, name: str) -> None:
    """Press Tab until the focus is on the element of this accessible name."""
    focused = (
        "(document.activeElement?.labels?.[0] ?? document.activeElement)?.innerText?.trim() ?? ''"
    )
    for _ in range(40):
        if (await person.page.evaluate(focused)).startswith(name):
            return
        await person.page.keyboard.press("Tab")
    raise AssertionError(f"no way to “{name}” by keyboard")
