"""Where WebSockets are blocked, the same frames come as server-sent events: same admission, same bounds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import VisitAction
from teleward_testing.event_stream import stream
from teleward_testing.front_door import HERE, NAMESPACE, FrontDoor, front_door
from teleward_testing.valkey import RunningValkey

HARBOUR = Namespace(NAMESPACE)
WAITING, QUEUE = f"/stream/visit/{HERE}", f"/stream/staff/{HERE}"
HELLO = {"type": "hello", "name": "Ann", "fields": {}, "locale": "en"}
WITHIN_S = 30.0


@pytest.fixture
async def door(valkey: RunningValkey, tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path) as made:
        yield made


@pytest.fixture
async def kept(door: FrontDoor, valkey: RunningValkey) -> AsyncIterator[Store]:
    async with open_store(valkey.url) as store:
        yield store


async def test_a_patient_is_told_what_happens_to_the_visit_until_its_end(
    door: FrontDoor, kept: Store
) -> None:
    cookie = await door.enter("Ann")
    visits = RedisVisits(kept, 60)
    (row,) = await visits.waiting(HARBOUR, "uid-cardiology")

    async with stream(door, WAITING, cookie, HELLO) as waiting:
        assert (await waiting.event())["state"] == "waiting"
        await visits.change(HARBOUR, row.visit.id, VisitAction.CALL_IN, "x")
        assert (await waiting.event())["state"] == "called"
        await visits.change(HARBOUR, row.visit.id, VisitAction.END, "x")
        assert (await waiting.event())["state"] == "ended"
        assert await waiting.event() == 1000
        assert await waiting.event() is None
        assert waiting.comments > 0
        headers = waiting.answer.headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert "Content-Length" not in headers


async def test_what_a_page_without_a_socket_found_out_about_its_device_is_posted(
    door: FrontDoor,
) -> None:
    cookie = await door.enter("Ann")
    path, report = f"/api/clinics/{HERE}/report", {"device": "phone", "camera": "blocked"}
    async with stream(door, QUEUE, await door.sign_in()) as queue:
        await queue.event()
        assert (await door.ask("POST", path, body=report, cookie=cookie)).status == 204
        (row,) = (await queue.event())["upsert"]

    assert (row["device"]["device"], row["device"]["camera"]) == ("phone", "blocked")
    assert (await door.ask("POST", path, body=report)).status == 404, "who has no ticket"
    foreign = await door.ask(
        "POST", path, body=report, cookie=cookie, origin="https://evil.example"
    )
    assert foreign.status == 403


async def test_staff_are_shown_the_queue_and_what_changes_in_it(
    door: FrontDoor, kept: Store
) -> None:
    await door.enter("Ann")
    async with stream(door, QUEUE, await door.sign_in()) as queue:
        first = await queue.event()
        await door.enter("Ben")
        second = await queue.event()

    assert (first["type"], [row["name"] for row in first["visits"]]) == ("queue", ["Ann"])
    assert (second["type"], second["version"]) == ("queue_delta", first["version"] + 1)
    assert [row["name"] for row in second["upsert"]] == ["Ben"]


async def test_a_stream_and_a_socket_are_two_pages_of_one_visit_of_which_the_newest_counts(
    door: FrontDoor,
) -> None:
    cookie = await door.enter("Ann")
    async with stream(door, WAITING, cookie, HELLO) as older:
        assert (await older.event())["state"] == "waiting"
        async with door.socket(f"/ws/visit/{HERE}", cookie=cookie) as newer:
            await newer.send_json(HELLO)
            assert (await newer.receive_json())["state"] == "waiting"
            assert (await older.event())["type"] == "replaced"
            assert await older.event() == 4001


@pytest.mark.parametrize("cookie", ["", "__Host-teleward-visit.harbour.cardiology=forged"])
async def test_who_has_no_ticket_hears_that_there_is_nothing(door: FrontDoor, cookie: str) -> None:
    async with stream(door, WAITING, cookie, HELLO) as waiting:
        assert (await waiting.event())["type"] == "unknown"
        assert await waiting.event() == 4004


async def test_who_is_not_of_the_clinic_hears_that_there_is_nothing(door: FrontDoor) -> None:
    for cookie in ("", await door.sign_in("hedy@example.org")):
        async with stream(door, QUEUE, cookie) as queue:
            assert (await queue.event())["code"] in ("sign_in", "not_found")
            assert await queue.event() == 4004


async def test_who_is_signed_out_meanwhile_is_shown_no_more(
    valkey: RunningValkey, tmp_path: Path
) -> None:
    async with front_door(valkey, tmp_path, session_idle_s="3") as door:
        cookie = await door.sign_in()
        async with stream(door, QUEUE, cookie) as queue:
            assert (await queue.event())["type"] == "queue"
            await door.ask("POST", "/api/sign-out", cookie=cookie)
            assert (await queue.event())["code"] == "sign_in"
            assert await queue.event() == 4004


@pytest.mark.parametrize("path", [WAITING, QUEUE])
async def test_a_foreign_page_and_a_client_that_waits_for_the_end_are_refused(
    door: FrontDoor, path: str
) -> None:
    assert (await door.ask("POST", path, body=HELLO, origin="https://evil.example")).status == 403
    assert (await door.ask("POST", path, body=HELLO)).code == "not_acceptable"
    assert (await door.ask("GET", path)).status == 405


async def test_a_hello_that_is_none_is_refused(door: FrontDoor) -> None:
    cookie = await door.enter("Ann")
    headers = {"Accept": "text/event-stream"}
    bodies: list[object] = [{}, {**HELLO, "name": "x" * 401}, [], b"no json"]
    for body in bodies:
        answer = await door.ask("POST", WAITING, body=body, headers=headers, cookie=cookie)
        assert answer.status == 422


async def test_a_gateway_that_stops_lets_its_streams_end(door: FrontDoor) -> None:
    async with stream(door, QUEUE, await door.sign_in()) as queue:
        assert (await queue.event())["type"] == "queue"
        door.gateway.process.terminate()
        assert await queue.event() is None
    await asyncio.to_thread(door.gateway.process.wait, WITHIN_S)

    log = door.gateway.log.read_text()
    assert door.gateway.process.returncode == 0
    assert "process.stopped" in log
    assert "Exception" not in log
