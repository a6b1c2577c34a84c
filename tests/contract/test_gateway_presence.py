"""Who is in which room is counted across gateways, and who is not noted again is gone.

Every clause holds for the memory implementation and for the script on a real store, unless it is about the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

import pytest
from redis.crc import key_slot
from teleward_cli.store import free_port
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.redis_store import Store, open_store
from teleward_contract.units import Namespace, ParticipantId
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.presence_redis import RedisPresence
from teleward_gateway.ports.visits import PRESENT_S, Presence
from teleward_testing.valkey import RunningValkey
from teleward_testing.visiting import HARBOUR, HILLS, ClockedPresence

ADA, GRACE = ParticipantId("ada"), ParticipantId("grace")
CLINIC, WARD, LAB = "uid-1", "uid-ward", "uid-lab"
UNNOTED_S = PRESENT_S - 5
"""Time that passes unnoticed."""

METHODS: dict[str, Callable[[Presence], Coroutine[object, object, object]]] = {
    "seen": lambda ports: ports.seen(HARBOUR, CLINIC, WARD, ADA),
    "gone": lambda ports: ports.gone(HARBOUR, CLINIC, WARD, ADA),
    "present": lambda ports: ports.present(HARBOUR, CLINIC),
}


@pytest.fixture
def presence(held_in: Store | None) -> ClockedPresence:
    return ClockedPresence(held_in)


@pytest.fixture
def own_valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as running:
        yield running


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisPresence]:
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as store:
        yield RedisPresence(store)


async def present(ports: Presence, *of: str) -> dict[str, frozenset[ParticipantId]]:
    """Who is in the rooms of a clinic, whatever they are called."""
    namespace, clinic = of
    found = await ports.present(Namespace(namespace), clinic)
    return {room: frozenset(who) for room, who in found.items()}


async def test_those_present_have_the_name_that_was_noted_last(presence: ClockedPresence) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA, "Ada")
    await presence.other.seen(HARBOUR, CLINIC, WARD, ADA, "Ada L.")
    await presence.ports.seen(HARBOUR, CLINIC, WARD, GRACE)

    assert await presence.other.present(HARBOUR, CLINIC) == {WARD: {ADA: "Ada L.", GRACE: ""}}
    await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)
    assert await presence.other.present(HARBOUR, CLINIC) == {WARD: {GRACE: ""}}


async def test_who_was_noted_is_in_the_room_for_every_gateway(presence: ClockedPresence) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.other.seen(HARBOUR, CLINIC, WARD, GRACE)
    await presence.other.seen(HARBOUR, CLINIC, LAB, GRACE)

    expected = {WARD: frozenset({ADA, GRACE}), LAB: frozenset({GRACE})}
    assert await present(presence.ports, HARBOUR, CLINIC) == expected
    assert await present(presence.other, HARBOUR, CLINIC) == expected


async def test_a_clinic_where_nobody_was_noted_has_no_rooms(presence: ClockedPresence) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, "uid-2") == {}


async def test_being_noted_twice_counts_once(presence: ClockedPresence) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.other.seen(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset({ADA})}
    await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)
    assert await present(presence.ports, HARBOUR, CLINIC) == {}


async def test_who_is_not_noted_again_is_gone_after_the_time_of_presence(
    presence: ClockedPresence,
) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.pass_s(UNNOTED_S)
    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset({ADA})}

    await presence.pass_s(PRESENT_S - UNNOTED_S)

    assert await present(presence.ports, HARBOUR, CLINIC) == {}


async def test_who_is_noted_again_stays_and_who_shares_the_room_does_not(
    presence: ClockedPresence,
) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.ports.seen(HARBOUR, CLINIC, WARD, GRACE)
    await presence.ports.seen(HARBOUR, CLINIC, LAB, GRACE)
    for _ in range(3):
        await presence.pass_s(UNNOTED_S)
        await presence.other.seen(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset({ADA})}


async def test_who_went_is_out_at_once_and_only_from_that_room(presence: ClockedPresence) -> None:
    for room, who in ((WARD, ADA), (WARD, GRACE), (LAB, ADA)):
        await presence.ports.seen(HARBOUR, CLINIC, room, who)

    await presence.other.gone(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, CLINIC) == {
        WARD: frozenset({GRACE}),
        LAB: frozenset({ADA}),
    }


async def test_an_empty_room_is_left_out(presence: ClockedPresence) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.ports.seen(HARBOUR, CLINIC, LAB, GRACE)

    await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, CLINIC) == {LAB: frozenset({GRACE})}


async def test_going_twice_or_without_having_come_does_no_harm(presence: ClockedPresence) -> None:
    await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)
    await presence.ports.seen(HARBOUR, CLINIC, WARD, GRACE)
    for _ in range(2):
        await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset({GRACE})}


async def test_who_went_may_come_back(presence: ClockedPresence) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)

    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)

    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset({ADA})}


async def test_another_clinic_and_another_organisation_see_nothing(
    presence: ClockedPresence,
) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await presence.ports.seen(HARBOUR, "uid-2", WARD, ADA)
    await presence.ports.seen(HILLS, CLINIC, WARD, GRACE)

    await presence.ports.gone(HARBOUR, CLINIC, WARD, ADA)
    await presence.ports.gone(HARBOUR, CLINIC, WARD, GRACE)

    assert await present(presence.ports, HARBOUR, CLINIC) == {}
    assert await present(presence.ports, HARBOUR, "uid-2") == {WARD: frozenset({ADA})}
    assert await present(presence.ports, HILLS, CLINIC) == {WARD: frozenset({GRACE})}


@pytest.mark.parametrize("name", ["staff/ada", "namespace/clinic/ada", "ünal 🙂", "a:b*"])
async def test_a_participants_name_is_opaque(presence: ClockedPresence, name: str) -> None:
    await presence.ports.seen(HARBOUR, CLINIC, WARD, ParticipantId(name))

    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset({name})}


async def test_many_who_come_and_go_at_once_are_all_counted(presence: ClockedPresence) -> None:
    people = [ParticipantId(f"p{n}") for n in range(40)]
    leaving = people[:15]
    for who in leaving:
        await presence.ports.seen(HARBOUR, CLINIC, WARD, who)

    await asyncio.gather(
        *(presence.ports.seen(HARBOUR, CLINIC, WARD, who) for who in people[15:]),
        *(presence.other.gone(HARBOUR, CLINIC, WARD, who) for who in leaving),
    )

    assert await present(presence.ports, HARBOUR, CLINIC) == {WARD: frozenset(people[15:])}


# ── the real store ────────────────────────────────────────────────────────────────────────────


async def test_presence_is_two_keys_in_its_organisations_slot_that_expire_by_themselves(
    store: Store,
) -> None:
    ports = RedisPresence(store)
    await ports.seen(HARBOUR, CLINIC, WARD, ADA)
    await ports.seen(HARBOUR, CLINIC, LAB, GRACE, "Grace")

    found = await store.redis.keys("*")

    assert len(found) == 2
    for key in found:
        assert 0 < await store.redis.ttl(key) <= PRESENT_S
        assert key_slot(str(key).encode()) == key_slot(keys.visit(HARBOUR, "v").encode())


async def test_reading_does_not_prolong_a_presence(store: Store) -> None:
    ports = RedisPresence(store)
    await ports.seen(HARBOUR, CLINIC, WARD, ADA)
    found = await store.redis.keys("*")
    for key in found:
        await store.redis.expire(key, 5)

    await ports.present(HARBOUR, CLINIC)
    await ports.gone(HARBOUR, CLINIC, WARD, GRACE)

    assert all([0 < await store.redis.ttl(key) <= 5 for key in found])


@pytest.mark.parametrize("method", METHODS)
async def test_a_store_that_is_not_there_is_unavailable_to_every_method(
    nowhere: RedisPresence, method: str
) -> None:
    with pytest.raises(RoutingUnavailableError):
        await METHODS[method](nowhere)


async def test_a_silent_store_is_unavailable_to_every_method_and_serves_when_it_is_back(
    own_valkey: RunningValkey,
) -> None:
    async with open_store(own_valkey.url) as store:
        ports = RedisPresence(store)
        await ports.present(HARBOUR, CLINIC)
        own_valkey.pause()

        answers = await asyncio.gather(
            *(method(ports) for method in METHODS.values()), return_exceptions=True
        )

        own_valkey.resume()
        assert [type(answer) for answer in answers] == [RoutingUnavailableError] * len(METHODS)
        await ports.seen(HARBOUR, CLINIC, WARD, GRACE)
        assert GRACE in (await ports.present(HARBOUR, CLINIC))[WARD]
