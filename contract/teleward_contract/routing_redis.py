"""Placements and media nodes in Redis: one Lua script per verb, atomic, on the store's own clock.

All keys of a pool share the hash tag `{pool:<namespace>/<name>}`; what has no other TTL is dropped a day after the last
beat.

=============================  ======  ==============================================================
key                            type    what, and who writes
=============================  ======  ==============================================================
tw:{pool:P}:clock              hash    since, last (ms), recovered: how long the store was observed; every script
tw:{pool:P}:nodes              hash    media node → its record; heartbeats
tw:{pool:P}:load               hash    media node → packed numbers for picking; heartbeats, placing, marks
tw:{pool:P}:placements         hash    call → placement; placing and heartbeats
tw:{pool:P}:tombstones         hash    call → epoch:until; release, kept `TOMBSTONE_TTL_S`, swept by reaping
tw:{pool:P}:demand             string  ms of the last Full; placing, 5 min; read by the autoscaler
tw:{pool:P}:policy             hash    the pool's projection; the operator (`projections_redis`)
tw:{pool:P}:pending            zset    call → ms of placing, while nobody has confirmed it; placing
tw:{pool:P}:strays             set     calls whose boot is gone; heartbeats of a new boot, retiring, reaping
tw:{pool:P}:calls:<node>       set     calls on one media node; placing and heartbeats
=============================  ======  ==============================================================
"""

import json
import secrets
from functools import cache
from typing import Any, cast

from teleward_contract.media_nodes import (
    FORGET_AFTER_S,
    RECOVERY_S,
    STORE_GAP_S,
    SUSPECT_AFTER_S,
    BeatAnswer,
    Heartbeat,
    MediaNodeState,
    MediaNodeView,
)
from teleward_contract.placements import (
    RESERVATION_TTL_S,
    TOMBSTONE_TTL_S,
    Full,
    FullReason,
    Gone,
    Placed,
    Placement,
    Reaped,
    Recovering,
    ReplaceAnswer,
    ReserveAnswer,
    ResizeAnswer,
)
from teleward_contract.redis_store import Store, read_script
from teleward_contract.routing_table import SOFT_LIMIT
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    LeaderEpoch,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
)


def policy_key(pool: PoolId) -> str:
    """Where the operator puts a pool's projection, in the pool's hash tag."""
    return f"tw:{{pool:{pool}}}:policy"


def _keys(pool: PoolId) -> list[str]:
    tag = f"tw:{{pool:{pool}}}"
    names = ("nodes", "load", "placements", "tombstones", "demand", "policy", "pending", "strays")
    return [f"{tag}:clock", *(f"{tag}:{name}" for name in names), f"{tag}:calls:", f"{tag}:leader"]


_CONSTANTS = "".join(
    f"local {name} = {value}\n"
    for name, value in {
        "GAP": int(STORE_GAP_S * 1000),
        "SUSPECT": int(SUSPECT_AFTER_S * 1000),
        "RECOVERY": int(RECOVERY_S * 1000),
        "FORGET": int(FORGET_AFTER_S * 1000),
        "RESERVATION": int(RESERVATION_TTL_S * 1000),
        "TOMBSTONE": int(TOMBSTONE_TTL_S * 1000),
        "SOFT_LIMIT": SOFT_LIMIT,
    }.items()
)
_PLACING = frozenset({"reserve", "replace"})


@cache
def _script(verb: str) -> str:
    parts = ["prelude", *(["place"] if verb in _PLACING else []), verb]
    return _CONSTANTS + "\n".join(read_script(part) for part in parts)


