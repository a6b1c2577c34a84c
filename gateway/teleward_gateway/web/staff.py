"""The interface of staff over HTTP: clinics, actions on visits."""

from typing import Any

from fastapi import APIRouter, Request, Response
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import ClinicProjection

from teleward_gateway.core import admission
from teleward_gateway.core.admission import VISIT_ACTIONS, Action
from teleward_gateway.core.door import text_for
from teleward_gateway.core.staff import StaffSession, is_owner
from teleward_gateway.core.visits import OVER, Visit, VisitAction
from teleward_gateway.errors import RefusedError, not_found, one_moment
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.web.calls import ROOM_WORDS
from teleward_gateway.web.context import Context, Parts

router = APIRouter()

_STEPS = {
    "end": VisitAction.END,
    "refuse": VisitAction.REFUSE,
    "return": VisitAction.RETURN,
}


@router.get("/api/staff/me")
async def me(parts: Parts, request: Request) -> dict[str, Any]:
    """Tell who is signed in, and the clinics of that person."""
    session = await parts.staff(request)
    clinics = []
    for clinic, organisation in await parts.clinics.every():
        standings = admission.standings_of(session, clinic, organisation)
        if admission.is_permitted(standings, Action.SEE_CLINIC):
            role = admission.leading(standings)
            clinics.append(_clinic(parts, clinic, session, role))
    return {"user": session.user, "display_name": session.display_name, "clinics": clinics}


def _clinic(
    parts: Context, clinic: ClinicProjection, who: StaffSession, role: str
) -> dict[str, Any]:
    suspended = clinic.suspended
    return {
        "namespace": clinic.namespace, "name": clinic.name, "display_name": clinic.display_name,
        "role": role, "patient_url": f"{parts.public_url}/c/{clinic.namespace}/{clinic.name}",
        "suspended": text_for(suspended.message_for_staff, "en") if suspended else None,
        "rooms": [
            {
                "uid": room.uid, "kind": ROOM_WORDS[room.kind], "name": room.name,
                "display_name": room.display_name, "max_participants": room.max_participants,
                "mine": is_owner(room.owner, room.owner_issuer, who),
            }
            for room in clinic.rooms
        ],
    }  # fmt: skip


# -- actions ------------------------------------------------------------------------------------


async def the_visit(parts: Context, found: Found, visit: str) -> Visit:
    """Look up a visit of a clinic that is not over; raises RefusedError 404."""
    stored = await parts.visits.get(found[0].namespace, visit)
    if stored is None or stored.clinic_uid != found[0].uid or stored.state in OVER:
        raise not_found()
    return stored


@router.post("/api/staff/{namespace}/{clinic}/visits/{visit}/call-in")
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


@router.post("/api/staff/{namespace}/{clinic}/visits/{visit}/{action}", status_code=204)
async def act(
    namespace: str, clinic: str, visit: str, action: str, parts: Parts, request: Request
) -> Response:
    """End, refuse or return a visit."""
    if action not in _STEPS:
        raise not_found()
    step = _STEPS[action]
    _, found = await parts.admit(request, namespace, clinic, VISIT_ACTIONS[step])
    stored = await the_visit(parts, found, visit)
    await parts.consulting.finish(found, stored, step)
    parts.watches.nudge(namespace, clinic)
    return Response(status_code=204)
