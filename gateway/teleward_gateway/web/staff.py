"""The interface of staff over HTTP: sign-in, and the clinics of who is signed in."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from teleward_contract.projections import ClinicProjection

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action, Standing
from teleward_gateway.core.door import text_for
from teleward_gateway.core.tickets import STAFF_COOKIE, StaffSession
from teleward_gateway.web.calls import ROOM_WORDS
from teleward_gateway.web.context import Context, Parts, set_cookie

router = APIRouter()

SESSION_S = 12 * 3600


class DevelopmentSignIn(BaseModel):
    """What the sign-in page posts."""

    user: str = Field(max_length=320)
    secret: str = Field(default="", max_length=200)


@router.get("/api/sign-in")
async def ways(parts: Parts) -> dict[str, Any]:
    """Tell how staff can sign in here."""
    offer = await parts.sign_in.offer()
    return {
        "mode": offer.mode,
        "accounts": [
            {
                "user": account.user, "display_name": account.display_name,
                "roles": [{"clinic": clinic, "role": role} for clinic, role in account.roles],
            }
            for account in offer.accounts
        ],
        "secret_required": offer.secret_required,
    }  # fmt: skip


@router.post("/api/sign-in/development", status_code=204)
async def sign_in(form: DevelopmentSignIn, parts: Parts) -> Response:
    """Sign in on one machine."""
    session = await parts.sign_in.prove(form.user, form.secret)
    return _signed_in(parts, Response(status_code=204), session)


@router.get("/sign-in/development")
async def sign_in_by_link(parts: Parts, user: str = "") -> Response:
    """Sign in by the printed link; where a secret is asked for, the page asks."""
    if (await parts.sign_in.offer()).secret_required:
        return RedirectResponse("/sign-in", 303)
    session = await parts.sign_in.prove(user, "")
    return _signed_in(parts, RedirectResponse("/staff", 303), session)


def _signed_in(parts: Context, response: Response, session: StaffSession) -> Response:
    set_cookie(response, STAFF_COOKIE, parts.seals.seal(STAFF_COOKIE, session), SESSION_S)
    return response


@router.post("/api/sign-out", status_code=204)
async def sign_out() -> Response:
    """Sign out."""
    response = Response(status_code=204)
    set_cookie(response, STAFF_COOKIE, "", 0)
    return response


@router.get("/api/staff/me")
async def me(parts: Parts, request: Request) -> dict[str, Any]:
    """Tell who is signed in, and the clinics of that person."""
    session = parts.staff(request)
    clinics = []
    for clinic, organisation in await parts.clinics.every():
        standings = admission.standings_of(session.user, clinic, organisation)
        if admission.is_permitted(standings, Action.SEE_CLINIC):
            clinics.append(_clinic(parts, clinic, session.user, standings))
    return {"user": session.user, "display_name": session.display_name, "clinics": clinics}


def _clinic(
    parts: Context, clinic: ClinicProjection, user: str, standings: frozenset[Standing]
) -> dict[str, Any]:
    suspended = clinic.suspended
    return {
        "namespace": clinic.namespace, "name": clinic.name, "display_name": clinic.display_name,
        "role": admission.leading(standings), "may": admission.permitted(standings),
        "patient_url": f"{parts.public_url}/c/{clinic.namespace}/{clinic.name}",
        "suspended": text_for(suspended.message_for_staff, "en") if suspended else None,
        "rooms": [
            {
                "uid": room.uid, "kind": ROOM_WORDS[room.kind], "name": room.name,
                "display_name": room.display_name, "max_participants": room.max_participants,
                "mine": room.owner == user,
            }
            for room in clinic.rooms
        ],
    }  # fmt: skip
