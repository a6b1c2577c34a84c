"""Presence in Redis: one sorted set and the names to it per clinic, on the store's own clock."""

from typing import cast

from teleward_contract.redis_store import Store
from teleward_contract.units import Namespace, ParticipantId

from teleward_gateway.adapters import keys
from teleward_gateway.ports.visits import PRESENT_S

# KEYS: present, their names; ARGV: what (seen, gone, read), member, name
_SCRIPT = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == 'seen' then
  redis.call('ZADD', KEYS[1], now, ARGV[2])
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  redis.call('EXPIRE', KEYS[1], {PRESENT_S})
  redis.call('EXPIRE', KEYS[2], {PRESENT_S})
elseif ARGV[1] == 'gone' then
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('HDEL', KEYS[2], ARGV[2])
else
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - {PRESENT_S * 1000})) do
    redis.call('ZREM', KEYS[1], member)
    redis.call('HDEL', KEYS[2], member)
  end
end
local found = {{}}
if ARGV[1] == 'read' then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    found[#found + 1] = member
    found[#found + 1] = redis.call('HGET', KEYS[2], member) or ''
  end
end
return found
"""


class RedisPresence:
    """See `Presence`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def seen(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId,
        name: str = "",
    ) -> None:  # fmt: skip
        """See `Presence`."""
        await self._run(namespace, clinic_uid, "seen", f"{room_uid}/{participant}", name)

    async def gone(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId
    ) -> None:
        """See `Presence`."""
        await self._run(namespace, clinic_uid, "gone", f"{room_uid}/{participant}")

    async def present(
        self, namespace: Namespace, clinic_uid: str
    ) -> dict[str, dict[ParticipantId, str]]:
        """See `Presence`."""
        found: dict[str, dict[ParticipantId, str]] = {}
        told = await self._run(namespace, clinic_uid, "read", "")
        for member, name in zip(told[::2], told[1::2], strict=True):
            room, _, participant = member.partition("/")
            found.setdefault(room, {})[ParticipantId(participant)] = name
        return found

    async def _run(
        self, namespace: Namespace, clinic_uid: str, what: str, member: str, name: str = ""
    ) -> list[str]:
        both = [keys.present(namespace, clinic_uid), keys.present_names(namespace, clinic_uid)]
        return cast("list[str]", await self._store.script(_SCRIPT, both, [what, member, name]))
