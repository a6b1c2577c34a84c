"""Guests: what staff do with links, over HTTP; using a link up; and the guest's own socket."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.projections import RoomProjection
from teleward_contract.signalling import ErrorCode

from teleward_gateway.core.admission import Action
from teleward_gateway.core.audit import DONE, GUEST, REFUSED, Deed, Event
from teleward_gateway.core.entry import Said, check_entry, clean
from teleward_gateway.core.frames import UnknownFrame
from teleward_gateway.core.guest_frames import GuestHello
from teleward_gateway.core.guests import (
    DEFAULT_MINUTES,
    MAX_LABEL,
    MAX_MINUTES,
    MIN_MINUTES,
    Guest,
    GuestPlace,
    is_there,
    room_of,
)
from teleward_gateway.core.limits import Door
from teleward_gateway.core.pace import Pace
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.tickets import GuestPass, guest_cookie
from teleward_gateway.errors import RefusedError, not_found
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import not_running
from teleward_gateway.usecases.host_guests import is_running
from teleward_gateway.web.context import Context, Parts, host_of, set_cookie
from teleward_gateway.web.room_calls import find_room
from teleward_gateway.web.sockets import UNKNOWN, FramedSocket, accepted, hello_of, until_first
from teleward_gateway.web.steps import the_visit
from teleward_gateway.web.streams import tell

router = APIRouter()
STAFF = "/api/staff/{namespace}/{clinic}/guests"

FRAMES_AT_ONCE, FRAMES_PER_S = 10, 1.0
"""Frames of a guest's page after its hello: more than anybody knocks and leaves. Ours."""


class Invitation(BaseModel):
    """What a link is to lead to."""

    place: GuestPlace
    name: str = Field(max_length=253)
    """Of the room, or the visit."""
    label: str = Field(default="", max_length=400)
    """What staff know it by."""
    minutes: int = Field(default=DEFAULT_MINUTES, ge=MIN_MINUTES, le=MAX_MINUTES, strict=True)


class Redemption(BaseModel):
    """What a guest's page posts to use a link up."""

    secret: str = Field(max_length=200)
    claim: str = Field(min_length=16, max_length=200)
    """Random, made by the page and kept by it: whoever posts it again is the same browser."""
    name: str = Field(max_length=400)


# -- staff -------------------------------------------------------------------------------------


def _in_room(action: Action, room: RoomProjection | None, place: GuestPlace) -> Action:
    """In a user room, everything is its owner's."""
    assert place is not GuestPlace.USER or room is not None
    return Action.HOST_USER_ROOM if place is GuestPlace.USER else action


@router.post(STAFF, status_code=201)
async def invite(
    namespace: str, clinic: str, form: Invitation, parts: Parts, request: Request
) -> dict[str, str]:
    """Make a link; this answer alone has its secret, behind the `#` that browsers send to nobody."""
    session = await parts.staff(request)
    found = await parts.clinic(namespace, clinic)
    room: RoomProjection | None = None
    if form.place is not GuestPlace.VISIT:
        room = find_room(found, form.place, form.name)
    parts.check(session, found, _in_room(Action.INVITE, room, form.place), room)
    if room is not None:
        place_id = room.uid
    else:
        visit = await the_visit(parts, found, form.name)
        if not is_running(visit):
            raise not_running()
        place_id = visit.id
    label = clean(form.label)
    if len(label) > MAX_LABEL:
        raise RefusedError(422, "too_long", f"Write at most {MAX_LABEL} characters.")
    guest, secret = await parts.hosting.invite(
        found, form.place, place_id, label, form.minutes, session.identity
    )
    parts.auditing.did(found[0].namespace, Action.INVITE, session.user, clinic)
    parts.watches.nudge(namespace, clinic)
    url = f"{parts.public_url}/g/{namespace}/{clinic}#{secret}"
    return {"guest": guest.id, "url": url}


@dataclass(frozen=True, slots=True)
class Deciding:
    """A member of staff who was admitted to decide about a guest."""

    parts: Context
    session: StaffSession
    found: Found
    guest: Guest


def admitted_to(action: Action) -> Any:
    """Admit whoever is signed in to an action on the guest of the path, and have the clinic read when it is done."""

    async def deciding(
        namespace: str, clinic: str, guest: str, parts: Parts, request: Request
    ) -> AsyncIterator[Deciding]:
        session = await parts.staff(request)
        found = await parts.clinic(namespace, clinic)
        known = await parts.hosting.guests.get(found[0].namespace, guest)
        if known is None or not is_there(known, found[0], await parts.hosting.visit_of(known)):
            raise not_found()
        room = room_of(known, found[0])
        parts.check(session, found, _in_room(action, room, known.place), room)
        yield Deciding(parts, session, found, known)
        parts.auditing.did(found[0].namespace, action, session.user, clinic)
        parts.watches.nudge(namespace, clinic)

    return Depends(deciding)


