"""A primary is killed under waiting patients: their sockets, places and order stay, and new ones come in.

What had reached the replica is kept; replication is asynchronous, so the test waits for it before the blow.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import aiohttp
import pytest
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import Waiting
from teleward_testing import valkey_groups
from teleward_testing.gateway_load.people import Crowd
from teleward_testing.gateway_load.shapes import Shape
from teleward_testing.gateways import project, running_gateway
from teleward_testing.valkey_groups import DOWN_AFTER_MS, Group, Server

ORIGIN = "http://clinic.test"
SHAPE = Shape("one", 1, 20, 1, 0, 0, 0, 0)
((NAMESPACE, CLINIC),) = SHAPE.addresses()
QUEUE = keys.queue(Namespace(NAMESPACE), f"uid-{CLINIC}")
WITHIN_S = 45.0

KINDS: dict[str, Callable[[], AbstractContextManager[Group]]] = {
    "sentinel": lambda: valkey_groups.sentinels(DOWN_AFTER_MS),
    "cluster": lambda: valkey_groups.cluster(DOWN_AFTER_MS, replicas=True),
}


@pytest.fixture(params=KINDS)
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    with KINDS[request.param]() as running:
        yield running


@pytest.fixture
async def crowd(group: Group, tmp_path: Path) -> AsyncIterator[Crowd]:
    await project(group.url, *SHAPE.projections())
    with (
        running_gateway(group.url, tmp_path, public_url=ORIGIN) as one,
        running_gateway(group.url, tmp_path, public_url=ORIGIN) as other,
    ):
        made = Crowd([one.url, other.url], ORIGIN)
        yield made
        made.close()


def holder(group: Group) -> Server:
    """The primary that holds the queue."""
    for server in group.primaries():
        if QUEUE in server.client.keys("*"):
            return server
    raise AssertionError("nobody holds the queue")


async def queue(group: Group) -> list[Waiting]:
    async with open_store(group.url) as store:
        visits = RedisVisits(store, 60)
        return list(await visits.waiting(Namespace(NAMESPACE), f"uid-{CLINIC}"))


async def until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


@pytest.mark.timeout(180)
async def test_who_waits_keeps_the_place_when_the_primary_is_killed(
    group: Group, crowd: Crowd, record_property: Callable[[str, object], None]
) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await crowd.look_on(http, NAMESPACE, CLINIC)
        await crowd.look_on(http, NAMESPACE, CLINIC)
        for _ in range(SHAPE.waiting):
            await crowd.enter(http, NAMESPACE, CLINIC)
        await until("all wait", lambda: all(patient.frames for patient in crowd.patients))
        await until("all are shown", lambda: all(len(d.shown_at) == 20 for d in crowd.dashboards))
        before = await queue(group)
        primary = holder(group)
        assert primary.client.wait(1, 5000) >= 1, "the replica has not what the primary has"

        primary.kill()
        killed_at = time.monotonic()
        await asyncio.wait_for(crowd.enter(http, NAMESPACE, CLINIC), WITHIN_S)
        record_property("seconds until the next patient was let in", time.monotonic() - killed_at)
        await until(
            "the new one is shown", lambda: all(len(d.shown_at) == 21 for d in crowd.dashboards)
        )

    after = await queue(group)
    assert [row.visit.id for row in after[:20]] == [row.visit.id for row in before]
    assert [row.visit.arrived_ms for row in after[:20]] == [r.visit.arrived_ms for r in before]
    assert [row.personal for row in after[:20]] == [row.personal for row in before]
    assert [row.visit.socket for row in after[:20]] == [row.visit.socket for row in before]
    assert (len(after), after[20].personal.name) == (21, "Patient 00021")
    assert all(socket.is_open for socket in crowd.sockets())
    assert holder(group) is not primary
