"""Books of an organisation, audit and reports, as scripts write them: one text that other scripts begin with.

What a step counts and records is written by the step's own script: `core/accounts.py` says what, this says it to the
store. `tests/contract/test_gateway_books.py` holds both to one another.
"""

import json
import secrets
from dataclasses import dataclass, field

from teleward_contract.units import Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.adapters.pseudonyms import KeyedPseudonyms
from teleward_gateway.core.accounts import (
    BOUNDS_S,
    DAY_S,
    ENDINGS,
    GAVE_UP,
    MORE,
    WAITS_ANEW,
    Came,
    Outcome,
    Spread,
)
from teleward_gateway.core.audit import (
    DONE,
    GATEWAY,
    MOST_REFUSALS_A_MINUTE,
    STAFF,
    TOO_MANY,
    Deed,
)
from teleward_gateway.core.visits import OVER, VisitAction, VisitState

AUDIT_KEEP_S = 7 * DAY_S
REPORT_KEEP_S = 400 * DAY_S


def _unseen() -> KeyedPseudonyms:
    """A key that nobody has: pseudonyms that lead nowhere."""
    return KeyedPseudonyms(secrets.token_bytes(32))


@dataclass(frozen=True, slots=True)
class BookKeeping:
    """How books are kept: whose pseudonyms, how long."""

    pseudonyms: KeyedPseudonyms = field(default_factory=_unseen)
    audit_keep_s: int = AUDIT_KEEP_S
    report_keep_s: int = REPORT_KEEP_S

    def head(self, namespace: Namespace, who: str = "") -> str:
        """The first argument of every script that begins with `BOOKS`."""
        return json.dumps(
            {
                "queue": keys.queue(namespace, ""), "due": keys.due(namespace), "who": who,
                "audit": keys.audit(namespace), "audit_keep_s": self.audit_keep_s,
                "refusals": keys.refusals(namespace, ""), "report": keys.report(namespace, "", "")[:-1],
                "reported": keys.reported(namespace), "report_keep_s": self.report_keep_s,
            }
        )  # fmt: skip


def _table(entries: dict[str, str]) -> str:
    return "{" + ", ".join(f"['{key}'] = {value}" for key, value in entries.items()) + "}"


STORE_CLOCK = """
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
"""

BOOKS = f"""
local HEAD = cjson.decode(ARGV[1])
local function whole(number) return string.format('%.0f', number) end
local function oldest() return whole((redis.call('TIME')[1] - HEAD.audit_keep_s) * 1000) end
local function audit(event)
  if event.outcome ~= '{DONE}' then
    local is_staff = string.sub(event.who, 1, {len(STAFF)}) == '{STAFF}'
    local key = HEAD.refusals .. (is_staff and 'staff' or 'others')
    local refusals = redis.call('INCR', key)
    if refusals == 1 then redis.call('EXPIRE', key, 60) end
    if refusals > {MOST_REFUSALS_A_MINUTE} + 1 then return end
    if refusals > {MOST_REFUSALS_A_MINUTE} then event.outcome = '{TOO_MANY}' end
  end
  redis.call('XADD', HEAD.audit, 'MINID', oldest(), '*', 'what', event.what,
    'who', event.who, 'clinic', event.clinic, 'outcome', event.outcome, 'visit', event.visit)
  redis.call('EXPIRE', HEAD.audit, HEAD.audit_keep_s)
end
"""
"""Writes one event; ARGV[1] is `BookKeeping.head`."""

