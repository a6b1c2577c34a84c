"""The door, the queue and the end of a visit on the pages of patient and staff: what each reads, and what follows."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from teleward_testing.browser import sees_and_hears, until
from teleward_testing.builders import House, document
from teleward_testing.pages import PATIENCE_MS, SMALL, Patient, Staff
from teleward_testing.recording import canary

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]

SKIN = "skin"
INFORMATION = {"en": "A consultation by video is like a visit.", "ar": "الاستشارة كالزيارة."}
TERMS = {"en": "I agree to a consultation by video.", "ar": "أوافق على استشارة بالفيديو."}
LAST_WORDS = {"en": "Get well soon.", "ar": "سلامتك."}
SURVEY = "https://survey.example.org/visit?clinic=cardiology"
FLOOD = {"en": "The ward is flooded.", "ar": "الجناح مغمور بالماء."}
REPEAT_S = 5


@pytest.fixture(scope="module", autouse=True)
def two_clinics(house: House) -> None:
    """The clinic declares all that a door can have; there is another one in which nobody looks."""
    area = {
        "informationPage": INFORMATION, "terms": TERMS, "confirmIdentity": True,
        "entryFields": [{"name": "reason", "label": {"en": "Reason"}}],
        "alerts": {"repeatSeconds": REPEAT_S},
        "closing": {"message": LAST_WORDS, "redirect": SURVEY},
        "fallbackPhone": "+61 491 570 157",
    }  # fmt: skip
    team = [{"user": house.clinician, "role": "Clinician"}]
    skin = {"displayName": "Skin", "team": team, "timeZone": "Europe/Vienna"}
    door = {"clinicRef": {"name": SKIN}, "alerts": {"repeatSeconds": REPEAT_S}}
    house.apply(
        [
            *house.documents(waiting_area=area),
            document("Clinic", house.namespace, SKIN, skin),
            document("WaitingArea", house.namespace, SKIN, door),
        ]
    )
    house.teleward.kubectl(
        "wait", "--for=condition=Ready", f"clinic/{SKIN}", "-n", house.namespace, "--timeout=20s"
    )


def url_of(house: House, clinic: str) -> str:
    return f"{house.teleward.gateway}/c/{house.namespace}/{clinic}"


async def at_work(staff: NewStaff, house: House, clinic: str) -> Staff:
    person = await staff(house.clinician)
    await person.page.set_viewport_size({"width": 1100, "height": 800})
    await person.sign_in(house.teleward.gateway, house.clinician)
    await person.open_dashboard(house.teleward.gateway, house.namespace, clinic)
    return person


def row(person: Staff, name: str) -> Locator:
    return person.page.get_by_role("row").filter(has_text=name)


async def shown(where: Locator | Page, testid: str) -> Locator:
    part = where.get_by_test_id(testid)
    await expect(part).to_be_visible(timeout=PATIENCE_MS)
    return part


async def test_a_relative_enters_by_a_link_that_fills_in_and_is_called_in_and_reads_the_end(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name, speaker, reason = canary("Ada"), canary("Mia"), canary("cough")
    guest = await patient("relative")
    await guest.page.set_viewport_size({"width": 400, "height": 760})
    asked: list[str] = []
    guest.page.on("request", lambda request: asked.append(request.url))
    appointment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    link = (
        f"{house.patient_url}{SMALL}#name={name}&speaker={speaker}&speaksAs=relative"
        f"&fields.reason={reason}&appointment={appointment}"
    )

    await guest.page.goto(link)
    await guest.sees("information")
    await guest.reads(INFORMATION["en"])
    await guest.page.screenshot(path=tmp_path / "1-information.png")
    assert "#" not in guest.page.url, "the link's words are out of the address"
    await guest.page.get_by_test_id("go-on").click()
    await guest.sees("prefilled")
    await expect(guest.page.get_by_label("Name of the patient")).to_have_value(name)
    await expect(guest.page.get_by_label("Your own name")).to_have_value(speaker)
    await expect(guest.page.get_by_label("Reason")).to_have_value(reason)
    await guest.page.screenshot(path=tmp_path / "2-form.png", full_page=True)
    await guest.page.get_by_test_id("enter").click()
    await guest.sees("fault-accepted_terms")
    await guest.page.get_by_label("I accept these terms").check()
    await guest.page.get_by_test_id("enter").click()
    await guest.waits()
    for what, state in {
        "camera": "on",
        "microphone": "on",
        "calls": "ready",
        "network": "good",
    }.items():
        check = guest.page.get_by_test_id(f"check-{what}")
        await expect(check).to_have_attribute("data-state", state, timeout=2 * PATIENCE_MS)
    await guest.page.screenshot(path=tmp_path / "3-waiting.png", full_page=True)
    assert not any(word in address for address in asked for word in (name, speaker, reason))

    desk = await at_work(staff, house, house.clinic)
    await desk.sees_waiting(name)
    mine = row(desk, name)
    await expect(await shown(mine, "speaker")).to_contain_text(speaker)
    await expect(await shown(mine, "queue-device")).to_contain_text(
        re.compile("Computer.*Chrome.*good network"), timeout=PATIENCE_MS
    )
    await shown(mine, "appointment")
    await shown(mine, "new")
    await desk.page.screenshot(path=tmp_path / "4-queue.png", full_page=True)

    await mine.get_by_test_id("call-in").click()
    confirm = await shown(mine, "confirm")
    await expect(confirm).to_contain_text(reason)
    await desk.page.screenshot(path=tmp_path / "5-confirm.png", full_page=True)
    await confirm.get_by_test_id("confirm-yes").click()
    await sees_and_hears(desk.page, 1, seconds=40)
    await desk.reads(f"{speaker} ({name})")
    steps, tile = desk.page.get_by_test_id("call-steps"), desk.page.get_by_test_id("tile")
    await expect(steps.get_by_test_id("hold")).to_have_text("Pause visit")
    await expect(tile.get_by_test_id("hold")).to_have_text("Hold in the call")
    await desk.page.screenshot(path=tmp_path / "6-call.png")
    await desk.end_for_all()

    await guest.sees("ended")
    await expect(await shown(guest.page, "closing-message")).to_have_text(LAST_WORDS["en"])
    way_out = await shown(guest.page, "closing-link")
    await expect(way_out).to_contain_text("survey.example.org")
    await expect(way_out).to_have_attribute("href", SURVEY)
    await guest.page.screenshot(path=tmp_path / "7-ended.png")
    assert guest.page.url.startswith(house.patient_url), "nobody is sent away unasked"
    assert guest.complaints == []


async def test_an_arrival_rings_on_every_staff_page_until_somebody_reacts(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name = canary("Ring")
    desk = await at_work(staff, house, house.clinic)
    await desk.page.context.grant_permissions(["notifications"], origin=house.teleward.gateway)
    await desk.page.add_init_script(
        """
        window.rung = 0; window.notices = [];
        const Native = window.AudioContext;
        window.AudioContext = class extends Native { constructor(...a) { super(...a); window.rung += 1; } };
        window.Notification = class { constructor(title, more) { window.notices.push(title + "|" + more.body); } };
        window.Notification.permission = "granted";
        """
    )
    await desk.page.reload()
    await desk.sees("dashboard")
    guest = await patient("patient")
    await guest.enter(url_of(house, SKIN), name)

    alert = desk.page.get_by_test_id("alert").filter(has_text="Skin")
    await expect(alert).to_contain_text("new patient", timeout=PATIENCE_MS)
    await expect(desk.page).to_have_title(
        re.compile(r"^● \([1-9]\) Cardiology$"), timeout=PATIENCE_MS
    )
    await desk.page.screenshot(path=tmp_path / "alert.png")
    notices = await desk.page.evaluate("window.notices")
    assert any(notice.startswith("Skin|") for notice in notices)
    assert not any(name in notice for notice in notices)
    rung = await desk.page.evaluate("window.rung")
    assert rung >= 1

    async def rings_again() -> bool:
        return bool(await desk.page.evaluate("window.rung") > rung)

    await until("it rings again", rings_again, seconds=4 * REPEAT_S)
    await desk.page.goto(
        f"{house.teleward.gateway}/staff/{house.namespace}/{house.clinic}/meeting/{house.meeting_room}{SMALL}"
    )
    await desk.sees("call")
    await expect(alert).to_be_visible(timeout=PATIENCE_MS)
    await desk.page.screenshot(path=tmp_path / "alert-in-call.png")
    await alert.get_by_test_id("alert-seen").click()
    await expect(alert).to_have_count(0, timeout=PATIENCE_MS)
    await desk.open_dashboard(house.teleward.gateway, house.namespace, SKIN)
    await desk.sees_waiting(name)
    await expect(row(desk, name).get_by_test_id("new")).to_have_count(0)
    assert desk.complaints == []


async def test_a_queue_is_searched_and_shown_in_part_and_so_it_stays_in_this_tab(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    names = [canary(name) for name in ("Zoe", "Ben")]
    for name in names:
        await (await patient(name)).enter(url_of(house, SKIN), name)
    desk = await at_work(staff, house, SKIN)
    for name in names:
        await desk.sees_waiting(name)
    queue = desk.page.get_by_test_id("queue-name")

    await desk.page.get_by_test_id("queue-search").fill(names[1].lower())
    await expect(queue).to_have_text([names[1]])
    await desk.page.screenshot(path=tmp_path / "searched.png", full_page=True)
    await desk.page.get_by_role("link", name="Teleward").click()
    await desk.sees("clinics")
    await desk.page.get_by_role("link", name="Skin").click()
    await expect(queue).to_have_text([names[1]], timeout=PATIENCE_MS)
    await desk.page.get_by_test_id("queue-whole").click()
    await desk.page.get_by_test_id("queue-sort").select_option("name")
    await until("both are there", lambda: _both(desk, names), seconds=10)
    shown_names = await desk.queue()
    assert [n for n in shown_names if n in names] == sorted(names)
    await desk.page.get_by_test_id("queue-filter").select_option("away")
    await expect(queue.filter(has_text=names[0])).to_have_count(0)
    assert names[1] not in await desk.page.evaluate(
        "JSON.stringify({...sessionStorage, ...localStorage})"
    )
    assert desk.complaints == []


async def _both(desk: Staff, names: list[str]) -> bool:
    return set(names) <= set(await desk.queue())


async def test_the_dashboard_gives_the_link_as_a_code_and_as_a_button_for_a_website(
    house: House, staff: NewStaff, tmp_path: Path
) -> None:
    desk = await at_work(staff, house, SKIN)
    foreign: list[str] = []
    desk.page.on(
        "request",
        lambda request: (
            foreign.append(request.url)
            if not request.url.startswith((house.teleward.gateway, "data:", "blob:"))
            else None
        ),
    )

    await desk.page.get_by_test_id("share").locator("summary").click()
    await desk.sees("qr")
    code = await desk.page.get_by_test_id("button-code").input_value()
    await desk.page.get_by_test_id("share").screenshot(path=tmp_path / "share.png")
    read = await desk.page.evaluate(READ_CODE)
    assert read in (None, url_of(house, SKIN))
    await desk.page.set_content(code)
    button = desk.page.get_by_role("link", name="Video consultation: Skin")
    await expect(button).to_have_attribute("href", url_of(house, SKIN))
    await desk.page.screenshot(path=tmp_path / "button.png")
    assert foreign == []


READ_CODE = """
async () => {
  if (!("BarcodeDetector" in window)) return null;
  const kinds = await BarcodeDetector.getSupportedFormats();
  if (!kinds.includes("qr_code")) return null;
  const svg = new XMLSerializer().serializeToString(document.querySelector("[data-testid=qr]"));
  const picture = new Image(400, 400);
  picture.src = "data:image/svg+xml;base64," + btoa(svg);
  await picture.decode();
  const [found] = await new BarcodeDetector({ formats: ["qr_code"] }).detect(picture);
  return found.rawValue;
}
"""


async def test_staff_read_why_their_clinic_is_suspended_in_their_language_and_see_those_inside(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name = canary("Inside")
    guest = await patient("patient inside")
    await guest.enter(url_of(house, SKIN), name)
    team = [{"user": house.clinician, "role": "Clinician"}]
    suspended = {"messageForPatients": {"en": "Phone us."}, "messageForStaff": FLOOD}
    spec = {"displayName": "Skin", "team": team, "timeZone": "Europe/Vienna"}
    house.apply([document("Clinic", house.namespace, SKIN, {**spec, "suspended": suspended})])
    try:
        desk = await at_work(staff, house, SKIN)

        async def tells(locale: str) -> bool:
            await desk.page.goto(
                f"{house.teleward.gateway}/staff/{house.namespace}/{SKIN}{SMALL}&locale={locale}"
            )
            await desk.sees("dashboard")
            told = desk.page.get_by_test_id("suspended")
            return await told.count() == 1 and FLOOD[locale] in await told.inner_text()

        await until("the message in Arabic", lambda: tells("ar"), seconds=20)
        await desk.page.screenshot(path=tmp_path / "suspended-ar.png")
        await until("the message in English", lambda: tells("en"), seconds=20)
        await desk.sees_waiting(name)
        await guest.waits()
    finally:
        house.apply([document("Clinic", house.namespace, SKIN, spec)])


async def test_a_blocked_camera_is_told_to_both_sides(
    house: House, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    name = canary("Blocked")
    guest = await patient("patient without camera")
    await guest.page.add_init_script(
        """
        const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wish) => {
          if (wish.video) throw new DOMException("Permission denied", "NotAllowedError");
          return await ask(wish);
        };
        navigator.permissions.query = async ({ name }) =>
          ({ state: name === "camera" ? "denied" : "granted" });
        """
    )
    await guest.enter(url_of(house, SKIN), name)
    await guest.sees("camera-blocked")
    desk = await at_work(staff, house, SKIN)
    await desk.sees_waiting(name)

    device = await shown(row(desk, name), "queue-device")
    await expect(device).to_contain_text("camera blocked", timeout=PATIENCE_MS)
    await desk.page.screenshot(path=tmp_path / "blocked.png", full_page=True)
    await guest.page.screenshot(path=tmp_path / "blocked-patient.png", full_page=True)
