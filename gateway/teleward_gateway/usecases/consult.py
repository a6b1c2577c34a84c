"""What happens to visits: patients enter and leave; staff call in, return, refuse, end."""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from datetime import UTC, datetime

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.placements import Full, Placed, Placement, Placements, Recovering
from teleward_contract.signalling import End, ParticipantRole, Remove, Right, encode
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import BootId, MediaNodeId, ParticipantId, PlacementEpoch, call_cost

from teleward_gateway.book_ports import Pseudonyms
from teleward_gateway.core.door import DoorState
from teleward_gateway.core.opening import utc_offset_s
from teleward_gateway.core.team import name_of
from teleward_gateway.core.tickets import Ticket
from teleward_gateway.core.visits import (
    OVER,
    Carried,
    Destination,
    Personal,
    Visit,
    VisitAction,
    VisitState,
    Words,
    call_of,
)
from teleward_gateway.errors import (
    ControlLostError,
    ControlRefusedError,
    QueueFullError,
    RefusedError,
    not_found,
    one_moment,
    too_late,
)
from teleward_gateway.ports import ControlPorts, Visits
from teleward_gateway.usecases.clinics import Found

log = structlog.get_logger()

CONSULTATION_PARTICIPANTS = 2
MAX_CONSULTATION_PARTICIPANTS = 6
DEFAULT_KEEP_S = 3600
TICKET_S = 24 * 3600
END_WITHIN_S = 2.0
"""How long a media node may take to end a call before it is left to its heartbeat."""
FINISH_AGAIN_S = 1.0

CALLED = frozenset({VisitState.CALLED, VisitState.IN_CONSULTATION})
"""The patient is to be in the call."""
CALL_GOES_ON = CALLED | {VisitState.ON_HOLD}
"""Staff may be in the call."""


def keep_s(found: Found) -> int:
    """How long a visit that is not heard of is kept."""
    area = found[0].waiting_area
    return 60 * area.max_wait_minutes if area else DEFAULT_KEEP_S


