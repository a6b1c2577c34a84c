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
from teleward_gateway.core.visits import VisitAction, VisitState


class Tie(StrEnum):
    """A standing that no role gives."""

    PATIENT = "Patient"
    """Holds the ticket of a visit to this very clinic."""
    OWNER = "Owner"
    """Is of the clinic, and the user room is theirs."""
    GUEST = "Guest"
    """Has used a guest link to this very clinic, which was not revoked and has not expired."""


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
    HOLD = "hold"
    RESUME = "resume"
    HAND_OVER = "hand_over"
    """A visit of one's own."""
    HAND_OVER_OTHERS = "hand_over_others"
    """A colleague's visit."""
    TRANSFER = "transfer"
    """Away from here; takes nothing in the clinic that it goes to."""
    ADD = "add"
    """A patient who waits, to a consultation of one's own."""
    MESSAGE = "message"
    MESSAGE_ALL = "message_all"
    PRIORITISE = "prioritise"
    ENTER_MEETING_ROOM = "enter_meeting_room"
    ENTER_USER_ROOM = "enter_user_room"
    HOST_USER_ROOM = "host_user_room"
    """Invite, admit, refuse and revoke guests of one's own user room; call a patient in there."""
    INVITE = "invite"
    """To a meeting room or a consultation, by a guest link."""
    SEE_GUESTS = "see_guests"
    """Links, who knocks, and who is in which room."""
    ADMIT_GUEST = "admit_guest"
    REFUSE_GUEST = "refuse_guest"
    REVOKE_LINK = "revoke_link"
    READ_REPORTS = "read_reports"
    """What was counted here."""
    READ_AUDIT = "read_audit"
    """What was done here, and by which pseudonym."""
    WAIT = "wait"
    LEAVE = "leave"
    FOLLOW = "follow"
    """To where the visit was transferred."""
    KNOCK = "knock"
    ENTER_AS_GUEST = "enter_as_guest"
    """Once admitted, and only where the link leads."""


_DESK = frozenset(
    {
        Action.SEE_CLINIC, Action.SEE_QUEUE, Action.REFUSE, Action.MESSAGE, Action.MESSAGE_ALL,
        Action.PRIORITISE, Action.TRANSFER, Action.INVITE, Action.SEE_GUESTS, Action.REFUSE_GUEST,
        Action.REVOKE_LINK,
    }
)  # fmt: skip
_CLINICAL = _DESK | {
    Action.CALL_IN, Action.JOIN_VISIT, Action.RETURN, Action.END_VISIT, Action.ENTER_MEETING_ROOM,
    Action.HOLD, Action.RESUME, Action.HAND_OVER, Action.ADD, Action.ADMIT_GUEST,
}  # fmt: skip
_ADMIN = _CLINICAL | {Action.HAND_OVER_OTHERS}
_NOTHING: frozenset[Action] = frozenset()

PERMITTED: dict[Standing, frozenset[Action]] = {
    Role.ORGANISATION_ADMIN: _ADMIN | {Action.READ_REPORTS, Action.READ_AUDIT},
    Role.CLINIC_ADMIN: _ADMIN | {Action.READ_REPORTS},
    Role.CLINICIAN: _CLINICAL,
    Role.RECEPTIONIST: _DESK,
    Role.INTERPRETER: _NOTHING,
    Role.REFERRER: frozenset({Action.SEE_CLINIC, Action.SEE_QUEUE, Action.TRANSFER}),
    Role.ORGANISATION_REPORTER: frozenset({Action.READ_REPORTS}),
    Tie.PATIENT: frozenset({Action.WAIT, Action.JOIN_VISIT, Action.LEAVE, Action.FOLLOW}),
    Tie.OWNER: frozenset({Action.ENTER_USER_ROOM, Action.HOST_USER_ROOM}),
    Tie.GUEST: frozenset({Action.KNOCK, Action.ENTER_AS_GUEST}),
}
"""What each standing permits; several permit what any of them does. Ordered: the first is the highest."""

VISIT_ACTIONS = {
    VisitAction.CALL_IN: Action.CALL_IN,
    VisitAction.RETURN: Action.RETURN,
    VisitAction.END: Action.END_VISIT,
    VisitAction.REFUSE: Action.REFUSE,
    VisitAction.LEAVE: Action.LEAVE,
    VisitAction.HOLD: Action.HOLD,
    VisitAction.RESUME: Action.RESUME,
    VisitAction.HAND_OVER: Action.HAND_OVER,
    VisitAction.TRANSFER: Action.TRANSFER,
    VisitAction.ADD: Action.ADD,
    VisitAction.MESSAGE: Action.MESSAGE,
    VisitAction.PRIORITISE: Action.PRIORITISE,
}
"""What each step of a visit takes that somebody decides; `JOIN` follows from the patient's page opening the call."""


def needed_for(step: VisitAction, state: VisitState) -> frozenset[Action]:
    """What a step takes of who makes it; a transfer out of a consultation sends the patient back, too."""
    sends_back = step is VisitAction.TRANSFER and state is not VisitState.WAITING
    return frozenset({VISIT_ACTIONS[step], Action.RETURN} if sends_back else {VISIT_ACTIONS[step]})


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


def standings_in(
    who: StaffSession, organisation: OrganisationProjection | None
) -> frozenset[Standing]:
    """Collect what `who` is to a whole organisation: in what is of no clinic, and of those that are gone."""
    if organisation is None or not counts_in(who, organisation, organisation.namespace):
        return frozenset()
    return frozenset(m.role for m in organisation.team if is_meant(m, who))


def standings_of_ticket(clinic_uid: str, clinic: ClinicProjection) -> frozenset[Standing]:
    """What the holder of a ticket for the clinic `clinic_uid` is to `clinic`."""
    return frozenset({Tie.PATIENT}) if clinic_uid == clinic.uid else frozenset()


def standings_of_guest(clinic_uid: str, clinic: ClinicProjection) -> frozenset[Standing]:
    """What the holder of a guest's pass for the clinic `clinic_uid` is to `clinic`."""
    return frozenset({Tie.GUEST}) if clinic_uid == clinic.uid else frozenset()


def is_permitted(standings: frozenset[Standing], action: Action) -> bool:
    """Whether any of the standings permits the action."""
    return any(action in PERMITTED[standing] for standing in standings)


def permitted(standings: frozenset[Standing]) -> list[Action]:
    """Everything that any of the standings permits."""
    return [action for action in Action if is_permitted(standings, action)]


def leading(standings: frozenset[Standing]) -> Standing:
    """The highest of one's standings, to be shown."""
    return next(standing for standing in PERMITTED if standing in standings)
