"""What staff do with visits, over HTTP: one request a step."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import LocaleMap, RoomProjection

from teleward_gateway.core.admission import (
    Action,
    is_permitted,
    needed_for,
    standings_of,
)
from teleward_gateway.core.audit import Deed
from teleward_gateway.core.door import DoorState
from teleward_gateway.core.guests import GuestPlace
from teleward_gateway.core.staff import StaffSession, fold_user
from teleward_gateway.core.team import name_of, who_may
from teleward_gateway.core.visits import (
    CALL_GOES_ON,
    MAX_PRIORITY,
    OVER,
    Carried,
    Visit,
    VisitAction,
    room_uid,
)
from teleward_gateway.core.words import ready_texts, texts_of
from teleward_gateway.errors import RefusedError, one_moment, too_late
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import came_too_late, not_open, not_running
from teleward_gateway.usecases.write_to_patients import words_now
from teleward_gateway.web.context import Parts, check
from teleward_gateway.web.room_calls import find_room

router = APIRouter(prefix="/api/staff/{namespace}/{clinic}")


class Written(BaseModel):
    """What staff write to a patient: own words, or a ready-made text as it was shown to them."""

    text: str = Field(default="", max_length=4000)
    ready: str = Field(default="", max_length=4000)

    def texts(self, found: Found) -> LocaleMap | None:
        """What is to be written, None for nothing; raises RefusedError 422."""
        return texts_of(self.text, self.ready, ready_texts(found[0]))

    def some_texts(self, found: Found) -> LocaleMap:
        """As `texts`, but nothing is refused, too."""
        texts = self.texts(found)
        if texts is None:
            raise RefusedError(422, "empty", "Write something, or choose a text.")
        return texts


class HandedOver(BaseModel):
    """Whom a visit is handed over to."""

    to: str = Field(max_length=320)


class Transferred(BaseModel):
    """The clinic of the same organisation that a visit is to wait in."""

    to: str = Field(max_length=253)


class CalledIn(BaseModel):
    """Where a patient is called in."""

    room: str = Field(default="", max_length=253)
    """A user room of who calls in; empty: a consultation."""


class Added(BaseModel):
    """The visit whose consultation a patient is added to."""

    to: str = Field(max_length=253)


class Urgency(BaseModel):
    """How urgent a visit is."""

    priority: int = Field(ge=0, le=MAX_PRIORITY, strict=True)


async def the_visit(parts: Parts, found: Found, visit: str) -> Visit:
    """Look up a visit of a clinic that is not over; raises RefusedError 404, which tells who ended it."""
    stored = await parts.visits.get(found[0].namespace, visit)
    if stored is None or stored.clinic_uid != found[0].uid or stored.state in OVER:
        raise came_too_late(found, stored)
    return stored


@dataclass(frozen=True, slots=True)
class Acting:
    """A member of staff who was admitted to act on a visit."""

    parts: Parts
    session: StaffSession
    found: Found
    visit: Visit
    """As it was when they were admitted."""

    @property
    def by(self) -> str:
        """Who it is, as visits note it."""
        return self.session.user

    def may(self, *actions: Action) -> bool:
        """Whether they may do all of these here, too."""
        standings = standings_of(self.session, *self.found)
        return all(is_permitted(standings, action) for action in actions)

    @property
    def at(self) -> str:
        """The clinic in which they act."""
        return self.found[0].uid

    async def take(self, step: VisitAction, carried: Carried) -> None:
        """Take a step that changes the visit alone; raises RefusedError 404, 409 `taken`."""
        visit = self.visit
        allowed, now = await self.parts.visits.change(
            visit.namespace, visit.id, step, self.by, carried
        )
        if not allowed:
            raise came_too_late(self.found, now)


def admitted_to(action: Action) -> Any:
    """Admit whoever is signed in to an action on the visit of the path, and have the queue read when it is done."""

    async def acting(
        namespace: str, clinic: str, visit: str, parts: Parts, request: Request
    ) -> AsyncIterator[Acting]:
        session, found = await parts.admit(request, namespace, clinic, action)
        yield Acting(parts, session, found, await the_visit(parts, found, visit))
        parts.watches.nudge(namespace, clinic)

    return Depends(acting)


@router.get("/choices")
async def choices(namespace: str, clinic: str, parts: Parts, request: Request) -> dict[str, Any]:
    """Tell what staff can choose from when they do something with a visit."""
    _, found = await parts.admit(request, namespace, clinic, Action.SEE_QUEUE)
    colleagues = who_may(Action.JOIN_VISIT, *found)
    return {
        "ready": ready_texts(found[0]),
        "colleagues": [{"user": user, "name": name} for user, name in colleagues.items()],
        "clinics": [
            {"name": other.name, "display_name": other.display_name}
            for other, _ in await parts.clinics.every()
            if other.namespace == namespace and other.name != clinic and other.waiting_area
        ],
    }


@router.post("/messages")
async def message_all(
    namespace: str, clinic: str, written: Written, parts: Parts, request: Request
) -> dict[str, int]:
    """Write to every patient who waits."""
    session, found = await parts.admit(request, namespace, clinic, Action.MESSAGE_ALL)
    told = await parts.writing.to_all(found, written.some_texts(found))
    parts.auditing.did(found[0].namespace, Deed.MESSAGE_ALL, session.user, clinic)
    parts.watches.nudge(namespace, clinic)
    return {"told": told}


@router.post("/visits/{visit}/call-in")
async def call_in(
    namespace: str, clinic: str, visit: str, form: CalledIn, parts: Parts, request: Request
) -> dict[str, str]:
    """Reserve a place and call the patient in."""
    session, found = await parts.admit(request, namespace, clinic, Action.CALL_IN)
    try:
        stored = await the_visit(parts, found, visit)
        room = _user_room(session, found, form.room) if form.room else None
        await parts.consulting.call_in(found, stored, session.user, room=room)
    except RefusedError as err:
        parts.meter.called_in(err.code)
        raise
    except RoutingUnavailableError:
        parts.meter.called_in(one_moment().code)
        raise
    parts.meter.called_in("called")
    parts.watches.nudge(namespace, clinic)
    return {"state": "called"}


def _user_room(session: StaffSession, found: Found, name: str) -> RoomProjection:
    """One's own user room, if patients may be called in there; raises RefusedError 404, 409."""
    room = find_room(found, GuestPlace.USER, name)
    check(session, found, Action.HOST_USER_ROOM, room)
    if not room.patients_allowed:
        raise RefusedError(409, "no_patients", "Patients are not let into this room.")
    return room


