"""The control port: in-call signalling, health, readiness, drain, metrics. For the gateway, never for browsers."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from aiohttp import WSMsgType, web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from teleward_contract import signalling
from teleward_contract.errors import FrameRefusedError, TicketRefusedError
from teleward_contract.media_nodes import MediaNodeState
from teleward_contract.signalling import (
    Admitted,
    Authenticate,
    Challenge,
    ClientFrame,
    Error,
    ErrorCode,
    Frame,
)
from teleward_contract.tickets import MediaTicket, TicketVerifier
from teleward_contract.units import BootId, MediaNodeId, Seconds

from teleward_media.adapters.capture import AT_MOST_S, CaptureBusyError
from teleward_media.core.limiter import TokenBucket
from teleward_media.errors import CallRefusedError

log = structlog.get_logger()

AUTHENTICATE_WITHIN_S = 5.0
"""From the challenge to the ticket (docs/wire.md promises it). Ours: the gateway signs one at once."""
MAX_SEND_QUEUE = 256
"""Frames held for a reader that does not read; then it is closed. Ours."""
FRAME_RATE, FRAME_BURST = 20.0, 60.0
"""Frames a second of one participant, and at once: a person clicks, scripts do not. Ours."""
PCAPNG = "application/x-pcapng"
POLICY_VIOLATION, TOO_BIG = 1008, 1009
"""Codes with which a socket is closed (RFC 6455 §7.4.1)."""


class Socket:
    """One authenticated control socket, as the calls see it."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self._queue: asyncio.Queue[tuple[Frame, bool]] = asyncio.Queue(MAX_SEND_QUEUE)
        self._writer = asyncio.create_task(self._write())
        self._closing: asyncio.Task[bool] | None = None

    def tell(self, frame: Frame, *, last: bool = False) -> None:
        """Send a frame; after the last one the socket closes. Never waits."""
        try:
            self._queue.put_nowait((frame, last))
        except asyncio.QueueFull:
            if not self._writer.done():
                self._writer.cancel()
                self._closing = asyncio.create_task(self._ws.close(code=POLICY_VIOLATION))

    async def _write(self) -> None:
        try:
            while True:
                frame, last = await self._queue.get()
                await self._ws.send_str(signalling.encode(frame))
                if last:
                    code = POLICY_VIOLATION if isinstance(frame, Error) else 1000
                    if isinstance(frame, Error) and frame.code is ErrorCode.FRAME_TOO_LARGE:
                        code = TOO_BIG
                    await self._ws.close(code=code)
                    return
        except (ConnectionError, RuntimeError):
            return

    async def finish(self) -> None:
        """Stop the writer once what is queued has gone out."""
        if self._queue.empty():
            self._writer.cancel()
        await asyncio.wait([self._writer], timeout=1.0)
        self._writer.cancel()


class Calls(Protocol):
    """What the control port needs of the calls."""

    def attach(self, ticket: MediaTicket, socket: Socket) -> bool:
        """Bind a socket to its participant; whether its peer can be resumed. Raises CallRefusedError."""
        ...

    async def handle(self, ticket: MediaTicket, socket: Socket, frame: ClientFrame) -> None:
        """Take in one frame. Raises CallRefusedError."""
        ...

    def detach(self, ticket: MediaTicket, socket: Socket) -> None:
        """The socket is gone."""
        ...


