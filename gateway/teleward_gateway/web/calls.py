"""Call sockets: admission to a call, then the carrier."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TypeAlias

from fastapi import APIRouter, WebSocket
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.projections import RoomKind, RoomProjection
from teleward_contract.signalling import (
    MAX_NAME,
    SUBPROTOCOL,
    Error,
    ErrorCode,
    Leave,
    ParticipantRole,
    QualityView,
    Right,
    Wait,
    WaitReason,
    parse_client_frame,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    PlacementEpoch,
    call_cost,
)

from teleward_gateway.core import admission
from teleward_gateway.core.admission import ROOM_ACTIONS, Action
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.visits import Carried, Visit, VisitAction, VisitState
from teleward_gateway.errors import BrowserGoneError, RefusedError, not_found, one_moment
from teleward_gateway.ports import PRESENT_S
from teleward_gateway.usecases.carry_call import Outcome, Seat
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import (
    CALL_GOES_ON,
    CALLED,
    CONSULTATION_PARTICIPANTS,
    END_WITHIN_S,
    MAX_CONSULTATION_PARTICIPANTS,
)
from teleward_gateway.web.context import PATIENT, Context, Parts, check
from teleward_gateway.web.sockets import (
    NORMAL,
    UNKNOWN,
    FramedSocket,
    accepted,
    close_code,
    until_first,
)

router = APIRouter()

STAFF_RIGHTS = frozenset({Right.HOLD, Right.REMOVE, Right.END, Right.LOCK, Right.MUTE})
ROOM_WORDS = {RoomKind.MEETING_ROOM: "meeting", RoomKind.USER_ROOM: "user"}
ADMIT_AGAIN_S = 1.0

Beside: TypeAlias = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody sits, and how the gateway keeps count of it."""

    seat: Seat
    found: Found
    room: RoomProjection | None = None
    beside: tuple[Beside, ...] = ()
    """What goes on beside the call; when one of these returns, this person is not to be in it any more."""
    taken_out: Beside | None = None
    """What is to be done then."""


Admission: TypeAlias = Callable[[], Awaitable[Place]]


