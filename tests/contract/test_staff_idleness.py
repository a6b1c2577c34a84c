"""Who uses no page for too long is signed out; an open dashboard and a call are use."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from teleward_cli.demo.client import RefusedAnswerError, SocketEndedError, Visitor
from teleward_contract.projections import (
    ClinicProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
)
from teleward_contract.units import Namespace, PoolId
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDLE_S = 3
PEOPLE = ("in-a-call@x.org", "at-the-dashboard@x.org", "away@x.org")
CLINIC = ClinicProjection(
    namespace=Namespace("harbour"), name="cardiology", uid="uid-c", generation=1,
    display_name="Cardiology", pool=PoolId("harbour/media"),
    team=tuple(TeamMember(role=Role.CLINICIAN, user=user) for user in PEOPLE),
    rooms=(
        RoomProjection(
            kind=RoomKind.MEETING_ROOM, name="ward-round", uid="uid-r", generation=1,
            display_name="Ward round",
        ),
    ),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningGateway]:
    valkey.flush()
    await project(valkey.url, CLINIC)
    folder = tmp_path_factory.mktemp("idleness")
    with running_gateway(valkey.url, folder, session_idle_s=str(IDLE_S)) as running:
        yield running


async def test_who_is_away_is_signed_out_and_who_is_at_a_page_is_not(
    gateway: RunningGateway, valkey: RunningValkey
) -> None:
    async with (
        Visitor(gateway.url) as caller,
        Visitor(gateway.url) as watcher,
        Visitor(gateway.url) as away,
    ):
        for person, user in zip((caller, watcher, away), PEOPLE, strict=True):
            await person.sign_in(user)
        async with (
            await caller.call("/ws/call/room/harbour/cardiology/meeting/ward-round"),
            await watcher.watch("harbour", "cardiology"),
        ):
            deadline = time.monotonic() + 5 * IDLE_S
            while len(sessions(valkey)) == len(PEOPLE):
                assert time.monotonic() < deadline, "nobody was signed out"
                await asyncio.sleep(0.1)

            assert (await caller.me()).user == PEOPLE[0]
            assert (await watcher.me()).user == PEOPLE[1]
            with pytest.raises(RefusedAnswerError) as refused:
                await away.me()
            assert (refused.value.status, refused.value.code) == (401, "sign_in")


async def test_an_open_dashboard_is_closed_when_its_person_is_signed_out(
    gateway: RunningGateway,
) -> None:
    async with Visitor(gateway.url) as watcher:
        await watcher.sign_in(PEOPLE[1])
        socket = await watcher.watch("harbour", "cardiology")
        heard = [await socket.receive_text()]

        await watcher.ask("POST", "/api/sign-out", {})

        with contextlib.suppress(SocketEndedError):
            async with asyncio.timeout(5 * IDLE_S):
                while True:
                    heard.append(await socket.receive_text())
        assert '"code":"sign_in"' in heard[-1]


def sessions(valkey: RunningValkey) -> list[object]:
    with valkey.client() as client:
        return list(client.scan_iter("tw:{staff}:session:*"))
