"""Plan a media pool: which media nodes run, which are cordoned, what the status says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from teleward_contract.media_nodes import MediaNodeState, MediaNodeView
from teleward_contract.projections import PoolProjection
from teleward_contract.resources import MediaPool
from teleward_contract.units import CapacityUnits, MediaNodeId, PoolId

from teleward_operator.core.conditions import (
    ConditionType,
    Reason,
    Verdict,
    conditions,
    summarise,
)


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """Everything a decision about one pool may look at."""

    pool: MediaPool
    running: tuple[MediaNodeId, ...] | None
    """What the runtime runs; None while it does not answer."""
    views: tuple[MediaNodeView, ...]
    now: str


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What to do about one pool."""

    run: tuple[MediaNodeId, ...]
    cordon: tuple[MediaNodeId, ...]
    uncordon: tuple[MediaNodeId, ...]
    is_gone: bool
    """Deleted, and nothing runs any more: the finalizer may go."""
    status: dict[str, object]


def pool_id(pool: MediaPool) -> PoolId:
    """Name a pool `namespace/name`."""
    return PoolId(f"{pool.metadata.namespace}/{pool.metadata.name}")


def desired_replicas(pool: MediaPool) -> int:
    """How many media nodes are wanted; with autoscaling, its floor until demand is followed."""
    if pool.metadata.deletion_timestamp is not None:
        return 0
    if pool.spec.autoscaling is not None:
        return pool.spec.autoscaling.min
    return 1 if pool.spec.replicas is None else pool.spec.replicas


def project_pool(pool: MediaPool) -> PoolProjection:
    """Project what placing needs."""
    return PoolProjection(
        pool=pool_id(pool), uid=pool.metadata.uid, generation=pool.metadata.generation,
        policy=pool.spec.scheduling.policy,
        units_per_media_node=CapacityUnits(pool.spec.capacity.units_per_media_node),
    )  # fmt: skip


def plan_pool(seen: PoolSnapshot) -> PoolPlan:
    """Start what is missing; cordon the emptiest of what is too much, and stop it once it is empty."""
    wanted = desired_replicas(seen.pool)
    running = list(seen.running or ())
    views = {view.media_node: view for view in seen.views}
    cordoned = [node for node in running if _is_cordoned(views.get(node))]
    active = [node for node in running if node not in cordoned]
    uncordon: list[MediaNodeId] = []
    cordon: list[MediaNodeId] = []
    while len(active) < wanted and cordoned:
        uncordon.append(cordoned.pop())
        active.append(uncordon[-1])
    while len(active) < wanted and seen.running is not None:
        active.append(_next_id(seen.pool.metadata.name, (*active, *cordoned)))
    if len(active) > wanted:
        cordon = _emptiest(active, views)[: len(active) - wanted]
        active = [node for node in active if node not in cordon]
    leaving = [node for node in (*cordoned, *cordon) if _has_calls(views.get(node))]
    run = tuple(sorted((*active, *leaving), key=_number))
    is_gone = (
        seen.pool.metadata.deletion_timestamp is not None and seen.running == () and not views
    )
    return PoolPlan(
        run, tuple(cordon), tuple(uncordon), is_gone, _status(seen, wanted, len(leaving))
    )


def _is_cordoned(view: MediaNodeView | None) -> bool:
    return view is not None and view.state is not MediaNodeState.ACTIVE


def _has_calls(view: MediaNodeView | None) -> bool:
    return view is not None and view.alive and (view.calls > 0 or view.used > 0)


def _emptiest(
    nodes: Iterable[MediaNodeId], views: dict[MediaNodeId, MediaNodeView]
) -> list[MediaNodeId]:
    """Least used first; among equals the highest number goes."""

    def load(node: MediaNodeId) -> tuple[int, int]:
        view = views.get(node)
        return (view.used if view else 0, -_number(node))

    return sorted(nodes, key=load)


def _number(node: MediaNodeId) -> int:
    tail = node.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0


def _next_id(pool: str, taken: Iterable[MediaNodeId]) -> MediaNodeId:
    numbers = {_number(node) for node in taken}
    free = next(n for n in range(len(numbers) + 1) if n not in numbers)
    return MediaNodeId(f"{pool}-{free}")


def _status(seen: PoolSnapshot, wanted: int, leaving: int) -> dict[str, object]:
    alive = [view for view in seen.views if view.alive]
    ready = [view for view in alive if view.state is MediaNodeState.ACTIVE]
    capacity, used = sum(v.capacity for v in alive), sum(v.used for v in alive)
    generation = seen.pool.metadata.generation
    written = conditions(
        summarise(None, _troubles(seen, wanted, len(ready))), generation,
        seen.pool.status.get("conditions"), seen.now,
    )  # fmt: skip
    return {
        "observedGeneration": generation, "conditions": written, "replicas": len(alive),
        "ready": len(ready), "draining": leaving, "capacityUnits": capacity, "usedUnits": used,
        "calls": sum(v.calls for v in alive), "desiredReplicas": wanted,
        "selector": f"teleward.io/pool={seen.pool.metadata.name}", "units": f"{used}/{capacity}",
    }  # fmt: skip


def _troubles(seen: PoolSnapshot, wanted: int, ready: int) -> tuple[Verdict, ...]:
    def trouble(reason: Reason, message: str) -> tuple[Verdict, ...]:
        return (Verdict(ConditionType.READY, False, reason, message),)

    if seen.running is None:
        return trouble(
            Reason.RUNTIME_UNAVAILABLE,
            "Media nodes can be neither started nor stopped; running calls go on. "
            "Look at the supervisor's log.",
        )
    if seen.pool.metadata.deletion_timestamp is not None:
        return trouble(Reason.DRAINING, "Waits for the last calls to end, then goes.")
    if ready < wanted:
        return trouble(Reason.MEDIA_NODES_STARTING, f"{ready} of {wanted} media nodes take calls.")
    return ()
