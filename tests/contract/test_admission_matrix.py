"""The matrix of admission at the gateway's real doors: every standing × every action, over HTTP and WebSocket.

A standing counts in its own clinic; that of an organisation in each of its clinics; neither anywhere else. The
unit tests hold the function to the same matrix (`tests/unit/teleward_gateway/test_admission.py`).
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
import pytest_asyncio
from teleward_cli.demo.client import RefusedAnswerError, SocketEndedError, Visitor
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Role,
    RoomKind,
    RoomProjection,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace, PoolId
from teleward_gateway.adapters.guests_redis import RedisGuestLinks
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.admission import Action, Tie
from teleward_gateway.core.guests import (
    Guest,
    GuestAction,
    GuestPlace,
    GuestState,
    guest_changes,
    guest_id,
)
from teleward_gateway.core.tickets import guest_cookie, visit_cookie
from teleward_gateway.core.visits import OVER, Carried, Destination, Personal, Visit, VisitAction
from teleward_testing.doors import (
    NOT_FOUND,
    knock_at_call,
    knock_at_guest_socket,
    knock_at_queue,
    knock_at_request,
    knock_at_waiting,
)
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.permissions import is_in_matrix
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE, NEXT_DOOR, ELSEWHERE = "harbour/cardiology", "harbour/eyes", "hills/cardiology"
"""The clinic at whose doors everybody knocks; one of the same organisation; one of another, of the same name."""
KEEP_S, RETENTION_S = 3600, 60
NO_MEDIA_NODE = (409, 503)
"""What permitted calling in comes to: this house has no media node."""
SOMEBODY = "somebody@x.org"
COLLEAGUE = "colleague@x.org"
TO_COLLEAGUE = {"to": COLLEAGUE}
SOON = {"text": "Soon."}
TOLD_WITHIN_S = 3.0
"""A dashboard that is told nothing of a guest in this time is not told: three readings of the clinic."""
OWNED, OTHERS, MEETING = "of-owner", "of-somebody-else", "ward-round"


class Who(NamedTuple):
    """Somebody, by what they are and where."""

    standing: str
    at: str
    """`clinic HERE`, `organisation harbour`, …; of owners, whose room it is."""

    def __str__(self) -> str:
        return f"{self.standing} of {self.at}"

    @property
    def user(self) -> str:
        return f"{self.standing}-{self.at}".lower().replace("/", "-").replace(" ", "-") + "@x.org"


STAFF = [
    Who(role.value, at) for role in Role for at in (HERE, "harbour", NEXT_DOOR, ELSEWHERE, "hills")
]
"""Each role in a clinic's team and in an organisation's."""
PATIENTS = [Who(Tie.PATIENT.value, at) for at in (HERE, NEXT_DOOR, ELSEWHERE)]
GUESTS = [Who(Tie.GUEST.value, at) for at in (HERE, NEXT_DOOR, ELSEWHERE)]
OWNERS = [Who(Tie.OWNER.value, at) for at in (HERE, NEXT_DOOR, ELSEWHERE)]
NOBODY = Who("Nobody", "nowhere")
EVERYBODY = [*STAFF, *PATIENTS, *OWNERS, *GUESTS, NOBODY]


def is_permitted(who: Who, action: Action) -> bool:
    """What the matrix says; an owner is also a clinician of the clinic."""
    if who.at not in (HERE, "harbour"):
        return False
    standings = ("Owner", "Clinician") if who.standing == "Owner" else (who.standing,)
    return any(is_in_matrix(standing, action) for standing in standings)


def clinic(name: str) -> ClinicProjection:
    """A clinic with everybody in its team who says to be of it."""
    namespace, _, short = name.partition("/")
    team = [TeamMember(role=Role(w.standing), user=w.user) for w in STAFF if w.at == name]
    team += [TeamMember(role=Role.CLINICIAN, user=w.user) for w in OWNERS if w.at == name]
    team += [TeamMember(role=Role.CLINICIAN, user=COLLEAGUE)]
    owner = next(w for w in OWNERS if w.at == name).user
    return ClinicProjection(
        namespace=Namespace(namespace), name=short, uid=f"uid-{name}", generation=1,
        display_name=name, pool=PoolId("harbour/media"), team=tuple(team),
        waiting_area=WaitingAreaProjection(uid=f"area-{name}", generation=1, max_waiting=5000),
        rooms=(
            room(RoomKind.MEETING_ROOM, MEETING, name), room(RoomKind.USER_ROOM, OWNED, name, owner),
            room(RoomKind.USER_ROOM, OTHERS, name, SOMEBODY),
        ),
    )  # fmt: skip


def room(kind: RoomKind, name: str, of: str, owner: str | None = None) -> RoomProjection:
    """A standing room of a clinic."""
    return RoomProjection(
        kind=kind, name=name, uid=f"{of}-{name}", generation=1, display_name=name, owner=owner
    )


def organisation(namespace: str) -> OrganisationProjection:
    """An organisation with everybody in its team who says to be of it."""
    return OrganisationProjection(
        namespace=Namespace(namespace), uid=f"uid-{namespace}", generation=1,
        display_name=namespace,
        team=tuple(
            TeamMember(role=Role(w.standing), user=w.user) for w in STAFF if w.at == namespace
        ),
    )  # fmt: skip


class House:
    """The running gateway, its store, and people who are known to it."""

    def __init__(
        self, gateway: RunningGateway, visits: RedisVisits, guests: RedisGuestLinks
    ) -> None:
        self.gateway, self.visits, self.guests = gateway, visits, guests
        self._people: dict[Who, Visitor] = {}
        self._made: list[Visitor] = []

    async def person(self, who: Who) -> Visitor:
        """Sign in or enter, once."""
        if who not in self._people or who in PATIENTS:
            visitor = self._people[who] = Visitor(self.gateway.url)
            self._made.append(visitor)
            if who in PATIENTS:
                namespace, _, name = who.at.partition("/")
                await visitor.enter(namespace, name, "Ann", {})
            elif who in GUESTS:
                await self.knocks(visitor, who.at)
            elif who is not NOBODY:
                await visitor.sign_in(who.user)
        return self._people[who]

    async def guest(self, at: str, place: GuestPlace = GuestPlace.MEETING) -> tuple[Guest, str]:
        """Make a link to the meeting room of a clinic, or to the owned user room."""
        namespace, _, name = at.partition("/")
        secret = secrets.token_urlsafe(18)
        to = OWNED if place is GuestPlace.USER else MEETING
        made = Guest(
            id=guest_id(secret), namespace=Namespace(namespace), clinic=name, clinic_uid=f"uid-{at}",
            place=place, place_id=f"{at}-{to}", label="", made_by=SOMEBODY, made_ms=0,
            expires_ms=int(time.time() * 1000) + KEEP_S * 1000,
        )  # fmt: skip
        assert await self.guests.invite(made, KEEP_S)
        return made, secret

    async def knocks(self, person: Visitor, at: str) -> Guest:
        """Let somebody use a link up and knock, and be let in."""
        guest, secret = await self.guest(at)
        namespace, _, name = at.partition("/")
        await person.redeem(namespace, name, secret, "Gus")
        changed = guest_changes(GuestAction.ADMIT, SOMEBODY)
        await self.guests.change(guest.namespace, guest.id, GuestAction.ADMIT, changed)
        return guest

    async def visit(self, *actions: VisitAction, by: str = SOMEBODY) -> Visit:
        """Let a patient wait at the clinic, and go on as the actions say."""
        namespace, _, name = HERE.partition("/")
        visit = await self.visits.enter(
            Visit(
                id=secrets.token_urlsafe(18), namespace=Namespace(namespace), clinic=name,
                clinic_uid=f"uid-{HERE}", arrived_ms=int(time.time() * 1000),
            ),
            Personal(name="Ben"), KEEP_S,
        )  # fmt: skip
        for action in actions:
            _, now = await self.visits.change(visit.namespace, visit.id, action, by)
            assert now is not None
            visit = now
        return visit

    async def of(self, who: Who) -> Visit:
        """The visit of a patient: the newest of the clinic."""
        namespace, _, _ = who.at.partition("/")
        waiting = await self.visits.waiting(Namespace(namespace), f"uid-{who.at}")
        return waiting[-1].visit

    async def close(self) -> None:
        """Let everybody go."""
        for person in self._made:
            await person.__aexit__(None, None, None)


# -- doors: what somebody does, and whether it was let happen ----------------------------------------

Door: TypeAlias = Callable[[House, Who, Visitor], Awaitable[bool]]


async def see_clinic(house: House, who: Who, person: Visitor) -> bool:
    status, text = await person.request("GET", "/api/staff/me")
    return status == 200 and f'"display_name":"{HERE}"' in text


async def see_queue(house: House, who: Who, person: Visitor) -> bool:
    return await knock_at_queue(person, *HERE.split("/")) != NOT_FOUND


def act(
    word: str, *before: VisitAction, body: object = None, own: bool = False, calls: bool = False
) -> Door:
    """A button of the queue, pressed for a visit to which this has happened before.

    Args:
        word: The last part of its address.
        before: What has happened.
        body: What is posted.
        own: Whether it was done by who presses the button.
        calls: Whether it needs a media node, of which this house has none.
    """

    async def press(house: House, who: Who, person: Visitor) -> bool:
        visit = await house.visit(*before, by=who.user if own else SOMEBODY)
        status, _ = await person.request(
            "POST", f"/api/staff/{HERE}/visits/{visit.id}/{word}", body or {}
        )
        now = await house.visits.get(visit.namespace, visit.id)
        has_no_place = calls and status in NO_MEDIA_NODE
        if has_no_place and now is not None:  # all that is done then is to tell the patient
            untold = visit.model_dump(include={"is_delayed", "is_noticed"})
            now = now.model_copy(update=untold)
        is_touched = (now, await house.visits.words(visit.namespace, visit.id)) != (visit, None)
        assert is_touched is (status in (200, 204)), "refused and done, or done and nothing of it"
        return is_touched or has_no_place

    return press


async def message_all(house: House, who: Who, person: Visitor) -> bool:
    visit = await house.visit()
    answer = await knock_at_request(person, "POST", f"/api/staff/{HERE}/messages", SOON)
    is_told = await house.visits.words(visit.namespace, visit.id) is not None
    assert is_told is (answer != NOT_FOUND), "refused and done, or done and nothing of it"
    return is_told


async def join_visit(house: House, who: Who, person: Visitor) -> bool:
    if who in PATIENTS:
        visit = await house.of(who)
        await house.visits.change(visit.namespace, visit.id, VisitAction.CALL_IN, "x@x.org")
        return await knock_at_call(person, f"/ws/call/visit/{HERE}") != NOT_FOUND
    visit = await house.visit(VisitAction.CALL_IN)
    return await knock_at_call(person, f"/ws/call/visit/{visit.id}") != NOT_FOUND


def enter_room(address: str) -> Door:
    """A standing room."""

    async def knock(house: House, who: Who, person: Visitor) -> bool:
        return await knock_at_call(person, f"/ws/call/room/{HERE}/{address}") != NOT_FOUND

    return knock


def read(what: str) -> Door:
    """What was counted or recorded at the clinic."""
    namespace, _, name = HERE.partition("/")

    async def ask(house: House, who: Who, person: Visitor) -> bool:
        path = f"/api/staff/{namespace}/{what}?clinic={name}"
        return await knock_at_request(person, "GET", path) != NOT_FOUND

    return ask


async def wait(house: House, who: Who, person: Visitor) -> bool:
    return await knock_at_waiting(person, "Ann") != NOT_FOUND


async def leave(house: House, who: Who, person: Visitor) -> bool:
    visit = await house.of(who) if who in PATIENTS else await house.visit()
    await person.request("POST", f"/api/clinics/{HERE}/leave", {})
    now = await house.visits.get(visit.namespace, visit.id)
    return now is None or now.state in OVER


async def follow(house: House, who: Who, person: Visitor) -> bool:
    visit = await house.of(who) if who in PATIENTS else await house.visit()
    to = Destination(
        clinic=NEXT_DOOR.partition("/")[2], clinic_uid=f"uid-{NEXT_DOOR}", at_most=5000,
        came_from=HERE, came_from_uid=f"uid-{HERE}",
    )  # fmt: skip
    await house.visits.change(
        visit.namespace, visit.id, VisitAction.TRANSFER, carried=Carried(at=f"uid-{HERE}", to=to)
    )
    path = f"/api/clinics/{HERE}/follow"
    is_in = await knock_at_request(person, "POST", path) != NOT_FOUND
    assert is_in is (visit_cookie(*NEXT_DOOR.split("/")) in person.cookies)
    return is_in


async def see_guests(house: House, who: Who, person: Visitor) -> bool:
    guest, _ = await house.guest(HERE)
    is_seen = False
    with contextlib.suppress(SocketEndedError, RefusedAnswerError, TimeoutError):
        async with asyncio.timeout(TOLD_WITHIN_S), await person.watch(*HERE.split("/")) as socket:
            await socket.until(lambda: guest.id in {one.guest for one in socket.guests})
            is_seen = True
    await house.guests.revoke(guest.namespace, guest.clinic_uid, guest.id)
    return is_seen


async def invite(house: House, who: Who, person: Visitor) -> bool:
    path, body = f"/api/staff/{HERE}/guests", {"place": "meeting", "name": MEETING}
    status, text = await person.request("POST", path, body)
    if status == 201:
        made = json.loads(text)["guest"]
        await house.guests.revoke(Namespace("harbour"), f"uid-{HERE}", made)
    return status == 201


async def add(house: House, who: Who, person: Visitor) -> bool:
    host = await house.visit(VisitAction.CALL_IN, VisitAction.JOIN, by=who.user)
    return await act("add", body={"to": host.id}, calls=True)(house, who, person)


def decide(word: str, place: GuestPlace = GuestPlace.MEETING, calls: bool = False) -> Door:
    """A button beside a guest who knocks."""

    async def press(house: House, who: Who, person: Visitor) -> bool:
        guest, secret = await house.guest(HERE, place)
        async with Visitor(house.gateway.url) as outside:
            namespace, _, name = HERE.partition("/")
            await outside.redeem(namespace, name, secret, "Gus")
        status, _ = await person.request("POST", f"/api/staff/{HERE}/guests/{guest.id}/{word}", {})
        now = await house.guests.get(guest.namespace, guest.id)
        is_touched = now is None or now.state is not GuestState.KNOCKING
        assert is_touched is (status == 204), "refused and done, or done and nothing of it"
        await house.guests.revoke(guest.namespace, guest.clinic_uid, guest.id)
        return is_touched or (calls and status in NO_MEDIA_NODE)

    return press


async def knock(house: House, who: Who, person: Visitor) -> bool:
    return await knock_at_guest_socket(person, *HERE.split("/")) != NOT_FOUND


async def enter_as_guest(house: House, who: Who, person: Visitor) -> bool:
    return await knock_at_call(person, f"/ws/call/guest/{HERE}") != NOT_FOUND


IN_CONSULTATION = (VisitAction.CALL_IN, VisitAction.JOIN)
DOORS: dict[Action, Door] = {
    Action.SEE_CLINIC: see_clinic,
    Action.SEE_QUEUE: see_queue,
    Action.CALL_IN: act("call-in", calls=True),
    Action.JOIN_VISIT: join_visit,
    Action.RETURN: act("return", VisitAction.CALL_IN),
    Action.END_VISIT: act("end"),
    Action.REFUSE: act("refuse", body=SOON),
    Action.HOLD: act("hold", *IN_CONSULTATION),
    Action.RESUME: act("resume", *IN_CONSULTATION, VisitAction.HOLD, calls=True),
    Action.HAND_OVER: act("hand-over", VisitAction.CALL_IN, body=TO_COLLEAGUE, own=True),
    Action.HAND_OVER_OTHERS: act("hand-over", VisitAction.CALL_IN, body=TO_COLLEAGUE),
    Action.TRANSFER: act("transfer", body={"to": NEXT_DOOR.partition("/")[2]}),
    Action.ADD: add,
    Action.MESSAGE: act("message", body=SOON),
    Action.MESSAGE_ALL: message_all,
    Action.PRIORITISE: act("priority", body={"priority": 3}),
    Action.NOTICE: act("notice"),
    Action.ENTER_MEETING_ROOM: enter_room(f"meeting/{MEETING}"),
    Action.ENTER_USER_ROOM: enter_room(f"user/{OWNED}"),
    Action.HOST_USER_ROOM: decide("refuse", GuestPlace.USER),
    Action.INVITE: invite,
    Action.SEE_GUESTS: see_guests,
    Action.ADMIT_GUEST: decide("admit", calls=True),
    Action.REFUSE_GUEST: decide("refuse"),
    Action.REVOKE_LINK: decide("revoke"),
    Action.READ_REPORTS: read("reports"),
    Action.READ_AUDIT: read("audit"),
    Action.WAIT: wait,
    Action.LEAVE: leave,
    Action.FOLLOW: follow,
    Action.KNOCK: knock,
    Action.ENTER_AS_GUEST: enter_as_guest,
}
CELLS = list(itertools.product(EVERYBODY, Action))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    valkey.flush()
    clinics = [clinic(name) for name in (HERE, NEXT_DOOR, ELSEWHERE)]
    await project(valkey.url, *clinics, organisation("harbour"), organisation("hills"))
    folder: Path = tmp_path_factory.mktemp("keys")
    with running_gateway(valkey.url, folder) as gateway:
        async with open_store(valkey.url) as store:
            made = House(gateway, RedisVisits(store, RETENTION_S), RedisGuestLinks(store))
            yield made
            await made.close()


@pytest.mark.parametrize(
    ("who", "action"),
    CELLS,
    ids=[f"{who.standing}-{who.at}-{action.value}" for who, action in CELLS],
)
async def test_matrix_at_the_doors(house: House, who: Who, action: Action) -> None:
    person = await house.person(who)
    person.waits_at = HERE
    # Whoever has a ticket or a pass of another clinic shows it here as if it were of this one.
    for ties, named in ((PATIENTS, visit_cookie), (GUESTS, guest_cookie)):
        if who in ties:
            cookies = person.cookies.values()
            person.cookies = {named(*HERE.split("/")): cookie for cookie in cookies}

    assert await DOORS[action](house, who, person) is is_permitted(who, action)


async def test_the_owner_of_one_user_room_does_not_enter_the_next(house: House) -> None:
    person = await house.person(OWNERS[0])

    assert not await enter_room(f"user/{OTHERS}")(house, OWNERS[0], person)


async def test_the_matrix_has_a_door_for_every_action(
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cells of the matrix at real doors", len(CELLS))
    record_property("of them let in", sum(is_permitted(*cell) for cell in CELLS))

    assert set(DOORS) == set(Action)
