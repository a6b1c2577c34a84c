"""Real parts for the contract tests."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_testing.apiserving import Asking, serving
from teleward_testing.operating import ApiServer
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


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Asking]]:
    """The API stand-in that tests share; a test that kills one starts its own."""
    with serving(tmp_path_factory.mktemp("apiserver")) as started:
        yield started


@pytest.fixture
def api(apiserver: tuple[ApiServer, Asking]) -> ApiServer:
    return apiserver[0]


@pytest.fixture
def ask(apiserver: tuple[ApiServer, Asking]) -> Asking:
    return apiserver[1]


@pytest.fixture
def home(apiserver: tuple[ApiServer, Asking]) -> str:
    """A new namespace of the shared API stand-in."""
    name = f"house-{uuid.uuid4().hex[:8]}"
    apiserver[1].ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name
