"""Reconcile one unit: gather a snapshot, plan (pure), carry out."""

from dataclasses import dataclass, field, replace

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.resources import DRAIN_FINALIZER, MediaPool
from teleward_contract.units import MediaNodeId, Namespace, PoolId

from teleward_operator.core.cache import Cache, DirtyKey, Unit
from teleward_operator.core.clinics import (
    ClinicSnapshot,
    plan_clinic,
    plan_organisation,
)
from teleward_operator.core.pools import (
    PoolPlan,
    PoolSnapshot,
    Runtime,
    busy,
    is_deleted,
    plan_pool,
    pool_id,
    project_pool,
)
from teleward_operator.core.projection import project_organisation
from teleward_operator.core.statuses import plan_unreadable
from teleward_operator.errors import RuntimeUnavailableError
from teleward_operator.usecases.outside import Outside
from teleward_operator.usecases.project import Projector
from teleward_operator.usecases.report import Reporter

log = structlog.get_logger()


@dataclass(slots=True)
class Reconciler:
    """Makes the routing state, media nodes and statuses what the cache says they should be.

    Raises (from `reconcile`): every error of the ports; the caller tries again.
    """

    outside: Outside
    cache: Cache
    projector: Projector
    reporter: Reporter
    _cordoned_at: dict[PoolId, dict[MediaNodeId, float]] = field(default_factory=dict)
    """Since when a media node is on its way out, monotonic; a new leader counts anew."""

    async def reconcile(self, key: DirtyKey) -> None:
        """Reconcile the unit of this key."""
        match key[0]:
            case Unit.ORGANISATION:
                await self._organisation(key)
            case Unit.CLINIC:
                await self._clinic(key)
            case Unit.POOL:
                await self._pool(key)
            case Unit.UNREADABLE:
                await self._unreadable(key)

    async def _unreadable(self, key: DirtyKey) -> None:
        kind, _, name = key[2].partition("/")
        found = self.cache.unreadable.get((kind, key[1], name))
        if found is not None:
            await self.reporter.write(plan_unreadable(found, self._now()))

    # -- organisations ---------------------------------------------------------------------------

    async def _organisation(self, key: DirtyKey) -> None:
        found = self.cache.organisation(key[1])
        if found is None:
            await self.projector.remove(key)
            return
        clinics = len(self.cache.clinics(key[1]))
        try:
            await self.projector.put(key, project_organisation(found))
        except RoutingUnavailableError:
            silent = plan_organisation(found, clinics, self._now(), is_routing_up=False)
            await self.reporter.write_all(silent)
            raise
        await self.reporter.write_all(plan_organisation(found, clinics, self._now()))

    # -- clinics ---------------------------------------------------------------------------------

    async def _clinic(self, key: DirtyKey) -> None:
        try:
            plan = plan_clinic(await self._look_at_clinic(key))
            if plan.projection is None:
                await self.projector.remove(key)
            else:
                await self.projector.put(key, plan.projection)
        except RoutingUnavailableError:
            silent = plan_clinic(self._snapshot(key, is_routing_up=False))
            await self.reporter.write_all(silent.statuses)
            raise
        await self.reporter.write_all(plan.statuses)

    async def _look_at_clinic(self, key: DirtyKey) -> ClinicSnapshot:
        counts = await self.outside.occupancy.read(Namespace(key[1]), key[2])
        return replace(self._snapshot(key, is_routing_up=True), occupancy=counts)

    def _snapshot(self, key: DirtyKey, *, is_routing_up: bool) -> ClinicSnapshot:
        _, namespace, name = key
        clinic = self.cache.clinic(namespace, name)
        where, _, pool = (
            self.cache.settings(clinic).pool.partition("/") if clinic else ("", "", "")
        )
        return ClinicSnapshot(
            namespace=Namespace(namespace), name=name, clinic=clinic,
            organisation=self.cache.organisation(namespace),
            pool=self.cache.pool(where, pool),
            waiting_area=self.cache.waiting_area(namespace, name),
            rooms=self.cache.rooms(namespace, name), occupancy=None,
            public_url=self.outside.public_url, now=self._now(),
            namespace_labels=self.cache.labels.get(namespace, {}), is_routing_up=is_routing_up,
            slug_holder=self.cache.holder(clinic, "slug") if clinic else "",
            hostname_holder=self.cache.holder(clinic, "hostname") if clinic else "",
        )  # fmt: skip

    # -- pools -----------------------------------------------------------------------------------

    async def _pool(self, key: DirtyKey) -> None:
        _, namespace, name = key
        pool = self.cache.pool(namespace, name)
        if pool is None:
            await self._forget_pool(key, PoolId(f"{namespace}/{name}"))
            return
        if DRAIN_FINALIZER not in pool.metadata.finalizers and not is_deleted(pool):
            pool = await self._set_finalizers(pool, (*pool.metadata.finalizers, DRAIN_FINALIZER))
        try:
            await self.projector.put(key, project_pool(pool))
            views = await self.outside.media_nodes.views(pool_id(pool))
        except RoutingUnavailableError:
            silent = PoolSnapshot(pool, "", (), self._now(), is_routing_up=False)
            await self._report(plan_pool(silent))
            raise
        runtime = await self._look(pool, busy(views))
        seen = PoolSnapshot(pool, runtime, views, self._now(), self._overdue(pool))
        plan = plan_pool(seen)
        await self._cordon(pool, plan)
        if plan.is_changed and (refusal := await self._run(pool, plan, busy(views))):
            plan = plan_pool(replace(seen, runtime=refusal))
        if plan.is_gone:
            rest = tuple(f for f in pool.metadata.finalizers if f != DRAIN_FINALIZER)
            await self._set_finalizers(pool, rest)
            return
        await self._report(plan)

    async def _look(self, pool: MediaPool, carrying: frozenset[MediaNodeId]) -> Runtime | str:
        try:
            return await self.outside.runtime.look(pool, carrying)
        except RuntimeUnavailableError as err:
            return str(err)

    def _overdue(self, pool: MediaPool) -> frozenset[MediaNodeId]:
        limit = self.outside.monotonic() - pool.spec.drain.timeout_seconds
        since = self._cordoned_at.get(pool_id(pool), {})
        return frozenset(media_node for media_node, at in since.items() if at <= limit)

    async def _cordon(self, pool: MediaPool, plan: PoolPlan) -> None:
        name, outside = pool_id(pool), self.outside
        for media_nodes, cordoned in ((plan.cordon, True), (plan.uncordon, False)):
            for media_node in media_nodes:
                leader = outside.leadership.epoch()
                await outside.media_nodes.cordon(name, media_node, leader, cordoned=cordoned)
        since, now = self._cordoned_at.get(name, {}), outside.monotonic()
        self._cordoned_at[name] = {node: since.get(node, now) for node in plan.leaving}

    async def _run(
        self, pool: MediaPool, plan: PoolPlan, carrying: frozenset[MediaNodeId]
    ) -> str | None:
        """Have exactly the planned media nodes run; the answer is why the runtime cannot do that."""
        self.outside.leadership.epoch()
        try:
            await self.outside.runtime.run(pool, plan.run, carrying)
        except RuntimeUnavailableError as err:
            return str(err)
        log.info("pool.scaled", pool=pool_id(pool), replicas=len(plan.run))
        return None

    async def _report(self, plan: PoolPlan) -> None:
        if plan.status is not None:
            await self.reporter.write(plan.status)

    async def _set_finalizers(self, pool: MediaPool, finalizers: tuple[str, ...]) -> MediaPool:
        if finalizers == pool.metadata.finalizers:
            return pool
        self.outside.leadership.epoch()
        written = await self.outside.cluster.set_finalizers(pool, finalizers)
        self.cache.replace(pool, written)
        assert isinstance(written, MediaPool)
        return written

    async def _forget_pool(self, key: DirtyKey, pool: PoolId) -> None:
        """The object is gone, perhaps with its finalizer taken off by hand."""
        await self.projector.remove(key)
        self._cordoned_at.pop(pool, None)
        self.outside.leadership.epoch()
        await self.outside.runtime.forget(pool)

    def _now(self) -> str:
        return self.outside.wallclock()
