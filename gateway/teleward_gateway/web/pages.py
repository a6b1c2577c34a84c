"""Pages: the built frontend with language, direction and title put in by the server."""

import html
import secrets
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from teleward_gateway.core.admission import ROOM_ACTIONS, Action
from teleward_gateway.core.locale import choose_locale, direction
from teleward_gateway.core.staff import return_path
from teleward_gateway.core.tickets import PASS_COOKIE, Pass
from teleward_gateway.errors import RefusedError
from teleward_gateway.web.context import Context, Parts, set_cookie
from teleward_gateway.web.guard import ASSETS, RETRY_AFTER
from teleward_gateway.web.room_calls import find_room
from teleward_gateway.web.steps import the_visit

router = APIRouter()

PATIENT, GUEST, STAFF = "patient.html", "guest.html", "staff.html"
_METHODS = ["GET", "HEAD"]
PASS_S = 24 * 3600


class _Hashed(StaticFiles):
    """Files with a hash in their name never change."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as it is
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def mount_assets(app: FastAPI, parts: Context) -> None:
    """Serve the hashed files."""
    app.mount(ASSETS.rstrip("/"), _Hashed(directory=parts.static / "assets"), name="assets")


@cache
def _shell(file: Path) -> str:
    return file.read_text("utf-8")


def _page(
    parts: Context, request: Request, name: str, title: str = "Teleward",
    locales: tuple[str, ...] = (), status: int = 200,
) -> HTMLResponse:  # fmt: skip
    locale = choose_locale(
        request.query_params.get("locale", ""), request.headers.get("accept-language", ""), locales
    )
    text = _shell(parts.static / name)
    for marker, value in (("%LANG%", locale), ("%DIR%", direction(locale)), ("%TITLE%", title)):
        text = text.replace(marker, html.escape(value))
    headers = {"Content-Language": locale, "Vary": "Accept-Language"}
    return HTMLResponse(text, status, headers | (RETRY_AFTER if status == 503 else {}))


@router.api_route("/c/{namespace}/{clinic}", methods=_METHODS)
async def patient(namespace: str, clinic: str, request: Request, parts: Parts) -> Response:
    """The door of a clinic; the page itself tells what is not there and what to do."""
    response = await _public_page(parts, request, PATIENT, namespace, clinic)
    if response.status_code == 200 and parts.seals.door_pass(request.cookies) is None:
        made = Pass(name=secrets.token_urlsafe(12), expires=int(time.time()) + PASS_S)
        set_cookie(response, PASS_COOKIE, parts.seals.seal(PASS_COOKIE, made), PASS_S)
    return response


@router.api_route("/g/{namespace}/{clinic}", methods=_METHODS)
async def guest(namespace: str, clinic: str, request: Request, parts: Parts) -> Response:
    """The page of a guest link; opening it uses nothing up, and its secret does not come here."""
    return await _public_page(parts, request, GUEST, namespace, clinic)


async def _public_page(
    parts: Context, request: Request, page: str, namespace: str, clinic: str
) -> Response:
    try:
        found = await parts.clinics.get(namespace, clinic)
    except RefusedError as err:
        return _page(parts, request, page, status=err.status)
    return _page(parts, request, page, found[0].display_name, found[0].locales)


@router.api_route("/", methods=_METHODS)
@router.api_route("/sign-in", methods=_METHODS)
async def open_pages(request: Request, parts: Parts) -> Response:
    """What anybody may open."""
    return _page(parts, request, STAFF)


@router.api_route("/staff", methods=_METHODS)
async def clinics(request: Request, parts: Parts) -> Response:
    """The clinics of the signed-in person."""
    try:
        await parts.staff(request)
    except RefusedError as err:
        return _to_sign_in(request) if err.status == 401 else _page(parts, request, STAFF)
    return _page(parts, request, STAFF)


@router.api_route("/staff/{namespace}/-/reports", methods=_METHODS)
async def reports(namespace: str, request: Request, parts: Parts) -> Response:
    """The reports of an organisation, where no clinic's page can be; what may be read is asked by the page."""
    try:
        await parts.staff(request)
    except RefusedError as err:
        if err.status == 401:
            return _to_sign_in(request)
        return _page(parts, request, STAFF, status=err.status)
    return _page(parts, request, STAFF)


@router.api_route("/staff/{namespace}/{clinic}", methods=_METHODS)
async def dashboard(namespace: str, clinic: str, request: Request, parts: Parts) -> Response:
    """The dashboard of one clinic."""
    return await _staff_page(parts, request, namespace, clinic, Action.SEE_CLINIC)


@router.api_route("/staff/{namespace}/{clinic}/visits/{visit}", methods=_METHODS)
async def consultation(
    namespace: str, clinic: str, visit: str, request: Request, parts: Parts
) -> Response:
    """A consultation."""
    return await _staff_page(parts, request, namespace, clinic, Action.JOIN_VISIT, visit=visit)


@router.api_route("/staff/{namespace}/{clinic}/{kind}/{room}", methods=_METHODS)
async def room(
    namespace: str, clinic: str, kind: str, room: str, request: Request, parts: Parts
) -> Response:
    """A meeting room or user room."""
    return await _staff_page(
        parts, request, namespace, clinic, Action.SEE_CLINIC, room=(kind, room)
    )


async def _staff_page(
    parts: Context, request: Request, namespace: str, clinic: str, action: Action, *,
    visit: str | None = None, room: tuple[str, str] | None = None,
) -> Response:  # fmt: skip
    try:
        session, found = await parts.admit(request, namespace, clinic, action)
        if visit is not None:
            await the_visit(parts, found, visit)
        if room is not None:
            wanted = find_room(found, *room)
            parts.check(session, found, ROOM_ACTIONS[wanted.kind], wanted)
    except RefusedError as err:
        if err.status == 401:
            return _to_sign_in(request)
        return _page(parts, request, STAFF, status=err.status)
    return _page(parts, request, STAFF, found[0].display_name)


def _to_sign_in(request: Request) -> Response:
    words = {"return_to": return_path(request.url.path)}
    return RedirectResponse(f"/sign-in?{urlencode(words)}", 303)
