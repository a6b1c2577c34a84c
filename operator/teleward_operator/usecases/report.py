"""Write statuses, only when they differ, and tell of transitions by Events."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog
from teleward_contract.resources import Seen, Unreadable

from teleward_operator.core.cache import Cache, key_of
from teleward_operator.core.conditions import transition
from teleward_operator.core.statuses import StatusWrite, difference
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError
from teleward_operator.usecases.outside import Outside

log = structlog.get_logger()

COUNTERS_EVERY_S = 15.0
"""Counters are a reason to write an object's status at most once in this time."""


@dataclass(slots=True)
class Reporter:
    """Writes what differs from the cache, and notes in the cache what it wrote."""

    outside: Outside
    cache: Cache
    _counted_at: dict[str, float] = field(default_factory=dict)
    """Uid → when its status was last written, counters included; monotonic."""

    async def write(self, write: StatusWrite) -> None:
        """Write one status.

        Raises: StaleLeaderError, ClusterUnavailableError, StaleObjectError.
        """
        if (
            not isinstance(write.resource, Unreadable)
            and key_of(write.resource) in self.cache.unreadable
        ):
            return  # its status says that it is not understood
        uid, now = write.resource.metadata.uid, self.outside.monotonic()
        is_due = now - self._counted_at.get(uid, -COUNTERS_EVERY_S) >= COUNTERS_EVERY_S
        status = difference(write, are_counters_due=is_due)
        if status is None:
            return
        self.outside.leadership.epoch()
        written = await self.outside.cluster.write_status(write.resource, status)
        self._counted_at[uid] = now
        self.outside.counting.wrote_status(write.resource.kind)
        self.cache.replace(write.resource, written)
        await self._tell(write.resource, status)

    async def write_all(self, writes: Iterable[StatusWrite]) -> None:
        """Write the statuses of one unit, several at a time; all are tried.

        Raises: The first error, as `write`.
        """
        ended = await asyncio.gather(*map(self.write, writes), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    def forget(self, resource: Seen) -> None:
        """The object is gone."""
        self._counted_at.pop(resource.metadata.uid, None)

    async def _tell(self, resource: Seen, status: dict[str, object]) -> None:
        change = transition(resource.status, status)
        if change is None:
            return
        meta = resource.metadata
        log.info(
            "status.changed", kind=resource.kind, namespace=meta.namespace,
            name_of_object=meta.name, reason=change.reason, generation=meta.generation,
        )  # fmt: skip
        try:
            await self.outside.cluster.tell(resource, change)
        except (ClusterUnavailableError, StaleObjectError):
            log.warning("event.lost", kind=resource.kind, reason=change.reason)
