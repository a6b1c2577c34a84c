"""Keep the routing state true beside the watch: sweep, refresh counters, project again after a loss."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import structlog
from teleward_contract.errors import RoutingUnavailableError, StaleLeaderError
from teleward_contract.projections import Stored

from teleward_operator.core.cache import DirtyKey, unit_of
from teleward_operator.core.dirty import Urgency
from teleward_operator.errors import ClusterUnavailableError
from teleward_operator.ports import Listing
from teleward_operator.usecases.work_off import Worklist

log = structlog.get_logger()

CONFIRM_AFTER_S = 2.0
"""What one LIST does not hold is looked for in a second one, so long after it."""

LOOK_EVERY_S = 1.0
"""How often pools and the marker of the routing state are looked at."""

FOLLOW_EVERY_S = 15.0
"""How often counters and doors are looked at; statuses say them no more often."""


@dataclass(slots=True)
class Keeper:
    """The loops beside the watch. Each is a task of its own, and none ends by itself."""

    worklist: Worklist
    sweep_every_s: float
    confirm_after_s: float = CONFIRM_AFTER_S
    watched_at: float = 0.0
    """When the watch was last known to be true, monotonic."""
    _absent: set[str] = field(default_factory=set)
    """Uids that the last LIST did not hold."""
    _unowned: dict[DirtyKey, str] = field(default_factory=dict)
    """Documents whose object the last LIST did not hold."""
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """The next sweep is due now."""

    async def start(self) -> None:
        """Fill the cache by one complete LIST before anything is judged missing."""
        while not await self._sweep_once():  # noqa: ASYNC110  # the API server decides
            await asyncio.sleep(LOOK_EVERY_S)

    def hurry(self) -> None:
        """Have the next sweep soon: something may have been missed."""
        self._hurry.set()

    async def sweep(self) -> None:
        """Repair drift every five minutes, or sooner.

        Soon, when something seemed to be missing, when a watch lost its history, or when the routing
        state was emptied or replaced.
        """
        while True:
            is_in_doubt = bool(self._absent or self._unowned)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    self.confirm_after_s if is_in_doubt else self.sweep_every_s
                ):
                    await self._hurry.wait()
            await asyncio.sleep(LOOK_EVERY_S)  # one sweep for all that hurried together
            self._hurry.clear()
            await self._sweep_once()

    async def follow_pools(self) -> None:
        """Look at every pool once a second."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for pool in self.worklist.cache.pools():
                self.worklist.mark(unit_of(pool), Urgency.LOOK)

    async def follow_counters(self) -> None:
        """Look at the counters and the door of every clinic, and whether they changed."""
        while True:
            await asyncio.sleep(FOLLOW_EVERY_S)
            for clinic in self.worklist.cache.clinics():
                self.worklist.mark(unit_of(clinic), Urgency.LOOK)

    async def watch_marker(self) -> None:
        """Project everything again when the routing state was emptied, and note when that is done."""
        while True:
            try:
                await self._look_at_marker()
            except (RoutingUnavailableError, StaleLeaderError) as err:
                log.debug("marker.unread", exc_info=err)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look_at_marker(self) -> None:
        outside = self.worklist.reconciler.outside
        if await outside.projections.is_marked():
            return
        missing = self._repair(await self.worklist.reconciler.projector.stored())
        if missing:
            log.info("projection.missing", count=missing)
            await self.worklist.settled()
            return
        self.hurry()
        await outside.projections.mark(outside.leadership.epoch())
        log.info("projection.completed", count=len(self.worklist.cache.projected()))

    def _repair(self, stored: dict[DirtyKey, Stored]) -> int:
        """Have every document written again that does not stand as it should; how many those are."""
        expected = self.worklist.cache.projected()
        drifted = self.worklist.reconciler.projector.repair(expected, stored)
        for key in drifted:
            self.worklist.mark(key)
        return len(drifted)

    async def _sweep_once(self) -> bool:
        """Sweep; False when the API server did not answer."""
        try:
            known = {one.metadata.uid: one for one in self.worklist.cache.every_object()}
            listing = await self.worklist.reconciler.outside.cluster.list_all(known)
        except ClusterUnavailableError as err:
            log.warning("sweep.failed", exc_info=err)
            return False
        self._compare_with_known(listing)
        try:
            await self._compare_with_stored(listing.uids)
        except RoutingUnavailableError as err:
            log.warning("sweep.failed", exc_info=err)
        return True

    def _compare_with_known(self, listing: Listing) -> None:
        """Take in what the watch did not bring; forget what two LISTs on end did not hold."""
        outside, cache = self.worklist.reconciler.outside, self.worklist.cache
        is_first = not cache.objects
        news = sum(cache.is_news(item) for item in listing.objects)
        for item in listing.objects:
            self.worklist.object_seen(item, deleted=False)
        for namespace in listing.labels.keys() | cache.labels.keys():
            self.worklist.namespace_seen(namespace, listing.labels.get(namespace))
        absent = cache.missing_from(listing.uids)
        gone = cache.by_uid(absent & self._absent)
        for item in gone:
            self.worklist.object_seen(item, deleted=True)
        self._absent = absent - {item.metadata.uid for item in gone}
        if not is_first:
            outside.counting.swept(news + len(gone))
        if is_first or not news:
            self.watched_at = outside.monotonic()

    async def _compare_with_stored(self, uids: frozenset[str]) -> None:
        """Write what is not stored; remove what two LISTs on end gave no reason for."""
        projector = self.worklist.reconciler.projector
        stored = await projector.stored()
        self._repair(stored)
        unowned = {key: uid for key, (uid, _) in stored.items() if uid not in uids}
        certain = {key: uid for key, uid in unowned.items() if self._unowned.get(key) == uid}
        projector.condemn(certain)
        for key in certain:
            self.worklist.mark(key)
        self._unowned = unowned
