"""Plan a media pool: which media nodes run, which are cordoned, what the status says. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from teleward_contract.media_nodes import MediaNodeState, MediaNodeView
from teleward_contract.projections import PoolProjection
from teleward_contract.resources import SKIP_DRAIN, MediaPool
from teleward_contract.units import CapacityUnits, MediaNodeId, PoolId

from teleward_operator.core.clinics import SILENT
from teleward_operator.core.conditions import ConditionType, Reason, Verdict, refuse
from teleward_operator.core.media_node_objects import POOL_LABEL, number_of
from teleward_operator.core.statuses import StatusWrite, compose, unanswered

MAX_TROUBLE = 500
"""Characters of the runtime's words in a condition."""


@dataclass(frozen=True, slots=True)
class RunningMediaNode:
    """A media node as the runtime knows it."""

    media_node: MediaNodeId
    is_stopping: bool = False
    """Told to stop, not gone yet: its id is taken, its calls are not counted on."""
    trouble: str = ""
    """Why it does not come up, in the runtime's words."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs the media nodes of a pool, as it is now."""

    media_nodes: tuple[RunningMediaNode, ...]
    """Those that shall run, and those still stopping."""
    is_settled: bool = True
    """Nothing drifted: it need not be told again what to run."""


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """Everything a decision about one pool may look at."""

    pool: MediaPool
    runtime: Runtime | str
    """What runs the media nodes, or why it does not answer."""
    views: tuple[MediaNodeView, ...]
    now: str
    """RFC 3339 wallclock."""
    overdue: frozenset[MediaNodeId] = frozenset()
    """Cordoned for longer than spec.drain.timeoutSeconds: they go with their calls."""
    is_routing_up: bool = True


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What to do about one pool."""

    run: tuple[MediaNodeId, ...]
    cordon: tuple[MediaNodeId, ...]
    uncordon: tuple[MediaNodeId, ...]
    leaving: frozenset[MediaNodeId]
    """Cordoned from now on, these included that are cordoned already."""
    is_changed: bool
    """The runtime has to be told what to run."""
    is_gone: bool
    """Deleted, and nothing runs any more: the finalizer may go."""
    status: StatusWrite | None


def pool_id(pool: MediaPool) -> PoolId:
    """Name a pool `namespace/name`."""
    return PoolId(f"{pool.metadata.namespace}/{pool.metadata.name}")


def is_deleted(pool: MediaPool) -> bool:
    """Whether somebody deleted the pool; its finalizer keeps it until it is drained."""
    return pool.metadata.deletion_timestamp is not None


def desired_replicas(pool: MediaPool) -> tuple[int, str]:
    """How many media nodes are wanted and why; with autoscaling, its floor until demand is followed."""
    if is_deleted(pool):
        return 0, "the pool is being deleted"
    if pool.spec.autoscaling is not None:
        return pool.spec.autoscaling.min, "spec.autoscaling.min"
    if pool.spec.replicas is None:
        return 1, "default of spec.replicas"
    return pool.spec.replicas, "spec.replicas"


def project_pool(pool: MediaPool) -> PoolProjection:
    """Project what placing needs."""
    return PoolProjection(
        pool=pool_id(pool), uid=pool.metadata.uid, generation=pool.metadata.generation,
        policy=pool.spec.scheduling.policy,
        units_per_media_node=CapacityUnits(pool.spec.capacity.units_per_media_node),
    )  # fmt: skip


def plan_pool(seen: PoolSnapshot) -> PoolPlan:
    """Start what is missing; cordon the emptiest of what is too much, and stop it once it is empty."""
    wanted, _ = desired_replicas(seen.pool)
    views = {view.media_node: view for view in seen.views}
    running = _running(seen)
    listed = [node.media_node for node in running if not node.is_stopping]
    cordoned = [node for node in listed if _is_cordoned(views.get(node))]
    active = [node for node in listed if node not in cordoned]

    welcome = _fullest(cordoned, views)[: max(0, wanted - len(active))]
    surplus = _fullest(active, views)[wanted:]
    stay = [node for node in (*active, *welcome) if node not in surplus]
    if isinstance(seen.runtime, Runtime):
        taken = [node.media_node for node in running]
        stay += _fresh_ids(seen.pool.metadata.name, taken, wanted - len(stay))
    leaving = frozenset({*cordoned, *surplus} - set(welcome))
    # One cordoned just now may have been given a call since it was looked at: look once more.
    waiting = [
        node
        for node in leaving - (leaving if _skips_drain(seen.pool) else seen.overdue)
        if _has_calls(views.get(node)) or (node in surplus and _is_alive(views.get(node)))
    ]
    run = tuple(sorted((*stay, *waiting), key=number_of))
    return PoolPlan(
        run, tuple(surplus), tuple(welcome), leaving,
        is_changed=isinstance(seen.runtime, Runtime)
        and (set(run) != set(listed) or not seen.runtime.is_settled),
        is_gone=is_deleted(seen.pool) and isinstance(seen.runtime, Runtime) and not running
        and not _alive(seen.views),
        status=_status(seen, len(waiting)),
    )  # fmt: skip


def _skips_drain(pool: MediaPool) -> bool:
    return is_deleted(pool) and pool.metadata.annotations.get(SKIP_DRAIN) == "true"


def busy(views: Iterable[MediaNodeView]) -> frozenset[MediaNodeId]:
    """The media nodes that carry calls, or are about to."""
    return frozenset(view.media_node for view in views if _has_calls(view))


def _running(seen: PoolSnapshot) -> tuple[RunningMediaNode, ...]:
    return seen.runtime.media_nodes if isinstance(seen.runtime, Runtime) else ()


def _is_cordoned(view: MediaNodeView | None) -> bool:
    return view is not None and view.state is not MediaNodeState.ACTIVE


def _is_alive(view: MediaNodeView | None) -> bool:
    return view is not None and view.alive


def _has_calls(view: MediaNodeView | None) -> bool:
    return view is not None and view.alive and (view.calls > 0 or view.used > 0)


def _fullest(
    nodes: Iterable[MediaNodeId], views: Mapping[MediaNodeId, MediaNodeView]
) -> list[MediaNodeId]:
    """Most used first, those that do not beat last; among equals the highest number goes first."""

    def load(node: MediaNodeId) -> tuple[int, int]:
        view = views.get(node)
        return (-view.used if view is not None and view.alive else 1, number_of(node))

    return sorted(nodes, key=load)


def _fresh_ids(pool: str, taken: Iterable[MediaNodeId], count: int) -> list[MediaNodeId]:
    """The smallest free numbers."""
    numbers = {number_of(node) for node in taken}
    free = (n for n in range(len(numbers) + max(0, count)) if n not in numbers)
    return [MediaNodeId(f"{pool}-{n}") for n, _ in zip(free, range(count), strict=False)]


def _alive(views: Iterable[MediaNodeView]) -> list[MediaNodeView]:
    return [view for view in views if view.alive]


def _status(seen: PoolSnapshot, draining: int) -> StatusWrite | None:
    wanted, why = desired_replicas(seen.pool)
    alive = _alive(seen.views)
    ready = sum(view.state is MediaNodeState.ACTIVE for view in alive)
    capacity, used = sum(v.capacity for v in alive), sum(v.used for v in alive)
    extra: dict[str, object] = {
        "replicas": len(alive), "ready": ready, "draining": draining, "capacityUnits": capacity,
        "usedUnits": used, "calls": sum(v.calls for v in alive), "desiredReplicas": wanted,
        "lastScaleReason": why, "selector": f"{POOL_LABEL}={seen.pool.metadata.name}",
        "units": f"{used}/{capacity}",
    }  # fmt: skip
    if seen.is_routing_up:
        return compose(seen.pool, _troubles(seen, wanted, ready), extra, seen.now)
    silent = compose(seen.pool, (SILENT,), {"desiredReplicas": wanted}, seen.now)
    return next(iter(unanswered((silent,))), None)


def _troubles(seen: PoolSnapshot, wanted: int, ready: int) -> tuple[Verdict, ...]:
    def not_ready(reason: Reason, message: str) -> tuple[Verdict, ...]:
        return (refuse(ConditionType.READY, reason, message),)

    if isinstance(seen.runtime, str):
        return not_ready(
            Reason.RUNTIME_UNAVAILABLE,
            f"Media nodes can be neither started nor stopped; running calls go on. {seen.runtime}",
        )
    if is_deleted(seen.pool):
        return not_ready(
            Reason.DRAINING,
            "Waits for the last calls to end, at most spec.drain.timeoutSeconds. To end them now: "
            f"kubectl annotate mediapool {seen.pool.metadata.name} {SKIP_DRAIN}=true. Without an "
            "operator, take the finalizer teleward.io/drain off.",
        )
    if ready < wanted:
        return not_ready(
            Reason.MEDIA_NODES_STARTING,
            f"{ready} of {wanted} media nodes take calls. {_first_trouble(seen)}",
        )
    return ()


def _first_trouble(seen: PoolSnapshot) -> str:
    """Why one of those that shall run does not."""
    for node in _running(seen):
        if node.trouble:
            return f"{node.media_node}: {node.trouble[:MAX_TROUBLE]}"
    return "If it lasts, look at their logs."
