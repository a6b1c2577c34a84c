"""A visit: one patient's stay, as a table of transitions. Every other move is refused."""

from enum import StrEnum
from hashlib import blake2b
from typing import Literal, TypeAlias

from teleward_contract.placements import Record
from teleward_contract.projections import LocaleMap
from teleward_contract.units import CallId, Namespace

from teleward_gateway.core.device import DeviceReport


class VisitState(StrEnum):
    """Where a visit is."""

    WAITING = "waiting"
    CALLED = "called"
    IN_CONSULTATION = "in_consultation"
    ON_HOLD = "on_hold"
    """Back on the private waiting page while the call goes on without the patient."""
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
    HOLD = "hold"
    RESUME = "resume"
    HAND_OVER = "hand_over"
    TRANSFER = "transfer"
    """To the queue of another clinic of the organisation."""
    ADD = "add"
    """To a consultation that runs with somebody else."""
    MESSAGE = "message"
    PRIORITISE = "prioritise"
    NOTICE = "notice"
    """Somebody has seen the arrival: it is announced no more."""
    DELAY = "delay"
    """Somebody wanted to call in and found no place for the call: the patient is told."""


OVER = frozenset({VisitState.ENDED, VisitState.REFUSED, VisitState.LEFT})
CALLED = frozenset({VisitState.CALLED, VisitState.IN_CONSULTATION})
"""The patient is to be in the call."""
CALL_GOES_ON = CALLED | {VisitState.ON_HOLD}
"""Staff may be in the call."""


def after_loss(told: VisitState | None, *, is_live: bool) -> VisitState:
    """Where a visit stands again of which the store has forgotten all.

    Nobody is to be in a call because that was forgotten: only whose page was told so last is in it again.

    Args:
        told: What the patient's page was told last; None: nothing yet, as one that was just opened.
        is_live: Whether its call goes on.
    """
    if not is_live or told is VisitState.WAITING:
        return VisitState.WAITING
    return VisitState.IN_CONSULTATION if told in CALLED else VisitState.ON_HOLD


TRANSITIONS: dict[VisitAction, dict[VisitState, VisitState]] = {
    VisitAction.CALL_IN: {VisitState.WAITING: VisitState.CALLED},
    VisitAction.JOIN: {
        VisitState.CALLED: VisitState.IN_CONSULTATION,
        VisitState.IN_CONSULTATION: VisitState.IN_CONSULTATION,
    },
    VisitAction.RETURN: {
        VisitState.CALLED: VisitState.WAITING,
        VisitState.IN_CONSULTATION: VisitState.WAITING,
        VisitState.ON_HOLD: VisitState.WAITING,
    },
    VisitAction.END: {
        VisitState.WAITING: VisitState.ENDED,
        VisitState.CALLED: VisitState.ENDED,
        VisitState.IN_CONSULTATION: VisitState.ENDED,
        VisitState.ON_HOLD: VisitState.ENDED,
    },
    VisitAction.REFUSE: {VisitState.WAITING: VisitState.REFUSED},
    VisitAction.LEAVE: {
        VisitState.WAITING: VisitState.LEFT,
        VisitState.CALLED: VisitState.LEFT,
        VisitState.IN_CONSULTATION: VisitState.LEFT,
        VisitState.ON_HOLD: VisitState.LEFT,
    },
    VisitAction.HOLD: {VisitState.IN_CONSULTATION: VisitState.ON_HOLD},
    VisitAction.RESUME: {VisitState.ON_HOLD: VisitState.CALLED},
    VisitAction.HAND_OVER: {
        VisitState.CALLED: VisitState.CALLED,
        VisitState.IN_CONSULTATION: VisitState.IN_CONSULTATION,
        VisitState.ON_HOLD: VisitState.ON_HOLD,
    },
    VisitAction.TRANSFER: {
        VisitState.WAITING: VisitState.WAITING,
        VisitState.CALLED: VisitState.WAITING,
        VisitState.IN_CONSULTATION: VisitState.WAITING,
        VisitState.ON_HOLD: VisitState.WAITING,
    },
    VisitAction.ADD: {VisitState.WAITING: VisitState.CALLED},
    VisitAction.MESSAGE: {
        VisitState.WAITING: VisitState.WAITING,
        VisitState.ON_HOLD: VisitState.ON_HOLD,
    },
    VisitAction.PRIORITISE: {VisitState.WAITING: VisitState.WAITING},
    VisitAction.NOTICE: {VisitState.WAITING: VisitState.WAITING},
    VisitAction.DELAY: {
        VisitState.WAITING: VisitState.WAITING,
        VisitState.ON_HOLD: VisitState.ON_HOLD,
    },
}

