"""Follow one patient's visit: what their waiting page is told, and nothing of anybody else."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.signalling import WaitReason

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.entry import check_entry
from teleward_gateway.core.frames import (
    Hello,
    PatientFrame,
    ReplacedFrame,
    TransferredFrame,
    UnknownFrame,
    VisitFrame,
    WaitFrame,
    over_frame,
    visit_frame,
)
from teleward_gateway.core.tickets import Ticket
from teleward_gateway.core.visits import OVER, Carried, Visit, VisitAction, VisitState
from teleward_gateway.errors import RefusedError, not_found, one_moment
from teleward_gateway.ports.visits import Queues, Visits
from teleward_gateway.usecases.clinics import Clinics, Found
from teleward_gateway.usecases.consult import Consulting, keep_s
from teleward_gateway.usecases.watch_clinics import ClinicView, ClinicWatch, ClinicWatches

LEAST_HEARD_EVERY_S, MOST_HEARD_EVERY_S = 5.0, 20.0
"""A waiting page is noted as there four times in `staleAfterSeconds`, of which the shortest is 10, within these."""
RETRY_S = 1.0

_UNAVAILABLE = WaitFrame(reason=WaitReason.UNAVAILABLE)


class VisitFollower:
    """Follows visits for waiting sockets; one instance for the process."""

    def __init__(
        self, clinics: Clinics, visits: Visits, queues: Queues, consulting: Consulting,
        watches: ClinicWatches,
    ) -> None:  # fmt: skip
        self.clinics = clinics
        self.visits = visits
        self.queues = queues
        self.consulting = consulting
        self._watches = watches

    async def frames(self, ticket: Ticket, hello: Hello) -> AsyncIterator[PatientFrame]:
        """Yield what the page must be told, each time it differs from before.

        Ends after `replaced`, `transferred`, `unknown` or a visit that is over. A visit that was over before this
        socket came is `unknown` to it, unless it was refused. While the store is away or was just emptied it says
        `wait` and tries on.
        """
        following = _Following(self, ticket, hello)
        told: PatientFrame | None = None
        async with self._watches.watching(ticket.namespace, ticket.clinic) as watch:
            with watch.following(ticket.visit) as changed:
                while True:
                    changed.clear()
                    frame = await following.frame(watch)
                    if frame != told:
                        told = frame
                        yield frame
                    if _is_last(frame):
                        return
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(look_again_s(frame, ticket.visit, watch.view)):
                            await changed.wait()

    async def leave(self, ticket: Ticket) -> None:
        """Give up the place; nothing happens when it is gone already.

        Raises:
            RefusedError: 503.
            RoutingUnavailableError: It may be given up or not.
        """
        visit = await self.visits.get(ticket.namespace, ticket.visit)
        if visit is None or visit.state in OVER:
            return
        try:
            found = await self.clinics.get(ticket.namespace, visit.clinic)
            await self.consulting.finish(found, visit, VisitAction.LEAVE)
        except RefusedError as err:
            if err.is_temporary:
                raise
            await self.visits.change(ticket.namespace, ticket.visit, VisitAction.LEAVE)
        self._watches.nudge(ticket.namespace, visit.clinic)

    async def report(self, ticket: Ticket, device: DeviceReport) -> None:
        """Note what the page found out about its device. Raises RoutingUnavailableError."""
        await self.queues.report(ticket.namespace, ticket.visit, ticket.clinic_uid, device)

    async def follow(self, ticket: Ticket) -> Ticket:
        """Change a ticket for one of the clinic in which its visit is now; nothing else in it changes.

        Raises:
            RefusedError: 404 when the visit is over, or is still where the ticket says; 503.
        """
        visit = await self.visits.get(ticket.namespace, ticket.visit)
        if visit is None or visit.state in OVER or visit.clinic_uid == ticket.clinic_uid:
            raise not_found()
        moved = {"clinic": visit.clinic, "clinic_uid": visit.clinic_uid, "is_transferred": True}
        return ticket.model_copy(update=moved)


class _Following:
    """One socket's view of one visit."""

    def __init__(self, parts: VisitFollower, ticket: Ticket, hello: Hello) -> None:
        self._parts = parts
        self._ticket = ticket
        self._hello = hello
        self._socket = secrets.token_urlsafe(8)
        self._last = hello.state
        """Where the visit stood when the page was told last."""
        self._is_claimed = False
        self._was_told = False
        self._heard_at = 0.0

    async def frame(self, watch: ClinicWatch) -> PatientFrame:
        """What the page must be told now."""
        try:
            visit = await self._visit(watch)
        except RoutingUnavailableError:
            return _UNAVAILABLE
        except RefusedError as err:
            return _UNAVAILABLE if err.is_temporary else UnknownFrame()
        found = watch.view.found
        if visit.state in OVER:
            return await self._over(visit, watch)
        if visit.clinic_uid != self._ticket.clinic_uid:
            return await self._elsewhere(visit)
        if visit.socket != self._socket:
            return ReplacedFrame()
        assert found is not None
        self._was_told = True
        self._last = visit.state
        position, words = watch.view.positions.get(visit.id), watch.view.words(visit.id)
        return visit_frame(found[0], visit, self._hello.locale, position, words)

    async def _elsewhere(self, visit: Visit) -> PatientFrame:
        try:
            clinic, _ = await self._parts.clinics.get(visit.namespace, visit.clinic)
        except RefusedError as err:
            return _UNAVAILABLE if err.is_temporary else UnknownFrame()
        return TransferredFrame(clinic=clinic.name, display_name=clinic.display_name)

    async def _over(self, visit: Visit, watch: ClinicWatch) -> PatientFrame:
        """The last frame; that of a refusal is for a page, too, that was away when it came."""
        locale = self._hello.locale
        if visit.state is VisitState.REFUSED:
            try:
                words = await self._parts.visits.words(visit.namespace, visit.id)
            except RoutingUnavailableError:
                return _UNAVAILABLE
            return over_frame(visit, locale, words)
        if not self._was_told or visit.state is VisitState.LEFT:
            return UnknownFrame()
        found = watch.view.found
        return over_frame(visit, locale, clinic=found[0] if found else None)

    async def _visit(self, watch: ClinicWatch) -> Visit:
        """The visit as it is now; raises RefusedError: 404 when there is none, 503 for one moment."""
        ticket = self._ticket
        if watch.view.visit(ticket.visit) is None or not self._is_claimed:
            stored = await self._parts.visits.get(ticket.namespace, ticket.visit)
            if stored is not None and stored.clinic_uid != ticket.clinic_uid:
                return stored
        found = await self._admitted(watch.view)
        if not self._is_claimed:
            visit = await self._claim(found)
            watch.nudge()
            return visit
        await self._note(found)
        mine = watch.view.visit(ticket.visit)
        if mine is not None and mine.socket == self._socket:
            return mine
        # Ended, replaced, forgotten, or what was read is older than our claim.
        stored = await self._parts.visits.get(ticket.namespace, ticket.visit)
        if stored is None:
            self._is_claimed = False
            return await self._claim(found)
        return stored

    async def _admitted(self, view: ClinicView) -> Found:
        if not view.is_available:
            raise one_moment()
        ticket = self._ticket
        if view.found is None:  # the clinic is gone: so is the visit
            await self._parts.visits.change(
                ticket.namespace, ticket.visit, VisitAction.LEAVE,
                carried=Carried(at=ticket.clinic_uid),
            )  # fmt: skip
            raise not_found()
        standings = admission.standings_of_ticket(ticket.clinic_uid, view.found[0])
        if not admission.is_permitted(standings, Action.WAIT):
            raise not_found()
        return view.found

    async def _claim(self, found: Found) -> Visit:
        """Make this socket the visit's newest; rebuild the visit if the store was emptied."""
        ticket = self._ticket
        keep = keep_s(found)
        claim = self._parts.queues.claim
        visit = await claim(ticket.namespace, ticket.visit, self._socket, keep)
        if visit is None:
            area, hello = found[0].waiting_area, self._hello
            questions = area.entry_fields if area else ()
            if ticket.is_transferred:
                # Who was asked other questions keeps the place without these answers.
                questions = tuple(q.model_copy(update={"required": False}) for q in questions)
            checked = check_entry(hello, questions, ticket.arrived_ms)
            if checked.personal is None:
                raise not_found()
            rebuilt = await self._parts.consulting.rebuild(
                found, ticket, checked.personal, self._last
            )
            if rebuilt is None:
                raise not_found()
            visit = await claim(ticket.namespace, ticket.visit, self._socket, keep)
        if visit is None:
            raise one_moment()  # emptied once more in between
        self._is_claimed = True
        self._heard_at = time.monotonic()
        return visit

    async def _note(self, found: Found) -> None:
        """Say from time to time that the page is there."""
        if time.monotonic() - self._heard_at < heard_every_s(found):
            return
        ticket = self._ticket
        await self._parts.queues.heard(ticket.namespace, ticket.visit, self._socket, keep_s(found))
        self._heard_at = time.monotonic()


def look_again_s(frame: PatientFrame, visit: str, view: ClinicView) -> float:
    """After how long a page that was told this is looked after again, in seconds, if nothing is new before.

    A visit that the watch has never read goes unnoticed when the store is emptied, so it is looked after soon.
    """
    is_known = not isinstance(frame, WaitFrame) and view.visit(visit) is not None
    return heard_every_s(view.found) if is_known else RETRY_S


def heard_every_s(found: Found | None) -> float:
    """How often a page that waits at a clinic is noted as there, in seconds."""
    area = found[0].waiting_area if found else None
    wanted = area.stale_after_s / 4 if area else LEAST_HEARD_EVERY_S
    return min(max(wanted, LEAST_HEARD_EVERY_S), MOST_HEARD_EVERY_S)


def _is_last(frame: PatientFrame) -> bool:
    if isinstance(frame, VisitFrame):
        return frame.state in OVER
    return not isinstance(frame, WaitFrame)
