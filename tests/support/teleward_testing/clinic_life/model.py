"""What may become of a visit, said a second time and independently of the gateway's own tables."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Clinic: TypeAlias = Literal["cardiology", "urgent"]
CLINICS: tuple[Clinic, ...] = ("cardiology", "urgent")

WAITING, CALLED, SEEN, HELD = "waiting", "called", "in_consultation", "on_hold"
ENDED, REFUSED, LEFT = "ended", "refused", "left"
OVER = frozenset({ENDED, REFUSED, LEFT})
IN_CALL = frozenset({CALLED, SEEN})
"""The patient is to be in the call."""

STEPS = {
    "call-in": {WAITING: CALLED},
    "return": {CALLED: WAITING, SEEN: WAITING, HELD: WAITING},
    "end": {WAITING: ENDED, CALLED: ENDED, SEEN: ENDED, HELD: ENDED},
    "refuse": {WAITING: REFUSED},
    "hold": {SEEN: HELD},
    "resume": {HELD: CALLED},
    "hand-over": {CALLED: CALLED, SEEN: SEEN, HELD: HELD},
    "transfer": {WAITING: WAITING, CALLED: WAITING, SEEN: WAITING, HELD: WAITING},
    "message": {WAITING: WAITING, HELD: HELD},
    "priority": {WAITING: WAITING},
}
"""Step of staff → from → to."""

_DESK = frozenset({"refuse", "message", "priority", "transfer"})
_CLINICIAN = _DESK | {"call-in", "return", "end", "hold", "resume", "hand-over"}
_ADMIN = _CLINICIAN | {"hand over others"}
ROLES: dict[str, dict[Clinic, frozenset[str]]] = {
    "olga@x.org": dict.fromkeys(CLINICS, _ADMIN),  # of the organisation
    "dora@x.org": {"cardiology": _ADMIN},
    "ada@x.org": {"cardiology": _CLINICIAN},
    "ben@x.org": dict.fromkeys(CLINICS, _CLINICIAN),
    "rita@x.org": dict.fromkeys(CLINICS, _DESK),
    "rob@x.org": {"cardiology": frozenset({"transfer"})},
    "ivy@x.org": {"cardiology": frozenset()},  # an interpreter
    "eve@x.org": {},  # a clinician of another organisation
    "": {},  # nobody is signed in
}
"""Who may do what where."""
COLLEAGUES = {
    clinic: frozenset(u for u, at in ROLES.items() if "call-in" in at.get(clinic, ()))
    for clinic in CLINICS
}


@dataclass(frozen=True, slots=True)
class Stay:
    """One patient's visit, as it should be."""

    name: str
    at: Clinic
    ticket_at: Clinic
    """Of which clinic the patient holds a ticket."""
    state: str = WAITING
    owner: str = ""
    priority: int = 0
    is_forgotten: bool = False
    """The store was emptied, and no page has told of it yet."""

    @property
    def is_listed(self) -> bool:
        """Whether staff see it."""
        return self.state not in OVER and not self.is_forgotten


@dataclass(frozen=True, slots=True)
class StaffAct:
    """A member of staff does something to a visit, at a clinic, through a replica."""

    who: str
    at: Clinic
    verb: str
    replica: int
    to: str = ""
    """Colleague or clinic."""
    priority: int = 0


PatientVerb: TypeAlias = Literal["leave", "join", "follow", "enter again"]


@dataclass(frozen=True, slots=True)
class PatientAct:
    """The patient does something about the own visit."""

    verb: PatientVerb
    replica: int


Act: TypeAlias = StaffAct | PatientAct

OK, GONE, TAKEN = "ok", "404", "409 taken"
CUT = "cut"
"""No answer came. That happens on good days, too: a kept connection is closed as a request is sent on it."""
UNSURE = frozenset({"503", CUT})
"""It may have been done or not."""