@router.post("/visits/{visit}/add")
async def add(added: Added, acting: Annotated[Acting, admitted_to(Action.ADD)]) -> dict[str, str]:
    """Call a patient who waits into a consultation of one's own that runs already."""
    host = await acting.parts.visits.get(acting.visit.namespace, added.to)
    if host is None or host.clinic_uid != acting.at or host.state not in CALL_GOES_ON:
        raise not_running()
    if host.called_by != acting.by:
        raise too_late(name_of(host.called_by, *acting.found))
    await acting.parts.consulting.add(acting.found, acting.visit, host, acting.by)
    return {"state": "called"}


@router.post("/visits/{visit}/hold", status_code=204)
async def hold(acting: Annotated[Acting, admitted_to(Action.HOLD)]) -> None:
    """Send a patient from the consultation back to the waiting page, for a while."""
    await acting.parts.consulting.hold(acting.found, acting.visit, acting.by)


@router.post("/visits/{visit}/resume")
async def resume(acting: Annotated[Acting, admitted_to(Action.RESUME)]) -> dict[str, str]:
    """Bring a patient who is on hold back into the consultation."""
    await acting.parts.consulting.call_in(
        acting.found, acting.visit, acting.by, VisitAction.RESUME
    )
    return {"state": "called"}


@router.post("/visits/{visit}/hand-over", status_code=204)
async def hand_over(
    handed: HandedOver, acting: Annotated[Acting, admitted_to(Action.HAND_OVER)]
) -> None:
    """Give a visit to a colleague of the same clinic."""
    owner = acting.visit.called_by
    if owner != acting.by and not acting.may(Action.HAND_OVER_OTHERS):
        raise too_late(name_of(owner, *acting.found))
    if room_uid(acting.visit.into):
        raise RefusedError(409, "in_user_room", "The patient is in a room of your own.")
    to = fold_user(handed.to)
    if to not in who_may(Action.JOIN_VISIT, *acting.found):
        raise RefusedError(422, "unknown_colleague", "Choose somebody of the clinic's team.")
    carried = Carried(at=acting.at, owner=to, owned_by=owner)
    await acting.take(VisitAction.HAND_OVER, carried)


