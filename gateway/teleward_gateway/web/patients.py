"""The patient's interface: the door, entering, the private waiting socket."""

import asyncio
import contextlib
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from teleward_contract.errors import RoutingUnavailableError

from teleward_gateway.core.door import DoorState, door_message, door_state, text_for
from teleward_gateway.core.entry import check_entry
from teleward_gateway.core.queue import rfc3339
from teleward_gateway.core.visits import OVER, Visit, VisitAction, VisitState
from teleward_gateway.errors import RefusedError
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.web import metrics
from teleward_gateway.web.context import Context
from teleward_gateway.web.cookies import VISIT_COOKIE, Ticket
from teleward_gateway.web.sockets import FramedSocket, GoneError, SocketRefusedError

router = APIRouter()

TICKET_S = 24 * 3600
HELLO_WITHIN_S = 10.0
LOOK_EVERY_S = 5.0
"""The waiting page is noted as there at least this often."""


class EntryForm(BaseModel):
    """What the page posts to enter."""

    name: str = Field(max_length=400)
    fields: dict[str, str] = Field(default_factory=dict, max_length=40)
    locale: str = Field(default="en", max_length=20)


def context(connection: HTTPConnection) -> Context:
    """The parts behind the routes."""
    parts: Context = connection.app.state.context
    return parts


Parts = Annotated[Context, Depends(context)]


@router.get("/api/clinics/{namespace}/{clinic}")
async def door(
    namespace: str, clinic: str, request: Request, parts: Parts, locale: str = "en"
) -> dict[str, Any]:
    """Tell what the door of a clinic says."""
    found = await parts.clinics.get(namespace, clinic)
    projection = found[0]
    state = await _door_state(parts, found)
    area = projection.waiting_area
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
        "visit": await _has_visit(parts, found, parts.sealer.ticket(request.cookies)),
    }  # fmt: skip


async def _has_visit(parts: Context, found: Found, ticket: Ticket | None) -> bool:
    """Whether this browser holds a place here; a forgotten visit can be entered anew by its ticket."""
    if ticket is None or ticket.clinic_uid != found[0].uid:
        return False
    visit = await parts.visits.get(ticket.namespace, ticket.visit)
    if visit is None:
        return ticket.life != await parts.visits.life()
    return visit.state not in OVER


async def _door_state(parts: Context, found: Found) -> DoorState:
    queue = await parts.visits.queue(found[0].namespace, found[0].uid)
    return door_state(found[0], len(queue), datetime.now(UTC))


@router.post("/api/clinics/{namespace}/{clinic}/visits", status_code=201)
async def enter(
    namespace: str, clinic: str, form: EntryForm, parts: Parts, request: Request
) -> Response:
    """Enter the waiting area: a visit and its ticket."""
    found = await parts.clinics.get(namespace, clinic)
    area = found[0].waiting_area
    try:
        state = await _door_state(parts, found)
        if state is not DoorState.OPEN or area is None:
            raise RefusedError(409, state.value, "The door is not open; see the page.")
        checked = check_entry(form.name, form.fields, form.locale, area.entry_fields)
        if checked.personal is None:
            raise RefusedError(
                422, "invalid_entry", "Correct the fields named.", {"fields": checked.problems}
            )
        visit = await parts.consulting.enter(found, checked.personal)
    except RefusedError as err:
        metrics.ENTRIES.labels(outcome=err.code).inc()
        raise
    metrics.ENTRIES.labels(outcome="entered").inc()
    parts.watches.of(found[0]).nudge()
    ticket = Ticket(
        visit=visit.id, namespace=visit.namespace, clinic=clinic, clinic_uid=visit.clinic_uid,
        arrived_ms=visit.arrived_ms, life=await parts.visits.life(),
        expires=int(time.time()) + TICKET_S,
    )  # fmt: skip
    response = JSONResponse({"state": "waiting"}, 201)
    set_cookie(response, VISIT_COOKIE, parts.sealer.seal(VISIT_COOKIE, ticket), TICKET_S)
    return response


