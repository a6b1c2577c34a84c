"""Real parts for the contract tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_testing.routing import ClockedRouting
from teleward_testing.valkey import RunningValkey


@pytest.fixture(scope="session")
def valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as running:
        yield running


@pytest.fixture
async def store(valkey: RunningValkey) -> AsyncIterator[Store]:
    valkey.flush()
    async with open_store(valkey.url) as opened:
        yield opened


@pytest.fixture(params=["memory", "redis"])
async def routing(request: pytest.FixtureRequest, store: Store) -> ClockedRouting:
    made = ClockedRouting(request.param, store if request.param == "redis" else None)
    await made.recovered()
    return made
