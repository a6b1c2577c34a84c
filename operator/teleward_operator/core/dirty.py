"""Which keys wait, which are worked on, which failed. Pure: the queue itself is the caller's.

A key waits at most once and is never worked on twice at the same time; marks that come while it is
worked on have it reconciled once more.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from teleward_operator.core.cache import DirtyKey

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pause after the first, second, … failure on end of one key; the last one repeats."""


class Urgency(IntEnum):
    """What goes first."""

    CHANGED = 0
    """Somebody changed something, and waits for it."""
    LOOK = 1
    """A look at whether counters or media nodes moved."""


@dataclass(slots=True)
class DirtyKeys:
    """The state of every key that is not at rest."""

    _waiting: dict[DirtyKey, Urgency] = field(default_factory=dict)
    _busy: set[DirtyKey] = field(default_factory=set)
    _again: dict[DirtyKey, Urgency] = field(default_factory=dict)
    _failures: dict[DirtyKey, int] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Keys that wait or are worked on."""
        return len(self._waiting.keys() | self._busy)

    def mark(self, key: DirtyKey, urgency: Urgency = Urgency.CHANGED) -> bool:
        """Have a key reconciled; True means: put it into the queue, at its urgency."""
        places = self._again if key in self._busy else self._waiting
        if places.get(key, urgency + 1) <= urgency:
            return False
        places[key] = urgency
        return places is self._waiting

    def begin(self, key: DirtyKey) -> bool:
        """The key came out of the queue; False: it went before, when it became urgent."""
        if self._waiting.pop(key, None) is None:
            return False
        self._busy.add(key)
        return True

    def succeed(self, key: DirtyKey) -> Urgency | None:
        """The key is reconciled; an urgency means: put it into the queue once more."""
        self._failures.pop(key, None)
        return self._end(key)

    def fail(self, key: DirtyKey) -> float:
        """The key could not be reconciled; the answer is when to mark it again, in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._again.pop(key, None)  # the retry sees what the marks were about
        self._busy.discard(key)
        return BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]

    def failures(self, key: DirtyKey) -> int:
        """How often on end the key failed."""
        return self._failures.get(key, 0)

    def _end(self, key: DirtyKey) -> Urgency | None:
        self._busy.discard(key)
        again = self._again.pop(key, None)
        return again if again is not None and self.mark(key, again) else None