@router.post("/api/visit/leave", status_code=204)
async def leave(parts: Parts, request: Request) -> Response:
    """Give up the place."""
    response = Response(status_code=204)
    set_cookie(response, VISIT_COOKIE, "", 0)
    ticket = parts.sealer.ticket(request.cookies)
    if ticket is not None:
        await _leave(parts, ticket)
    return response


async def _leave(parts: Context, ticket: Ticket) -> None:
    try:
        found = await parts.clinics.get(ticket.namespace, ticket.clinic)
        visit = await parts.visits.get(ticket.namespace, ticket.visit)
        if visit is not None and visit.state not in OVER:
            await parts.consulting.finish(found, visit, VisitAction.LEAVE)
            parts.watches.of(found[0]).nudge()
    except RefusedError:
        return  # it is over already


def set_cookie(response: Response, name: str, value: str, max_age_s: int) -> None:
    """Set a `__Host-` cookie (RFC 6265bis §4.1.3.2)."""
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="lax"
    )


# -- the waiting socket -----------------------------------------------------------------------


class Hello(BaseModel):
    """First frame of the page."""

    type: str
    name: str = Field(max_length=400)
    fields: dict[str, str] = Field(default_factory=dict, max_length=40)
    locale: str = Field(default="en", max_length=20)


@router.websocket("/ws/visit")
async def waiting(ws: WebSocket, parts: Parts) -> None:
    """The private waiting of one patient."""
    ticket = parts.sealer.ticket(ws.cookies)
    if not parts.has_right_origin(ws):
        await ws.close(1008)
        return
    await ws.accept()
    with metrics.SOCKETS.labels(kind="waiting").track_inprogress():
        socket = FramedSocket(ws)
        try:
            if ticket is None:
                await socket.end({"type": "unknown"}, 4004)
                return
            await _wait(parts, ticket, socket)
        except SocketRefusedError as err:
            await socket.refuse(err)
        except GoneError:
            return


async def _wait(parts: Context, ticket: Ticket, socket: FramedSocket) -> None:
    async with asyncio.timeout(HELLO_WITHIN_S):
        first = await socket.receive()
    if first.get("type") != "hello":
        raise SocketRefusedError("out_of_order", "hello comes first")
    hello = socket.validate(Hello, first)
    name = secrets.token_urlsafe(8)
    reader = asyncio.create_task(_read_leave(parts, ticket, socket))
    try:
        while not reader.done():
            try:
                found, visit = await _register(parts, ticket, hello, name)
            except (RefusedError, RoutingUnavailableError) as err:
                if isinstance(err, RefusedError) and err.status != 503:
                    await socket.end({"type": "unknown"}, 4004)
                    return
                await socket.send({"type": "wait", "reason": "unavailable"})
                await asyncio.sleep(1)
                continue
            if visit.state in OVER:
                await _tell_over(socket, visit)
                return
            if await _follow(parts, found, visit, hello.locale, name, socket, reader):
                return
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _register(
    parts: Context, ticket: Ticket, hello: Hello, name: str
) -> tuple[Found, Visit]:
    """Find the visit, or rebuild it from ticket and hello after the routing state was emptied."""
    found = await parts.clinics.get(ticket.namespace, ticket.clinic)
    clinic = found[0]
    if clinic.uid != ticket.clinic_uid:
        raise RefusedError(404, "not_found", "The clinic is another one now.")
    questions = clinic.waiting_area.entry_fields if clinic.waiting_area else ()
    visit = await parts.visits.get(ticket.namespace, ticket.visit)
    if visit is None:
        if ticket.life == await parts.visits.life():
            raise RefusedError(404, "not_found", "The visit is over.")
        checked = check_entry(hello.name, hello.fields, hello.locale, questions)
        if checked.personal is None:
            raise RefusedError(404, "not_found", "The entry is not complete.")
        visit = await parts.visits.enter(
            Visit(
                id=ticket.visit, namespace=ticket.namespace, clinic=ticket.clinic,
                clinic_uid=ticket.clinic_uid, arrived_ms=ticket.arrived_ms,
            ),
            checked.personal, parts.consulting.keep_s(found),
        )  # fmt: skip
    if visit.state not in OVER:
        await parts.visits.claim(ticket.namespace, ticket.visit, name)
        await parts.visits.heard(
            ticket.namespace, ticket.visit, name, parts.consulting.keep_s(found)
        )
        parts.watches.of(clinic).nudge()
    return found, visit


