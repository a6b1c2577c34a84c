"""WebSockets with frames: JSON objects of bounded size in, JSON out, refusals typed and counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import TypeAdapter, ValidationError
from teleward_contract.errors import FrameRefusedError
from teleward_contract.signalling import MAX_FRAME_BYTES, ErrorCode, Frame, encode

from teleward_gateway.errors import BrowserGoneError
from teleward_gateway.ports.doors import Meter

SEND_TIMEOUT_S = 10.0
"""A browser that does not read for this long is dropped; until then one frame is held for it."""

NORMAL, VIOLATION, TOO_LARGE = 1000, 1008, 1009
"""Close codes of RFC 6455 §7.4.1 and its registry."""
REPLACED, UNKNOWN = 4001, 4004
"""Our own: another tab has taken over; there is nothing here."""


class _Typed(Frame):
    type: str


_TYPED: TypeAdapter[_Typed] = TypeAdapter(_Typed)


class FramedSocket:
    """One accepted WebSocket; a `BrowserSocket` too."""

    def __init__(self, ws: WebSocket, meter: Meter) -> None:
        self._ws = ws
        self._meter = meter

    async def receive_text(self) -> str:
        """See `BrowserSocket`."""
        try:
            text = await self._ws.receive_text()
        except WebSocketDisconnect as err:
            if err.code == TOO_LARGE:  # beyond the server's own limit: it closed before we could
                self._meter.frame_refused(ErrorCode.FRAME_TOO_LARGE)
            raise BrowserGoneError from err
        except RuntimeError as err:  # closed by us
            raise BrowserGoneError from err
        except KeyError as err:
            raise FrameRefusedError(ErrorCode.NOT_JSON, "text frames only") from err
        if len(text) > MAX_FRAME_BYTES or len(text.encode(errors="replace")) > MAX_FRAME_BYTES:
            raise FrameRefusedError(
                ErrorCode.FRAME_TOO_LARGE, f"at most {MAX_FRAME_BYTES} bytes a frame"
            )
        return text

    async def receive(self) -> tuple[str, str]:
        """Receive one frame: its type and its text; raises as `receive_text`."""
        text = await self.receive_text()
        try:
            return _TYPED.validate_json(text).type, text
        except ValidationError as err:
            not_json = err.errors(include_input=False)[0]["type"] == "json_invalid"
            code = ErrorCode.NOT_JSON if not_json else ErrorCode.UNKNOWN_TYPE
            raise FrameRefusedError(code, "frames are JSON objects with a type") from None

    async def send_text(self, text: str) -> None:
        """See `BrowserSocket`."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._ws.send_text(text)
        except (WebSocketDisconnect, RuntimeError, TimeoutError) as err:
            raise BrowserGoneError from err

    async def send(self, frame: Frame) -> None:
        """Send one frame; raises BrowserGoneError."""
        await self.send_text(encode(frame))

    async def refuse(self, err: FrameRefusedError) -> None:
        """Tell what was wrong, count it, close."""
        self._meter.frame_refused(err.code)
        await self.end(Refusal(code=err.code, message=str(err)), close_code(err.code))

    async def end(self, frame: Frame, code: int) -> None:
        """Send a last frame and close."""
        with suppress(BrowserGoneError):
            await self.send(frame)
        await self.close(code)

    async def close(self, code: int) -> None:
        """Close without a frame."""
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._ws.close(code)


HELLO_WITHIN_S = 10.0
"""A page says who it is at once; who does not holds a socket for nothing. Ours."""

F = TypeVar("F", bound=Frame)


async def hello_of(socket: FramedSocket, form: type[F], *later: str) -> F:
    """Receive the first frame of a page, before those that may come `later`; raises as `receive`."""
    try:
        async with asyncio.timeout(HELLO_WITHIN_S):
            kind, text = await socket.receive()
    except TimeoutError:
        raise FrameRefusedError(ErrorCode.OUT_OF_ORDER, "hello must come at once") from None
    if kind != "hello":
        code = ErrorCode.OUT_OF_ORDER if kind in later else ErrorCode.UNKNOWN_TYPE
        raise FrameRefusedError(code, "hello comes first")
    return read(form, text)


def read(form: type[F], text: str) -> F:
    """Read a frame as what its type says it is; raises FrameRefusedError."""
    try:
        return form.model_validate_json(text)
    except ValidationError:
        raise FrameRefusedError(ErrorCode.BAD_FRAME, "the frame has not its form") from None


class Refusal(Frame):
    """The `error` frame of every socket; a call socket's codes are `signalling.ErrorCode`."""

    type: str = "error"
    code: str
    message: str
    fatal: bool = True


def close_code(code: str) -> int:
    """What a socket closes with after this error."""
    return TOO_LARGE if code == ErrorCode.FRAME_TOO_LARGE else VIOLATION


@asynccontextmanager
async def accepted(
    ws: WebSocket, meter: Meter, kind: str, subprotocol: str | None = None
) -> AsyncIterator[FramedSocket]:
    """Accept a socket; what the browser does wrong inside is told, counted, and ends it."""
    asked = ws.headers.get("sec-websocket-protocol", "").replace(" ", "").split(",")
    await ws.accept(subprotocol if subprotocol in asked else None)
    socket = FramedSocket(ws, meter)
    with meter.socket(kind):
        try:
            yield socket
        except FrameRefusedError as err:
            await socket.refuse(err)
        except BrowserGoneError:
            return


async def until_first(*work: Awaitable[None]) -> None:
    """Run all until the first is done, and end the others; raises what that one raises."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