_REACTIONS = frozenset({VisitAction.MESSAGE, VisitAction.PRIORITISE, VisitAction.NOTICE})
"""Steps that show that somebody has seen who waits, beside those that call in."""
_UNSIGNED = _REACTIONS | {VisitAction.JOIN, VisitAction.DELAY}
"""Steps that never make anybody else's come too late."""

MAX_PRIORITY = 9
"""The most urgent; 0 is what everybody begins with. Ours: one digit is as much as people tell apart."""


def call_of(visit: str) -> CallId:
    """Name the call of a visit; it does not tell the visit's id, which media nodes and logs need not know."""
    return CallId(f"visit:{blake2b(visit.encode(), digest_size=12).hexdigest()}")


_ROOM = "room:"


def call_of_room(uid: str) -> CallId:
    """Name the call of a standing room."""
    return CallId(f"{_ROOM}{uid}")


def room_uid(call: str) -> str:
    """The standing room whose call it is, which no visit ends; empty: a consultation's."""
    return call.removeprefix(_ROOM) if call.startswith(_ROOM) else ""


class Visit(Record):
    """What is stored of a visit beside the personal data; nothing here tells who it is."""

    id: str
    namespace: Namespace
    clinic: str
    clinic_uid: str
    arrived_ms: int = 0
    """Store clock of entering, ms since 1970; 0: it enters now."""
    state: VisitState = VisitState.WAITING
    called_by: str = ""
    """Who owns the visit: the member of staff who called in or whom it was handed over to (`core.staff.identity`)."""
    changed_by: str = ""
    """The member of staff who moved it last; empty: the patient, or nobody yet."""
    is_noticed: bool = False
    """Whether anybody of the clinic has reacted to the arrival."""
    is_confirmed: bool = False
    """Whether who called in said that this is whom they wanted to call."""
    is_delayed: bool = False
    """Whether somebody wanted to call in and found no place for the call."""
    priority: int = 0
    """0 to `MAX_PRIORITY`; higher comes first where the waiting area goes by it."""
    came_from: str = ""
    """What the clinic is called that transferred it here; empty: it entered here."""
    came_from_uid: str = ""
    consultation: str = ""
    """Random name of the consultation that began with the last calling in; several visits may share one."""
    into: str = ""
    """The call that the patient was called into, if it is not the visit's own."""
    socket: str = ""
    """Which waiting socket is the newest; an older one has been replaced."""
    seen_ms: int = 0
    """Store clock when the waiting page was last heard."""
    utc_offset_s: int = 0
    """How far the clinic's wall clock is ahead of UTC: reports count by the clinic's days."""
    pseudonym: str = ""
    """What the audit calls the visit."""

    @property
    def call(self) -> CallId:
        """The call that this visit's patient is called into."""
        return CallId(self.into) if self.into else call_of(self.id)


SpeaksAs: TypeAlias = Literal["relative", "carer", "interpreter"]


class Speaker(Record):
    """Who speaks for the patient."""

    name: str
    role: SpeaksAs


class Personal(Record):
    """What the patient said; stored apart, with a TTL, and gone when the visit is over."""

    name: str
    fields: dict[str, str] = {}
    locale: str = "en"
    speaker: Speaker | None = None
    appointment: str = ""
    """RFC 3339 UTC, as the patient's link said; empty: there is none."""
    device: DeviceReport | None = None
    """None: the page has not told."""

    @property
    def call_name(self) -> str:
        """What the others in the call see: who speaks first, and for whom."""
        return f"{self.speaker.name} ({self.name})" if self.speaker else self.name


class Words(Record):
    """What staff wrote to a patient last; stored apart, with the TTL of the visit.

    Gone when the visit is over; the words of a refusal are gone when the visit is forgotten.
    """

    texts: LocaleMap
    """A ready-made text in every locale it has, or somebody's own words as `OWN_WORDS`."""
    at_ms: int
    """Wallclock, ms since 1970."""


