"""Visits and queues in Redis: each step is one script, so that two gateways never act on one visit twice."""

import secrets
import time
from typing import cast
from weakref import WeakValueDictionary

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
    VisitState,
    Waiting,
)
from teleward_gateway.errors import QueueFullError

_OVER = ", ".join(f"{state} = true" for state in sorted(OVER))

_PRELUDE = f"""
local OVER, WAITING = {{{_OVER}}}, '{VisitState.WAITING}'
local function tell(visit) redis.call('PUBLISH', '{keys.CHANGED}', visit.clinic_uid) end
local function keep(visit, keep_s)
  redis.call('EXPIRE', KEYS[1], keep_s)
  redis.call('EXPIRE', KEYS[2], keep_s)
  redis.call('ZADD', KEYS[3], string.format('%.0f', visit.arrived_ms), visit.id)
  redis.call('EXPIRE', KEYS[3], {keys.QUEUE_TTL_S})
end
"""

# KEYS: visit, personal, queue; ARGV: visit JSON, personal JSON, keep s, at most how many wait (-1: no matter),
# what every visit's key begins with. The visits' own keys share the queue's hash tag.
_ENTER = (
    _PRELUDE
    + """
local known = redis.call('GET', KEYS[1])
local visit = cjson.decode(known or ARGV[1])
if OVER[visit.state] then return known or ARGV[1] end
local at_most = tonumber(ARGV[4])
if not known and at_most >= 0 and redis.call('ZCARD', KEYS[3]) >= at_most then
  local waiting = 0
  for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    local other = redis.call('GET', ARGV[5] .. id)
    if other and cjson.decode(other).state == WAITING then waiting = waiting + 1 end
  end
  if waiting >= at_most then return '' end
end
if not known then redis.call('SET', KEYS[1], ARGV[1]) end
redis.call('SET', KEYS[2], ARGV[2])
keep(visit, ARGV[3])
tell(visit)
return known or ARGV[1]
"""
)

# KEYS: visit, personal, queue; ARGV: by, whether it is noted (1, 0), retention s, then from, to …
_CHANGE = (
    _PRELUDE
    + """
local known = redis.call('GET', KEYS[1])
if not known then return {0, ''} end
local visit = cjson.decode(known)
for i = 4, #ARGV, 2 do
  if visit.state == ARGV[i] then
    visit.state = ARGV[i + 1]
    if ARGV[2] == '1' then visit.called_by = ARGV[1] end
    local text = cjson.encode(visit)
    redis.call('SET', KEYS[1], text, 'KEEPTTL')
    if OVER[visit.state] then
      redis.call('EXPIRE', KEYS[1], ARGV[3])
      redis.call('DEL', KEYS[2])
      redis.call('ZREM', KEYS[3], visit.id)
    end
    tell(visit)
    return {1, text}
  end
end
return {0, known}
"""
)

# KEYS: visit, personal, queue; ARGV: what (claim, heard), socket, now ms, keep s
_SOCKET = (
    _PRELUDE
    + """
local known = redis.call('GET', KEYS[1])
if not known then return '' end
local visit = cjson.decode(known)
if OVER[visit.state] then return ARGV[1] == 'heard' and visit.socket ~= ARGV[2] and '' or known end
if ARGV[1] == 'claim' then
  visit.socket = ARGV[2]
  tell(visit)
end
if visit.socket ~= ARGV[2] then return '' end
visit.seen_ms = tonumber(ARGV[3])
local text = cjson.encode(visit)
redis.call('SET', KEYS[1], text, 'KEEPTTL')
keep(visit, ARGV[4])
return text
"""
)

# KEYS: queue; ARGV: what every visit's key begins with. The visits' own keys share the queue's hash tag.
_WAITING = """
local rows = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local visit = redis.call('GET', ARGV[1] .. id)
  local personal = redis.call('GET', ARGV[1] .. id .. ':personal')
  if visit and personal then
    rows[#rows + 1] = visit
    rows[#rows + 1] = personal
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return rows
"""


