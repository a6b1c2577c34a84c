"""Presence in Redis: one sorted set per clinic, on the store's own clock."""

from typing import cast

from teleward_contract.redis_store import Store
from teleward_contract.units import Namespace, ParticipantId

from teleward_gateway.adapters import keys
from teleward_gateway.ports import PRESENT_S

# KEYS: present; ARGV: what (seen, gone, read), member
_SCRIPT = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == 'seen' then
  redis.call('ZADD', KEYS[1], now, ARGV[2])
  redis.call('EXPIRE', KEYS[1], {PRESENT_S})
elseif ARGV[1] == 'gone' then
  redis.call('ZREM', KEYS[1], ARGV[2])
else
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {PRESENT_S * 1000})
end
return ARGV[1] == 'read' and redis.call('ZRANGE', KEYS[1], 0, -1) or {{}}
"""


class RedisPresence:
    """See `Presence`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def seen(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId
    ) -> None:
        """See `Presence`."""
        await self._run(namespace, clinic_uid, "seen", f"{room_uid}/{participant}")

    async def gone(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId
    ) -> None:
        """See `Presence`."""
        await self._run(namespace, clinic_uid, "gone", f"{room_uid}/{participant}")

    async def present(
        self, namespace: Namespace, clinic_uid: str
    ) -> dict[str, frozenset[ParticipantId]]:
        """See `Presence`."""
        found: dict[str, frozenset[ParticipantId]] = {}
        for member in await self._run(namespace, clinic_uid, "read", ""):
            room, _, participant = member.partition("/")
            found[room] = found.get(room, frozenset()) | {ParticipantId(participant)}
        return found

    async def _run(
        self, namespace: Namespace, clinic_uid: str, what: str, member: str
    ) -> list[str]:
        key = keys.present(namespace, clinic_uid)
        return cast("list[str]", await self._store.script(_SCRIPT, [key], [what, member]))
