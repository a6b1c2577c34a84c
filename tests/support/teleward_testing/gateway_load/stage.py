"""Gateways under waiting pages, dashboards, calls and clinicians who call in: what faults are made on."""

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from teleward_cli.demo.client import DemoError, RefusedAnswerError
from teleward_cli.store import free_port
from teleward_contract.placements import Placement
from teleward_contract.projections import (
    PoolPolicy,
    PoolProjection,
    Projection,
    Role,
    TeamMember,
)
from teleward_contract.redis_store import open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.tickets import TicketSigner
from teleward_contract.units import CapacityUnits, Namespace, PoolId
from teleward_gateway.adapters import keys as stored_keys
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import call_of

from teleward_testing import valkey_groups
from teleward_testing.clinic_life.people import ORIGIN, Guest
from teleward_testing.gateway_load.people import REASON, address
from teleward_testing.gateway_load.returning import Caller, Page
from teleward_testing.gateway_load.shapes import STAFF, Shape
from teleward_testing.gateways import RunningGateway, keys, project, running_gateway
from teleward_testing.media_node import RunningMediaNode, running_media_node, write_public_key
from teleward_testing.valkey import RunningValkey
from teleward_testing.valkey_groups import DOWN_AFTER_MS, Group

if TYPE_CHECKING:
    from teleward_testing.gateway_load.faults import Fault

POOL = PoolId("faults/media")
CLINICIANS = ("ada@x.org", "ben@x.org")
AT_ONCE = 32
UNITS = 400
WELL_WITHIN_S = 60.0
PAUSE_S = 15.0
CALL_IN_EVERY_S = 0.1

Address = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of everybody in one fault."""

    fault: str
    pages: int
    places_lost: int
    queues_out_of_order: int
    entered_meanwhile: int
    entered_and_lost: int
    called_in_meanwhile: int
    double_admissions: int
    calls: int
    """Live ones, of media nodes that did not die."""
    calls_cut: int
    calls_of_the_dead: int
    disturbed: int
    """Pages that lost their socket or were told to wait."""
    back_s: list[float]
    """For each of these, from the fault's end, or its blow if it has no end, until it was well."""
    away_s: list[float]
    """For each of these, how long it was away or told to wait, at one time."""
    never_back: int
    calls_back_s: list[float]
    """The same for calls of a dead media node."""


