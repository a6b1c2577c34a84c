"""The processes of an instance: the fixed ones, and the media nodes that the operator asks for."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from teleward_cli.local.child import Child
from teleward_cli.local.commands import Command

GRACE_S = 6.0
"""How long a process may take to stop in order before it is killed."""


@dataclass(frozen=True, slots=True)
class WantedMediaNode:
    """One media node that shall run."""

    id: str
    capacity_units: int


class Processes:
    """Starts, keeps and stops. Stopping goes in two steps: those who serve, then what they stand on."""

    def __init__(self, media_node: Callable[[str, str, int], Command]) -> None:
        self._media_node = media_node
        self._fixed: dict[str, Child] = {}
        self._pools: dict[str, dict[str, Child]] = {}
        self._leaving: set[Child] = set()
        self._reapers: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def start(self, command: Command) -> Child:
        """Start a fixed process."""
        self._fixed[command.name] = Child(command)
        return self._fixed[command.name]

    async def started(self) -> None:
        """Wait until every process so far has been started once."""
        await asyncio.gather(*(child.started.wait() for child in self.children()))

    def children(self) -> list[Child]:
        """Every process, those that are leaving included; fixed ones first."""
        media = [child for pool in self._pools.values() for child in pool.values()]
        return [*self._fixed.values(), *media, *self._leaving]

    def pool(self, pool: str) -> list[tuple[str, Child]]:
        """The wanted media nodes of a pool: (id, process)."""
        return sorted(self._pools.get(pool, {}).items())

    def pools(self) -> dict[str, set[str]]:
        """Pool → ids of its wanted media nodes."""
        return {pool: set(children) for pool, children in self._pools.items()}

    def want(self, pool: str, wanted: Sequence[WantedMediaNode]) -> None:
        """Make exactly these media nodes of a pool run (idempotent).

        A running one keeps the capacity it was started with until its next start.
        """
        if self._is_closed:
            return
        running = self._pools.setdefault(pool, {})
        goal = {one.id: self._media_node(pool, one.id, one.capacity_units) for one in wanted}
        for media_node in running.keys() - goal.keys():
            self._let_go(running.pop(media_node))
        for media_node, command in goal.items():
            if media_node in running:
                running[media_node].command = command  # holds from its next start: calls go on
            else:
                running[media_node] = Child(command)
        if not running:
            self._pools.pop(pool)

    async def stop(self) -> None:
        """Stop everything in order."""
        self._is_closed = True
        ground = [self._fixed[name] for name in ("api", "redis") if name in self._fixed]
        serving = [child for child in self.children() if child not in ground]
        for step in (serving, ground):
            for child in step:
                child.terminate()
            await asyncio.gather(*(child.stopped(GRACE_S) for child in step))

    def kill(self) -> None:
        """End everything at once."""
        self._is_closed = True
        for child in self.children():
            child.kill()

    def _let_go(self, child: Child) -> None:
        child.terminate()
        self._leaving.add(child)
        task = asyncio.create_task(self._gone(child))
        self._reapers.add(task)
        task.add_done_callback(self._reapers.discard)

    async def _gone(self, child: Child) -> None:
        await child.stopped(GRACE_S)
        self._leaving.discard(child)