@router.websocket("/ws/call/visit/{namespace}/{clinic}")
async def patient_call(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """The patient's side of a consultation."""
    await _serve(ws, parts, "patient", lambda: _patient_place(ws, parts, namespace, clinic))


@router.websocket("/ws/call/visit/{visit}")
async def staff_call(ws: WebSocket, visit: str, parts: Parts) -> None:
    """The staff's side of a consultation."""
    await _serve(ws, parts, "consultation", lambda: _staff_place(ws, parts, visit))


@router.websocket("/ws/call/room/{namespace}/{clinic}/{kind}/{room}")
async def room_call(
    ws: WebSocket, namespace: str, clinic: str, kind: str, room: str, parts: Parts
) -> None:
    """A meeting room or a user room."""
    await _serve(
        ws, parts, "room", lambda: _room_place(ws, parts, namespace, clinic, (kind, room))
    )


async def _serve(ws: WebSocket, parts: Context, kind: str, admission_: Admission) -> None:
    async with accepted(ws, parts.meter, kind, SUBPROTOCOL) as socket:
        try:
            place = await _admitted(admission_, socket)
        except RefusedError as err:
            parts.meter.refused(err.code)
            await socket.end(Error(code=ErrorCode.NOT_FOUND, message=str(err)), UNKNOWN)
            return
        if place.room is None:
            outcome = await _carry(parts, socket, place)
        else:
            outcome = await _carry_in_room(parts, socket, place, place.room)
        await _close(parts, socket, outcome)


async def _admitted(admission_: Admission, socket: FramedSocket) -> Place:
    """Find the place; while that cannot be judged say `wait` and try on. Raises RefusedError."""
    has_told = False
    while True:
        try:
            return await admission_()
        except RefusedError as err:
            if not err.is_temporary:
                raise
        except RoutingUnavailableError:
            pass
        if not has_told:
            await socket.send(Wait(reason=WaitReason.UNAVAILABLE))
            has_told = True
        await _stays(socket, ADMIT_AGAIN_S)


async def _stays(socket: FramedSocket, seconds: float) -> None:
    """Wait; raises BrowserGoneError when the browser leaves meanwhile. It may say nothing else before `ready`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            frame = parse_client_frame(await socket.receive_text())
            if isinstance(frame, Leave):
                raise BrowserGoneError
            raise FrameRefusedError(ErrorCode.OUT_OF_ORDER, "ready comes first")


async def _close(parts: Context, socket: FramedSocket, outcome: Outcome) -> None:
    if outcome.error is None:
        await socket.close(NORMAL)
        return
    if outcome.is_ours:
        parts.meter.frame_refused(outcome.error.value)
    await socket.close(close_code(outcome.error.value))


async def _carry(parts: Context, socket: FramedSocket, place: Place) -> Outcome:
    outcomes: list[Outcome] = []

    async def carry() -> None:
        outcomes.append(await parts.carrier.carry(socket, place.seat))

    await until_first(carry(), *(work() for work in place.beside))
    if not outcomes and place.taken_out:
        await place.taken_out()
    return outcomes[0] if outcomes else Outcome()


async def _carry_in_room(
    parts: Context, socket: FramedSocket, place: Place, room: RoomProjection
) -> Outcome:
    """Carry a call in a standing room, counted among those present."""
    clinic = place.found[0]
    participant = place.seat.ticket.participant
    assert participant is not None

    async def be_present() -> None:
        while True:
            with contextlib.suppress(RoutingUnavailableError):
                await parts.presence.seen(clinic.namespace, clinic.uid, room.uid, participant)
                parts.watches.nudge(clinic.namespace, clinic.name)
            await asyncio.sleep(PRESENT_S / 3)

    try:
        staying = replace(place, beside=(*place.beside, be_present))
        return await _carry(parts, socket, staying)
    finally:
        with contextlib.suppress(RoutingUnavailableError):
            await parts.presence.gone(clinic.namespace, clinic.uid, room.uid, participant)
            parts.watches.nudge(clinic.namespace, clinic.name)


# -- consultations ------------------------------------------------------------------------------


async def _patient_place(ws: WebSocket, parts: Context, namespace: str, clinic: str) -> Place:
    ticket = parts.seals.ticket(ws.cookies, namespace, clinic)
    if ticket is None:
        raise not_found()
    found = await parts.clinics.get(ticket.namespace, ticket.clinic)
    standings = admission.standings_of_ticket(ticket.clinic_uid, found[0])
    if not admission.is_permitted(standings, Action.JOIN_VISIT):
        raise not_found()
    visit = await parts.visits.get(ticket.namespace, ticket.visit)
    if visit is not None and visit.clinic_uid != ticket.clinic_uid:
        raise not_found()
    personal = await parts.visits.personal(ticket.namespace, ticket.visit)
    if visit is None and ticket.life != await parts.visits.life():
        raise one_moment()  # the store was emptied: the waiting page brings the visit back
    if visit is None or personal is None or visit.state not in CALLED:
        raise not_found()
    joined = Carried(at=visit.clinic_uid)
    allowed, _ = await parts.visits.change(
        visit.namespace, visit.id, VisitAction.JOIN, carried=joined
    )
    if not allowed:
        raise not_found()
    parts.watches.nudge(visit.namespace, visit.clinic)
    seat = _visit_seat(
        parts, found, visit, CALLED, subject=PATIENT, name=personal.name,
        role=ParticipantRole.PATIENT, rights=frozenset(), admitted=lambda: _always(), user="",
    )  # fmt: skip
    reports = _Reports()
    patient = parts.participant(visit.call, PATIENT)
    return Place(
        replace(seat, reported=reports.note), found,
        beside=(lambda: reports.keep(parts, visit), lambda: _until_out(parts, visit, CALLED)),
        taken_out=lambda: parts.consulting.take_out(found, visit, patient),
    )  # fmt: skip


async def _until_out(parts: Context, visit: Visit, states: frozenset[VisitState]) -> None:
    """Return when this person is not to be in the call of a visit any more.

    What the watch has read may be older than this call, so the store is asked. A call that ends for all is left to
    its media node first, which says why.
    """
    async with parts.watches.watching(visit.namespace, visit.clinic) as watch:
        with watch.following(visit.id) as changed:
            while True:
                changed.clear()
                if not _may_be_in(visit, watch.view.visit(visit.id), states):
                    with contextlib.suppress(RoutingUnavailableError):
                        now = await parts.visits.get(visit.namespace, visit.id)
                        if now is not None and not _may_be_in(visit, now, states):
                            await asyncio.sleep(0 if now.state in CALL_GOES_ON else END_WITHIN_S)
                            return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ADMIT_AGAIN_S):
                        await changed.wait()


def _may_be_in(visit: Visit, now: Visit | None, states: frozenset[VisitState]) -> bool:
    """Whether the call goes on for this person: the visit is in one of `states`, in the clinic where they came in."""
    return now is not None and now.state in states and now.clinic_uid == visit.clinic_uid


class _Reports:
    """How the patient's path does, from the socket to the clinic's dashboards; the newest counts."""

    def __init__(self) -> None:
        self._newest = QualityView()
        self._has_news = asyncio.Event()

    def note(self, quality: QualityView) -> None:
        """Take in a report."""
        self._newest = quality
        self._has_news.set()

    async def keep(self, parts: Context, visit: Visit) -> None:
        """Store reports as they come."""
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            with contextlib.suppress(RoutingUnavailableError):
                await parts.qualities.note(visit.namespace, visit.id, self._newest)


async def _staff_place(ws: WebSocket, parts: Context, visit: str) -> Place:
    session = await parts.staff(ws)
    found, stored = await _visit_of(parts, session, visit)

    async def admitted() -> bool:
        session = await parts.staff(ws)
        now = await parts.clinics.get(found[0].namespace, found[0].name)
        check(session, now, Action.JOIN_VISIT)
        return True

    # Nobody knows yet how many more will come; a store that was emptied forgets who called in.
    is_colleague = stored.called_by not in ("", session.user)
    seat = _visit_seat(
        parts, found, stored, CALL_GOES_ON, subject=session.user, name=session.display_name,
        role=ParticipantRole.CLINICIAN, rights=STAFF_RIGHTS, admitted=admitted,
        user=session.user,
        participants=MAX_CONSULTATION_PARTICIPANTS if is_colleague else CONSULTATION_PARTICIPANTS,
    )  # fmt: skip
    participant = parts.participant(stored.call, session.user)
    return Place(
        seat, found,
        beside=(lambda: _use_session(ws, parts), lambda: _until_out(parts, stored, CALL_GOES_ON)),
        taken_out=lambda: parts.consulting.take_out(found, stored, participant),
    )  # fmt: skip


async def _use_session(ws: WebSocket, parts: Context) -> None:
    """Keep a session in use during a call. Who is signed out meanwhile stays until the call ends."""
    while True:
        await asyncio.sleep(parts.use_every_s)
        with contextlib.suppress(RefusedError):
            await parts.staff(ws)


async def _visit_of(parts: Context, who: StaffSession, visit: str) -> tuple[Found, Visit]:
    """A visit whose call goes on, of any clinic in which the person may join; raises RefusedError 404."""
    mine = [
        found
        for found in await parts.clinics.every()
        if admission.is_permitted(admission.standings_of(who, *found), Action.JOIN_VISIT)
    ]
    for namespace in sorted({clinic.namespace for clinic, _ in mine}):
        stored = await parts.visits.get(namespace, visit)
        if stored is None:
            continue
        if stored.state not in CALL_GOES_ON:
            raise not_found()
        for found in mine:
            if (found[0].namespace, found[0].uid) == (namespace, stored.clinic_uid):
                return found, stored
        raise not_found()  # of a clinic that is not theirs: it looks like one that is nowhere
    for found in mine:
        if await parts.consulting.is_live(found, visit):
            raise one_moment()  # the store was emptied: the waiting page brings the visit back
    raise not_found()


async def _always() -> bool:
    return True


def _visit_seat(
    parts: Context, found: Found, visit: Visit, states: frozenset[VisitState], *, subject: str,
    name: str,
    role: ParticipantRole, rights: frozenset[Right], admitted: Callable[[], Awaitable[bool]],
    user: str, participants: int = CONSULTATION_PARTICIPANTS,
) -> Seat:  # fmt: skip
    async def is_open() -> bool:
        now = await parts.visits.get(visit.namespace, visit.id)
        if now is not None and not _may_be_in(visit, now, states):
            return False
        return await _is_so(admitted)

    async def ended() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN_S):
                await parts.consulting.finish_at_last(found, visit, VisitAction.END, user)
        parts.watches.nudge(visit.namespace, visit.clinic)

    pool = found[0].pool
    if pool is None:
        raise one_moment()
    ticket = _ticket(
        parts, visit.call, call_cost(participants), MAX_CONSULTATION_PARTICIPANTS,
        subject=subject, name=name, role=role, rights=rights,
    )  # fmt: skip
    return Seat(pool, ticket, is_open, ended if Right.END in rights else None)


async def _is_so(admitted: Callable[[], Awaitable[bool]]) -> bool:
    """Whether an admission still holds; one that cannot be judged now does."""
    try:
        return await admitted()
    except RefusedError as err:
        return err.is_temporary


# -- standing rooms -----------------------------------------------------------------------------


async def _room_place(
    ws: WebSocket, parts: Context, namespace: str, clinic: str, name: tuple[str, str]
) -> Place:
    session = await parts.staff(ws)
    found = await parts.clinic(namespace, clinic)
    room = find_room(found, *name)
    check(session, found, ROOM_ACTIONS[room.kind], room)
    call = CallId(f"room:{room.uid}")
    if room.locked:
        present = await parts.presence.present(found[0].namespace, found[0].uid)
        if parts.participant(call, session.user) not in present.get(room.uid, frozenset()):
            raise not_found()
    if found[0].pool is None:
        raise one_moment()

    async def admitted() -> bool:
        session = await parts.staff(ws)
        now = await parts.clinics.get(namespace, clinic)
        still = find_room(now, *name)
        check(session, now, ROOM_ACTIONS[still.kind], still)
        return still.uid == room.uid

    ticket = _ticket(
        parts, call, call_cost(room.max_participants), room.max_participants,
        subject=session.user, name=session.display_name, role=ParticipantRole.STAFF,
        rights=STAFF_RIGHTS,
    )  # fmt: skip
    seat = Seat(found[0].pool, ticket, lambda: _is_so(admitted))
    return Place(seat, found, room, beside=(lambda: _use_session(ws, parts),))


def find_room(found: Found, kind: str, name: str) -> RoomProjection:
    """A room of a clinic by the words of its address; raises RefusedError 404."""
    for room in found[0].rooms:
        if (ROOM_WORDS[room.kind], room.name) == (kind, name):
            return room
    raise not_found()


def _ticket(
    parts: Context, call: CallId, cost: CapacityUnits, max_participants: int, *, subject: str,
    name: str, role: ParticipantRole, rights: frozenset[Right],
) -> MediaTicket:  # fmt: skip
    return MediaTicket(
        nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=call,
        epoch=PlacementEpoch(0), cost=cost, max_participants=max_participants,
        participant=parts.participant(call, subject), name=name[:MAX_NAME], role=role, rights=rights,
    )  # fmt: skip
