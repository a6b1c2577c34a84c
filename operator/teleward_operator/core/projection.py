"""From declared objects to the documents of the routing state. Pure; refusals are judged elsewhere."""

from teleward_contract import resources
from teleward_contract.projections import (
    ClinicProjection,
    DateHours,
    DayHours,
    EntryField,
    Issuer,
    OpeningHours,
    OrganisationProjection,
    RoomKind,
    RoomProjection,
    Suspension,
    TeamMember,
    TimeRange,
    WaitingAreaProjection,
)
from teleward_contract.resources import Clinic, MeetingRoom, Organisation, UserRoom, WaitingArea
from teleward_contract.units import Namespace, PoolId

from teleward_operator.core.inheritance import ClinicSettings
from teleward_operator.core.opening import is_time_zone


def project_clinic(
    clinic: Clinic,
    settings: ClinicSettings,
    pool: PoolId | None,
    waiting_area: WaitingArea | None,
    rooms: tuple[MeetingRoom | UserRoom, ...],
    *,
    slug: str = "",
    hostname: str = "",
) -> ClinicProjection:
    """Make the one document of a clinic.

    Args:
        clinic: As declared.
        settings: What counts for it.
        pool: The pool that the clinic may use now.
        waiting_area: Its door, if it has one.
        rooms: In the order in which they are shown.
        slug: Short name of its links, empty unless it is the clinic's to use.
        hostname: Host name of its own link, likewise.
    """
    spec, meta, suspended = clinic.spec, clinic.metadata, clinic.spec.suspended
    return ClinicProjection(
        namespace=Namespace(meta.namespace), name=meta.name, uid=meta.uid,
        generation=meta.generation, display_name=spec.display_name or meta.name, slug=slug,
        hostname=hostname, time_zone=settings.time_zone, locales=settings.locales, pool=pool,
        team=_team(spec.team),
        suspended=suspended and Suspension(
            message_for_patients=suspended.message_for_patients,
            message_for_staff=suspended.message_for_staff,
        ),
        waiting_area=waiting_area and _area(waiting_area, settings.time_zone),
        rooms=tuple(_room(room, settings.max_participants) for room in rooms),
    )  # fmt: skip


def project_organisation(organisation: Organisation) -> OrganisationProjection:
    """Make the document of an organisation."""
    spec, meta = organisation.spec, organisation.metadata
    return OrganisationProjection(
        namespace=Namespace(meta.namespace), uid=meta.uid, generation=meta.generation,
        display_name=spec.display_name or meta.namespace, support_contact=spec.support_contact,
        default_locale=spec.default_locale, team=_team(spec.team),
        issuers=tuple(
            Issuer(
                name=one.name, url=one.url, client_id=one.client_id, user_claim=one.user_claim,
                groups_claim=one.groups_claim,
            )
            for one in (spec.sign_in.issuers if spec.sign_in else ())
        ),
    )  # fmt: skip


def project_hours(hours: resources.Hours, time_zone: str) -> OpeningHours:
    """Make the rules of opening; `time_zone` is used where the hours name none that is known."""
    own = hours.time_zone
    return OpeningHours(
        time_zone=own if own is not None and is_time_zone(own) else time_zone,
        weekly=tuple(DayHours(days=w.days, ranges=_ranges(w.ranges)) for w in hours.weekly),
        exceptions=tuple(
            DateHours(date=e.date, ranges=_ranges(e.ranges)) for e in hours.exceptions
        ),
    )


def _team(members: tuple[resources.Member, ...]) -> tuple[TeamMember, ...]:
    return tuple(
        TeamMember(
            role=member.role, issuer=member.issuer, user=member.user, group=member.group,
            display_name=member.display_name,
        )
        for member in members
    )  # fmt: skip


def _area(area: WaitingArea, time_zone: str) -> WaitingAreaProjection:
    spec, meta = area.spec, area.metadata
    return WaitingAreaProjection(
        uid=meta.uid, generation=meta.generation, enabled=spec.enabled,
        hours=spec.hours and project_hours(spec.hours, time_zone),
        entry_fields=tuple(
            EntryField(
                name=q.name, label=q.label, kind=q.kind, required=q.required, choices=q.choices
            )
            for q in spec.entry_fields
        ),
        information_page=spec.information_page, terms=spec.terms,
        confirm_identity=spec.confirm_identity,
        alert_repeat_s=spec.alerts.repeat_seconds, alert_webhook=spec.alerts.webhook or "",
        closing_message=spec.closing.message, closing_link=spec.closing.redirect or "",
        order=spec.queue.order, max_waiting=spec.queue.max_waiting,
        max_wait_minutes=spec.queue.max_wait_minutes, show_position=spec.queue.show_position,
        stale_after_s=spec.queue.stale_after_seconds,
        long_after_minutes=spec.queue.long_after_minutes,
        very_long_after_minutes=spec.queue.very_long_after_minutes, notice=spec.notices,
        ready_messages=spec.ready_messages, closed_message=spec.closed_message,
        fallback_phone=spec.fallback_phone,
    )  # fmt: skip


def _ranges(ranges: tuple[resources.Range, ...]) -> tuple[TimeRange, ...]:
    return tuple(TimeRange(start=item.start, end=item.end) for item in ranges)


def _room(room: MeetingRoom | UserRoom, max_participants: int) -> RoomProjection:
    meta, spec = room.metadata, room.spec
    size = spec.max_participants or max_participants
    shared = RoomProjection(
        kind=RoomKind.MEETING_ROOM, name=meta.name, uid=meta.uid, generation=meta.generation,
        display_name=spec.display_name or meta.name, max_participants=size,
        guest_entry=spec.guest_entry,
    )  # fmt: skip
    if isinstance(room, MeetingRoom):
        return shared.model_copy(update={"locked": room.spec.locked})
    return shared.model_copy(
        update={
            "kind": RoomKind.USER_ROOM,
            "owner": room.spec.owner.user,
            "owner_issuer": room.spec.owner.issuer,
            "patients_allowed": room.spec.patients_allowed,
        }
    )
