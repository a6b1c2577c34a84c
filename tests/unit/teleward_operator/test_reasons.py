"""Every reason can be reached, by the object and condition that docs/reasons.md names, and no other is ever said."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from teleward_contract.resources import Unreadable, read_seen
from teleward_contract.units import MediaNodeId, Namespace
from teleward_operator.core.clinics import ClinicSnapshot, plan_clinic, plan_organisation
from teleward_operator.core.conditions import ConditionType, Reason
from teleward_operator.core.pools import PoolSnapshot, RunningMediaNode, Runtime, plan_pool
from teleward_operator.core.statuses import StatusWrite, plan_unreadable
from teleward_testing.declared import (
    NAMESPACE,
    NOW,
    clinic,
    media_pool,
    meeting_room,
    organisation,
    view,
    waiting_area,
)

WHOLE = ClinicSnapshot(
    namespace=Namespace(NAMESPACE), name="cardiology", clinic=clinic(),
    organisation=organisation(), pool=media_pool(), waiting_area=waiting_area(),
    rooms=(meeting_room(),), occupancy=None, public_url="https://clinic.example", now=NOW,
)  # fmt: skip
ONE = Runtime((RunningMediaNode(MediaNodeId("default-0")),))


def of_clinic(**different: Any) -> Callable[[], Iterable[StatusWrite]]:
    return lambda: plan_clinic(replace(WHOLE, **different)).statuses


def of_pool(
    runtime: Runtime | str = ONE, *, is_ready: bool = True, deleted: bool = False
) -> Callable[[], Iterable[StatusWrite]]:
    meta: dict[str, Any] = {"deletionTimestamp": NOW} if deleted else {}
    views = (view(0, calls=1),) if deleted else (view(0),) if is_ready else ()
    status = plan_pool(PoolSnapshot(media_pool(**meta), runtime, views, NOW)).status
    return lambda: [] if status is None else [status]


def not_understood() -> Iterable[StatusWrite]:
    meta = {"name": "a", "namespace": NAMESPACE, "uid": "u"}
    found = read_seen({"kind": "UserRoom", "metadata": meta, "spec": {}})
    assert isinstance(found, Unreadable)
    return [plan_unreadable(found, NOW)]


REACHED: dict[Reason, tuple[ConditionType, str, Callable[[], Iterable[StatusWrite]]]] = {
    Reason.ACCEPTED: (ConditionType.ACCEPTED, "Clinic", of_clinic()),
    Reason.RESOLVED: (ConditionType.RESOLVED_REFS, "MeetingRoom", of_clinic()),
    Reason.PROGRAMMED: (ConditionType.PROGRAMMED, "WaitingArea", of_clinic()),
    Reason.READY: (ConditionType.READY, "MediaPool", of_pool()),
    Reason.INVALID_SPEC: (ConditionType.ACCEPTED, "UserRoom", not_understood),
    Reason.TIME_ZONE_UNKNOWN: (
        ConditionType.ACCEPTED, "Organisation",
        lambda: plan_organisation(organisation({"defaults": {"timeZone": "Mars"}}), 0, NOW),
    ),
    Reason.SLUG_TAKEN: (
        ConditionType.ACCEPTED, "Clinic", of_clinic(clinic=clinic({"slug": "a"}), slug_holder="x/y"),
    ),
    Reason.HOSTNAME_TAKEN: (
        ConditionType.ACCEPTED, "Clinic",
        of_clinic(clinic=clinic({"hostname": "a.example"}), hostname_holder="x/y"),
    ),
    Reason.ORGANISATION_MISSING: (
        ConditionType.RESOLVED_REFS, "Clinic", of_clinic(organisation=None),
    ),
    Reason.CLINIC_NOT_FOUND: (ConditionType.RESOLVED_REFS, "WaitingArea", of_clinic(clinic=None)),
    Reason.MEDIA_POOL_NOT_FOUND: (ConditionType.RESOLVED_REFS, "Clinic", of_clinic(pool=None)),
    Reason.MEDIA_POOL_NOT_PERMITTED: (
        ConditionType.RESOLVED_REFS, "Clinic", of_clinic(pool=media_pool(namespace="media")),
    ),
    Reason.WAITING_AREA_MISSING: (ConditionType.READY, "Clinic", of_clinic(waiting_area=None)),
    Reason.SUSPENDED: (ConditionType.READY, "Clinic", of_clinic(clinic=clinic({"suspended": {}}))),
    Reason.ROUTING_UNAVAILABLE: (
        ConditionType.PROGRAMMED, "Clinic", of_clinic(is_routing_up=False),
    ),
    Reason.NOT_PROGRAMMED: (ConditionType.PROGRAMMED, "WaitingArea", of_clinic(clinic=None)),
    Reason.MEDIA_NODES_STARTING: (ConditionType.READY, "MediaPool", of_pool(is_ready=False)),
    Reason.RUNTIME_UNAVAILABLE: (ConditionType.READY, "MediaPool", of_pool("it does not answer")),
    Reason.DRAINING: (ConditionType.READY, "MediaPool", of_pool(deleted=True)),
}  # fmt: skip
"""Reason → condition and kind that say it, and how it comes about."""


def said(writes: Iterable[StatusWrite]) -> set[tuple[str, str, str]]:
    """(kind, condition, reason) of every condition in these statuses."""
    return {
        (write.resource.kind, condition["type"], condition["reason"])
        for write in writes
        for condition in _conditions(write)
    }


def _conditions(write: StatusWrite) -> list[dict[str, str]]:
    listed = write.status["conditions"]
    assert isinstance(listed, list)
    return listed


def test_the_table_is_complete() -> None:
    assert REACHED.keys() == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_said(reason: Reason) -> None:
    condition, kind, writes = REACHED[reason]

    assert (kind, condition.value, reason.value) in said(writes())


def test_nothing_else_is_ever_said() -> None:
    everything = {one for _, _, writes in REACHED.values() for one in said(writes())}

    assert {reason for _, _, reason in everything} == {reason.value for reason in Reason}
    assert {condition for _, condition, _ in everything} == {one.value for one in ConditionType}