def step(stay: Stay, act: Act) -> tuple[str, Stay]:
    """What an act is answered, and what it makes of the visit."""
    if isinstance(act, PatientAct):
        return _of_patient(stay, act)
    may = ROLES[act.who].get(act.at, frozenset())
    if act.verb not in may or stay.at != act.at or not stay.is_listed:
        return GONE, stay
    refusal = _refusal(stay, act, may)
    if refusal is not None:
        return refusal, stay
    to = STEPS[act.verb].get(stay.state)
    if to is None:
        is_second_click = act.verb in ("call-in", "resume") and stay.state in IN_CALL
        return (OK if is_second_click and stay.owner == act.who else TAKEN), stay
    return OK, _moved(stay, act, to)


def _refusal(stay: Stay, act: StaffAct, may: frozenset[str]) -> str | None:
    """Why a hand-over or a transfer cannot be, whatever the state."""
    if act.verb == "hand-over":
        if stay.owner != act.who and "hand over others" not in may:
            return TAKEN
        return None if act.to in COLLEAGUES[act.at] else "422 unknown_colleague"
    if act.verb == "transfer":
        if stay.state != WAITING and "return" not in may:
            return TAKEN
        return None if act.to in CLINICS and act.to != act.at else "422 unknown_clinic"
    return None


def _moved(stay: Stay, act: StaffAct, to: str) -> Stay:
    moved = replace(stay, state=to)
    match act.verb:
        case "call-in":
            return replace(moved, owner=act.who)
        case "return":
            return replace(moved, owner="")
        case "hand-over":
            return replace(moved, owner=act.to)
        case "transfer":
            return replace(moved, owner="", at="urgent" if act.to == "urgent" else "cardiology")
        case "priority":
            return replace(moved, priority=act.priority)
        case _:
            return moved


def _of_patient(stay: Stay, act: PatientAct) -> tuple[str, Stay]:
    match act.verb:
        case "leave":
            return OK, stay if stay.state in OVER else replace(stay, state=LEFT)
        case "join":
            is_called = stay.is_listed and stay.at == stay.ticket_at and stay.state in IN_CALL
            return (OK, replace(stay, state=SEEN)) if is_called else (GONE, stay)
        case "follow":
            goes = stay.is_listed and stay.at != stay.ticket_at
            return (OK, replace(stay, ticket_at=stay.at)) if goes else (GONE, stay)
        case "enter again":
            return OK, stay


def explanations(
    stay: Stay, done: Sequence[tuple[Act, str]], *, is_disturbed: bool
) -> Iterator[Stay]:
    """Every visit that these acts, all at once, may have left, given how each was answered.

    There has to be an order in which each that was answered `ok` was possible and each that was refused was not. A
    hand-over and a transfer compare the owner with whom they found, so they may lose to anybody who came between.
    While something was broken a refusal may be that of a second try, whose first was carried out.
    """
    for order in itertools.permutations(done):
        maybe = [
            answer != OK and _is_stored(act) and (is_disturbed or answer == CUT)
            for act, answer in order
        ]
        for carried_out in itertools.product(*((True, False) if m else (False,) for m in maybe)):
            end = _played(stay, list(zip(order, carried_out, strict=True)), is_disturbed)
            if end is not None:
                yield end


def _played(
    stay: Stay, order: Sequence[tuple[tuple[Act, str], bool]], is_disturbed: bool
) -> Stay | None:
    passed = [stay]
    for (act, answer), was_carried_out in order:
        word, then = step(passed[-1], act)
        if answer == OK or was_carried_out:
            if word != OK:
                return None
            passed.append(then)
    won = len(passed) > 1
    for (act, answer), _ in order:
        if answer == OK or answer in UNSURE or is_disturbed:
            continue
        is_beaten = won and answer in (GONE, TAKEN) and _compares(act)
        if not is_beaten and all(step(then, act)[0] != answer for then in passed):
            return None
    return passed[-1]


def _is_stored(act: Act) -> bool:
    """Whether it changes anything but what the browser holds."""
    return not (isinstance(act, PatientAct) and act.verb == "follow")


def _compares(act: Act) -> bool:
    return isinstance(act, StaffAct) and act.verb in ("hand-over", "transfer")
