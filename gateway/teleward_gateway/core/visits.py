"""A visit: one patient's stay, as a table of transitions. Every other move is refused."""

from enum import StrEnum
from hashlib import blake2b

from teleward_contract.placements import Record
from teleward_contract.units import CallId, Namespace


class VisitState(StrEnum):
    """Where a visit is."""

    WAITING = "waiting"
    CALLED = "called"
    IN_CONSULTATION = "in_consultation"
    ENDED = "ended"
    REFUSED = "refused"
    LEFT = "left"


class VisitAction(StrEnum):
    """What can happen to a visit."""

    CALL_IN = "call_in"
    JOIN = "join"
    """The patient's call socket is open."""
    RETURN = "return"
    END = "end"
    REFUSE = "refuse"
    LEAVE = "leave"


OVER = frozenset({VisitState.ENDED, VisitState.REFUSED, VisitState.LEFT})

TRANSITIONS: dict[VisitAction, dict[VisitState, VisitState]] = {
    VisitAction.CALL_IN: {VisitState.WAITING: VisitState.CALLED},
    VisitAction.JOIN: {
        VisitState.CALLED: VisitState.IN_CONSULTATION,
        VisitState.IN_CONSULTATION: VisitState.IN_CONSULTATION,
    },
    VisitAction.RETURN: {
        VisitState.CALLED: VisitState.WAITING,
        VisitState.IN_CONSULTATION: VisitState.WAITING,
    },
    VisitAction.END: {
        VisitState.WAITING: VisitState.ENDED,
        VisitState.CALLED: VisitState.ENDED,
        VisitState.IN_CONSULTATION: VisitState.ENDED,
    },
    VisitAction.REFUSE: {VisitState.WAITING: VisitState.REFUSED},
    VisitAction.LEAVE: {
        VisitState.WAITING: VisitState.LEFT,
        VisitState.CALLED: VisitState.LEFT,
        VisitState.IN_CONSULTATION: VisitState.LEFT,
    },
}


def call_of(visit: str) -> CallId:
    """Name the call of a visit; it does not tell the visit's id, which media nodes and logs need not know."""
    return CallId(f"visit:{blake2b(visit.encode(), digest_size=12).hexdigest()}")


class Visit(Record):
    """What is stored of a visit beside the personal data; nothing here tells who it is."""

    id: str
    namespace: Namespace
    clinic: str
    clinic_uid: str
    arrived_ms: int
    """Wallclock of entering, ms since 1970."""
    state: VisitState = VisitState.WAITING
    called_by: str = ""
    """The member of staff who called in: user, as signed in."""
    socket: str = ""
    """Which waiting socket is the newest; an older one has been replaced."""
    seen_ms: int = 0
    """Wallclock when the waiting page was last heard."""

    @property
    def call(self) -> CallId:
        """The call of this visit."""
        return call_of(self.id)


class Personal(Record):
    """What the patient said; stored apart, with a TTL, and gone when the visit is over."""

    name: str
    fields: dict[str, str] = {}
    locale: str = "en"


class Waiting(Record):
    """One row of a clinic's queue."""

    visit: Visit
    personal: Personal


def next_state(state: VisitState, action: VisitAction) -> VisitState | None:
    """Look up where `action` leads from `state`; None when it is not allowed."""
    return TRANSITIONS[action].get(state)
