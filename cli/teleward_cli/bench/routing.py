"""How long `reserve` takes: on an embedded store, with every media node beating once a second and a reaper running.

Each measured media node holds calls, as in a pool that is half full; the store does all of its real work meanwhile.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from multiprocessing import get_context
from pathlib import Path

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.media_nodes import RECOVERY_S, Heartbeat, LiveCall
from teleward_contract.placements import Placed
from teleward_contract.redis_store import Store, open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
    call_cost,
)

from teleward_cli import store as embedded
from teleward_cli.bench.report import Report, Result, make_report, summarise

MEDIA_NODES = (10, 200, 1_000)
RESERVATIONS = 2_000
CALLS_PER_MEDIA_NODE = 10
CAPACITY = CapacityUnits(120)
COST = call_cost(2)
_STARTS_WITHIN_S = 10.0


def run(sizes: Sequence[int] = MEDIA_NODES, reservations: int = RESERVATIONS) -> Report:
    """Measure, in a loop of its own; see `bench_routing`."""
    return asyncio.run(bench_routing(sizes, reservations))


async def bench_routing(
    sizes: Sequence[int] = MEDIA_NODES, reservations: int = RESERVATIONS
) -> Report:
    """Measure `reserve` at several numbers of media nodes.

    Args:
        sizes: Numbers of media nodes in the pool.
        reservations: Samples at each size; each is released at once, so that the pool stays half full.

    Raises:
        RoutingUnavailableError: There is no server binary, or it did not start.
    """
    results: list[Result] = []
    async with running_store() as (store, url):
        for size in sizes:
            results.append(await _measure(store, url, size, reservations))
        information = await store.redis.info("server")
    server = str(information.get("valkey_version") or information.get("redis_version"))
    return make_report("routing", results, ["redis"], {"store": server})


async def _measure(store: Store, url: str, size: int, reservations: int) -> Result:
    routing, pool = RedisRouting(store), PoolId(f"bench/{size}")
    load = get_context("spawn").Process(target=_load, args=(url, pool, size), daemon=True)
    load.start()
    try:
        await _until_all_beat(routing, pool, size)
        samples = [await _reserve_once(routing, pool, number) for number in range(reservations)]
        views = await routing.views(pool)
    finally:
        load.kill()
        load.join()
    assert all(view.used <= view.capacity for view in views)
    assert all(view.alive for view in views), "the machine is too slow for that many heartbeats"
    return summarise(f"reserve at {size} media nodes", samples, "ms")


async def _until_all_beat(routing: RedisRouting, pool: PoolId, size: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while len(await routing.views(pool)) < size:
        assert time.monotonic() < deadline, "the media nodes' load did not start"
        await asyncio.sleep(0.2)
    await asyncio.sleep(RECOVERY_S)


def _load(url: str, pool: PoolId, size: int) -> None:
    """Beat for every media node and reap, each once a second, in a process of its own."""
    asyncio.run(_bear(url, pool, size))


async def _bear(url: str, pool: PoolId, size: int) -> None:
    async with open_store(url) as store:
        routing = RedisRouting(store)
        beats = [_heartbeat(pool, number) for number in range(size)]
        await asyncio.gather(
            _each_second([_beat(routing, beat) for beat in beats]),
            _each_second([lambda: routing.reap(pool)]),
        )


async def _reserve_once(routing: RedisRouting, pool: PoolId, number: int) -> float:
    call = CallId(f"visit:measured-{number}")
    began = time.perf_counter()
    answer = await routing.reserve(pool, call, COST)
    took_ms = (time.perf_counter() - began) * 1000
    assert isinstance(answer, Placed), (
        f"the bench's pool is not full, yet reserve answered {answer}"
    )
    await routing.release(pool, call, answer.placement.epoch)
    return took_ms


async def _each_second(actions: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Carry out all actions, evenly spread over each second."""
    while True:
        began = time.monotonic()
        for number, action in enumerate(actions):
            await asyncio.sleep(max(0.0, began + number / len(actions) - time.monotonic()))
            await action()
        await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))


def _beat(routing: RedisRouting, heartbeat: Heartbeat) -> Callable[[], Awaitable[object]]:
    return lambda: routing.beat(heartbeat)


def _heartbeat(pool: PoolId, number: int) -> Heartbeat:
    calls = (
        LiveCall(
            call=CallId(f"visit:{number}-{n}"), epoch=PlacementEpoch(1), cost=COST, participants=2
        )
        for n in range(CALLS_PER_MEDIA_NODE)
    )
    return Heartbeat(
        pool=pool,
        media_node=MediaNodeId(f"bench-{number}"),
        boot=BootId(f"boot-{number}"),
        control_url=f"ws://127.0.0.1:1/{number}",
        udp="127.0.0.1:1",
        capacity=CAPACITY,
        calls=tuple(calls),
    )


@asynccontextmanager
async def running_store() -> AsyncIterator[tuple[Store, str]]:
    """Run an embedded store of its own; yields it and its URL."""
    binary = embedded.find_binary()
    if binary is None:
        raise RoutingUnavailableError("no valkey-server and no redis-server on this machine")
    port = embedded.free_port()
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as directory:
        process = subprocess.Popen(  # noqa: ASYNC220  # the one process, before anything is measured
            embedded.command(binary, port, Path(directory)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"redis://127.0.0.1:{port}/0"
            async with open_store(url) as store:
                await _answering(store)
                yield store, url
        finally:
            process.kill()
            process.wait()


async def _answering(store: Store) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            await RedisRouting(store).reap(PoolId("bench/start"))
        except RoutingUnavailableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return