async def _follow(
    parts: Context, found: Found, visit: Visit, locale: str, name: str,
    socket: FramedSocket, reader: "asyncio.Task[None]",
) -> bool:  # fmt: skip
    """Tell the patient its own state as it changes; False when it must register again."""
    watch = parts.watches.of(found[0])
    version, told, looked = -1, "", 0.0
    while not reader.done():
        if time.monotonic() - looked > LOOK_EVERY_S:
            looked = time.monotonic()
            await _heard(parts, found, visit, name)
        frame: dict[str, Any] = {"type": "wait", "reason": "unavailable"}
        if watch.view.available:
            mine = watch.view.visit(visit.id)
            if mine is None or mine.socket != name:
                mine = await _stored(parts, visit)
                if mine is None:
                    return False
                if await _is_over(mine, name, socket):
                    return True
            frame = _visit_frame(found, mine, locale)
        if (text := json.dumps(frame)) != told:
            await socket.send(frame)
            told = text
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                version = await watch.changed(version)
    return True


async def _heard(parts: Context, found: Found, visit: Visit, name: str) -> None:
    with contextlib.suppress(RoutingUnavailableError):
        keep_s = parts.consulting.keep_s(found)
        await parts.visits.heard(visit.namespace, visit.id, name, keep_s)


async def _is_over(visit: Visit, name: str, socket: FramedSocket) -> bool:
    """End the socket of a visit that is over, or that another tab has taken."""
    if visit.state in OVER:
        await _tell_over(socket, visit)
        return True
    if visit.socket != name:
        await socket.end({"type": "replaced"}, 4001)
        return True
    return False


async def _stored(parts: Context, visit: Visit) -> Visit | None:
    try:
        return await parts.visits.get(visit.namespace, visit.id)
    except RoutingUnavailableError:
        return visit


async def _read_leave(parts: Context, ticket: Ticket, socket: FramedSocket) -> None:
    while True:
        try:
            frame = await socket.receive()
            if frame.get("type") != "leave":
                raise SocketRefusedError("unknown_type", "only leave may follow hello")
        except SocketRefusedError as err:
            await socket.refuse(err)
            return
        except GoneError:
            return
        await _leave(parts, ticket)


async def _tell_over(socket: FramedSocket, visit: Visit) -> None:
    """Tell an open socket that the visit is over; to a new one it is unknown."""
    if socket.is_fresh or visit.state is VisitState.LEFT:
        await socket.end({"type": "unknown"}, 4004)
        return
    clinic = {"display_name": "", "notice": "", "phone": ""}
    arrived_at = rfc3339(visit.arrived_ms)
    await socket.end(
        {"type": "visit", "state": visit.state, "arrived_at": arrived_at, "clinic": clinic}, 1000
    )


def _visit_frame(found: Found, visit: Visit, locale: str) -> dict[str, Any]:
    clinic = found[0]
    area = clinic.waiting_area
    return {
        "type": "visit", "state": visit.state, "arrived_at": rfc3339(visit.arrived_ms),
        "clinic": {
            "display_name": clinic.display_name,
            "notice": text_for(area.notice, locale) if area else "",
            "phone": area.fallback_phone if area else "",
        },
    }  # fmt: skip
