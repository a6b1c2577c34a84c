"""Plan a clinic: from declared objects to one projection and the status of each object. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.projections import ClinicProjection
from teleward_contract.resources import (
    Clinic,
    MediaPool,
    MeetingRoom,
    Organisation,
    UserRoom,
    WaitingArea,
)
from teleward_contract.units import Namespace, PoolId

from teleward_operator.core.conditions import ConditionType, Reason, Verdict, refuse
from teleward_operator.core.inheritance import settle
from teleward_operator.core.opening import is_time_zone, opening
from teleward_operator.core.projection import project_clinic, project_hours
from teleward_operator.core.statuses import StatusWrite, compose, unanswered


@dataclass(frozen=True, slots=True)
class ClinicSnapshot:
    """Everything a decision about one clinic may look at; nothing else is consulted."""

    namespace: Namespace
    name: str
    clinic: Clinic | None
    organisation: Organisation | None
    pool: MediaPool | None
    """The MediaPool that the clinic refers to, if it is there."""
    waiting_area: WaitingArea | None
    rooms: tuple[MeetingRoom | UserRoom, ...]
    occupancy: ClinicOccupancy | None
    public_url: str
    now: str
    """RFC 3339 wallclock."""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    slug_holder: str = ""
    """The other clinic, `namespace/name`, that has the slug of this one; empty if none has."""
    hostname_holder: str = ""
    """The same of the host name."""
    is_routing_up: bool = True
    """False: the routing state does not answer, nothing can be programmed."""


@dataclass(frozen=True, slots=True)
class ClinicPlan:
    """What to do about one clinic."""

    projection: ClinicProjection | None
    statuses: tuple[StatusWrite, ...]


def plan_clinic(seen: ClinicSnapshot) -> ClinicPlan:
    """Decide what is projected and what each object's status says."""
    if seen.clinic is None:
        return ClinicPlan(None, tuple(_orphans(seen)))
    statuses = (
        _clinic_status(seen, seen.clinic),
        *_area_status(seen, seen.clinic),
        *_room_statuses(seen),
    )
    settings, spec = settle(seen.clinic, seen.organisation), seen.clinic.spec
    is_usable = _pool_trouble(seen, settings.pool) is None
    projection = project_clinic(
        seen.clinic, settings, settings.pool if is_usable else None, seen.waiting_area, seen.rooms,
        slug="" if seen.slug_holder else spec.slug or "",
        hostname="" if seen.hostname_holder else spec.hostname or "",
    )  # fmt: skip
    return ClinicPlan(projection, statuses if seen.is_routing_up else unanswered(statuses))


SILENT = refuse(
    ConditionType.PROGRAMMED, Reason.ROUTING_UNAVAILABLE,
    "The routing state does not answer, so nobody uses this yet. It is tried again by itself; "
    "if it lasts, look at Redis.",
)  # fmt: skip


def plan_organisation(
    organisation: Organisation, clinics: int, now: str, *, is_routing_up: bool = True
) -> tuple[StatusWrite, ...]:
    """Decide what an organisation's status says; nothing refers to anything, so little can be wrong."""
    zone = organisation.spec.defaults.time_zone
    wrong = () if is_routing_up else (SILENT,)
    write = compose(
        organisation, (*wrong, *_zone_trouble(zone, "spec.defaults.timeZone")),
        {"clinics": clinics}, now,
    )  # fmt: skip
    return (write,) if is_routing_up else unanswered((write,))


def _orphans(seen: ClinicSnapshot) -> list[StatusWrite]:
    lost = refuse(
        ConditionType.RESOLVED_REFS, Reason.CLINIC_NOT_FOUND,
        f"There is no Clinic {seen.name} in namespace {seen.namespace}. Apply it, or delete this.",
    )  # fmt: skip
    unused = refuse(
        ConditionType.PROGRAMMED, Reason.NOT_PROGRAMMED,
        "It is not in the routing state; see ResolvedRefs.",
    )  # fmt: skip
    objects = (*((seen.waiting_area,) if seen.waiting_area else ()), *seen.rooms)
    return [compose(item, (lost, unused), {}, seen.now) for item in objects]


def _clinic_status(seen: ClinicSnapshot, clinic: Clinic) -> StatusWrite:
    settings = settle(clinic, seen.organisation)
    wrong = [
        *_silence(seen), *_zone_trouble(clinic.spec.time_zone, "spec.timeZone"),
        *_claim_troubles(seen, clinic),
    ]  # fmt: skip
    unresolved = _references(seen, settings.pool)
    if unresolved is not None:
        wrong.append(unresolved)
    if seen.waiting_area is None:
        wrong.append(
            refuse(
                ConditionType.READY, Reason.WAITING_AREA_MISSING,
                f"Patients have no door. Apply a WaitingArea named {seen.name}.",
            )
        )  # fmt: skip
    if clinic.spec.suspended is not None:
        wrong.append(
            refuse(
                ConditionType.READY, Reason.SUSPENDED,
                "Nobody can enter. Remove spec.suspended to open again.",
            )
        )  # fmt: skip
    told = [{"name": name, "value": value, "from": by} for name, value, by in settings.sources]
    extra: dict[str, object] = {
        "rooms": len(seen.rooms), "url": _patient_url(seen), "pool": settings.pool, "settings": told,
    }  # fmt: skip
    return compose(clinic, tuple(wrong), extra, seen.now)


