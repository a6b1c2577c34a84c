"""Sessions of staff end when they are idle, when they are old, and when somebody ends them; never before.

Every clause holds for the memory implementation and for the scripts on a real store, unless it is about the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
from redis.crc import key_slot
from teleward_cli.store import free_port
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters import identity_providers
from teleward_gateway.adapters.sessions_redis import ORDER_TTL_S, RedisSessions
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.ports.sign_in import Sessions
from teleward_testing.visiting import HARBOUR, IDLE_S, LIFETIME_S, ClockedSessions

ADA = StaffSession(
    user="ada@example.org", display_name="Ada Ünal 🙂", namespace=HARBOUR, issuer="hospital",
    issuer_url="https://id.example.org", groups=("doctors",), ties=("tie-of-ada", "tie-of-one"),
)  # fmt: skip
GRACE = ADA.model_copy(update={"user": "grace@example.org", "ties": ("tie-of-grace",)})

UNUSED_S = LIFETIME_S // 12
"""Time that passes without use: less than makes a session idle."""
assert UNUSED_S < IDLE_S

METHODS: dict[str, Callable[[Sessions], Coroutine[object, object, object]]] = {
    "begin": lambda ports: ports.begin("a", ADA),
    "find": lambda ports: ports.find("a"),
    "end": lambda ports: ports.end("a"),
    "end_tied": lambda ports: ports.end_tied("tie-of-ada", "order"),
}


@pytest.fixture(params=["memory", "redis"])
def sessions(request: pytest.FixtureRequest, store: Store) -> ClockedSessions:
    return ClockedSessions(store if request.param == "redis" else None)


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisSessions]:
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as store:
        yield RedisSessions(store, LIFETIME_S, IDLE_S)


async def found(ports: Sessions, name: str = "a") -> StaffSession | None:
    look = await ports.find(name)
    return look.stored.session if look.stored else None


async def test_a_session_is_found_by_its_name_by_every_gateway(sessions: ClockedSessions) -> None:
    begun = await sessions.ports.begin("a", ADA)

    assert begun.stored is not None
    assert begun.stored.session == ADA
    assert await sessions.other.find("a") == begun
    assert await found(sessions.other, "b") is None


async def test_a_session_that_is_used_lasts_for_its_lifetime_and_no_longer(
    sessions: ClockedSessions,
) -> None:
    await sessions.ports.begin("a", ADA)
    for _ in range(LIFETIME_S // UNUSED_S - 1):
        await sessions.pass_s(UNUSED_S)
        assert await found(sessions.ports) == ADA

    await sessions.pass_s(UNUSED_S)

    assert await found(sessions.other) is None


async def test_a_session_that_is_idle_ends(sessions: ClockedSessions) -> None:
    await sessions.ports.begin("a", ADA)

    await sessions.pass_s(IDLE_S + 1)

    assert await found(sessions.ports) is None


async def test_a_session_may_begin_again_with_what_is_left_of_its_time(
    sessions: ClockedSessions,
) -> None:
    begun = await sessions.ports.begin("a", ADA)
    assert begun.stored is not None

    await sessions.ports.begin("a", ADA, begun.stored.until_ms)

    assert await sessions.ports.find("a") == begun


async def test_a_session_whose_time_is_over_does_not_begin_again(
    sessions: ClockedSessions,
) -> None:
    assert (await sessions.ports.begin("a", ADA, 1)).stored is None
    assert await found(sessions.ports) is None


async def test_a_session_that_was_ended_is_gone_and_no_other(sessions: ClockedSessions) -> None:
    await sessions.ports.begin("a", ADA)
    await sessions.ports.begin("b", ADA)

    for _ in range(2):
        await sessions.other.end("a")

    assert await found(sessions.ports, "a") is None
    assert await found(sessions.ports, "b") == ADA


async def test_a_tie_ends_all_of_its_sessions_and_no_other(sessions: ClockedSessions) -> None:
    for name, who in (("a", ADA), ("b", ADA), ("c", GRACE)):
        await sessions.ports.begin(name, who)

    assert await sessions.other.end_tied("tie-of-ada", "order-1") == 2

    assert [await found(sessions.ports, name) for name in "abc"] == [None, None, GRACE]
    assert await sessions.other.end_tied("tie-of-nobody", "order-2") == 0


async def test_an_order_is_carried_out_once(sessions: ClockedSessions) -> None:
    await sessions.ports.begin("a", ADA)
    assert await sessions.ports.end_tied("tie-of-one", "order") == 1
    await sessions.ports.begin("b", ADA)

    again = await asyncio.gather(
        *(ports.end_tied("tie-of-one", "order") for ports in (sessions.ports, sessions.other))
    )

    assert again == [None, None]
    assert await found(sessions.ports, "b") == ADA


async def test_a_store_that_was_emptied_says_so(sessions: ClockedSessions) -> None:
    before = await sessions.ports.begin("a", ADA)

    await sessions.empty()

    after = await sessions.other.find("a")
    assert after.stored is None
    assert after.life != before.life
    assert (await sessions.ports.find("a")).life == after.life


# ── the real store ────────────────────────────────────────────────────────────────────────────


async def test_every_key_has_its_end_and_all_share_a_slot(store: Store) -> None:
    ports = RedisSessions(store, LIFETIME_S, IDLE_S)
    await ports.begin("a", ADA)
    await ports.end_tied("tie-of-nobody", "order")

    ends = {str(key): await store.redis.ttl(key) for key in await store.redis.keys("*")}

    assert len({key_slot(key.encode()) for key in ends}) == 1
    assert ends.pop("tw:{staff}:life") == -1
    assert len(ends) == 4
    assert all(0 < end <= LIFETIME_S for end in ends.values())
    assert 0 < ends["tw:{staff}:session:a"] <= IDLE_S


def test_an_order_is_remembered_for_longer_than_it_is_accepted() -> None:
    oldest = identity_providers.LOGOUT_TOKEN_MAX_AGE_S + 2 * identity_providers.CLOCK_SKEW_S

    assert oldest <= ORDER_TTL_S


@pytest.mark.parametrize("method", METHODS)
async def test_a_store_that_is_not_there_is_unavailable_to_every_method(
    nowhere: RedisSessions, method: str
) -> None:
    with pytest.raises(RoutingUnavailableError):
        await METHODS[method](nowhere)
