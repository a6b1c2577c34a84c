"""Which keys wait, which are worked on, which failed. Pure: the queue itself is the caller's.

A key waits at most once and is never worked on twice at the same time; marks that come while it is
worked on have it reconciled once more.
"""

from dataclasses import dataclass, field

from teleward_operator.core.cache import DirtyKey

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pause after the first, second, … failure on end of one key; the last one repeats."""


@dataclass(slots=True)
class DirtyKeys:
    """The state of every key that is not at rest."""

    _waiting: set[DirtyKey] = field(default_factory=set)
    _busy: set[DirtyKey] = field(default_factory=set)
    _again: set[DirtyKey] = field(default_factory=set)
    _failures: dict[DirtyKey, int] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Keys that wait or are worked on."""
        return len(self._waiting | self._busy)

    def mark(self, key: DirtyKey) -> bool:
        """Have a key reconciled; True means: put it into the queue."""
        if key in self._busy:
            self._again.add(key)
            return False
        if key in self._waiting:
            return False
        self._waiting.add(key)
        return True

    def begin(self, key: DirtyKey) -> None:
        """The key came out of the queue."""
        self._waiting.discard(key)
        self._busy.add(key)

    def succeed(self, key: DirtyKey) -> bool:
        """The key is reconciled; True means: put it into the queue once more."""
        self._failures.pop(key, None)
        return self._end(key)

    def fail(self, key: DirtyKey) -> float:
        """The key could not be reconciled; the answer is when to mark it again, in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._again.discard(key)  # the retry sees what the marks were about
        self._busy.discard(key)
        return BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]

    def failures(self, key: DirtyKey) -> int:
        """How often on end the key failed."""
        return self._failures.get(key, 0)

    def _end(self, key: DirtyKey) -> bool:
        self._busy.discard(key)
        if key not in self._again:
            return False
        self._again.discard(key)
        return self.mark(key)