def _claim_troubles(seen: ClinicSnapshot, clinic: Clinic) -> list[Verdict]:
    """A slug and a host name are one clinic's, over all namespaces: the oldest that asked."""
    claims = (
        (Reason.SLUG_TAKEN, "slug", clinic.spec.slug, seen.slug_holder),
        (Reason.HOSTNAME_TAKEN, "hostname", clinic.spec.hostname, seen.hostname_holder),
    )
    return [
        refuse(
            ConditionType.ACCEPTED, reason,
            f"spec.{field_name} {value} is the one of clinic {holder}, which asked first. Choose "
            "another, or ask its owner to give it up; until then this clinic goes without.",
        )
        for reason, field_name, value, holder in claims
        if holder
    ]  # fmt: skip


def _silence(seen: ClinicSnapshot) -> tuple[Verdict, ...]:
    return () if seen.is_routing_up else (SILENT,)


def _zone_trouble(zone: str | None, where: str) -> tuple[Verdict, ...]:
    if zone is None or is_time_zone(zone):
        return ()
    return (
        refuse(
            ConditionType.ACCEPTED, Reason.TIME_ZONE_UNKNOWN,
            f"{where} is not a time zone of the IANA database. Write one such as "
            "Australia/Sydney; until then the inherited one is used.",
        ),
    )  # fmt: skip


def _references(seen: ClinicSnapshot, pool: PoolId) -> Verdict | None:
    """The first reference of a clinic that leads nowhere, or None."""
    if seen.organisation is None:
        return refuse(
            ConditionType.RESOLVED_REFS, Reason.ORGANISATION_MISSING,
            f"Namespace {seen.namespace} has no Organisation. Apply one named 'organisation'.",
        )  # fmt: skip
    return _pool_trouble(seen, pool)


def _pool_trouble(seen: ClinicSnapshot, pool: PoolId) -> Verdict | None:
    if seen.pool is None:
        return refuse(
            ConditionType.RESOLVED_REFS, Reason.MEDIA_POOL_NOT_FOUND,
            f"There is no MediaPool {pool}: patients can enter, calls cannot be placed. "
            "Apply it, or set spec.mediaPoolRef.",
        )  # fmt: skip
    if not _is_permitted(seen, seen.pool):
        return refuse(
            ConditionType.RESOLVED_REFS, Reason.MEDIA_POOL_NOT_PERMITTED,
            f"MediaPool {pool} does not allow namespace {seen.namespace}: patients can enter, "
            "calls cannot be placed. Its owner sets spec.allowedNamespaces, or choose another.",
        )  # fmt: skip
    return None


def _is_permitted(seen: ClinicSnapshot, pool: MediaPool) -> bool:
    if pool.metadata.namespace == seen.namespace:
        return True
    allowed = pool.spec.allowed_namespaces
    if allowed.from_ == "Selector":
        wanted = allowed.selector.match_labels if allowed.selector else {}
        return bool(wanted) and wanted.items() <= seen.namespace_labels.items()
    return allowed.from_ == "All"


def _area_status(seen: ClinicSnapshot, clinic: Clinic) -> list[StatusWrite]:
    area, counts = seen.waiting_area, seen.occupancy
    if area is None:
        return []
    hours = area.spec.hours
    wrong = [*_silence(seen), *_zone_trouble(hours.time_zone if hours else None, "hours.timeZone")]
    extra: dict[str, object] = {
        "url": _patient_url(seen),
        "waiting": counts.waiting if counts else 0,
        "inConsultation": counts.in_consultation if counts else 0,
        **_door(seen, clinic, area),
    }
    if counts and counts.longest_waiting_since:
        extra["longestWaitingSince"] = counts.longest_waiting_since
    return [compose(area, tuple(wrong), extra, seen.now)]


def _door(seen: ClinicSnapshot, clinic: Clinic, area: WaitingArea) -> dict[str, object]:
    """Whether the door is open and when that changes."""
    is_shut = not area.spec.enabled or clinic.spec.suspended is not None
    if is_shut or area.spec.hours is None:
        return {"open": not is_shut}
    rules = project_hours(area.spec.hours, settle(clinic, seen.organisation).time_zone)
    is_open, change = opening(rules, datetime.fromisoformat(seen.now))
    door: dict[str, object] = {"open": is_open}
    if change is not None:
        door["nextChange"] = change.strftime("%Y-%m-%dT%H:%M:%SZ")
    return door


def _room_statuses(seen: ClinicSnapshot) -> list[StatusWrite]:
    counts = seen.occupancy.rooms if seen.occupancy else {}
    return [
        compose(
            room, _silence(seen),
            {"url": _room_url(seen, room), "participants": counts.get(room.metadata.uid, 0)},
            seen.now,
        )
        for room in seen.rooms
    ]  # fmt: skip


def _patient_url(seen: ClinicSnapshot) -> str:
    return f"{seen.public_url}/c/{seen.namespace}/{seen.name}"


def _room_url(seen: ClinicSnapshot, room: MeetingRoom | UserRoom) -> str:
    word = "meeting" if room.kind == "MeetingRoom" else "user"
    return f"{seen.public_url}/staff/{seen.namespace}/{seen.name}/{word}/{room.metadata.name}"
