"""Nobody is signed out because the store was silent or emptied, and nobody stays in whom it does not know any more."""

from types import SimpleNamespace

import pytest
from teleward_contract.errors import RoutingUnavailableError
from teleward_gateway.adapters.sessions_memory import MemorySessions
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports.sign_in import Look
from teleward_gateway.usecases import staff_sessions
from teleward_gateway.usecases.staff_sessions import REMEMBERED_S, StaffSessions

ADA = StaffSession(user="ada", display_name="Ada", ties=("tie",))
LIFETIME_S, IDLE_S = 43_200, 3600


class Silenceable(MemorySessions):
    """A store that can be silent."""

    def __init__(self, clock: SimpleNamespace) -> None:
        super().__init__(lambda: int(clock.s * 1000), LIFETIME_S, IDLE_S)
        self.is_silent = False

    async def find(self, name: str) -> Look:
        if self.is_silent:
            raise RoutingUnavailableError("silent")
        return await super().find(name)


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(s=1_795_000_000.0)


@pytest.fixture
def store(clock: SimpleNamespace) -> Silenceable:
    return Silenceable(clock)


@pytest.fixture
def gateway(store: Silenceable, clock: SimpleNamespace) -> StaffSessions:
    return StaffSessions(store, lambda: float(clock.s))


async def test_whoever_holds_the_secret_is_signed_in_and_nobody_else(
    gateway: StaffSessions, store: Silenceable
) -> None:
    secret = await gateway.begin(ADA)

    assert await gateway.find(secret) == ADA
    for wrong in ("", "x", secret[:-1], secret.swapcase(), "ä\ud800"):
        assert await gateway.find(wrong) is None
    assert (await store.find(secret)).stored is None  # the store knows its hash alone


async def test_signing_in_again_ends_the_session_before(gateway: StaffSessions) -> None:
    first = await gateway.begin(ADA)

    second = await gateway.begin(ADA, first)

    assert first != second
    assert await gateway.find(first) is None
    assert await gateway.find(second) == ADA


async def test_while_the_store_is_silent_who_was_signed_in_stays_so_for_a_while(
    gateway: StaffSessions, store: Silenceable, clock: SimpleNamespace
) -> None:
    secret = await gateway.begin(ADA)
    store.is_silent = True

    clock.s += REMEMBERED_S - 1
    assert await gateway.find(secret) == ADA
    clock.s += 1
    with pytest.raises(RefusedError) as refused:
        await gateway.find(secret)
    assert refused.value.is_temporary


async def test_while_the_store_is_silent_a_stranger_is_asked_to_wait(
    gateway: StaffSessions, store: Silenceable
) -> None:
    store.is_silent = True

    with pytest.raises(RefusedError) as refused:
        await gateway.find("unknown")

    assert refused.value.is_temporary


async def test_after_the_store_was_emptied_who_was_signed_in_is_so_until_the_same_end(
    gateway: StaffSessions, store: Silenceable, clock: SimpleNamespace
) -> None:
    secret = await gateway.begin(ADA)
    clock.s += 600
    store.empty()

    assert await gateway.find(secret) == ADA
    assert await StaffSessions(store).find(secret) == ADA  # any gateway knows again
    assert await store.end_tied("tie", "order") == 1  # and a provider may end it
    assert await gateway.find(secret) is None


async def test_a_store_that_was_emptied_brings_back_nobody_who_was_not_seen_for_long(
    gateway: StaffSessions, store: Silenceable, clock: SimpleNamespace
) -> None:
    secret = await gateway.begin(ADA)
    clock.s += REMEMBERED_S
    store.empty()

    assert await gateway.find(secret) is None


async def test_who_was_signed_out_elsewhere_is_not_remembered(
    gateway: StaffSessions, store: Silenceable
) -> None:
    secret = await gateway.begin(ADA)
    await StaffSessions(store).end(secret)

    assert await gateway.find(secret) is None
    store.empty()
    assert await gateway.find(secret) is None


async def test_the_memory_is_bounded(
    gateway: StaffSessions, store: Silenceable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_sessions, "MAX_REMEMBERED", 2)
    first, second, third = [await gateway.begin(ADA) for _ in range(3)]
    store.is_silent = True

    assert [await gateway.find(secret) for secret in (second, third)] == [ADA, ADA]
    with pytest.raises(RefusedError):
        await gateway.find(first)
