"""The live queue of one clinic, for staff."""

import asyncio
import contextlib
import math
import time
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response, WebSocket
from starlette.requests import HTTPConnection
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.projections import RoomKind
from teleward_contract.signalling import ErrorCode, WaitReason

from teleward_gateway.core.admission import Action, is_permitted, standings_of
from teleward_gateway.core.audit import Deed
from teleward_gateway.core.frames import (
    QueueDelta,
    QueueFrame,
    RoomCount,
    StaffFrame,
    WaitFrame,
)
from teleward_gateway.core.guests import GuestEntry, GuestPlace
from teleward_gateway.core.pace import Pace
from teleward_gateway.core.queue import difference
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.team import as_at_work
from teleward_gateway.errors import RefusedError, not_found
from teleward_gateway.ports.alerts import AT_WORK_S
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.watch_clinics import ClinicView
from teleward_gateway.web.context import Context, Parts, check
from teleward_gateway.web.sockets import (
    UNKNOWN,
    FramedSocket,
    Refusal,
    accepted,
    until_first,
)
from teleward_gateway.web.streams import STREAMS, EventStream, FrameSink, check_accepts

router = APIRouter()

ADMIT_AGAIN_S = 1.0
NOTE_EVERY_S = AT_WORK_S / 15
SNAPSHOTS_AT_ONCE, SNAPSHOTS_PER_S = 10, 1.0
"""A page asks for one when it has missed something: each is the whole queue, and a read of Redis. Ours."""


