"""The interface of staff over HTTP: the clinics of who is signed in."""

from typing import Any

from fastapi import APIRouter, Request

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action, Standing
from teleward_gateway.core.door import text_for
from teleward_gateway.core.guests import PLACE_OF
from teleward_gateway.core.staff import StaffSession, is_owner
from teleward_gateway.core.team import title_of
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.web.context import Context, Parts

router = APIRouter()


@router.get("/api/staff/me")
async def me(parts: Parts, request: Request) -> dict[str, Any]:
    """Tell who is signed in, and the clinics of that person."""
    session = await parts.staff(request)
    clinics = []
    reports: dict[str, str] = {}
    for clinic, organisation in await parts.clinics.every():
        standings = admission.standings_of(session, clinic, organisation)
        if admission.is_permitted(standings, Action.READ_REPORTS):
            name = organisation.display_name if organisation else clinic.namespace
            reports[clinic.namespace] = name
        if admission.is_permitted(standings, Action.SEE_CLINIC):
            clinics.append(_clinic(parts, (clinic, organisation), session, standings))
    return {
        "user": session.user, "display_name": session.display_name, "clinics": clinics,
        "reports": [{"namespace": of, "display_name": name} for of, name in reports.items()],
    }  # fmt: skip


def _clinic(
    parts: Context, found: Found, who: StaffSession, standings: frozenset[Standing]
) -> dict[str, Any]:
    clinic, _ = found
    suspended = clinic.suspended
    return {
        "namespace": clinic.namespace, "name": clinic.name, "display_name": clinic.display_name,
        "role": admission.leading(standings), "may": admission.permitted(standings),
        "patient_url": f"{parts.public_url}/c/{clinic.namespace}/{clinic.name}",
        "suspended": text_for(suspended.message_for_staff, "en") if suspended else None,
        "rooms": [
            {
                "uid": room.uid, "kind": PLACE_OF[room.kind], "name": room.name,
                "display_name": title_of(room, *found), "max_participants": room.max_participants,
                "mine": is_owner(room.owner, room.owner_issuer, who),
                "locked": room.locked, "patients_allowed": room.patients_allowed,
            }
            for room in clinic.rooms
        ],
    }  # fmt: skip
