"""A token bucket: how much of something a source may do. Time comes in as a number."""

from dataclasses import dataclass

from teleward_contract.units import Seconds


@dataclass(slots=True)
class TokenBucket:
    """Allows `rate` events a second, and `burst` at once."""

    rate: float
    burst: float
    tokens: float
    at: Seconds = Seconds(0.0)

    @classmethod
    def full(cls, rate: float, burst: float, now: Seconds) -> "TokenBucket":
        """Make a bucket that starts full."""
        return cls(rate, burst, burst, now)

    def resize(self, rate: float, burst: float, now: Seconds) -> None:
        """Allow another rate from now on; what is there beyond the new burst is lost."""
        self._fill(now)
        self.rate, self.burst, self.tokens = rate, burst, min(self.tokens, burst)

    def allow(self, now: Seconds, cost: float = 1) -> bool:
        """Take what it costs if so much is there."""
        self._fill(now)
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True

    def _fill(self, now: Seconds) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
