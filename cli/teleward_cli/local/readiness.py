"""When an instance is ready: a pure judgement over what was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teleward_cli.local.status import Picture, State


@dataclass(frozen=True, slots=True)
class PoolGoal:
    """A declared pool and how many media nodes it wants."""

    pool: str
    """`namespace/name`."""
    replicas: int


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that a judgement looks at."""

    answers: Mapping[str, bool]
    """Process → whether it runs and says that it is ready."""
    picture: Picture | None
    """None when the routing state did not answer."""
    running: Mapping[str, frozenset[str]]
    """Pool → media nodes that the operator asked for."""
    goals: Sequence[PoolGoal] | None = None
    """What is declared; None when it was not looked at."""
    unseen: Sequence[str] = ()
    """Declared objects whose newest generation the operator has not answered yet."""


def faults(sight: Sight) -> list[str]:
    """List what keeps the instance from being ready, in words for the person who waits."""
    found = [f"{name} is not ready" for name, is_ready in sight.answers.items() if not is_ready]
    if sight.picture is None:
        return [*found, "the routing state does not answer"]
    if not sight.picture.is_complete:
        found.append("the operator has not projected everything")
    alive = {(view.pool, view.media_node) for view in sight.picture.media_nodes if view.alive}
    for pool, wanted in sorted(sight.running.items()):
        found += [
            f"media node {pool}/{one} is not alive"
            for one in sorted(wanted)
            if (pool, one) not in alive
        ]
    for goal in sight.goals or ():
        count = sum(pool == goal.pool for pool, _ in alive)
        if count < goal.replicas:
            found.append(f"pool {goal.pool} has {count} of {goal.replicas} media nodes")
    found += [f"the operator has not answered {what}" for what in sight.unseen]
    return found


def next_state(state: State, found: Sequence[str]) -> State:
    """Judge the state anew; `stopping` and `stopped` stay."""
    if state in (State.STOPPING, State.STOPPED):
        return state
    if not found:
        return State.READY
    return State.STARTING if state is State.STARTING else State.DEGRADED


def pool_goals(pools: Sequence[Mapping[str, object]]) -> list[PoolGoal]:
    """Read how many media nodes each MediaPool declares; `autoscaling` counts with its minimum."""
    return [PoolGoal(_label(pool), _replicas(pool)) for pool in pools]


def unanswered(objects: Sequence[Mapping[str, object]]) -> list[str]:
    """List the objects whose `status.observedGeneration` is behind their generation."""
    return [
        f"{one.get('kind')} {_label(one)}"
        for one in objects
        if _number(_part(one, "status"), "observedGeneration", 0)
        < _number(_part(one, "metadata"), "generation", 0)
    ]


def _replicas(pool: Mapping[str, object]) -> int:
    spec = _part(pool, "spec")
    if "autoscaling" in spec:
        return _number(_part(spec, "autoscaling"), "min", 1)
    return _number(spec, "replicas", 1)


def _label(one: Mapping[str, object]) -> str:
    meta = _part(one, "metadata")
    return f"{meta.get('namespace')}/{meta.get('name')}"


def _part(one: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = one.get(key)
    return found if isinstance(found, dict) else {}


def _number(one: Mapping[str, object], key: str, otherwise: int) -> int:
    found = one.get(key)
    return found if isinstance(found, int) else otherwise
