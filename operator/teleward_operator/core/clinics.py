"""Plan a clinic: from declared objects to one projection and the status of each object. Pure."""

from dataclasses import dataclass

from teleward_contract import resources
from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.projections import (
    ClinicProjection,
    DateHours,
    DayHours,
    EntryField,
    OpeningHours,
    OrganisationProjection,
    RoomKind,
    RoomProjection,
    Suspension,
    TeamMember,
    TimeRange,
    WaitingAreaProjection,
)
from teleward_contract.resources import (
    AnyResource,
    Clinic,
    MediaPool,
    MeetingRoom,
    Organisation,
    UserRoom,
    WaitingArea,
)
from teleward_contract.units import Namespace, PoolId

from teleward_operator.core.conditions import (
    ConditionType,
    Reason,
    Verdict,
    conditions,
    summarise,
)

COUNTERS = frozenset({"waiting", "longestWaitingSince", "inConsultation", "participants"})
"""Fast fields of a status: written at most every 15 s."""


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


@dataclass(frozen=True, slots=True)
class StatusWrite:
    """The whole status an object should have."""

    resource: AnyResource
    status: dict[str, object]


@dataclass(frozen=True, slots=True)
class ClinicPlan:
    """What to do about one clinic."""

    projection: ClinicProjection | None
    statuses: tuple[StatusWrite, ...]


def pool_of(clinic: Clinic) -> PoolId:
    """Name the pool that a clinic refers to; the default is `default` in its namespace."""
    reference = clinic.spec.media_pool_ref or resources.Reference(name=resources.DEFAULT_POOL)
    return PoolId(f"{reference.namespace or clinic.metadata.namespace}/{reference.name}")


def plan_clinic(seen: ClinicSnapshot) -> ClinicPlan:
    """Decide what is projected and what each object's status says."""
    if seen.clinic is None:
        return ClinicPlan(None, tuple(_orphans(seen)))
    projection = _project(seen, seen.clinic)
    return ClinicPlan(
        projection,
        (_clinic_status(seen, seen.clinic), *_area_status(seen), *_room_statuses(seen)),
    )


def _orphans(seen: ClinicSnapshot) -> list[StatusWrite]:
    lost = Verdict(
        ConditionType.RESOLVED_REFS, False, Reason.CLINIC_NOT_FOUND,
        f"There is no Clinic {seen.name} in namespace {seen.namespace}. Apply it, or delete this.",
    )  # fmt: skip
    objects = (*((seen.waiting_area,) if seen.waiting_area else ()), *seen.rooms)
    return [_write(seen, item, summarise(lost), {}) for item in objects]


def _clinic_status(seen: ClinicSnapshot, clinic: Clinic) -> StatusWrite:
    others = []
    if seen.waiting_area is None:
        others.append(
            Verdict(
                ConditionType.READY, False, Reason.WAITING_AREA_MISSING,
                f"Patients have no door. Apply a WaitingArea named {seen.name}.",
            )
        )  # fmt: skip
    if clinic.spec.suspended is not None:
        others.append(
            Verdict(
                ConditionType.READY, False, Reason.SUSPENDED,
                "Nobody can enter. Remove spec.suspended to open again.",
            )
        )  # fmt: skip
    extra: dict[str, object] = {
        "rooms": len(seen.rooms), "url": _patient_url(seen), "pool": pool_of(clinic),
    }  # fmt: skip
    return _write(seen, clinic, summarise(_references(seen, clinic), tuple(others)), extra)


def _references(seen: ClinicSnapshot, clinic: Clinic) -> Verdict | None:
    """The first reference of a clinic that leads nowhere, or None."""
    pool = pool_of(clinic)
    if seen.organisation is None:
        return Verdict(
            ConditionType.RESOLVED_REFS, False, Reason.ORGANISATION_MISSING,
            f"Namespace {seen.namespace} has no Organisation. Apply one named 'organisation'.",
        )  # fmt: skip
    if seen.pool is None:
        return Verdict(
            ConditionType.RESOLVED_REFS, False, Reason.MEDIA_POOL_NOT_FOUND,
            f"There is no MediaPool {pool}: patients can enter, calls cannot be placed. "
            "Apply it, or set spec.mediaPoolRef.",
        )  # fmt: skip
    if not _is_permitted(seen, seen.pool):
        return Verdict(
            ConditionType.RESOLVED_REFS, False, Reason.MEDIA_POOL_NOT_PERMITTED,
            f"MediaPool {pool} does not allow namespace {seen.namespace}; "
            "its owner sets spec.allowedNamespaces.",
        )  # fmt: skip
    return None


def _is_permitted(seen: ClinicSnapshot, pool: MediaPool) -> bool:
    same = pool.metadata.namespace == seen.namespace
    return same or pool.spec.allowed_namespaces.from_ == "All"


def _area_status(seen: ClinicSnapshot) -> list[StatusWrite]:
    if seen.waiting_area is None:
        return []
    counts = seen.occupancy
    extra: dict[str, object] = {
        "url": _patient_url(seen),
        "waiting": counts.waiting if counts else 0,
        "inConsultation": counts.in_consultation if counts else 0,
    }
    if seen.waiting_area.spec.hours is None:
        suspended = seen.clinic is not None and seen.clinic.spec.suspended is not None
        extra["open"] = seen.waiting_area.spec.enabled and not suspended
    if counts and counts.longest_waiting_since:
        extra["longestWaitingSince"] = counts.longest_waiting_since
    return [_write(seen, seen.waiting_area, summarise(None), extra)]


