"""A clinic may be called whatever Kubernetes allows: no address of its is taken by something else."""

import itertools
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from teleward_cli.demo.client import Visitor
from teleward_cli.demo.frames import Queue
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.units import Namespace
from teleward_testing import gateway_routes
from teleward_testing.gateway_routes import Door
from teleward_testing.gateways import project, running_gateway
from teleward_testing.valkey import RunningValkey

HARBOUR = Namespace("harbour")
GRACE = "grace@example.org"
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
"""Of an object, as Kubernetes allows it: RFC 1123."""
KINDS = {"meeting", "user"}
"""All that `{kind}` stands for."""
DOORS = gateway_routes.doors()
WORDS = sorted(
    {part for door in DOORS for part in door.template.split("/") if NAME.fullmatch(part)}
)


def is_met_by(part: str, word: str) -> bool:
    """Whether a word may stand where a part of a template is."""
    if not part.startswith("{"):
        return part == word
    return word in KINDS if part == "{kind}" else NAME.fullmatch(word) is not None


def meet(one: Door, other: Door) -> bool:
    """Whether an address leads to both."""
    parts, others = one.template.split("/"), other.template.split("/")
    if len(parts) != len(others) or (one.methods or {""}).isdisjoint(other.methods or {""}):
        return False
    return all(
        (a.startswith("{") and b.startswith("{")) or is_met_by(a, b) or is_met_by(b, a)
        for a, b in zip(parts, others, strict=True)
    )


def test_no_address_leads_to_two_doors() -> None:
    assert [
        (a.template, b.template) for a, b in itertools.combinations(DOORS, 2) if meet(a, b)
    ] == []


def clinic(name: str) -> ClinicProjection:
    return ClinicProjection(
        namespace=HARBOUR, name=name, uid=f"uid-{name}", generation=1,
        display_name=f"Clinic {name}", team=(TeamMember(role=Role.CLINIC_ADMIN, user=GRACE),),
        waiting_area=WaitingAreaProjection(uid=f"area-{name}", generation=1),
        rooms=(
            RoomProjection(
                kind=RoomKind.MEETING_ROOM, name=name, uid=f"room-{name}", generation=1,
                display_name=name,
            ),
        ),
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grace(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Visitor]:
    """Somebody who is at work in clinics with every word that our addresses have."""
    valkey.flush()
    organisation = OrganisationProjection(
        namespace=HARBOUR, uid="uid-harbour", generation=1, display_name="Harbour"
    )
    await project(valkey.url, organisation, *(clinic(word) for word in WORDS))
    with running_gateway(valkey.url, tmp_path_factory.mktemp("keys")) as gateway:
        async with Visitor(gateway.url) as person:
            await person.sign_in(GRACE)
            yield person


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("word", WORDS)
async def test_a_clinic_that_is_called_like_a_part_of_an_address_has_all_its_pages(
    grace: Visitor, word: str
) -> None:
    pages = [
        f"/c/harbour/{word}",
        f"/staff/harbour/{word}",
        f"/staff/harbour/{word}/meeting/{word}",
    ]
    for page in pages:
        status, text = await grace.request("GET", page)
        assert (page, status) == (page, 200)
        assert f"<title>Clinic {word}</title>" in text

    choices = json.loads(await grace.ask("GET", f"/api/staff/harbour/{word}/choices"))
    assert len(choices["clinics"]) == len(WORDS) - 1
    async with await grace.watch("harbour", word) as queue:
        assert isinstance(await queue.receive(), Queue)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_reports_stand_beside_a_clinic_of_that_name(grace: Visitor) -> None:
    status, text = await grace.request("GET", "/staff/harbour/-/reports")
    told = json.loads(await grace.ask("GET", "/api/staff/harbour/reports"))

    assert (status, "<title>Teleward</title>" in text) == (200, True)
    assert "reports" in WORDS
    assert told["clinics"] == WORDS
