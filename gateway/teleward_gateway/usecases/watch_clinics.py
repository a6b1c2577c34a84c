"""Watch the clinics' queues: one reader per clinic and process, whoever looks at it shares what it read."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.occupancy import Occupancy
from teleward_contract.projections import ClinicProjection
from teleward_contract.units import Namespace

from teleward_gateway.core.queue import Rows, occupancy, rows
from teleward_gateway.core.visits import Visit, Waiting
from teleward_gateway.ports import Visits

log = structlog.get_logger()

READ_EVERY_S = 0.5
"""Other gateways' changes are seen after this; one's own at once."""


@dataclass(slots=True)
class ClinicView:
    """What was read last."""

    queue: tuple[Waiting, ...] = ()
    rows: Rows = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    available: bool = True

    def visit(self, visit: str) -> Visit | None:
        """One visit, if it is in the queue."""
        return next((item.visit for item in self.queue if item.visit.id == visit), None)


class ClinicWatch:
    """Follows one clinic while anybody looks at it."""

    def __init__(self, read: Callable[[], "asyncio.Future[ClinicView]"]) -> None:
        self.view = ClinicView()
        self.version = 0
        self._read = read
        self._changed = asyncio.Condition()
        self._nudged = asyncio.Event()
        self.watchers = 0

    def nudge(self) -> None:
        """Read at once: something was changed here."""
        self._nudged.set()

    async def changed(self, version: int) -> int:
        """Wait until there is something newer than `version`; answers the version now."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.version != version)
            return self.version

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            self._nudged.clear()
            view = await self._read()
            if view != self.view or self.version == 0:
                async with self._changed:
                    self.view = view
                    self.version += 1
                    self._changed.notify_all()
            try:
                async with asyncio.timeout(READ_EVERY_S):
                    await self._nudged.wait()
            except TimeoutError:
                continue


class ClinicWatches:
    """All watches of this process."""

    def __init__(self, visits: Visits, counts: Occupancy, rooms: Callable[[str], int]) -> None:
        self._visits = visits
        self._counts = counts
        self._rooms = rooms
        self._watches: dict[tuple[Namespace, str], tuple[ClinicWatch, asyncio.Task[None]]] = {}

    def of(self, clinic: ClinicProjection) -> ClinicWatch:
        """The watch of a clinic; begun when first asked for."""
        key = (clinic.namespace, clinic.uid)
        if key not in self._watches:
            watch = ClinicWatch(lambda: asyncio.ensure_future(self._read(clinic, key)))
            self._watches[key] = (watch, asyncio.create_task(watch.run()))
        return self._watches[key][0]

    async def _read(self, clinic: ClinicProjection, key: tuple[Namespace, str]) -> ClinicView:
        last = self._watches[key][0].view if key in self._watches else ClinicView()
        area = clinic.waiting_area
        stale_after_s = area.stale_after_s if area else 60
        rooms = {r.uid: n for r in clinic.rooms if (n := self._rooms(r.uid))}
        try:
            queue = await self._visits.queue(clinic.namespace, clinic.uid)
            counts = occupancy(clinic.namespace, clinic.name, queue, rooms)
            await self._counts.publish(counts)
        except RoutingUnavailableError:
            return ClinicView(last.queue, last.rows, last.rooms, available=False)
        now_ms = int(time.time() * 1000)
        return ClinicView(queue, rows(queue, now_ms, stale_after_s), rooms)

    async def close(self) -> None:
        """Stop watching."""
        tasks = [task for _, task in self._watches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
