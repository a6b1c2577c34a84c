"""Tell the routing state once a second what this media node holds, and obey its answer."""

import asyncio
from collections.abc import Callable

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.media_nodes import HEARTBEAT_INTERVAL_S, BeatAnswer, Heartbeat, MediaNodes

log = structlog.get_logger()


class Beating:
    """The heartbeat of one media node. A silent routing state never ends a call."""

    def __init__(
        self,
        media_nodes: MediaNodes,
        heartbeat: Callable[[], Heartbeat],
        obey: Callable[[Heartbeat, BeatAnswer], None],
        failed: Callable[[], None],
    ) -> None:
        self._media_nodes = media_nodes
        self._heartbeat = heartbeat
        self._obey = obey
        self._failed = failed
        self._hurry = asyncio.Event()
        self.accepted = False
        """Whether the last beat was taken."""

    def hurry(self) -> None:
        """Beat at once: a call began or ended."""
        self._hurry.set()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._hurry.clear()
            await self.once()
            try:
                async with asyncio.timeout(HEARTBEAT_INTERVAL_S):
                    await self._hurry.wait()
            except TimeoutError:
                continue

    async def once(self) -> None:
        """Beat one time."""
        heartbeat = self._heartbeat()
        try:
            answer = await self._media_nodes.beat(heartbeat)
        except RoutingUnavailableError:
            if self.accepted:
                log.warning("heartbeat.failed")
            self.accepted = False
            self._failed()
            return
        if not self.accepted:
            log.info("heartbeat.accepted")
        self.accepted = True
        try:
            self._obey(heartbeat, answer)
        except Exception as err:  # a heart that stops costs every call
            log.error("heartbeat.not_obeyed", exc_info=err)
