"""What every request and every socket passes: origin, size of the body, headers of the answer, its duration."""

import contextlib
import time
from collections.abc import Callable, Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketClose

from teleward_gateway.ports.doors import Meter
from teleward_gateway.usecases.limit_doors import too_many
from teleward_gateway.web.streams import STREAMS

log = structlog.get_logger()

MAX_BODY_BYTES = 32 * 1024
POLICY_VIOLATION = 1008
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
        "style-src 'self'; connect-src 'self' {sockets}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(self), microphone=(self), display-capture=(self), geolocation=(), usb=(), serial=(), "
        "bluetooth=(), hid=(), midi=(), payment=()"
    ),
}
_HSTS = "max-age=31536000"
"""A year (RFC 6797 §6.1.1). Of this host alone: other names of the domain are not ours to speak for."""
ASSETS = "/assets/"
BY_PROVIDERS = "/by-providers/"
"""Below it identity providers post, which have no origin and no cookie; what they send is signed."""


class Guard:
    """ASGI middleware in front of the whole application."""

    def __init__(
        self, app: ASGIApp, origin: str, meter: Meter, connects: Callable[[str], float],
        *, trusts_proxies: bool = True,
    ) -> None:  # fmt: skip
        self._app = app
        self._shall_warn = not trusts_proxies
        self._connects = connects
        self._origin = origin
        self._meter = meter
        self._headers = headers_for(origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or socket on, or refuse it."""
        if self._shall_warn and "x-forwarded-for" in Headers(scope=scope):
            self._shall_warn = False
            log.warning("forwarding.ignored", settings=["TELEWARD_TRUSTED_PROXIES"])
        if scope["type"] == "http":
            await self._http(scope, receive, send)
            return
        if scope["type"] == "websocket" and not self._is_ours(scope):
            self._meter.refused("origin")
            await receive()
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
            return
        refusal = self._too_many(scope)
        if refusal is not None:
            await WebSocket(scope, receive, send).send_denial_response(refusal)
            return
        await self._app(scope, receive, send)

    def _too_many(self, scope: Scope) -> Response | None:
        """Refuse a socket or a stream to an address that opens more of them than a hospital has pages."""
        client = scope.get("client")
        wait_s = self._connects(client[0] if client else "")
        if not wait_s:
            return None
        err = too_many(wait_s)
        self._meter.refused(err.code)
        return error_answer(err.status, err.code, str(err), err.details)

    def _is_ours(self, scope: Scope) -> bool:
        return Headers(scope=scope).getlist("origin") == [self._origin]

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, has_begun = time.perf_counter(), False

        async def dressed(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._dress(scope["path"], MutableHeaders(raw=message["headers"]))
            await send(message)

        try:
            with contextlib.suppress(ClientDisconnect):
                await (await self._answer(scope, receive))(scope, receive, dressed)
        except Exception:  # a fault of ours wears the headers, too; what it was, the log says
            if not has_begun:
                await self._refuse(500, "fault", "Something is wrong here. Try again.")(
                    scope, receive, dressed
                )
            raise
        route = getattr(scope.get("route"), "path", "other")
        if scope["path"].startswith(STREAMS):  # it lasted as long as somebody read
            return
        self._meter.answered(route, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        """Choose what answers: the application, which gets the whole body at once, or a refusal."""
        is_safe = scope["method"] in _SAFE
        is_provider = scope["path"].startswith(BY_PROVIDERS)
        if scope["path"].startswith(STREAMS) and (refusal := self._too_many(scope)) is not None:
            return refusal
        if {"content-length", "transfer-encoding"}.issubset(Headers(scope=scope)):
            return self._refuse(400, "invalid_request", "Say once how long the body is.", _CLOSE)
        if not is_safe and not is_provider and not self._is_ours(scope):
            return self._refuse(403, "origin", "Use the pages of this service.")
        body = None if _is_declared_too_large(scope) else b"" if is_safe else await _read(receive)
        if body is None:
            return self._refuse(413, "too_large", "Send less.")
        return self._app if is_safe else _with_body(self._app, body)

    def _refuse(
        self, status: int, code: str, message: str, headers: Mapping[str, str] = {}
    ) -> Response:
        self._meter.refused(code)
        answer = error_answer(status, code, message)
        answer.headers.update(headers)
        return answer

    def _dress(self, path: str, headers: MutableHeaders) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if not (path.startswith(ASSETS) and "Cache-Control" in headers):
            headers["Cache-Control"] = "no-store"


_CLOSE = {"Connection": "close"}
"""Two lengths: a proxy in front may have meant the other one, and what follows is nobody's (RFC 9112 §6.1)."""


def headers_for(origin: str) -> dict[str, str]:
    """What every answer of a gateway at `origin` wears."""
    sockets = origin.replace("http", "ws", 1)
    headers = {name: value.replace("{sockets}", sockets) for name, value in _HEADERS.items()}
    return headers | ({"Strict-Transport-Security": _HSTS} if origin.startswith("https:") else {})


def _is_declared_too_large(scope: Scope) -> bool:
    declared = Headers(scope=scope).get("content-length", "0")
    is_number = declared.isascii() and declared.isdigit() and len(declared) < 10
    return not is_number or int(declared) > MAX_BODY_BYTES


async def _read(receive: Receive) -> bytes | None:
    """Read a body; None as soon as it is too large, however it is declared.

    Raises:
        ClientDisconnect: It broke off.
    """
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def _with_body(app: ASGIApp, body: bytes) -> ASGIApp:
    """Give an application a body that was read already."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def whole() -> Message:
            return unread.pop() if unread else await receive()

        await app(scope, whole, send)

    return answer


def error_answer(
    status: int, code: str, message: str, details: dict[str, object] | None = None
) -> JSONResponse:
    """Word a refusal as `docs/http.md` has it."""
    body = {"error": {"code": code, "message": message, **(details or {})}}
    headers = RETRY_AFTER if status == 503 else {}
    if details and "retry_after_s" in details:
        headers = {"Retry-After": str(details["retry_after_s"])}
    return JSONResponse(body, status, headers)


RETRY_AFTER = {"Retry-After": "1"}
"""Stands on every 503."""
