"""Visits in Redis: each change is one script, so that two gateways never act on one visit twice."""

import secrets
import time
from collections.abc import Awaitable
from typing import cast

from redis.exceptions import RedisError
from teleward_contract.redis_store import Store, unavailable
from teleward_contract.units import Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.core.visits import (
    OVER,
    TRANSITIONS,
    Personal,
    Visit,
    VisitAction,
    Waiting,
)

# KEYS: visit, personal, queue; ARGV: visit JSON, personal JSON, keep s, queue TTL s, states that are over
_ENTER = """
local known = redis.call('GET', KEYS[1])
local visit = cjson.decode(known or ARGV[1])
if not known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3]) end
for i = 5, #ARGV do if visit.state == ARGV[i] then return known end end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[3], string.format('%.0f', visit.arrived_ms), visit.id)
redis.call('EXPIRE', KEYS[3], ARGV[4])
return known or ARGV[1]
"""

# KEYS: visit, personal, queue; ARGV: by ('-' leaves it), retention s, over (0/1 per pair), then from, to, over …
_CHANGE = """
local known = redis.call('GET', KEYS[1])
if not known then return {0, ''} end
local visit = cjson.decode(known)
for i = 3, #ARGV, 3 do
  if visit.state == ARGV[i] then
    visit.state = ARGV[i + 1]
    if ARGV[1] ~= '-' then visit.called_by = ARGV[1] end
    local text = cjson.encode(visit)
    if ARGV[i + 2] == '1' then
      redis.call('SET', KEYS[1], text, 'EX', ARGV[2])
      redis.call('DEL', KEYS[2])
      redis.call('ZREM', KEYS[3], visit.id)
    else
      redis.call('SET', KEYS[1], text, 'KEEPTTL')
    end
    return {1, text}
  end
end
return {0, known}
"""

# KEYS: visit, personal; ARGV: what (claim, heard), socket, now ms, keep s, states that are over
_SOCKET = """
local known = redis.call('GET', KEYS[1])
if not known then return 0 end
local visit = cjson.decode(known)
if ARGV[1] == 'claim' then visit.socket = ARGV[2] end
if visit.socket ~= ARGV[2] then return 0 end
local over = false
for i = 5, #ARGV do over = over or visit.state == ARGV[i] end
if ARGV[1] == 'claim' or not over then
  visit.seen_ms = tonumber(ARGV[3])
  redis.call('SET', KEYS[1], cjson.encode(visit), 'KEEPTTL')
end
if not over and ARGV[1] == 'heard' then
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
end
return 1
"""


class RedisVisits:
    """See `Visits`."""

    def __init__(self, store: Store, retention_s: int) -> None:
        self._store = store
        self._retention_s = retention_s

    async def enter(self, visit: Visit, personal: Personal, keep_s: int) -> Visit:
        """See `Visits`."""
        seen = visit.model_copy(update={"seen_ms": _now_ms()})
        raw = await self._store.script(
            _ENTER, self._keys(visit.namespace, visit.id, visit.clinic_uid),
            [seen.model_dump_json(), personal.model_dump_json(), keep_s, keys.QUEUE_TTL_S, *OVER],
        )  # fmt: skip
        return Visit.model_validate_json(str(raw))

    async def life(self) -> str:
        """See `Visits`."""
        try:
            known = await self._store.redis.get(keys.LIFE)
            if known is None:
                await self._store.redis.set(keys.LIFE, secrets.token_urlsafe(8), nx=True)
                known = await self._store.redis.get(keys.LIFE)
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        return str(known)

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """See `Visits`."""
        try:
            raw = await self._store.redis.get(keys.visit(namespace, visit))
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        return Visit.model_validate_json(raw) if raw else None

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = ""
    ) -> tuple[bool, Visit | None]:
        """See `Visits`."""
        known = await self.get(namespace, visit)
        if known is None:
            return False, None
        marks = action in (VisitAction.CALL_IN, VisitAction.RETURN)
        moves: list[str | int | float] = []
        for before, after in TRANSITIONS[action].items():
            moves += [before, after, int(after in OVER)]
        answer = cast(
            "list[object]",
            await self._store.script(
                _CHANGE, self._keys(namespace, visit, known.clinic_uid),
                [by if marks else "-", self._retention_s, *moves],
            ),
        )  # fmt: skip
        text = str(answer[1])
        return bool(answer[0]), Visit.model_validate_json(text) if text else None

    async def heard(self, namespace: Namespace, visit: str, socket: str, keep_s: int) -> bool:
        """See `Visits`."""
        return await self._socket("heard", namespace, visit, socket, keep_s)

    async def claim(self, namespace: Namespace, visit: str, socket: str) -> None:
        """See `Visits`."""
        await self._socket("claim", namespace, visit, socket, 0)

    async def _socket(
        self, what: str, namespace: Namespace, visit: str, socket: str, keep_s: int
    ) -> bool:
        answer = await self._store.script(
            _SOCKET, [keys.visit(namespace, visit), keys.personal(namespace, visit)],
            [what, socket, _now_ms(), keep_s, *OVER],
        )  # fmt: skip
        return bool(answer)

    async def queue(self, namespace: Namespace, clinic_uid: str) -> tuple[Waiting, ...]:
        """See `Visits`."""
        queue = keys.queue(namespace, clinic_uid)
        redis = self._store.redis
        try:
            ids: list[str] = await cast("Awaitable[list[str]]", redis.zrange(queue, 0, -1))
            if not ids:
                return ()
            names = [keys.visit(namespace, i) for i in ids]
            names += [keys.personal(namespace, i) for i in ids]
            raw: list[str | None] = await cast("Awaitable[list[str | None]]", redis.mget(names))
            gone = [i for i, text in zip(ids, raw, strict=False) if text is None]
            if gone:
                await redis.zrem(queue, *gone)
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        pairs = zip(raw[: len(ids)], raw[len(ids) :], strict=True)
        return tuple(
            Waiting(
                visit=Visit.model_validate_json(visit), personal=Personal.model_validate_json(who)
            )
            for visit, who in pairs
            if visit and who
        )

    @staticmethod
    def _keys(namespace: Namespace, visit: str, clinic_uid: str) -> list[str]:
        return [
            keys.visit(namespace, visit),
            keys.personal(namespace, visit),
            keys.queue(namespace, clinic_uid),
        ]


def _now_ms() -> int:
    return int(time.time() * 1000)
