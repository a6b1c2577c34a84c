"""Sessions of staff in Redis, on the store's own clock; each verb is one script."""

import secrets
from typing import cast

from teleward_contract.redis_store import Store

from teleward_gateway.adapters import keys
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.ports.sign_in import Look, StoredSession

ORDER_TTL_S = 1200
"""A logout token is remembered longer than it is accepted: `oidc.LOGOUT_TOKEN_MAX_AGE_S` and the skew of clocks."""

# KEYS: life, session; ARGV: a new life's name
_PRELUDE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local life = redis.call('GET', KEYS[1])
"""

# KEYS: life, session, ties …; ARGV: a new life's name, name of the session, session JSON, until ms ('': by the
# lifetime), lifetime ms, idle ms
_BEGIN = (
    _PRELUDE
    + """
local till = tonumber(ARGV[4]) or (now + ARGV[5])
if till <= now then return {life} end
local left = string.format('%.0f', till - now)
redis.call('HSET', KEYS[2], 'session', ARGV[3], 'until', string.format('%.0f', till))
redis.call('PEXPIRE', KEYS[2], math.min(left, ARGV[6]))
for i = 3, #KEYS do
  redis.call('SADD', KEYS[i], ARGV[2])
  redis.call('PEXPIRE', KEYS[i], ARGV[5])
end
return {life, ARGV[3], string.format('%.0f', till)}
"""
)

# KEYS: life, session; ARGV: a new life's name, idle ms
_FIND = (
    _PRELUDE
    + """
local found = redis.call('HMGET', KEYS[2], 'session', 'until')
if not found[1] or not found[2] then return {life} end
redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.min(found[2] - now, ARGV[2])))
return {life, found[1], found[2]}
"""
)

_END = "return redis.call('DEL', KEYS[1])"

# KEYS: tie, order; ARGV: TTL of the order s, what every session's key begins with. They share the hash tag.
_END_TIED = """
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[1]) then return -1 end
local ended = 0
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  ended = ended + redis.call('DEL', ARGV[2] .. name)
end
redis.call('DEL', KEYS[1])
return ended
"""


class RedisSessions:
    """See `Sessions`."""

    def __init__(self, store: Store, lifetime_s: int, idle_s: int) -> None:
        self._store = store
        self._lifetime_ms = lifetime_s * 1000
        self._idle_ms = idle_s * 1000

    async def begin(self, name: str, session: StaffSession, until_ms: int | None = None) -> Look:
        """See `Sessions`."""
        names = [keys.staff_life(), keys.session(name), *map(keys.tied, session.ties)]
        until: str | int = "" if until_ms is None else until_ms
        text = session.model_dump_json()
        return await self._look(
            _BEGIN, names, [name, text, until, self._lifetime_ms, self._idle_ms]
        )

    async def find(self, name: str) -> Look:
        """See `Sessions`."""
        return await self._look(_FIND, [keys.staff_life(), keys.session(name)], [self._idle_ms])

    async def end(self, name: str) -> None:
        """See `Sessions`."""
        await self._store.script(_END, [keys.session(name)], [])

    async def end_tied(self, tie: str, order: str) -> int | None:
        """See `Sessions`."""
        ended = await self._store.script(
            _END_TIED, [keys.tied(tie), keys.order(order)], [ORDER_TTL_S, keys.session("")]
        )
        return None if cast("int", ended) < 0 else cast("int", ended)

    async def _look(self, script: str, names: list[str], args: list[str | int | float]) -> Look:
        answer = await self._store.script(script, names, [secrets.token_hex(8), *args])
        life, *found = cast("list[str]", answer)
        if not found:
            return Look(life, None)
        return Look(life, StoredSession(StaffSession.model_validate_json(found[0]), int(found[1])))
