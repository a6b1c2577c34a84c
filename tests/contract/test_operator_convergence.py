"""What is declared becomes routing state and status within seconds; what leads nowhere says what to do."""

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from teleward_contract.media_nodes import LiveCall
from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.redis_store import open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import CallId, CapacityUnits, Namespace, PlacementEpoch
from teleward_testing.builders import document
from teleward_testing.operating import PUBLIC_URL, DeclaredHouse, Operating, operating
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
    name = f"house-{next(_numbers)}"
    await running.api.namespace(name)
    async with open_store(valkey.url) as store:
        yield DeclaredHouse(running, store, name)


async def test_a_declared_house_is_projected_and_every_object_is_ready(
    house: DeclaredHouse,
) -> None:
    await house.settle()

    clinic = await house.projected()
    assert clinic is not None
    assert clinic.display_name == "Cardiology"
    assert clinic.pool == house.pool
    assert clinic.waiting_area is not None
    assert [room.name for room in clinic.rooms] == ["handover", "ada"]
    assert await house.projections.is_complete()


async def test_statuses_show_links_doors_and_units(house: DeclaredHouse) -> None:
    await house.settle()

    area = (await house.get("WaitingArea"))["status"]
    assert (area["url"], area["open"]) == (f"{PUBLIC_URL}/c/{house.namespace}/cardiology", True)
    rooms = f"{PUBLIC_URL}/staff/{house.namespace}/cardiology"
    assert (await house.get("MeetingRoom"))["status"]["url"] == f"{rooms}/meeting/handover"
    assert (await house.get("UserRoom"))["status"]["url"] == f"{rooms}/user/ada"
    pool = await house.get("MediaPool")
    assert pool["metadata"]["finalizers"] == ["teleward.io/drain"]
    assert pool["status"]["units"] == "0/200"


async def test_a_missing_reference_is_a_condition_and_heals_by_itself(
    house: DeclaredHouse,
) -> None:
    await house.declare("MeetingRoom")
    await house.until("MeetingRoom", "ResolvedRefs", "False/ClinicNotFound")
    await house.declare("Clinic")
    await house.until("MeetingRoom", "Ready", "True/Ready")
    await house.until("Clinic", "ResolvedRefs", "False/OrganisationMissing")
    await house.declare("Organisation")
    await house.until("Clinic", "ResolvedRefs", "False/MediaPoolNotFound")
    await house.declare("MediaPool")
    await house.until("Clinic", "ResolvedRefs", "True/Resolved")
    await house.until("Clinic", "Ready", "False/WaitingAreaMissing")
    await house.declare("WaitingArea")
    await house.until("Clinic", "Ready", "True/Ready")

    told = [r for kind, _, r in await house.api.events(house.namespace) if kind == "Clinic"]
    assert told == ["OrganisationMissing", "MediaPoolNotFound", "WaitingAreaMissing", "Ready"]


async def test_a_pool_of_another_namespace_is_used_only_where_its_selector_permits(
    house: DeclaredHouse,
) -> None:
    other, api = Namespace(f"{house.namespace}-other"), house.api
    await api.namespace(other, {"tier": "private"})
    allowed = {"from": "Selector", "selector": {"matchLabels": {"tier": "public"}}}
    shared = {"name": "shared", "namespace": house.namespace}
    await api.create(
        document(
            "MediaPool", house.namespace, "shared", {"replicas": 1, "allowedNamespaces": allowed}
        )
    )
    await api.create(document("Organisation", other, "organisation", {}))
    await api.create(document("Clinic", other, "cardiology", {"mediaPoolRef": shared}))
    until = house.operating.until_condition

    await until("Clinic", other, "cardiology", "ResolvedRefs", "False/MediaPoolNotPermitted")
    refused = await house.projections.clinic(other, "cardiology")
    assert refused is not None
    assert refused.pool is None

    await api.label(other, {"tier": "public"})
    await until("Clinic", other, "cardiology", "ResolvedRefs", "True/Resolved")


async def test_a_deleted_clinic_leaves_the_routing_state_and_its_rooms_say_so(
    house: DeclaredHouse,
) -> None:
    await house.settle()

    await house.delete("Clinic")

    async def is_gone() -> bool:
        return await house.projected() is None

    await house.operating.until("the projection is gone", is_gone)
    await house.until("MeetingRoom", "ResolvedRefs", "False/ClinicNotFound")


async def test_counters_follow_occupancy(house: DeclaredHouse) -> None:
    await house.settle()
    room = (await house.get("MeetingRoom"))["metadata"]["uid"]

    await RedisOccupancy(house.store).publish(
        ClinicOccupancy(
            namespace=house.namespace, clinic="cardiology", waiting=3, in_consultation=1,
            longest_waiting_since="2026-11-24T09:00:00Z", rooms={room: 2},
        )
    )  # fmt: skip

    async def are_shown() -> bool:
        area = (await house.get("WaitingArea"))["status"]
        inside = (await house.get("MeetingRoom"))["status"]["participants"]
        return (area["waiting"], area["inConsultation"], inside) == (3, 1, 2)

    await house.operating.until("the counters are shown", are_shown)


async def test_a_pool_grows_at_once_and_shrinks_by_its_emptiest_without_cutting_calls_short(
    house: DeclaredHouse,
) -> None:
    runtime, table = house.operating.runtime, RedisRouting(house.store)
    await house.settle()

    async def draining_and_ready() -> tuple[int, int]:
        status = (await house.get("MediaPool"))["status"]
        return status["draining"], status["ready"]

    async def are_three_ready() -> bool:
        return await draining_and_ready() == (0, 3)

    await house.patch("MediaPool", {"replicas": 3})
    await house.operating.until("three take calls", are_three_ready)
    assert set(runtime.wanted[house.pool]) == {"default-0", "default-1", "default-2"}

    for node in ("default-0", "default-2"):
        call = CallId(f"visit:{house.namespace}-{node}")
        runtime.calls[house.pool, node] = (
            LiveCall(call=call, epoch=PlacementEpoch(1), cost=CapacityUnits(2)),
        )

    async def are_two_busy() -> bool:
        return sum(view.calls for view in await table.views(house.pool)) == 2

    async def is_one_draining() -> bool:
        return (await draining_and_ready())[0] == 1

    await house.operating.until("two calls are known", are_two_busy)
    await house.patch("MediaPool", {"replicas": 1})
    await house.operating.until("the empty one went, one is emptied", is_one_draining)
    assert set(runtime.wanted[house.pool]) == {"default-0", "default-2"}

    for node in ("default-0", "default-2"):
        runtime.calls[house.pool, node] = ()
        call = CallId(f"visit:{house.namespace}-{node}")
        await table.release(house.pool, call, PlacementEpoch(1))

    async def is_one_left() -> bool:
        return set(runtime.wanted[house.pool]) == {"default-0"}

    await house.operating.until("the emptied one went", is_one_left)


async def test_a_deleted_pool_goes_when_its_media_nodes_went(house: DeclaredHouse) -> None:
    await house.settle()

    await house.delete("MediaPool")

    async def is_gone() -> bool:
        return not await house.is_there("MediaPool")

    await house.operating.until("the pool is gone", is_gone)
    assert house.operating.runtime.wanted[house.pool] == {}
    await house.until("Clinic", "ResolvedRefs", "False/MediaPoolNotFound")
