"""Real parts for the contract tests."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from teleward_cli.demo.client import Visitor
from teleward_contract.redis_store import Store, open_store
from teleward_testing import valkey_groups
from teleward_testing.apiserving import Asking, Served, serving
from teleward_testing.clinic_life.life import Counts, Life
from teleward_testing.clinic_life.world import World as ClinicWorld
from teleward_testing.guest_house import ADA, BEN, GuestHouse, guest_house
from teleward_testing.identity_provider import Browser, NewBrowser
from teleward_testing.issuers import World, running_world
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.media_node import RunningMediaNode, running_media_node
from teleward_testing.media_transport import NewPeer, Transport, scripted_peers, transport
from teleward_testing.operating import ApiServer, Clients
from teleward_testing.routing import ClockedRouting
from teleward_testing.valkey import RunningValkey
from teleward_testing.visiting import ClockedVisits


@pytest.fixture(scope="session")
def valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as running:
        yield running


@pytest.fixture(scope="module")
def node(valkey: RunningValkey) -> Iterator[RunningMediaNode]:
    """A media node of the module's own, as its own process."""
    with running_media_node(valkey.url) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    oidc_provider: None, valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A gateway and its identity provider, for the module."""
    async with running_world(valkey, tmp_path_factory.mktemp("sign-in")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def browser(world: World) -> AsyncIterator[NewBrowser]:
    """Make browsers of their own, as far as signing in needs one."""
    made: list[Browser] = []

    def new() -> Browser:
        made.append(Browser(world.gateway, world.provider.trust))
        return made[-1]

    yield new
    for one in made:
        await one.http.aclose()


@pytest.fixture
async def port() -> AsyncIterator[Transport]:
    """A media port of the test's own, in this process and without calls."""
    async with transport() as running:
        yield running


@pytest.fixture
async def peer() -> AsyncIterator[NewPeer]:
    """Make scripted peers."""
    async with scripted_peers() as new:
        yield new


@pytest.fixture
async def store(valkey: RunningValkey) -> AsyncIterator[Store]:
    valkey.flush()
    async with open_store(valkey.url) as opened:
        yield opened


@pytest.fixture(scope="session")
def sentinels() -> Iterator[valkey_groups.Group]:
    with valkey_groups.sentinels() as running:
        yield running


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[valkey_groups.Group]:
    with valkey_groups.cluster() as running:
        yield running


@pytest.fixture
async def sentinel_store(sentinels: valkey_groups.Group) -> AsyncIterator[Store]:
    async with open_store(sentinels.url) as opened:
        await opened.redis.flushall()
        yield opened


@pytest.fixture
async def cluster_store(valkey_cluster: valkey_groups.Group) -> AsyncIterator[Store]:
    async with open_store(valkey_cluster.url) as opened:
        await opened.redis.flushall()
        yield opened


STORES = {"redis": "store", "sentinel": "sentinel_store", "cluster": "cluster_store"}


@pytest.fixture(params=["memory", *STORES])
def held_in(request: pytest.FixtureRequest) -> Store | None:
    """What holds a port's state: nothing but memory, or each kind of store."""
    found: Store | None = None
    if request.param in STORES:
        found = request.getfixturevalue(STORES[request.param])
    return found


@pytest.fixture
def visits(held_in: Store | None, monkeypatch: pytest.MonkeyPatch) -> ClockedVisits:
    return ClockedVisits(held_in, monkeypatch)


@pytest.fixture
async def routing(held_in: Store | None) -> ClockedRouting:
    made = ClockedRouting("redis" if held_in else "memory", held_in)
    await made.recovered()
    return made


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Asking]]:
    """The API stand-in that tests share; a test that kills one starts its own."""
    with serving(tmp_path_factory.mktemp("apiserver")) as started:
        yield started


@pytest.fixture(scope="session", params=["stand-in", "kube-apiserver"])
def served(request: pytest.FixtureRequest) -> Served:
    """Each of the two API servers; what is true of one must be true of the other."""
    if request.param == "stand-in":
        standin: tuple[ApiServer, Asking] = request.getfixturevalue("apiserver")
        return standin[0]
    plane: ControlPlane = request.getfixturevalue("control_plane")
    return plane


@pytest.fixture(scope="session")
def asking(served: Served) -> Iterator[Asking]:
    with Asking(served) as made:
        yield made


@pytest.fixture
def ask(asking: Asking) -> Asking:
    return asking


@pytest.fixture(scope="session")
def api(served: Served) -> Clients:
    return Clients(served.kubeconfig)


@pytest.fixture
def home(ask: Asking) -> str:
    """A new namespace."""
    name = f"house-{uuid.uuid4().hex[:8]}"
    ask.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture(scope="module")
def clinics(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClinicWorld]:
    """Two real gateways, one store and a real media node."""
    with ClinicWorld(valkey, tmp_path_factory.mktemp("clinics")) as running:
        yield running


@pytest.fixture
def life(clinics: ClinicWorld) -> Iterator[Life]:
    """People in these clinics, and what must be true of them."""
    made = Life(clinics, Counts())
    yield made
    made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GuestHouse]:
    """A clinic with rooms of every kind, for the module."""
    async with guest_house(valkey, tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def ada(house: GuestHouse) -> Visitor:
    return await house.staff(ADA)


@pytest_asyncio.fixture(loop_scope="module")
async def ben(house: GuestHouse) -> Visitor:
    return await house.staff(BEN)