class ControlPort:
    """The HTTP server of one media node."""

    def __init__(
        self, calls: Calls, verifier: TicketVerifier, media_node: MediaNodeId, boot: BootId,
        *, is_ready: Callable[[], bool], drain: Callable[[], Awaitable[MediaNodeState]],
        refused: Callable[[ErrorCode], None],
        capture: Callable[[float], Awaitable[bytes]] | None = None,
    ) -> None:  # fmt: skip
        self._calls = calls
        self._verifier = verifier
        self._media_node, self._boot = media_node, boot
        self._is_ready, self._drain, self._refused = is_ready, drain, refused
        app = web.Application()
        app.router.add_get("/v1/control", self._control)
        app.router.add_post("/v1/drain", self._drained)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        if capture is not None:
            self._capture = capture
            app.router.add_post("/v1/capture", self._captured)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def open(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening and close every socket."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self._is_ready()
        return web.Response(status=200 if ready else 503, text="ready\n" if ready else "wait\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _drained(self, _: web.Request) -> web.Response:
        state = await self._drain()
        return web.Response(text=f"{state.value.lower()}\n")

    async def _captured(self, request: web.Request) -> web.Response:
        try:
            seconds = float(request.query.get("seconds", ""))
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= AT_MOST_S:
            return web.Response(status=400, text=f"seconds: more than 0, at most {AT_MOST_S:g}\n")
        try:
            return web.Response(body=await self._capture(seconds), content_type=PCAPNG)
        except CaptureBusyError:
            return web.Response(status=409, text="another capture runs\n")

    async def _control(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(
            protocols=(signalling.SUBPROTOCOL,), heartbeat=20.0,
            max_msg_size=signalling.MAX_FRAME_BYTES * 2,
        )  # fmt: skip
        await ws.prepare(request)
        socket = Socket(ws)
        try:
            ticket = await self._authenticate(ws)
            resumable = self._calls.attach(ticket, socket)
            socket.tell(Admitted(participant=ticket.participant or "", resumable=resumable))
            try:
                await self._frames(ws, ticket, socket)
            finally:
                self._calls.detach(ticket, socket)
        except (CallRefusedError, FrameRefusedError, TicketRefusedError) as err:
            self._refuse(socket, err)
        except ConnectionError:  # gone before it was asked who it is
            return ws
        finally:
            await socket.finish()
        return ws

    async def _authenticate(self, ws: web.WebSocketResponse) -> MediaTicket:
        nonce = secrets.token_urlsafe(24)
        challenge = Challenge(nonce=nonce, media_node=self._media_node, boot=self._boot)
        await ws.send_str(signalling.encode(challenge))
        try:
            message = await ws.receive(timeout=AUTHENTICATE_WITHIN_S)
        except TimeoutError:
            raise TicketRefusedError("no ticket in time") from None
        if message.type is not WSMsgType.TEXT:
            raise TicketRefusedError("no ticket")
        frame = signalling.parse_control_frame(message.data)
        if not isinstance(frame, Authenticate):
            raise CallRefusedError(ErrorCode.OUT_OF_ORDER, "authenticate comes first")
        return self._verifier.verify(
            frame.ticket, nonce=nonce, media_node=self._media_node, boot=self._boot
        )

    async def _frames(
        self, ws: web.WebSocketResponse, ticket: MediaTicket, socket: Socket
    ) -> None:
        bucket = TokenBucket.full(FRAME_RATE, FRAME_BURST, _now())
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                self._refuse(socket, FrameRefusedError(ErrorCode.NOT_JSON, "text frames only"))
                return
            try:
                if not bucket.allow(_now()):
                    raise CallRefusedError(ErrorCode.TOO_FAST, "send fewer frames")
                frame = signalling.parse_client_frame(message.data)
                await self._calls.handle(ticket, socket, frame)
            except (FrameRefusedError, CallRefusedError) as err:
                self._refuse(socket, err)
                if not isinstance(err, CallRefusedError) or err.fatal:
                    return
            await asyncio.sleep(
                0
            )  # frames that are there already come without a pause: let others in

    def _refuse(
        self, socket: Socket, err: FrameRefusedError | CallRefusedError | TicketRefusedError
    ) -> None:
        code = (
            ErrorCode.TICKET_REFUSED
            if isinstance(err, TicketRefusedError)
            else ErrorCode(err.code)
        )
        fatal = err.fatal if isinstance(err, CallRefusedError) else True
        self._refused(code)
        socket.tell(Error(code=code, message=str(err), fatal=fatal), last=fatal)


def _now() -> Seconds:
    return Seconds(asyncio.get_running_loop().time())
