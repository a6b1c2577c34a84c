"""The operator survives restarts of itself, of the routing state and of the API server, and writes nothing twice."""

import itertools
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from teleward_contract.redis_store import open_store
from teleward_testing.builders import document
from teleward_testing.operating import DeclaredHouse, Operating, operating
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")
_numbers = itertools.count()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Operating]:
    valkey.flush()
    async with operating(valkey.url, tmp_path_factory.mktemp("operator")) as together:
        yield together


@pytest_asyncio.fixture(loop_scope="module")
async def house(running: Operating, valkey: RunningValkey) -> AsyncIterator[DeclaredHouse]:
    if not await running.is_running():
        await running.start()
    name = f"house-{next(_numbers)}"
    await running.api.namespace(name)
    async with open_store(valkey.url) as store:
        made = DeclaredHouse(running, store, name)
        await made.settle()
        yield made


async def test_nothing_is_written_to_the_api_after_an_unchanged_restart(
    house: DeclaredHouse,
) -> None:
    await house.operating.stop()
    before = await house.api.versions()

    await house.operating.start()
    await house.api.create(document("Clinic", house.namespace, "last", {}))
    await house.operating.until_condition(
        "Clinic", house.namespace, "last", "Ready", "False/WaitingAreaMissing"
    )

    after = await house.api.versions()
    counts_clinics = (await house.get("Organisation"))["metadata"]["uid"]
    assert {uid for uid in before if before[uid] != after[uid]} <= {counts_clinics}


async def test_a_clinic_deleted_while_the_operator_was_away_is_removed(
    house: DeclaredHouse,
) -> None:
    await house.operating.stop()
    await house.delete("Clinic")

    await house.operating.start()

    async def is_gone() -> bool:
        return await house.projected() is None

    await house.operating.until("the projection is gone", is_gone)


async def test_leadership_passes_at_once_in_an_orderly_stop_and_its_epoch_rises(
    house: DeclaredHouse,
) -> None:
    first = house.operating.operator
    assert first is not None
    before = await first.logged("leadership.acquired")
    assert await house.operating.stop() == 0

    second = await house.operating.start()

    after = await second.logged("leadership.acquired")
    assert after["leader_epoch"] > before["leader_epoch"]
    assert "leadership.awaited" not in [line["event"] for line in second.lines()]


async def test_an_emptied_routing_state_is_projected_again(house: DeclaredHouse) -> None:
    before = await house.projected()

    await house.store.redis.flushall()

    await house.operating.until("everything is projected", house.projections.is_complete, 10)
    assert await house.projected() == before
    assert await house.projections.organisation(house.namespace) is not None
    assert house.pool in [pool.pool for pool in await house.projections.pools()]


async def test_while_the_routing_state_is_silent_only_what_is_new_says_so(
    house: DeclaredHouse, valkey: RunningValkey
) -> None:
    until = house.operating.until_condition
    valkey.pause()
    try:
        await house.api.create(document("Clinic", house.namespace, "late", {}))
        await until("Clinic", house.namespace, "late", "Programmed", "False/RoutingUnavailable")
        assert await house.is_all_ready()
    finally:
        valkey.resume()

    await until("Clinic", house.namespace, "late", "Programmed", "True/Programmed", 40)


async def test_the_api_server_may_go_and_come_back(house: DeclaredHouse) -> None:
    before = house.operating.operator

    await house.api.stop(signal.SIGKILL)
    assert await house.projected() is not None
    await house.api.start()
    await house.api.create(document("Clinic", house.namespace, "late", {}))

    await house.operating.until_condition(
        "Clinic", house.namespace, "late", "Ready", "False/WaitingAreaMissing", 60
    )
    assert house.operating.operator is before
    assert await house.operating.is_running(), "the same process sees it"
