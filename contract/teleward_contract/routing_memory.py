"""Placements and media nodes in memory: for unit tests and as the model of the real store."""

import random
from collections.abc import Callable

from teleward_contract.errors import StaleLeaderError
from teleward_contract.media_nodes import BeatAnswer, Heartbeat, MediaNodeView
from teleward_contract.placements import (
    Placement,
    Reaped,
    ReplaceAnswer,
    ReserveAnswer,
    ResizeAnswer,
)
from teleward_contract.projections import PoolPolicy
from teleward_contract.routing_table import PoolTable
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    LeaderEpoch,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
)


class MemoryRouting:
    """Both ports, `Placements` and `MediaNodes`, over one table per pool."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now = now_ms
        self._random = random.Random(1)  # noqa: S311  # a choice of media nodes is no secret
        self._pools: dict[PoolId, PoolTable] = {}
        self._leaders: dict[PoolId, LeaderEpoch] = {}

    def table(self, pool: PoolId) -> PoolTable:
        """The table of one pool."""
        if pool not in self._pools:
            self._pools[pool] = PoolTable(pool, self._random.randrange)
        return self._pools[pool]

    def set_policy(self, pool: PoolId, policy: PoolPolicy, leader: LeaderEpoch) -> None:
        """What the operator's projection does in the real store."""
        self._leaders[pool] = leader
        self.table(pool).policy = policy

    def empty(self) -> None:
        """Lose everything."""
        self._pools.clear()
        self._leaders.clear()

    async def reserve(self, pool: PoolId, call: CallId, cost: CapacityUnits) -> ReserveAnswer:
        """See `Placements`."""
        return self.table(pool).reserve(call, cost, self._now())

    async def find(self, pool: PoolId, call: CallId) -> Placement | None:
        """See `Placements`."""
        return self.table(pool).find(call)

    async def confirm(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> bool:
        """See `Placements`."""
        return self.table(pool).confirm(call, epoch, self._now())

    async def resize(
        self, pool: PoolId, call: CallId, epoch: PlacementEpoch, cost: CapacityUnits
    ) -> ResizeAnswer:
        """See `Placements`."""
        return self.table(pool).resize(call, epoch, cost, self._now())

    async def release(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> bool:
        """See `Placements`."""
        return self.table(pool).release(call, epoch, self._now())

    async def replace(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> ReplaceAnswer:
        """See `Placements`."""
        return self.table(pool).replace(call, epoch, self._now())

    async def reap(self, pool: PoolId) -> Reaped:
        """See `Placements`."""
        return self.table(pool).reap(self._now())

    async def beat(self, heartbeat: Heartbeat) -> BeatAnswer:
        """See `MediaNodes`."""
        return self.table(heartbeat.pool).beat(heartbeat, self._now())

    async def views(self, pool: PoolId) -> tuple[MediaNodeView, ...]:
        """See `MediaNodes`."""
        return self.table(pool).views(self._now())

    async def suspect(self, pool: PoolId, media_node: MediaNodeId, boot: BootId) -> None:
        """See `MediaNodes`."""
        self.table(pool).suspect(media_node, boot)

    async def cordon(
        self, pool: PoolId, media_node: MediaNodeId, leader: LeaderEpoch, *, cordoned: bool
    ) -> None:
        """See `MediaNodes`."""
        if leader < self._leaders.get(pool, 0):
            raise StaleLeaderError("a newer leader has written")
        self.table(pool).cordon(media_node, cordoned=cordoned)

    async def retire(self, pool: PoolId, media_node: MediaNodeId, boot: BootId) -> None:
        """See `MediaNodes`."""
        self.table(pool).retire(media_node, boot)
