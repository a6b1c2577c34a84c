"""Who uses no page for too long is signed out; an open dashboard and a call are use."""

import asyncio
import time
from pathlib import Path

import pytest
from teleward_cli.demo.client import RefusedAnswerError, Visitor
from teleward_contract.projections import (
    ClinicProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
)
from teleward_contract.units import Namespace, PoolId
from teleward_testing.gateways import project, running_gateway
from teleward_testing.valkey import RunningValkey

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


async def test_who_is_away_is_signed_out_and_who_is_at_a_page_is_not(
    valkey: RunningValkey, tmp_path: Path
) -> None:
    valkey.flush()
    await project(valkey.url, CLINIC)
    with (
        running_gateway(valkey.url, tmp_path, session_idle_s=str(IDLE_S)) as gateway,
        valkey.client() as client,
    ):
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
                while len(list(client.scan_iter("tw:{staff}:session:*"))) == len(PEOPLE):
                    assert time.monotonic() < deadline, "nobody was signed out"
                    await asyncio.sleep(0.1)

                assert (await caller.me()).user == PEOPLE[0]
                assert (await watcher.me()).user == PEOPLE[1]
                with pytest.raises(RefusedAnswerError) as refused:
                    await away.me()
                assert (refused.value.status, refused.value.code) == (401, "sign_in")