class RedisRouting:
    """Both ports, `Placements` and `MediaNodes`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.test_clock_ms: int | None = None
        """Tests set the clock; None means the store's own."""

    async def _run(self, verb: str, pool: PoolId, *args: str | int | float) -> Any:
        now = "" if self.test_clock_ms is None else self.test_clock_ms
        raw = await self._store.script(_script(verb), _keys(pool), [now, *args])
        return json.loads(raw) if isinstance(raw, str) else raw

    async def reserve(self, pool: PoolId, call: CallId, cost: CapacityUnits) -> ReserveAnswer:
        """See `Placements`."""
        answer = _answer(pool, await self._run("reserve", pool, call, cost, _seed()))
        assert not isinstance(answer, Gone)
        return answer

    async def find(self, pool: PoolId, call: CallId) -> Placement | None:
        """See `Placements`."""
        answer = _answer(pool, await self._run("find", pool, call))
        return answer.placement if isinstance(answer, Placed) else None

    async def confirm(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> bool:
        """See `Placements`."""
        return bool(await self._run("confirm", pool, call, epoch))

    async def resize(
        self, pool: PoolId, call: CallId, epoch: PlacementEpoch, cost: CapacityUnits
    ) -> ResizeAnswer:
        """See `Placements`."""
        answer = _answer(pool, await self._run("resize", pool, call, epoch, cost))
        assert not isinstance(answer, Recovering)
        return answer

    async def release(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> bool:
        """See `Placements`."""
        return bool(await self._run("release", pool, call, epoch))

    async def replace(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> ReplaceAnswer:
        """See `Placements`."""
        return _answer(pool, await self._run("replace", pool, call, epoch, _seed()))

    async def reap(self, pool: PoolId) -> Reaped:
        """See `Placements`."""
        found = await self._run("reap", pool)
        return Reaped(
            expired=tuple(sorted(found["expired"])),
            orphaned=tuple(_placement(pool, item["value"]) for item in found["orphaned"]),
        )

    async def beat(self, heartbeat: Heartbeat) -> BeatAnswer:
        """See `MediaNodes`."""
        record = heartbeat.model_dump(mode="json", exclude={"calls"})
        record["calls"] = len(heartbeat.calls)
        calls: list[str | int | float] = []
        for live in heartbeat.calls:
            calls += [live.call, live.epoch, live.cost]
        serving = int(heartbeat.state is MediaNodeState.ACTIVE)
        raw = await self._run(
            "beat", heartbeat.pool, heartbeat.media_node, heartbeat.boot, json.dumps(record),
            serving, heartbeat.capacity, heartbeat.control_url, *calls,
        )  # fmt: skip
        return BeatAnswer.model_validate(raw)

    async def views(self, pool: PoolId) -> tuple[MediaNodeView, ...]:
        """See `MediaNodes`."""
        rows = await self._run("views", pool)
        views = (_view(*rows[n : n + 4]) for n in range(0, len(rows), 4))
        return tuple(sorted(views, key=lambda view: view.media_node))

    async def suspect(self, pool: PoolId, media_node: MediaNodeId, boot: BootId) -> None:
        """See `MediaNodes`."""
        await self._run("mark", pool, media_node, boot, "suspect")

    async def cordon(
        self, pool: PoolId, media_node: MediaNodeId, leader: LeaderEpoch, *, cordoned: bool
    ) -> None:
        """See `MediaNodes`."""
        await self._run("mark", pool, media_node, "", "cordon" if cordoned else "uncordon", leader)

    async def retire(self, pool: PoolId, media_node: MediaNodeId, boot: BootId) -> None:
        """See `MediaNodes`."""
        await self._run("mark", pool, media_node, boot, "retire")


def _seed() -> int:
    return secrets.randbelow(2**31)


def _placement(pool: PoolId, value: dict[str, Any]) -> Placement:
    return Placement.model_validate({**value, "pool": pool})


def _answer(pool: PoolId, raw: dict[str, Any]) -> Placed | Full | Recovering | Gone:
    match raw["kind"]:
        case "placed":
            value = raw["value"]
            return Placed(placement=_placement(pool, value), existing=value["existing"])
        case "full":
            return Full(reason=FullReason(raw["value"]))
        case "recovering":
            return Recovering(retry_after_s=cast("float", raw["value"]))
        case _:
            return Gone()


def _view(raw: str, used: int, alive: int, cordoned: int) -> MediaNodeView:
    record = json.loads(raw)
    if cordoned and record["state"] == MediaNodeState.ACTIVE:
        record["state"] = MediaNodeState.CORDONED
    return MediaNodeView.model_validate({**record, "used": used, "alive": bool(alive)})
