"""The interface of staff: sign-in, clinics, the live queue, actions on visits."""

import asyncio
import hmac
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, WebSocket
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from teleward_contract.projections import ClinicProjection, RoomKind, TeamMember

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.door import text_for
from teleward_gateway.core.queue import difference
from teleward_gateway.core.visits import OVER, Visit, VisitAction
from teleward_gateway.errors import RefusedError
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import not_found
from teleward_gateway.web import metrics
from teleward_gateway.web.context import Context
from teleward_gateway.web.cookies import STAFF_COOKIE, StaffSession
from teleward_gateway.web.patients import context, set_cookie
from teleward_gateway.web.sockets import FramedSocket, GoneError, SocketRefusedError

router = APIRouter()
Parts = Annotated[Context, Depends(context)]

SESSION_S = 12 * 3600
ROOM_WORDS = {RoomKind.MEETING_ROOM: "meeting", RoomKind.USER_ROOM: "user"}


class DevelopmentSignIn(BaseModel):
    """What the sign-in page posts."""

    user: str = Field(max_length=320)
    secret: str = Field(default="", max_length=200)


@router.get("/api/sign-in")
async def ways(parts: Parts) -> dict[str, Any]:
    """Tell how staff can sign in here."""
    if not parts.sign_in.enabled:
        return {"mode": "none", "accounts": [], "secret_required": False}
    accounts = await _accounts(parts)
    return {
        "mode": "development",
        "accounts": [
            {"user": user, "display_name": name, "roles": roles}
            for user, (name, roles) in sorted(accounts.items())
        ],
        "secret_required": bool(parts.sign_in.secret),
    }


async def _accounts(parts: Context) -> dict[str, tuple[str, list[dict[str, str]]]]:
    accounts: dict[str, tuple[str, list[dict[str, str]]]] = {}
    for clinic, organisation in await parts.clinics.every():
        members: tuple[TeamMember, ...] = (
            *clinic.team,
            *(organisation.team if organisation else ()),
        )
        for member in members:
            if member.user is not None:
                _, roles = accounts.setdefault(
                    member.user, (member.display_name or member.user, [])
                )
                roles.append({"clinic": f"{clinic.namespace}/{clinic.name}", "role": member.role})
    return accounts


async def _sign_in(parts: Context, user: str, secret: str) -> StaffSession:
    if not parts.sign_in.enabled:
        raise not_found()
    accounts = await _accounts(parts)
    right = hmac.compare_digest(secret.encode(), parts.sign_in.secret.encode())
    if user not in accounts or not right:
        raise RefusedError(403, "sign_in_refused", "Check the name and the secret.")
    return StaffSession(
        user=user, display_name=accounts[user][0], expires=int(time.time()) + SESSION_S
    )


@router.post("/api/sign-in/development", status_code=204)
async def sign_in(form: DevelopmentSignIn, parts: Parts) -> Response:
    """Sign in on one machine."""
    session = await _sign_in(parts, form.user, form.secret)
    response = Response(status_code=204)
    set_cookie(response, STAFF_COOKIE, parts.sealer.seal(STAFF_COOKIE, session), SESSION_S)
    return response


@router.get("/sign-in/development")
async def sign_in_by_link(parts: Parts, user: str = "") -> Response:
    """Sign in by the printed link; asks for the secret on the page when there is one."""
    if parts.sign_in.secret:
        return RedirectResponse("/sign-in", 303)
    session = await _sign_in(parts, user, "")
    response = RedirectResponse("/staff", 303)
    set_cookie(response, STAFF_COOKIE, parts.sealer.seal(STAFF_COOKIE, session), SESSION_S)
    return response


@router.post("/api/sign-out", status_code=204)
async def sign_out() -> Response:
    """Sign out."""
    response = Response(status_code=204)
    set_cookie(response, STAFF_COOKIE, "", 0)
    return response


@router.get("/api/staff/me")
async def me(parts: Parts, request: Request) -> dict[str, Any]:
    """Tell who is signed in, and the clinics of that person."""
    session = parts.staff(request)
    clinics = []
    for found in await parts.clinics.every():
        roles = admission.roles_of(session.user, *found)
        if admission.is_permitted(roles, Action.SEE_CLINIC):
            clinics.append(_clinic(parts, found[0], session.user, sorted(roles)[0]))
    return {"user": session.user, "display_name": session.display_name, "clinics": clinics}