@router.websocket("/ws/staff/{namespace}/{clinic}")
async def queue(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """Show a clinic's queue: a snapshot, then deltas."""
    async with accepted(ws, parts.meter, "queue") as socket:
        snapshot = asyncio.Event()
        await until_first(
            _show(ws, parts, namespace, clinic, socket, snapshot), _listen(socket, snapshot)
        )


@router.post(STREAMS + "staff/{namespace}/{clinic}")
async def queue_stream(namespace: str, clinic: str, request: Request, parts: Parts) -> Response:
    """As the socket, for networks that block it; who wants a snapshot comes anew."""
    check_accepts(request)
    return EventStream(
        parts.meter, "queue_stream",
        lambda stream: _show(request, parts, namespace, clinic, stream, asyncio.Event()),
    )  # fmt: skip


async def _listen(socket: FramedSocket, snapshot: asyncio.Event) -> None:
    pace = Pace(SNAPSHOTS_AT_ONCE, SNAPSHOTS_PER_S)
    while True:
        kind, _ = await socket.receive()
        if not pace.allows(time.monotonic()):
            raise FrameRefusedError(ErrorCode.TOO_FAST, "too many frames")
        if kind != "snapshot":
            raise FrameRefusedError(ErrorCode.UNKNOWN_TYPE, "only snapshot can be asked for")
        snapshot.set()


async def _show(
    ws: HTTPConnection, parts: Context, namespace: str, clinic: str, socket: FrameSink,
    snapshot: asyncio.Event,
) -> None:  # fmt: skip
    try:
        await _admit(ws, parts, namespace, clinic, socket)
        async with parts.watches.watching(namespace, clinic) as watch:
            with watch.following(None) as changed:
                shown, noted_at = _Shown(), -math.inf
                while True:
                    changed.clear()
                    view = watch.view
                    if view.is_available:
                        who = await _check(ws, parts, view)
                        if who and view.found:
                            shown.sight = _sight(view.found, who)
                            if time.monotonic() - noted_at >= NOTE_EVERY_S:
                                await _note(parts, view.found, who)
                                noted_at = time.monotonic()
                    if snapshot.is_set():
                        snapshot.clear()
                        shown.forget()
                    frame = shown.advance(view)
                    if isinstance(frame, QueueFrame):
                        frame = frame.model_copy(
                            update={"now": await parts.watches.now(namespace)}
                        )
                    if frame is not None:
                        await socket.send(frame)
                    await until_first(
                        _wait(changed), _wait(snapshot), asyncio.sleep(parts.use_every_s)
                    )
    except RefusedError as err:
        parts.meter.refused(err.code)
        await socket.end(Refusal(code=err.code, message=str(err)), UNKNOWN)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _admit(
    ws: HTTPConnection, parts: Context, namespace: str, clinic: str, socket: FrameSink
) -> None:
    """Admit who this is; while that cannot be judged it says `wait`. Raises RefusedError."""
    has_told = False
    while True:
        try:
            session, found = await parts.admit(ws, namespace, clinic, Action.SEE_QUEUE)
        except RefusedError as err:
            if not err.is_temporary:
                raise
            if not has_told:
                await socket.send(WaitFrame(reason=WaitReason.UNAVAILABLE))
                has_told = True
            await asyncio.sleep(ADMIT_AGAIN_S)
        else:
            parts.auditing.did(found[0].namespace, Deed.SEE_QUEUE, session.user, clinic)
            return


@dataclass(frozen=True, slots=True)
class _Sight:
    """What this person may be told beside the queue."""

    sees_guests: bool = False
    hosts: frozenset[str] = frozenset()
    """Uids of the user rooms that are theirs."""

    def guests(self, view: ClinicView) -> tuple[GuestEntry, ...]:
        """Guests of meeting rooms and consultations; of user rooms those of one's own."""
        return tuple(
            one
            for one in view.guests
            if (one.place_id in self.hosts if one.place is GuestPlace.USER else self.sees_guests)
        )

    def rooms(self, view: ClinicView) -> tuple[RoomCount, ...]:
        """How many are in each room, and who: in user rooms, only their owner is told."""
        assert view.found is not None
        private = {r.uid for r in view.found[0].rooms if r.kind is RoomKind.USER_ROOM}
        return tuple(
            RoomCount(
                uid=uid, participants=len(who),
                names=tuple(sorted(who.values()))
                if (uid in self.hosts if uid in private else self.sees_guests)
                else (),
            )
            for uid, who in view.rooms.items()
        )  # fmt: skip


async def _note(parts: Context, found: Found, who: StaffSession) -> None:
    """Note that somebody is at work here; what cannot be noted now is noted the next time."""
    clinic = found[0]
    with contextlib.suppress(RoutingUnavailableError):
        await parts.at_work.seen(clinic.namespace, clinic.uid, as_at_work(who, *found))


async def _check(ws: HTTPConnection, parts: Context, view: ClinicView) -> StaffSession | None:
    """Who looks; None while that cannot be known.

    Refuse when the clinic is gone, the person is not of its team any more (404), or not signed in (401).
    """
    if view.found is None:
        raise not_found()
    try:
        who = await parts.staff(ws)
    except RefusedError as err:
        if err.is_temporary:  # what cannot be judged now holds
            return None
        raise
    check(who, view.found, Action.SEE_QUEUE)
    return who


def _sight(found: Found, who: StaffSession) -> _Sight:
    """What this person may see now."""
    hosts = (
        room.uid
        for room in found[0].rooms
        if is_permitted(standings_of(who, *found, room), Action.HOST_USER_ROOM)
    )
    return _Sight(is_permitted(standings_of(who, *found), Action.SEE_GUESTS), frozenset(hosts))


class _Shown:
    """What one dashboard has been shown."""

    def __init__(self) -> None:
        self._version = 0
        self._last: ClinicView | None = None
        self._beside: tuple[tuple[RoomCount, ...], tuple[GuestEntry, ...]] = ((), ())
        self.sight = _Sight()
        self._has_told_wait = False

    def forget(self) -> None:
        """Begin anew with a snapshot."""
        self._last = None

    def advance(self, view: ClinicView) -> StaffFrame | None:
        """The frame that brings the dashboard up to date; None when it is."""
        if not view.is_available:
            if self._has_told_wait:
                return None
            self._has_told_wait = True
            self._last = None
            return WaitFrame(reason=WaitReason.UNAVAILABLE)
        self._has_told_wait = False
        last, self._last = self._last, view
        was_rooms, was_guests = self._beside
        self._beside = rooms, guests = self.sight.rooms(view), self.sight.guests(view)
        if last is None or last.rules != view.rules:
            self._version += 1
            return QueueFrame(
                version=self._version, **view.rules._asdict(), visits=tuple(view.rows.values()),
                rooms=rooms, guests=guests,
            )  # fmt: skip
        changed, gone = difference(last.rows, view.rows)
        delta = QueueDelta(
            version=self._version + 1, upsert=tuple(changed), remove=tuple(gone),
            rooms=None if rooms == was_rooms else rooms,
            guests=None if guests == was_guests else guests,
        )  # fmt: skip
        if not changed and not gone and delta.rooms is None and delta.guests is None:
            return None
        self._version += 1
        return delta
