"""What staff do with visits, over HTTP: one request a step."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import LocaleMap

from teleward_gateway.core.admission import (
    VISIT_ACTIONS,
    Action,
    is_permitted,
    needed_for,
    standings_of,
)
from teleward_gateway.core.door import DoorState
from teleward_gateway.core.staff import fold_user
from teleward_gateway.core.team import name_of, who_may
from teleward_gateway.core.visits import (
    MAX_PRIORITY,
    OVER,
    Carried,
    Visit,
    VisitAction,
)
from teleward_gateway.core.words import ready_texts, texts_of
from teleward_gateway.errors import RefusedError, not_found, one_moment, too_late
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import came_too_late, not_open
from teleward_gateway.usecases.write_to_patients import words_now
from teleward_gateway.web.context import PATIENT, Parts

router = APIRouter(prefix="/api/staff/{namespace}/{clinic}")

_STEPS = {"end": VisitAction.END, "return": VisitAction.RETURN}


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


class Urgency(BaseModel):
    """How urgent a visit is."""

    priority: int = Field(ge=0, le=MAX_PRIORITY, strict=True)


async def the_visit(parts: Parts, found: Found, visit: str) -> Visit:
    """Look up a visit of a clinic that is not over; raises RefusedError 404, which tells who ended it."""
    stored = await parts.visits.get(found[0].namespace, visit)
    if stored is None or stored.clinic_uid != found[0].uid or stored.state in OVER:
        raise came_too_late(found, stored)
    return stored


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
    _, found = await parts.admit(request, namespace, clinic, Action.MESSAGE_ALL)
    told = await parts.writing.to_all(found, written.some_texts(found))
    parts.watches.nudge(namespace, clinic)
    return {"told": told}


@router.post("/visits/{visit}/call-in")
async def call_in(
    namespace: str, clinic: str, visit: str, parts: Parts, request: Request
) -> dict[str, str]:
    """Reserve a place and call the patient in."""
    session, found = await parts.admit(request, namespace, clinic, Action.CALL_IN)
    try:
        stored = await the_visit(parts, found, visit)
        await parts.consulting.call_in(found, stored, session.user)
    except RefusedError as err:
        parts.meter.called_in(err.code)
        raise
    except RoutingUnavailableError:
        parts.meter.called_in(one_moment().code)
        raise
    parts.meter.called_in("called")
    parts.watches.nudge(namespace, clinic)
    return {"state": "called"}


@router.post("/visits/{visit}/hold", status_code=204)
async def hold(
    namespace: str, clinic: str, visit: str, parts: Parts, request: Request
) -> Response:
    """Send a patient from the consultation back to the waiting page, for a while."""
    session, found = await parts.admit(request, namespace, clinic, Action.HOLD)
    stored = await the_visit(parts, found, visit)
    patient = parts.participant(stored.call, PATIENT)
    await parts.consulting.hold(found, stored, session.user, patient)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)


@router.post("/visits/{visit}/resume")
async def resume(
    namespace: str, clinic: str, visit: str, parts: Parts, request: Request
) -> dict[str, str]:
    """Bring a patient who is on hold back into the consultation."""
    session, found = await parts.admit(request, namespace, clinic, Action.RESUME)
    stored = await the_visit(parts, found, visit)
    await parts.consulting.call_in(found, stored, session.user, VisitAction.RESUME)
    parts.watches.nudge(namespace, clinic)
    return {"state": "called"}


@router.post("/visits/{visit}/hand-over", status_code=204)
async def hand_over(
    namespace: str, clinic: str, visit: str, handed: HandedOver, parts: Parts, request: Request
) -> Response:
    """Give a visit to a colleague of the same clinic."""
    session, found = await parts.admit(request, namespace, clinic, Action.HAND_OVER)
    stored = await the_visit(parts, found, visit)
    standings = standings_of(session, *found)
    if stored.called_by != session.user and not is_permitted(standings, Action.HAND_OVER_OTHERS):
        raise too_late(name_of(stored.called_by, *found))
    to = fold_user(handed.to)
    if to not in who_may(Action.JOIN_VISIT, *found):
        raise RefusedError(422, "unknown_colleague", "Choose somebody of the clinic's team.")
    carried = Carried(at=found[0].uid, owner=to, owned_by=stored.called_by)
    allowed, now = await parts.visits.change(
        stored.namespace, stored.id, VisitAction.HAND_OVER, session.user, carried
    )
    if not allowed:
        raise came_too_late(found, now)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)


@router.post("/visits/{visit}/transfer", status_code=204)
async def transfer(
    namespace: str, clinic: str, visit: str, form: Transferred, parts: Parts, request: Request
) -> Response:
    """Let a patient wait in another clinic of the organisation, at the same time of arrival."""
    session, found = await parts.admit(request, namespace, clinic, Action.TRANSFER)
    stored = await the_visit(parts, found, visit)
    standings = standings_of(session, *found)
    needed = needed_for(VisitAction.TRANSFER, stored.state)
    if not all(is_permitted(standings, action) for action in needed):
        raise too_late(name_of(stored.called_by, *found))
    to = await _destination(parts, found, form.to)
    await parts.consulting.transfer(found, stored, to, session.user)
    parts.watches.nudge(namespace, clinic)
    parts.watches.nudge(namespace, to[0].name)
    return Response(status_code=204)


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
async def refuse(
    namespace: str, clinic: str, visit: str, written: Written, parts: Parts, request: Request
) -> Response:
    """Refuse a patient, who reads why if anything was written."""
    session, found = await parts.admit(request, namespace, clinic, Action.REFUSE)
    texts = written.texts(found)
    stored = await the_visit(parts, found, visit)
    words = words_now(texts) if texts else None
    await parts.consulting.finish(found, stored, VisitAction.REFUSE, session.user, words)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)


@router.post("/visits/{visit}/message", status_code=204)
async def message(
    namespace: str, clinic: str, visit: str, written: Written, parts: Parts, request: Request
) -> Response:
    """Write to one patient who waits."""
    session, found = await parts.admit(request, namespace, clinic, Action.MESSAGE)
    texts = written.some_texts(found)
    stored = await the_visit(parts, found, visit)
    await parts.writing.to_one(found, stored, texts, session.user)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)


@router.post("/visits/{visit}/priority", status_code=204)
async def prioritise(
    namespace: str, clinic: str, visit: str, urgency: Urgency, parts: Parts, request: Request
) -> Response:
    """Say how urgent a visit is."""
    session, found = await parts.admit(request, namespace, clinic, Action.PRIORITISE)
    stored = await the_visit(parts, found, visit)
    carried = Carried(at=found[0].uid, priority=urgency.priority)
    allowed, now = await parts.visits.change(
        stored.namespace, stored.id, VisitAction.PRIORITISE, session.user, carried
    )
    if not allowed:
        raise came_too_late(found, now)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)


@router.post("/visits/{visit}/{action}", status_code=204)
async def act(
    namespace: str, clinic: str, visit: str, action: str, parts: Parts, request: Request
) -> Response:
    """End or return a visit."""
    if action not in _STEPS:
        raise not_found()
    step = _STEPS[action]
    session, found = await parts.admit(request, namespace, clinic, VISIT_ACTIONS[step])
    stored = await the_visit(parts, found, visit)
    await parts.consulting.finish(found, stored, step, session.user)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)
