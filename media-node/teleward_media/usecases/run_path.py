"""Give the packet path its time, and steer it by what it saw."""

import asyncio
from collections.abc import Callable

import structlog
from teleward_contract.units import Seconds

from teleward_media.core.forwarding import ForwardingPlan
from teleward_media.core.steering import EVERY_S, Steering
from teleward_media.ports import PacketPath

log = structlog.get_logger()

TICK_S = 0.01
"""Between two looks at what the packet path owes by time: half of the least interval between two requests."""


class RunningPath:
    """The clock of the packet path."""

    def __init__(
        self, path: PacketPath, plan: Callable[[], ForwardingPlan], now: Callable[[], Seconds]
    ) -> None:
        self._path, self._plan, self._now = path, plan, now
        self._steering = Steering()
        self._steered_at = now()

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self.once()
            except Exception as err:  # one packet's fault must not stop the clock of all
                log.error("tick.failed", exc_info=err)

    def once(self) -> None:
        """Do what is due."""
        now = self._now()
        self._path.tick(now)
        if now - self._steered_at >= EVERY_S:
            self._steered_at = now
            chosen = self._steering.decide(self._path.look(), self._plan(), now)
            self._path.steer(chosen, now)
