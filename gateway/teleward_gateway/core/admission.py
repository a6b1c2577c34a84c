"""The one admission check in front of every door: standing × action, as a table.

A *standing* is what somebody is to one clinic: a role of its team or of its organisation, the holder of a ticket for
it, or the owner of one of its user rooms. Who has no standing in a clinic may do nothing there, whatever they are
elsewhere.
"""

from enum import StrEnum
from typing import TypeAlias

from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
)

from teleward_gateway.core.staff import StaffSession, counts_in, is_meant, is_owner
from teleward_gateway.core.visits import VisitAction


class Tie(StrEnum):
    """A standing that no role gives."""

    PATIENT = "Patient"
    """Holds the ticket of a visit to this very clinic."""
    OWNER = "Owner"
    """Is of the clinic, and the user room is theirs."""


Standing: TypeAlias = Role | Tie


class Action(StrEnum):
    """What somebody may want to do in a clinic."""

    SEE_CLINIC = "see_clinic"
    SEE_QUEUE = "see_queue"
    CALL_IN = "call_in"
    JOIN_VISIT = "join_visit"
    RETURN = "return"
    END_VISIT = "end_visit"
    REFUSE = "refuse"
    ENTER_MEETING_ROOM = "enter_meeting_room"
    ENTER_USER_ROOM = "enter_user_room"
    WAIT = "wait"
    LEAVE = "leave"


_CLINICAL = frozenset(
    {
        Action.SEE_CLINIC, Action.SEE_QUEUE, Action.CALL_IN, Action.JOIN_VISIT, Action.RETURN,
        Action.END_VISIT, Action.REFUSE, Action.ENTER_MEETING_ROOM,
    }
)  # fmt: skip
_DESK = frozenset({Action.SEE_CLINIC, Action.SEE_QUEUE, Action.REFUSE})
_NOTHING: frozenset[Action] = frozenset()

PERMITTED: dict[Standing, frozenset[Action]] = {
    Role.ORGANISATION_ADMIN: _CLINICAL,
    Role.CLINIC_ADMIN: _CLINICAL,
    Role.CLINICIAN: _CLINICAL,
    Role.RECEPTIONIST: _DESK,
    Role.INTERPRETER: _NOTHING,
    Role.REFERRER: _NOTHING,
    Role.ORGANISATION_REPORTER: _NOTHING,
    Tie.PATIENT: frozenset({Action.WAIT, Action.JOIN_VISIT, Action.LEAVE}),
    Tie.OWNER: frozenset({Action.ENTER_USER_ROOM}),
}
"""What each standing permits; several permit what any of them does. Ordered: the first is the highest."""

VISIT_ACTIONS = {
    VisitAction.CALL_IN: Action.CALL_IN,
    VisitAction.RETURN: Action.RETURN,
    VisitAction.END: Action.END_VISIT,
    VisitAction.REFUSE: Action.REFUSE,
    VisitAction.LEAVE: Action.LEAVE,
}
"""What each step of a visit takes that somebody decides; `JOIN` follows from the patient's page opening the call."""

ROOM_ACTIONS = {
    RoomKind.MEETING_ROOM: Action.ENTER_MEETING_ROOM,
    RoomKind.USER_ROOM: Action.ENTER_USER_ROOM,
}
"""What entering each kind of room takes."""


def standings_of(
    who: StaffSession,
    clinic: ClinicProjection,
    organisation: OrganisationProjection | None,
    room: RoomProjection | None = None,
) -> frozenset[Standing]:
    """Collect what `who` is to the clinic, its organisation's roles included, and to `room` if there is one."""
    if not counts_in(who, organisation, clinic.namespace):
        return frozenset()
    inherited = organisation.team if organisation else ()
    roles: set[Standing] = {m.role for m in (*clinic.team, *inherited) if is_meant(m, who)}
    if roles and room is not None and is_owner(room.owner, room.owner_issuer, who):
        roles.add(Tie.OWNER)
    return frozenset(roles)


def standings_of_ticket(clinic_uid: str, clinic: ClinicProjection) -> frozenset[Standing]:
    """What the holder of a ticket for the clinic `clinic_uid` is to `clinic`."""
    return frozenset({Tie.PATIENT}) if clinic_uid == clinic.uid else frozenset()


def is_permitted(standings: frozenset[Standing], action: Action) -> bool:
    """Whether any of the standings permits the action."""
    return any(action in PERMITTED[standing] for standing in standings)


def leading(standings: frozenset[Standing]) -> Standing:
    """The highest of one's standings, to be shown."""
    return next(standing for standing in PERMITTED if standing in standings)