@router.post(STAFF + "/{guest}/admit", status_code=204)
async def admit(deciding: Annotated[Deciding, admitted_to(Action.ADMIT_GUEST)]) -> None:
    """Let a guest in who knocks."""
    await deciding.parts.hosting.admit(deciding.found, deciding.guest, deciding.session.identity)


@router.post(STAFF + "/{guest}/refuse", status_code=204)
async def refuse(deciding: Annotated[Deciding, admitted_to(Action.REFUSE_GUEST)]) -> None:
    """Send a guest away who knocks."""
    await deciding.parts.hosting.refuse(deciding.found, deciding.guest, deciding.session.identity)


@router.post(STAFF + "/{guest}/revoke", status_code=204)
async def revoke(deciding: Annotated[Deciding, admitted_to(Action.REVOKE_LINK)]) -> None:
    """Take a link away; whoever came by it is out."""
    await deciding.parts.hosting.revoke(deciding.found, deciding.guest)


# -- guests ------------------------------------------------------------------------------------


@router.get("/api/guests/{namespace}/{clinic}")
async def door(namespace: str, clinic: str, parts: Parts, request: Request) -> dict[str, Any]:
    """Tell whose door it is, and whether this browser has a pass that is good."""
    found = await parts.clinics.get(namespace, clinic)
    held = parts.seals.guest(request.cookies, namespace, clinic)
    return {
        "display_name": found[0].display_name, "locales": found[0].locales,
        "guest": held is not None and await _is_good(parts, held),
    }  # fmt: skip


async def _is_good(parts: Context, held: GuestPass) -> bool:
    try:
        await parts.guest_follower.admitted(held, Action.KNOCK)
    except RefusedError as err:
        if err.is_temporary:
            raise
        return False
    return True


@router.post("/api/guests/{namespace}/{clinic}/redeem")
async def redeem(
    namespace: str, clinic: str, form: Redemption, parts: Parts, request: Request
) -> Response:
    """Use a link up, and knock."""
    await parts.limits.pass_by(host_of(request), Door.REDEEM)
    found = await parts.clinics.get(namespace, clinic)
    checked = check_entry(Said(name=form.name), (), 0)
    if checked.personal is None:
        raise RefusedError(
            422, "invalid_entry", "Correct the fields named.", {"fields": checked.problems}
        )
    held = await parts.hosting.redeem(found, form.secret, form.claim, checked.personal.name)
    outcome = DONE if held else REFUSED
    parts.auditing.note(found[0].namespace, Event(Deed.REDEEM, GUEST, clinic, outcome))
    if held is None:
        raise RefusedError(
            404, "unknown_link", "This link opens nothing (any more). Ask for a new one."
        )
    parts.watches.nudge(namespace, clinic)
    cookie = guest_cookie(namespace, clinic)
    response = JSONResponse({"state": "knocking"})
    left_s = max(1, held.expires - int(time.time()))
    set_cookie(response, cookie, parts.seals.seal(cookie, held), left_s)
    return response


@router.websocket("/ws/guest/{namespace}/{clinic}")
async def guest_socket(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """Tell a guest about the own knocking until the link is good no more."""
    held = parts.seals.guest(ws.cookies, namespace, clinic)
    async with accepted(ws, parts.meter, "guest", None) as socket:
        if held is None:
            await socket.end(UnknownFrame(), UNKNOWN)
            return
        hello = await hello_of(socket, GuestHello, "knock", "leave")
        checked = check_entry(Said(name=hello.name), (), 0)
        if checked.personal is None:
            raise FrameRefusedError(ErrorCode.BAD_FRAME, "hello needs a name")
        hello = hello.model_copy(update={"name": checked.personal.name})
        knocks = asyncio.Event()
        frames = parts.guest_follower.frames(held, knocks, hello)
        await until_first(tell(frames, socket), _listen(parts, held, socket, knocks))


async def _listen(
    parts: Context, held: GuestPass, socket: FramedSocket, knocks: asyncio.Event
) -> None:
    pace = Pace(FRAMES_AT_ONCE, FRAMES_PER_S)
    while True:
        kind, _ = await socket.receive()
        if not pace.allows(time.monotonic()):
            raise FrameRefusedError(ErrorCode.TOO_FAST, "knock more slowly")
        if kind == "knock":
            knocks.set()
        elif kind == "leave":
            try:
                await parts.hosting.leave(held)
            except RoutingUnavailableError:
                continue  # a page that is gone has left, ten minutes later
            parts.watches.nudge(held.namespace, held.clinic)
        else:
            raise FrameRefusedError(ErrorCode.UNKNOWN_TYPE, "only knock and leave may follow")
