"""How often somebody may do something: a bucket that fills by itself. Time is a number."""


class Pace:
    """At most `burst` at once, and `per_s` in the long run."""

    def __init__(self, burst: int, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = float(burst)
        self._at: float | None = None

    def allows(self, now: float) -> bool:
        """Whether once more is allowed now; if so it is counted."""
        since = 0.0 if self._at is None else max(0.0, now - self._at)
        self._left = min(self._burst, self._left + since * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
