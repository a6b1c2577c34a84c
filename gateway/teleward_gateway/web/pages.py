"""Pages: the built frontend with language, direction and title put in by the server."""

import html
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.locale import choose_locale, direction
from teleward_gateway.errors import RefusedError
from teleward_gateway.web.context import Context
from teleward_gateway.web.patients import context
from teleward_gateway.web.staff import ROOM_WORDS, the_visit

router = APIRouter()
Parts = Annotated[Context, Depends(context)]


class _Hashed(StaticFiles):
    """Files with a hash in their name never change."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def mount_assets(app: FastAPI, parts: Context) -> None:
    """Serve the hashed files."""
    app.mount("/assets", _Hashed(directory=parts.static / "assets"), name="assets")


def _page(
    parts: Context, request: Request, name: str, title: str, locales: tuple[str, ...] = (),
    status: int = 200,
) -> HTMLResponse:  # fmt: skip
    locale = choose_locale(
        request.query_params.get("locale", ""), request.headers.get("accept-language", ""), locales
    )
    text = (parts.static / name).read_text()
    for marker, value in (("%LANG%", locale), ("%DIR%", direction(locale)), ("%TITLE%", title)):
        text = text.replace(marker, html.escape(value))
    return HTMLResponse(text, status, {"Content-Language": locale})


@router.get("/c/{namespace}/{clinic}")
async def patient(namespace: str, clinic: str, request: Request, parts: Parts) -> Response:
    """The door of a clinic; the page itself tells what is not there and what to do."""
    try:
        found = await parts.clinics.get(namespace, clinic)
    except RefusedError as err:
        return _page(parts, request, "patient.html", "Teleward", status=err.status)
    projection = found[0]
    return _page(parts, request, "patient.html", projection.display_name, projection.locales)


@router.get("/")
@router.get("/sign-in")
async def open_pages(request: Request, parts: Parts) -> Response:
    """What anybody may open."""
    return _page(parts, request, "staff.html", "Teleward")


@router.get("/staff")
async def clinics(request: Request, parts: Parts) -> Response:
    """The clinics of the signed-in person."""
    if parts.sealer.staff(request.cookies) is None:
        return RedirectResponse("/sign-in", 303)
    return _page(parts, request, "staff.html", "Teleward")


@router.get("/staff/{namespace}/{clinic}")
async def dashboard(namespace: str, clinic: str, request: Request, parts: Parts) -> Response:
    """The dashboard of one clinic."""
    return await _staff_page(parts, request, namespace, clinic, Action.SEE_CLINIC)


@router.get("/staff/{namespace}/{clinic}/visits/{visit}")
async def consultation(
    namespace: str, clinic: str, visit: str, request: Request, parts: Parts
) -> Response:
    """A consultation."""
    return await _staff_page(parts, request, namespace, clinic, Action.JOIN_VISIT, visit=visit)


@router.get("/staff/{namespace}/{clinic}/{kind}/{room}")
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
        session, found, roles = await parts.admit(request, namespace, clinic, action)
        if visit is not None:
            await the_visit(parts, found, visit)
        if room is not None and not any(
            (ROOM_WORDS[item.kind], item.name) == room
            and admission.may_enter_room(session.user, roles, item)
            for item in found[0].rooms
        ):
            return _page(parts, request, "staff.html", "Teleward", status=404)
    except RefusedError as err:
        if err.status == 401:
            return RedirectResponse("/sign-in", 303)
        return _page(parts, request, "staff.html", "Teleward", status=err.status)
    return _page(parts, request, "staff.html", found[0].display_name)
