"""Buckets of tokens in memory: the model of the real ones, and what one gateway limits by itself."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from teleward_gateway.core.limits import Bucket, take

MOST = 10_000
"""Buckets that are held; beyond it the one unused for longest is full again. About 2 MB."""


class MemoryLimits:
    """See `Limits`."""

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self._now = now_ms
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def take(self, tag: str, wanted: Sequence[tuple[str, Bucket]]) -> float:
        """See `Limits`."""
        return self.take_now(tag, wanted)

    def take_now(self, tag: str, wanted: Sequence[tuple[str, Bucket]]) -> float:
        """As `take`."""
        now = self._now()
        taken = {
            (tag, name): take(self._full_at.get((tag, name), 0), now, bucket)
            for name, bucket in wanted
        }
        wait_ms = max(wait for _, wait in taken.values())
        if wait_ms > 0:
            return wait_ms / 1000
        for key, (full_at, _) in taken.items():
            self._full_at.pop(key, None)
            self._full_at[key] = full_at
        while len(self._full_at) > MOST:
            self._full_at.popitem(last=False)
        return 0
