"""Server-sent events with the frames of a socket, for networks that block WebSockets.

A page asks by POST, so that the origin is checked and nothing personal stands in an address. Whoever comes back is told
everything anew: frames are states and not news, so that there is nothing to be taken up by `Last-Event-ID`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeAlias

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from teleward_contract.signalling import Frame, encode

from teleward_gateway.core.frames import ReplacedFrame, UnknownFrame
from teleward_gateway.errors import BrowserGoneError, RefusedError
from teleward_gateway.ports.doors import Meter
from teleward_gateway.web.sockets import NORMAL, REPLACED, SEND_TIMEOUT_S, UNKNOWN, until_first

STREAMS = "/stream/"
"""Below it answers go on for as long as somebody reads them."""
MEDIA_TYPE = "text/event-stream"
BEAT_EVERY_S = 15.0
"""A comment goes out this often, so that no proxy takes the stream for dead, and a dead one is noticed."""
UNREAD = "teleward.unread"
"""Key of a request's state: its browser does not read, and is to be cut (`unread.py`)."""


class FrameSink(Protocol):
    """Where frames go: a socket or a stream."""

    async def send(self, frame: Frame) -> None:
        """Send one frame; raises BrowserGoneError."""
        ...

    async def end(self, frame: Frame, code: int) -> None:
        """Send a last frame and close."""
        ...

    async def close(self, code: int) -> None:
        """Close; the code is that of a WebSocket."""
        ...


Work: TypeAlias = Callable[[FrameSink], Awaitable[None]]


async def tell(frames: AsyncIterator[Frame], sink: FrameSink) -> None:
    """Send frames until the last one, then close as `docs/wire.md` says."""
    code = NORMAL
    async for frame in frames:
        await sink.send(frame)
        if isinstance(frame, ReplacedFrame):
            code = REPLACED
        elif isinstance(frame, UnknownFrame):
            code = UNKNOWN
    await sink.close(code)


class EventStream(Response):
    """An answer that tells frames until its work is done or its browser is gone."""

    media_type = MEDIA_TYPE

    def __init__(self, meter: Meter, kind: str, work: Work) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._meter = meter
        self._kind = kind
        self._work = work
        self._send: Send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        self._send = send
        with self._meter.socket(self._kind):
            try:
                await send(
                    {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                )
                await until_first(self._told(), _until_gone(receive), self._beat())
                await self._write("", is_last=True)
            except BrowserGoneError:
                scope["state"][UNREAD] = True
            except asyncio.CancelledError:  # the gateway stops: the page comes back at another one
                with contextlib.suppress(BrowserGoneError):
                    await self._write("", is_last=True)

    async def _told(self) -> None:
        await self._work(self)

    async def _beat(self) -> None:
        while True:
            await self._write(":\n\n")
            await asyncio.sleep(BEAT_EVERY_S)

    async def send(self, frame: Frame) -> None:
        """See `FrameSink`."""
        await self._write(f"data: {encode(frame)}\n\n")

    async def end(self, frame: Frame, code: int) -> None:
        """See `FrameSink`."""
        with contextlib.suppress(BrowserGoneError):
            await self.send(frame)
        await self.close(code)

    async def close(self, code: int) -> None:
        """See `FrameSink`."""
        await self._write(f"event: close\ndata: {code}\n\n")

    async def _write(self, text: str, *, is_last: bool = False) -> None:
        """Write; a browser that does not read is dropped as a socket's is: one frame is held for it."""
        body = {"type": "http.response.body", "body": text.encode(), "more_body": not is_last}
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._send(body)
        except (TimeoutError, OSError) as err:
            raise BrowserGoneError from err


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def check_accepts(request: Request) -> None:
    """Refuse (406) who does not ask for a stream: a client that waits for the end would wait for ever."""
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        raise RefusedError(406, "not_acceptable", f"Accept {MEDIA_TYPE}.")
