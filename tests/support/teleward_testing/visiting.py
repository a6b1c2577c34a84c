"""Both implementations of the gateway's own ports behind one clock that the test moves."""

import asyncio
from collections import Counter
from typing import Any, Protocol, cast

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from teleward_contract.redis_store import Store
from teleward_contract.units import Namespace
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.at_work_memory import MemoryAtWork
from teleward_gateway.adapters.at_work_redis import RedisAtWork
from teleward_gateway.adapters.books import STORE_CLOCK, BookKeeping
from teleward_gateway.adapters.books_memory import MemoryBooks
from teleward_gateway.adapters.books_redis import SHIPPERS, RedisBooks
from teleward_gateway.adapters.guests_memory import MemoryGuestLinks
from teleward_gateway.adapters.guests_redis import RedisGuestLinks
from teleward_gateway.adapters.presence_memory import MemoryPresence
from teleward_gateway.adapters.presence_redis import RedisPresence
from teleward_gateway.adapters.pseudonyms import KeyedPseudonyms
from teleward_gateway.adapters.qualities_memory import MemoryQualities
from teleward_gateway.adapters.qualities_redis import RedisQualities
from teleward_gateway.adapters.sessions_memory import MemorySessions
from teleward_gateway.adapters.sessions_redis import RedisSessions
from teleward_gateway.adapters.visits_memory import MemoryVisits
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.accounts import DAY_S
from teleward_gateway.core.visits import Personal, Visit, VisitAction, VisitState, Words
from teleward_gateway.ports.alerts import AtWork
from teleward_gateway.ports.books import Audit, Reports
from teleward_gateway.ports.calls import Qualities
from teleward_gateway.ports.sign_in import Sessions
from teleward_gateway.ports.visits import GuestLinks, Presence, Queues, Visits

from teleward_testing.routing import Clock

HARBOUR = Namespace("harbour-health")
HILLS = Namespace("hills-health")
RETENTION_S = 600
KEEP_S = 3600
LIFETIME_S, IDLE_S = 36_000, 3600

ADA = Personal(name="Ada", fields={"reason": "cough"}, locale="ar")
SOON = Words(texts={"en": "Soon.", "ar": "قريبا."}, at_ms=1_794_999_000_001)
ENDINGS = {
    VisitAction.END: VisitState.ENDED,
    VisitAction.REFUSE: VisitState.REFUSED,
    VisitAction.LEAVE: VisitState.LEFT,
}
UNHEARD_S = KEEP_S - 60
"""Time that passes unnoticed: a minute less than a visit is kept."""
PATHS: dict[VisitState, tuple[VisitAction, ...]] = {
    VisitState.WAITING: (),
    VisitState.CALLED: (VisitAction.CALL_IN,),
    VisitState.IN_CONSULTATION: (VisitAction.CALL_IN, VisitAction.JOIN),
    VisitState.ON_HOLD: (VisitAction.CALL_IN, VisitAction.JOIN, VisitAction.HOLD),
    VisitState.ENDED: (VisitAction.CALL_IN, VisitAction.JOIN, VisitAction.END),
    VisitState.REFUSED: (VisitAction.REFUSE,),
    VisitState.LEFT: (VisitAction.LEAVE,),
}
"""How a visit that waits comes to each state."""


class VisitsAndQueues(Visits, Queues, Protocol):
    """Both ports at once."""