@router.post("/visits/{visit}/transfer", status_code=204)
async def transfer(
    form: Transferred, acting: Annotated[Acting, admitted_to(Action.TRANSFER)]
) -> None:
    """Let a patient wait in another clinic of the organisation, at the same time of arrival."""
    parts, found, visit = acting.parts, acting.found, acting.visit
    if not acting.may(*needed_for(VisitAction.TRANSFER, visit.state)):
        raise too_late(name_of(visit.called_by, *found))
    to = await _destination(parts, found, form.to)
    await parts.consulting.transfer(found, visit, to, acting.by)
    parts.watches.nudge(to[0].namespace, to[0].name)


async def _destination(parts: Parts, found: Found, name: str) -> Found:
    """Another clinic of the organisation that takes patients now; raises RefusedError 409, 422, 503."""
    try:
        to = await parts.clinics.get(found[0].namespace, name)
    except RefusedError as err:
        if err.is_temporary:
            raise
        to = found
    if to[0].uid == found[0].uid:
        raise RefusedError(422, "unknown_clinic", "Choose another clinic of the organisation.")
    state = await parts.door(to)
    if state is not DoorState.OPEN:
        raise not_open(state)
    return to


@router.post("/visits/{visit}/refuse", status_code=204)
async def refuse(written: Written, acting: Annotated[Acting, admitted_to(Action.REFUSE)]) -> None:
    """Refuse a patient, who reads why if anything was written."""
    texts = written.texts(acting.found)
    words = words_now(texts) if texts else None
    await acting.parts.consulting.finish(
        acting.found, acting.visit, VisitAction.REFUSE, acting.by, words
    )


@router.post("/visits/{visit}/message", status_code=204)
async def message(
    written: Written, acting: Annotated[Acting, admitted_to(Action.MESSAGE)]
) -> None:
    """Write to one patient who waits."""
    texts = written.some_texts(acting.found)
    await acting.parts.writing.to_one(acting.found, acting.visit, texts, acting.by)


@router.post("/visits/{visit}/priority", status_code=204)
async def prioritise(
    urgency: Urgency, acting: Annotated[Acting, admitted_to(Action.PRIORITISE)]
) -> None:
    """Say how urgent a visit is."""
    carried = Carried(at=acting.at, priority=urgency.priority)
    await acting.take(VisitAction.PRIORITISE, carried)


@router.post("/visits/{visit}/end", status_code=204)
async def end(acting: Annotated[Acting, admitted_to(Action.END_VISIT)]) -> None:
    """End a visit."""
    await acting.parts.consulting.finish(acting.found, acting.visit, VisitAction.END, acting.by)


@router.post("/visits/{visit}/return", status_code=204)
async def send_back(acting: Annotated[Acting, admitted_to(Action.RETURN)]) -> None:
    """Send a patient back to waiting."""
    await acting.parts.consulting.finish(acting.found, acting.visit, VisitAction.RETURN, acting.by)
