"""The private waiting socket of one patient."""

import asyncio

from fastapi import APIRouter, Request, Response, WebSocket
from pydantic import ValidationError
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.signalling import ErrorCode

from teleward_gateway.core.frames import Hello, ReplacedFrame, UnknownFrame
from teleward_gateway.core.tickets import Ticket
from teleward_gateway.errors import RefusedError
from teleward_gateway.web.context import Context, Parts
from teleward_gateway.web.sockets import (
    NORMAL,
    REPLACED,
    UNKNOWN,
    FramedSocket,
    accepted,
    until_first,
)
from teleward_gateway.web.streams import STREAMS, EventStream, FrameSink, check_accepts

router = APIRouter()

HELLO_WITHIN_S = 10.0
LEAVE_AGAIN_S = 1.0


@router.websocket("/ws/visit/{namespace}/{clinic}")
async def waiting(ws: WebSocket, namespace: str, clinic: str, parts: Parts) -> None:
    """Tell a patient about their own visit until it is over."""
    ticket = parts.seals.ticket(ws.cookies, namespace, clinic)
    async with accepted(ws, parts.meter, "waiting") as socket:
        if ticket is None:
            await socket.end(UnknownFrame(), UNKNOWN)
            return
        hello = await _hello(socket)
        await until_first(_tell(parts, ticket, hello, socket), _listen(parts, ticket, socket))


async def _hello(socket: FramedSocket) -> Hello:
    try:
        async with asyncio.timeout(HELLO_WITHIN_S):
            kind, text = await socket.receive()
    except TimeoutError:
        raise FrameRefusedError(ErrorCode.OUT_OF_ORDER, "hello must come at once") from None
    if kind != "hello":
        code = ErrorCode.OUT_OF_ORDER if kind == "leave" else ErrorCode.UNKNOWN_TYPE
        raise FrameRefusedError(code, "hello comes first")
    try:
        return Hello.model_validate_json(text)
    except ValidationError:
        raise FrameRefusedError(ErrorCode.BAD_FRAME, "hello has not its form") from None


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
            await _tell(parts, ticket, hello, stream)

    return EventStream(parts.meter, "waiting_stream", work)


async def _tell(parts: Context, ticket: Ticket, hello: Hello, socket: FrameSink) -> None:
    """Send frames until the last one, then close as `docs/wire.md` says."""
    code = NORMAL
    async for frame in parts.follower.frames(ticket, hello):
        await socket.send(frame)
        if isinstance(frame, ReplacedFrame):
            code = REPLACED
        elif isinstance(frame, UnknownFrame):
            code = UNKNOWN
    await socket.close(code)


async def _listen(parts: Context, ticket: Ticket, socket: FramedSocket) -> None:
    """Take in what may come after hello: only a goodbye."""
    while True:
        kind, _ = await socket.receive()
        if kind != "leave":
            code = ErrorCode.OUT_OF_ORDER if kind == "hello" else ErrorCode.UNKNOWN_TYPE
            raise FrameRefusedError(code, "only leave may follow hello")
        await _leave(parts, ticket)


async def _leave(parts: Context, ticket: Ticket) -> None:
    while True:
        try:
            await parts.follower.leave(ticket)
        except (RefusedError, RoutingUnavailableError):
            await asyncio.sleep(LEAVE_AGAIN_S)
        else:
            return
