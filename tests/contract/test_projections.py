"""What the operator projects is what the gateway reads; one leader writes, and the newest at that."""

import json

import pytest
from teleward_contract.errors import StaleLeaderError
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    PoolPolicy,
    PoolProjection,
    ProjectionKind,
    Projections,
    ProjectionWriter,
    Role,
    RoomKind,
    RoomProjection,
    Stored,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.projections_memory import MemoryProjections
from teleward_contract.projections_redis import CHANGED_CHANNEL, RedisProjections
from teleward_contract.redis_store import Store
from teleward_contract.units import CapacityUnits, LeaderEpoch, Namespace, PoolId

HARBOUR, HILLS = Namespace("harbour-health"), Namespace("hills-health")
FIRST, SECOND = LeaderEpoch(1), LeaderEpoch(2)


@pytest.fixture
def both(held_in: Store | None) -> MemoryProjections | RedisProjections:
    return RedisProjections(held_in) if held_in else MemoryProjections()


@pytest.fixture
def writer(both: MemoryProjections | RedisProjections) -> ProjectionWriter:
    return both


@pytest.fixture
def reader(both: MemoryProjections | RedisProjections) -> Projections:
    return both


def clinic(
    name: str = "cardiology", namespace: Namespace = HARBOUR, uid: str = "uid-1"
) -> ClinicProjection:
    return ClinicProjection(
        namespace=namespace,
        name=name,
        uid=uid,
        generation=3,
        display_name="عيادة القلب",
        locales=("ar", "en"),
        pool=PoolId("harbour-health/default"),
        team=(TeamMember(role=Role.CLINICIAN, user="ada@harbour.example"),),
        waiting_area=WaitingAreaProjection(uid="uid-2", generation=1),
        rooms=(
            RoomProjection(
                kind=RoomKind.USER_ROOM, name="ada", uid="uid-3", generation=1, display_name="Ada"
            ),
        ),
    )


def organisation(namespace: Namespace = HARBOUR) -> OrganisationProjection:
    return OrganisationProjection(
        namespace=namespace, uid="uid-0", generation=1, display_name="Harbour Health"
    )


def pool(name: str = "harbour-health/default") -> PoolProjection:
    return PoolProjection(
        pool=PoolId(name),
        uid="uid-9",
        generation=1,
        policy=PoolPolicy.SPREAD,
        units_per_media_node=CapacityUnits(120),
    )


async def test_documents_are_read_as_they_were_written(
    writer: ProjectionWriter, reader: Projections
) -> None:
    for document in (organisation(), clinic(), pool()):
        await writer.put(document, FIRST)

    assert await reader.organisation(HARBOUR) == organisation()
    assert await reader.clinic(HARBOUR, "cardiology") == clinic()
    assert await reader.pools() == (pool(),)


async def test_what_was_never_projected_is_none(reader: Projections) -> None:
    assert await reader.organisation(HARBOUR) is None
    assert await reader.clinic(HARBOUR, "cardiology") is None
    assert (await reader.clinics(), await reader.pools()) == ((), ())


async def test_lists_are_ordered(writer: ProjectionWriter, reader: Projections) -> None:
    for document in (
        clinic("surgery", HILLS),
        clinic("surgery"),
        organisation(),
        clinic("cardiology"),
        pool("hills-health/default"),
        pool(),
    ):
        await writer.put(document, FIRST)

    assert [(c.namespace, c.name) for c in await reader.clinics()] == [
        (HARBOUR, "cardiology"),
        (HARBOUR, "surgery"),
        (HILLS, "surgery"),
    ]
    assert [p.pool for p in await reader.pools()] == [
        "harbour-health/default",
        "hills-health/default",
    ]


async def test_a_document_is_replaced_as_a_whole(
    writer: ProjectionWriter, reader: Projections
) -> None:
    await writer.put(clinic(), FIRST)
    bare = clinic().model_copy(update={"generation": 4, "rooms": (), "waiting_area": None})

    await writer.put(bare, FIRST)

    assert await reader.clinic(HARBOUR, "cardiology") == bare


async def test_a_lower_leader_epoch_is_refused_and_changes_nothing(
    writer: ProjectionWriter, reader: Projections
) -> None:
    await writer.put(clinic(), SECOND)

    with pytest.raises(StaleLeaderError):
        await writer.put(clinic(uid="stale"), FIRST)
    with pytest.raises(StaleLeaderError):
        await writer.remove(ProjectionKind.CLINIC, HARBOUR, "cardiology", "uid-1", FIRST)

    assert await reader.clinic(HARBOUR, "cardiology") == clinic()


