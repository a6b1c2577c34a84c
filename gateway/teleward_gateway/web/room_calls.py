"""Call sockets of standing rooms, for staff; and of guests, wherever their link leads."""

from fastapi import APIRouter, WebSocket
from teleward_contract.projections import RoomProjection
from teleward_contract.signalling import ParticipantRole
from teleward_contract.units import ParticipantId

from teleward_gateway.core.admission import ROOM_ACTIONS, Action
from teleward_gateway.core.audit import Deed
from teleward_gateway.core.guests import PLACE_OF, GuestState, call_for, room_of
from teleward_gateway.core.visits import call_of_room
from teleward_gateway.errors import not_found
from teleward_gateway.usecases.carry_call import Seat
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.place_calls import bounds
from teleward_gateway.usecases.watch_clinics import ClinicView
from teleward_gateway.web.calls import (
    STAFF_RIGHTS,
    Place,
    is_so,
    media_ticket,
    pool_of,
    serve,
    staff_seat,
    until_out,
    use_session,
)
from teleward_gateway.web.context import Context, Parts, check

router = APIRouter()


@router.websocket("/ws/call/room/{namespace}/{clinic}/{kind}/{room}")
async def room_call(
    ws: WebSocket, namespace: str, clinic: str, kind: str, room: str, parts: Parts
) -> None:
    """A meeting room or a user room."""
    await serve(ws, parts, "room", lambda: _room_place(ws, parts, namespace, clinic, (kind, room)))


@router.websocket("/ws/call/guest/{namespace}/{clinic}")
async def guest_call(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """A guest, once admitted."""
    await serve(ws, parts, "guest", lambda: _guest_place(ws, parts, namespace, clinic))


async def _room_place(
    ws: WebSocket, parts: Context, namespace: str, clinic: str, name: tuple[str, str]
) -> Place:
    session = await parts.staff(ws)
    found = await parts.clinic(namespace, clinic)
    room = find_room(found, *name)
    parts.check(session, found, ROOM_ACTIONS[room.kind], room)
    call = call_of_room(room.uid)
    participant = parts.people.staff(call, session.identity)
    await _check_lock(parts, found, room, participant)

    async def admitted() -> bool:
        session = await parts.staff(ws)
        now = await parts.clinics.get(namespace, clinic)
        still = find_room(now, *name)
        check(session, now, ROOM_ACTIONS[still.kind], still)
        return still.uid == room.uid

    most, cost = bounds(found, call, 0)
    ticket = media_ticket(
        call, cost, most, participant=participant, name=session.display_name,
        role=ParticipantRole.STAFF, rights=STAFF_RIGHTS,
    )  # fmt: skip
    parts.auditing.did(found[0].namespace, Deed.JOIN_CALL, session.user, found[0].name)
    seat = staff_seat(parts, found, ticket, lambda: is_so(admitted), session.identity)
    return Place(seat, found, room, beside=(lambda: use_session(ws, parts),))


async def _check_lock(
    parts: Context, found: Found, room: RoomProjection, participant: ParticipantId
) -> None:
    """Refuse (404) who is not in a room already that is declared as locked."""
    if room.locked:
        present = await parts.presence.present(found[0].namespace, found[0].uid)
        if participant not in present.get(room.uid, {}):
            raise not_found()


async def _guest_place(ws: WebSocket, parts: Context, namespace: str, clinic: str) -> Place:
    held = parts.seals.guest(ws.cookies, namespace, clinic)
    if held is None:
        raise not_found()
    found, guest = await parts.guest_follower.admitted(held, Action.ENTER_AS_GUEST)
    visit = await parts.hosting.visit_of(guest)
    if not await parts.hosting.may_enter(found, guest):
        raise not_found()
    call, room = call_for(guest, visit), room_of(guest, found[0])
    participant = parts.people.guest(call, guest)
    if room is not None:
        await _check_lock(parts, found, room, participant)

    async def is_open() -> bool:
        now = await parts.clinics.get(held.namespace, held.clinic)
        return await parts.hosting.is_to_stay(now, held)

    async def is_in(view: ClinicView) -> bool:
        return view.found is not None and await parts.hosting.is_to_stay(view.found, held)

    async def taken_out() -> None:
        # Who was removed in the call is out of it, and not to come back past a lock, as who is taken out may.
        now = await parts.hosting.guests.get(held.namespace, held.guest)
        if now is None or now.state is not GuestState.REMOVED:
            await parts.calls.take_out(found, call, participant)

    most, cost = bounds(found, call, await parts.consulting.people(found, call))
    ticket = media_ticket(
        call, cost, most, participant=participant, name=guest.name,
        role=ParticipantRole.GUEST, rights=frozenset(),
    )  # fmt: skip
    seat = Seat(pool_of(found), ticket, is_open)
    return Place(
        seat, found, room,
        beside=(lambda: until_out(parts, held.namespace, held.clinic, None, is_in),),
        taken_out=taken_out,
    )  # fmt: skip


def find_room(found: Found, kind: str, name: str) -> RoomProjection:
    """A room of a clinic by the words of its address; raises RefusedError 404."""
    for room in found[0].rooms:
        if (PLACE_OF[room.kind], room.name) == (kind, name):
            return room
    raise not_found()
