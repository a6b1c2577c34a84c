"""Reports and the audit at a real gateway: who reads what, in which form, and what is shipped when."""

import asyncio
import csv
import io
import json
import stat
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from teleward_cli.demo.client import Visitor
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.reports import columns
from teleward_gateway.core.visits import VisitAction
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARBOUR = Namespace("harbour")
ADMIN, REPORTER, CLINIC_ADMIN, CLINICIAN = (
    f"{who}@x.org" for who in ("admin", "reporter", "head", "grace")
)
CANARIES = ["Canary-Patient", "canary-answer", ADMIN, REPORTER, CLINIC_ADMIN, CLINICIAN]
WITHIN_S = 20.0


def clinic(name: str, *team: TeamMember) -> ClinicProjection:
    return ClinicProjection(
        namespace=HARBOUR, name=name, uid=f"uid-{name}", generation=1, display_name=name.title(),
        time_zone="Pacific/Kiritimati", team=team,
        waiting_area=WaitingAreaProjection(uid=f"area-{name}", generation=1),
    )  # fmt: skip


CARDIOLOGY = clinic(
    "cardiology", TeamMember(role=Role.CLINICIAN, user=CLINICIAN),
    TeamMember(role=Role.CLINIC_ADMIN, user=CLINIC_ADMIN),
)  # fmt: skip
EYES = clinic("eyes", TeamMember(role=Role.CLINICIAN, user=CLINICIAN))
ORGANISATION = OrganisationProjection(
    namespace=HARBOUR, uid="uid-harbour", generation=1, display_name="Harbour",
    team=(
        TeamMember(role=Role.ORGANISATION_ADMIN, user=ADMIN),
        TeamMember(role=Role.ORGANISATION_REPORTER, user=REPORTER),
    ),
)  # fmt: skip


class House(NamedTuple):
    gateway: RunningGateway
    visits: RedisVisits
    file: Path

    async def person(self, user: str) -> Visitor:
        made = Visitor(self.gateway.url)
        await made.sign_in(user)
        return made

    async def ask(self, user: str, path: str) -> tuple[int, Any]:
        async with await self.person(user) as person:
            status, text = await person.request("GET", f"/api/staff/harbour/{path}")
        return status, json.loads(text) if text.startswith("{") else text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    valkey.flush()
    await project(valkey.url, CARDIOLOGY, EYES, ORGANISATION)
    folder = tmp_path_factory.mktemp("reports")
    file = folder / "audit.jsonl"
    with running_gateway(valkey.url, folder, audit_sink=str(file)) as gateway:
        async with open_store(valkey.url) as store:
            made = House(gateway, RedisVisits(store, 60), file)
            for name, patients in (("cardiology", 6), ("eyes", 2)):
                for number in range(patients):
                    await consult(made, name, f"Canary-Patient {number}")
            yield made


async def consult(house: House, name: str, patient: str) -> None:
    """A patient enters, is called in, joins; a clinician ends it."""
    async with Visitor(house.gateway.url) as visitor, await house.person(CLINICIAN) as grace:
        await visitor.enter("harbour", name, patient, {})
        (row,) = await house.visits.waiting(HARBOUR, f"uid-{name}")
        for step in (VisitAction.CALL_IN, VisitAction.JOIN):
            assert (await house.visits.change(HARBOUR, row.visit.id, step, CLINICIAN))[0]
        path = f"/api/staff/harbour/{name}/visits/{row.visit.id}/end"
        assert (await grace.request("POST", path, {}))[0] == 204


