"""What staff do with visits, over HTTP: one request a step."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import LocaleMap

from teleward_gateway.core.admission import VISIT_ACTIONS, Action
from teleward_gateway.core.visits import MAX_PRIORITY, OVER, Carried, Visit, VisitAction
from teleward_gateway.core.words import ready_texts, texts_of
from teleward_gateway.errors import RefusedError, not_found, one_moment
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import came_too_late
from teleward_gateway.usecases.write_to_patients import words_now
from teleward_gateway.web.context import Parts

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


class Urgency(BaseModel):
    """How urgent a visit is."""

    priority: int = Field(ge=0, le=MAX_PRIORITY, strict=True)


async def the_visit(parts: Parts, found: Found, visit: str) -> Visit:
    """Look up a visit of a clinic that is not over; raises RefusedError 404, which tells who ended it."""
    stored = await parts.visits.get(found[0].namespace, visit)
    if stored is None or stored.clinic_uid != found[0].uid:
        raise not_found()
    if stored.state in OVER:
        raise came_too_late(found, stored)
    return stored


@router.get("/choices")
async def choices(namespace: str, clinic: str, parts: Parts, request: Request) -> dict[str, Any]:
    """Tell what staff can choose from when they do something with a visit."""
    _, found = await parts.admit(request, namespace, clinic, Action.SEE_QUEUE)
    return {"ready": ready_texts(found[0])}


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
