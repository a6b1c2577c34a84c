"""Guest links in Redis: each verb is one script, and nothing of a link outlives it."""

import json
from collections.abc import Mapping
from typing import cast

from redis.exceptions import RedisError
from teleward_contract.redis_store import Store, unavailable
from teleward_contract.units import Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.adapters.books import STORE_CLOCK
from teleward_gateway.core.guests import (
    CONNECTED_S,
    GONE_S,
    GUEST_TRANSITIONS,
    KNOCKS,
    MAX_LINKS,
    Guest,
    GuestAction,
    GuestPlace,
    GuestState,
)
from teleward_gateway.core.visits import OVER

_OVER = ", ".join(f"{state} = true" for state in sorted(OVER))
_LEFT = ", ".join(
    f"{before} = '{after}'" for before, after in GUEST_TRANSITIONS[GuestAction.LEAVE].items()
)

# KEYS: the link. Every key of an organisation shares its hash tag.
_PRELUDE = f"""{STORE_CLOCK}
local known = redis.call('GET', KEYS[1])
local guest = known and cjson.decode(known)
local function keep()
  local text = cjson.encode(guest)
  redis.call('SET', KEYS[1], text, 'KEEPTTL')
  redis.call('PUBLISH', '{keys.CHANGED}', guest.clinic_uid)
  return text
end
local function write(changed)
  for field, value in pairs(cjson.decode(changed)) do guest[field] = value end
end
local function knock()
  guest.knocked_ms = now_ms()
  guest.seen_ms = guest.knocked_ms
end
"""

# KEYS: the link, links of the clinic; ARGV: link JSON, its name, how long it is good in ms, at most how many
_INVITE = f"""{STORE_CLOCK}
local now, guest = now_ms(), cjson.decode(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 0 end
guest.made_ms, guest.expires_ms = now, now + ARGV[3]
redis.call('SET', KEYS[1], cjson.encode(guest), 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], string.format('%.0f', guest.expires_ms), ARGV[2])
redis.call('PEXPIRE', KEYS[2], math.max(ARGV[3], redis.call('PTTL', KEYS[2])))
redis.call('PUBLISH', '{keys.CHANGED}', guest.clinic_uid)
return 1
"""

# … ARGV: clinic uid, claim, what is written as JSON
_REDEEM = (
    _PRELUDE
    + f"""
if not guest or guest.clinic_uid ~= ARGV[1] or guest.claim ~= '' and guest.claim ~= ARGV[2] then return '' end
if guest.claim == ARGV[2] then return known end
write(ARGV[3])
knock()
guest.claim, guest.state = ARGV[2], '{GuestState.KNOCKING}'
return keep()
"""
)

# … ARGV: what is written as JSON, whether it is a knock (yes, no), then from, to …
_CHANGE = (
    _PRELUDE
    + """
if not guest then return {'no', ''} end
for i = 3, #ARGV, 2 do
  if guest.state == ARGV[i] then
    guest.state = ARGV[i + 1]
    write(ARGV[1])
    if ARGV[2] == 'yes' then knock() end
    return {'yes', keep()}
  end
end
return {'no', known}
"""
)

# KEYS: the link, links of the clinic; ARGV: clinic uid, its name
_REVOKE = (
    _PRELUDE
    + f"""
if not guest or guest.clinic_uid ~= ARGV[1] then return '' end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('PUBLISH', '{keys.CHANGED}', ARGV[1])
return known
"""
)

# … ARGV: what (claim, heard), socket
_SOCKET = (
    _PRELUDE
    + """
if not guest or ARGV[1] == 'heard' and guest.socket ~= ARGV[2] then return '' end
guest.socket, guest.seen_ms = ARGV[2], now_ms()
if ARGV[1] == 'claim' then return keep() end
local text = cjson.encode(guest)
redis.call('SET', KEYS[1], text, 'KEEPTTL')
return text
"""
)