def _room_statuses(seen: ClinicSnapshot) -> list[StatusWrite]:
    counts = seen.occupancy.rooms if seen.occupancy else {}
    return [
        _write(
            seen, room, summarise(None),
            {"url": _room_url(seen, room), "participants": counts.get(room.metadata.uid, 0)},
        )
        for room in seen.rooms
    ]  # fmt: skip


def _write(
    seen: ClinicSnapshot,
    resource: AnyResource,
    verdicts: tuple[Verdict, ...],
    extra: dict[str, object],
) -> StatusWrite:
    generation = resource.metadata.generation
    before = resource.status.get("conditions")
    written = conditions(verdicts, generation, before, seen.now)
    return StatusWrite(
        resource, {"observedGeneration": generation, "conditions": written, **extra}
    )


def differs(write: StatusWrite, *, counters_too: bool) -> dict[str, object] | None:
    """The status to write if it differs from what stands; counters stay as they are unless asked."""
    stands = write.resource.status
    wanted = {
        key: stands.get(key, value) if key in COUNTERS and not counters_too else value
        for key, value in write.status.items()
    }
    return None if wanted == stands else wanted


def _patient_url(seen: ClinicSnapshot) -> str:
    return f"{seen.public_url}/c/{seen.namespace}/{seen.name}"


def _room_url(seen: ClinicSnapshot, room: MeetingRoom | UserRoom) -> str:
    word = "meeting" if room.kind == "MeetingRoom" else "user"
    return f"{seen.public_url}/staff/{seen.namespace}/{seen.name}/{word}/{room.metadata.name}"


# -- the projection -----------------------------------------------------------------------------


def _project(seen: ClinicSnapshot, clinic: Clinic) -> ClinicProjection:
    spec, meta = clinic.spec, clinic.metadata
    defaults = seen.organisation.spec.defaults if seen.organisation else None
    time_zone = spec.time_zone or (defaults.time_zone if defaults else None) or "UTC"
    usable = _references(seen, clinic)
    has_pool = usable is None or usable.reason is Reason.ORGANISATION_MISSING
    suspended = spec.suspended
    return ClinicProjection(
        namespace=seen.namespace, name=seen.name, uid=meta.uid, generation=meta.generation,
        display_name=spec.display_name or meta.name, time_zone=time_zone,
        locales=spec.locales or (defaults.locales if defaults else ()) or ("en",),
        pool=pool_of(clinic) if has_pool and seen.pool is not None else None,
        team=tuple(team_member(member) for member in spec.team),
        suspended=Suspension(
            message_for_patients=suspended.message_for_patients,
            message_for_staff=suspended.message_for_staff,
        )
        if suspended
        else None,
        waiting_area=_area(seen.waiting_area, time_zone) if seen.waiting_area else None,
        rooms=tuple(_room(room) for room in seen.rooms),
    )  # fmt: skip


def team_member(member: resources.Member) -> TeamMember:
    """Project a member of a team."""
    return TeamMember(
        role=member.role, issuer=member.issuer, user=member.user, group=member.group,
        display_name=member.display_name,
    )  # fmt: skip


def project_organisation(organisation: Organisation) -> OrganisationProjection:
    """Project an organisation, without secrets."""
    spec, meta = organisation.spec, organisation.metadata
    return OrganisationProjection(
        namespace=Namespace(meta.namespace), uid=meta.uid, generation=meta.generation,
        display_name=spec.display_name or meta.namespace, support_contact=spec.support_contact,
        default_locale=spec.default_locale, team=tuple(team_member(m) for m in spec.team),
    )  # fmt: skip


def _area(area: WaitingArea, time_zone: str) -> WaitingAreaProjection:
    spec, meta = area.spec, area.metadata
    return WaitingAreaProjection(
        uid=meta.uid, generation=meta.generation, enabled=spec.enabled,
        hours=_hours(spec.hours, time_zone) if spec.hours else None,
        entry_fields=tuple(
            EntryField(
                name=q.name, label=q.label, kind=q.kind, required=q.required, choices=q.choices
            )
            for q in spec.entry_fields
        ),
        order=spec.queue.order, max_waiting=spec.queue.max_waiting,
        max_wait_minutes=spec.queue.max_wait_minutes, show_position=spec.queue.show_position,
        stale_after_s=spec.queue.stale_after_seconds, notice=spec.notices,
        closed_message=spec.closed_message, fallback_phone=spec.fallback_phone,
    )  # fmt: skip


def _hours(hours: resources.Hours, time_zone: str) -> OpeningHours:
    return OpeningHours(
        time_zone=hours.time_zone or time_zone,
        weekly=tuple(DayHours(days=w.days, ranges=_ranges(w.ranges)) for w in hours.weekly),
        exceptions=tuple(
            DateHours(date=e.date, ranges=_ranges(e.ranges)) for e in hours.exceptions
        ),
    )


def _ranges(ranges: tuple[resources.Range, ...]) -> tuple[TimeRange, ...]:
    return tuple(TimeRange(start=item.start, end=item.end) for item in ranges)


def _room(room: MeetingRoom | UserRoom) -> RoomProjection:
    spec, meta = room.spec, room.metadata
    is_user_room = isinstance(spec, resources.UserRoomSpec)
    return RoomProjection(
        kind=RoomKind.USER_ROOM if is_user_room else RoomKind.MEETING_ROOM,
        name=meta.name, uid=meta.uid, generation=meta.generation,
        display_name=spec.display_name or meta.name, max_participants=spec.max_participants,
        guest_entry=spec.guest_entry,
        owner=spec.owner.user if isinstance(spec, resources.UserRoomSpec) else None,
        patients_allowed=isinstance(spec, resources.UserRoomSpec) and spec.patients_allowed,
        locked=isinstance(spec, resources.MeetingRoomSpec) and spec.locked,
    )  # fmt: skip