class RedisVisits:
    """Both ports, `Visits` and `Queues`."""

    def __init__(self, store: Store, retention_s: int) -> None:
        self._store = store
        self._retention_s = retention_s
        # What stands in the store as somebody still holds it: read again, it is not parsed again.
        self._held: WeakValueDictionary[tuple[str, str], Waiting] = WeakValueDictionary()

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

    async def enter(
        self, visit: Visit, personal: Personal, keep_s: int, at_most: int | None = None
    ) -> Visit:
        """See `Visits`."""
        seen = visit.model_copy(update={"seen_ms": _now_ms()})
        raw = await self._store.script(
            _ENTER, self._keys(visit.namespace, visit.id, visit.clinic_uid),
            [
                seen.model_dump_json(), personal.model_dump_json(), keep_s,
                -1 if at_most is None else at_most, keys.visit_prefix(visit.namespace),
            ],
        )  # fmt: skip
        if not raw:
            raise QueueFullError
        return Visit.model_validate_json(str(raw))

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """See `Visits`."""
        raw = await self._get(keys.visit(namespace, visit))
        return Visit.model_validate_json(raw) if raw else None

    async def personal(self, namespace: Namespace, visit: str) -> Personal | None:
        """See `Visits`."""
        raw = await self._get(keys.personal(namespace, visit))
        return Personal.model_validate_json(raw) if raw else None

    async def _get(self, key: str) -> str | None:
        try:
            return cast("str | None", await self._store.redis.get(key))
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = ""
    ) -> tuple[bool, Visit | None]:
        """See `Visits`."""
        known = await self.get(namespace, visit)
        if known is None:
            return False, None
        marks = action in (VisitAction.CALL_IN, VisitAction.RETURN)
        moves = [state for pair in TRANSITIONS[action].items() for state in pair]
        answer = cast(
            "list[object]",
            await self._store.script(
                _CHANGE, self._keys(namespace, visit, known.clinic_uid),
                [by, int(marks), self._retention_s, *moves],
            ),
        )  # fmt: skip
        text = str(answer[1])
        return bool(answer[0]), Visit.model_validate_json(text) if text else None

    async def claim(
        self, namespace: Namespace, visit: str, socket: str, keep_s: int
    ) -> Visit | None:
        """See `Queues`."""
        return await self._socket("claim", namespace, visit, socket, keep_s)

    async def heard(self, namespace: Namespace, visit: str, socket: str, keep_s: int) -> bool:
        """See `Queues`."""
        return await self._socket("heard", namespace, visit, socket, keep_s) is not None

    async def _socket(
        self, what: str, namespace: Namespace, visit: str, socket: str, keep_s: int
    ) -> Visit | None:
        known = await self.get(namespace, visit)
        if known is None:
            return None
        answer = await self._store.script(
            _SOCKET, self._keys(namespace, visit, known.clinic_uid),
            [what, socket, _now_ms(), keep_s],
        )  # fmt: skip
        return Visit.model_validate_json(str(answer)) if answer else None

    async def waiting(self, namespace: Namespace, clinic_uid: str) -> tuple[Waiting, ...]:
        """See `Queues`."""
        raw = cast(
            "list[str]",
            await self._store.script(
                _WAITING, [keys.queue(namespace, clinic_uid)], [keys.visit_prefix(namespace)]
            ),
        )
        pairs = zip(raw[::2], raw[1::2], strict=True)
        return tuple(self._held.get(pair) or self._parse(pair) for pair in pairs)

    def _parse(self, pair: tuple[str, str]) -> Waiting:
        visit, personal = pair
        parsed = self._held[pair] = Waiting(
            visit=Visit.model_validate_json(visit),
            personal=Personal.model_validate_json(personal),
        )
        return parsed

    @staticmethod
    def _keys(namespace: Namespace, visit: str, clinic_uid: str) -> list[str]:
        return [
            keys.visit(namespace, visit),
            keys.personal(namespace, visit),
            keys.queue(namespace, clinic_uid),
        ]


def _now_ms() -> int:
    return int(time.time() * 1000)
