"""Work off dirty keys: several at a time, each with its own back-off. Errors end here, counted and logged."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog
from teleward_contract.errors import RoutingUnavailableError, StaleLeaderError
from teleward_contract.resources import Seen

from teleward_operator.core.cache import Cache, DirtyKey
from teleward_operator.core.dirty import DirtyKeys, Urgency
from teleward_operator.errors import (
    ClusterUnavailableError,
    RuntimeUnavailableError,
    StaleObjectError,
)
from teleward_operator.usecases.reconcile import Reconciler

log = structlog.get_logger()

WORKERS = 4
"""Units reconciled at the same time; each may have one request to the API server under way."""

LOGGED_FROM_FAILURE = 3
"""A conflict or one lost connection is not worth a line."""

_EXPECTED = (
    StaleObjectError,
    StaleLeaderError,
    RoutingUnavailableError,
    ClusterUnavailableError,
    RuntimeUnavailableError,
)


@dataclass(slots=True)
class Worklist:
    """Takes in what a watch sees (`Sink`), and has the touched units reconciled."""

    reconciler: Reconciler
    _dirty: DirtyKeys = field(default_factory=DirtyKeys)
    _queue: asyncio.PriorityQueue[tuple[Urgency, int, DirtyKey]] = field(
        default_factory=asyncio.PriorityQueue
    )
    _order: Iterator[int] = field(default_factory=itertools.count)
    """First come, first served, among the equally urgent."""

    @property
    def cache(self) -> Cache:
        """What is known."""
        return self.reconciler.cache

    @property
    def depth(self) -> int:
        """Keys that wait or are worked on."""
        return self._dirty.depth

    def object_seen(self, resource: Seen, *, deleted: bool) -> None:
        """See `Sink`."""
        if deleted:
            self.reconciler.reporter.forget(resource)
        for key in self.cache.apply(resource, deleted=deleted):
            self.mark(key)

    def namespace_seen(self, name: str, labels: Mapping[str, str] | None) -> None:
        """See `Sink`."""
        for key in self.cache.label(name, labels):
            self.mark(key)

    def mark(self, key: DirtyKey, urgency: Urgency = Urgency.CHANGED) -> None:
        """Have a unit reconciled; marks that come while it waits are one."""
        if self._dirty.mark(key, urgency):
            self._put(key, urgency)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def settled(self) -> None:
        """Wait until everything marked so far was reconciled once, or failed once."""
        await self._queue.join()

    async def _work(self) -> None:
        outside = self.reconciler.outside
        while True:
            _, _, key = await self._queue.get()
            if not self._dirty.begin(key):
                self._queue.task_done()
                continue
            begun = outside.monotonic()
            outcome = await self._try(key)
            outside.counting.reconciled(key[0], outcome, outside.monotonic() - begun)
            if outcome != "Done":
                asyncio.get_running_loop().call_later(self._dirty.fail(key), self.mark, key)
            elif (again := self._dirty.succeed(key)) is not None:
                self._put(key, again)
            self._queue.task_done()

    def _put(self, key: DirtyKey, urgency: Urgency) -> None:
        self._queue.put_nowait((urgency, next(self._order), key))

    async def _try(self, key: DirtyKey) -> str:
        """Reconcile; the answer is `Done` or the name of what went wrong."""
        try:
            await self.reconciler.reconcile(key)
        except _EXPECTED as err:
            if self._dirty.failures(key) + 1 >= LOGGED_FROM_FAILURE:
                self._log("reconcile.postponed", key, err)
            return type(err).__name__.removesuffix("Error")
        except Exception as err:  # one object nobody thought of must not stop all others
            self._log("reconcile.failed", key, err)
            return "Failed"
        return "Done"

    def _log(self, event: str, key: DirtyKey, err: Exception) -> None:
        log.warning(
            event, kind=key[0].value, namespace=key[1], name_of_object=key[2],
            attempt=self._dirty.failures(key) + 1, exc_info=err,
        )  # fmt: skip
