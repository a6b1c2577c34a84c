"""A silent, restarted or emptied store is told from an answer, in bounded time."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator

import pytest
from redis.crc import key_slot
from teleward_contract import routing_redis
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import MAX_CONNECTIONS, Store, open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import LeaderEpoch, Namespace
from teleward_testing.routing import POOL, call, heartbeat, units
from teleward_testing.valkey import RunningValkey


@pytest.fixture
def own_valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as running:
        yield running


async def test_scripts_are_loaded_again_after_they_were_flushed(store: Store) -> None:
    routing = RedisRouting(store)
    await routing.beat(heartbeat())

    await store.redis.script_flush()

    assert (await routing.beat(heartbeat())).fenced == ()


async def test_a_restarted_store_serves_at_once(own_valkey: RunningValkey) -> None:
    async with open_store(own_valkey.url) as store:
        routing = RedisRouting(store)
        await routing.beat(heartbeat())

        own_valkey.restart()

        assert (await routing.beat(heartbeat())).fenced == ()


async def test_a_silent_store_is_unavailable_within_the_time_out(
    own_valkey: RunningValkey,
) -> None:
    async with open_store(own_valkey.url) as store:
        routing = RedisRouting(store)
        await routing.beat(heartbeat())
        own_valkey.pause()
        began = time.monotonic()

        with pytest.raises(RoutingUnavailableError, match="TimeoutError"):
            await routing.reserve(POOL, call(1), units(2))

        assert time.monotonic() - began < 3.5
        own_valkey.resume()
        assert (await routing.beat(heartbeat())).fenced == ()


async def test_a_store_that_is_not_there_is_unavailable(own_valkey: RunningValkey) -> None:
    own_valkey.stop()
    async with open_store(own_valkey.url) as store:
        with pytest.raises(RoutingUnavailableError):
            await RedisRouting(store).find(POOL, call(1))
        with pytest.raises(RoutingUnavailableError):
            await RedisProjections(store).clinics()
        with pytest.raises(RoutingUnavailableError):
            await RedisOccupancy(store).read(Namespace("harbour-health"), "cardiology")


async def test_a_cluster_of_which_no_node_answers_is_unavailable(
    own_valkey: RunningValkey,
) -> None:
    own_valkey.stop()
    async with open_store(own_valkey.url.replace("redis://", "redis+cluster://")) as store:
        with pytest.raises(RoutingUnavailableError):
            await RedisRouting(store).find(POOL, call(1))
        with pytest.raises(RoutingUnavailableError):
            await RedisProjections(store).clinics()
        with pytest.raises(RoutingUnavailableError):
            await RedisProjections(store).mark(LeaderEpoch(1))
        with pytest.raises(RoutingUnavailableError):
            await RedisOccupancy(store).read(Namespace("harbour-health"), "cardiology")


async def test_the_stores_own_clock_is_used_unless_a_test_sets_one(store: Store) -> None:
    await RedisRouting(store).beat(heartbeat())

    seconds, _ = await store.redis.time()

    last = await store.redis.hget(f"tw:{{pool:{POOL}}}:clock", "last")
    assert abs(float(last or 0) / 1000 - seconds) < 5


async def test_all_keys_of_a_pool_live_in_one_slot_of_a_cluster(store: Store) -> None:
    routing = RedisRouting(store)
    await routing.beat(heartbeat())
    await routing.reserve(POOL, call(1), units(2))

    keys = [*routing_redis._keys(POOL), *map(str, await store.redis.keys("tw:{pool:*"))]

    assert len({key_slot(key.encode()) for key in keys}) == 1


async def test_every_key_of_the_routing_state_of_a_pool_expires(store: Store) -> None:
    routing = RedisRouting(store)
    routing.test_clock_ms = 1_795_000_000_000
    await routing.reap(POOL)
    for _ in range(2):
        routing.test_clock_ms += 1500
        await routing.beat(heartbeat())
    await routing.reserve(POOL, call(1), units(2))
    await routing.reserve(POOL, call(2), units(200))
    await routing.beat(heartbeat(boot="boot-1"))
    placement = await routing.find(POOL, call(1))
    assert placement is not None
    await routing.release(POOL, call(1), placement.epoch)
    await routing.beat(heartbeat(boot="boot-1"))

    keys = await store.redis.keys("tw:*")

    assert len(keys) >= 5
    assert [key for key in keys if await store.redis.ttl(key) < 0] == []


async def test_a_step_is_cancelled_at_whatever_moment(valkey: RunningValkey) -> None:
    async with open_store(valkey.url) as store:

        async def endless() -> None:
            while True:
                with contextlib.suppress(Exception):
                    await store.script("return 1", [], [])

        async def cancels_until_it_ends(turns_of_the_loop: int) -> int:
            task = asyncio.create_task(endless())
            for _ in range(turns_of_the_loop):
                await asyncio.sleep(0)
            for cancels in itertools.count(1):
                task.cancel()
                if (await asyncio.wait([task], timeout=0.1))[0]:
                    return cancels
            raise AssertionError

        await store.script("return 1", [], [])
        assert {await cancels_until_it_ends(turns) for turns in range(60)} == {1}


async def test_more_steps_at_once_than_connections_wait_for_one_and_all_are_done(
    valkey: RunningValkey,
) -> None:
    async with open_store(valkey.url) as store:
        steps = (store.script("return 1", [], []) for _ in range(10 * MAX_CONNECTIONS))

        assert await asyncio.gather(*steps) == [1] * 10 * MAX_CONNECTIONS

        assert len(await store.redis.client_list()) <= MAX_CONNECTIONS + 1
