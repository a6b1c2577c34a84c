"""Who reads reports sees, on a page of their own, what was counted: in ranges, as a table, and as a file."""

import csv
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import expect
from teleward_testing.builders import House, document
from teleward_testing.pages import PATIENCE_MS, Patient, Staff
from teleward_testing.recording import canary

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]


@pytest.fixture(scope="module", autouse=True)
def reporter(house: House) -> str:
    """Somebody who may read reports of the organisation, and nothing else."""
    user = f"reporter@{house.namespace}.example"
    team = [{"user": user, "role": "OrganisationReporter"}]
    spec = {"displayName": "Harbour Health", "team": team}
    house.apply([document("Organisation", house.namespace, "organisation", spec)])
    return user


async def cell(person: Staff, name: str) -> str:
    row = person.page.get_by_test_id("reports-row").first
    return await row.get_by_test_id(f"count-{name}").inner_text()


async def test_a_reporter_finds_counts_by_clinic_and_day_and_no_patient(
    house: House, reporter: str, patient: NewPatient, staff: NewStaff, tmp_path: Path
) -> None:
    ada, ben = canary("Ada"), canary("Ben")
    first, second = await patient("ada"), await patient("ben")
    await first.enter(house.patient_url, ada)
    await second.enter(house.patient_url, ben)
    clinician = await staff("clinician")
    await clinician.sign_in(house.teleward.gateway, house.clinician)
    await clinician.open_dashboard(house.teleward.gateway, house.namespace, house.clinic)
    await clinician.sees_waiting(ada)
    await clinician.call_in(ada)
    await first.sees("call")
    await expect(clinician.page.get_by_text(ada).first).to_be_visible(timeout=PATIENCE_MS)
    await clinician.end_for_all()
    await second.page.get_by_test_id("leave-waiting").click()
    await second.page.get_by_test_id("leave-waiting-sure").click()
    await second.sees("left")

    reader = await staff("reporter")
    await reader.sign_in(house.teleward.gateway, reporter)
    await reader.page.get_by_test_id("to-reports").click()
    await reader.sees("reports-table")
    await expect(reader.page.get_by_test_id("reports-row")).to_have_count(1)
    told = {
        name: await cell(reader, name) for name in ("entered", "consulted", "left", "vanished")
    }
    assert told == {"entered": "2", "consulted": "1", "left": "1", "vanished": "0"}
    await expect(reader.page.get_by_test_id("waited")).to_have_text("too few to tell")
    await reader.page.screenshot(path=tmp_path / "reports.png")

    for format_ in ("csv", "json"):
        async with reader.page.expect_download() as downloading:
            await reader.page.get_by_test_id(f"download-{format_}").click()
        path = tmp_path / f"report.{format_}"
        await (await downloading.value).save_as(path)
        text = path.read_text()
        rows = (
            list(csv.DictReader(text.splitlines()))
            if format_ == "csv"
            else json.loads(text)["rows"]
        )
        assert [(str(row["entered"]), str(row["consulted"])) for row in rows] == [("2", "1")]
        assert not {word for word in (ada, ben, house.clinician) if word in text}

    await reader.page.get_by_test_id("reports-by").select_option("range")
    await reader.page.get_by_test_id("reports-to").fill("2020-01-02")
    await reader.sees("reports-fault")
    await reader.page.get_by_test_id("reports-from").fill("2020-01-01")
    await reader.sees("reports-empty")
    assert reader.recording.leaks([ada, ben]) == []


async def test_a_clinic_that_is_called_reports_has_a_dashboard(
    house: House, staff: NewStaff
) -> None:
    team = [{"user": house.clinician, "role": "Clinician"}]
    specs: dict[str, dict[str, object]] = {
        "Clinic": {"displayName": "The clinic of reports", "team": team},
        "WaitingArea": {"clinicRef": {"name": "reports"}},
    }
    house.apply([document(kind, house.namespace, "reports", specs[kind]) for kind in specs])
    ready = ("wait", "--for=condition=Ready", "clinic/reports", "--timeout=20s")
    house.teleward.kubectl(*ready, "-n", house.namespace)
    person = await staff("clinician")
    await person.sign_in(house.teleward.gateway, house.clinician)

    await person.open_dashboard(house.teleward.gateway, house.namespace, "reports")

    heading = person.page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("The clinic of reports", timeout=PATIENCE_MS)


async def test_who_may_not_read_reports_finds_nothing_there(house: House, staff: NewStaff) -> None:
    person = await staff("clinician")
    await person.sign_in(house.teleward.gateway, house.clinician)

    await expect(person.page.get_by_test_id("to-reports")).to_have_count(0)
    await person.page.goto(f"{house.teleward.gateway}/staff/{house.namespace}/-/reports")
    await person.sees("not-found")
