"""Visits and queues in Redis: each step is one script, so that two gateways never act on one visit twice."""

import json
import secrets
from collections.abc import Callable
from typing import cast
from weakref import WeakValueDictionary

from redis.exceptions import RedisError
from teleward_contract.redis_store import Store, unavailable
from teleward_contract.units import CallId, Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.adapters.books import ACCOUNTS, STORE_CLOCK, BookKeeping
from teleward_gateway.core.accounts import Outcome
from teleward_gateway.core.audit import DONE, PATIENT, REFUSED
from teleward_gateway.core.visits import (
    CALL_GOES_ON,
    NOTHING_CARRIED,
    TRANSITIONS,
    Carried,
    Personal,
    Visit,
    VisitAction,
    Waiting,
    Words,
    changes,
)
from teleward_gateway.errors import QueueFullError

_GOES_ON = ", ".join(f"{state} = true" for state in sorted(CALL_GOES_ON))

# KEYS of every step: visit, personal, words; of an adding also the visit whose consultation it is. ARGV of every step:
# the books' head, what every visit's key begins with. All of an organisation share one hash tag, and a visit says
# whose queue it is in.
_PRELUDE = (
    ACCOUNTS
    + f"""
local QUEUE, CHANGED = HEAD.queue, '{keys.CHANGED}'
local function tell(visit) redis.call('PUBLISH', CHANGED, visit.clinic_uid) end
local function line_up(visit)
  redis.call('ZADD', QUEUE .. visit.clinic_uid, string.format('%.0f', visit.arrived_ms), visit.id)
  redis.call('EXPIRE', QUEUE .. visit.clinic_uid, {keys.QUEUE_TTL_S})
end
local function keep(visit, keep_s)
  redis.call('EXPIRE', KEYS[1], keep_s + SWEEP_WITHIN_S)
  redis.call('EXPIRE', KEYS[1] .. ':account', keep_s + SWEEP_WITHIN_S)
  redis.call('EXPIRE', KEYS[2], keep_s)
  redis.call('EXPIRE', KEYS[3], keep_s)
  redis.call('ZADD', HEAD.due, whole(NOW + keep_s * 1000), visit.id)
  redis.call('EXPIRE', HEAD.due, {keys.QUEUE_TTL_S + keys.SWEEP_WITHIN_S})
  line_up(visit)
end
local function is_full(clinic_uid, at_most)
  if at_most < 0 or redis.call('ZCARD', QUEUE .. clinic_uid) < at_most then return false end
  local waiting = 0
  for _, id in ipairs(redis.call('ZRANGE', QUEUE .. clinic_uid, 0, -1)) do
    local _, other = find(id)
    if other and other.state == WAITING then waiting = waiting + 1 end
  end
  return waiting >= at_most
end
"""
)

# … visit JSON, personal JSON, keep s, at most how many wait (-1: no matter)
_ENTER = (
    _PRELUDE
    + """
local known, visit = find(cjson.decode(ARGV[3]).id)
if not known then visit = cjson.decode(ARGV[3]) end
if OVER[visit.state] then return known or ARGV[3] end
local is_new = not known
if is_new then
  if is_full(visit.clinic_uid, tonumber(ARGV[6])) then return '' end
  visit.seen_ms = NOW
  if visit.arrived_ms == 0 then visit.arrived_ms = NOW end
  known = cjson.encode(visit)
  redis.call('SET', KEYS[1], known)
end
redis.call('SET', KEYS[2], ARGV[4])
keep(visit, ARGV[5])
if is_new then open_account(visit) end
tell(visit)
return known
"""
)

_TAKES_IN = f"""
local GOES_ON = {{{_GOES_ON}}}
local function takes_in(key, added)
  local known = redis.call('GET', key)
  local host = known and cjson.decode(known)
  if redis.call('EXISTS', key .. ':personal') == 0 then return false end
  return host and GOES_ON[host.state] and host.clinic_uid == added.clinic_uid
    and host.called_by == added.called_by and (host.consultation or '') == added.consultation
end
"""