class ClockedVisits:
    """One implementation as two gateways see it, and the means to move its time and to empty it."""

    def __init__(self, store: Store | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self._store = store
        self.keeping = BookKeeping(KeyedPseudonyms(b"contract"))
        books = MemoryBooks(self.clock, self.keeping)
        self._memory = MemoryVisits(self.clock, RETENTION_S, books)
        self.audit: Audit = books
        self.reports: Reports = books
        self.told: list[tuple[str, float]] = []
        """What was told to the meter; by the real store alone."""
        self.ports: VisitsAndQueues = self._memory
        self.other: VisitsAndQueues = self._memory
        if store is not None:
            script = store.script

            async def clocked(text: str, *given: list[Any]) -> object:
                stopped = f"local function now_ms() return {self.clock.ms} end\n"
                return await script(text.replace(STORE_CLOCK, stopped), *given)

            monkeypatch.setattr(store, "script", clocked)
            tell = lambda what, s: self.told.append((what, s))  # noqa: E731
            self.ports = RedisVisits(store, RETENTION_S, self.keeping, tell)
            self.other = RedisVisits(store, RETENTION_S, self.keeping, tell)
            self.audit = self.reports = RedisBooks(store, self.keeping)

    async def pass_s(self, seconds: int) -> None:
        self.clock.ms += seconds * 1000
        if self._store is not None:
            await grow_older(self._store.redis, seconds * 1000)

    @property
    def is_in_memory(self) -> bool:
        """Whether it is the model."""
        return self._store is None

    @property
    def today(self) -> int:
        """The day of UTC on which this counts."""
        return self.clock.ms // 1000 // DAY_S

    async def counted(self, clinic: str = "cardiology") -> dict[str, int]:
        """What was counted in a clinic in these days."""
        days = await self.reports.days(HARBOUR, [clinic], self.today - 5, self.today + 5)
        total: Counter[str] = Counter()
        for day in days:
            total.update(day.counts)
        return dict(total)

    async def grow_idle(self, seconds: int) -> None:
        """Let this time pass for what was taken of the audit."""
        self.clock.ms += seconds * 1000
        if self._store is None:
            return
        key, redis = keys.audit(HARBOUR), cast("Any", self._store.redis)
        ids = [p["message_id"] for p in await redis.xpending_range(key, SHIPPERS, "-", "+", 1000)]
        if ids:
            await redis.xclaim(key, SHIPPERS, SHIPPERS, 0, ids, idle=seconds * 1000, justid=True)

    async def age_audit(self) -> None:
        """Let the audit's retention pass for what stands in it."""
        self.clock.ms += (self.keeping.audit_keep_s + 1) * 1000
        if self._store is None:
            return
        key, redis = keys.audit(HARBOUR), cast("Any", self._store.redis)
        held = await redis.xrange(key)
        await redis.delete(key)
        for id_, fields in held:
            at = int(str(id_).partition("-")[0]) - (self.keeping.audit_keep_s + 1) * 1000
            await redis.xadd(key, fields, id=f"{at}-0")

    async def recorded(self) -> list[tuple[str, str, str]]:
        """The audit from its beginning: what, who, outcome."""
        page = await self.audit.page(HARBOUR, 1000)
        return [(one.event.what, one.event.who, one.event.outcome) for one in page[::-1]]

    async def empty(self) -> None:
        self._memory.empty()
        if self._store is not None:
            await self._store.redis.flushall()

    async def queue(self, clinic_uid: str = "uid-1") -> list[str]:
        """Who stands in a clinic's queue, as the other gateway reads it."""
        return [row.visit.id for row in await self.other.waiting(HARBOUR, clinic_uid)]

    async def connect(self) -> None:
        """Open as many connections as a race needs: who has to open one first comes too late to race."""
        await asyncio.gather(*(self.ports.get(HARBOUR, "nobody") for _ in range(24)))

    async def enter(self, entering: Visit, name: str = "Ada", keep_s: int = KEEP_S) -> Visit:
        return await self.ports.enter(entering, Personal(name=name), keep_s)

    async def bring(self, state: VisitState, visit_id: str = "v") -> Visit:
        """Enter a visit and bring it to `state`."""
        now = await self.enter(visit(visit_id))
        for action in PATHS[state]:
            was_allowed, changed = await self.ports.change(HARBOUR, visit_id, action, "grace")
            assert was_allowed
            assert changed is not None
            now = changed
        assert now.state is state
        return now


class ClockedGuestLinks:
    """One implementation as two gateways see it, with visits beside it, and the means to move its time."""

    def __init__(self, store: Store | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.visits = ClockedVisits(store, monkeypatch)
        memory = MemoryGuestLinks(self.visits.clock, self.visits.ports)
        self.ports: GuestLinks = memory
        self.other: GuestLinks = memory
        if store is not None:
            self.ports, self.other = RedisGuestLinks(store), RedisGuestLinks(store)

    async def pass_s(self, seconds: int) -> None:
        await self.visits.pass_s(seconds)


class ClockedPresence:
    """One implementation as two gateways see it, and the means to move its time."""

    def __init__(self, store: Store | None) -> None:
        self._clock = Clock()
        self._store = store
        memory = MemoryPresence(self._clock)
        self.ports: Presence = memory if store is None else RedisPresence(store)
        self.other: Presence = memory if store is None else RedisPresence(store)

    async def pass_s(self, seconds: int) -> None:
        self._clock.ms += seconds * 1000
        if self._store is not None:
            await grow_older(self._store.redis, seconds * 1000)
            for key in await every_key(self._store.redis):
                if key.endswith(":names"):
                    continue
                for member in map(str, await self._store.redis.zrange(key, 0, -1)):
                    await self._store.redis.zincrby(key, -seconds * 1000, member)


class ClockedAtWork:
    """One implementation as two gateways see it, and the means to move its time."""

    def __init__(self, store: Store | None) -> None:
        self._clock = Clock()
        self._store = store
        memory = MemoryAtWork(self._clock)
        self.ports: AtWork = memory if store is None else RedisAtWork(store)
        self.other: AtWork = memory if store is None else RedisAtWork(store)

    async def pass_s(self, seconds: int) -> None:
        self._clock.ms += seconds * 1000
        if self._store is not None:
            await grow_older(self._store.redis, seconds * 1000)
            for key in await every_key(self._store.redis):
                for member in map(str, await self._store.redis.zrange(key, 0, -1)):
                    await self._store.redis.zincrby(key, -seconds * 1000, member)


class ClockedQualities:
    """One implementation as two gateways see it, and the means to move its time."""

    def __init__(self, store: Store | None) -> None:
        self._clock = Clock()
        self._store = store
        memory = MemoryQualities(self._clock)
        self.ports: Qualities = memory if store is None else RedisQualities(store)
        self.other: Qualities = memory if store is None else RedisQualities(store)

    async def pass_s(self, seconds: int) -> None:
        self._clock.ms += seconds * 1000
        if self._store is not None:
            await grow_older(self._store.redis, seconds * 1000)


class ClockedSessions:
    """One implementation as two gateways see it, and the means to move its time and to empty it."""

    def __init__(self, store: Store | None) -> None:
        self.clock = Clock()
        self._store = store
        self._memory = MemorySessions(self.clock, LIFETIME_S, IDLE_S)
        self.ports: Sessions = self._memory
        self.other: Sessions = self._memory
        if store is not None:
            self.ports = RedisSessions(store, LIFETIME_S, IDLE_S)
            self.other = RedisSessions(store, LIFETIME_S, IDLE_S)

    async def pass_s(self, seconds: int) -> None:
        self.clock.ms += seconds * 1000
        if self._store is not None:
            await grow_older(self._store.redis, seconds * 1000)
            for key in await self._store.redis.keys("tw:{staff}:session:*"):
                await self._store.redis.hincrby(key, "until", -seconds * 1000)

    async def empty(self) -> None:
        self._memory.empty()
        if self._store is not None:
            await self._store.redis.flushall()


async def every_key(redis: Redis | RedisCluster) -> list[str]:
    """Every key, of a cluster on all of its primaries."""
    if isinstance(redis, RedisCluster):
        return list(map(str, await redis.keys("*", target_nodes=RedisCluster.PRIMARIES)))
    return list(map(str, await redis.keys("*")))


async def grow_older(redis: Redis, ms: int) -> None:
    """Let every key come nearer to its end, or be gone, as if this time had passed."""
    for key in await every_key(redis):
        left = await redis.pttl(key)
        if 0 <= left <= ms:
            await redis.delete(key)
        elif left > ms:
            await redis.pexpire(key, left - ms)


def visit(
    visit_id: str = "v", arrived_ms: int = 1_794_999_000_000, namespace: Namespace = HARBOUR,
    clinic_uid: str = "uid-1", state: VisitState = VisitState.WAITING,
) -> Visit:  # fmt: skip
    return Visit(
        id=visit_id, namespace=namespace, clinic="cardiology", clinic_uid=clinic_uid,
        arrived_ms=arrived_ms, state=state,
    )  # fmt: skip
