"""Where WebSockets are blocked, the same frames come as server-sent events: same admission, same bounds."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import Personal, Visit, VisitAction
from teleward_testing.front_door import CLINIC, HERE, NAMESPACE, FrontDoor, front_door
from teleward_testing.valkey import RunningValkey

HARBOUR = Namespace(NAMESPACE)
WAITING, QUEUE = f"/stream/visit/{HERE}", f"/stream/staff/{HERE}"
HELLO = {"type": "hello", "name": "Ann", "fields": {}, "locale": "en"}
WITHIN_S = 30.0
PATIENTS, DEAF, ROUNDS = 200, 4, 100


@pytest.fixture
async def door(valkey: RunningValkey, tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path) as made:
        yield made


@pytest.fixture
async def kept(door: FrontDoor, valkey: RunningValkey) -> AsyncIterator[Store]:
    async with open_store(valkey.url) as store:
        yield store


class Stream:
    """A stream that is read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.comments = 0

    async def event(self) -> Any:
        """The next frame, or the code with which the stream closes; None at its end."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                lines = [line async for line in self._lines()]
                if not lines:
                    return None
                fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
                self.comments += not fields
                if fields:
                    return json.loads(fields["data"])

    async def _lines(self) -> AsyncIterator[str]:
        while line := (await self.answer.content.readline()).decode():
            if line == "\n":
                return
            yield line.removesuffix("\n")


@contextlib.asynccontextmanager
async def stream(
    door: FrontDoor, path: str, cookie: str = "", body: object = None, **headers: str
) -> AsyncIterator[Stream]:
    sent = {
        "Accept": "text/event-stream", "Origin": door.origin, "Cookie": cookie, **headers,
    }  # fmt: skip
    async with (
        aiohttp.ClientSession(read_bufsize=2**24) as http,
        http.post(f"{door.gateway.url}{path}", json=body or {}, headers=sent) as answer,
    ):
        yield Stream(answer)


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


def deaf(door: FrontDoor, cookie: str) -> socket.socket:
    """Ask for the queue and never read."""
    host, _, port = door.gateway.url.removeprefix("http://").partition(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect((host, int(port)))
    lines = [
        f"POST {QUEUE} HTTP/1.1", f"Host: {host}:{port}", f"Origin: {door.origin}",
        f"Cookie: {cookie}", "Accept: text/event-stream", "Content-Length: 0", "", "",
    ]  # fmt: skip
    made.sendall("\r\n".join(lines).encode())
    return made


def people(door: FrontDoor) -> int:
    """How many connections the gateway has with people."""
    port = int(door.gateway.url.rpartition(":")[2])
    found = psutil.Process(door.gateway.process.pid).net_connections()
    return sum(one.laddr.port == port and one.status == "ESTABLISHED" for one in found)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # noqa: ASYNC110 - it is the operating system's to say
            await asyncio.sleep(0.1)


async def test_who_does_not_read_is_cut_and_who_reads_is_not(door: FrontDoor, kept: Store) -> None:
    visits = RedisVisits(kept, 60)
    for number in range(PATIENTS):
        await visits.enter(
            Visit(
                id=f"v{number}", namespace=HARBOUR, clinic=CLINIC, clinic_uid="uid-cardiology",
                arrived_ms=int(time.time() * 1000) + number,
            ),
            Personal(name=f"Patient {number}", fields={"reason": "x" * 400}), 3600,
        )  # fmt: skip
    cookie = await door.sign_in()
    async with stream(door, QUEUE, cookie) as reader:
        assert len((await reader.event())["visits"]) == PATIENTS
        before = people(door)
        held = [deaf(door, cookie) for _ in range(DEAF)]
        await until(lambda: people(door) == before + DEAF)
        for number in range(ROUNDS):
            if people(door) <= before:
                break
            action = VisitAction.RETURN if number % 2 else VisitAction.CALL_IN
            await asyncio.gather(
                *(visits.change(HARBOUR, f"v{n}", action, "x") for n in range(PATIENTS))
            )
            assert (await reader.event())["type"] == "queue_delta"
        await until(lambda: people(door) <= before)
        for one in held:
            one.close()
    assert "without completing" not in door.gateway.log.read_text()
