"""Both implementations of the routing ports behind one clock that the test moves."""

from typing import Protocol

from teleward_contract.media_nodes import Heartbeat, LiveCall, MediaNodes, MediaNodeState
from teleward_contract.placements import Placed, Placement, Placements
from teleward_contract.projections import PoolPolicy, PoolProjection
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store
from teleward_contract.routing_memory import MemoryRouting
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    LeaderEpoch,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
)

POOL = PoolId("harbour-health/default")
LEADER = LeaderEpoch(1)
START_MS = 1_795_000_000_000


class Routing(Placements, MediaNodes, Protocol):
    """Both ports at once."""


class Clock:
    """The store's clock in milliseconds, moved by hand."""

    def __init__(self) -> None:
        self.ms = START_MS

    def __call__(self) -> int:
        return self.ms


class ClockedRouting:
    """One implementation of the ports and the means to move its time and to empty it."""

    def __init__(self, kind: str, store: Store | None) -> None:
        self.kind = kind
        self.clock = Clock()
        self._store = store
        self._memory = MemoryRouting(self.clock)
        self._redis = RedisRouting(store) if store else None
        self.pass_ms(0)

    @property
    def ports(self) -> Routing:
        return self._redis if self._redis else self._memory

    def pass_ms(self, ms: int) -> None:
        self.clock.ms += ms
        if self._redis:
            self._redis.test_clock_ms = self.clock.ms

    async def set_policy(self, policy: PoolPolicy, leader: LeaderEpoch = LEADER) -> None:
        self._memory.set_policy(POOL, policy, leader)
        if self._store:
            document = PoolProjection(
                pool=POOL, uid="u", generation=1, policy=policy, units_per_media_node=units(10)
            )
            await RedisProjections(self._store).put(document, leader)

    async def empty(self) -> None:
        self._memory.empty()
        if self._store:
            await self._store.redis.flushall()

    async def recovered(self) -> None:
        """Let the store run long enough that it places calls."""
        await self.ports.reap(POOL)
        for _ in range(2):
            self.pass_ms(1000)
            await self.ports.reap(POOL)


def heartbeat(
    media_node: str = "default-0",
    boot: str = "boot-0",
    *,
    capacity: int = 10,
    calls: tuple[LiveCall, ...] = (),
    state: MediaNodeState = MediaNodeState.ACTIVE,
) -> Heartbeat:
    return Heartbeat(
        pool=POOL,
        media_node=MediaNodeId(media_node),
        boot=BootId(boot),
        control_url=f"ws://127.0.0.1:1/{media_node}",
        udp="127.0.0.1:2",
        state=state,
        capacity=CapacityUnits(capacity),
        calls=calls,
    )


def live(placement: Placement) -> LiveCall:
    return LiveCall(call=placement.call, epoch=placement.epoch, cost=placement.cost)


def placed(answer: object) -> Placement:
    assert isinstance(answer, Placed), answer
    return answer.placement


def call(number: int) -> CallId:
    return CallId(f"visit:{number}")


def units(number: int) -> CapacityUnits:
    return CapacityUnits(number)


def epoch(number: int) -> PlacementEpoch:
    return PlacementEpoch(number)