ACCOUNTS = (
    STORE_CLOCK
    + BOOKS
    + f"""
local NOW, COUNTED = now_ms(), {{}}
local OVER = {_table(dict.fromkeys(sorted(OVER), "true"))}
local WAITING = '{VisitState.WAITING}'
local BOUNDS = {{{", ".join(map(str, BOUNDS_S))}}}
local ENDINGS = {_table({step: f"'{outcome}'" for step, outcome in ENDINGS.items()})}
local GAVE_UP = {_table(dict.fromkeys(sorted(GAVE_UP), "true"))}
local WAITS_ANEW = {_table(dict.fromkeys(sorted(WAITS_ANEW), "true"))}
local VISIT, SWEEP_WITHIN_S = ARGV[2], {keys.SWEEP_WITHIN_S}
local function record(visit, what, who, outcome)
  audit({{what = what, who = who, clinic = visit.clinic, outcome = outcome, visit = visit.pseudonym or ''}})
end
local function count(visit, what)
  local day = math.floor((math.floor(NOW / 1000) + (visit.utc_offset_s or 0)) / {DAY_S})
  local key = HEAD.report .. visit.clinic .. ':' .. whole(day)
  redis.call('HINCRBY', key, what, 1)
  redis.call('EXPIRE', key, HEAD.report_keep_s)
  redis.call('ZADD', HEAD.reported, day, visit.clinic)
  redis.call('EXPIRE', HEAD.reported, HEAD.report_keep_s)
end
local function spread(visit, what, since_ms)
  local seconds, bucket = math.max(0, NOW - since_ms) / 1000, '{MORE}'
  for _, bound in ipairs(BOUNDS) do
    if seconds <= bound then bucket = whole(bound) break end
  end
  count(visit, what .. ':' .. bucket)
  COUNTED[#COUNTED + 1] = {{what, seconds}}
end
local function came(visit, what)
  count(visit, what)
  COUNTED[#COUNTED + 1] = {{what, 0}}
end
local function consultation(account, visit)
  if account.joined_ms > 0 then spread(visit, '{Spread.CONSULTATION}', account.joined_ms) end
end
local function close(account, visit, outcome)
  consultation(account, visit)
  if GAVE_UP[outcome] and visit.state == WAITING then spread(visit, '{Spread.IN_VAIN}', account.since_ms) end
  came(visit, outcome)
end
local function account_of(visit)
  local known = redis.call('GET', VISIT .. visit.id .. ':account')
  return known and cjson.decode(known) or {{since_ms = visit.arrived_ms, joined_ms = 0, is_consulted = false}}
end
local function keep_account(visit, account)
  redis.call('SET', VISIT .. visit.id .. ':account', cjson.encode(account))
  redis.call('PEXPIRE', VISIT .. visit.id .. ':account', math.max(1, redis.call('PTTL', VISIT .. visit.id)))
end
local function open_account(visit)
  local is_in_call = visit.state ~= WAITING
  keep_account(visit, {{since_ms = NOW, joined_ms = is_in_call and NOW or 0, is_consulted = is_in_call}})
  came(visit, '{Came.ENTERED}')
  record(visit, '{Deed.ENTER}', HEAD.who, '{DONE}')
end
local function settle(before, visit, step)
  local account = account_of(before)
  if before.state == WAITING and visit.state == '{VisitState.CALLED}' then
    spread(before, '{Spread.WAITED}', account.since_ms)
  end
  if step == '{VisitAction.JOIN}' and account.joined_ms == 0 then
    account.joined_ms, account.is_consulted = NOW, true
  end
  if OVER[visit.state] then
    close(account, before, account.is_consulted and '{Outcome.CONSULTED}' or ENDINGS[step])
    redis.call('DEL', VISIT .. visit.id .. ':account')
    return
  end
  if step == '{VisitAction.TRANSFER}' then
    close(account, before, '{Outcome.TRANSFERRED}')
    came(visit, '{Came.TRANSFERRED_HERE}')
    account = {{since_ms = NOW, joined_ms = 0, is_consulted = false}}
  elseif WAITS_ANEW[step] then
    consultation(account, before)
    account.since_ms, account.joined_ms = NOW, 0
  end
  keep_account(visit, account)
end
local function vanish(visit)
  local account = account_of(visit)
  close(account, visit, account.is_consulted and '{Outcome.CONSULTED}' or '{Outcome.VANISHED}')
  local key = VISIT .. visit.id
  redis.call('DEL', key, key .. ':personal', key .. ':words', key .. ':account', key .. ':quality')
  redis.call('ZREM', HEAD.queue .. visit.clinic_uid, visit.id)
  redis.call('ZREM', HEAD.due, visit.id)
  redis.call('PUBLISH', '{keys.CHANGED}', visit.clinic_uid)
  record(visit, '{Deed.VANISH}', '{GATEWAY}', '{DONE}')
end
local function find(id)
  local known = redis.call('GET', VISIT .. id)
  if not known then return false end
  local visit = cjson.decode(known)
  if visit.id ~= id then return false end
  if OVER[visit.state] or redis.call('EXISTS', VISIT .. id .. ':personal') == 1 then return known, visit end
  vanish(visit)
  return false
end
"""
)
"""Counts steps beside; ARGV[2] is what every visit's key begins with.

A visit whose personal data have expired has vanished: whoever comes upon it first counts it and takes it away. An id
may be anything that somebody has put into an address: what stands beside a visit is none.
"""
