"""What is declared becomes routing state and status within seconds, through every restart, and nothing else happens."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from teleward_contract.media_nodes import LiveCall
from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import CallId, CapacityUnits, Namespace, PlacementEpoch, PoolId
from teleward_testing.builders import document
from teleward_testing.operating import PUBLIC_URL, ApiServer, Operating, PretendedRuntime
from teleward_testing.valkey import RunningValkey

HARBOUR = Namespace("harbour-health")
POOL = PoolId("harbour-health/default")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ApiServer]:
    server = ApiServer(tmp_path)
    await server.start()
    await server.namespace(HARBOUR)
    yield server
    await server.stop()


@pytest.fixture
async def operating(
    api: ApiServer, store: Store, valkey: RunningValkey, tmp_path: Path
) -> AsyncIterator[Operating]:
    async with PretendedRuntime(RedisRouting(store)).serve() as runtime:
        together = Operating(api, runtime, valkey.url, tmp_path)
        try:
            yield together
        finally:
            await together.stop()


@pytest.fixture
def projections(store: Store) -> RedisProjections:
    return RedisProjections(store)


def house() -> list[Any]:
    ref = {"clinicRef": {"name": "cardiology"}}
    team = [{"user": "ada@example.org", "role": "Clinician"}]
    return [
        document("Organisation", HARBOUR, "organisation", {"displayName": "Harbour Health"}),
        document("MediaPool", HARBOUR, "default", {"replicas": 1}),
        document("Clinic", HARBOUR, "cardiology", {"displayName": "Cardiology", "team": team}),
        document("WaitingArea", HARBOUR, "cardiology", ref),
        document("MeetingRoom", HARBOUR, "handover", ref),
        document("UserRoom", HARBOUR, "ada", {**ref, "owner": {"user": "ada@example.org"}}),
    ]


EVERYTHING = [
    ("Organisation", "organisation"),
    ("MediaPool", "default"),
    ("Clinic", "cardiology"),
    ("WaitingArea", "cardiology"),
    ("MeetingRoom", "handover"),
    ("UserRoom", "ada"),
]


async def settle(operating: Operating) -> None:
    """Declare the house and wait until all of it is ready."""
    for one in house():
        await operating.api.create(one)
    await is_all_ready(operating)


async def is_all_ready(operating: Operating) -> None:
    for kind, name in EVERYTHING:
        await operating.until_condition(kind, HARBOUR, name, "Ready", "True/Ready")


async def test_a_declared_house_is_projected_and_every_object_is_ready(
    operating: Operating, projections: RedisProjections
) -> None:
    await operating.start()
    await settle(operating)

    clinic = await projections.clinic(HARBOUR, "cardiology")
    assert clinic is not None
    assert clinic.display_name == "Cardiology"
    assert clinic.pool == POOL
    assert clinic.waiting_area is not None
    assert [room.name for room in clinic.rooms] == ["handover", "ada"]
    assert await projections.is_complete()
    area = await operating.api.get("WaitingArea", HARBOUR, "cardiology")
    room = await operating.api.get("MeetingRoom", HARBOUR, "handover")
    assert area is not None
    assert room is not None
    assert area["status"]["url"] == f"{PUBLIC_URL}/c/{HARBOUR}/cardiology"
    assert area["status"]["open"] is True
    assert room["status"]["url"] == f"{PUBLIC_URL}/staff/{HARBOUR}/cardiology/meeting/handover"
    pool = await operating.api.get("MediaPool", HARBOUR, "default")
    assert pool is not None
    assert pool["metadata"]["finalizers"] == ["teleward.io/drain"]
    assert pool["status"]["units"] == "0/120"


async def test_a_missing_reference_is_a_condition_and_heals_by_itself(
    operating: Operating, projections: RedisProjections
) -> None:
    await operating.start()
    homeless = document("MeetingRoom", HARBOUR, "handover", {"clinicRef": {"name": "cardiology"}})
    clinic = document("Clinic", HARBOUR, "cardiology", {"displayName": "Cardiology"})
    until = operating.until_condition

    await operating.api.create(homeless)
    await until("MeetingRoom", HARBOUR, "handover", "ResolvedRefs", "False/ClinicNotFound")
    await operating.api.create(clinic)
    await until("MeetingRoom", HARBOUR, "handover", "Ready", "True/Ready")
    await until("Clinic", HARBOUR, "cardiology", "ResolvedRefs", "False/OrganisationMissing")
    await operating.api.create(house()[0])
    await until("Clinic", HARBOUR, "cardiology", "ResolvedRefs", "False/MediaPoolNotFound")
    await operating.api.create(house()[1])
    await until("Clinic", HARBOUR, "cardiology", "ResolvedRefs", "True/Resolved")
    await until("Clinic", HARBOUR, "cardiology", "Ready", "False/WaitingAreaMissing")
    await operating.api.create(house()[3])
    await until("Clinic", HARBOUR, "cardiology", "Ready", "True/Ready")

    told = [r for kind, _, r in await operating.api.events(HARBOUR) if kind == "Clinic"]
    assert told == ["OrganisationMissing", "MediaPoolNotFound", "WaitingAreaMissing", "Ready"]
    assert await projections.clinic(HARBOUR, "cardiology") is not None


async def test_a_pool_of_another_namespace_is_used_only_where_its_selector_permits(
    operating: Operating, projections: RedisProjections
) -> None:
    await operating.start()
    allowed = {"from": "Selector", "selector": {"matchLabels": {"tier": "public"}}}
    until = operating.until_condition
    for name, labels in (("media", None), ("inside", {"tier": "public"}), ("outside", None)):
        await operating.api.namespace(name, labels)
    await operating.api.create(
        document("MediaPool", "media", "shared", {"replicas": 1, "allowedNamespaces": allowed})
    )
    for namespace in ("inside", "outside"):
        await operating.api.create(document("Organisation", namespace, "organisation", {}))
        await operating.api.create(
            document(
                "Clinic", namespace, "cardiology",
                {"mediaPoolRef": {"name": "shared", "namespace": "media"}},
            )
        )  # fmt: skip

    await until("Clinic", "inside", "cardiology", "ResolvedRefs", "True/Resolved")
    await until("Clinic", "outside", "cardiology", "ResolvedRefs", "False/MediaPoolNotPermitted")
    refused = await projections.clinic(Namespace("outside"), "cardiology")
    assert refused is not None
    assert refused.pool is None

    await operating.api.core_label("outside", {"tier": "public"})
    await until("Clinic", "outside", "cardiology", "ResolvedRefs", "True/Resolved")


async def test_a_deleted_clinic_leaves_the_routing_state_and_its_rooms_say_so(
    operating: Operating, projections: RedisProjections
) -> None:
    await operating.start()
    await settle(operating)

    await operating.api.delete("Clinic", HARBOUR, "cardiology")

    async def is_gone() -> bool:
        return await projections.clinic(HARBOUR, "cardiology") is None

    await operating.until("the projection is gone", is_gone, 5)
    await operating.until_condition(
        "MeetingRoom", HARBOUR, "handover", "ResolvedRefs", "False/ClinicNotFound"
    )


async def test_nothing_is_written_to_the_api_after_an_unchanged_restart(
    operating: Operating,
) -> None:
    await operating.start()
    await settle(operating)
    await operating.stop()
    before = await operating.api.versions()

    again = await operating.start()
    await again.logged("projection.written")
    await operating.api.create(document("Clinic", HARBOUR, "last", {}))
    await operating.until_condition(
        "Clinic", HARBOUR, "last", "Ready", "False/WaitingAreaMissing"
    )

    after = await operating.api.versions()
    organisation = await operating.api.get("Organisation", HARBOUR, "organisation")
    assert organisation is not None  # counts the new clinic
    changed = {uid for uid in before if before[uid] != after[uid]}
    assert changed <= {organisation["metadata"]["uid"]}


async def test_an_object_deleted_while_the_operator_was_away_is_removed_after_two_lists(
    operating: Operating, projections: RedisProjections
) -> None:
    await operating.start()
    await settle(operating)
    await operating.stop()
    await operating.api.delete("Clinic", HARBOUR, "cardiology")

    await operating.start()

    async def is_gone() -> bool:
        return await projections.clinic(HARBOUR, "cardiology") is None

    await operating.until("the projection is gone", is_gone, 15)


async def test_an_emptied_routing_state_is_projected_again_within_seconds(
    operating: Operating, projections: RedisProjections, store: Store
) -> None:
    await operating.start()
    await settle(operating)
    before = await projections.clinic(HARBOUR, "cardiology")

    await store.redis.flushall()

    await operating.until("everything is projected again", projections.is_complete, 8)
    assert await projections.clinic(HARBOUR, "cardiology") == before
    assert await projections.organisation(HARBOUR) is not None
    assert [pool.pool for pool in await projections.pools()] == [POOL]


async def test_while_the_routing_state_is_silent_only_what_is_new_says_so(
    operating: Operating, valkey: RunningValkey
) -> None:
    await operating.start()
    await settle(operating)

    valkey.pause()
    try:
        await operating.api.create(document("Clinic", HARBOUR, "late", {}))
        await operating.until_condition(
            "Clinic", HARBOUR, "late", "Programmed", "False/RoutingUnavailable", 30
        )
        for kind, name in EVERYTHING:
            assert await operating.api.condition(kind, HARBOUR, name, "Ready") == "True/Ready"
    finally:
        valkey.resume()

    await operating.until_condition(
        "Clinic", HARBOUR, "late", "Programmed", "True/Programmed", 40
    )


async def test_the_api_server_may_go_and_come_back(
    operating: Operating, projections: RedisProjections
) -> None:
    started = await operating.start()
    await settle(operating)

    await operating.api.stop(signal.SIGKILL)
    assert await projections.clinic(HARBOUR, "cardiology") is not None
    await operating.api.start()
    await operating.api.create(document("Clinic", HARBOUR, "late", {}))

    await operating.until_condition(
        "Clinic", HARBOUR, "late", "Ready", "False/WaitingAreaMissing", 40
    )
    assert started.process.poll() is None, "the same process sees it"


async def test_counters_follow_occupancy(operating: Operating, store: Store) -> None:
    await operating.start()
    await settle(operating)
    room = await operating.api.get("MeetingRoom", HARBOUR, "handover")
    assert room is not None

    await RedisOccupancy(store).publish(
        ClinicOccupancy(
            namespace=HARBOUR, clinic="cardiology", waiting=3, in_consultation=1,
            longest_waiting_since="2026-11-24T09:00:00Z", rooms={room["metadata"]["uid"]: 2},
        )
    )  # fmt: skip

    async def is_shown() -> bool:
        area = await operating.api.get("WaitingArea", HARBOUR, "cardiology")
        status = (area or {}).get("status", {})
        return (status.get("waiting"), status.get("inConsultation")) == (3, 1)

    await operating.until("the counters are shown", is_shown, 30)
    shown = await operating.api.get("MeetingRoom", HARBOUR, "handover")
    assert shown is not None
    assert shown["status"]["participants"] == 2


async def test_a_pool_grows_at_once_and_shrinks_only_by_empty_media_nodes(
    operating: Operating, store: Store
) -> None:
    runtime, table = operating.runtime, RedisRouting(store)
    await operating.start()
    await settle(operating)

    await operating.api.patch("MediaPool", HARBOUR, "default", {"replicas": 3})

    async def are_three_ready() -> bool:
        pool = await operating.api.get("MediaPool", HARBOUR, "default")
        return pool is not None and pool["status"]["ready"] == 3

    await operating.until("three take calls", are_three_ready)
    assert set(runtime.wanted[POOL]) == {"default-0", "default-1", "default-2"}

    for node in ("default-0", "default-2"):
        call = LiveCall(call=CallId(f"visit:{node}"), epoch=PlacementEpoch(1), cost=CapacityUnits(2))
        runtime.calls[node] = (call,)

    async def are_two_busy() -> bool:
        return sum(view.calls for view in await table.views(POOL)) == 2

    await operating.until("two calls are known", are_two_busy)
    await operating.api.patch("MediaPool", HARBOUR, "default", {"replicas": 1})

    async def is_draining() -> bool:
        pool = await operating.api.get("MediaPool", HARBOUR, "default")
        return pool is not None and pool["status"]["draining"] == 1

    await operating.until("one is emptied, the empty one went", is_draining)
    assert set(runtime.wanted[POOL]) == {"default-0", "default-2"}, "calls are not cut short"

    runtime.calls.clear()

    async def is_one() -> bool:
        return set(runtime.wanted[POOL]) == {"default-0"}

    # The calls end where they are: the table forgets them with their placements.
    await store.redis.flushall()
    await operating.until("the emptied one went", is_one, 20)


async def test_a_deleted_pool_goes_when_its_media_nodes_went(operating: Operating) -> None:
    await operating.start()
    await settle(operating)

    await operating.api.delete("MediaPool", HARBOUR, "default")

    async def is_gone() -> bool:
        return await operating.api.get("MediaPool", HARBOUR, "default") is None

    await operating.until("the pool is gone", is_gone)
    assert operating.runtime.wanted[POOL] == {}
    await operating.until_condition(
        "Clinic", HARBOUR, "cardiology", "ResolvedRefs", "False/MediaPoolNotFound"
    )


async def test_leadership_passes_at_once_in_an_orderly_stop_and_its_epoch_rises(
    operating: Operating,
) -> None:
    first = await operating.start()
    epoch = (await first.logged("leadership.acquired"))["leader_epoch"]
    assert await first.stop() == 0

    second = await operating.start()

    assert (await second.logged("leadership.acquired", 3))["leader_epoch"] > epoch
