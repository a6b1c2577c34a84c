"""Buckets of tokens in Redis: one script takes one of each, or none."""

from collections.abc import Sequence

from teleward_contract.redis_store import Store

from teleward_gateway.adapters import keys
from teleward_gateway.core.limits import Bucket

# KEYS: the buckets; ARGV: of each, how many at once and ms for one. As `core.limits.take`.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local full_at, wait = {}, 0
for i, key in ipairs(KEYS) do
  local burst, one = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  full_at[i] = math.max(tonumber(redis.call('GET', key) or 0), now) + one
  wait = math.max(wait, full_at[i] - now - burst * one)
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
  local ms = math.max(1, math.ceil(full_at[i] - now))
  redis.call('SET', key, string.format('%.3f', full_at[i]), 'PX', ms)
end
return '0'
"""


class RedisLimits:
    """See `Limits`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, tag: str, wanted: Sequence[tuple[str, Bucket]]) -> float:
        """See `Limits`."""
        buckets = [keys.limit(tag, name) for name, _ in wanted]
        args: list[str | int | float] = [
            word for _, one in wanted for word in (one.burst, 1000 / one.per_s)
        ]
        return float(str(await self._store.script(_TAKE, buckets, args))) / 1000
