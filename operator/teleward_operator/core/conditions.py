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
    INVALID_SPEC = "InvalidSpec"
    """This release does not understand the object: another release's definitions let it in."""
    TIME_ZONE_UNKNOWN = "TimeZoneUnknown"
    """A time zone is not of the IANA database."""
    SLUG_TAKEN = "SlugTaken"
    """Another clinic had the slug first."""
    HOSTNAME_TAKEN = "HostnameTaken"
    """Another clinic had the host name first."""
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
    ROUTING_UNAVAILABLE = "RoutingUnavailable"
    """The routing state does not answer, so this generation is not in it yet."""
    NOT_PROGRAMMED = "NotProgrammed"
    """This generation is not in the routing state; another condition says why."""
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
    message: str = ""


def refuse(condition: ConditionType, reason: Reason, message: str) -> Verdict:
    """Say that a condition does not hold, why, and what to do."""
    return Verdict(condition, False, reason, message)


_GOOD = {
    ConditionType.ACCEPTED: Reason.ACCEPTED,
    ConditionType.RESOLVED_REFS: Reason.RESOLVED,
    ConditionType.PROGRAMMED: Reason.PROGRAMMED,
    ConditionType.READY: Reason.READY,
}


def summarise(wrong: tuple[Verdict, ...] = ()) -> tuple[Verdict, ...]:
    """Make the four conditions from what is wrong; the first of each type counts.

    An object with a reference that leads nowhere can still be programmed (a clinic without a pool
    takes patients in), so Programmed is False only where `wrong` says so. Ready repeats the first.
    """
    found: dict[ConditionType, Verdict] = {}
    for verdict in wrong:
        found.setdefault(verdict.type, verdict)
    if wrong:
        found[ConditionType.READY] = refuse(ConditionType.READY, wrong[0].reason, wrong[0].message)
    return tuple(
        found.get(condition) or Verdict(condition, True, good) for condition, good in _GOOD.items()
    )


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
    known = _by_type(before)
    written: list[dict[str, object]] = []
    for verdict in verdicts:
        status: Status = "True" if verdict.status else "False"
        old = known.get(verdict.type, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        written.append(
            {
                "type": verdict.type.value, "status": status, "observedGeneration": generation,
                "lastTransitionTime": since or now, "reason": verdict.reason.value,
                "message": verdict.message,
            }
        )  # fmt: skip
    return written


def is_programmed(status: Mapping[str, object], generation: int) -> bool:
    """Whether a status says that this generation is in the routing state."""
    condition = _by_type(status.get("conditions")).get(ConditionType.PROGRAMMED, {})
    return (condition.get("status"), condition.get("observedGeneration")) == ("True", generation)


@dataclass(frozen=True, slots=True)
class Transition:
    """The summary of an object changed: worth an Event."""

    reason: str
    message: str
    is_good: bool


def transition(before: Mapping[str, object], after: Mapping[str, object]) -> Transition | None:
    """Tell whether the reason of Ready differs between two statuses; a good beginning is no news."""
    old = _by_type(before.get("conditions")).get(ConditionType.READY, {})
    new = _by_type(after.get("conditions")).get(ConditionType.READY, {})
    if not new or old.get("reason") == new["reason"] or (not old and new["status"] == "True"):
        return None
    return Transition(
        str(new["reason"]), str(new["message"]) or "It works.", new["status"] == "True"
    )


def told(status: Mapping[str, object]) -> list[tuple[str, str]]:
    """List the type and status of each condition in a status."""
    known = _by_type(status.get("conditions"))
    return [(of, str(known[of].get("status"))) for of in ConditionType if of in known]


def _by_type(listed: object) -> dict[str, Mapping[str, object]]:
    if not isinstance(listed, list):
        return {}
    return {str(c.get("type")): c for c in listed if isinstance(c, Mapping)}
