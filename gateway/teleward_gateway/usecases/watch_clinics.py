"""Watch the clinics' queues: one reader per clinic and process, whoever looks at it shares what it read."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Container, Iterator
from dataclasses import dataclass, field, replace

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.occupancy import Occupancy
from teleward_contract.units import CallId, Namespace, ParticipantId

from teleward_gateway.core.guests import GuestEntry, guest_entry
from teleward_gateway.core.queue import (
    QueueRules,
    Rows,
    occupancy,
    positions,
    rfc3339,
    rows,
    rules_of,
    unanswered,
)
from teleward_gateway.core.team import name_of
from teleward_gateway.core.visits import CALL_GOES_ON, Visit, VisitState, Waiting, Words
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports.calls import Qualities
from teleward_gateway.ports.visits import GuestLinks, Hints, Presence, Queues
from teleward_gateway.usecases.clinics import Clinics, Found

log = structlog.get_logger()

READ_EVERY_S = 1.0
"""What no hint told is seen after this."""
READ_AT_MOST_EVERY_S = 0.1
"""Hints that come faster than this share one reading."""
HEAR_AT_MOST_EVERY_S = 0.5
"""Clinics at which nobody looks are read at most so often because somebody wants to hear of arrivals."""
SWEEP_EVERY_S = 10.0
"""Clinics that nobody looks at are counted this often."""
PUBLISH_EVERY_S = 15.0
"""Unchanged counts are published again after this, well within `OCCUPANCY_TTL_S`."""

STALE_AFTER_S = 60
"""Where no waiting area says it."""

Name = tuple[str, str]
"""Namespace and name of a clinic."""


@dataclass(frozen=True, slots=True)
class ClinicView:
    """What was read last."""

    found: Found | None = None
    """None: there is no such clinic (any more)."""
    queue: dict[str, Waiting] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    rooms: dict[str, dict[ParticipantId, str]] = field(default_factory=dict)
    """Room uid → who is in it → what others see as the name."""
    guests: tuple[GuestEntry, ...] = ()
    rules: QueueRules = QueueRules()
    is_available: bool = False
    """Whether the store answered."""

    def visit(self, visit: str) -> Visit | None:
        """One visit, if it is in the queue."""
        item = self.queue.get(visit)
        return item.visit if item else None

    def has_call(self, call: CallId) -> bool:
        """Whether any visit is in this call."""
        visits = (item.visit for item in self.queue.values())
        return any(visit.call == call and visit.state in CALL_GOES_ON for visit in visits)

    def words(self, visit: str) -> Words | None:
        """What staff wrote to a patient last."""
        item = self.queue.get(visit)
        return item.words if item else None

    @property
    def waiting(self) -> int:
        """How many wait to be called in."""
        return sum(i.visit.state is VisitState.WAITING for i in self.queue.values())

    def told_to(self, visit: str) -> object:
        """Everything that a patient's page may be told; when it changes, there is something to tell."""
        mine = self.visit(visit)
        quiet = mine.model_copy(update={"seen_ms": 0}) if mine else None
        return quiet, self.words(visit), self.positions.get(visit), self.found, self.is_available

    def is_of_the_same_house_as(self, before: "ClinicView") -> bool:
        """Whether what is the same for every patient of the clinic is as it was."""
        return (self.found, self.is_available) == (before.found, before.is_available)

    def has_nothing_new_of(self, visit: str, before: "ClinicView") -> bool:
        """Whether a visit was read as before, to the letter: asked first, because it costs nothing."""
        return self.queue.get(visit) is before.queue.get(visit) and self.positions.get(
            visit
        ) == before.positions.get(visit)

    @property
    def told_to_staff(self) -> object:
        """Everything that a dashboard may be told."""
        return self.rows, self.rooms, self.guests, self.rules, self.found, self.is_available


