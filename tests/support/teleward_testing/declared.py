"""Objects as the operator reads them from the API server, with as little said as each test needs."""

from collections.abc import Mapping
from typing import Any, TypeVar

from teleward_contract.media_nodes import MediaNodeState, MediaNodeView
from teleward_contract.resources import (
    Clinic,
    MediaPool,
    MeetingRoom,
    Organisation,
    Resource,
    UserRoom,
    WaitingArea,
)
from teleward_contract.units import BootId, CapacityUnits, MediaNodeId, PoolId

NAMESPACE = "harbour-health"
NOW = "2026-11-24T09:00:00Z"
"""A Tuesday."""

_R = TypeVar("_R", bound=Resource[Any])


def declare(
    mirror: type[_R], name: str, spec: Mapping[str, object], metadata: Mapping[str, object],
    status: Mapping[str, object] | None = None,
) -> _R:  # fmt: skip
    """Read one object."""
    kind = mirror.__name__
    meta = {
        "name": name, "namespace": NAMESPACE, "uid": f"uid-{kind}-{name}", "generation": 1,
        "resourceVersion": "10", **metadata,
    }  # fmt: skip
    return mirror.model_validate(
        {"kind": kind, "metadata": meta, "spec": spec, "status": status or {}}
    )


def organisation(spec: Mapping[str, object] | None = None, **metadata: object) -> Organisation:
    return declare(Organisation, "organisation", spec or {}, metadata)


def clinic(
    spec: Mapping[str, object] | None = None, *, name: str = "cardiology",
    status: Mapping[str, object] | None = None, **metadata: object,
) -> Clinic:  # fmt: skip
    return declare(Clinic, name, spec or {}, metadata, status)


def waiting_area(spec: Mapping[str, object] | None = None, **metadata: object) -> WaitingArea:
    ref = {"clinicRef": {"name": "cardiology"}}
    return declare(WaitingArea, "cardiology", {**ref, **(spec or {})}, metadata)


def meeting_room(
    spec: Mapping[str, object] | None = None, *, name: str = "handover", **metadata: object
) -> MeetingRoom:
    ref = {"clinicRef": {"name": "cardiology"}}
    return declare(MeetingRoom, name, {**ref, **(spec or {})}, metadata)


def user_room(spec: Mapping[str, object] | None = None, **metadata: object) -> UserRoom:
    base = {"clinicRef": {"name": "cardiology"}, "owner": {"user": "ada@example.org"}}
    return declare(UserRoom, "ada", {**base, **(spec or {})}, metadata)


def media_pool(
    spec: Mapping[str, object] | None = None, *, name: str = "default",
    status: Mapping[str, object] | None = None, **metadata: object,
) -> MediaPool:  # fmt: skip
    return declare(MediaPool, name, spec or {}, metadata, status)


def view(
    number: int, *, used: int = 0, calls: int = 0, alive: bool = True,
    state: MediaNodeState = MediaNodeState.ACTIVE,
) -> MediaNodeView:  # fmt: skip
    """A media node of the pool `default` as the table shows it."""
    return MediaNodeView(
        pool=PoolId(f"{NAMESPACE}/default"), media_node=MediaNodeId(f"default-{number}"),
        boot=BootId(f"boot-{number}"), control_url="ws://127.0.0.1:1", udp="127.0.0.1:2",
        state=state, capacity=CapacityUnits(120), used=CapacityUnits(used), calls=calls,
        loop_lag_ms=0.0, alive=alive,
    )  # fmt: skip
