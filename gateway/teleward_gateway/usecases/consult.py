"""What happens to visits: patients enter and leave; staff call in, return, refuse, end."""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from datetime import UTC, datetime

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.placements import (
    Full,
    Placed,
    Placement,
    Placements,
    Recovering,
)
from teleward_contract.projections import RoomProjection
from teleward_contract.units import (
    CallId,
    PlacementEpoch,
)

from teleward_gateway.core.door import DoorState
from teleward_gateway.core.guests import GuestState, state_now
from teleward_gateway.core.opening import utc_offset_s
from teleward_gateway.core.participants import Participants
from teleward_gateway.core.team import name_of
from teleward_gateway.core.tickets import Ticket
from teleward_gateway.core.visits import (
    CALLED,
    OVER,
    Carried,
    Destination,
    Personal,
    Visit,
    VisitAction,
    VisitState,
    Words,
    after_loss,
    call_of,
    call_of_room,
    room_uid,
)
from teleward_gateway.errors import (
    QueueFullError,
    RefusedError,
    not_found,
    one_moment,
    too_late,
)
from teleward_gateway.ports.books import Pseudonyms
from teleward_gateway.ports.visits import GuestLinks, Visits
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.place_calls import FIRST_TWO, Calls

log = structlog.get_logger()

DEFAULT_KEEP_S = 3600
TICKET_S = 24 * 3600
FINISH_AGAIN_S = 1.0


def keep_s(found: Found) -> int:
    """How long a visit that is not heard of is kept."""
    area = found[0].waiting_area
    return 60 * area.max_wait_minutes if area else DEFAULT_KEEP_S


