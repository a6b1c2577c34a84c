"""Visits and queues in memory: for unit tests, and as the model of the real store. Time is a number in ms."""

import math
from collections.abc import Callable

from teleward_contract.units import CallId, Namespace

from teleward_gateway.adapters.books_memory import MemoryBooks
from teleward_gateway.core.accounts import Account, opened, settle, vanished
from teleward_gateway.core.audit import DONE, GATEWAY, PATIENT, REFUSED, Deed, Event
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.visits import (
    CALL_GOES_ON,
    NOTHING_CARRIED,
    OVER,
    TRANSITIONS,
    Carried,
    Personal,
    Visit,
    VisitAction,
    VisitState,
    Waiting,
    Words,
    take,
    takes_in,
)
from teleward_gateway.errors import QueueFullError

_Key = tuple[Namespace, str]


class MemoryVisits:
    """Both ports, `Visits` and `Queues`."""

    def __init__(
        self, now_ms: Callable[[], int], retention_s: int, books: MemoryBooks | None = None
    ) -> None:
        self._now = now_ms
        self._books = books or MemoryBooks(now_ms)
        self._accounts: dict[_Key, Account] = {}
        self._retention_ms = retention_s * 1000
        self._life = "first"
        self._visits: dict[_Key, tuple[Visit, int]] = {}
        self._personal: dict[_Key, Personal] = {}
        self._words: dict[_Key, Words] = {}
        self._messages: dict[_Key, tuple[int, int]] = {}
        """Clinic → how many messages, and until when they are counted."""

    def empty(self) -> None:
        """Lose everything."""
        self._visits.clear()
        self._personal.clear()
        self._words.clear()
        self._messages.clear()
        self._accounts.clear()
        self._books.empty()
        self._life = f"{self._life}'"

    def _live(self, key: _Key) -> Visit | None:
        visit, until = self._visits.get(key, (None, 0))
        if visit is None or until <= self._now():
            self._visits.pop(key, None)
            self._personal.pop(key, None)
            self._words.pop(key, None)
            if visit is not None and visit.state not in OVER:
                self._vanish(key, visit)
            return None
        return visit

    def _vanish(self, key: _Key, visit: Visit) -> None:
        counts = vanished(self._accounts.pop(key), visit, self._now())
        self._books.count(visit.namespace, counts)
        self._record(visit, Deed.VANISH, GATEWAY)

    def _record(self, visit: Visit, what: str, who: str, outcome: str = DONE) -> None:
        event = Event(what, who, visit.clinic, outcome, visit.pseudonym)
        self._books.record(visit.namespace, event)

    def _keep(self, key: _Key, visit: Visit, keep_s: int | None = None) -> Visit:
        until = self._visits[key][1] if keep_s is None else self._now() + keep_s * 1000
        self._visits[key] = (visit, until)
        return visit

    async def life(self) -> str:
        """See `Visits`."""
        return self._life

    async def enter(
        self, visit: Visit, personal: Personal, keep_s: int, at_most: int | None = None
    ) -> Visit:
        """See `Visits`."""
        key = (visit.namespace, visit.id)
        if at_most is not None and self._live(key) is None:
            await self._take_place(visit.namespace, visit.clinic_uid, at_most)
        now = self._now()
        fresh = {"seen_ms": now, "arrived_ms": visit.arrived_ms or now}
        stored = self._live(key)
        known = stored or visit.model_copy(update=fresh)
        if known.state not in OVER:
            self._keep(key, known, keep_s)
            self._personal[key] = personal
            if stored is None:
                self._accounts[key], counts = opened(known, self._now())
                self._books.count(known.namespace, counts)
                self._record(known, Deed.ENTER, PATIENT)
        return known

    async def _take_place(self, namespace: Namespace, clinic_uid: str, at_most: int) -> None:
        queue = await self.waiting(namespace, clinic_uid)
        if sum(item.visit.state is VisitState.WAITING for item in queue) >= at_most:
            raise QueueFullError

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """See `Visits`."""
        return self._live((namespace, visit))

    async def personal(self, namespace: Namespace, visit: str) -> Personal | None:
        """See `Visits`."""
        known = self._live((namespace, visit))
        return self._personal.get((namespace, visit)) if known else None

    async def words(self, namespace: Namespace, visit: str) -> Words | None:
        """See `Visits`."""
        known = self._live((namespace, visit))
        return self._words.get((namespace, visit)) if known else None

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = "",
        carried: Carried = NOTHING_CARRIED,
    ) -> tuple[bool, Visit | None]:  # fmt: skip
        """See `Visits`."""
        key = (namespace, visit)
        known = self._live(key)
        who = self._books.keeping.pseudonyms.staff(namespace, by) if by else PATIENT
        changed = take(known, action, by, carried) if known else None
        if changed is None or known is None:
            self._refuse(namespace, known, action, who)
            return False, known
        if carried.host and not takes_in(self._live((namespace, carried.host)), changed):
            self._refuse(namespace, known, action, who)
            return False, known
        if carried.to:
            try:
                await self._take_place(namespace, carried.to.clinic_uid, carried.to.at_most)
            except QueueFullError:
                self._refuse(namespace, known, action, who)
                raise
            self._words.pop(key, None)
        self._keep(key, changed)
        self._settle(key, known, changed, action, who)
        if changed.state in OVER:
            self._visits[key] = (changed, self._now() + self._retention_ms)
            self._personal.pop(key, None)
            self._words.pop(key, None)
        if carried.words:
            self._words[key] = carried.words
        return True, changed

    def _refuse(
        self, namespace: Namespace, visit: Visit | None, action: VisitAction, who: str
    ) -> None:
        if who == PATIENT:
            return
        if visit is None:
            self._books.record(namespace, Event(action, who, outcome=REFUSED))
        else:
            self._record(visit, action, who, REFUSED)

    def _settle(
        self, key: _Key, before: Visit, after: Visit, action: VisitAction, who: str
    ) -> None:
        account, counts = settle(self._accounts.pop(key), before, after, action, self._now())
        self._books.count(after.namespace, counts)
        if after.state not in OVER:
            self._accounts[key] = account
        if before.state is not after.state or action is not VisitAction.JOIN:
            self._record(after, action, who)

    async def sweep(self, namespace: Namespace) -> int:
        """See `Queues`."""
        held = [key for key in self._accounts if key[0] == namespace]
        return sum(self._live(key) is None for key in held)

    async def in_call(
        self, namespace: Namespace, clinic_uid: str, call: CallId
    ) -> tuple[Visit, ...]:
        """See `Visits`."""
        visits = [row.visit for row in await self.waiting(namespace, clinic_uid)]
        return tuple(v for v in visits if v.state in CALL_GOES_ON and v.call == call)

    async def tell_all(self, namespace: Namespace, clinic_uid: str, words: Words) -> int:
        """See `Visits`."""
        told = [
            row.visit.id
            for row in await self.waiting(namespace, clinic_uid)
            if row.visit.state in TRANSITIONS[VisitAction.MESSAGE]
        ]
        self._words.update({(namespace, visit): words for visit in told})
        return len(told)

    async def count_message(self, namespace: Namespace, clinic_uid: str, within_s: int) -> int:
        """See `Visits`."""
        key = (namespace, clinic_uid)
        count, until = self._messages.get(key, (0, 0))
        if until <= self._now():
            count, until = 0, self._now() + within_s * 1000
        self._messages[key] = (count + 1, until)
        return count + 1

    async def claim(
        self, namespace: Namespace, visit: str, socket: str, keep_s: int
    ) -> Visit | None:
        """See `Queues`."""
        key = (namespace, visit)
        known = self._live(key)
        if known is None or known.state in OVER:
            return known
        update = {"socket": socket, "seen_ms": self._now()}
        return self._keep(key, known.model_copy(update=update), keep_s)

    async def heard(self, namespace: Namespace, visit: str, socket: str, keep_s: int) -> bool:
        """See `Queues`."""
        key = (namespace, visit)
        known = self._live(key)
        if known is None or known.socket != socket:
            return False
        if known.state not in OVER:
            self._keep(key, known.model_copy(update={"seen_ms": self._now()}), keep_s)
        return True

    async def report(
        self, namespace: Namespace, visit: str, clinic_uid: str, device: DeviceReport
    ) -> None:
        """See `Queues`."""
        key = (namespace, visit)
        known = self._live(key)
        if known is not None and known.state not in OVER and known.clinic_uid == clinic_uid:
            self._personal[key] = self._personal[key].model_copy(update={"device": device})

    async def now_ms(self, namespace: Namespace) -> int:
        """See `Queues`."""
        return self._now()

    async def waiting(
        self, namespace: Namespace, clinic_uid: str, stale_after_s: int | None = None
    ) -> tuple[Waiting, ...]:
        """See `Queues`."""
        stale_ms = math.inf if stale_after_s is None else 1000 * stale_after_s
        found = []
        for key in list(self._visits):
            visit = self._live(key)
            if visit is None or visit.state in OVER:
                continue
            if (visit.namespace, visit.clinic_uid) == (namespace, clinic_uid):
                row = Waiting(
                    visit=visit, personal=self._personal[key], words=self._words.get(key),
                    is_silent=self._now() - visit.seen_ms >= stale_ms,
                )  # fmt: skip
                found.append(row)
        return tuple(sorted(found, key=lambda item: (item.visit.arrived_ms, item.visit.id)))
