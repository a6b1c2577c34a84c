"""Hints reach who listens, from the first moment of a process on, and a store that is away ends no listening."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.hints_redis import RedisHints


async def _first(store: Store) -> str:
    return await anext(RedisHints(store).listen())


@pytest.fixture(params=["valkey", "sentinels", "valkey_cluster"])
async def fresh(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store of each kind to which nothing was said yet."""
    async with open_store(request.getfixturevalue(request.param).url) as opened:
        yield opened


async def test_who_listens_before_anything_else_was_asked_hears(fresh: Store) -> None:
    listening = asyncio.create_task(_first(fresh))
    await asyncio.sleep(0)

    while not listening.done():
        await fresh.redis.publish(keys.CHANGED, "uid-1")
        await asyncio.wait({listening}, timeout=0.05)

    assert listening.result() == "uid-1"


@pytest.mark.parametrize("kind", ["redis", "redis+cluster"])
async def test_who_listens_to_a_store_that_is_away_listens_on(kind: str) -> None:
    async with open_store(f"{kind}://127.0.0.1:1") as nowhere:
        listening = asyncio.create_task(_first(nowhere))
        done, _ = await asyncio.wait({listening}, timeout=0.5)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    assert not done
