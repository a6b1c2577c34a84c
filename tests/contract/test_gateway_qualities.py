"""How a patient is heard and seen is known to every gateway for a while, and is forgotten by itself.

Every clause holds for the memory implementation and for a real store, unless it is about the store.
"""

from collections.abc import AsyncIterator

import pytest
from teleward_cli.store import free_port
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.redis_store import Store, open_store
from teleward_contract.signalling import QualityView
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.qualities_redis import RedisQualities
from teleward_gateway.ports.calls import QUALITY_S
from teleward_testing.visiting import HARBOUR, HILLS, ClockedQualities

GOOD = QualityView(round_trip_ms=40, up_loss=0, up_bps=1_500_000)
BAD = QualityView(round_trip_ms=400, up_loss=0.2, up_bps=90_000)


@pytest.fixture
def qualities(held_in: Store | None) -> ClockedQualities:
    return ClockedQualities(held_in)


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisQualities]:
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as store:
        yield RedisQualities(store)


async def test_the_newest_report_counts_for_every_gateway(qualities: ClockedQualities) -> None:
    await qualities.ports.note(HARBOUR, "v", GOOD)
    await qualities.other.note(HARBOUR, "v", BAD)

    assert await qualities.ports.newest(HARBOUR, ["v", "w"]) == {"v": BAD}


async def test_nobody_asked_for_is_nobody(qualities: ClockedQualities) -> None:
    assert await qualities.ports.newest(HARBOUR, []) == {}


async def test_another_organisation_sees_nothing_of_it(qualities: ClockedQualities) -> None:
    await qualities.ports.note(HARBOUR, "v", GOOD)

    assert await qualities.ports.newest(HILLS, ["v"]) == {}


async def test_what_is_not_told_again_is_forgotten(qualities: ClockedQualities) -> None:
    await qualities.ports.note(HARBOUR, "v", GOOD)
    await qualities.pass_s(QUALITY_S - 5)
    assert await qualities.ports.newest(HARBOUR, ["v"]) == {"v": GOOD}

    await qualities.pass_s(10)
    assert await qualities.ports.newest(HARBOUR, ["v"]) == {}


async def test_the_key_expires_by_itself_and_holds_figures_alone(store: Store) -> None:
    await RedisQualities(store).note(HARBOUR, "v", GOOD)

    (key,) = await store.redis.keys("*")
    assert key == keys.quality(HARBOUR, "v")
    assert 0 < await store.redis.ttl(key) <= QUALITY_S
    assert QualityView.model_validate_json(str(await store.redis.get(key))) == GOOD


async def test_a_store_that_is_away_is_one_typed_error(nowhere: RedisQualities) -> None:
    with pytest.raises(RoutingUnavailableError):
        await nowhere.note(HARBOUR, "v", GOOD)
    with pytest.raises(RoutingUnavailableError):
        await nowhere.newest(HARBOUR, ["v"])
