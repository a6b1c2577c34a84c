"""WebSockets with frames: JSON objects of bounded size in, JSON out, refusals typed and counted."""

import asyncio
import json
from typing import Any, TypeVar

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError
from teleward_contract.signalling import MAX_FRAME_BYTES

from teleward_gateway.errors import TelewardGatewayError
from teleward_gateway.web import metrics

SEND_TIMEOUT_S = 10.0
"""A browser that does not read for this long is dropped."""
_M = TypeVar("_M", bound=BaseModel)


class GoneError(TelewardGatewayError):
    """The browser is gone."""


class SocketRefusedError(TelewardGatewayError):
    """The browser broke the protocol."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FramedSocket:
    """One accepted WebSocket."""

    def __init__(self, ws: WebSocket) -> None:
        self._ws = ws
        self.is_fresh = True
        """Whether nothing has been told yet."""

    async def text(self) -> str:
        """Receive one text message of legal size.

        Raises:
            GoneError: The browser is gone.
            SocketRefusedError: It is not text, or too large.
        """
        try:
            text = await self._ws.receive_text()
        except (WebSocketDisconnect, RuntimeError) as err:
            raise GoneError from err
        except KeyError as err:
            raise SocketRefusedError("not_json", "text frames only") from err
        if len(text.encode()) > MAX_FRAME_BYTES:
            raise SocketRefusedError("frame_too_large", f"at most {MAX_FRAME_BYTES} bytes")
        return text

    async def receive(self) -> dict[str, Any]:
        """Receive one JSON object; raises as `text`, and SocketRefusedError when it is none."""
        try:
            frame = json.loads(await self.text())
        except (ValueError, RecursionError) as err:
            raise SocketRefusedError("not_json", "frames are JSON objects") from err
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            raise SocketRefusedError("unknown_type", "frames have a type")
        return frame

    @staticmethod
    def validate(kind: type[_M], frame: dict[str, Any]) -> _M:
        """Read a frame as `kind`; raises SocketRefusedError."""
        try:
            return kind.model_validate(frame)
        except ValidationError as err:
            raise SocketRefusedError("bad_frame", "the frame has not its form") from err

    async def send_text(self, text: str) -> None:
        """Send; raises GoneError."""
        self.is_fresh = False
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._ws.send_text(text)
        except (WebSocketDisconnect, RuntimeError, TimeoutError) as err:
            raise GoneError from err

    async def send(self, frame: dict[str, Any]) -> None:
        """Send one frame; raises GoneError."""
        await self.send_text(json.dumps(frame))

    async def end(self, frame: dict[str, Any], code: int) -> None:
        """Send a last frame and close."""
        try:
            await self.send(frame)
            await self._ws.close(code)
        except (GoneError, RuntimeError, WebSocketDisconnect):
            return

    async def refuse(self, err: SocketRefusedError) -> None:
        """Tell what was wrong, count it, close."""
        metrics.FRAMES_REFUSED.labels(code=err.code).inc()
        close = 1009 if err.code == "frame_too_large" else 1008
        await self.end(
            {"type": "error", "code": err.code, "message": str(err), "fatal": True}, close
        )

    async def close(self, code: int) -> None:
        """Close without a frame."""
        try:
            await self._ws.close(code)
        except (RuntimeError, WebSocketDisconnect):
            return
