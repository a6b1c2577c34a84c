"""Lead: acquire leadership, learn what is declared, then watch, reconcile and keep it true."""

import asyncio
import gc
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from teleward_contract.resources import Seen

from teleward_operator.core.cache import ObjectKey
from teleward_operator.errors import LeadershipLostError, WatchEndedError
from teleward_operator.ports import Watch
from teleward_operator.usecases.keep_true import Keeper
from teleward_operator.usecases.work_off import Worklist

log = structlog.get_logger()

MEASURE_EVERY_S = 1.0
MAX_LOOP_LAG_S = 5.0
MAX_WATCH_AGE_S = 900.0
"""Three sweeps on end that found what the watch should have brought, and no event: the watch is dead."""


@dataclass(slots=True)
class Leader:
    """The running parts of one operator."""

    worklist: Worklist
    keeper: Keeper
    watch: Watch
    knows_everything: bool = False
    """This replica leads, and one complete LIST was taken in."""
    _measured_at: float | None = None

    async def run(self) -> None:
        """Lead until cancelled, then let go of leadership.

        Raises:
            ExceptionGroup: Of LeadershipLostError, WatchEndedError or a fault of our own.
        """
        outside = self.worklist.reconciler.outside
        await outside.leadership.acquire()
        outside.counting.leads(outside.leadership.epoch())
        try:
            await self._lead()
        finally:
            self.knows_everything = False
            outside.counting.leads(None)
            await outside.leadership.release()

    async def _lead(self) -> None:
        keeper = self.keeper
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_leadership())
            group.create_task(self.worklist.run())
            await keeper.start()
            self.knows_everything = True
            gc.freeze()  # what is known lives long: walking thousands of objects stops the loop for half a second
            for loop in (
                self._follow_watch, keeper.sweep, keeper.follow_pools, keeper.follow_counters,
                keeper.watch_marker,
            ):  # fmt: skip
                group.create_task(loop())

    async def measure(self) -> None:
        """Once a second: how late the loop is, how old the watch, how much waits."""
        outside = self.worklist.reconciler.outside
        while True:
            before = self._measured_at = outside.monotonic()
            await asyncio.sleep(MEASURE_EVERY_S)
            lag = max(0.0, outside.monotonic() - before - MEASURE_EVERY_S)
            outside.counting.measured(lag, self._watch_age(), self.worklist.depth)

    def is_ready(self) -> bool:
        """Whether it leads and knows everything declared, or stands by: what readiness answers."""
        return self.knows_everything or self.worklist.reconciler.outside.leadership.stands_by()

    def trouble(self) -> str | None:
        """Why this process should be started anew, or None: what liveness answers."""
        outside = self.worklist.reconciler.outside
        before = self._measured_at
        if before is not None and outside.monotonic() - before > MAX_LOOP_LAG_S + MEASURE_EVERY_S:
            return "the event loop is stuck"
        if self._watch_age() > MAX_WATCH_AGE_S:
            return "the watch brings nothing"
        return None

    def _watch_age(self) -> float:
        if not self.knows_everything:
            return 0.0
        return self.worklist.reconciler.outside.monotonic() - self.keeper.watched_at

    async def _keep_leadership(self) -> None:
        await self.worklist.reconciler.outside.leadership.keep()
        raise LeadershipLostError("another replica leads")

    async def _follow_watch(self) -> None:
        await self.watch.follow(self)
        raise WatchEndedError("the watch ended")

    def heard(self, kind: str) -> None:
        """See `Sink`."""
        outside = self.worklist.reconciler.outside
        self.keeper.watched_at = outside.monotonic()
        outside.counting.seen(kind)

    def knows(self, key: ObjectKey, version: str) -> bool:
        """See `Sink`."""
        return self.worklist.cache.knows(key, version)

    def object_seen(self, resource: Seen, *, deleted: bool) -> None:
        """See `Sink`."""
        self.worklist.object_seen(resource, deleted=deleted)

    def namespace_seen(self, name: str, labels: Mapping[str, str] | None) -> None:
        """See `Sink`."""
        self.worklist.namespace_seen(name, labels)

    def history_lost(self) -> None:
        """See `Sink`."""
        self.keeper.hurry()
