"""Call sockets: admission to a call, then the carrier."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, WebSocket
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import RoomKind, RoomProjection
from teleward_contract.signalling import SUBPROTOCOL, ErrorCode, ParticipantRole, Right
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import (
    BootId,
    CallId,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
    call_cost,
)

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.visits import OVER, Visit, VisitAction, VisitState
from teleward_gateway.errors import RefusedError
from teleward_gateway.usecases.carry_call import Seat
from teleward_gateway.usecases.clinics import Found, one_moment
from teleward_gateway.usecases.consult import (
    CONSULTATION_PARTICIPANTS,
    MAX_CONSULTATION_PARTICIPANTS,
    not_found,
)
from teleward_gateway.web import metrics
from teleward_gateway.web.context import Context
from teleward_gateway.web.patients import context
from teleward_gateway.web.sockets import FramedSocket, GoneError, SocketRefusedError
from teleward_gateway.web.staff import ROOM_WORDS, the_visit

router = APIRouter()
Parts = Annotated[Context, Depends(context)]
Admission: TypeAlias = Callable[[], Awaitable[Seat]]
StillOpen: TypeAlias = Callable[[], Awaitable[bool]]

STAFF_RIGHTS = frozenset({Right.HOLD, Right.REMOVE, Right.END})
NOTHING_HERE = 4004


@router.websocket("/ws/call/visit")
async def patient_call(ws: WebSocket, parts: Parts) -> None:
    """The patient's side of a consultation."""
    await _serve(ws, parts, "call", lambda: _patient_seat(ws, parts))


@router.websocket("/ws/call/visit/{visit}")
async def staff_call(ws: WebSocket, visit: str, parts: Parts) -> None:
    """The staff's side of a consultation."""
    await _serve(ws, parts, "call", lambda: _staff_seat(ws, parts, visit))


@router.websocket("/ws/call/room/{namespace}/{clinic}/{kind}/{room}")
async def room_call(
    ws: WebSocket, namespace: str, clinic: str, kind: str, room: str, parts: Parts
) -> None:
    """A meeting room or a user room."""
    uid = ""
    try:
        found = await parts.clinics.get(namespace, clinic)
        uid = _find_room(found, kind, room).uid
    except RefusedError:
        pass  # the seat is refused below, after the handshake
    parts.in_rooms[uid] += 1
    try:
        await _serve(
            ws, parts, "room", lambda: _room_seat(ws, parts, namespace, clinic, kind, room)
        )
    finally:
        parts.in_rooms[uid] -= 1


async def _serve(ws: WebSocket, parts: Context, kind: str, seat: Admission) -> None:
    if not parts.has_right_origin(ws):
        await ws.close(1008)
        return
    asked = ws.headers.get("sec-websocket-protocol", "")
    await ws.accept(SUBPROTOCOL if SUBPROTOCOL in asked else None)
    socket = FramedSocket(ws)
    try:
        admitted = await seat()
    except (RefusedError, RoutingUnavailableError) as err:
        await _refuse(socket, err)
        return
    browser = _Browser(socket)
    with metrics.SOCKETS.labels(kind=kind).track_inprogress():
        refused = await parts.carrier.carry(browser, admitted)
    if refused is not None:
        metrics.FRAMES_REFUSED.labels(code=refused.value).inc()
    await socket.close(_close_code(browser, refused))


def _close_code(browser: "_Browser", refused: ErrorCode | None) -> int:
    if ErrorCode.FRAME_TOO_LARGE in (refused, browser.refused):
        return 1009
    return 1008 if refused or browser.refused else 1000


async def _refuse(socket: FramedSocket, err: Exception) -> None:
    if isinstance(err, RefusedError) and err.status != 503:
        metrics.REFUSALS.labels(code=err.code).inc()
        error = {"type": "error", "code": ErrorCode.NOT_FOUND, "message": str(err), "fatal": True}
        await socket.end(error, NOTHING_HERE)
        return
    await socket.end({"type": "wait", "reason": "unavailable"}, 1013)


async def _patient_seat(ws: WebSocket, parts: Context) -> Seat:
    ticket = parts.sealer.ticket(ws.cookies)
    if ticket is None:
        raise not_found()
    found = await parts.clinics.get(ticket.namespace, ticket.clinic)
    visit = await parts.visits.get(ticket.namespace, ticket.visit)
    if visit is None or visit.state not in (VisitState.CALLED, VisitState.IN_CONSULTATION):
        raise not_found()
    row = await _row(parts, visit)
    await parts.visits.change(visit.namespace, visit.id, VisitAction.JOIN)
    parts.watches.of(found[0]).nudge()
    return _visit_seat(
        parts, found, visit, subject="patient", name=row, role=ParticipantRole.PATIENT,
        rights=frozenset(),
    )  # fmt: skip


