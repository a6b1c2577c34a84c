"""The patient's interface over HTTP: the door, entering, leaving."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from teleward_contract.errors import RoutingUnavailableError

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action, Tie
from teleward_gateway.core.door import DoorState, door_message, text_for
from teleward_gateway.core.entry import check_entry
from teleward_gateway.core.limits import Door
from teleward_gateway.core.tickets import Ticket, visit_cookie
from teleward_gateway.errors import RefusedError, not_found, one_moment
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import TICKET_S
from teleward_gateway.web.context import Context, Parts, host_of, set_cookie

router = APIRouter()


class EntryForm(BaseModel):
    """What the page posts to enter."""

    name: str = Field(max_length=400)
    fields: dict[str, str] = Field(default_factory=dict, max_length=40)
    locale: str = Field(default="en", max_length=20)


@router.get("/api/clinics/{namespace}/{clinic}")
async def door(
    namespace: str, clinic: str, request: Request, parts: Parts, locale: str = "en"
) -> dict[str, Any]:
    """Tell what the door of a clinic says."""
    found = await parts.clinics.get(namespace, clinic)
    projection, area = found[0], found[0].waiting_area
    state = await parts.door(found)
    ticket = await _ticket_for(parts, found, request)
    return {
        "namespace": namespace, "clinic": clinic, "display_name": projection.display_name,
        "locales": projection.locales, "state": state,
        "message": door_message(projection, state, locale),
        "phone": area.fallback_phone if area else "",
        "entry_fields": [
            {
                "name": item.name, "label": text_for(item.label, locale), "kind": item.kind,
                "required": item.required, "choices": item.choices,
            }
            for item in (area.entry_fields if area else ())
        ],
        "visit": ticket is not None,
    }  # fmt: skip


async def _ticket_for(parts: Context, found: Found, request: Request) -> Ticket | None:
    """This browser's ticket for this clinic, if it is good for a place."""
    ticket = parts.seals.ticket(request.cookies, found[0].namespace, found[0].name)
    if ticket is None:
        return None
    standings = admission.standings_of_ticket(ticket.clinic_uid, found[0])
    if not admission.is_permitted(standings, Action.WAIT):
        return None
    return ticket if await parts.consulting.has_place(ticket) else None


@router.post("/api/clinics/{namespace}/{clinic}/visits", status_code=201)
async def enter(
    namespace: str, clinic: str, form: EntryForm, parts: Parts, request: Request
) -> Response:
    """Enter the waiting area; whoever has a place keeps it."""
    try:
        found = await parts.clinics.get(namespace, clinic)
        ticket = await _enter(parts, found, form, request)
    except RefusedError as err:
        parts.meter.entered(err.code)
        raise
    except RoutingUnavailableError:
        parts.meter.entered(one_moment().code)
        raise
    parts.watches.nudge(namespace, clinic)
    response = JSONResponse({"state": "waiting"}, 201)
    cookie = visit_cookie(namespace, clinic)
    set_cookie(response, cookie, parts.seals.seal(cookie, ticket), TICKET_S)
    return response


async def _enter(parts: Context, found: Found, form: EntryForm, request: Request) -> Ticket:
    area = found[0].waiting_area
    checked = check_entry(form.name, form.fields, form.locale, area.entry_fields if area else ())
    kept = await _ticket_for(parts, found, request)
    if kept is not None:
        parts.meter.entered("kept")
        return kept  # a second tab, or a reload that lost the answer: no second visit
    known = parts.seals.door_pass(request.cookies)
    await parts.limits.pass_by(host_of(request), Door.ENTER, known.name if known else "")
    state = await parts.door(found)
    if state is not DoorState.OPEN:
        raise RefusedError(409, state.value, "The door is not open; see the page.")
    if checked.personal is None:
        raise RefusedError(
            422, "invalid_entry", "Correct the fields named.", {"fields": checked.problems}
        )
    await parts.limits.pass_into(found[0].namespace, found[0].uid, Door.ENTER)
    ticket = await parts.consulting.enter(found, checked.personal)
    parts.meter.entered("entered")
    return ticket


@router.post("/api/clinics/{namespace}/{clinic}/leave", status_code=204)
async def leave(namespace: str, clinic: str, parts: Parts, request: Request) -> Response:
    """Give up the place; the cookie goes with it."""
    ticket = parts.seals.ticket(request.cookies, namespace, clinic)
    if ticket is not None:
        await parts.follower.leave(ticket)
    response = Response(status_code=204)
    if ticket is not None:
        set_cookie(response, visit_cookie(namespace, clinic), "", 0)
    return response


@router.post("/api/clinics/{namespace}/{clinic}/follow")
async def follow(namespace: str, clinic: str, parts: Parts, request: Request) -> Response:
    """Change the ticket of a visit that was transferred away from here for one of the clinic where it waits."""
    ticket = parts.seals.ticket(request.cookies, namespace, clinic)
    if ticket is None or not admission.is_permitted(frozenset({Tie.PATIENT}), Action.FOLLOW):
        raise not_found()
    there = await parts.follower.follow(ticket)
    parts.meter.entered("followed")
    response = JSONResponse({"clinic": there.clinic})
    cookie = visit_cookie(namespace, there.clinic)
    left_s = max(1, there.expires - int(time.time()))
    set_cookie(response, visit_cookie(namespace, clinic), "", 0)
    set_cookie(response, cookie, parts.seals.seal(cookie, there), left_s)
    return response
