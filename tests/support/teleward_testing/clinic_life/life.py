"""The model beside the world: acts are done to both, and after each step both are the same."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from teleward_media.adapters.dtls import HANDSHAKE_TIMEOUT_S

from teleward_testing.clinic_life.model import (
    CLINICS,
    CUT,
    HELD,
    IN_CALL,
    LEFT,
    OVER,
    SEEN,
    WAITING,
    Act,
    Clinic,
    PatientAct,
    StaffAct,
    Stay,
    explanations,
)
from teleward_testing.clinic_life.people import ENDS
from teleward_testing.clinic_life.world import SETTLED_S, World

MOST_OPEN = 8
"""So many visits are not over at most."""
TAKEN_OUT_S = HANDSHAKE_TIMEOUT_S - 3
"""Within which whoever is not to be in a call is out of it: before a media node gives up who never came, by itself."""
MOST_AT_ONCE = 3
"""So many act on one visit at once at most: every order of them is tried."""


@dataclass
class Counts:
    """What was done in all examples of a run."""

    examples: int = 0
    steps: int = 0
    failures: list[str] = field(default_factory=list)
    """What was not as the model says."""
    answers: Counter[str] = field(default_factory=Counter)
    bad_days: Counter[str] = field(default_factory=Counter)


class Life:
    """One example."""

    def __init__(self, world: World, counts: Counts) -> None:
        self.world = world
        self.counts = counts
        self.stays: dict[str, Stay] = {}
        self._history: list[object] = []
        """What was done and how it was answered, for who reads of a failure."""
        counts.examples += 1
        world.run(world.begin())

    def in_consultation(self, by: str) -> str:
        """Begin a consultation in which a patient, whose page is open, and a member of staff are; the patient."""
        self.enter([("cardiology", 0, True)])
        (name,) = self.names
        self.at_once([(name, StaffAct(by, "cardiology", "call-in", 1))])
        self.at_once([(name, PatientAct("join", 1))])
        self._run(self.world.join_as_staff(by, name))
        return name

    def close(self) -> None:
        """Nobody is left over, and no place in a call is kept for them."""
        try:
            self._run(self.world.end())
        finally:
            self._run(self.world.leave())

    def _run(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            self.world.run(doing)
        except AssertionError as err:
            self.counts.failures.append(str(err))
            raise

    @property
    def names(self) -> list[str]:
        """Everybody who ever entered, oldest first."""
        return list(self.stays)

    @property
    def has_room(self) -> bool:
        """Whether somebody may come."""
        return sum(stay.state not in OVER for stay in self.stays.values()) < MOST_OPEN

    # -- steps ----------------------------------------------------------------------------------------

    def enter(self, clinics: Sequence[tuple[Clinic, int, bool]]) -> None:
        """Some enter at once, each through a replica, some with a waiting page."""
        self._run(self._enter(clinics))

    async def _enter(self, clinics: Sequence[tuple[Clinic, int, bool]]) -> None:
        before = max((p.arrived_ms for p in self.world.people.values()), default=0)
        names = [f"Patient {len(self.stays) + number}" for number, _ in enumerate(clinics)]
        answers = await asyncio.gather(
            *(
                self.world.enter(name, clinic, replica)
                for name, (clinic, replica, _) in zip(names, clinics, strict=True)
            )
        )
        assert set(answers) == {"ok"}, answers
        found = {name: visit for c in CLINICS for name, visit in await self.world.stored(c)}
        for name, (clinic, replica, has_page) in zip(names, clinics, strict=True):
            person, visit = self.world.people[name], found[name]
            person.visit, person.arrived_ms = visit.id, visit.arrived_ms
            assert visit.arrived_ms >= before, "somebody came earlier than who was there before"
            self.stays[name] = Stay(name, clinic, clinic)
            if has_page:
                await self.world.open_page(name, replica)
        self._count("ok", len(names))
        await self._settle()

    def page(self, name: str, replica: int) -> None:
        """A patient looks at the waiting page, on one more device if one is open."""
        self._run(self._page(name, replica))

    async def _page(self, name: str, replica: int) -> None:
        stay = self.stays[name]
        if stay.state in OVER:
            return
        self._history.append(f"a page of {stay}")
        await self.world.open_page(name, replica)
        if stay.is_forgotten:
            await self._is_back(name, was_told=False)
        self._count("ok")
        await self._settle()

    def away(self, name: str) -> None:
        """A patient's page is closed; nothing else happens."""
        self._history.append(f"{name} away")
        self._run(self.world.close_page(name))
        self._count("ok")
        self._run(self._settle())

    def at_once(self, acts: Sequence[tuple[str, Act]]) -> None:
        """Everybody acts at the same time."""

        async def at_once() -> None:
            await self._explain(acts, await self._do(acts), is_disturbed=False)

        self._run(at_once())

    async def _do(self, acts: Sequence[tuple[str, Act]]) -> list[str]:
        answers = await asyncio.gather(*(self.world.act(name, act) for name, act in acts))
        self._count(*answers)
        self._history.append(list(zip(acts, answers, strict=True)))
        return answers

    async def _explain(
        self, acts: Sequence[tuple[str, Act]], answers: Sequence[str], *, is_disturbed: bool
    ) -> None:
        if not is_disturbed:
            assert "503" not in answers, f"nothing was wrong, and: {self._history[-6:]}"
        done: dict[str, list[tuple[Act, str]]] = {}
        for (name, act), answer in zip(acts, answers, strict=True):
            done.setdefault(name, []).append((act, answer))
        deadline = time.monotonic() + (SETTLED_S if is_disturbed else 0)
        for name, one in done.items():
            while not await self._explains(name, one, is_disturbed=is_disturbed):
                # What a paused store had taken in already is carried out after it was given up.
                assert time.monotonic() < deadline, (
                    f"no order explains {one}: {self.stays[name]} became "
                    f"{await self.world.stored_visit(self.world.people[name].visit)}; "
                    f"before: {self._history[-6:]}"
                )
                await asyncio.sleep(0.1)
            if not is_disturbed:
                await self._check_place(name, one)
        await self._settle()

    async def _check_place(self, name: str, done: Sequence[tuple[Act, str]]) -> None:
        """A visit that is over, of which every act was answered, holds no place; a call page on its way in may."""
        person = self.world.people[name]
        if self.stays[name].state not in OVER or person.call is not None:
            return
        if any(
            answer == CUT or (isinstance(act, PatientAct) and act.verb == "join")
            for act, answer in done
        ):
            return
        assert not await self.world.holds_place(person.visit), (
            f"over, and its call holds a place: {self.stays[name]} after {self._history[-6:]}"
        )

    async def _explains(
        self, name: str, done: Sequence[tuple[Act, str]], *, is_disturbed: bool
    ) -> bool:
        visit = await self.world.stored_visit(self.world.people[name].visit)
        for stay in explanations(self.stays[name], done, is_disturbed=is_disturbed):
            if visit is None:
                if stay.is_forgotten:
                    self.stays[name] = stay
                    return True
                continue
            told = (visit.state.value, visit.called_by, visit.clinic, visit.priority)
            if told == (stay.state, stay.owner, stay.at, stay.priority):
                self.stays[name] = stay
                return True
        return False

    # -- bad days -------------------------------------------------------------------------------------

    def kill(self, replica: int) -> None:
        """A gateway is killed and comes back; its pages come back through the other one."""
        self.world.kill(replica)
        self._run(self._after_kill())
        self._bad("a gateway was killed")

    async def _after_kill(self) -> None:
        for person in self.world.people.values():
            if person.call is not None and person.call.is_over:
                person.call = None
        await self._settle()

    def pause(self, acts: Sequence[tuple[str, Act]], seconds: float) -> None:
        """The store stands still while everybody acts."""

        async def paused() -> None:
            with self.world.paused():
                doing = asyncio.create_task(self._do(acts))
                await asyncio.sleep(seconds)
            await self._explain(acts, await doing, is_disturbed=True)

        self._run(paused())
        self._bad(f"the store was paused for {seconds:g} s")

    def cut(self, acts: Sequence[tuple[str, Act]]) -> None:
        """Every connection to the store is cut while everybody acts."""

        async def cut() -> None:
            doing = asyncio.create_task(self._do(acts))
            for _ in range(3):
                await asyncio.sleep(0.01)
                await asyncio.to_thread(self.world.cut)
            await self._explain(acts, await doing, is_disturbed=True)

        self._run(cut())
        self._bad("connections to the store were cut")

    def empty(self) -> None:
        """The store forgets everything; whose page is open comes back, whose is not does when it is opened."""
        self._run(self._empty())
        self._bad("the store was emptied")

    async def _empty(self) -> None:
        await self.world.empty()
        for name, stay in self.stays.items():
            self.stays[name] = replace(stay, is_forgotten=True)
        for name, stay in self.stays.items():
            page = self.world.people[name].page
            if stay.state not in OVER and page is not None and page.last not in ENDS:
                await self._is_back(name, was_told=True)
        await self._settle()

    async def _is_back(self, name: str, *, was_told: bool) -> None:
        """Wait until a visit is made again, and take in as what; nobody is in a call whose page was not told so."""
        person, stay = self.world.people[name], self.stays[name]
        deadline = time.monotonic() + SETTLED_S
        while (visit := await self.world.stored_visit(person.visit)) is None:
            assert time.monotonic() < deadline, f"{stay} does not come back"
            await asyncio.sleep(0.05)
        live = (SEEN if stay.state in IN_CALL else stay.state) if was_told else HELD
        allowed = {WAITING, live}
        assert visit.state.value in allowed, f"{stay} came back as {visit.state}"
        assert visit.clinic == stay.ticket_at, f"{stay} came back at {visit.clinic}"
        assert visit.arrived_ms == person.arrived_ms, f"{stay} has lost its place"
        self.stays[name] = Stay(name, stay.ticket_at, stay.ticket_at, visit.state.value)

    # -- is it the same? ------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Wait until store, dashboards and pages say what the model says."""
        began = time.monotonic()
        while (wrong := await self._difference()) is not None:
            within_s = TAKEN_OUT_S if self._lingering() else SETTLED_S
            assert time.monotonic() - began < within_s, f"{wrong}; before: {self._history[-6:]}"
            await self._return_from_transfers()
            if self._lost():
                await self.world.reopen_pages()
            await asyncio.sleep(0.005)

    async def _return_from_transfers(self) -> None:
        """A page that was sent away, whose visit is back by the time it follows, asks the door and waits on."""
        for name, stay in self.stays.items():
            page = self.world.people[name].page
            is_back = stay.is_listed and stay.at == stay.ticket_at
            if page is not None and page.last == "transferred" and is_back:
                self.world.people[name].page = None
                await self.world.open_page(name, page.replica)

    def _lost(self) -> str | None:
        pages = (person.page for person in self.world.people.values())
        is_lost = any(page and page.is_over and page.last not in ENDS for page in pages)
        return "a page was lost" if is_lost or not self.world.is_looked_on() else None

    async def _difference(self) -> str | None:
        for clinic in CLINICS:
            expected = self._rows(clinic)
            stored = [
                (v.id, v.state.value, v.called_by, v.priority)
                for _, v in await self.world.stored(clinic)
            ]
            arrived = self._rows(clinic, by_priority=False)
            if stored != arrived:
                return f"the store has {stored}, not {arrived}"
            for replica in (0, 1):
                shown = self.world.shown(replica, clinic)
                if shown != expected:
                    return f"replica {replica} shows {shown}, not {expected}"
        return self._difference_of_pages() or self._lost()

    def _rows(
        self, clinic: Clinic, *, by_priority: bool = True
    ) -> list[tuple[str, str, str, int]]:
        """Visit, state, owner, priority of everybody whom staff see, in order."""
        here = [stay for stay in self.stays.values() if stay.at == clinic and stay.is_listed]
        people = self.world.people
        here.sort(key=lambda stay: (people[stay.name].arrived_ms, people[stay.name].visit))
        if clinic == "urgent" and by_priority:
            here.sort(key=lambda stay: -stay.priority)
        return [(people[s.name].visit, s.state, s.owner, s.priority) for s in here]

    def _difference_of_pages(self) -> str | None:
        for name, stay in self.stays.items():
            person = self.world.people[name]
            for old in list(person.replaced):
                if not old.is_over:
                    return f"an older page of {name} was not replaced: {old.told}"
                person.replaced.remove(old)
            page = person.page
            if page is not None and page.last not in _words(stay):
                return f"the page of {stay} was told {page.told}"
            if page is not None and page.last in ENDS:
                person.page = None
        return self._lingering()

    def _lingering(self) -> str | None:
        """Who is in a call and not to be."""
        for name, stay in self.stays.items():
            person = self.world.people[name]
            if person.call is not None and person.call.is_over:
                person.call = None
            if person.call is not None and stay.state not in IN_CALL and not stay.is_forgotten:
                return f"{stay} is still in the call"
        return None

    def _count(self, *answers: str | int) -> None:
        for answer in answers:
            if isinstance(answer, int):
                self.counts.steps += answer - 1
            else:
                self.counts.steps += 1
                self.counts.answers[answer] += 1

    def _bad(self, what: str) -> None:
        self.counts.steps += 1
        self.counts.bad_days[what] += 1
        self._history.append(what)