class ClinicWatch:
    """Follows one clinic while anybody looks at it."""

    def __init__(self, read: Callable[[ClinicView], "asyncio.Future[ClinicView]"]) -> None:
        self.view = ClinicView()
        self.has_read = asyncio.Event()
        self._read = read
        self._patients: dict[str, set[asyncio.Event]] = {}
        self._staff: set[asyncio.Event] = set()
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Read soon: something was changed."""
        self._nudged.set()

    @contextlib.contextmanager
    def following(self, visit: str | None) -> Iterator[asyncio.Event]:
        """An event that is set when something is new for one patient, or (None) for staff."""
        event = asyncio.Event()
        group = self._staff if visit is None else self._patients.setdefault(visit, set())
        group.add(event)
        try:
            yield event
        finally:
            group.discard(event)
            if visit is not None and not group:
                self._patients.pop(visit, None)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            self._nudged.clear()
            try:
                self._take(await self._read(self.view))
            except Exception as err:  # a reader that dies would freeze every page of the clinic
                log.exception("queue.reading_failed", exc_info=err)
            await asyncio.sleep(READ_AT_MOST_EVERY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S - READ_AT_MOST_EVERY_S):
                    await self._nudged.wait()

    def _take(self, view: ClinicView) -> None:
        before, self.view = self.view, view
        self.has_read.set()
        if view.told_to_staff != before.told_to_staff:
            for event in self._staff:
                event.set()
        is_same_house = view.is_of_the_same_house_as(before)
        for visit, events in self._patients.items():
            if is_same_house and view.has_nothing_new_of(visit, before):
                continue
            if view.told_to(visit) != before.told_to(visit):
                for event in events:
                    event.set()


class ClinicWatches:
    """All watches of this process."""

    def __init__(
        self,
        clinics: Clinics,
        queues: Queues,
        presence: Presence,
        qualities: Qualities,
        guests: GuestLinks,
        counts: Occupancy,
    ) -> None:
        self._clinics = clinics
        self._qualities = qualities
        self._queues = queues
        self._presence = presence
        self._guests = guests
        self._counts = counts
        self._watches: dict[Name, tuple[ClinicWatch, asyncio.Task[None]]] = {}
        self._users: dict[Name, int] = {}
        self._published: dict[Name, tuple[float, object]] = {}
        self._arrived: dict[Name, tuple[str, ...]] = {}
        """Clinic → whose arrival nobody has reacted to; clinics without any are left out."""
        self._ears: set[asyncio.Event] = set()
        self._hinted: set[str] = set()
        self._has_hints = asyncio.Event()

    @contextlib.contextmanager
    def hearing(self) -> Iterator[asyncio.Event]:
        """An event that is set when somebody has come to any clinic, or somebody has reacted."""
        ear = asyncio.Event()
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)

    @property
    def arrived(self) -> dict[Name, tuple[str, ...]]:
        """Clinic → visits to whose arrival nobody has reacted, as they were read last."""
        return dict(self._arrived)

    @contextlib.asynccontextmanager
    async def watching(self, namespace: str, clinic: str) -> AsyncIterator[ClinicWatch]:
        """Watch a clinic for as long as this lasts; what is yielded has been read once."""
        name = (namespace, clinic)
        if name not in self._watches:
            watch = ClinicWatch(lambda last: asyncio.ensure_future(self._read(name, last)))
            self._watches[name] = (watch, asyncio.create_task(watch.run()))
        self._users[name] = self._users.get(name, 0) + 1
        try:
            await self._watches[name][0].has_read.wait()
            yield self._watches[name][0]
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name]
                self._watches.pop(name)[1].cancel()

    async def look(self, namespace: str, clinic: str) -> ClinicView:
        """Look at a clinic once: what its watch has read, if it could; else it is read now."""
        name = (namespace, clinic)
        watch = self._watches.get(name)
        if watch and watch[0].view.is_available:
            return watch[0].view
        return await self._read(name, ClinicView())

    def nudge(self, namespace: str, clinic: str) -> None:
        """Say that something was changed here."""
        if (namespace, clinic) in self._watches:
            self._watches[namespace, clinic][0].nudge()

    async def now(self, namespace: str) -> str | None:
        """The clock that arrivals are told in, as frames tell times; None while it cannot be asked."""
        try:
            return rfc3339(await self._queues.now_ms(Namespace(namespace)))
        except RoutingUnavailableError:
            return None

    async def follow(self, hints: Hints) -> None:
        """Take hints in, for ever."""
        async for uid in hints.listen():
            for watch, _ in list(self._watches.values()):
                found = watch.view.found
                if found is None or found[0].uid == uid:
                    watch.nudge()
            if self._ears:
                self._hinted.add(uid)
                self._has_hints.set()

    async def hear(self) -> None:
        """Read clinics at which nobody looks when something changed there and somebody listens; for ever."""
        while True:
            await self._has_hints.wait()
            self._has_hints.clear()
            hinted, self._hinted = self._hinted, set()
            await self._read_unwatched(hinted)
            await asyncio.sleep(HEAR_AT_MOST_EVERY_S)

    async def sweep(self) -> None:
        """Count every clinic now and then, so that the operator's numbers need no onlooker; for ever."""
        while True:
            await self._read_unwatched()
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _read_unwatched(self, uids: Container[str] | None = None) -> None:
        """Read the clinics at which nobody looks: all, or these; one clinic's fault does not hide the others."""
        try:
            every = await self._clinics.every()
        except RefusedError:
            return  # 503: the next round tries again
        except Exception as err:
            log.error("clinics.not_listed", exc_info=err)
            return
        for clinic, _ in every:
            name = (clinic.namespace, clinic.name)
            if name in self._watches or (uids is not None and clinic.uid not in uids):
                continue
            try:
                await self._read(name, ClinicView())
            except Exception as err:
                log.error("clinic.not_counted", exc_info=err, namespace=name[0], clinic=name[1])

    async def _read(self, name: Name, last: ClinicView) -> ClinicView:
        try:
            found = await self._clinics.get(*name)
        except RefusedError as err:
            if err.is_temporary:
                return _silent(last)
            self._note_arrived(name, ())
            return ClinicView(is_available=True)
        clinic, area = found[0], found[0].waiting_area
        try:
            queue = await self._queues.waiting(
                clinic.namespace, clinic.uid, area.stale_after_s if area else STALE_AFTER_S
            )
            present = await self._presence.present(clinic.namespace, clinic.uid)
            rooms = {r.uid: present[r.uid] for r in clinic.rooms if r.uid in present}
            guests = await self._guests.of_clinic(clinic.namespace, clinic.uid)
            in_call = [i.visit.id for i in queue if i.visit.state is VisitState.IN_CONSULTATION]
            qualities = await self._qualities.newest(clinic.namespace, in_call)
            await self._publish(name, queue, {uid: len(who) for uid, who in rooms.items()})
        except RoutingUnavailableError:
            return _silent(last)
        rules = rules_of(area)
        shown = rows(
            queue,
            qualities,
            rules.order,
            lambda user: user and name_of(user, *found),
            last.queue,
            last.rows,
        )
        self._note_arrived(name, unanswered(queue, shown))
        visits = {item.visit.id: item for item in queue}
        return ClinicView(
            found=found,
            queue=visits,
            rows=shown,
            positions=positions(queue, rules.order) if area and area.show_position else {},
            rooms=rooms,
            guests=tuple(
                guest_entry(
                    guest,
                    visits[guest.place_id].visit if guest.place_id in visits else None,
                    name_of(guest.made_by, *found),
                )
                for guest in guests
            ),
            rules=rules,
            is_available=True,
        )

    def _note_arrived(self, name: Name, visits: tuple[str, ...]) -> None:
        if self._arrived.get(name, ()) == visits:
            return
        if visits:
            self._arrived[name] = visits
        else:
            self._arrived.pop(name, None)
        for ear in self._ears:
            ear.set()

    async def _publish(
        self, name: Name, queue: tuple[Waiting, ...], rooms: dict[str, int]
    ) -> None:
        counts = occupancy(Namespace(name[0]), name[1], queue, rooms)
        published_at, before = self._published.get(name, (0.0, None))
        if counts == before and time.monotonic() - published_at < PUBLISH_EVERY_S:
            return
        await self._counts.publish(counts)
        self._published[name] = (time.monotonic(), counts)

    async def close(self) -> None:
        """Stop watching."""
        tasks = [task for _, task in self._watches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _silent(last: ClinicView) -> ClinicView:
    """What was known, marked as such."""
    return replace(last, is_available=False)