# … uid of the clinic in which it is taken or nothing, what it writes as JSON, words as JSON or nothing, retention s,
# whether an owner is asked for (yes, no), that owner, at most how many wait in the clinic it goes to (-1: it goes
# nowhere), the step and the visit's id, then from, to …
_CHANGE = (
    _PRELUDE
    + _TAKES_IN
    + f"""
local step, known, visit = ARGV[10], find(ARGV[11])
local function refuse(word)
  if HEAD.who ~= '{PATIENT}' then record(visit or {{clinic = ''}}, step, HEAD.who, '{REFUSED}') end
  return {{word, known or '', '[]'}}
end
if not known then return refuse('no') end
if ARGV[3] ~= '' and visit.clinic_uid ~= ARGV[3] then return refuse('no') end
if ARGV[7] == 'yes' and visit.called_by ~= ARGV[8] then return refuse('no') end
local at_most = tonumber(ARGV[9])
for i = 12, #ARGV, 2 do
  if visit.state == ARGV[i] then
    local before = cjson.decode(known)
    for field, value in pairs(cjson.decode(ARGV[4])) do visit[field] = value end
    if KEYS[4] and not takes_in(KEYS[4], visit) then
      visit = before
      return refuse('no')
    end
    if at_most >= 0 and is_full(visit.clinic_uid, at_most) then
      visit = before
      return refuse('full')
    end
    visit.state = ARGV[i + 1]
    if at_most >= 0 then
      redis.call('ZREM', QUEUE .. before.clinic_uid, visit.id)
      redis.call('DEL', KEYS[3])
      tell(before)
      line_up(visit)
    end
    local text = cjson.encode(visit)
    redis.call('SET', KEYS[1], text, 'KEEPTTL')
    settle(before, visit, step)
    local words_like = KEYS[2]
    if OVER[visit.state] then
      words_like = KEYS[1]
      redis.call('EXPIRE', KEYS[1], ARGV[6])
      redis.call('DEL', KEYS[2], KEYS[3])
      redis.call('ZREM', QUEUE .. visit.clinic_uid, visit.id)
      redis.call('ZREM', HEAD.due, visit.id)
    end
    if ARGV[5] ~= '' then redis.call('SET', KEYS[3], ARGV[5], 'PX', math.max(1, redis.call('PTTL', words_like))) end
    if before.state ~= visit.state or step ~= '{VisitAction.JOIN}' then
      record(visit, step, HEAD.who, '{DONE}')
    end
    tell(visit)
    return {{'yes', text, cjson.encode(COUNTED)}}
  end
end
return refuse('no')
"""
)

# … what (claim, heard), socket, keep s, the visit's id
_SOCKET = (
    _PRELUDE
    + """
local known, visit = find(ARGV[6])
if not known then return '' end
if OVER[visit.state] then return ARGV[3] == 'heard' and visit.socket ~= ARGV[4] and '' or known end
if ARGV[3] == 'claim' then
  visit.socket = ARGV[4]
  tell(visit)
end
if visit.socket ~= ARGV[4] then return '' end
visit.seen_ms = NOW
local text = cjson.encode(visit)
redis.call('SET', KEYS[1], text, 'KEEPTTL')
keep(visit, ARGV[5])
return text
"""
)

# … the visit's id
_GET = _PRELUDE + "return find(ARGV[3])"

# KEYS: when each visit is due. … at most how many
_SWEEP = (
    _PRELUDE
    + """
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(NOW), 'LIMIT', 0, ARGV[3])) do
  if not find(id) then redis.call('ZREM', KEYS[1], id) end
end
return cjson.encode(COUNTED)
"""
)

# KEYS: queue; ARGV: what every visit's key begins with, after how many ms somebody counts as silent (-1: never).
# The visits' own keys share the queue's hash tag.
_WAITING = f"""{STORE_CLOCK}
local rows, now, stale_ms = {{}}, now_ms(), tonumber(ARGV[2])
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local visit = redis.call('GET', ARGV[1] .. id)
  local personal = redis.call('GET', ARGV[1] .. id .. ':personal')
  if visit and personal then
    rows[#rows + 1] = visit
    rows[#rows + 1] = personal
    rows[#rows + 1] = redis.call('GET', ARGV[1] .. id .. ':words') or ''
    rows[#rows + 1] = stale_ms >= 0 and now - cjson.decode(visit).seen_ms >= stale_ms and 'silent' or ''
  elseif not visit then
    redis.call('ZREM', KEYS[1], id)
  end
end
return rows
"""