class Stage:
    """Store, two gateways, two media nodes, everybody."""

    def __init__(self, shape: Shape, folder: Path, calls: int, pause_s: float = PAUSE_S) -> None:
        self.shape = shape
        self.pause_s = pause_s
        self._folder = folder
        self._wanted_calls = calls
        self._stack = contextlib.ExitStack()
        self._addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
        self.gateways: list[tuple[RunningGateway, contextlib.ExitStack]] = []
        self.media_nodes: dict[str, tuple[RunningMediaNode, contextlib.ExitStack]] = {}
        self.valkey: RunningValkey | None = None
        self.group: Group | None = None
        self.url = ""
        self._numbers = itertools.count(1)
        self.pages: dict[str, Page] = {}
        """Name → waiting page."""
        self.dashboards: list[Page] = []
        self.callers: dict[str, tuple[Address, Caller]] = {}
        """Visit → where, and its patient's call socket."""
        self._tasks: list[asyncio.Task[None]] = []
        self._guests: list[Guest] = []

    # -- start and stop ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self, *, with_sentinels: bool = False) -> AsyncIterator["Stage"]:
        """Start everything and let everybody come."""
        with self._stack:
            if with_sentinels:
                self.group = self._stack.enter_context(valkey_groups.sentinels(DOWN_AFTER_MS))
                self.url = self.group.url
            else:
                self.valkey = self._stack.enter_context(RunningValkey())
                self.url = self.valkey.url
            self._public = self._folder / "public.json"
            files = keys(self._folder)
            private = await asyncio.to_thread(Path(files["TELEWARD_TICKET_KEY_FILE"]).read_text)
            write_public_key(TicketSigner(private), self._public)
            await project(self.url, *self.documents())
            for number in range(2):
                self.start_media_node(f"media-{number}")
            self.gateways = [self._start(number) for number in range(2)]
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self.http,
                open_store(self.url) as self.store,
            ):
                self.visits = RedisVisits(self.store, 600)
                self.routing = RedisRouting(self.store)
                try:
                    await self._fill()
                    yield self
                finally:
                    await self._leave()

    def documents(self) -> list[Projection]:
        """The shape's clinics, with clinicians and media."""
        team = tuple(TeamMember(role=Role.CLINICIAN, user=user) for user in CLINICIANS)
        spread = PoolProjection(
            pool=POOL, uid="pool", generation=1, policy=PoolPolicy.SPREAD,
            units_per_media_node=CapacityUnits(UNITS),
        )  # fmt: skip
        return [
            spread,
            *(
                clinic.model_copy(update={"pool": POOL, "team": (*clinic.team, *team)})
                for clinic in self.shape.projections()
            ),
        ]

    def _start(self, number: int) -> tuple[RunningGateway, contextlib.ExitStack]:
        stack = contextlib.ExitStack()
        self._stack.callback(stack.close)
        starting = running_gateway(
            self.url, self._folder, self._addresses[number], public_url=ORIGIN
        )
        return stack.enter_context(starting), stack

    def start_media_node(self, name: str) -> None:
        """Start one media node of the pool."""
        stack = contextlib.ExitStack()
        self._stack.callback(stack.close)
        starting = running_media_node(
            self.url, pool=str(POOL), media_node=name, capacity_units=str(UNITS),
            ticket_public_keys_file=str(self._public), participant_grace_s="60",
        )  # fmt: skip
        self.media_nodes[name] = (stack.enter_context(starting), stack)

    async def _fill(self) -> None:
        await self._wait_for_media()
        for user in (STAFF, *CLINICIANS):
            await self._signed_in(user)
        for where in self.shape.addresses():
            for _ in range(self.shape.dashboards):
                await self.look_on(where)
        gate = asyncio.Semaphore(AT_ONCE)

        async def gated(where: Address) -> None:
            async with gate:
                await self.enter(where)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.shape.waiting):
                for where in self.shape.addresses():
                    group.create_task(gated(where))
        await self.until_well()
        for where in itertools.islice(itertools.cycle(self.shape.addresses()), self._wanted_calls):
            await self._begin_call(where)
        await asyncio.sleep(1.5)  # a media node tells of its calls each second

    async def _leave(self) -> None:
        for page in (*self.pages.values(), *self.dashboards):
            page.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, caller in self.callers.values():
            await caller.close()
        for guest in self._guests:
            await guest.__aexit__(None, None, None)

    async def _wait_for_media(self) -> None:
        deadline = time.monotonic() + WELL_WITHIN_S
        while len(await self.routing.views(POOL)) < len(self.media_nodes):
            assert time.monotonic() < deadline, "the media nodes do not come"
            await asyncio.sleep(0.2)
        await asyncio.sleep(3.5)  # three beats

    # -- people --------------------------------------------------------------------------------------

    def replica(self) -> str:
        """Any replica."""
        return random.choice(self._addresses)

    def replicas(self) -> Iterator[str]:
        """One after another, beginning anywhere, as a load balancer does that knows nothing."""
        first = random.randrange(2)
        return itertools.cycle(self._addresses[first:] + self._addresses[:first])

    async def _signed_in(self, user: str) -> None:
        guest = Guest(self._addresses[len(self._guests) % 2])
        self._guests.append(guest)
        await guest.sign_in(user)

    def member(self, user: str) -> Guest:
        """Somebody who is signed in."""
        return self._guests[(STAFF, *CLINICIANS).index(user)]

    async def look_on(self, where: Address) -> None:
        """Open a dashboard that comes back."""
        cookie = "; ".join(f"{n}={v}" for n, v in self.member(STAFF).cookies.items())
        page = Page(f"/ws/staff/{where[0]}/{where[1]}", cookie, "", "127.0.0.1")
        page.task = asyncio.create_task(page.live(self.replicas(), ORIGIN))
        self.dashboards.append(page)

    async def enter(self, where: Address) -> str:
        """Enter, however often one has to try; the name."""
        number = next(self._numbers)
        name = f"Patient {number:05}"
        body = {"name": name, "fields": {"reason": REASON}, "locale": "en"}
        replicas = self.replicas()
        while True:
            url = f"{next(replicas)}/api/clinics/{where[0]}/{where[1]}/visits"
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with (
                    asyncio.timeout(10),
                    self.http.post(url, json=body, headers={"Origin": ORIGIN}) as answer,
                ):
                    if answer.status == 201:
                        cookie = answer.headers["Set-Cookie"].partition(";")[0]
                        break
            await asyncio.sleep(1)
        hello = json.dumps({"type": "hello", **body})
        page = Page(f"/ws/visit/{where[0]}/{where[1]}", cookie, hello, address(number))
        self.pages[name] = page
        page.task = asyncio.create_task(page.live(self.replicas(), ORIGIN))
        return name

    async def _begin_call(self, where: Address) -> None:
        """Somebody is in consultation."""
        rows = await self.visits.waiting(Namespace(where[0]), f"uid-{where[1]}")
        row = next(r for r in rows if r.visit.state.value == "waiting")
        visit, page = row.visit.id, self.pages[row.personal.name]
        await self.member(CLINICIANS[0]).act(*where, visit, "call-in")
        guest = Guest(self.replica())
        self._guests.append(guest)
        name, _, value = page.cookie.partition("=")
        guest.cookies[name] = value
        caller = Caller(guest, f"/ws/call/visit/{where[0]}/{where[1]}")
        self._tasks.append(asyncio.create_task(caller.live(self.replica)))
        deadline = time.monotonic() + WELL_WITHIN_S
        while not caller.joined_at:
            assert time.monotonic() < deadline, "a call does not begin"
            await asyncio.sleep(0.02)
        self.callers[visit] = (where, caller)

    async def until_well(self) -> None:
        """Wait until every page is well, or for so long that some never are."""
        deadline = time.monotonic() + WELL_WITHIN_S
        while time.monotonic() < deadline:
            if all(page.well_at for page in (*self.pages.values(), *self.dashboards)):
                return
            await asyncio.sleep(0.1)

    # -- what is looked at ---------------------------------------------------------------------------

    async def places(self) -> dict[Address, list[tuple[str, int]]]:
        """Clinic → visits and times of arrival in order."""
        found = {}
        for where in self.shape.addresses():
            rows = await self.visits.waiting(Namespace(where[0]), f"uid-{where[1]}")
            found[where] = [(row.visit.id, row.visit.arrived_ms) for row in rows]
        return found

    async def names(self) -> set[str]:
        """Of everybody who stands in a queue."""
        found: set[str] = set()
        for where in self.shape.addresses():
            rows = await self.visits.waiting(Namespace(where[0]), f"uid-{where[1]}")
            found.update(row.personal.name for row in rows)
        return found

    async def placed(self) -> dict[str, Placement | None]:
        """Visit → where its call is."""
        return {v: await self.routing.find(POOL, call_of(v)) for v in self.callers}

    async def _stored_again(
        self, places: dict[Address, list[tuple[str, int]]], began: float
    ) -> list[float]:
        """For each visit, when it stood in the store again, in seconds since `began`."""
        missing = {
            visit: stored_keys.visit(Namespace(where[0]), visit)
            for where, rows in places.items()
            for visit, _ in rows
        }
        seen = dict.fromkeys(missing, WELL_WITHIN_S)
        while missing and time.monotonic() - began < WELL_WITHIN_S:
            there = await self.store.redis.mget(list(missing.values()))
            now = time.monotonic() - began
            for visit, held in zip(list(missing), there, strict=True):
                if held is not None:
                    seen[visit] = now
                    del missing[visit]
            await asyncio.sleep(0.1)
        return list(seen.values())

    async def suffer(self, fault: "Fault") -> Outcome:
        """Let something break while some enter and clinicians call in; what became of everybody."""
        await self.until_well()
        before = _Before(
            await self.places(), await self.placed(), list(self.pages),
            {visit: caller.joined_at for visit, (_, caller) in self.callers.items()},
        )  # fmt: skip
        for page in self.pages.values():
            page.away_s.clear()
        calling = _CallingIn(self, before.places)
        coming = _Coming(self)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(calling.going_on())
            await stack.enter_async_context(coming.going_on())
            await asyncio.sleep(1)
            dead = await fault.strike(self)
            over_at = time.monotonic()
            stored_s = await self._stored_again(before.places, over_at) if fault.empties else []
            await self.until_well()
            await asyncio.sleep(fault.watched_s)
        await self.until_well()
        doubles = await calling.doubles()
        await asyncio.sleep(1)
        after, names, now = await self.places(), await self.names(), await self.placed()
        of_dead = {v for v, p in before.calls.items() if p is not None and p.media_node == dead}
        pages = [self.pages[name] for name in before.names]
        disturbed = [page for page in pages if page.away_s or not page.well_at]
        callers = [(self.callers[visit][1], before.joined[visit]) for visit in of_dead]
        return Outcome(
            fault=fault.name, pages=len(pages),
            places_lost=sum(
                visit not in after[where]
                for where, rows in before.places.items()
                for visit in rows
            ),
            queues_out_of_order=sum(
                [visit for visit in after[where] if visit in set(rows)] != rows
                for where, rows in before.places.items()
            ),
            entered_meanwhile=len(coming.names),
            entered_and_lost=len(set(coming.names) - names),
            called_in_meanwhile=calling.won, double_admissions=doubles,
            calls=len(before.calls) - len(of_dead),
            calls_cut=sum(
                _life(p) is None or _life(p) != _life(now[v])
                for v, p in before.calls.items()
                if v not in of_dead
            ),
            calls_of_the_dead=len(of_dead),
            disturbed=len(pages if fault.empties else disturbed),
            back_s=stored_s
            or [max(0.0, page.well_at - over_at) for page in disturbed if page.well_at],
            away_s=[max(page.away_s) for page in disturbed if page.away_s],
            never_back=sum(not page.well_at for page in pages),
            calls_back_s=[
                caller.joined_at - over_at for caller, then in callers if caller.joined_at > then
            ],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Before:
    """How everything was."""

    places: dict[Address, list[tuple[str, int]]]
    calls: dict[str, Placement | None]
    names: list[str]
    joined: dict[str, float]


def _life(placement: Placement | None) -> tuple[object, ...] | None:
    """What makes it the same call: it is held by the same life of a media node."""
    if placement is None:
        return None
    return placement.media_node, placement.boot, placement.epoch


class _CallingIn:
    """Two clinicians who call the same patients in, through different replicas, and send them back."""

    def __init__(self, stage: Stage, places: dict[Address, list[tuple[str, int]]]) -> None:
        self._stage = stage
        self._wanted = [
            (where, visit)
            for where, rows in places.items()
            for visit, _ in rows
            if visit not in stage.callers
        ]
        random.shuffle(self._wanted)
        self._both: list[str] = []
        self._called: list[tuple[Address, str]] = []
        self.won = 0

    @contextlib.asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """As long as this lasts."""
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _go_on(self) -> None:
        for where, visit in self._wanted:
            answers = await asyncio.gather(*(self._call_in(u, where, visit) for u in CLINICIANS))
            self.won += any(answers)
            if all(answers):
                self._both.append(visit)
            self._called.append((where, visit))
            await asyncio.sleep(CALL_IN_EVERY_S)

    async def _call_in(self, user: str, where: Address, visit: str) -> bool:
        member = Guest(self._stage.replica())
        member.cookies = dict(self._stage.member(user).cookies)
        async with member:
            with contextlib.suppress(DemoError):
                await member.act(*where, visit, "call-in")
                return True
        return False

    async def doubles(self) -> int:
        """Both were told that the patient is theirs; then everybody is sent back to their place."""
        for where, visit in self._called:
            await self._send_back(where, visit)
        return len(self._both)

    async def _send_back(self, where: Address, visit: str) -> None:
        """Try on for a while: a gateway may still be starting."""
        deadline = time.monotonic() + WELL_WITHIN_S
        while time.monotonic() < deadline:
            member = self._stage.member(CLINICIANS[0]).at(self._stage.replica())
            try:
                await member.act(*where, visit, "return")
            except RefusedAnswerError as err:
                if err.status != 503:
                    return  # waits already
            except DemoError:
                pass
            else:
                return
            await asyncio.sleep(0.5)


class _Coming:
    """Patients who enter meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.names: list[str] = []

    @contextlib.asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """As long as this lasts; who has begun to enter is waited for."""
        is_over = asyncio.Event()
        task = asyncio.create_task(self._go_on(is_over))
        try:
            yield
        finally:
            is_over.set()
            await task

    async def _go_on(self, is_over: asyncio.Event) -> None:
        for where in itertools.cycle(self._stage.shape.addresses()):
            self.names.append(await self._stage.enter(where))
            await asyncio.sleep(0.3)
            if is_over.is_set():
                return
