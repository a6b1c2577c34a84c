"""Keep the routing state true: follow pools, refresh counters, sweep, and project again after a loss."""

import asyncio
from dataclasses import dataclass, field

import structlog
from teleward_contract.errors import RoutingUnavailableError, StaleLeaderError
from teleward_contract.projections import ProjectionKind
from teleward_contract.units import Namespace

from teleward_operator.core.cache import ObjectKey, Unit, key_of
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError
from teleward_operator.usecases.reconcile import COUNTERS_EVERY_S, Reconciler

log = structlog.get_logger()

SWEEP_EVERY_S = 300.0
LOOK_EVERY_S = 1.0
_KINDS = {
    ProjectionKind.ORGANISATION: "Organisation",
    ProjectionKind.CLINIC: "Clinic",
    ProjectionKind.POOL: "MediaPool",
}


@dataclass(slots=True)
class Keeper:
    """The loops beside the watch."""

    reconciler: Reconciler
    _absent: set[tuple[ProjectionKind, Namespace, str]] = field(default_factory=set)

    async def start(self) -> None:
        """Fill the cache by one complete LIST before anything is judged missing."""
        while True:
            try:
                await self._sweep()
            except (ClusterUnavailableError, StaleObjectError, RoutingUnavailableError):
                log.warning("sweep.failed")
                await asyncio.sleep(1)
            else:
                return

    async def follow_pools(self) -> None:
        """Look at every pool once a second."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for kind, namespace, name in list(self.reconciler.cache.objects):
                if kind == "MediaPool":
                    self.reconciler.mark((Unit.POOL, namespace, name))

    async def follow_counters(self) -> None:
        """Refresh the counters in status."""
        while True:
            await asyncio.sleep(COUNTERS_EVERY_S)
            for clinic in self.reconciler.cache.clinics():
                meta = clinic.metadata
                self.reconciler.mark((Unit.CLINIC, meta.namespace, meta.name))

    async def watch_marker(self) -> None:
        """Project everything when the routing state was emptied, and note when that is complete."""
        ports = self.reconciler.ports
        while True:
            try:
                if not await ports.projections.is_marked():
                    self.reconciler.mark_all(project_again=True)
                    async with asyncio.timeout(30):
                        await self.reconciler.idle()
                    await ports.projections.mark(ports.leader())
                    log.info("projection.completed")
            except (RoutingUnavailableError, StaleLeaderError, TimeoutError):
                log.warning("projection.interrupted")
            await asyncio.sleep(LOOK_EVERY_S)

    async def sweep(self) -> None:
        """Repair drift."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                await self._sweep()
            except (ClusterUnavailableError, StaleObjectError, RoutingUnavailableError):
                log.warning("sweep.failed")

    async def _sweep(self) -> None:
        """LIST everything; a projection goes when its object is absent from two LISTs."""
        listed = await self.reconciler.ports.cluster.list_all()
        keys: set[ObjectKey] = {key_of(item) for item in listed}
        for item in listed:
            self.reconciler.seen(item, deleted=False)
        stored = await self.reconciler.ports.projections.stored()
        absent = {
            (kind, namespace, name)
            for kind, namespace, name in stored
            if (_KINDS[kind], namespace, name) not in keys
        }
        for kind, namespace, name in absent & self._absent:
            cached = self.reconciler.cache.objects.pop((_KINDS[kind], namespace, name), None)
            log.info("drift.found", namespace=namespace, name_of_object=name, kind=kind)
            if cached is not None:
                self.reconciler.seen(cached, deleted=True)
            self.reconciler.mark((Unit(kind.value), namespace, name))
        self._absent = absent
