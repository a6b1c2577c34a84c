"""Who is at work, in Redis: one sorted set per clinic, on the store's own clock."""

from typing import cast

from teleward_contract.redis_store import Store
from teleward_contract.units import Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.ports.alerts import AT_WORK_S

# KEYS: at work; ARGV: somebody to note, or nothing to read
_SCRIPT = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('EXPIRE', KEYS[1], {AT_WORK_S})
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {AT_WORK_S * 1000})
return ARGV[1] == '' and redis.call('ZRANGE', KEYS[1], 0, -1) or {{}}
"""


class RedisAtWork:
    """See `AtWork`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def seen(self, namespace: Namespace, clinic_uid: str, who: StaffSession) -> None:
        """See `AtWork`."""
        await self._run(namespace, clinic_uid, who.model_dump_json())

    async def lately(self, namespace: Namespace, clinic_uid: str) -> tuple[StaffSession, ...]:
        """See `AtWork`."""
        told = map(StaffSession.model_validate_json, await self._run(namespace, clinic_uid, ""))
        return tuple({who.identity: who for who in told}.values())

    async def _run(self, namespace: Namespace, clinic_uid: str, member: str) -> list[str]:
        key = keys.at_work(namespace, clinic_uid)
        return cast("list[str]", await self._store.script(_SCRIPT, [key], [member]))
