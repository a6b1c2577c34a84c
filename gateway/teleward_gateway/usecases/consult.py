"""What staff do with a visit: call in, return, refuse, end; and how a patient enters and leaves."""

import secrets
import time

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.placements import Full, Placements, Recovering
from teleward_contract.signalling import End, ParticipantRole, Right, encode
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import (
    BootId,
    MediaNodeId,
    PlacementEpoch,
    call_cost,
)

from teleward_gateway.core.visits import OVER, Personal, Visit, VisitAction
from teleward_gateway.errors import ControlLostError, ControlRefusedError, RefusedError
from teleward_gateway.ports import ControlPorts, Visits
from teleward_gateway.usecases.clinics import Found, one_moment

log = structlog.get_logger()

CONSULTATION_PARTICIPANTS = 2
MAX_CONSULTATION_PARTICIPANTS = 6


class Consulting:
    """Visits and their calls."""

    def __init__(
        self, visits: Visits, placements: Placements, control_ports: ControlPorts
    ) -> None:
        self._visits = visits
        self._placements = placements
        self._control_ports = control_ports

    @staticmethod
    def keep_s(found: Found) -> int:
        """How long a visit that is not heard of is kept."""
        area = found[0].waiting_area
        return 60 * (area.max_wait_minutes if area else 60)

    async def enter(self, found: Found, personal: Personal) -> Visit:
        """Make a visit."""
        clinic = found[0]
        visit = Visit(
            id=secrets.token_urlsafe(18), namespace=clinic.namespace, clinic=clinic.name,
            clinic_uid=clinic.uid, arrived_ms=int(time.time() * 1000),
        )  # fmt: skip
        return await self._visits.enter(visit, personal, self.keep_s(found))

    async def call_in(self, found: Found, visit: Visit, user: str) -> None:
        """Reserve a place, then call the patient in.

        Raises:
            RefusedError: 409 `full` (the patient keeps the place), 409 `taken`, 503.
        """
        pool = found[0].pool
        if pool is None:
            raise _full()
        answer = await self._placements.reserve(
            pool, visit.call, call_cost(CONSULTATION_PARTICIPANTS)
        )
        if isinstance(answer, Full):
            raise _full()
        if isinstance(answer, Recovering):
            raise one_moment()
        allowed, now = await self._visits.change(
            visit.namespace, visit.id, VisitAction.CALL_IN, user
        )
        if allowed or (now is not None and now.called_by == user and now.state not in OVER):
            return
        if now is None or now.state in OVER:
            await self._placements.release(pool, visit.call, answer.placement.epoch)
            raise not_found()
        raise RefusedError(409, "taken", "A colleague was faster.", details={"by": now.called_by})

    async def finish(self, found: Found, visit: Visit, action: VisitAction) -> None:
        """End, refuse, leave or return a visit, and its call with it."""
        allowed, _ = await self._visits.change(visit.namespace, visit.id, action)
        if not allowed:
            raise not_found()
        log.info(
            "visit.changed", clinic=visit.clinic, namespace=visit.namespace, state=action.value
        )
        await self.end_call(found, visit)

    async def end_call(self, found: Found, visit: Visit) -> None:
        """Free the placement and tell the media node to close the call."""
        pool = found[0].pool
        if pool is None:
            return
        try:
            placement = await self._placements.find(pool, visit.call)
            if placement is None:
                return
            await self._placements.release(pool, visit.call, placement.epoch)
        except RoutingUnavailableError:
            return  # its participants leave; the media node closes an empty call by itself
        ticket = MediaTicket(
            nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=visit.call,
            epoch=PlacementEpoch(placement.epoch), cost=placement.cost, max_participants=0,
            participant=None, role=ParticipantRole.STAFF, rights=frozenset({Right.END}),
        )  # fmt: skip
        try:
            control = await self._control_ports.open(placement, ticket)
            await control.send(encode(End()))
            async for _ in control.frames():
                break
            await control.close()
        except (ControlLostError, ControlRefusedError):
            return  # the released placement fences it at its next heartbeat


def not_found() -> RefusedError:
    """Unknown, ended and forbidden look alike."""
    return RefusedError(404, "not_found", "There is nothing here. Go back to your clinics.")


def _full() -> RefusedError:
    return RefusedError(
        409, "full", "All places for calls are taken. The patient keeps the place; try again soon."
    )
