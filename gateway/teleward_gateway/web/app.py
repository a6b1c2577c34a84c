"""The FastAPI application: routes, the table error → status, headers on every answer."""

import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from teleward_contract.errors import RoutingUnavailableError

from teleward_gateway.errors import RefusedError
from teleward_gateway.usecases.clinics import one_moment
from teleward_gateway.web import calls, metrics, pages, patients, staff
from teleward_gateway.web.context import Context

MAX_BODY_BYTES = 32 * 1024
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
        "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
}


def create_app(context: Context) -> FastAPI:
    """Build the application."""
    app = FastAPI(title="Teleward gateway", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context = context
    for part in (patients, staff, calls, pages):
        app.include_router(part.router)
    pages.mount_assets(app, context)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RoutingUnavailableError, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.middleware("http")(_guard)
    return app


async def _guard(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Check origin and size of what changes state; put the headers on every answer."""
    context: Context = request.app.state.context
    begun = time.perf_counter()
    if request.method not in ("GET", "HEAD") and not context.has_right_origin(request):
        response: Response = _answer(403, "origin", "Use the pages of this service.")
    elif int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        response = _answer(413, "too_large", "Send less.")
    else:
        response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.url.path.startswith("/assets/"):
        response.headers["Cache-Control"] = "no-store"
    route = getattr(request.scope.get("route"), "path", "other")
    metrics.REQUEST_SECONDS.labels(route=route).observe(time.perf_counter() - begun)
    return response


def _answer(
    status: int, code: str, message: str, details: dict[str, object] | None = None
) -> JSONResponse:
    metrics.REFUSALS.labels(code=code).inc()
    headers = {"Retry-After": "1"} if status == 503 else {}
    body = {"error": {"code": code, "message": message, **(details or {})}}
    return JSONResponse(body, status, headers)


async def _refused(_: Request, err: Exception) -> Response:
    assert isinstance(err, RefusedError)
    return _answer(err.status, err.code, str(err), err.details)


async def _unavailable(_: Request, __: Exception) -> Response:
    moment = one_moment()
    return _answer(moment.status, moment.code, str(moment))


async def _invalid(_: Request, __: Exception) -> Response:
    return _answer(422, "invalid_request", "The request has not the form of docs/http.md.")


async def _http(_: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)
    return _answer(err.status_code, "not_found", "There is nothing here.")