OWN_WORDS = "und"
"""Language not determined (BCP 47, ISO 639-2)."""


class Waiting(Record):
    """One row of a clinic's queue."""

    visit: Visit
    personal: Personal
    words: Words | None = None
    is_silent: bool = False
    """The waiting page was not heard of for as long as who reads the queue allows."""


class Destination(Record):
    """Where a visit is transferred to."""

    clinic: str
    clinic_uid: str
    at_most: int
    """As many wait there at most."""
    came_from: str
    """What the clinic is called that gives the visit."""
    came_from_uid: str
    utc_offset_s: int = 0


class Carried(Record):
    """What a step carries beside who takes it."""

    at: str = ""
    """Uid of the clinic in which it is taken: a visit that is elsewhere does not move. Empty: wherever it is."""
    words: Words | None = None
    """Of a message or a refusal."""
    priority: int = 0
    owner: str = ""
    """Whom it is handed over to."""
    is_confirmed: bool = False
    """Who calls in says that this is whom they want to call."""
    owned_by: str | None = None
    """Who must own it still; None: no matter."""
    to: Destination | None = None
    """Of a transfer."""
    consultation: str = ""
    """Of a calling in or an adding: the name of the consultation."""
    into: str = ""
    """Likewise: the call, if it is not the visit's own."""
    host: str = ""
    """Of an adding: the visit whose consultation it is, which must run still and be of the same owner."""


NOTHING_CARRIED = Carried()


def next_state(state: VisitState, action: VisitAction) -> VisitState | None:
    """Look up where `action` leads from `state`; None when it is not allowed."""
    return TRANSITIONS[action].get(state)


_NOBODYS: dict[str, str | int] = {"called_by": "", "consultation": "", "into": ""}
"""What a visit that waits again does not have any more."""


def changes(action: VisitAction, by: str, carried: Carried) -> dict[str, str | int]:
    """What a step that is allowed writes into the visit beside its state."""
    changed: dict[str, str | int] = {} if action in _UNSIGNED else {"changed_by": by}
    if action in _REACTIONS:
        changed["is_noticed"] = True
    match action:
        case VisitAction.CALL_IN | VisitAction.ADD:
            changed |= {
                "called_by": by, "consultation": carried.consultation, "into": carried.into,
                "is_noticed": True, "is_delayed": False, "is_confirmed": carried.is_confirmed,
            }  # fmt: skip
        case VisitAction.RESUME:
            changed["is_delayed"] = False
        case VisitAction.DELAY:
            changed |= {"is_noticed": True, "is_delayed": True}
        case VisitAction.RETURN:
            changed |= _NOBODYS | {"is_confirmed": False}
        case VisitAction.HAND_OVER:
            changed["called_by"] = carried.owner
        case VisitAction.TRANSFER if carried.to:
            changed |= _NOBODYS | {
                "is_noticed": False, "is_confirmed": False, "is_delayed": False,
                "clinic": carried.to.clinic, "clinic_uid": carried.to.clinic_uid,
                "came_from": carried.to.came_from, "came_from_uid": carried.to.came_from_uid,
                "utc_offset_s": carried.to.utc_offset_s,
            }  # fmt: skip
        case VisitAction.PRIORITISE:
            changed["priority"] = carried.priority
        case _:
            pass
    return changed


def take(visit: Visit, action: VisitAction, by: str, carried: Carried) -> Visit | None:
    """Take a step: the visit after it, or None when it is not allowed."""
    state = next_state(visit.state, action)
    if state is None or carried.at not in ("", visit.clinic_uid):
        return None
    if carried.owned_by not in (None, visit.called_by):
        return None
    return visit.model_copy(update={"state": state, **changes(action, by, carried)})


def takes_in(host: Visit | None, added: Visit) -> bool:
    """Whether the consultation of `host`, as it is now, is the one that `added` was added to."""
    return (
        host is not None
        and host.state in CALL_GOES_ON
        and (host.clinic_uid, host.called_by, host.consultation)
        == (added.clinic_uid, added.called_by, added.consultation)
    )