def _clinic(parts: Context, clinic: ClinicProjection, user: str, role: str) -> dict[str, Any]:
    suspended = clinic.suspended
    return {
        "namespace": clinic.namespace, "name": clinic.name, "display_name": clinic.display_name,
        "role": role, "patient_url": f"{parts.public_url}/c/{clinic.namespace}/{clinic.name}",
        "suspended": text_for(suspended.message_for_staff, "en") if suspended else None,
        "rooms": [
            {
                "uid": room.uid, "kind": ROOM_WORDS[room.kind], "name": room.name,
                "display_name": room.display_name, "max_participants": room.max_participants,
                "mine": room.owner == user,
            }
            for room in clinic.rooms
        ],
    }  # fmt: skip


# -- actions ------------------------------------------------------------------------------------

_ACTIONS = {
    "end": (Action.END_VISIT, VisitAction.END),
    "refuse": (Action.REFUSE, VisitAction.REFUSE),
    "return": (Action.RETURN, VisitAction.RETURN),
}


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
    session, found, _ = await parts.admit(request, namespace, clinic, Action.CALL_IN)
    stored = await the_visit(parts, found, visit)
    try:
        await parts.consulting.call_in(found, stored, session.user)
    except RefusedError as err:
        metrics.CALL_INS.labels(outcome=err.code).inc()
        raise
    metrics.CALL_INS.labels(outcome="called").inc()
    parts.watches.of(found[0]).nudge()
    return {"state": "called"}


@router.post("/api/staff/{namespace}/{clinic}/visits/{visit}/{action}", status_code=204)
async def act(
    namespace: str, clinic: str, visit: str, action: str, parts: Parts, request: Request
) -> Response:
    """End, refuse or return a visit."""
    if action not in _ACTIONS:
        raise not_found()
    needed, change = _ACTIONS[action]
    _, found, _ = await parts.admit(request, namespace, clinic, needed)
    stored = await the_visit(parts, found, visit)
    await parts.consulting.finish(found, stored, change)
    parts.watches.of(found[0]).nudge()
    return Response(status_code=204)


# -- the queue socket ---------------------------------------------------------------------------


@router.websocket("/ws/staff/{namespace}/{clinic}")
async def queue(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """The live queue of one clinic."""
    if not parts.has_right_origin(ws):
        await ws.close(1008)
        return
    await ws.accept()
    socket = FramedSocket(ws)
    try:
        _, found, _ = await parts.admit(ws, namespace, clinic, Action.SEE_QUEUE)
    except RefusedError as err:
        await socket.end(
            {"type": "error", "code": err.code, "message": str(err), "fatal": True},
            1013 if err.status == 503 else 4004,
        )
        return
    with metrics.SOCKETS.labels(kind="queue").track_inprogress():
        snapshot = asyncio.Event()
        reader = asyncio.create_task(_read(socket, snapshot))
        try:
            await _show(parts, found, socket, snapshot, reader)
        except GoneError:
            return
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


async def _read(socket: FramedSocket, snapshot: asyncio.Event) -> None:
    while True:
        try:
            frame = await socket.receive()
            if frame["type"] != "snapshot":
                raise SocketRefusedError("unknown_type", "only snapshot can be asked for")
        except SocketRefusedError as err:
            await socket.refuse(err)
            return
        except GoneError:
            return
        snapshot.set()


async def _show(
    parts: Context, found: Found, socket: FramedSocket, snapshot: asyncio.Event,
    reader: "asyncio.Task[None]",
) -> None:  # fmt: skip
    watch = parts.watches.of(found[0])
    seen, number, told = -1, 0, None
    while not reader.done():
        try:
            async with asyncio.timeout(1.0):
                seen = await watch.changed(seen)
        except TimeoutError:
            if not snapshot.is_set():
                continue
        view = watch.view
        if not view.available:
            await socket.send({"type": "wait", "reason": "unavailable"})
            told = None
            continue
        rooms = [{"uid": uid, "participants": count} for uid, count in view.rooms.items()]
        if told is None or snapshot.is_set():
            snapshot.clear()
            number += 1
            visits = [row.model_dump(mode="json") for row in view.rows.values()]
            await socket.send(
                {"type": "queue", "version": number, "visits": visits, "rooms": rooms}
            )
        else:
            changed, gone = difference(told[0], view.rows)
            if not changed and not gone and told[1] == rooms:
                continue
            number += 1
            await socket.send(
                {
                    "type": "queue_delta", "version": number, "remove": gone, "rooms": rooms,
                    "upsert": [row.model_dump(mode="json") for row in changed],
                }
            )  # fmt: skip
        told = (view.rows, rooms)
