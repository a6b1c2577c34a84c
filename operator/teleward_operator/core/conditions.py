"""Conditions and their closed set of reasons; `docs/reasons.md` has a paragraph on each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class ConditionType(StrEnum):
    """The four conditions of every kind."""

    ACCEPTED = "Accepted"
    RESOLVED_REFS = "ResolvedRefs"
    PROGRAMMED = "Programmed"
    READY = "Ready"


class Reason(StrEnum):
    """Why a condition is what it is."""

    ACCEPTED = "Accepted"
    """The object is one that can be carried out."""
    RESOLVED = "Resolved"
    """Everything it refers to is there."""
    PROGRAMMED = "Programmed"
    """This generation is in the routing state."""
    READY = "Ready"
    """It works."""
    ORGANISATION_MISSING = "OrganisationMissing"
    """The namespace has no Organisation."""
    CLINIC_NOT_FOUND = "ClinicNotFound"
    """clinicRef names no Clinic of the namespace."""
    MEDIA_POOL_NOT_FOUND = "MediaPoolNotFound"
    """The MediaPool is not there: patients can enter, calls cannot be placed."""
    MEDIA_POOL_NOT_PERMITTED = "MediaPoolNotPermitted"
    """The MediaPool does not allow clinics of this namespace."""
    WAITING_AREA_MISSING = "WaitingAreaMissing"
    """The clinic has no WaitingArea: patients have no door."""
    SUSPENDED = "Suspended"
    """The clinic is suspended."""
    NOT_PROGRAMMED = "NotProgrammed"
    """It is not in the routing state."""
    MEDIA_NODES_STARTING = "MediaNodesStarting"
    """Fewer media nodes take calls than are wanted."""
    RUNTIME_UNAVAILABLE = "RuntimeUnavailable"
    """Media nodes can be neither started nor stopped now."""
    DRAINING = "Draining"
    """The pool is being deleted and waits for its calls to end."""


Status = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one condition should say."""

    type: ConditionType
    status: bool
    reason: Reason
    message: str


def conditions(
    verdicts: tuple[Verdict, ...], generation: int, before: object, now: str
) -> list[dict[str, object]]:
    """Write conditions in full, keeping the transition time of those whose status stays.

    Args:
        verdicts: What to say, in order.
        generation: The generation they were judged on.
        before: `status.conditions` as it stands, of any shape.
        now: RFC 3339 wallclock for those that change.
    """
    known: dict[str, Mapping[str, object]] = {}
    if isinstance(before, list):
        known = {str(c.get("type")): c for c in before if isinstance(c, Mapping)}
    written = []
    for verdict in verdicts:
        status: Status = "True" if verdict.status else "False"
        old = known.get(verdict.type, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else now
        written.append(
            {
                "type": verdict.type.value, "status": status, "observedGeneration": generation,
                "lastTransitionTime": since or now, "reason": verdict.reason.value,
                "message": verdict.message,
            }
        )  # fmt: skip
    return written


def summarise(resolved: Verdict | None, others: tuple[Verdict, ...] = ()) -> tuple[Verdict, ...]:
    """Make the four conditions from what is wrong: a failed reference, and other reasons not to be ready."""
    accepted = Verdict(ConditionType.ACCEPTED, True, Reason.ACCEPTED, "")
    refs = resolved or Verdict(ConditionType.RESOLVED_REFS, True, Reason.RESOLVED, "")
    is_placed = resolved is None or resolved.reason is not Reason.CLINIC_NOT_FOUND
    programmed = (
        Verdict(ConditionType.PROGRAMMED, True, Reason.PROGRAMMED, "")
        if is_placed
        else Verdict(
            ConditionType.PROGRAMMED, False, Reason.NOT_PROGRAMMED,
            "It is not in the routing state; see ResolvedRefs.",
        )
    )  # fmt: skip
    wrong = [v for v in (resolved, *others) if v is not None and not v.status]
    ready = (
        Verdict(ConditionType.READY, False, wrong[0].reason, wrong[0].message)
        if wrong
        else Verdict(ConditionType.READY, True, Reason.READY, "")
    )
    return accepted, refs, programmed, ready
