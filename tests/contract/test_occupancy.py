"""Counts of the doors reach the operator, and vanish when nobody refreshes them."""

import pytest
from teleward_contract.occupancy import OCCUPANCY_TTL_S, ClinicOccupancy, Occupancy
from teleward_contract.occupancy_memory import MemoryOccupancy
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.redis_store import Store
from teleward_contract.units import Namespace

HARBOUR = Namespace("harbour-health")


@pytest.fixture(params=["memory", "redis"])
def occupancy(request: pytest.FixtureRequest, store: Store) -> Occupancy:
    return MemoryOccupancy() if request.param == "memory" else RedisOccupancy(store)


def counts(waiting: int) -> ClinicOccupancy:
    return ClinicOccupancy(
        namespace=HARBOUR,
        clinic="cardiology",
        waiting=waiting,
        longest_waiting_since="2026-03-01T09:00:00Z" if waiting else None,
        in_consultation=1,
        rooms={"uid-3": 2},
    )


async def test_the_last_counts_are_read(occupancy: Occupancy) -> None:
    await occupancy.publish(counts(3))
    await occupancy.publish(counts(2))

    assert await occupancy.read(HARBOUR, "cardiology") == counts(2)


async def test_a_clinic_without_counts_has_none(occupancy: Occupancy) -> None:
    await occupancy.publish(counts(3))

    assert await occupancy.read(HARBOUR, "surgery") is None
    assert await occupancy.read(Namespace("hills-health"), "cardiology") is None


async def test_counts_expire(store: Store) -> None:
    await RedisOccupancy(store).publish(counts(3))

    (key,) = await store.redis.keys("*")

    assert 0 < await store.redis.ttl(key) <= OCCUPANCY_TTL_S