async def _row(parts: Context, visit: Visit) -> str:
    """The patient's name, to be shown to those in the call."""
    for item in await parts.visits.queue(visit.namespace, visit.clinic_uid):
        if item.visit.id == visit.id:
            return item.personal.name
    raise not_found()


async def _staff_seat(ws: WebSocket, parts: Context, visit: str) -> Seat:
    session = parts.staff(ws)
    for clinic, organisation in await parts.clinics.every():
        roles = admission.roles_of(session.user, clinic, organisation)
        if not admission.is_permitted(roles, Action.JOIN_VISIT):
            continue
        try:
            stored = await the_visit(parts, (clinic, organisation), visit)
        except RefusedError:
            continue
        if stored.state is VisitState.WAITING:
            raise not_found()
        return _visit_seat(
            parts, (clinic, organisation), stored, subject=session.user,
            name=session.display_name, role=ParticipantRole.CLINICIAN, rights=STAFF_RIGHTS,
        )  # fmt: skip
    raise not_found()


def _visit_seat(
    parts: Context, found: Found, visit: Visit, *, subject: str, name: str,
    role: ParticipantRole, rights: frozenset[Right],
) -> Seat:  # fmt: skip
    async def still_open() -> bool:
        now = await parts.visits.get(visit.namespace, visit.id)
        return now is None or now.state not in OVER | {VisitState.WAITING}

    if found[0].pool is None:
        raise one_moment()
    return _seat(
        parts, found[0].pool, visit.call, CONSULTATION_PARTICIPANTS, still_open,
        participants=MAX_CONSULTATION_PARTICIPANTS, subject=subject, name=name, role=role,
        rights=rights,
    )  # fmt: skip


async def _room_seat(
    ws: WebSocket, parts: Context, namespace: str, clinic: str, kind: str, room: str
) -> Seat:
    session = parts.staff(ws)
    found = await parts.clinics.get(namespace, clinic)
    wanted = _find_room(found, kind, room)
    roles = admission.roles_of(session.user, *found)
    if not admission.may_enter_room(session.user, roles, wanted):
        raise not_found()
    if found[0].pool is None:
        raise one_moment()

    async def still_open() -> bool:
        try:
            now = await parts.clinics.get(namespace, clinic)
            return _find_room(now, kind, room).uid == wanted.uid
        except RefusedError as err:
            return err.status == 503

    return _seat(
        parts, found[0].pool, CallId(f"room:{wanted.uid}"), wanted.max_participants, still_open,
        participants=wanted.max_participants, subject=session.user, name=session.display_name,
        role=ParticipantRole.STAFF, rights=STAFF_RIGHTS,
    )  # fmt: skip


def _find_room(found: Found, kind: str, name: str) -> RoomProjection:
    kinds = {word: room_kind for room_kind, word in ROOM_WORDS.items()}
    wanted: RoomKind | None = kinds.get(kind)
    for room in found[0].rooms:
        if (room.kind, room.name) == (wanted, name):
            return room
    raise not_found()


def _seat(
    parts: Context, pool: PoolId, call: CallId, cost_for: int, still_open: StillOpen, *,
    participants: int, subject: str, name: str, role: ParticipantRole, rights: frozenset[Right],
) -> Seat:  # fmt: skip
    ticket = MediaTicket(
        nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=call,
        epoch=PlacementEpoch(0), cost=call_cost(cost_for), max_participants=participants,
        participant=parts.participant(call, subject), name=name, role=role, rights=rights,
    )  # fmt: skip
    return Seat(pool, ticket, still_open)


class _Browser:
    """See `BrowserSocket`."""

    def __init__(self, socket: FramedSocket) -> None:
        self._socket = socket
        self.refused: ErrorCode | None = None

    async def send(self, frame: str) -> None:
        """See `BrowserSocket`."""
        try:
            await self._socket.send_text(frame)
        except GoneError:
            return

    async def receive(self) -> str | None:
        """See `BrowserSocket`."""
        try:
            return await self._socket.text()
        except SocketRefusedError as err:
            self.refused = ErrorCode(err.code)
            await self._socket.refuse(err)
            return None
        except GoneError:
            return None
