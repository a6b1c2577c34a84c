"""The one admission check in front of every door: role × action × relation to the clinic, as a table."""

from collections.abc import Iterable
from enum import StrEnum

from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
)


class Action(StrEnum):
    """What a member of staff may want to do in a clinic."""

    SEE_CLINIC = "see_clinic"
    SEE_QUEUE = "see_queue"
    CALL_IN = "call_in"
    JOIN_VISIT = "join_visit"
    RETURN = "return"
    END_VISIT = "end_visit"
    REFUSE = "refuse"
    ENTER_MEETING_ROOM = "enter_meeting_room"


_ALL = frozenset(Action)
_DESK = frozenset({Action.SEE_CLINIC, Action.SEE_QUEUE, Action.REFUSE})

PERMITTED: dict[Role, frozenset[Action]] = {
    Role.ORGANISATION_ADMIN: _ALL,
    Role.ORGANISATION_REPORTER: frozenset(),
    Role.CLINIC_ADMIN: _ALL,
    Role.CLINICIAN: _ALL,
    Role.RECEPTIONIST: _DESK,
    Role.REFERRER: frozenset(),
    Role.INTERPRETER: frozenset(),
}
"""A role in the clinic, or in its organisation, permits these; no role permits nothing."""


def roles_of(
    user: str, clinic: ClinicProjection, organisation: OrganisationProjection | None
) -> frozenset[Role]:
    """Collect the roles of `user` in `clinic`, its organisation's included."""
    members: Iterable[TeamMember] = clinic.team
    inherited = organisation.team if organisation else ()
    return frozenset(member.role for member in (*members, *inherited) if member.user == user)


def is_permitted(roles: frozenset[Role], action: Action) -> bool:
    """Whether any of the roles permits the action."""
    return any(action in PERMITTED[role] for role in roles)


def may_enter_room(user: str, roles: frozenset[Role], room: RoomProjection) -> bool:
    """Meeting rooms take the clinic's staff; a user room takes its owner, who is of the clinic."""
    if room.kind is RoomKind.USER_ROOM:
        return room.owner == user and bool(roles)
    return is_permitted(roles, Action.ENTER_MEETING_ROOM)
