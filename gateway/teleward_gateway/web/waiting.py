"""The private waiting socket of one patient."""

import asyncio
import contextlib
import time

from fastapi import APIRouter, Request, Response, WebSocket
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.signalling import ErrorCode

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.frames import Hello, Probe, Probed, Report, UnknownFrame
from teleward_gateway.core.limits import Door
from teleward_gateway.core.pace import Pace
from teleward_gateway.core.tickets import Ticket
from teleward_gateway.errors import RefusedError, not_found
from teleward_gateway.web.context import Context, Parts, host_of
from teleward_gateway.web.sockets import (
    UNKNOWN,
    FramedSocket,
    accepted,
    hello_of,
    read,
    until_first,
)
from teleward_gateway.web.streams import STREAMS, EventStream, FrameSink, check_accepts, tell

router = APIRouter()

LEAVE_AGAIN_S = 1.0
SAID_AT_ONCE, SAID_PER_S = 30, 0.5
"""Frames of one socket after its hello: a test of a page takes a dozen, and each report is read by every dashboard."""


@router.websocket("/ws/visit/{namespace}/{clinic}")
async def waiting(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """Tell a patient about their own visit until it is over."""
    ticket = parts.seals.ticket(ws.cookies, namespace, clinic)
    async with accepted(ws, parts.meter, "waiting") as socket:
        if ticket is None:
            await socket.end(UnknownFrame(), UNKNOWN)
            return
        hello = await hello_of(socket, Hello, "report", "probe", "leave")
        frames = parts.follower.frames(ticket, hello)
        await until_first(tell(frames, socket), _listen(parts, ticket, socket))


@router.post(STREAMS + "visit/{namespace}/{clinic}")
async def waiting_stream(
    namespace: str, clinic: str, hello: Hello, request: Request, parts: Parts
) -> Response:
    """As the socket, for networks that block it; to leave there is a request."""
    check_accepts(request)
    ticket = parts.seals.ticket(request.cookies, namespace, clinic)

    async def work(stream: FrameSink) -> None:
        if ticket is None:
            await stream.end(UnknownFrame(), UNKNOWN)
        else:
            await tell(parts.follower.frames(ticket, hello), stream)

    return EventStream(parts.meter, "waiting_stream", work)


@router.post("/api/clinics/{namespace}/{clinic}/report", status_code=204)
async def report(
    namespace: str, clinic: str, device: DeviceReport, request: Request, parts: Parts
) -> None:
    """Take in what a page found out about its device, where it has no socket to say it."""
    ticket = parts.seals.ticket(request.cookies, namespace, clinic)
    if ticket is None:
        raise not_found()
    found = await parts.clinics.get(namespace, clinic)
    standings = admission.standings_of_ticket(ticket.clinic_uid, found[0])
    if not admission.is_permitted(standings, Action.WAIT):
        raise not_found()
    await parts.limits.pass_by(host_of(request), Door.REPORT, ticket.visit)
    await _report(parts, ticket, device)


async def _report(parts: Context, ticket: Ticket, device: DeviceReport) -> None:
    await parts.follower.report(ticket, device)
    parts.watches.nudge(ticket.namespace, ticket.clinic)


async def _listen(parts: Context, ticket: Ticket, socket: FramedSocket) -> None:
    """Take in what may come after hello: what the page found out, what it measures, and a goodbye."""
    pace = Pace(SAID_AT_ONCE, SAID_PER_S)
    while True:
        kind, text = await socket.receive()
        if not pace.allows(time.monotonic()):
            raise FrameRefusedError(ErrorCode.TOO_FAST, "too many frames")
        match kind:
            case "leave":
                await _leave(parts, ticket)
            case "probe":
                await socket.send(Probed(number=read(Probe, text).number))
            case "report":
                device = DeviceReport.model_validate(read(Report, text).model_dump())
                with contextlib.suppress(RoutingUnavailableError):
                    await _report(parts, ticket, device)
            case _:
                code = ErrorCode.OUT_OF_ORDER if kind == "hello" else ErrorCode.UNKNOWN_TYPE
                raise FrameRefusedError(code, "only report, probe and leave may follow hello")


async def _leave(parts: Context, ticket: Ticket) -> None:
    while True:
        try:
            await parts.follower.leave(ticket)
        except (RefusedError, RoutingUnavailableError):
            await asyncio.sleep(LEAVE_AGAIN_S)
        else:
            return