def _words(stay: Stay) -> frozenset[str]:
    """What the newest waiting page of a visit may have been told last."""
    if stay.state == LEFT:
        return frozenset(
            {"unknown", "transferred"}
        )  # sent away first, and over before it followed
    if stay.state in OVER:
        return frozenset({stay.state, "unknown", "transferred"})
    if stay.is_forgotten:
        return frozenset({"wait", "unknown", "transferred"})
    if stay.at != stay.ticket_at:
        return frozenset({"transferred"})
    return frozenset({stay.state})


def thinned(acts: Sequence[tuple[str, Act]]) -> list[tuple[str, Act]]:
    """At most so many acts on one visit; a patient's browser does one thing at a time.

    Who enters again does that alone: if the visit is over by then, it is another visit.
    """
    kept: list[tuple[str, Act]] = []
    for name, act in acts:
        others = [other for who, other in kept if who == name]
        is_second = isinstance(act, PatientAct) and any(
            isinstance(other, PatientAct) for other in others
        )
        is_alone = not others or not any(_is_entering(one) for one in (act, *others))
        if len(others) < MOST_AT_ONCE and not is_second and is_alone:
            kept.append((name, act))
    return kept


def _is_entering(act: Act) -> bool:
    return isinstance(act, PatientAct) and act.verb == "enter again"
