"""What every request and every socket passes: origin, size of the body, headers of the answer, its duration."""

import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from teleward_gateway.ports import Meter

MAX_BODY_BYTES = 32 * 1024
POLICY_VIOLATION = 1008
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
        "style-src 'self' 'unsafe-inline'; connect-src 'self' {sockets}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
}
ASSETS = "/assets/"


class _TooLargeError(Exception):
    """The body is larger than it may be."""


class Guard:
    """ASGI middleware in front of the whole application."""

    def __init__(self, app: ASGIApp, origin: str, meter: Meter) -> None:
        self._app = app
        self._origin = origin
        self._meter = meter
        sockets = origin.replace("http", "ws", 1)
        self._headers = {k: v.replace("{sockets}", sockets) for k, v in _HEADERS.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or socket on, or refuse it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
            return
        if scope["type"] == "websocket" and not self._is_ours(scope):
            self._meter.refused("origin")
            await receive()
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        return Headers(scope=scope).getlist("origin") == [self._origin]

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        length = 0
        has_begun = False

        async def limited() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > MAX_BODY_BYTES:
                raise _TooLargeError
            return message

        async def dressed(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._dress(scope["path"], MutableHeaders(raw=message["headers"]))
            await send(message)

        try:
            if scope["method"] not in _SAFE and not self._is_ours(scope):
                await self._refuse(403, "origin", "Use the pages of this service.")(
                    scope, receive, dressed
                )
            elif _declared_length(scope) > MAX_BODY_BYTES:
                raise _TooLargeError
            else:
                await self._app(scope, limited, dressed)
        except _TooLargeError:
            if not has_begun:
                await self._refuse(413, "too_large", "Send less.")(scope, receive, dressed)
        route = getattr(scope.get("route"), "path", "other")
        self._meter.answered(route, time.perf_counter() - began)

    def _refuse(self, status: int, code: str, message: str) -> Response:
        self._meter.refused(code)
        return error_answer(status, code, message)

    def _dress(self, path: str, headers: MutableHeaders) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if not path.startswith(ASSETS):
            headers["Cache-Control"] = "no-store"


def _declared_length(scope: Scope) -> int:
    declared = Request(scope).headers.get("content-length", "0")
    return int(declared) if declared.isdecimal() else MAX_BODY_BYTES + 1


def error_answer(
    status: int, code: str, message: str, details: dict[str, object] | None = None
) -> JSONResponse:
    """Word a refusal as `docs/http.md` has it."""
    body = {"error": {"code": code, "message": message, **(details or {})}}
    return JSONResponse(body, status, RETRY_AFTER if status == 503 else None)


RETRY_AFTER = {"Retry-After": "1"}
"""Stands on every 503."""