# KEYS: queue; ARGV: what every visit's key begins with
_GOING_ON = f"""
local GOES_ON = {{{_GOES_ON}}}
local found = {{}}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local visit = redis.call('GET', ARGV[1] .. id)
  local is_here = visit and redis.call('EXISTS', ARGV[1] .. id .. ':personal') == 1
  if is_here and GOES_ON[cjson.decode(visit).state] then found[#found + 1] = visit end
end
return found
"""

# KEYS: queue; ARGV: what every visit's key begins with, words JSON, clinic uid, then the states of who is told
_TELL_ALL = f"""
local told, count = {{}}, 0
for i = 4, #ARGV do told[ARGV[i]] = true end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local visit, left_ms = redis.call('GET', ARGV[1] .. id), redis.call('PTTL', ARGV[1] .. id .. ':personal')
  if visit and left_ms > 0 and told[cjson.decode(visit).state] then
    redis.call('SET', ARGV[1] .. id .. ':words', ARGV[2], 'PX', left_ms)
    count = count + 1
  end
end
redis.call('PUBLISH', '{keys.CHANGED}', ARGV[3])
return count
"""

# KEYS: the clinic's count; ARGV: how long it is counted, in s
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""

_NOW = f"{STORE_CLOCK}return now_ms()"

_Row = tuple[str, str, str, str]
"""Visit, personal, words or nothing, `silent` or nothing, as the store has them."""

SWEEP_AT_MOST = 200
"""Vanished visits that one round takes away: a script that holds up nobody."""


