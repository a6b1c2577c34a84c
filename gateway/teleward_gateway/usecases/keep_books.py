"""Keep the books of organisations: record what is no step of a visit, count who vanished, ship the audit."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.units import Namespace

from teleward_gateway.core import admission
from teleward_gateway.core.audit import DONE, REFUSED, Event, line, told
from teleward_gateway.core.queue import rfc3339
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports.books import Audit, AuditSink, Pseudonyms, Tally
from teleward_gateway.ports.visits import Queues
from teleward_gateway.usecases.clinics import Clinics, Found

log = structlog.get_logger()

SWEEP_EVERY_S = 5.0
SHIP_EVERY_S = 1.0
SHIP_AT_ONCE = 500
AGAIN_S = 1.0
MOST_UNWRITTEN = 1000
"""Events that wait for a store that is away; what comes then is lost and counted. Ours: minutes of a busy house."""


class Auditing:
    """Records what people do beside the steps of visits, without anybody waiting for it.

    Who is refused must not be able to tell from the time that it takes whether there was something to refuse.
    """

    def __init__(self, audit: Audit, pseudonyms: Pseudonyms, tally: Tally) -> None:
        self.pseudonyms = pseudonyms
        self._audit = audit
        self._tally = tally
        self._unwritten: deque[tuple[Namespace, Event]] = deque()
        self._is_more = asyncio.Event()

    def did(
        self, namespace: Namespace, what: str, user: str, clinic: str = "", visit: str = "",
        outcome: str = DONE,
    ) -> None:  # fmt: skip
        """Note what a member of staff did; `visit` is a pseudonym."""
        who = self.pseudonyms.staff(namespace, user)
        self.note(namespace, Event(what, who, clinic, outcome, visit))

    def refused(self, found: Found, what: str, user: str) -> None:
        """Note what a member of staff was not permitted."""
        clinic = found[0]
        self.did(clinic.namespace, what, user, clinic.name, outcome=REFUSED)

    def note(self, namespace: Namespace, event: Event) -> None:
        """Note an event."""
        if len(self._unwritten) >= MOST_UNWRITTEN:
            self._tally.audit_lost()
            return
        self._unwritten.append((namespace, event))
        self._is_more.set()

    async def run(self) -> None:
        """Write what is noted, for ever; while the store is away, try on."""
        while True:
            self._is_more.clear()
            if not await self.write():
                await asyncio.sleep(AGAIN_S)
            elif not self._unwritten:
                await self._is_more.wait()

    async def write(self) -> bool:
        """Write what is noted; False when the store is away."""
        while self._unwritten:
            try:
                await self._audit.note(*self._unwritten[0])
            except RoutingUnavailableError:
                return False
            except Exception as err:  # one event's fault must not end the audit of all
                log.exception("audit.not_noted", exc_info=err)
                self._tally.audit_lost()
            self._unwritten.popleft()
        return True


class Houses:
    """The organisations of which there are books: those that are declared, and those that were."""

    def __init__(self, clinics: Clinics) -> None:
        self._clinics = clinics
        self._seen: set[Namespace] = set()

    async def every(self) -> list[Namespace]:
        """List them."""
        try:
            self._seen |= {clinic.namespace for clinic, _ in await self._clinics.every()}
        except RefusedError:
            pass  # 503: those that were seen
        except Exception as err:  # nor must one document's fault end the books of all
            log.exception("books.not_listed", exc_info=err)
        return sorted(self._seen)


async def sweep_visits(houses: Houses, queues: Queues) -> None:
    """Count visits whose page vanished, for ever; any gateway does it."""

    async def sweep(namespace: Namespace) -> None:
        count = await queues.sweep(namespace)
        if count:
            log.info("visits.vanished", namespace=namespace, count=count)

    await _again_and_again(houses, sweep, SWEEP_EVERY_S)


async def ship_audit(houses: Houses, audit: Audit, sink: AuditSink) -> None:
    """Ship what is recorded, at least once, for ever; any gateway does it."""

    async def ship(namespace: Namespace) -> None:
        while await _ship(namespace, audit, sink):
            pass

    await _again_and_again(houses, ship, SHIP_EVERY_S)


async def _again_and_again(
    houses: Houses, work: Callable[[Namespace], Awaitable[None]], every_s: float
) -> None:
    while True:
        for namespace in await houses.every():
            try:
                await work(namespace)
            except RoutingUnavailableError:
                continue  # that of a cluster which holds another one may answer
            except Exception as err:  # one organisation's fault must not stop the books of all
                log.exception("books.not_kept", exc_info=err, namespace=namespace)
        await asyncio.sleep(every_s)


async def _ship(namespace: Namespace, audit: Audit, sink: AuditSink) -> bool:
    """Ship some records; whether there may be more."""
    if not await sink.is_open():
        return False
    taken = await audit.take(namespace, SHIP_AT_ONCE)
    if not taken:
        return False
    lines = [line(told(one, namespace, rfc3339(one.at_ms))) for one in taken]
    if not await sink.write(lines):
        log.warning("audit.not_shipped", namespace=namespace, count=len(lines))
        return False
    await audit.shipped(namespace, [one.id for one in taken])
    return len(taken) == SHIP_AT_ONCE


async def organisations_of(session: StaffSession, clinics: Clinics) -> set[Namespace]:
    """The organisations in which a sign-in of this person counts."""
    if session.namespace is not None:
        return {session.namespace}
    try:
        every = await clinics.every()
    except RefusedError:
        return set()
    return {
        clinic.namespace
        for clinic, organisation in every
        if admission.standings_of(session, clinic, organisation)
    }