class Consulting:
    """Visits and their calls."""

    def __init__(
        self, visits: Visits, placements: Placements, control_ports: ControlPorts,
        pseudonyms: Pseudonyms,
    ) -> None:  # fmt: skip
        self._visits = visits
        self._pseudonyms = pseudonyms
        self._placements = placements
        self._control_ports = control_ports
        self._begun: set[asyncio.Task[None]] = set()
        """What goes through although nobody waits for it any more."""

    async def enter(self, found: Found, personal: Personal) -> Ticket:
        """Make a visit; the ticket proves it. Raises RefusedError 409 when as many wait as may."""
        clinic = found[0]
        # Asked before the visit is made: a store that is emptied in between forgets both.
        life = await self._visits.life()
        visit = self._new_visit(found, secrets.token_urlsafe(18))
        at_most = clinic.waiting_area.max_waiting if clinic.waiting_area else 0
        try:
            visit = await self._visits.enter(visit, personal, keep_s(found), at_most)
        except QueueFullError:
            raise RefusedError(409, DoorState.FULL.value, "The waiting area is full.") from None
        log.info("visit.entered", namespace=clinic.namespace, clinic=clinic.name)
        return Ticket(
            visit=visit.id, namespace=visit.namespace, clinic=visit.clinic,
            clinic_uid=visit.clinic_uid, arrived_ms=visit.arrived_ms, life=life,
            expires=int(time.time()) + TICKET_S,
        )  # fmt: skip

    def _new_visit(self, found: Found, visit: str, arrived_ms: int = 0) -> Visit:
        clinic = found[0]
        return Visit(
            id=visit, namespace=clinic.namespace, clinic=clinic.name, clinic_uid=clinic.uid,
            arrived_ms=arrived_ms, utc_offset_s=_utc_offset_s(found),
            pseudonym=self._pseudonyms.visit(clinic.namespace, visit),
        )  # fmt: skip

    async def has_place(self, ticket: Ticket) -> bool:
        """Whether the ticket is good for a place: its visit is not over, or the store has forgotten everything."""
        visit = await self._visits.get(ticket.namespace, ticket.visit)
        if visit is None:
            return ticket.life != await self._visits.life()
        return visit.state not in OVER

    async def rebuild(
        self, found: Found, ticket: Ticket, personal: Personal, *, on_hold: bool
    ) -> Visit | None:
        """Make the visit of a ticket again after the store was emptied, at its old place.

        A visit whose call is still live is in consultation, or on hold if it was.

        Returns:
            The visit; None when its ticket is of the store's present life: then the visit is over.

        Raises:
            RefusedError: 503 while the live calls are not known yet.
        """
        if ticket.life == await self._visits.life():
            return None
        visit = self._new_visit(found, ticket.visit, arrived_ms=ticket.arrived_ms)
        if await self._has_live_call(found, visit):
            state = VisitState.ON_HOLD if on_hold else VisitState.IN_CONSULTATION
            visit = visit.model_copy(update={"state": state})
        return await self._visits.enter(visit, personal, keep_s(found))

    async def _has_live_call(self, found: Found, visit: Visit) -> bool:
        pool = found[0].pool
        if pool is None:
            return False
        answer = await self._placements.replace(pool, visit.call, PlacementEpoch(0))
        if isinstance(answer, Recovering):
            raise one_moment()
        return isinstance(answer, Placed | Full)

    async def call_in(
        self, found: Found, visit: Visit, user: str, action: VisitAction = VisitAction.CALL_IN
    ) -> None:
        """Reserve a place, then call the patient in, or back in from being on hold.

        A crash between the two leaves a reservation that expires by itself.

        Raises:
            RefusedError: 409 `full` (the patient keeps the place), 409 `taken`, 404, 503.
        """
        placement = await self._reserve(found, visit)
        allowed, now = await self._visits.change(
            visit.namespace, visit.id, action, user, Carried(at=found[0].uid)
        )
        if allowed:
            log.info("visit.called", namespace=visit.namespace, clinic=visit.clinic)
            return
        if now is None or now.state in OVER:
            await self._placements.release(placement.pool, visit.call, placement.epoch)
        if now is None or now.state not in CALLED or now.called_by != user:
            raise came_too_late(found, now)

    async def is_live(self, found: Found, visit: str) -> bool:
        """Whether the call of a visit is placed, although the store may have lost the visit."""
        pool = found[0].pool
        return pool is not None and await self._placements.find(pool, call_of(visit)) is not None

    async def _reserve(self, found: Found, visit: Visit) -> Placement:
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
        return answer.placement

    async def transfer(self, found: Found, visit: Visit, to: Found, by: str) -> None:
        """Let a visit wait in another clinic of the organisation, at its time of arrival; a call of it ends.

        Raises:
            RefusedError: 404, 409 `taken`, 409 `not_open` when as many wait there as may.
            RoutingUnavailableError: It may have been done or not.
        """
        await self._carry_through(self._transfer(found, visit, to, by))

    async def _transfer(self, found: Found, visit: Visit, to: Found, by: str) -> None:
        clinic, area = to[0], to[0].waiting_area
        destination = Destination(
            clinic=clinic.name, clinic_uid=clinic.uid, came_from=found[0].display_name, came_from_uid=found[0].uid,
            at_most=area.max_waiting if area else 0, utc_offset_s=_utc_offset_s(to),
        )  # fmt: skip
        carried = Carried(at=found[0].uid, owned_by=visit.called_by, to=destination)
        try:
            allowed, now = await self._visits.change(
                visit.namespace, visit.id, VisitAction.TRANSFER, by, carried
            )
        except QueueFullError:
            raise not_open(DoorState.FULL) from None
        if not allowed:
            raise came_too_late(found, now)
        log.info("visit.transferred", namespace=visit.namespace, clinic=clinic.name)
        await self._end_call(found, visit)

    async def hold(self, found: Found, visit: Visit, by: str, patient: ParticipantId) -> None:
        """Send the patient back to the waiting page; the call goes on without them.

        Raises:
            RefusedError: 404, 409 `taken`.
            RoutingUnavailableError: It may have been done or not.
        """
        await self._carry_through(self._hold(found, visit, by, patient))

    async def _hold(self, found: Found, visit: Visit, by: str, patient: ParticipantId) -> None:
        allowed, now = await self._visits.change(
            visit.namespace, visit.id, VisitAction.HOLD, by, Carried(at=found[0].uid)
        )
        if not allowed:
            raise came_too_late(found, now)
        log.info("visit.held", namespace=visit.namespace, clinic=visit.clinic)
        await self.take_out(found, visit, patient)

    async def take_out(self, found: Found, visit: Visit, patient: ParticipantId) -> None:
        """Have the media node drop the patient, whether or not their page is still connected."""
        placement = await self._placement(found, visit)
        if placement is not None:
            await self._command(placement, Right.REMOVE, Remove(participant=patient))

    async def finish(
        self, found: Found, visit: Visit, action: VisitAction, by: str = "",
        words: Words | None = None,
    ) -> None:  # fmt: skip
        """End, refuse, leave or return a visit, and its call with it, even when the caller is cancelled meanwhile.

        Args:
            found: The clinic of the visit.
            visit: As it was when this was permitted.
            action: Which of them.
            by: The member of staff; empty for the patient.
            words: What the patient reads about a refusal.

        Raises:
            RefusedError: 404, 409 `taken`.
            RoutingUnavailableError: It may have been done or not.
        """
        await self._carry_through(self._finish(found, visit, action, by, words))

    async def finish_at_last(
        self, found: Found, visit: Visit, action: VisitAction, by: str
    ) -> None:
        """Finish a visit however long the routing state is away; nothing happens when it is over."""
        await self._carry_through(self._finish_at_last(found, visit, action, by))

    async def _carry_through(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(task)

    async def _finish_at_last(
        self, found: Found, visit: Visit, action: VisitAction, by: str
    ) -> None:
        while True:
            try:
                return await self._finish(found, visit, action, by)
            except RefusedError as err:
                if not err.is_temporary:
                    return None
            except RoutingUnavailableError:
                log.warning("visit.not_changed", namespace=visit.namespace, clinic=visit.clinic)
            await asyncio.sleep(FINISH_AGAIN_S)

    async def _finish(
        self, found: Found, visit: Visit, action: VisitAction, by: str,
        words: Words | None = None,
    ) -> None:  # fmt: skip
        carried = Carried(at=visit.clinic_uid, words=words)
        allowed, now = await self._visits.change(visit.namespace, visit.id, action, by, carried)
        if not allowed or now is None:
            raise came_too_late(found, now)
        log.info(
            "visit.changed", namespace=visit.namespace, clinic=visit.clinic, state=now.state.value
        )
        await self._end_call(found, visit)

    async def _end_call(self, found: Found, visit: Visit) -> None:
        """Free the placement and tell the media node to close the call."""
        placement = await self._placement(found, visit)
        if placement is None:
            return
        try:
            await self._placements.release(placement.pool, visit.call, placement.epoch)
        except RoutingUnavailableError:
            return  # its participants leave; the media node closes an empty call by itself
        await self._command(placement, Right.END, End())

    async def _placement(self, found: Found, visit: Visit) -> Placement | None:
        """Where the call of a visit is; None when it is nowhere, or that cannot be known now."""
        pool = found[0].pool
        if pool is None:
            return None
        try:
            return await self._placements.find(pool, visit.call)
        except RoutingUnavailableError:
            return None

    async def _command(self, placement: Placement, right: Right, frame: End | Remove) -> None:
        """Tell a media node what is to be done in a call, in the gateway's own name."""
        ticket = MediaTicket(
            nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=placement.call,
            epoch=placement.epoch, cost=placement.cost, max_participants=0,
            participant=None, role=ParticipantRole.STAFF, rights=frozenset({right}),
        )  # fmt: skip
        try:
            control = await self._control_ports.open(placement, ticket)
        except (ControlLostError, ControlRefusedError):
            return  # a released placement fences the call at the media node's next heartbeat
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await control.send(encode(frame))
                async for _ in control.frames():
                    break
        except (ControlLostError, TimeoutError):
            return
        finally:
            await control.close()


def came_too_late(found: Found, now: Visit | None) -> RefusedError:
    """Word a step in the clinic `found` that the visit as it is `now` did not allow: somebody else was first."""
    if now is None:
        return not_found()
    by = now.changed_by and name_of(now.changed_by, *found)
    if now.clinic_uid != found[0].uid:
        is_just_gone = now.came_from_uid == found[0].uid and now.state is VisitState.WAITING
        return not_found(by if is_just_gone else "")
    return not_found(by) if now.state in OVER else too_late(by)


def not_open(state: DoorState) -> RefusedError:
    """The clinic to which a visit is to go takes nobody now."""
    return RefusedError(
        409,
        "not_open",
        "That clinic takes nobody now. Choose another one.",
        {"state": state.value},
    )


def _utc_offset_s(found: Found) -> int:
    return utc_offset_s(found[0].time_zone, datetime.now(UTC))


def _full() -> RefusedError:
    return RefusedError(
        409, "full", "All places for calls are taken. The patient keeps the place; try again soon."
    )
