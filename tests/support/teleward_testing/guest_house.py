"""A clinic with rooms of every kind behind a real gateway, and a media node that beats and holds no call."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from joserfc import jws
from teleward_cli.demo.client import RefusedAnswerError, Visitor
from teleward_cli.demo.frames import Entry, GuestEntry, Invited
from teleward_contract.projections import (
    ClinicProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import Store, open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.signalling import (
    SUBPROTOCOL,
    Admitted,
    Authenticate,
    Challenge,
    Closed,
    CloseReason,
    ParticipantRole,
    encode,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import Namespace, PoolId
from teleward_gateway.adapters.guests_redis import RedisGuestLinks
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.guests import Guest, GuestState
from teleward_gateway.core.visits import Visit, VisitAction
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from teleward_testing import browser
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.routing import POOL, heartbeat
from teleward_testing.valkey import RunningValkey

HARBOUR = Namespace("harbour")
ADA, BEN, DESK = "ada@x.org", "ben@x.org", "desk@x.org"
Seen: TypeAlias = tuple[dict[str, Entry], tuple[GuestEntry, ...], dict[str, tuple[str, ...]]]
CAPACITY = 300
BEAT_S = 0.5
RECOVERED_S = 2.5
WITHIN_S = 15.0
GUEST_CALL = "/ws/call/guest/harbour/cardiology"


def room(name: str, kind: RoomKind = RoomKind.MEETING_ROOM, **spec: object) -> RoomProjection:
    known: dict[str, object] = {
        "kind": kind, "name": name, "uid": f"uid-{name}", "generation": 1, "display_name": name.title(),
    }  # fmt: skip
    return RoomProjection.model_validate(known | spec)


ROOMS = (
    room("ward"), room("open", guest_entry="Open"), room("small", max_participants=2),
    room("shut", guest_entry="Open", locked=True),
    room("ada", RoomKind.USER_ROOM, owner=ADA, patients_allowed=True),
    room("private", RoomKind.USER_ROOM, owner=ADA),
)  # fmt: skip


def clinic(name: str = "cardiology", pool: PoolId = POOL) -> ClinicProjection:
    return ClinicProjection(
        namespace=HARBOUR, name=name, uid=f"uid-{name}", generation=1, display_name=name.title(),
        team=(
            TeamMember(role=Role.CLINICIAN, user=ADA, display_name="Dr Ada"),
            TeamMember(role=Role.CLINICIAN, user=BEN, display_name="Dr Ben"),
            TeamMember(role=Role.RECEPTIONIST, user=DESK),
        ),
        pool=pool, rooms=ROOMS, waiting_area=WaitingAreaProjection(uid=f"area-{name}", generation=1),
    )  # fmt: skip


class ControlPort:
    """The control port of a media node that admits everybody and forwards nothing."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[tuple[str, str]] = []
        """(participant, frame) as they came; the gateway's own sockets have no participant."""
        self.admitted: list[MediaTicket] = []

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Serve until the block ends."""
        async with serve(
            self._admit, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/v1/control"
            yield

    async def _admit(self, ws: ServerConnection) -> None:
        await ws.send(encode(Challenge(nonce="n", media_node="default-0", boot="boot-0")))
        pass_ = Authenticate.model_validate_json(await ws.recv()).ticket
        claims = MediaTicket.model_validate_json(jws.extract_compact(pass_.encode()).payload)
        self.admitted.append(claims)
        who = claims.participant or ""
        await ws.send(encode(Admitted(participant=who, resumable=False)))
        async for text in ws:
            self.heard.append((who, str(text)))
            if not who:
                await ws.send(encode(Closed(reason=CloseReason.ENDED)))

    def newest(self, role: ParticipantRole) -> str:
        """The participant of this role who came last."""
        return next(
            one.participant
            for one in reversed(self.admitted)
            if one.role is role and one.participant
        )

    def commands(self) -> list[tuple[str, str]]:
        """What the gateway itself had done in calls: `remove` and whom, or `end`."""
        frames = [json.loads(text) for who, text in self.heard if not who]
        return [(frame["type"], frame.get("participant", "")) for frame in frames]


class GuestHouse:
    """The running gateway, its store, and people who are known to it."""

    def __init__(self, gateway: RunningGateway, store: Store, redis_url: str) -> None:
        self._redis_url = redis_url
        self.gateway, self.store = gateway, store
        self.visits, self.guests = RedisVisits(store, 60), RedisGuestLinks(store)
        self.capacity = CAPACITY
        self.control = ControlPort()
        self._made: list[Visitor] = []

    def person(self) -> Visitor:
        """Somebody with a browser of their own."""
        self._made.append(Visitor(self.gateway.url))
        return self._made[-1]

    async def staff(self, user: str) -> Visitor:
        """Somebody of the team, signed in."""
        person = self.person()
        await person.sign_in(user)
        return person

    async def invite(self, host: Visitor, place: str, name: str, **form: object) -> Invited:
        return await host.invite("harbour", "cardiology", place, name, **form)

    async def knocks(self, link: Invited, name: str = "Ida") -> Visitor:
        """Somebody who has used this link up."""
        person = self.person()
        await person.redeem("harbour", "cardiology", link.secret, name)
        return person

    async def decide(self, host: Visitor, link: Invited, what: str) -> None:
        await host.decide("harbour", "cardiology", link.guest, what)

    async def admitted(
        self, host: Visitor, place: str = "meeting", name: str = "ward"
    ) -> tuple[Visitor, Invited]:
        """A guest who was let in."""
        link = await self.invite(host, place, name)
        person = await self.knocks(link)
        await self.decide(host, link, "admit")
        return person, link

    async def guest(self, link: Invited) -> Guest | None:
        return await self.guests.get(HARBOUR, link.guest)

    async def state(self, link: Invited) -> GuestState | None:
        """What has become of a link."""
        guest = await self.guest(link)
        return guest.state if guest else None

    async def patient(self, name: str) -> tuple[Visitor, str]:
        """Somebody who waits, and their visit."""
        person = self.person()
        await person.enter("harbour", "cardiology", name, {})
        rows = await self.visits.waiting(HARBOUR, "uid-cardiology")
        return person, next(row.visit.id for row in rows if row.personal.name == name)

    async def visit(self, visit: str) -> Visit:
        found = await self.visits.get(HARBOUR, visit)
        assert found is not None
        return found

    async def act(self, host: Visitor, visit: str, action: str, **body: object) -> None:
        await host.act("harbour", "cardiology", visit, action, **body)

    async def in_consultation(self, host: Visitor, name: str) -> tuple[Visitor, str]:
        """A patient whose consultation runs."""
        person, visit = await self.patient(name)
        await self.act(host, visit, "call-in")
        await self.visits.change(HARBOUR, visit, VisitAction.JOIN)
        return person, visit

    async def seen_by(
        self, host: Visitor
    ) -> tuple[dict[str, Entry], tuple[GuestEntry, ...], dict[str, tuple[str, ...]]]:
        """What a dashboard is shown: rows, guests, names in rooms."""
        async with asyncio.timeout(10), await host.watch("harbour", "cardiology") as socket:
            await socket.receive()
            rooms = {uid: one.names for uid, one in socket.rooms.items()}
            return socket.visits, socket.guests, rooms

    async def shows(self, who: Visitor, room: str, names: tuple[str, ...]) -> bool:
        """Whether exactly these are shown to somebody as in a room."""
        _, _, rooms = await self.seen_by(who)
        return rooms.get(room, ()) == names

    async def empty(self) -> None:
        """Have the store forget everything but what the operator projects again."""
        await self.store.redis.flushall()
        await self.declare()

    async def declare(self) -> None:
        """Project the clinics."""
        await project(self._redis_url, clinic(), clinic("eyes"))

    async def beat(self) -> None:
        """Be a media node, for ever; it holds no call, so that each placement lasts twenty seconds."""
        routing = RedisRouting(self.store)
        while True:
            beat = heartbeat(capacity=self.capacity)
            await routing.beat(beat.model_copy(update={"control_url": self.control.url}))
            await asyncio.sleep(BEAT_S)

    async def close(self) -> None:
        for person in self._made:
            await person.__aexit__(None, None, None)


@contextlib.asynccontextmanager
async def guest_house(valkey: RunningValkey, folder: Path) -> AsyncIterator[GuestHouse]:
    """Run it; what the store held is gone."""
    valkey.flush()
    await project(valkey.url, clinic(), clinic("eyes"))
    with running_gateway(valkey.url, folder) as gateway:
        async with open_store(valkey.url) as store, contextlib.AsyncExitStack() as stack:
            house = GuestHouse(gateway, store, valkey.url)
            await stack.enter_async_context(house.control.serve())
            beating = asyncio.create_task(house.beat())
            await asyncio.sleep(RECOVERED_S)
            try:
                yield house
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
                await house.close()


async def refused(answer: Awaitable[object]) -> str:
    """The code with which this is refused."""
    try:
        await answer
    except RefusedAnswerError as err:
        return err.code
    raise AssertionError("it was not refused")


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so."""
    await browser.until("it is so", is_so, seconds=WITHIN_S, every=0.1)
