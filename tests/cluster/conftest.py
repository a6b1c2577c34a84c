"""Real parts for the cluster tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from teleward_testing.kube.control_plane import ControlPlane, running
from teleward_testing.kube.faulty_api import FaultyApi
from teleward_testing.kube.operators import Replicas, replicas
from teleward_testing.valkey import RunningValkey


@pytest.fixture(scope="session")
def valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as started:
        yield started


@pytest.fixture(scope="module")
def own_plane(
    tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane
) -> Iterator[ControlPlane]:
    """A control plane that this module alone uses, and may hurt."""
    with running(tmp_path_factory.mktemp("kube")) as plane:
        plane.define(Path(__file__).parents[2] / "crds")
        yield plane


@pytest_asyncio.fixture
async def operators(
    own_plane: ControlPlane, valkey: RunningValkey, tmp_path: Path
) -> AsyncIterator[Replicas]:
    valkey.flush()
    own_plane.kubectl("delete", "lease", "-n", "default", "--all")
    async with replicas(own_plane, valkey.url, tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def faulty(own_plane: ControlPlane) -> AsyncIterator[FaultyApi]:
    async with FaultyApi(own_plane).serve() as proxy:
        yield proxy
