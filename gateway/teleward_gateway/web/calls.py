"""Call sockets: admission to a call, then the carrier."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TypeAlias

from fastapi import APIRouter, WebSocket
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.projections import RoomProjection
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
    ParticipantId,
    PlacementEpoch,
    PoolId,
    call_cost,
)

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.audit import Deed
from teleward_gateway.core.staff import StaffSession, is_named
from teleward_gateway.core.visits import (
    CALL_GOES_ON,
    CALLED,
    Carried,
    Visit,
    VisitAction,
    room_uid,
)
from teleward_gateway.errors import BrowserGoneError, RefusedError, not_found, one_moment
from teleward_gateway.ports.visits import PRESENT_S
from teleward_gateway.usecases.carry_call import Outcome, Seat
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.place_calls import (
    END_WITHIN_S,
    MAX_CONSULTATION_PARTICIPANTS,
    bounds,
)
from teleward_gateway.usecases.watch_clinics import ClinicView
from teleward_gateway.web.context import Context, Parts, check
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
    await serve(ws, parts, "patient", lambda: _patient_place(ws, parts, namespace, clinic))


@router.websocket("/ws/call/visit/{visit}")
async def staff_call(ws: WebSocket, visit: str, parts: Parts) -> None:
    """The staff's side of a consultation."""
    await serve(ws, parts, "consultation", lambda: _staff_place(ws, parts, visit))


async def serve(ws: WebSocket, parts: Context, kind: str, admission_: Admission) -> None:
    """Serve one call socket: find the place, carry the call."""
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
                await parts.presence.seen(
                    clinic.namespace, clinic.uid, room.uid, participant, place.seat.ticket.name
                )
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
    people = await parts.consulting.people(found, visit.call)
    most, cost = bounds(found, visit.call, people)

    async def is_open() -> bool:
        now = await parts.visits.get(visit.namespace, visit.id)
        return now is None or _is_called(visit, now)

    patient = parts.people.patient(visit)
    pass_ = media_ticket(
        visit.call, cost, most, participant=patient, name=personal.call_name,
        role=ParticipantRole.PATIENT, rights=frozenset(),
    )  # fmt: skip
    reports = _Reports()
    seat = Seat(pool_of(found), pass_, is_open, reported=reports.note)
    return Place(
        seat, found, room_by_uid(found, room_uid(visit.call)),
        beside=(lambda: reports.keep(parts, visit), lambda: _until_patient_is_out(parts, visit)),
        taken_out=lambda: parts.calls.take_out(found, visit.call, patient),
    )  # fmt: skip


async def _until_patient_is_out(parts: Context, visit: Visit) -> None:
    async def is_in(view: ClinicView) -> bool:
        if (seen := view.visit(visit.id)) is not None and _is_called(visit, seen):
            return True
        # What the watch has read may be older than this call, so the store is asked.
        now = await parts.visits.get(visit.namespace, visit.id)
        if now is None or _is_called(visit, now):
            return True
        if now.state not in CALL_GOES_ON:
            await asyncio.sleep(
                END_WITHIN_S
            )  # a call that ends for all is left to its media node, which says why
        return False

    await until_out(parts, visit.namespace, visit.clinic, visit.id, is_in)


async def until_out(
    parts: Context, namespace: str, clinic: str, follows: str | None,
    is_in: Callable[[ClinicView], Awaitable[bool]],
) -> None:  # fmt: skip
    """Return when somebody is not to be in a call any more; what cannot be known holds."""
    async with parts.watches.watching(namespace, clinic) as watch:
        with watch.following(follows) as changed:
            while True:
                changed.clear()
                with contextlib.suppress(RoutingUnavailableError):
                    if not await is_in(watch.view):
                        return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ADMIT_AGAIN_S):
                        await changed.wait()


