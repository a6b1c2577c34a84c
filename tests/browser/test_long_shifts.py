"""A staff page that is open all day: its person is signed out meanwhile, the service is renewed under it."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Route, expect
from teleward_testing.browser import sees_and_hears
from teleward_testing.builders import House, document
from teleward_testing.pages import PATIENCE_MS, Patient, Staff

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]


@pytest.fixture(scope="module", autouse=True)
def reporter(house: House) -> None:
    """The clinician may read reports, too."""
    team = [{"user": house.clinician, "role": "OrganisationReporter"}]
    spec = {"displayName": "Harbour Health", "team": team}
    house.apply([document("Organisation", house.namespace, "organisation", spec)])


async def at_work(staff: NewStaff, house: House) -> Staff:
    person = await staff("clinician")
    await person.sign_in(house.teleward.gateway, house.clinician)
    await person.open_dashboard(house.teleward.gateway, house.namespace, house.clinic)
    return person


async def test_who_is_signed_out_during_a_call_stays_in_it_and_signs_in_after_it(
    house: House, patient: NewPatient, staff: NewStaff
) -> None:
    ada = await patient("ada")
    await ada.enter(house.patient_url, "Ada")
    clinician = await at_work(staff, house)
    await clinician.call_in("Ada")
    await sees_and_hears(ada.page, 1, seconds=30)

    async with clinician.page.expect_response(
        "**/api/staff/me*", timeout=2 * PATIENCE_MS
    ) as asked:
        await clinician.page.evaluate("fetch('/api/sign-out', { method: 'POST' })")
    assert (await asked.value).status == 401
    await sees_and_hears(clinician.page, 1, seconds=30)
    await sees_and_hears(ada.page, 1, seconds=30)

    await clinician.end_for_all()
    await ada.sees("ended")
    await clinician.page.get_by_test_id("to-dashboard").click()
    await clinician.sees("sign-in")


async def test_a_part_that_is_not_there_any_more_is_found_by_loading_the_page_anew(
    house: House, patient: NewPatient, staff: NewStaff
) -> None:
    gone = []

    async def lose(route: Route) -> None:
        gone.append(route.request.url)
        await route.fulfill(status=404)

    bert = await patient("bert")
    await bert.enter(house.patient_url, "Bert")
    clinician = await at_work(staff, house)
    await clinician.page.route("**/assets/rooms-*.js", lose, times=1)
    await clinician.call_in("Bert")

    await sees_and_hears(clinician.page, 1, seconds=30)
    assert len(gone) == 1
    await clinician.end_for_all()
    await bert.sees("ended")


async def test_reports_come_by_themselves_when_the_service_answers_again(
    house: House, patient: NewPatient, staff: NewStaff
) -> None:
    await (await patient("ada")).enter(house.patient_url, "Ada")
    asked = []

    async def fail(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=503)

    reader = await staff("reporter")
    await reader.sign_in(house.teleward.gateway, house.clinician)
    await reader.sees("to-reports")
    await reader.page.route(re.compile(r"/api/staff/[^/]+/reports\?"), fail, times=2)
    await reader.page.goto(f"{house.teleward.gateway}/staff/{house.namespace}/-/reports")
    await reader.sees("reports-fault")
    await expect(reader.page.get_by_test_id("reports-fault")).to_have_count(0, timeout=PATIENCE_MS)
    assert len(asked) == 2
    await expect(reader.page.get_by_test_id("reports-row")).not_to_have_count(0)
