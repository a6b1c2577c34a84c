"""Projections in Redis: one document per clinic, replaced atomically, fenced by the leader epoch.

The operator alone writes; nothing expires, everything can be projected again.

=============================  =======  =============================================================
key                            type     what
=============================  =======  =============================================================
tw:{org:NS}:documents          hash     `organisation` and `clinic/<name>` → document
tw:{org:NS}:leader             string   highest leader epoch that wrote under this tag
tw:{pool:P}:policy             hash     `pool` → the pool's document (`routing_redis`, whose scripts read it)
tw:{pool:P}:leader             string   as above
tw:{projections}:index         set      documents keys that have held something; written before them
tw:{projections}:marker        hash     `complete` → replication id of the store that got a full projection
tw:{projections}:leader        string   as above
tw:changed                     channel  `kind namespace name` after each change: look again
=============================  =======  =============================================================
"""

import json
from collections.abc import Awaitable
from typing import TypeVar, cast

from pydantic import ValidationError
from redis.exceptions import NoPermissionError, RedisError

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    PoolProjection,
    Projection,
    ProjectionKind,
    Stored,
)
from teleward_contract.projections_memory import Key, key_of
from teleward_contract.redis_store import Store, read_script, unavailable
from teleward_contract.routing_redis import policy_key
from teleward_contract.units import LeaderEpoch, Namespace, PoolId

CHANGED_CHANNEL = "tw:changed"
_INDEX, _MARKER = "tw:{projections}:index", "tw:{projections}:marker"
_RECORDS: dict[str, type[Projection]] = {
    "organisation": OrganisationProjection,
    "clinic": ClinicProjection,
    "pool": PoolProjection,
}
_T = TypeVar("_T")


def _place(kind: ProjectionKind, namespace: Namespace, name: str) -> tuple[str, str]:
    """Where a document stands: key and field."""
    if kind is ProjectionKind.POOL:
        return policy_key(PoolId(f"{namespace}/{name}")), "pool"
    field = "organisation" if kind is ProjectionKind.ORGANISATION else f"clinic/{name}"
    return f"tw:{{org:{namespace}}}:documents", field


def _named(key: str, field: str) -> Key:
    """The (kind, namespace, name) of what stands in a place: the inverse of `_place`."""
    kind, _, name = field.partition("/")
    tag = key[key.index(":", key.index("{")) + 1 : key.index("}")]
    if kind == "pool":
        namespace, _, name = tag.partition("/")
        return ProjectionKind.POOL, Namespace(namespace), name
    return ProjectionKind(kind), Namespace(tag), name or kind


def _document(field: str, raw: str) -> Projection:
    return _RECORDS[field.partition("/")[0]].model_validate_json(raw)


def _stored(field: str, raw: str) -> Stored:
    try:
        document = _document(field, raw)
    except ValidationError:
        return Stored(_uid_of(raw), None)
    return Stored(document.uid, document)


def _uid_of(raw: str) -> str:
    """The uid in a text of any shape, as the script that removes it looks for one."""
    try:
        found = json.loads(raw)
    except ValueError:
        return ""
    return str(found.get("uid", "")) if isinstance(found, dict) else ""


class RedisProjections:
    """Both sides, `ProjectionWriter` and `Projections`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = read_script("project")

    async def put(self, document: Projection, leader: LeaderEpoch) -> None:
        """See `ProjectionWriter`."""
        key, field = _place(*key_of(document))
        hint = " ".join(key_of(document))
        await self._call(self._store.redis.sadd(_INDEX, key))
        await self._write(key, field, leader, document.uid, document.model_dump_json(), hint)

    async def remove(
        self, kind: ProjectionKind, namespace: Namespace, name: str, uid: str, leader: LeaderEpoch
    ) -> None:
        """See `ProjectionWriter`."""
        key, field = _place(kind, namespace, name)
        await self._write(key, field, leader, uid, "", f"{kind} {namespace} {name}")

    async def stored(self) -> dict[Key, Stored]:
        """See `ProjectionWriter`."""
        return await self._all()

    async def mark(self, leader: LeaderEpoch) -> None:
        """See `ProjectionWriter`."""
        await self._write(_MARKER, "complete", leader, "", await self._identity(), "complete")

    async def is_marked(self) -> bool:
        """See `ProjectionWriter`."""
        wait = cast("Awaitable[str | None]", self._store.redis.hget(_MARKER, "complete"))
        return await self._call(wait) == await self._identity()

    async def organisation(self, namespace: Namespace) -> OrganisationProjection | None:
        """See `Projections`."""
        document = await self._one(ProjectionKind.ORGANISATION, namespace, "")
        return document if isinstance(document, OrganisationProjection) else None

    async def clinic(self, namespace: Namespace, name: str) -> ClinicProjection | None:
        """See `Projections`."""
        document = await self._one(ProjectionKind.CLINIC, namespace, name)
        return document if isinstance(document, ClinicProjection) else None

    async def clinics(self) -> tuple[ClinicProjection, ...]:
        """See `Projections`."""
        found = [
            d for _, d in (await self._all("org")).values() if isinstance(d, ClinicProjection)
        ]
        return tuple(sorted(found, key=lambda clinic: (clinic.namespace, clinic.name)))

    async def pools(self) -> tuple[PoolProjection, ...]:
        """See `Projections`."""
        found = [d for _, d in (await self._all("pool")).values() if isinstance(d, PoolProjection)]
        return tuple(sorted(found, key=lambda pool: pool.pool))

    async def is_complete(self) -> bool:
        """See `Projections`."""
        return bool(await self._call(self._store.redis.exists(_MARKER)))

    async def _write(
        self, key: str, field: str, leader: LeaderEpoch, uid: str, document: str, hint: str
    ) -> None:
        """Replace (or remove: an empty document) one field under its tag's leader epoch."""
        keys = [f"{key.rpartition(':')[0]}:leader", key]
        args: list[str | int | float] = [leader, field, uid, document, CHANGED_CHANNEL, hint]
        await self._store.script(self._script, keys, args)

    async def _one(
        self, kind: ProjectionKind, namespace: Namespace, name: str
    ) -> Projection | None:
        key, field = _place(kind, namespace, name)
        wait = cast("Awaitable[str | None]", self._store.redis.hget(key, field))
        raw = await self._call(wait)
        return _stored(field, raw).document if raw else None

    async def _all(self, tag: str = "") -> dict[Key, Stored]:
        """Read every document (under tags of one sort) in two round trips; fields of nobody's are passed over."""
        wait = cast("Awaitable[set[str]]", self._store.redis.smembers(_INDEX))
        keys = sorted(key for key in await self._call(wait) if key.startswith(f"tw:{{{tag}"))
        async with self._store.redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hgetall(key)
            hashes: list[dict[str, str]] = await self._call(pipeline.execute())
        return {
            _named(key, field): _stored(field, raw)
            for key, rows in zip(keys, hashes, strict=True)
            for field, raw in rows.items()
            if field.partition("/")[0] in _RECORDS
        }

    async def _identity(self) -> str:
        """The replication id: a restart, a failover or another store has another one.

        Source: `INFO replication`, master_replid (Redis, Valkey). Where it may not be asked, all
        stores look the same and the sweep alone finds what one missed.
        """
        try:
            found = await self._store.replication_id(_MARKER)
        except RoutingUnavailableError as err:
            if isinstance(err.__cause__, NoPermissionError):
                return "unknown"
            raise
        return found or "unknown"

    async def _call(self, work: Awaitable[_T]) -> _T:
        try:
            return await work
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
