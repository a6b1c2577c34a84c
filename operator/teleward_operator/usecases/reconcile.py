"""Reconcile: gather a snapshot, plan (pure), carry out. One dirty key at a time per unit, with back-off."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog
from teleward_contract.errors import RoutingUnavailableError, StaleLeaderError
from teleward_contract.media_nodes import MediaNodes
from teleward_contract.occupancy import Occupancy
from teleward_contract.projections import ProjectionKind, ProjectionWriter
from teleward_contract.resources import DRAIN_FINALIZER, AnyResource
from teleward_contract.units import CapacityUnits, LeaderEpoch, Namespace, PoolId

from teleward_operator.core.cache import Cache, DirtyKey, Unit, key_of
from teleward_operator.core.clinics import (
    ClinicSnapshot,
    StatusWrite,
    differs,
    plan_clinic,
    pool_of,
    project_organisation,
)
from teleward_operator.core.conditions import conditions, summarise
from teleward_operator.core.pools import PoolSnapshot, plan_pool, pool_id, project_pool
from teleward_operator.errors import (
    ClusterUnavailableError,
    RuntimeUnavailableError,
    StaleObjectError,
)
from teleward_operator.ports import Cluster, PoolRuntime

log = structlog.get_logger()

COUNTERS_EVERY_S = 15.0
WORKERS = 4
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Counting(Protocol):
    """What is told to the metrics."""

    def reconciled(self, unit: Unit, outcome: str) -> None:
        """One reconcile ended."""
        ...

    def wrote_status(self, kind: str) -> None:
        """One status was written."""
        ...

    def projected(self, what: str) -> None:
        """One projection was written or removed."""
        ...


@dataclass(slots=True)
class Ports:
    """Everything outside."""

    cluster: Cluster
    runtime: PoolRuntime
    projections: ProjectionWriter
    media_nodes: MediaNodes
    occupancy: Occupancy
    counting: Counting
    leader: Callable[[], LeaderEpoch]
    """The epoch to write with; raises StaleLeaderError when the lease is not surely held."""


@dataclass(slots=True)
class Reconciler:
    """Turns dirty keys into writes."""

    cache: Cache
    ports: Ports
    public_url: str
    _queue: asyncio.Queue[DirtyKey] = field(default_factory=asyncio.Queue)
    _waiting: set[DirtyKey] = field(default_factory=set)
    _busy: set[DirtyKey] = field(default_factory=set)
    _failures: dict[DirtyKey, int] = field(default_factory=dict)
    _counted_at: dict[DirtyKey, float] = field(default_factory=dict)
    _written: dict[DirtyKey, object] = field(default_factory=dict)

    def seen(self, resource: AnyResource, *, deleted: bool) -> None:
        """Take in one watch event."""
        for key in self.cache.apply(resource, deleted=deleted):
            self.mark(key)

    def mark(self, key: DirtyKey) -> None:
        """Have a key reconciled; marks that come while it waits are one."""
        if key not in self._waiting:
            self._waiting.add(key)
            self._queue.put_nowait(key)

    def mark_all(self, *, project_again: bool = False) -> None:
        """Have everything reconciled; `project_again` after the routing state was emptied."""
        if project_again:
            self._written.clear()
        for key in self.cache.every_key():
            self.mark(key)

    @property
    def depth(self) -> int:
        """Keys waiting."""
        return len(self._waiting)

    async def idle(self) -> None:
        """Wait until nothing is dirty."""
        await self._queue.join()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            if key in self._busy:
                await asyncio.sleep(0.01)
                self._queue.put_nowait(key)
                self._queue.task_done()
                continue
            self._waiting.discard(key)
            self._busy.add(key)
            try:
                await self._guarded(key)
            finally:
                self._busy.discard(key)
                self._queue.task_done()

    async def _guarded(self, key: DirtyKey) -> None:
        unit = key[0]
        try:
            await {
                Unit.ORGANISATION: self._organisation,
                Unit.CLINIC: self._clinic,
                Unit.POOL: self._pool,
            }[unit](key)
        except StaleObjectError:
            self.ports.counting.reconciled(unit, "stale")
            self._retry(key)
        except (RoutingUnavailableError, ClusterUnavailableError, RuntimeUnavailableError):
            self.ports.counting.reconciled(unit, "unavailable")
            self._retry(key)
        except StaleLeaderError:
            self.ports.counting.reconciled(unit, "not_leader")
            self._retry(key)
        else:
            self._failures.pop(key, None)
            self.ports.counting.reconciled(unit, "done")

    def _retry(self, key: DirtyKey) -> None:
        attempt = self._failures.get(key, 0)
        self._failures[key] = attempt + 1
        delay = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
        asyncio.get_running_loop().call_later(delay, self.mark, key)

    # -- organisations ---------------------------------------------------------------------------

    async def _organisation(self, key: DirtyKey) -> None:
        namespace = key[1]
        found = self.cache.organisation(namespace)
        if found is None:
            await self._remove(key, ProjectionKind.ORGANISATION)
            return
        document = project_organisation(found)
        if self._written.get(key) != document:
            await self.ports.projections.put(document, self.ports.leader())
            self.ports.counting.projected("put")
            self._written[key] = document
        generation = found.metadata.generation
        status: dict[str, object] = {
            "observedGeneration": generation,
            "conditions": conditions(
                summarise(None), generation, found.status.get("conditions"), _now()
            ),
            "clinics": len(self.cache.clinics(namespace)),
        }
        await self._write_status(StatusWrite(found, status), counters_too=True)

    # -- clinics ---------------------------------------------------------------------------------

    async def _clinic(self, key: DirtyKey) -> None:
        _, namespace, name = key
        clinic = self.cache.clinic(namespace, name)
        pool = pool_of(clinic).partition("/") if clinic else None
        space = Namespace(namespace)
        counts = await self.ports.occupancy.read(space, name) if clinic else None
        plan = plan_clinic(
            ClinicSnapshot(
                namespace=space, name=name, clinic=clinic,
                organisation=self.cache.organisation(namespace),
                pool=self.cache.pool(pool[0], pool[2]) if pool else None,
                waiting_area=self.cache.waiting_area(namespace, name),
                rooms=self.cache.rooms(namespace, name), occupancy=counts,
                public_url=self.public_url, now=_now(),
            )
        )  # fmt: skip
        if plan.projection is None:
            await self._remove(key, ProjectionKind.CLINIC)
        elif self._written.get(key) != plan.projection:
            await self.ports.projections.put(plan.projection, self.ports.leader())
            self.ports.counting.projected("put")
            self._written[key] = plan.projection
            log.info("clinic.projected", namespace=namespace, clinic=name)
        due = time.monotonic() - self._counted_at.get(key, -1e9) >= COUNTERS_EVERY_S
        wrote = [await self._write_status(write, counters_too=due) for write in plan.statuses]
        if due and any(wrote):
            self._counted_at[key] = time.monotonic()

    async def _remove(self, key: DirtyKey, kind: ProjectionKind) -> None:
        _, namespace, name = key
        stored = await self.ports.projections.stored()
        uid = stored.get((kind, Namespace(namespace), name))
        if uid is not None:
            await self.ports.projections.remove(
                kind, Namespace(namespace), name, uid, self.ports.leader()
            )
            self.ports.counting.projected("removed")
            log.info("projection.removed", namespace=namespace, name_of_object=name, kind=kind)
        self._written.pop(key, None)

    async def _write_status(self, write: StatusWrite, *, counters_too: bool) -> bool:
        status = differs(write, counters_too=counters_too)
        if status is None:
            return False
        self.ports.leader()
        await self.ports.cluster.write_status(write.resource, status)
        self.ports.counting.wrote_status(write.resource.kind)
        await self._tell_transition(write.resource, status)
        # What was written is what stands now, until the watch brings the object again.
        current = self.cache.objects.get(key_of(write.resource))
        if current is write.resource:
            self.cache.objects[key_of(write.resource)] = write.resource.model_copy(
                update={"status": status}
            )
        return True

    async def _tell_transition(self, resource: AnyResource, status: dict[str, object]) -> None:
        before, after = _ready(resource.status), _ready(status)
        if after and before.get("reason") != after.get("reason"):
            good = after["status"] == "True"
            message = str(after["message"]) or "It works."
            await self.ports.cluster.tell(resource, str(after["reason"]), message, good=good)

    # -- pools -----------------------------------------------------------------------------------

    async def _pool(self, key: DirtyKey) -> None:
        _, namespace, name = key
        pool = self.cache.pool(namespace, name)
        if pool is None:
            await self._remove(key, ProjectionKind.POOL)
            await self._stop_all(PoolId(f"{namespace}/{name}"))
            return
        if (
            DRAIN_FINALIZER not in pool.metadata.finalizers
            and not pool.metadata.deletion_timestamp
        ):
            self.ports.leader()
            await self.ports.cluster.set_finalizers(
                pool, (*pool.metadata.finalizers, DRAIN_FINALIZER)
            )
            return  # the watch brings it again
        document = project_pool(pool)
        if self._written.get(key) != document:
            await self.ports.projections.put(document, self.ports.leader())
            self.ports.counting.projected("put")
            self._written[key] = document
        try:
            running = await self.ports.runtime.running(pool_id(pool))
        except RuntimeUnavailableError:
            running = None
        views = await self.ports.media_nodes.views(pool_id(pool))
        plan = plan_pool(PoolSnapshot(pool, running, views, _now()))
        for media_node in plan.cordon:
            await self.ports.media_nodes.cordon(pool_id(pool), media_node, cordoned=True)
        for media_node in plan.uncordon:
            await self.ports.media_nodes.cordon(pool_id(pool), media_node, cordoned=False)
        if running is not None and plan.run != running:
            self.ports.leader()
            units = CapacityUnits(pool.spec.capacity.units_per_media_node)
            await self.ports.runtime.run(pool_id(pool), plan.run, units)
            log.info("pool.scaled", pool=pool_id(pool), replicas=len(plan.run))
        if plan.is_gone and DRAIN_FINALIZER in pool.metadata.finalizers:
            rest = tuple(f for f in pool.metadata.finalizers if f != DRAIN_FINALIZER)
            await self.ports.cluster.set_finalizers(pool, rest)
            return
        await self._write_status(StatusWrite(pool, plan.status), counters_too=True)

    async def _stop_all(self, pool: PoolId) -> None:
        if await self.ports.runtime.running(pool):
            await self.ports.runtime.run(pool, (), CapacityUnits(1))


def _ready(status: dict[str, object]) -> dict[str, object]:
    listed = status.get("conditions")
    if not isinstance(listed, list):
        return {}
    return next((dict(c) for c in listed if c.get("type") == "Ready"), {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