async def test_the_mark_is_fenced_too(writer: ProjectionWriter) -> None:
    await writer.mark(SECOND)

    with pytest.raises(StaleLeaderError):
        await writer.mark(FIRST)


async def test_a_document_is_removed_if_its_uid_is_meant(
    writer: ProjectionWriter, reader: Projections
) -> None:
    await writer.put(clinic(uid="new"), FIRST)

    await writer.remove(ProjectionKind.CLINIC, HARBOUR, "cardiology", "old", FIRST)
    assert await reader.clinic(HARBOUR, "cardiology") is not None
    for _ in range(2):
        await writer.remove(ProjectionKind.CLINIC, HARBOUR, "cardiology", "new", FIRST)

    assert await reader.clinic(HARBOUR, "cardiology") is None
    assert await writer.stored() == {}


async def test_everything_stored_is_listed_with_its_uid(writer: ProjectionWriter) -> None:
    for document in (organisation(), clinic(), pool()):
        await writer.put(document, FIRST)

    assert await writer.stored() == {
        (ProjectionKind.ORGANISATION, HARBOUR, "organisation"): Stored("uid-0", organisation()),
        (ProjectionKind.CLINIC, HARBOUR, "cardiology"): Stored("uid-1", clinic()),
        (ProjectionKind.POOL, HARBOUR, "default"): Stored("uid-9", pool()),
    }


@pytest.mark.parametrize(
    ("raw", "uid"),
    [("{", ""), ("[]", ""), ('{"uid": "planted", "name": 7}', "planted"), ('{"uid": 7}', "7")],
)
async def test_a_document_that_cannot_be_read_is_told_of_and_can_be_removed(
    store: Store, raw: str, uid: str
) -> None:
    projections = RedisProjections(store)
    await projections.put(organisation(), FIRST)
    key = f"tw:{{org:{HARBOUR}}}:documents"
    await store.redis.hset(key, mapping={"clinic/planted": raw, "of-nobody": raw})

    stored = await projections.stored()

    planted = (ProjectionKind.CLINIC, HARBOUR, "planted")
    assert stored[planted] == Stored(uid, None)
    assert len(stored) == 2
    assert await projections.clinics() == ()
    await projections.remove(*planted, uid, FIRST)
    assert planted not in await projections.stored()


async def test_the_mark_says_that_a_full_projection_is_there(
    writer: ProjectionWriter, reader: Projections
) -> None:
    assert not await reader.is_complete()

    await writer.mark(FIRST)

    assert await writer.is_marked()
    assert await reader.is_complete()


async def test_an_emptied_store_has_no_mark(store: Store) -> None:
    projections = RedisProjections(store)
    await projections.mark(FIRST)

    await store.redis.flushall()

    assert not await projections.is_marked()


async def test_a_restarted_or_replaced_store_does_not_have_the_mark_of_the_former(
    store: Store,
) -> None:
    projections = RedisProjections(store)
    await projections.mark(FIRST)
    assert await projections.is_marked()

    await store.redis.replicaof("127.0.0.1", 1)
    await store.redis.replicaof("NO", "ONE")  # a promoted replica

    assert not await projections.is_marked()
    assert await projections.is_complete(), "readers go on with what there is"


async def test_readers_are_told_to_look_again(store: Store) -> None:
    projections = RedisProjections(store)
    async with store.redis.pubsub() as listener:
        await listener.subscribe(CHANGED_CHANNEL)
        await listener.get_message(timeout=1)

        await projections.put(clinic(), FIRST)

        message = await listener.get_message(timeout=1)
    assert message is not None
    assert message["data"] == "clinic harbour-health cardiology"


async def test_a_newer_writers_fields_are_ignored(store: Store) -> None:
    projections = RedisProjections(store)
    newer = clinic().model_dump_json()[:-1] + ',"of_tomorrow":1}'
    await projections.put(clinic(), FIRST)
    key = "tw:{org:harbour-health}:documents"
    await store.redis.hset(key, "clinic/cardiology", newer)

    assert await projections.clinic(HARBOUR, "cardiology") == clinic()


async def test_what_an_older_writer_leaves_out_is_as_usual(store: Store) -> None:
    projections = RedisProjections(store)
    older = json.loads(clinic().model_dump_json())
    del (
        older["waiting_area"]["long_after_minutes"],
        older["waiting_area"]["very_long_after_minutes"],
    )
    await projections.put(clinic(), FIRST)
    key = f"tw:{{org:{HARBOUR}}}:documents"
    await store.redis.hset(key, "clinic/cardiology", json.dumps(older))

    assert await projections.clinic(HARBOUR, "cardiology") == clinic()
