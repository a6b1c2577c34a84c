"""Who is signed in: sessions by what the browser holds, with a memory, so that a silent store signs nobody out."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from teleward_contract.errors import RoutingUnavailableError

from teleward_gateway.core.staff import StaffSession
from teleward_gateway.errors import one_moment
from teleward_gateway.ports.sign_in import Look, Sessions, StoredSession

REMEMBERED_S = 900.0
"""How long a session that the store has confirmed is good while the store is silent, and after it was emptied.

Ours: longer than a restart of Redis, shorter than anybody should stay whom a provider wanted out meanwhile.
"""
MAX_REMEMBERED = 10_000
"""Sessions that one gateway remembers; beyond it the one unused for longest is forgotten. About 10 MB."""
SECRET_BYTES = 32
"""What the browser holds: 256 random bits (OWASP asks for 64 at least)."""


@dataclass(frozen=True, slots=True)
class _Confirmed:
    at: float
    life: str
    stored: StoredSession


class StaffSessions:
    """Sessions of staff. A browser holds a random secret; the store and this memory know its hash alone."""

    def __init__(
        self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sessions = sessions
        self._monotonic = monotonic
        self._memory: OrderedDict[str, _Confirmed] = OrderedDict()

    async def begin(self, session: StaffSession, before: str = "") -> str:
        """Begin a session and end the one that the browser brought; returns the new secret.

        Raises:
            RoutingUnavailableError: The store did not answer; nobody is signed in.
        """
        secret = secrets.token_urlsafe(SECRET_BYTES)
        name = _hash(secret)
        self._note(name, await self._sessions.begin(name, session))
        if before:
            await self.end(before)
        return secret

    async def find(self, secret: str) -> StaffSession | None:
        """Who holds this secret; None when nobody, or not any more.

        Raises:
            RefusedError: 503 while that cannot be known.
        """
        if not secret:
            return None
        name = _hash(secret)
        confirmed = self._memory.get(name)
        if confirmed and self._monotonic() - confirmed.at >= REMEMBERED_S:
            confirmed = None
        try:
            look = await self._sessions.find(name)
            if look.stored is None and confirmed and confirmed.life != look.life:
                again = confirmed.stored  # the store was emptied, which is no sign-out
                look = await self._sessions.begin(name, again.session, again.until_ms)
        except RoutingUnavailableError:
            if confirmed is None:
                raise one_moment() from None
            return confirmed.stored.session
        self._note(name, look)
        return look.stored.session if look.stored else None

    async def end(self, secret: str) -> None:
        """End a session (idempotent). Raises RoutingUnavailableError."""
        name = _hash(secret)
        self._memory.pop(name, None)
        await self._sessions.end(name)

    def _note(self, name: str, look: Look) -> None:
        self._memory.pop(name, None)
        if look.stored is not None:
            self._memory[name] = _Confirmed(self._monotonic(), look.life, look.stored)
        if len(self._memory) > MAX_REMEMBERED:
            self._memory.popitem(last=False)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
