"""Sessions of staff in memory."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from teleward_gateway.core.staff import StaffSession
from teleward_gateway.ports.sign_in import Look, StoredSession


@dataclass
class _Kept:
    stored: StoredSession
    used_ms: int


class MemorySessions:
    """See `Sessions`."""

    def __init__(self, now_ms: Callable[[], int], lifetime_s: int, idle_s: int) -> None:
        self._now = now_ms
        self._lifetime_ms = lifetime_s * 1000
        self._idle_ms = idle_s * 1000
        self.empty()

    def empty(self) -> None:
        """Forget everything, as a store that was emptied."""
        self._life = secrets.token_hex(8)
        self._kept: dict[str, _Kept] = {}
        self._orders: set[str] = set()

    async def begin(self, name: str, session: StaffSession, until_ms: int | None = None) -> Look:
        """See `Sessions`."""
        now = self._now()
        until_ms = now + self._lifetime_ms if until_ms is None else until_ms
        if until_ms <= now:
            return Look(self._life, None)
        self._kept[name] = _Kept(StoredSession(session, until_ms), now)
        return Look(self._life, self._kept[name].stored)

    async def find(self, name: str) -> Look:
        """See `Sessions`."""
        kept, now = self._kept.get(name), self._now()
        if kept is None or min(kept.stored.until_ms, kept.used_ms + self._idle_ms) <= now:
            self._kept.pop(name, None)
            return Look(self._life, None)
        kept.used_ms = now
        return Look(self._life, kept.stored)

    async def end(self, name: str) -> None:
        """See `Sessions`."""
        self._kept.pop(name, None)

    async def end_tied(self, tie: str, order: str) -> int | None:
        """See `Sessions`."""
        if order in self._orders:
            return None
        self._orders.add(order)
        tied = [name for name, kept in self._kept.items() if tie in kept.stored.session.ties]
        for name in tied:
            del self._kept[name]
        return len(tied)
