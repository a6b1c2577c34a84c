"""Two gateways, one store, one media node, and everybody's pages, so that a model can be held against them."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from teleward_cli.demo.client import (
    CallSocket,
    DemoError,
    QueueSocket,
    RefusedAnswerError,
    SocketEndedError,
)
from teleward_cli.store import free_port
from teleward_contract.placements import RESERVATION_TTL_S, Placed
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Projection,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import Store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.signalling import Join, ServerFrame
from teleward_contract.tickets import TicketSigner
from teleward_contract.units import CallId, CapacityUnits, Namespace, PoolId
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import Visit as Stored
from teleward_gateway.core.visits import call_of

from teleward_testing import sdp
from teleward_testing.clinic_life.model import (
    CLINICS,
    GONE,
    OK,
    ROLES,
    TAKEN,
    Act,
    Clinic,
    PatientAct,
    StaffAct,
)
from teleward_testing.clinic_life.people import (
    ENDS,
    ORIGIN,
    Guest,
    Page,
    Person,
    call_page,
    waiting_page,
)
from teleward_testing.gateways import RunningGateway, keys, project, running_gateway
from teleward_testing.media_node import running_media_node, write_public_key
from teleward_testing.valkey import RunningValkey

T = TypeVar("T")
REPLICAS = 2
POOL = PoolId("life/media")
SETTLED_S = 20.0
"""Within which everybody must be told; after that they never are."""
FREED_WITHIN_S = 3 * RESERVATION_TTL_S
"""A place that nobody released expires; each time that the store stood still it counts from there."""
_MEMBERS: dict[Clinic, dict[str, Role]] = {
    "cardiology": {
        "dora@x.org": Role.CLINIC_ADMIN, "ada@x.org": Role.CLINICIAN, "ben@x.org": Role.CLINICIAN,
        "rita@x.org": Role.RECEPTIONIST, "rob@x.org": Role.REFERRER, "ivy@x.org": Role.INTERPRETER,
    },
    "urgent": {"ben@x.org": Role.CLINICIAN, "rita@x.org": Role.RECEPTIONIST},
}  # fmt: skip
HILLS = Namespace("hills")
ADMITTED_AND_SENT_OUT = 1000
"""How a call socket ends whose visit has left the call in the meantime (docs/wire.md)."""


class World:
    """Everything real. `begin` makes a new organisation in it, so that one example knows nothing of another."""

    def __init__(self, valkey: RunningValkey, folder: Path) -> None:
        self.valkey = valkey
        self._folder = folder
        self._runner = asyncio.Runner()
        self._stack = contextlib.ExitStack()
        self._addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(REPLICAS)]
        self._replicas: list[tuple[RunningGateway, contextlib.ExitStack]] = []
        self._documents: list[Projection] = []
        self._number = 0
        self._ended: dict[CallId, float] = {}
        """Calls of earlier examples that were not seen to be free since, and when their visits were ended."""
        self.namespace = Namespace("")
        self.people: dict[str, Person] = {}
        self._staff: dict[str, Guest] = {}
        self._calls: list[Page] = []
        self._boards: dict[tuple[int, Clinic], tuple[QueueSocket, asyncio.Task[None]]] = {}

    def __enter__(self) -> "World":
        self.valkey.flush()
        files = keys(self._folder)
        private = TicketSigner(Path(files["TELEWARD_TICKET_KEY_FILE"]).read_text())
        public = self._folder / "public.json"
        write_public_key(private, public)
        self._stack.enter_context(
            running_media_node(
                self.valkey.url, pool=str(POOL), ticket_public_keys_file=str(public),
                participant_grace_s="60",
            )
        )  # fmt: skip
        self.run(project(self.valkey.url))
        self._replicas = [self._start(number) for number in range(REPLICAS)]
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self.leave())
        for _, replica in self._replicas:
            replica.close()
        self._stack.close()
        self._runner.close()

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Let time pass until something is done."""
        return self._runner.run(doing)

    def _start(self, number: int) -> tuple[RunningGateway, contextlib.ExitStack]:
        stack = contextlib.ExitStack()
        gateway = running_gateway(
            self.valkey.url, self._folder, self._addresses[number], public_url=ORIGIN
        )
        return stack.enter_context(gateway), stack

    # -- an example ---------------------------------------------------------------------------------

    async def begin(self) -> None:
        """A new organisation with two clinics, its staff signed in through either replica."""
        self._number += 1
        self.namespace = Namespace(f"life-{self._number}")
        self._documents = [*_documents(self.namespace)]
        await project(self.valkey.url, *self._documents)
        self.store = Store(self.valkey.url)
        self.visits = RedisVisits(self.store, 600)
        await self._wait_for_places()
        await self.check_freed()
        for number, user in enumerate(ROLES):
            self._staff[user] = Guest(self._addresses[number % REPLICAS])
            if user:
                await _soon(partial(self._staff[user].sign_in, user))
        await self.look_on()

    async def end(self) -> None:
        """Staff end every visit; its call is one that must be free some time later, whatever happened."""
        member = self._staff["olga@x.org"].at(self._addresses[0])
        for clinic in CLINICS:
            for _, visit in await self.stored(clinic):
                await _soon(partial(self._end, member, clinic, visit.id))
        calls = [call_of(person.visit) for person in self.people.values()]
        self._ended.update(dict.fromkeys(calls, time.monotonic()))

    async def _end(self, member: Guest, clinic: Clinic, visit: str) -> None:
        try:
            await member.act(self.namespace, clinic, visit, "end")
        except RefusedAnswerError as err:
            if err.status not in (404, 409):  # gone with its clinic; over by now
                raise
        else:
            assert not await self.holds_place(visit), f"ended, and its call holds a place: {visit}"

    async def holds_place(self, visit: str) -> bool:
        """Whether the call of a visit has a place; not any more once its end was answered."""
        return await RedisRouting(self.store).find(POOL, call_of(visit)) is not None

    async def check_freed(self) -> None:
        """No call of an earlier example holds a place for longer than it may."""
        routing = RedisRouting(self.store)
        for call, ended_at in list(self._ended.items()):
            if await routing.find(POOL, call) is None:
                del self._ended[call]
            elif time.monotonic() - ended_at > FREED_WITHIN_S:
                raise AssertionError(
                    f"the call of a visit that is over still holds a place: {call}"
                )

    async def leave(self) -> None:
        """Everybody goes home."""
        for person in self.people.values():
            for page in (person.page, person.call, *person.replaced):
                if page is not None:
                    await page.close()
            await person.browser.__aexit__(None, None, None)
        for call in self._calls:
            await call.close()
        for socket, reading in self._boards.values():
            reading.cancel()
            await socket.close()
        for member in self._staff.values():
            await member.__aexit__(None, None, None)
        if hasattr(self, "store"):
            await self.store.close()
        self.people, self._staff, self._boards, self._calls = {}, {}, {}, []

    async def _wait_for_places(self) -> None:
        """Until the media node counts: an emptied store knows of none, and says so for some seconds."""
        routing = RedisRouting(self.store)

        async def places() -> bool:
            answer = await routing.reserve(POOL, CallId("visit:probe"), CapacityUnits(1))
            return isinstance(answer, Placed)

        await _until("the media node is known", places)

    # -- staff ----------------------------------------------------------------------------------------

    async def look_on(self) -> None:
        """Open a dashboard of each clinic at each replica, unless one is open."""
        for number, address in enumerate(self._addresses):
            for clinic in CLINICS:
                board = self._boards.get((number, clinic))
                if board is not None and not board[1].done():
                    continue
                member = self._staff["ben@x.org"].at(address)
                socket = await member.watch(self.namespace, clinic)
                reading = asyncio.create_task(_read_on(socket))
                self._boards[number, clinic] = (socket, reading)

    def shown(self, replica: int, clinic: Clinic) -> list[tuple[str, str, str, int]]:
        """What a dashboard shows: visit, state, owner, priority, in order."""
        socket, _ = self._boards[replica, clinic]
        rows = sorted(socket.visits.values(), key=lambda row: (row.arrived_at, row.visit))
        if clinic == "urgent":
            rows.sort(key=lambda row: -row.priority)
        return [(r.visit, str(r.state.value), r.called_by or "", r.priority) for r in rows]

    def is_looked_on(self) -> bool:
        """Whether every dashboard is open."""
        return all(not reading.done() for _, reading in self._boards.values())

    async def act(self, name: str, act: Act) -> str:
        """Do it; how it was answered."""
        person = self.people[name]
        try:
            if isinstance(act, StaffAct):
                return await self._by_staff(person, act)
            return await self._by_patient(person, act)
        except DemoError as err:
            if isinstance(err, RefusedAnswerError):
                return _refusal(err.status, err.code)
            return "cut"

    async def _by_staff(self, person: Person, act: StaffAct) -> str:
        member = Guest(self._addresses[act.replica])
        member.cookies = dict(self._staff[act.who].cookies)
        body: dict[str, object] = {}
        match act.verb:
            case "hand-over" | "transfer":
                body = {"to": act.to}
            case "priority":
                body = {"priority": act.priority}
            case "message":
                body = {"text": "Soon."}
            case _:
                pass
        async with member:
            await member.act(self.namespace, act.at, person.visit, act.verb, **body)
        return OK

    async def _by_patient(self, person: Person, act: PatientAct) -> str:
        browser = person.browser.at(self._addresses[act.replica])
        match act.verb:
            case "leave":
                await browser.leave()
            case "follow":
                await browser.follow()
            case "enter again":
                namespace, _, clinic = browser.waits_at.partition("/")
                await browser.enter(namespace, clinic, person.name, {})
            case "join":
                return await self._join(person, act.replica)
        return OK

    async def _join(self, person: Person, replica: int) -> str:
        before, person.call = person.call, None
        if before is not None:
            await before.close()
        socket = await person.browser.call(person.browser.patient_call)
        try:
            async with asyncio.timeout(SETTLED_S):
                frame = await _into_call(socket)
        except SocketEndedError as err:
            await socket.close()
            return OK if err.close_code == ADMITTED_AND_SENT_OUT else "cut"
        if frame.type != "joined":
            await socket.close()
            if frame.type == "closed":
                return OK  # admitted, and ended at once
            return GONE if frame.type == "error" and frame.code == "not_found" else f"{frame}"
        person.call = call_page(socket, replica)
        return OK

    async def join_as_staff(self, user: str, name: str) -> None:
        """Have a member of staff in the call of a visit until the example is over."""
        member = self._staff[user]
        socket = await member.call(f"/ws/call/visit/{self.people[name].visit}")
        while (await socket.receive()).type != "ready":
            pass
        self._calls.append(call_page(socket, 0))

    @property
    def staff_calls(self) -> list[Page]:
        """The call sockets of staff."""
        return self._calls

    def member(self, user: str) -> Guest:
        """Somebody who is signed in."""
        return self._staff[user]

    def stranger(self, replica: int) -> Guest:
        """Somebody whom nobody knows."""
        return Guest(self._addresses[replica])

    def clinic(self, name: Clinic) -> ClinicProjection:
        """A clinic as it was declared."""
        found = (d for d in self._documents if isinstance(d, ClinicProjection) and d.name == name)
        return next(found)

    def board_of(self, clinic: Clinic) -> "asyncio.Task[None]":
        """What reads a dashboard of a clinic; it is over when that is closed."""
        return self._boards[0, clinic][1]

    # -- patients --------------------------------------------------------------------------------------

    async def enter(self, name: str, clinic: Clinic, replica: int) -> str:
        """Let somebody new enter."""
        browser = Guest(self._addresses[replica])
        person = self.people[name] = Person(name, browser, clinic)
        try:
            await browser.enter(self.namespace, clinic, name, {})
        except RefusedAnswerError as err:
            return _refusal(err.status, err.code)
        except DemoError:
            return "cut"
        finally:
            person.browser.waits_at = f"{self.namespace}/{clinic}"
        return OK

    async def open_page(self, name: str, replica: int) -> None:
        """Open a waiting page, on another device if one is open."""
        person = self.people[name]
        browser = person.browser.at(self._addresses[replica])
        socket = await _soon(lambda: browser.wait(name, {}))
        if person.page is not None:
            person.replaced.append(person.page)
        person.page = waiting_page(socket, replica)

    async def close_page(self, name: str) -> None:
        """The patient's telephone loses its network."""
        person = self.people[name]
        page, person.page = person.page, None
        if page is not None:
            await page.close()

    async def stored(self, clinic: Clinic) -> list[tuple[str, Stored]]:
        """The queue as the store has it: name and visit."""
        rows = await self.visits.waiting(self.namespace, f"uid-{self.namespace}-{clinic}")
        return [(row.personal.name, row.visit) for row in rows]

    async def stored_visit(self, visit: str) -> Stored | None:
        """One visit as the store has it."""
        return await self.visits.get(self.namespace, visit)

    # -- bad days --------------------------------------------------------------------------------------

    def kill(self, replica: int) -> None:
        """SIGKILL one gateway, and start it again where it was."""
        gateway, starting = self._replicas[replica]
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait()
        starting.close()
        self._replicas[replica] = self._start(replica)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The store is there and does nothing."""
        self.valkey.pause()
        try:
            yield
        finally:
            self.valkey.resume()

    def cut(self) -> None:
        """Cut every connection to the store."""
        with self.valkey.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
            client.client_kill_filter(_type="pubsub", skipme=True)

    async def empty(self) -> None:
        """The store forgets everything, and the operator projects again."""
        self.valkey.flush()
        await project(self.valkey.url, *self._documents)
        await self._wait_for_places()
        for user in filter(None, ROLES):  # whom only the other replica knew is asked to sign in
            await _soon(partial(self._staff[user].sign_in, user))

    async def reopen_pages(self) -> int:
        """Pages whose gateway died come back, as pages do; how many did."""
        back = 0
        for person in self.people.values():
            page = person.page
            if page is not None and page.is_over and page.last not in ENDS:
                person.page = None
                await self.open_page(person.name, 1 - page.replica)
                back += 1
        await self.look_on()
        return back


async def _into_call(socket: CallSocket) -> ServerFrame:
    """Join as a page does, whose media never come: who is in a call, is in it until somebody takes them out."""
    while (frame := await socket.receive()).type in ("wait", "ready", "move"):
        if frame.type == "ready":
            await socket.send(Join(offer=sdp.offer(sdp.audio("0"))))
    return frame


async def _read_on(socket: QueueSocket) -> None:
    with contextlib.suppress(SocketEndedError):
        while True:
            await socket.receive()


def _refusal(status: int, code: str) -> str:
    if status in (401, 403, 404):
        return GONE
    if status == 503:  # HTTP's own number
        return "503"
    return TAKEN if (status, code) == (409, "taken") else f"{status} {code}"


async def _until(what: str, is_so: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not await is_so():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def _soon(doing: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Try until it is done: a gateway that just started knows a new organisation a second later."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        try:
            return await doing()
        except DemoError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


def _documents(namespace: Namespace) -> Iterator[Projection]:
    yield OrganisationProjection(
        namespace=namespace, uid=f"uid-{namespace}", generation=1, display_name="Life",
        team=(TeamMember(role=Role.ORGANISATION_ADMIN, user="olga@x.org"),),
    )  # fmt: skip
    for clinic, members in _MEMBERS.items():
        yield ClinicProjection(
            namespace=namespace, name=clinic, uid=f"uid-{namespace}-{clinic}", generation=1,
            display_name=clinic.title(), pool=POOL,
            team=tuple(TeamMember(role=role, user=user) for user, role in members.items()),
            waiting_area=WaitingAreaProjection(
                uid=f"area-{namespace}-{clinic}", generation=1, max_waiting=50,
                order="Priority" if clinic == "urgent" else "Arrival",
            ),
        )  # fmt: skip
    yield ClinicProjection(
        namespace=HILLS, name="hills", uid="uid-hills", generation=1, display_name="Hills",
        team=(TeamMember(role=Role.CLINICIAN, user="eve@x.org"),),
    )  # fmt: skip