def _is_called(visit: Visit, now: Visit) -> bool:
    """Whether the patient is still to be in the call that they came into."""
    return now.state in CALLED and (now.clinic_uid, now.call) == (visit.clinic_uid, visit.call)


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
    call = stored.call
    clinic = found[0]
    parts.auditing.did(
        clinic.namespace, Deed.JOIN_CALL, session.user, clinic.name, stored.pseudonym
    )

    async def admitted() -> bool:
        session = await parts.staff(ws)
        now = await parts.clinics.get(found[0].namespace, found[0].name)
        check(session, now, Action.JOIN_VISIT)
        return True

    async def is_open() -> bool:
        now = await parts.visits.get(stored.namespace, stored.id)
        if now is not None and not await parts.consulting.goes_on(found, call):
            return False
        return await is_so(admitted)

    async def is_in(view: ClinicView) -> bool:
        if view.has_call(call):
            return True
        now = await parts.visits.get(stored.namespace, stored.id)
        if now is None or await parts.consulting.goes_on(found, call):
            return True
        await asyncio.sleep(END_WITHIN_S)
        return False

    # Nobody knows yet how many more will come; a store that was emptied forgets who called in.
    is_colleague = stored.called_by != "" and not is_named(stored.called_by, session)
    people = await parts.consulting.people(found, call)
    cost = call_cost(MAX_CONSULTATION_PARTICIPANTS if is_colleague else people)
    participant = parts.people.staff(call, session.identity)
    ticket = media_ticket(
        call, cost, MAX_CONSULTATION_PARTICIPANTS, participant=participant,
        name=session.display_name, role=ParticipantRole.CLINICIAN, rights=STAFF_RIGHTS,
    )  # fmt: skip
    seat = staff_seat(parts, found, ticket, is_open, session.identity)
    return Place(
        seat, found,
        beside=(
            lambda: use_session(ws, parts),
            lambda: until_out(parts, stored.namespace, stored.clinic, stored.id, is_in),
        ),
        taken_out=lambda: parts.calls.take_out(found, call, participant),
    )  # fmt: skip


def staff_seat(
    parts: Context, found: Found, ticket: MediaTicket, is_open: Callable[[], Awaitable[bool]],
    user: str,
) -> Seat:  # fmt: skip
    """A seat of somebody who may end the call for all, and remove others from it."""
    clinic, call = found[0], ticket.call

    async def ended() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN_S):
                await parts.consulting.end_for_all(found, call, user)
        parts.watches.nudge(clinic.namespace, clinic.name)

    async def removed(participant: str) -> bool:
        try:
            is_done = await parts.hosting.remove(found, call, participant, user)
        except (RefusedError, RoutingUnavailableError):
            return False
        parts.watches.nudge(clinic.namespace, clinic.name)
        return is_done

    return Seat(pool_of(found), ticket, is_open, ended, removed)


async def use_session(ws: WebSocket, parts: Context) -> None:
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
        if not await _has_consultation(parts, mine, stored):
            raise not_found()
        for found in mine:
            if (found[0].namespace, found[0].uid) == (namespace, stored.clinic_uid):
                return found, stored
        raise not_found()  # of a clinic that is not theirs: it looks like one that is nowhere
    for found in mine:
        if await parts.consulting.is_live(found, visit):
            raise one_moment()  # the store was emptied: the waiting page brings the visit back
    raise not_found()


async def _has_consultation(parts: Context, mine: list[Found], visit: Visit) -> bool:
    """Whether the visit is in a consultation, or was in one that goes on for others; a user room is its owner's."""
    if room_uid(visit.call):
        return False
    if visit.state in CALL_GOES_ON:
        return True
    there = [found for found in mine if found[0].uid == visit.clinic_uid]
    return bool(there) and await parts.consulting.goes_on(there[0], visit.call)


def pool_of(found: Found) -> PoolId:
    """Where the clinic's calls are placed; raises RefusedError 503 while that is nowhere."""
    if found[0].pool is None:
        raise one_moment()
    return found[0].pool


def room_by_uid(found: Found, uid: str) -> RoomProjection | None:
    """A standing room of a clinic."""
    return next((room for room in found[0].rooms if room.uid == uid), None)


async def is_so(admitted: Callable[[], Awaitable[bool]]) -> bool:
    """Whether an admission still holds; one that cannot be judged now does."""
    try:
        return await admitted()
    except RefusedError as err:
        return err.is_temporary


def media_ticket(
    call: CallId, cost: CapacityUnits, max_participants: int, *,
    participant: ParticipantId, name: str, role: ParticipantRole, rights: frozenset[Right],
) -> MediaTicket:  # fmt: skip
    """The claims of a seat, without those that each control socket fills in."""
    return MediaTicket(
        nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=call,
        epoch=PlacementEpoch(0), cost=cost, max_participants=max_participants,
        participant=participant, name=name[:MAX_NAME], role=role, rights=rights,
    )  # fmt: skip
