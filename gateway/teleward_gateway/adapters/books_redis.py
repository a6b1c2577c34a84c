"""Audit and reports in Redis, as the scripts of visits and this module's own write them."""

import json
from collections.abc import Iterable
from typing import Any, cast

from redis.exceptions import RedisError, ResponseError
from teleward_contract.redis_store import Store, unavailable
from teleward_contract.units import Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.adapters.books import BOOKS, STORE_CLOCK, BookKeeping
from teleward_gateway.core.accounts import DAY_S
from teleward_gateway.core.audit import Event, Recorded
from teleward_gateway.core.reports import ClinicDay
from teleward_gateway.ports.books import TAKEN_S

SHIPPERS = "shippers"
"""Consumer group and consumer: every gateway is the same one, so that no name of a stopped one stays."""
READ_AT_ONCE = 100
"""Days of clinics in one round trip."""

# ARGV: the books' head, the event as JSON
_NOTE = BOOKS + "audit(cjson.decode(ARGV[2]))"

# KEYS: the audit; ARGV: the books' head, before which id, at most how many
_PAGE = (
    BOOKS
    + """
return redis.call('XREVRANGE', KEYS[1], ARGV[2], oldest(), 'COUNT', ARGV[3])
"""
)

# KEYS: clinics of which anything was counted; ARGV: retention in days. A clinic's day may be one ahead or behind.
_CLINICS = f"""{STORE_CLOCK}
local today = math.floor(now_ms() / {DAY_S * 1000})
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', today - ARGV[1] - 2)
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""


class RedisBooks:
    """Both ports, `Audit` and `Reports`."""

    def __init__(self, store: Store, books: BookKeeping) -> None:
        self._store = store
        self._books = books

    async def note(self, namespace: Namespace, event: Event) -> None:
        """See `Audit`."""
        words = {
            "what": event.what, "who": event.who, "clinic": event.clinic,
            "outcome": event.outcome, "visit": event.visit,
        }  # fmt: skip
        await self._store.script(
            _NOTE, [keys.audit(namespace)], [self._books.head(namespace), json.dumps(words)]
        )

    async def page(
        self, namespace: Namespace, at_most: int, before: str = ""
    ) -> tuple[Recorded, ...]:
        """See `Audit`."""
        newest = f"({before}" if before else "+"
        found = await self._store.script(
            _PAGE, [keys.audit(namespace)], [self._books.head(namespace), newest, at_most]
        )
        rows = cast("list[tuple[str, list[str]]]", found or [])
        return tuple(
            _recorded(id_, dict(zip(row[::2], row[1::2], strict=True))) for id_, row in rows
        )

    async def take(self, namespace: Namespace, at_most: int) -> tuple[Recorded, ...]:
        """See `Audit`."""
        key, redis = keys.audit(namespace), self._store.redis
        try:
            try:
                claimed: Any = await redis.xautoclaim(
                    key, SHIPPERS, SHIPPERS, TAKEN_S * 1000, count=at_most
                )
            except ResponseError:
                if not await self._is_grouped(key):
                    return ()
                claimed = (None, [])
            rows = [row for row in claimed[1] if row[1]]
            if len(rows) < at_most:
                fresh: Any = await redis.xreadgroup(
                    SHIPPERS, SHIPPERS, {key: ">"}, count=at_most - len(rows)
                )
                rows += _entries(fresh)
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        return tuple(_recorded(id_, fields) for id_, fields in rows)

    async def _is_grouped(self, key: str) -> bool:
        """Make the group; False when there is no audit yet."""
        try:
            await self._store.redis.xgroup_create(key, SHIPPERS, id="0")
        except ResponseError as err:
            return "BUSYGROUP" in str(err)
        return True

    async def shipped(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """See `Audit`."""
        try:
            await self._store.redis.xack(keys.audit(namespace), SHIPPERS, *ids)
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def clinics(self, namespace: Namespace) -> frozenset[str]:
        """See `Reports`."""
        found = await self._store.script(
            _CLINICS, [keys.reported(namespace)], [self._books.report_keep_s // DAY_S]
        )
        return frozenset(cast("list[str]", found))

    async def days(
        self, namespace: Namespace, clinics: Iterable[str], first: int, last: int
    ) -> tuple[ClinicDay, ...]:
        """See `Reports`."""
        wanted = [(day, name) for day in range(first, last + 1) for name in sorted(set(clinics))]
        found: list[ClinicDay] = []
        for at in range(0, len(wanted), READ_AT_ONCE):
            found += await self._read(namespace, wanted[at : at + READ_AT_ONCE])
        return tuple(found)

    async def _read(self, namespace: Namespace, wanted: list[tuple[int, str]]) -> list[ClinicDay]:
        places = [keys.report(namespace, name, day) for day, name in wanted]
        raw = cast("list[list[str]]", await self._store.script(_READ, places, []))
        return [
            ClinicDay(name, day, {what: int(n) for what, n in zip(row[::2], row[1::2], strict=True)})
            for (day, name), row in zip(wanted, raw, strict=True)
            if row
        ]  # fmt: skip


_READ = """
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('HGETALL', key) end
return found
"""


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """The entries of one stream, as redis-py answers for either protocol."""
    if not answer:
        return []
    streams = answer.items() if isinstance(answer, dict) else answer
    for _, entries in streams:
        is_nested = isinstance(answer, dict) and entries and isinstance(entries[0], list)
        return list(entries[0] if is_nested else entries)
    return []


def _recorded(id_: str, row: dict[str, str]) -> Recorded:
    return Recorded(
        id_, Event(row["what"], row["who"], row["clinic"], row["outcome"], row["visit"])
    )