class RedisVisits:
    """Both ports, `Visits` and `Queues`."""

    def __init__(
        self, store: Store, retention_s: int, books: BookKeeping | None = None,
        told: Callable[[str, float], None] = lambda _what, _seconds: None,
    ) -> None:  # fmt: skip
        """`told` hears what was counted, as `Tally.counted`."""
        self._store = store
        self._retention_s = retention_s
        self._books = books or BookKeeping()
        self._told = told
        # What stands in the store as somebody still holds it: read again, it is not parsed again.
        self._held: WeakValueDictionary[_Row, Waiting] = WeakValueDictionary()

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
        raw = await self._store.script(
            _ENTER, _keys(visit.namespace, visit.id),
            [
                *self._head(visit.namespace), visit.model_dump_json(), personal.model_dump_json(),
                keep_s, -1 if at_most is None else at_most,
            ],
        )  # fmt: skip
        if not raw:
            raise QueueFullError
        return Visit.model_validate_json(str(raw))

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """See `Visits`."""
        raw = await self._store.script(
            _GET, _keys(namespace, visit), [*self._head(namespace), visit]
        )
        return Visit.model_validate_json(str(raw)) if raw else None

    async def personal(self, namespace: Namespace, visit: str) -> Personal | None:
        """See `Visits`."""
        raw = await self._get(keys.personal(namespace, visit))
        return Personal.model_validate_json(raw) if raw else None

    async def _get(self, key: str) -> str | None:
        try:
            return cast("str | None", await self._store.redis.get(key))
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def words(self, namespace: Namespace, visit: str) -> Words | None:
        """See `Visits`."""
        raw = await self._get(keys.words(namespace, visit))
        return Words.model_validate_json(raw) if raw else None

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = "",
        carried: Carried = NOTHING_CARRIED,
    ) -> tuple[bool, Visit | None]:  # fmt: skip
        """See `Visits`."""
        words, to = carried.words, carried.to
        host = [keys.visit(namespace, carried.host)] if carried.host else []
        moves = [state for pair in TRANSITIONS[action].items() for state in pair]
        word, text, counted = cast(
            "tuple[str, str, str]",
            await self._store.script(
                _CHANGE, [*_keys(namespace, visit), *host],
                [
                    *self._head(namespace, by), carried.at,
                    json.dumps(changes(action, by, carried)),
                    words.model_dump_json() if words else "", self._retention_s,
                    "no" if carried.owned_by is None else "yes", carried.owned_by or "",
                    to.at_most if to else -1, action.value, visit, *moves,
                ],
            ),
        )  # fmt: skip
        self._tell(counted)
        if word == "full":
            raise QueueFullError
        return word == "yes", Visit.model_validate_json(text) if text else None

    async def in_call(
        self, namespace: Namespace, clinic_uid: str, call: CallId
    ) -> tuple[Visit, ...]:
        """See `Visits`."""
        found = await self._store.script(
            _GOING_ON, [keys.queue(namespace, clinic_uid)], [keys.visit_prefix(namespace)]
        )
        visits = map(Visit.model_validate_json, cast("list[str]", found))
        return tuple(visit for visit in visits if visit.call == call)

    async def tell_all(self, namespace: Namespace, clinic_uid: str, words: Words) -> int:
        """See `Visits`."""
        told = TRANSITIONS[VisitAction.MESSAGE]
        count = await self._store.script(
            _TELL_ALL, [keys.queue(namespace, clinic_uid)],
            [keys.visit_prefix(namespace), words.model_dump_json(), clinic_uid, *told],
        )  # fmt: skip
        return int(str(count))

    async def count_message(self, namespace: Namespace, clinic_uid: str, within_s: int) -> int:
        """See `Visits`."""
        key = keys.messages(namespace, clinic_uid)
        return int(str(await self._store.script(_COUNT, [key], [within_s])))

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
        answer = await self._store.script(
            _SOCKET, _keys(namespace, visit),
            [*self._head(namespace), what, socket, keep_s, visit],
        )  # fmt: skip
        return Visit.model_validate_json(str(answer)) if answer else None

    async def sweep(self, namespace: Namespace) -> int:
        """See `Queues`."""
        counted = str(
            await self._store.script(
                _SWEEP, [keys.due(namespace)], [*self._head(namespace), SWEEP_AT_MOST]
            )
        )
        self._tell(counted)
        return sum(what in set(Outcome) for what, _ in _counted(counted))

    def _head(self, namespace: Namespace, by: str = "") -> list[str]:
        who = self._books.pseudonyms.staff(namespace, by) if by else PATIENT
        return [self._books.head(namespace, who), keys.visit_prefix(namespace)]

    def _tell(self, counted: str) -> None:
        for what, seconds in _counted(counted):
            self._told(what, seconds)

    async def now_ms(self, namespace: Namespace) -> int:
        """See `Queues`."""
        return int(str(await self._store.script(_NOW, [keys.visit_prefix(namespace)], [])))

    async def waiting(
        self, namespace: Namespace, clinic_uid: str, stale_after_s: int | None = None
    ) -> tuple[Waiting, ...]:
        """See `Queues`."""
        stale_ms = -1 if stale_after_s is None else 1000 * stale_after_s
        raw = cast(
            "list[str]",
            await self._store.script(
                _WAITING, [keys.queue(namespace, clinic_uid)],
                [keys.visit_prefix(namespace), stale_ms],
            ),
        )  # fmt: skip
        told = zip(raw[::4], raw[1::4], raw[2::4], raw[3::4], strict=True)
        return tuple(self._held.get(row) or self._parse(row) for row in told)

    def _parse(self, row: _Row) -> Waiting:
        visit, personal, words, silent = row
        parsed = self._held[row] = Waiting(
            visit=Visit.model_validate_json(visit), personal=Personal.model_validate_json(personal),
            words=Words.model_validate_json(words) if words else None, is_silent=bool(silent),
        )  # fmt: skip
        return parsed


def _keys(namespace: Namespace, visit: str) -> list[str]:
    return [key(namespace, visit) for key in (keys.visit, keys.personal, keys.words)]


def _counted(text: str) -> list[tuple[str, float]]:
    return [(what, seconds) for what, seconds in json.loads(text) or []]
