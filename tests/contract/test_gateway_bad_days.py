"""Bad days with a stated outcome (docs/bad-days.md), each at two real gateways, one store and a real media node."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import aiohttp
from teleward_cli.demo.client import RefusedAnswerError, SocketEndedError
from teleward_contract.projections import ClinicProjection, ProjectionKind
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters import keys as stored_keys
from teleward_gateway.usecases.clinics import REMEMBERED_S
from teleward_testing.clinic_life.life import Life
from teleward_testing.clinic_life.model import PatientAct, StaffAct
from teleward_testing.clinic_life.world import World
from teleward_testing.doors import NOT_FOUND, knock_at_call, knock_at_queue
from teleward_testing.front_door import CARDIOLOGY, CLINIC, HERE, NAMESPACE, STAFF
from teleward_testing.gateways import LEADER, RunningGateway, project, running_gateway
from teleward_testing.valkey import RunningValkey

BEN = "ben@x.org"
AHEAD_S = 300.0
WITHIN_S = 15.0


def test_a_role_taken_away_in_a_call_leaves_the_call_and_takes_everything_else(life: Life) -> None:
    """The patient is not left alone by a change of a file; who has lost the role can do nothing more, nor come back."""
    name = life.in_consultation(BEN)
    world = life.world
    (call,) = world.staff_calls

    async def so() -> None:
        clinic = world.clinic("cardiology")
        without = tuple(member for member in clinic.team if member.user != BEN)
        await project(world.valkey.url, clinic.model_copy(update={"team": without}))
        member = world.member(BEN)
        visit = world.people[name].visit
        await asyncio.sleep(REMEMBERED_S + 0.5)
        for step in ("hold", "return", "end", "call-in"):
            assert await _is_refused(world, visit, step)
        assert await knock_at_queue(member, world.namespace, "cardiology") == NOT_FOUND
        assert await knock_at_call(member, f"/ws/call/visit/{visit}") == NOT_FOUND
        assert not call.is_over
        stored = await world.stored_visit(visit)
        assert stored is not None
        assert (stored.state, stored.called_by) == ("in_consultation", BEN)
        await _until(lambda: _is_over(world.board_of("cardiology")))

    world.run(so())


async def _is_refused(world: World, visit: str, step: str) -> bool:
    try:
        await world.member(BEN).act(world.namespace, "cardiology", visit, step)
    except RefusedAnswerError as err:
        return err.status == 404
    raise AssertionError(f"{step} was let happen")


async def _is_over(reading: "asyncio.Task[None]") -> bool:
    return reading.done()


async def _until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not await is_so():  # type: ignore[misc]  # a coroutine
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


def test_a_clinic_deleted_while_patients_wait_ends_every_visit_and_says_so(life: Life) -> None:
    life.enter([("cardiology", 0, True), ("cardiology", 1, True), ("urgent", 1, True)])
    first, second, elsewhere = life.names
    world = life.world
    life.at_once([(first, StaffAct(BEN, "cardiology", "call-in", 0))])
    life.at_once([(first, PatientAct("join", 1))])
    call = world.people[first].call
    assert call is not None
    pages = [world.people[name].page for name in (first, second)]

    async def so() -> None:
        clinic = world.clinic("cardiology")
        await _remove(world.valkey.url, clinic)

        async def all_told() -> bool:
            return all(page is not None and page.last == "unknown" for page in pages)

        await _until(all_told)
        for name in (first, second):
            visit = await world.stored_visit(world.people[name].visit)
            assert visit is not None
            assert visit.state == "left"
            assert await world.visits.personal(world.namespace, visit.id) is None

        async def call_is_over() -> bool:
            return call.is_over

        await _until(call_is_over)
        other = world.people[elsewhere].page
        assert other is not None
        assert other.last == "waiting"

    world.run(so())


async def _remove(url: str, clinic: ClinicProjection) -> None:
    async with open_store(url) as store:
        await RedisProjections(store).remove(
            ProjectionKind.CLINIC, clinic.namespace, clinic.name, clinic.uid, LEADER
        )


# -- clocks -----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _apart(
    valkey: RunningValkey, folder: Path
) -> AsyncIterator[tuple[list[RunningGateway], aiohttp.ClientSession]]:
    """Two gateways, one five minutes ahead and one five minutes behind."""
    valkey.flush()
    origin = "http://clinic.test"
    await project(valkey.url, CARDIOLOGY)
    with (
        running_gateway(valkey.url, folder, public_url=origin, ahead_s=str(AHEAD_S)) as ahead,
        running_gateway(valkey.url, folder, public_url=origin, ahead_s=str(-AHEAD_S)) as behind,
    ):
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": origin}) as http:
            yield [ahead, behind], http


async def test_clocks_five_minutes_apart_change_no_order_and_nobody_looks_away(
    valkey: RunningValkey, tmp_path: Path
) -> None:
    async with _apart(valkey, tmp_path) as (gateways, http), contextlib.AsyncExitStack() as stack:
        for number in range(6):
            url = gateways[number % 2].url
            body = {"name": f"Patient {number}", "fields": {}, "locale": "en"}
            async with http.post(f"{url}/api/clinics/{HERE}/visits", json=body) as answer:
                assert answer.status == 201
                cookie = answer.headers["Set-Cookie"].partition(";")[0]
            other = gateways[(number + 1) % 2].url
            ws = await stack.enter_async_context(
                http.ws_connect(f"{other}/ws/visit/{HERE}", headers={"Cookie": cookie})
            )
            await ws.send_json({"type": "hello", **body})
            assert (await ws.receive_json(timeout=WITHIN_S))["state"] == "waiting"

        for gateway in gateways:
            async with http.post(
                f"{gateway.url}/api/sign-in/development", json={"user": STAFF}
            ) as answer:
                cookie = answer.headers["Set-Cookie"].partition(";")[0]
            socket = http.ws_connect(
                f"{gateway.url}/ws/staff/{NAMESPACE}/{CLINIC}", headers={"Cookie": cookie}
            )
            async with socket as board:
                frame = await board.receive_json(timeout=WITHIN_S)
                rows = {row["visit"]: row for row in frame["visits"]}
                while len(rows) < 6 or not all(row["connected"] for row in rows.values()):
                    delta = await board.receive_json(timeout=WITHIN_S)
                    rows |= {row["visit"]: row for row in delta.get("upsert", ())}
            shown = sorted(rows.values(), key=lambda row: str(row["arrived_at"]))
            assert [row["name"] for row in shown] == [f"Patient {n}" for n in range(6)]
            with valkey.client() as client:
                stored = json.loads(str(client.get(_key(shown[0]["visit"]))))
                seconds, _ = client.time()
            assert abs(stored["seen_ms"] / 1000 - seconds) < AHEAD_S / 2
            assert abs(_seconds(frame["now"]) - seconds) < AHEAD_S / 2


def _key(visit: str) -> str:
    return stored_keys.visit(Namespace(NAMESPACE), visit)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# -- cookies ----------------------------------------------------------------------------------------


def test_a_stolen_cookie_shows_the_thief_the_visit_and_the_patient_that_it_is_open_elsewhere(
    life: Life,
) -> None:
    """Whoever holds the ticket is the patient to us; the page that was there says so, and can take the visit back."""
    life.enter([("cardiology", 0, True)])
    (name,) = life.names
    world = life.world
    mine = world.people[name].page
    assert mine is not None

    async def so() -> None:
        thief = world.stranger(1)
        async with thief:
            thief.cookies = dict(world.people[name].browser.cookies)
            thief.waits_at = world.people[name].browser.waits_at
            socket = await thief.wait("Somebody else", {})
            frame = await socket.receive()
            assert "Somebody else" not in frame.model_dump_json()

            async def told() -> bool:
                return mine.is_over and mine.last == "replaced"

            await _until(told)
            ((stored, _),) = await world.stored("cardiology")
            assert stored == name, "the thief's hello changed who it is"
            await world.open_page(name, 0)
            with contextlib.suppress(SocketEndedError):
                async with asyncio.timeout(WITHIN_S):
                    while (frame := await socket.receive()).type != "replaced":
                        pass
            assert frame.type == "replaced"
            await socket.close()

    world.run(so())


def test_without_a_cookie_there_is_no_visit(life: Life) -> None:
    life.enter([("cardiology", 0, True)])
    world = life.world

    async def so() -> None:
        async with world.stranger(0) as nobody:
            nobody.waits_at = f"{world.namespace}/cardiology"
            assert await knock_at_call(nobody, nobody.patient_call) == NOT_FOUND
            socket = await nobody.wait("Nobody", {})
            assert (await socket.receive()).type == "unknown"
            await socket.close()

    world.run(so())
    assert len(life.names) == 1


# -- probes -----------------------------------------------------------------------------------------


async def test_a_gateway_without_its_store_is_alive_and_not_ready(
    valkey: RunningValkey, tmp_path: Path
) -> None:
    valkey.flush()
    await project(valkey.url, CARDIOLOGY)
    with running_gateway(valkey.url, tmp_path) as gateway:
        async with aiohttp.ClientSession() as http:

            async def status(path: str) -> int:
                async with http.get(f"{gateway.operations_url}{path}") as answer:
                    return answer.status

            assert (await status("/healthz"), await status("/readyz")) == (200, 200)
            valkey.pause()
            try:
                assert (await status("/healthz"), await status("/readyz")) == (200, 503)
            finally:
                valkey.resume()
            assert await status("/readyz") == 200