class Consulting:
    """Visits and their calls."""

    def __init__(
        self, visits: Visits, guests: GuestLinks, placements: Placements, calls: Calls,
        people: Participants, pseudonyms: Pseudonyms,
    ) -> None:  # fmt: skip
        self._visits = visits
        self._guests = guests
        self._pseudonyms = pseudonyms
        self._placements = placements
        self._calls = calls
        self._people = people
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
        self, found: Found, ticket: Ticket, personal: Personal, told: VisitState | None
    ) -> Visit | None:
        """Make the visit of a ticket again after the store was emptied, at its old place.

        Args:
            found: Its clinic.
            ticket: The visit's.
            personal: What the page holds.
            told: Where it stood when the page was told last.

        Returns:
            The visit; None when its ticket is of the store's present life: then the visit is over.

        Raises:
            RefusedError: 503 while the live calls are not known yet.
        """
        if ticket.life == await self._visits.life():
            return None
        visit = self._new_visit(found, ticket.visit, arrived_ms=ticket.arrived_ms)
        is_live = told is not VisitState.WAITING and await self._has_live_call(found, visit)
        state = after_loss(told, is_live=is_live)
        if state is not VisitState.WAITING:
            update = {"state": state, "consultation": _new_consultation()}
            visit = visit.model_copy(update=update)
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
        self, found: Found, visit: Visit, by: str, action: VisitAction = VisitAction.CALL_IN,
        room: RoomProjection | None = None, *, is_confirmed: bool = False,
    ) -> None:  # fmt: skip
        """Reserve a place, then call the patient in, or back in from being on hold.

        A crash between the two leaves a reservation that expires by itself. A patient for whom there is no place is
        told so.

        Args:
            found: The clinic of the visit.
            visit: As it was when this was permitted.
            by: Who calls in.
            action: Calling in, or taking back from being on hold.
            room: The user room that the patient is called into; None: a consultation of its own.
            is_confirmed: Whether they said that this is whom they want to call.

        Raises:
            RefusedError: 409 `full` (the patient keeps the place), 409 `taken`, 404, 503.
        """
        at, call = found[0].uid, call_of_room(room.uid) if room else visit.call
        placement = await self._widen_for(found, visit, call, FIRST_TWO, by)
        carried = Carried(
            at=at,
            consultation=_new_consultation(),
            into=call if room else "",
            is_confirmed=is_confirmed,
        )
        allowed, now = await self._visits.change(visit.namespace, visit.id, action, by, carried)
        if allowed:
            log.info("visit.called", namespace=visit.namespace, clinic=visit.clinic)
            return
        is_over = now is None or now.state in OVER
        if is_over and not await self._goes_on(found, call):
            await self._placements.release(placement.pool, call, placement.epoch)
        is_mine = now is not None and (now.clinic_uid, now.called_by) == (found[0].uid, by)
        if now is None or now.state not in CALLED or not is_mine:
            raise came_too_late(found, now)

    async def add(
        self, found: Found, visit: Visit, host: Visit, by: str, *, is_confirmed: bool = False
    ) -> None:
        """Call a patient who waits into a consultation that runs with another.

        Both keep a state of their own; the call goes on until the last of them has gone.

        Raises:
            RefusedError: 409 `full` (the patient keeps the place), 409 `taken`, 409 `not_running`, 404, 503.
        """
        wanted = await self.people(found, host.call) + 1
        await self._widen_for(found, visit, host.call, wanted, by)
        carried = Carried(
            at=found[0].uid,
            consultation=host.consultation,
            into=host.call,
            host=host.id,
            is_confirmed=is_confirmed,
        )
        allowed, now = await self._visits.change(
            visit.namespace, visit.id, VisitAction.ADD, by, carried
        )
        if allowed:
            log.info("visit.added", namespace=visit.namespace, clinic=visit.clinic)
            return
        if now is not None and (now.state, now.clinic_uid) == (VisitState.WAITING, found[0].uid):
            raise not_running()
        raise came_too_late(found, now)

    async def _widen_for(
        self, found: Found, visit: Visit, call: CallId, people: int, by: str
    ) -> Placement:
        """Reserve a place in a call for a patient, who is told when there is none."""
        try:
            return await self._calls.widen(found, call, people)
        except RefusedError as err:
            if not err.is_temporary:
                await self._visits.change(
                    visit.namespace, visit.id, VisitAction.DELAY, by, Carried(at=found[0].uid)
                )
            raise

    async def people(self, found: Found, call: CallId) -> int:
        """How many a consultation is for: its patients, their guests who were admitted, and who owns it."""
        clinic = found[0]
        visits = {v.id: v for v in await self._visits.in_call(clinic.namespace, clinic.uid, call)}
        guests = await self._guests.of_clinic(clinic.namespace, clinic.uid)
        admitted = [
            g for g in guests if state_now(g, visits.get(g.place_id)) is GuestState.ADMITTED
        ]
        return max(FIRST_TWO, len(visits) + sum(g.place_id in visits for g in admitted) + 1)

    async def goes_on(self, found: Found, call: CallId) -> bool:
        """Whether any visit of the clinic is in this call."""
        return bool(await self._visits.in_call(found[0].namespace, found[0].uid, call))

    async def _goes_on(self, found: Found, call: CallId) -> bool:
        """As `goes_on`; what cannot be known goes on, and so does the call of a standing room."""
        if room_uid(call):
            return True
        try:
            return await self.goes_on(found, call)
        except RoutingUnavailableError:
            return True

    async def is_live(self, found: Found, visit: str) -> bool:
        """Whether the call of a visit is placed, although the store may have lost the visit."""
        pool = found[0].pool
        return pool is not None and await self._placements.find(pool, call_of(visit)) is not None

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
        await self._out_of_call(found, visit)

    async def hold(self, found: Found, visit: Visit, by: str) -> None:
        """Send the patient back to the waiting page; the call goes on without them.

        Raises:
            RefusedError: 404, 409 `taken`.
            RoutingUnavailableError: It may have been done or not.
        """
        await self._carry_through(self._hold(found, visit, by))

    async def _hold(self, found: Found, visit: Visit, by: str) -> None:
        allowed, now = await self._visits.change(
            visit.namespace, visit.id, VisitAction.HOLD, by, Carried(at=found[0].uid)
        )
        if not allowed:
            raise came_too_late(found, now)
        log.info("visit.held", namespace=visit.namespace, clinic=visit.clinic)
        await self._calls.take_out(found, visit.call, self._people.patient(visit))

    async def finish(
        self, found: Found, visit: Visit, action: VisitAction, by: str = "",
        words: Words | None = None,
    ) -> None:  # fmt: skip
        """End, refuse, leave or return a visit, and its call with it, even when the caller is cancelled meanwhile.

        A call that goes on for other visits is left by its patient alone.

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

    async def end_for_all(self, found: Found, call: CallId, by: str) -> None:
        """End every visit in a call however long the routing state is away; each is a step of its own."""
        await self._carry_through(self._end_for_all(found, call, by))

    async def _end_for_all(self, found: Found, call: CallId, by: str) -> None:
        clinic = found[0]
        while True:
            try:
                visits = await self._visits.in_call(clinic.namespace, clinic.uid, call)
                break
            except RoutingUnavailableError:
                log.warning("visit.not_changed", namespace=clinic.namespace, clinic=clinic.name)
                await asyncio.sleep(FINISH_AGAIN_S)
        ends = (self._finish_at_last(found, visit, VisitAction.END, by) for visit in visits)
        await asyncio.gather(*ends)

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
        await self._out_of_call(found, now if now.state in OVER else visit)

    async def _out_of_call(self, found: Found, visit: Visit) -> None:
        """Take the patient out of a call that goes on for others; end one that does not.

        Of several visits that leave one call at once, each looks after its own step, so the last finds it empty.
        """
        if await self._goes_on(found, visit.call):
            await self._calls.take_out(found, visit.call, self._people.patient(visit))
        else:
            await self._calls.end(found, visit.call)


def _new_consultation() -> str:
    return secrets.token_urlsafe(9)


def not_running() -> RefusedError:
    """The consultation that somebody was to come into does not run (any more)."""
    return RefusedError(409, "not_running", "That consultation does not run. Look at the queue.")


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
