"""Projections in Redis: one document per clinic, replaced atomically, fenced by the leader epoch.

The operator alone writes; nothing expires, everything can be projected again.

=============================  ======  ==============================================================
key                            type    what
=============================  ======  ==============================================================
tw:{org:NS}:documents          hash    `organisation` and `clinic/<name>` → document
tw:{org:NS}:leader             string  highest leader epoch that wrote here; so is `tw:{pool:P}:leader`
tw:{pool:P}:policy             string  the pool's document (spelt in `routing_redis`, whose scripts read it)
tw:index                       hash    `kind namespace name` → uid, of all that is stored
tw:marker                      string  leader epoch of the last complete projection; gone = store emptied
tw:changed                     channel `kind namespace name` after each change: look again
=============================  ======  ==============================================================
"""

from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from redis.exceptions import RedisError

from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    PoolProjection,
    Projection,
    ProjectionKind,
)
from teleward_contract.projections_memory import Key, key_of
from teleward_contract.redis_store import Store, read_script, unavailable
from teleward_contract.routing_redis import policy_key
from teleward_contract.units import LeaderEpoch, Namespace, PoolId

CHANGED_CHANNEL = "tw:changed"
_INDEX, _MARKER = "tw:index", "tw:marker"
_T = TypeVar("_T")


def _documents(namespace: Namespace) -> str:
    return f"tw:{{org:{namespace}}}:documents"


def _place(kind: ProjectionKind, namespace: Namespace, name: str) -> tuple[list[str], str]:
    """The script's keys [leader, document] and the field."""
    if kind is ProjectionKind.POOL:
        pool = PoolId(f"{namespace}/{name}")
        return [f"tw:{{pool:{pool}}}:leader", policy_key(pool)], ""
    field = "organisation" if kind is ProjectionKind.ORGANISATION else f"clinic/{name}"
    return [f"tw:{{org:{namespace}}}:leader", _documents(namespace)], field


class RedisProjections:
    """Both sides, `ProjectionWriter` and `Projections`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = read_script("project")

    async def _call(self, work: Awaitable[_T]) -> _T:
        try:
            return await work
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def put(self, document: Projection, leader: LeaderEpoch) -> None:
        """See `ProjectionWriter`."""
        kind, namespace, name = key_of(document)
        keys, field = _place(kind, namespace, name)
        await self._store.script(
            self._script, keys, [leader, field, document.uid, document.model_dump_json()]
        )
        await self._note(kind, namespace, name, document.uid)

    async def remove(
        self, kind: ProjectionKind, namespace: Namespace, name: str, uid: str, leader: LeaderEpoch
    ) -> None:
        """See `ProjectionWriter`."""
        keys, field = _place(kind, namespace, name)
        if await self._store.script(self._script, keys, [leader, field, uid, ""]):
            await self._note(kind, namespace, name, None)

    async def _note(
        self, kind: ProjectionKind, namespace: Namespace, name: str, uid: str | None
    ) -> None:
        """Keep the index, which lives in another hash slot, and tell readers to look again."""
        entry = f"{kind} {namespace} {name}"
        redis = self._store.redis
        change = redis.hset(_INDEX, entry, uid) if uid else redis.hdel(_INDEX, entry)
        await self._call(change)
        await self._call(redis.publish(CHANGED_CHANNEL, entry))

    async def stored(self) -> dict[Key, str]:
        """See `ProjectionWriter`."""
        rows: dict[str, str] = await self._call(
            cast("Awaitable[dict[str, str]]", self._store.redis.hgetall(_INDEX))
        )
        found = {}
        for entry, uid in rows.items():
            kind, namespace, name = entry.split(" ")
            found[ProjectionKind(kind), Namespace(namespace), name] = uid
        return found

    async def mark(self, leader: LeaderEpoch) -> None:
        """See `ProjectionWriter`."""
        await self._call(self._store.redis.set(_MARKER, leader))

    async def is_marked(self) -> bool:
        """See `ProjectionWriter`."""
        return bool(await self._call(self._store.redis.exists(_MARKER)))

    async def organisation(self, namespace: Namespace) -> OrganisationProjection | None:
        """See `Projections`."""
        raw = await self._field(namespace, "organisation")
        return OrganisationProjection.model_validate_json(raw) if raw else None

    async def clinic(self, namespace: Namespace, name: str) -> ClinicProjection | None:
        """See `Projections`."""
        raw = await self._field(namespace, f"clinic/{name}")
        return ClinicProjection.model_validate_json(raw) if raw else None

    async def _field(self, namespace: Namespace, field: str) -> str | None:
        return await self._call(
            cast("Awaitable[str | None]", self._store.redis.hget(_documents(namespace), field))
        )

    async def clinics(self) -> tuple[ClinicProjection, ...]:
        """See `Projections`."""
        wanted = sorted(k for k in await self.stored() if k[0] is ProjectionKind.CLINIC)
        found = [await self.clinic(namespace, name) for _, namespace, name in wanted]
        return tuple(clinic for clinic in found if clinic is not None)

    async def pools(self) -> tuple[PoolProjection, ...]:
        """See `Projections`."""
        wanted = sorted(k for k in await self.stored() if k[0] is ProjectionKind.POOL)
        found: list[Any] = [
            await self._call(self._store.redis.get(policy_key(PoolId(f"{namespace}/{name}"))))
            for _, namespace, name in wanted
        ]
        return tuple(PoolProjection.model_validate_json(raw) for raw in found if raw)

    async def is_complete(self) -> bool:
        """See `Projections`."""
        return await self.is_marked()