# KEYS: links of the clinic; ARGV: what every link's and every visit's key begins with
_OF_CLINIC = f"""{STORE_CLOCK}
local OVER, LEFT = {{{_OVER}}}, {{{_LEFT}}}
local function is_there(guest)
  if guest.place ~= '{GuestPlace.VISIT}' then return true end
  local visit = redis.call('GET', ARGV[2] .. guest.place_id)
  visit = visit and cjson.decode(visit)
  return visit and not OVER[visit.state] and visit.clinic_uid == guest.clinic_uid
end
local found, now = {{}}, now_ms()
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local known = redis.call('GET', ARGV[1] .. id)
  local guest = known and cjson.decode(known)
  if not guest or not is_there(guest) then
    redis.call('DEL', ARGV[1] .. id)
    redis.call('ZREM', KEYS[1], id)
  else
    if guest.name ~= '' and now - guest.seen_ms > {GONE_S * 1000} then
      guest.name, guest.state = '', LEFT[guest.state] or guest.state
      redis.call('SET', ARGV[1] .. id, cjson.encode(guest), 'KEEPTTL')
    end
    guest.is_silent = now - guest.seen_ms >= {CONNECTED_S * 1000}
    found[#found + 1] = cjson.encode(guest)
  end
end
return found
"""


class RedisGuestLinks:
    """See `GuestLinks`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def invite(self, guest: Guest, good_s: int) -> bool:
        """See `GuestLinks`."""
        both = [
            keys.guest(guest.namespace, guest.id),
            keys.guests(guest.namespace, guest.clinic_uid),
        ]
        args: list[str | int | float] = [
            guest.model_dump_json(), guest.id, good_s * 1000, MAX_LINKS,
        ]  # fmt: skip
        return await self._store.script(_INVITE, both, args) == 1

    async def redeem(
        self, namespace: Namespace, clinic_uid: str, guest: str, claim: str,
        changed: Mapping[str, str | int | bool],
    ) -> Guest | None:  # fmt: skip
        """See `GuestLinks`."""
        args: list[str | int | float] = [clinic_uid, claim, json.dumps(dict(changed))]
        return _read(await self._store.script(_REDEEM, [keys.guest(namespace, guest)], args))

    async def get(self, namespace: Namespace, guest: str) -> Guest | None:
        """See `GuestLinks`."""
        try:
            return _read(await self._store.redis.get(keys.guest(namespace, guest)))
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def change(
        self, namespace: Namespace, guest: str, action: GuestAction,
        changed: Mapping[str, str | int | bool],
    ) -> tuple[bool, Guest | None]:  # fmt: skip
        """See `GuestLinks`."""
        moves = [state for pair in GUEST_TRANSITIONS[action].items() for state in pair]
        answer = await self._store.script(
            _CHANGE,
            [keys.guest(namespace, guest)],
            [json.dumps(dict(changed)), "yes" if action in KNOCKS else "no", *moves],
        )
        word, text = cast("tuple[str, str]", answer)
        return word == "yes", _read(text)

    async def revoke(self, namespace: Namespace, clinic_uid: str, guest: str) -> Guest | None:
        """See `GuestLinks`."""
        both = [keys.guest(namespace, guest), keys.guests(namespace, clinic_uid)]
        return _read(await self._store.script(_REVOKE, both, [clinic_uid, guest]))

    async def claim(self, namespace: Namespace, guest: str, socket: str) -> Guest | None:
        """See `GuestLinks`."""
        return await self._socket("claim", namespace, guest, socket)

    async def heard(self, namespace: Namespace, guest: str, socket: str) -> bool:
        """See `GuestLinks`."""
        return await self._socket("heard", namespace, guest, socket) is not None

    async def _socket(
        self, what: str, namespace: Namespace, guest: str, socket: str
    ) -> Guest | None:
        key = keys.guest(namespace, guest)
        return _read(await self._store.script(_SOCKET, [key], [what, socket]))

    async def of_clinic(self, namespace: Namespace, clinic_uid: str) -> tuple[Guest, ...]:
        """See `GuestLinks`."""
        found = await self._store.script(
            _OF_CLINIC, [keys.guests(namespace, clinic_uid)],
            [keys.guest(namespace, ""), keys.visit_prefix(namespace)],
        )  # fmt: skip
        guests = map(Guest.model_validate_json, cast("list[str]", found))
        return tuple(sorted(guests, key=lambda one: (one.made_ms, one.id)))


def _read(text: object) -> Guest | None:
    return Guest.model_validate_json(str(text)) if text else None
