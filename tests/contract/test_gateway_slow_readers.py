"""A dashboard that does not read costs a bounded piece of memory for a bounded time, and nobody else anything."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import Personal, Visit, VisitAction, VisitState
from teleward_testing.event_stream import stream
from teleward_testing.front_door import CLINIC, HERE, NAMESPACE, FrontDoor, front_door
from teleward_testing.valkey import RunningValkey

PATIENTS, DEAF, ROUNDS = 200, 20, 30
ROW_BYTES = 700
"""A row with an answer of the greatest length, at least."""
QUEUE_BYTES = PATIENTS * ROW_BYTES
HELD_BYTES = DEAF * (64 * 1024 + 4 * QUEUE_BYTES)
"""Of each deaf dashboard: what asyncio takes before it says stop, and one frame, as text and as bytes, twice over."""
UNHELD_BYTES = DEAF * ROUNDS * QUEUE_BYTES
WITHIN_S = 60.0


@pytest.fixture
async def door(valkey: RunningValkey, tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path) as made:
        yield made


@pytest.fixture
async def visits(door: FrontDoor, valkey: RunningValkey) -> AsyncIterator[RedisVisits]:
    """A long queue."""
    async with open_store(valkey.url) as store:
        made = RedisVisits(store, 60)
        for number in range(PATIENTS):
            await made.enter(
                Visit(
                    id=f"v{number}", namespace=Namespace(NAMESPACE), clinic=CLINIC,
                    clinic_uid="uid-cardiology", arrived_ms=int(time.time() * 1000) + number,
                ),
                Personal(name=f"Patient {number}", fields={"reason": "x" * 400}), 3600,
            )  # fmt: skip
        yield made


async def frames_of_socket(door: FrontDoor, cookie: str) -> AsyncIterator[Any]:
    async with door.socket(f"/ws/staff/{HERE}", cookie=cookie) as ws:
        async for message in ws:
            yield json.loads(message.data)


async def frames_of_stream(door: FrontDoor, cookie: str) -> AsyncIterator[Any]:
    async with stream(door, f"/stream/staff/{HERE}", cookie) as read:
        while isinstance(frame := await read.event(within_s=None), dict):
            yield frame


@dataclass(frozen=True)
class Way:
    """How a dashboard is opened."""

    frames: Callable[[FrontDoor, str], AsyncIterator[Any]]
    request: tuple[str, ...]


SOCKET = Way(
    frames_of_socket,
    (
        f"GET /ws/staff/{HERE} HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ),
)  # fmt: skip
STREAM = Way(
    frames_of_stream,
    (f"POST /stream/staff/{HERE} HTTP/1.1", "Accept: text/event-stream", "Content-Length: 0"),
)


def deaf(door: FrontDoor, way: Way, cookie: str) -> socket.socket:
    """Open a dashboard and never read."""
    host, _, port = door.gateway.url.removeprefix("http://").partition(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect((host, int(port)))
    lines = [
        *way.request, f"Host: {host}:{port}", f"Origin: {door.origin}", f"Cookie: {cookie}", "", "",
    ]  # fmt: skip
    made.sendall("\r\n".join(lines).encode())
    return made


def people(door: FrontDoor) -> int:
    """How many connections the gateway has with people; those with its store come and go."""
    port = int(door.gateway.url.rpartition(":")[2])
    found = psutil.Process(door.gateway.process.pid).net_connections()
    return sum(one.laddr.port == port and one.status == "ESTABLISHED" for one in found)


async def until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


class Reader:
    """A dashboard that reads."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.frames: list[str] = []

    async def read(self, frames: AsyncIterator[Any]) -> None:
        async for frame in frames:
            self.frames.append(frame["type"])
            for row in frame.get("visits", []) + frame.get("upsert", []):
                self.states[row["visit"]] = row["state"]

    def shows(self, state: VisitState) -> bool:
        return len(self.states) == PATIENTS and set(self.states.values()) == {state.value}


@pytest.mark.parametrize("way", [SOCKET, STREAM], ids=["socket", "stream"])
async def test_who_does_not_read_is_held_one_frame_and_then_cut(
    way: Way, door: FrontDoor, visits: RedisVisits, record_property: Callable[[str, object], None]
) -> None:
    assert UNHELD_BYTES > 4 * HELD_BYTES, "the test would not see it"
    process = psutil.Process(door.gateway.process.pid)
    cookie = await door.sign_in()
    reader = Reader()
    reading = asyncio.create_task(reader.read(way.frames(door, cookie)))
    await until("the queue is shown", lambda: reader.shows(VisitState.WAITING))
    before, connections = process.memory_info().rss, people(door)

    with contextlib.ExitStack() as held:
        for _ in range(DEAF):
            held.enter_context(deaf(door, way, cookie))
        await until("all are there", lambda: people(door) == connections + DEAF)
        grown = 0
        for number in range(ROUNDS):
            action = VisitAction.RETURN if number % 2 else VisitAction.CALL_IN
            await asyncio.gather(
                *(
                    visits.change(Namespace(NAMESPACE), f"v{n}", action, "x")
                    for n in range(PATIENTS)
                )
            )
            state = VisitState.WAITING if number % 2 else VisitState.CALLED
            await until("who reads is told", lambda state=state: reader.shows(state))  # type: ignore[misc]  # bound at once
            grown = max(grown, process.memory_info().rss - before)
        record_property("MiB held for each who does not read", grown / 2**20 / DEAF)

        assert grown < HELD_BYTES
        await until("they are cut", lambda: people(door) <= connections)
    assert not reading.done()
    assert reader.frames.count("queue") == 1
    reading.cancel()

    again = Reader()
    returned = asyncio.create_task(again.read(way.frames(door, cookie)))
    await until("who returns is shown all", lambda: again.shows(VisitState.WAITING))
    assert again.frames[0] == "queue"
    returned.cancel()
    assert "without completing" not in door.gateway.log.read_text()