async def shipped(file: Path, at_least: int) -> list[dict[str, Any]]:
    """The lines of the file, when there are so many."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            text = await asyncio.to_thread(lambda: file.read_text() if file.is_file() else "")
            lines = [json.loads(one) for one in text.splitlines()]
            if len({one["id"] for one in lines}) >= at_least:
                return lines
            await asyncio.sleep(0.1)


# ── reports ───────────────────────────────────────────────────────────────────────────────────


async def test_an_admin_and_a_reporter_read_every_clinic_and_a_clinics_admin_the_own(
    house: House,
) -> None:
    answers = {user: await house.ask(user, "reports?by=range") for user in (ADMIN, REPORTER)}
    own = await house.ask(CLINIC_ADMIN, "reports?by=range")

    for status, told in answers.values():
        assert status == 200
        seen = {
            r["clinic"]: (r["entered"], r["consulted"], r["consultations"]) for r in told["rows"]
        }
        assert seen == {"cardiology": (6, 6, 6), "eyes": (2, 2, 2)}  # fmt: skip
    assert own[0] == 200
    assert [row["clinic"] for row in own[1]["rows"]] == ["cardiology"]


@pytest.mark.parametrize(
    ("user", "path"),
    [
        (CLINICIAN, "reports"), (CLINIC_ADMIN, "reports?clinic=eyes"), (CLINIC_ADMIN, "audit"),
        (REPORTER, "audit"), (CLINICIAN, "audit?clinic=cardiology"), (CLINIC_ADMIN, "audit?clinic=cardiology"),
    ],
)  # fmt: skip
async def test_who_may_not_read_hears_that_there_is_nothing(
    house: House, user: str, path: str
) -> None:
    status, told = await house.ask(user, path)

    assert (status, told["error"]["code"]) == (404, "not_found")


async def test_a_distribution_of_few_is_withheld_and_one_of_enough_is_told(house: House) -> None:
    _, told = await house.ask(REPORTER, "reports?by=range")

    rows = {row["clinic"]: row for row in told["rows"]}
    waited = {name: value for name, value in rows["cardiology"].items() if "waited_to" in name}
    assert sum(waited.values()) == 6
    assert {rows["eyes"][name] for name in waited} == {None}
    assert told["least"] == 5


async def test_days_are_those_of_the_clinics_time_zone(house: House) -> None:
    """It is tomorrow on Kiritimati for 14 hours of the day, and today for ten."""
    expected = (datetime.now(UTC) + timedelta(hours=14)).date().isoformat()
    _, told = await house.ask(ADMIN, f"reports?to={expected}")

    assert {row["from"] for row in told["rows"]} == {expected}


async def test_the_table_for_spreadsheets_has_the_same_numbers(house: House) -> None:
    _, told = await house.ask(ADMIN, "reports?by=range")
    status, text = await house.ask(ADMIN, "reports?by=range&format=csv")

    assert status == 200
    read = list(csv.DictReader(io.StringIO(text)))
    assert list(read[0]) == columns()
    expected = [
        {name: "" if row[name] is None else str(row[name]) for name in columns()}
        for row in told["rows"]
    ]
    assert read == expected


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-01-02&to=2026-01-01", "from=2020-01-01&to=2026-01-01", "from=soon",
        "to=0001-01-01", "format=xls", "by=hour", "clinic=" + "c" * 300, "to=99999-01-01",
    ],
)  # fmt: skip
async def test_a_range_that_is_none_is_refused_with_what_to_do(house: House, query: str) -> None:
    status, told = await house.ask(ADMIN, f"reports?{query}")

    assert status == 422 or (status, told["rows"]) == (200, [])


# ── audit ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_audit_tells_each_step_and_who_was_refused_and_nobodys_name(
    house: House,
) -> None:
    await house.ask(CLINIC_ADMIN, "reports?clinic=eyes")
    async with await house.person(CLINICIAN) as grace:
        async with await grace.watch("harbour", "eyes") as socket:
            await socket.receive()
        await grace.request("POST", "/api/sign-out", {})
    async with asyncio.timeout(WITHIN_S):
        while True:
            status, told = await house.ask(ADMIN, "audit?limit=1000")
            deeds = Counter((one["what"], one["outcome"]) for one in told["records"])
            if deeds["sign_out", "done"] and deeds["read_reports", "refused"]:
                break

    assert status == 200
    assert deeds["enter", "done"] == deeds["end", "done"] == 8
    assert deeds["see_queue", "done"] >= 1
    assert deeds["sign_in", "done"] >= 8
    assert [word for word in CANARIES if word in json.dumps(told)] == []
    visits = {one["visit"] for one in told["records"] if one["what"] == "end"}
    assert len(visits) == 8


async def test_an_admin_finds_out_what_the_audit_calls_somebody_and_that_is_recorded(
    house: House,
) -> None:
    async with await house.person(ADMIN) as admin:
        path = "/api/staff/harbour/audit/pseudonym"
        status, text = await admin.request("POST", path, {"user": CLINICIAN.upper()})
        who = json.loads(text)["who"]
    _, told = await house.ask(ADMIN, "audit?clinic=cardiology&limit=1000")

    assert status == 200
    assert {one["who"] for one in told["records"] if one["what"] == "end"} == {who}
    async with asyncio.timeout(WITHIN_S):
        while True:
            _, told = await house.ask(ADMIN, "audit")
            if any(one["what"] == "resolve_pseudonym" for one in told["records"]):
                break


async def test_the_audit_is_read_on_until_its_end(house: House) -> None:
    seen, onwards = [], ""
    for _ in range(100):
        query = f"audit?clinic=eyes&limit=5{onwards and '&before=' + onwards}"
        _, told = await house.ask(ADMIN, query)
        seen += [one["id"] for one in told["records"]]
        onwards = told["next"] or ""
        if not onwards:
            break

    assert not onwards
    assert len(seen) == len(set(seen)) >= 8
    assert seen == sorted(seen, key=lambda i: tuple(map(int, i.split("-"))), reverse=True)


@pytest.mark.parametrize("before", ["(", "+", "1-1 2", "-", "1-", "9" * 30, "١-١"])
async def test_what_is_no_place_to_read_on_from_is_refused(house: House, before: str) -> None:
    status, _ = await house.ask(ADMIN, f"audit?before={before}")

    assert status == 422


async def test_every_record_is_shipped_and_the_file_is_its_owners_alone(house: House) -> None:
    _, told = await house.ask(ADMIN, "audit?limit=1000")
    lines = await shipped(house.file, len(told["records"]))

    assert {one["id"] for one in told["records"]} <= {one["id"] for one in lines}
    assert {(one["v"], one["stream"], one["organisation"]) for one in lines} == {
        (1, "audit", "harbour")
    }
    assert stat.S_IMODE(house.file.stat().st_mode) == 0o600
    assert [word for word in CANARIES if word in house.file.read_text()] == []


async def test_the_audit_can_go_among_the_log_lines(tmp_path: Path) -> None:
    with RunningValkey() as own:
        await project(own.url, CARDIOLOGY, EYES, ORGANISATION)
        with running_gateway(own.url, tmp_path, audit_sink="/dev/stdout") as gateway:
            async with open_store(own.url) as store:
                await consult(House(gateway, RedisVisits(store, 60), gateway.log), "eyes", "Ann")

            async with asyncio.timeout(WITHIN_S):
                while '"what":"end"' not in await asyncio.to_thread(gateway.log.read_text):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        lines = [json.loads(one) for one in gateway.log.read_text().splitlines()]

    assert {one.get("stream", one.get("service")) for one in lines} == {"audit", "gateway"}


async def test_a_sink_that_is_away_loses_nothing_and_two_gateways_ship_each_record(
    valkey: RunningValkey, tmp_path: Path
) -> None:
    with RunningValkey() as own:
        await project(own.url, CARDIOLOGY, EYES, ORGANISATION)
        file = tmp_path / "later" / "audit.jsonl"
        with (
            running_gateway(own.url, tmp_path, audit_sink=str(file)) as one,
            running_gateway(own.url, tmp_path, audit_sink=str(file)) as other,
        ):
            async with open_store(own.url) as store:
                visits = RedisVisits(store, 60)
                for gateway in (one, other):
                    await consult(House(gateway, visits, file), "eyes", "Ann")
                assert not file.exists()
                file.parent.mkdir()
                lines = await shipped(file, 10)

    per_record = Counter(line["id"] for line in lines)
    assert set(per_record.values()) == {1}
    assert Counter(line["what"] for line in lines)["enter"] == 2
