"""Give the packet path its time, and steer it by what it saw."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from teleward_contract.units import Seconds

from teleward_media.core.forwarding import ForwardingPlan, Interests, Observed
from teleward_media.core.steering import EVERY_S, Steering
from teleward_media.ports import PacketPath

log = structlog.get_logger()

TICK_S = 0.01
"""Between two looks at what the packet path owes by time: half of the least interval between two requests
(`layer.LEAST_RETRY_S`)."""


class Watched(Protocol):
    """The calls, as their packets' clock needs them."""

    def plan(self) -> ForwardingPlan:
        """Who appears where now, over all calls."""
        ...

    def interests(self) -> Interests:
        """How much each receiver cares for what it is shown."""
        ...

    def observe(self, seen: Observed, now: Seconds) -> None:
        """Take in what the packet path saw."""
        ...


class RunningPath:
    """The clock of the packet path."""

    def __init__(self, path: PacketPath, calls: Watched, now: Callable[[], Seconds]) -> None:
        self._path, self._calls, self._now = path, calls, now
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
        is_urgent = self._steering.hear(self._path.hear(), now)
        if is_urgent or now - self._steered_at >= EVERY_S:
            self._steered_at = now
            seen = self._path.look()
            self._calls.observe(seen, now)
            plan, interests = self._calls.plan(), self._calls.interests()
            self._path.steer(self._steering.decide(seen, plan, interests, now), now)
