"""What staff do with a visit, at a running gateway: the patient's page and the queue are told, and nobody else is."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias, TypeVar

import pytest
import pytest_asyncio
from teleward_cli.demo.client import (
    QueueSocket,
    RefusedAnswerError,
    Socket,
    SocketEndedError,
    Visitor,
    WaitingSocket,
)
from teleward_cli.demo.frames import Entry, Queue, QueueDelta, Transferred, Visit, VisitState
from teleward_contract.projections import (
    ClinicProjection,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace, PoolId
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import VisitAction
from teleward_gateway.usecases.write_to_patients import MESSAGES
from teleward_testing.doors import NOT_FOUND, knock_at_call
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARBOUR = Namespace("harbour")
ADA, BEN, RIA = "ada@x.org", "ben@x.org", "ria@x.org"
LATE = {"en": "Ten minutes.", "ar": "عشر دقائق."}
WITHIN_S = 10.0
RETENTION_S = 600


def clinic(name: str, *, order: str = "Arrival", **spec: object) -> ClinicProjection:
    team: tuple[TeamMember, ...] = (
        TeamMember(role=Role.CLINICIAN, user=ADA, display_name="Dr Ada"),
        TeamMember(role=Role.CLINICIAN, user=BEN, display_name="Dr Ben"),
    )
    if name == "cardiology":
        team = (*team, TeamMember(role=Role.REFERRER, user=RIA))
    area = {"uid": f"area-{name}", "generation": 1, "order": order, "ready_messages": (LATE,)}
    return ClinicProjection(
        namespace=HARBOUR, name=name, uid=f"uid-{name}", generation=1, display_name=name.title(),
        team=team, pool=PoolId("harbour/media"), waiting_area=WaitingAreaProjection.model_validate(area | spec),
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningGateway]:
    valkey.flush()
    await project(
        valkey.url, clinic("cardiology"), clinic("urgent", order="Priority", show_position=True),
        clinic("busy"), clinic("shut", enabled=False), clinic("tiny", max_waiting=0),
        clinic("hurried", long_after_minutes=5, very_long_after_minutes=20),
    )  # fmt: skip
    with running_gateway(valkey.url, tmp_path_factory.mktemp("keys")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(gateway: RunningGateway, valkey: RunningValkey) -> AsyncIterator[RedisVisits]:
    async with open_store(valkey.url) as opened:
        yield RedisVisits(opened, RETENTION_S)


@pytest_asyncio.fixture(loop_scope="module")
async def somebody(gateway: RunningGateway) -> AsyncIterator[Callable[[], Visitor]]:
    made: list[Visitor] = []

    def arrive() -> Visitor:
        made.append(Visitor(gateway.url))
        return made[-1]

    yield arrive
    for one in made:
        await one.__aexit__(None, None, None)


S = TypeVar("S", bound=Socket)


class Scene:
    """A clinic with a dashboard, and patients who come."""

    def __init__(self, somebody: Callable[[], Visitor], where: str) -> None:
        self._somebody = somebody
        self.where = where
        self.ada, self.ben = somebody(), somebody()
        self.queue: QueueSocket | None = None
        self._sockets: list[Socket] = []

    def keep(self, socket: S) -> S:
        """Close a socket when the scene is over."""
        self._sockets.append(socket)
        return socket

    async def open(self) -> None:
        await self.ada.sign_in(ADA)
        await self.ben.sign_in(BEN)
        self.queue = self.keep(await self.ada.watch(HARBOUR, self.where))

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.close()

    async def patient(self, name: str, locale: str = "en") -> tuple[Visitor, WaitingSocket, str]:
        """Let a patient enter and wait: the person, the waiting socket, the visit."""
        person = self._somebody()
        await person.enter(HARBOUR, self.where, name, {}, locale)
        socket = self.keep(await person.wait(name, {}, locale))
        return person, socket, (await self.row(lambda entry: entry.name == name)).visit

    async def row(self, wanted: Callable[[Entry], bool]) -> Entry:
        assert self.queue is not None
        async with asyncio.timeout(WITHIN_S):
            return await self.queue.find(wanted)

    async def act(self, who: Visitor, visit: str, action: str, **body: object) -> None:
        await self.act_at(self.where, who, visit, action, **body)

    async def act_at(
        self, where: str, who: Visitor, visit: str, action: str, **body: object
    ) -> None:
        await who.act(HARBOUR, where, visit, action, **body)


NewScene: TypeAlias = Callable[[str], Awaitable[Scene]]


@pytest_asyncio.fixture(loop_scope="module")
async def at(somebody: Callable[[], Visitor]) -> AsyncIterator[Callable[[str], Awaitable[Scene]]]:
    made: list[Scene] = []

    async def scene(where: str) -> Scene:
        made.append(Scene(somebody, where))
        await made[-1].open()
        return made[-1]

    yield scene
    for one in made:
        await one.close()


@pytest_asyncio.fixture(loop_scope="module")
async def scene(at: NewScene) -> Scene:
    return await at("cardiology")


async def told(socket: WaitingSocket, wanted: Callable[[Visit], bool]) -> Visit:
    """Wait until the patient's page hears this."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            frame = await socket.receive()
            if isinstance(frame, Visit) and wanted(frame):
                return frame


def says(frame: Visit) -> str:
    return frame.message.text if frame.message else ""


async def refusal(doing: object) -> RefusedAnswerError:
    with pytest.raises(RefusedAnswerError) as refused:
        await doing  # type: ignore[misc]  # a coroutine
    return refused.value


async def test_a_refused_patient_reads_why_and_so_does_a_page_that_was_away(scene: Scene) -> None:
    person, socket, visit = await scene.patient("Refused")

    await scene.act(scene.ada, visit, "refuse", text="Please go to\nthe emergency department.")

    frame = await told(socket, lambda frame: frame.state is VisitState.REFUSED)
    assert says(frame) == "Please go to the emergency department."
    later = scene.keep(await person.wait("Refused", {}))
    assert says(await told(later, lambda frame: True)) == says(frame)


async def test_a_refusal_needs_no_words(scene: Scene) -> None:
    _, socket, visit = await scene.patient("Wordless")

    await scene.act(scene.ada, visit, "refuse")

    assert (await told(socket, lambda frame: frame.state is VisitState.REFUSED)).message is None


async def test_a_message_reaches_one_patient_in_the_patients_language(scene: Scene) -> None:
    _, layla, visit = await scene.patient("Layla", "ar")
    _, other, _ = await scene.patient("Other")

    await scene.act(scene.ada, visit, "message", ready=LATE["en"])
    assert says(await told(layla, lambda frame: bool(frame.message))) == LATE["ar"]
    await scene.act(scene.ben, visit, "message", text="Desk 5, please.")
    assert says(await told(layla, lambda frame: says(frame) != LATE["ar"])) == "Desk 5, please."

    _, text = await scene.ada.request("POST", f"/api/staff/{HARBOUR}/cardiology/messages", LATER)
    assert json.loads(text)["told"] >= 2
    assert says(await told(other, lambda frame: bool(frame.message))) == LATER["text"]
    assert says(await told(layla, lambda frame: says(frame) != "Desk 5, please.")) == LATER["text"]


LATER = {"text": "All doctors are late."}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ({}, "empty"),
        ({"text": " \u200d "}, "empty"),
        ({"text": "x" * 501}, "too_long"),
        ({"text": "x" * 4001}, "invalid_request"),
        ({"ready": "Never."}, "unknown_text"),
        ({"text": ["x"]}, "invalid_request"),
    ],
)
async def test_what_cannot_be_sent_is_a_typed_error(
    scene: Scene, written: dict[str, object], code: str
) -> None:
    _, _, visit = await scene.patient("Untold")

    answer = await refusal(scene.act(scene.ada, visit, "message", **written))

    assert (answer.status, answer.code) == (422, code)


async def test_whose_visit_is_over_gets_no_message(scene: Scene) -> None:
    _, _, visit = await scene.patient("Gone")
    await scene.act(scene.ada, visit, "end")

    answer = await refusal(scene.act(scene.ben, visit, "message", text="Soon."))

    assert answer.status == 404


async def test_a_clinic_cannot_write_without_end(at: NewScene) -> None:
    scene = await at("busy")
    path = f"/api/staff/{HARBOUR}/busy/messages"

    answers = [(await scene.ada.request("POST", path, LATER))[0] for _ in range(MESSAGES)]
    status, text = await scene.ada.request("POST", path, LATER)

    assert set(answers) == {200}
    assert (status, json.loads(text)["error"]["code"]) == (429, "too_fast")


async def test_the_urgent_come_first_where_the_clinic_says_so(at: NewScene) -> None:
    scene = await at("urgent")
    _, first, _ = await scene.patient("First")
    _, second, visit = await scene.patient("Second")
    await told(second, lambda frame: frame.position == 2)

    await scene.act(scene.ada, visit, "priority", priority=4)

    await scene.row(lambda entry: entry.priority == 4)
    assert (await told(second, lambda frame: frame.position == 1)).message is None
    await told(first, lambda frame: frame.position == 2)
    async with await scene.ben.watch(HARBOUR, "urgent") as queue:
        frame = await queue.receive()
        assert isinstance(frame, Queue)
        assert (frame.order, [row.name for row in frame.visits]) == (
            "Priority", ["Second", "First"],
        )  # fmt: skip


async def test_a_dashboard_is_told_what_the_clinic_calls_a_long_wait_and_when_that_changes(
    at: NewScene, valkey: RunningValkey
) -> None:
    scene = await at("hurried")
    assert scene.queue is not None
    first = await scene.queue.receive()
    await project(valkey.url, clinic("hurried", long_after_minutes=1, very_long_after_minutes=2))
    async with asyncio.timeout(WITHIN_S):
        second = await scene.queue.receive()

    assert [
        isinstance(one, Queue) and (one.long_after_minutes, one.very_long_after_minutes)
        for one in (first, second)
    ] == [(5, 20), (1, 2)]


@pytest.mark.parametrize("priority", [-1, 10, "4", 1.5, None])
async def test_a_priority_is_a_number_from_0_to_9(scene: Scene, priority: object) -> None:
    _, _, visit = await scene.patient("Whoever")

    answer = await refusal(scene.act(scene.ada, visit, "priority", priority=priority))

    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_of_two_who_act_at_once_one_wins_and_the_other_is_told_who(scene: Scene) -> None:
    _, _, visit = await scene.patient("Wanted")
    path = f"/api/staff/{HARBOUR}/cardiology/visits/{visit}"

    answers = await asyncio.gather(
        scene.ada.request("POST", f"{path}/refuse", {}), scene.ben.request("POST", f"{path}/end")
    )

    assert sorted(status for status, _ in answers) == [204, 404]
    loser = next(json.loads(text)["error"] for status, text in answers if status == 404)
    assert loser["by"] == ("Dr Ada" if answers[0][0] == 204 else "Dr Ben")


async def test_a_patient_on_hold_waits_again_in_private_and_may_be_in_no_call(
    scene: Scene, store: RedisVisits
) -> None:
    person, socket, visit = await scene.patient("Held")
    for step in (VisitAction.CALL_IN, VisitAction.JOIN):
        await store.change(HARBOUR, visit, step, ADA)
    call = scene.keep(await person.call(person.patient_call))

    await scene.act(scene.ada, visit, "hold")

    await told(socket, lambda frame: frame.state is VisitState.ON_HOLD)
    row = await scene.row(lambda entry: entry.state is VisitState.ON_HOLD)
    assert (row.visit, row.called_by, row.called_by_name) == (visit, ADA, "Dr Ada")
    assert await ends(call), "the call socket outlives the hold"
    assert await knock_at_call(person, person.patient_call) == NOT_FOUND
    assert await knock_at_call(scene.ben, f"/ws/call/visit/{visit}") != NOT_FOUND
    answer = await refusal(scene.act(scene.ben, visit, "hold"))
    assert (answer.status, answer.code, answer.by) == (409, "taken", "Dr Ada")


async def ends(socket: Socket) -> bool:
    with contextlib.suppress(SocketEndedError):
        async with asyncio.timeout(WITHIN_S):
            while True:
                await socket.receive_text()
    return True


async def test_a_visit_is_given_to_a_colleague_by_its_owner_and_nobody_else(
    scene: Scene, store: RedisVisits
) -> None:
    _, socket, visit = await scene.patient("Given")
    await told(socket, lambda frame: True)  # from now on the page changes nothing in the visit
    await store.change(HARBOUR, visit, VisitAction.CALL_IN, ADA)
    before = await store.get(HARBOUR, visit)
    assert before is not None

    answer = await refusal(scene.act(scene.ben, visit, "hand-over", to=BEN))
    assert (answer.code, answer.by) == ("taken", "Dr Ada")
    answer = await refusal(scene.act(scene.ada, visit, "hand-over", to="eve@x.org"))
    assert (answer.status, answer.code) == (422, "unknown_colleague")
    await scene.act(scene.ada, visit, "hand-over", to=BEN)

    now = await store.get(HARBOUR, visit)
    assert now is not None
    assert now.model_copy(update={"seen_ms": before.seen_ms}) == before.model_copy(
        update={"called_by": BEN, "changed_by": ADA}
    )
    assert (await scene.row(lambda entry: entry.called_by == BEN)).called_by_name == "Dr Ben"
    assert (await refusal(scene.act(scene.ada, visit, "hand-over", to=ADA))).by == "Dr Ben"


async def test_of_many_that_give_a_visit_away_at_once_one_is_carried_out(
    scene: Scene, store: RedisVisits
) -> None:
    """All of them find it with the same owner; each asks for that again when it is carried out."""
    _, _, visit = await scene.patient("Given once")
    await store.change(HARBOUR, visit, VisitAction.CALL_IN, ADA)
    path = f"/api/staff/{HARBOUR}/cardiology/visits/{visit}/hand-over"

    answers = await asyncio.gather(
        *(scene.ada.request("POST", path, {"to": BEN}) for _ in range(8))
    )

    assert sorted(status for status, _ in answers) == [204] + [409] * 7


async def test_a_transferred_patient_waits_on_in_the_other_clinic_with_no_new_link(
    at: NewScene,
) -> None:
    here, there = await at("cardiology"), await at("urgent")
    person, socket, visit = await here.patient("Moved")
    _, other, _ = await here.patient("Stays")
    before = await here.row(lambda entry: entry.visit == visit)

    await here.act(here.ada, visit, "transfer", to="urgent")

    row = await there.row(lambda entry: entry.visit == visit)
    assert (row.name, row.arrived_at, row.came_from) == ("Moved", before.arrived_at, "Cardiology")
    frame = await last(socket)
    assert (frame.clinic, frame.display_name) == ("urgent", "Urgent")
    early = here.keep(await person.wait("Moved", {}))
    assert (await last(early)).clinic == "urgent", "a page that was away is told, too"
    assert await knock_at_call(person, person.patient_call) == NOT_FOUND
    await person.follow()
    assert list(person.cookies) == [f"__Host-teleward-visit.{HARBOUR}.urgent"]
    again = there.keep(await person.wait("Moved", {}))
    shown = await told(again, lambda frame: True)
    assert (shown.state, shown.arrived_at) == (VisitState.WAITING, before.arrived_at)
    assert shown.clinic.display_name == "Urgent"

    answer = await refusal(here.act(here.ben, visit, "call-in"))
    assert (answer.status, answer.by) == (404, "Dr Ada")
    await there.act(there.ben, visit, "end")
    await told(again, lambda frame: frame.state is VisitState.ENDED)
    await here.act(here.ada, (await here.row(lambda e: e.name == "Stays")).visit, "end")
    await told(other, lambda frame: frame.state is VisitState.ENDED)


async def last(socket: WaitingSocket) -> Transferred:
    async with asyncio.timeout(WITHIN_S):
        while not isinstance(frame := await socket.receive(), Transferred):
            pass
        with pytest.raises(SocketEndedError) as ended:
            await socket.receive()
    assert ended.value.close_code == 1000
    return frame


async def test_following_takes_a_visit_that_is_elsewhere_and_goes_on(
    scene: Scene, somebody: Callable[[], Visitor]
) -> None:
    stays, _, visit = await scene.patient("Stays")
    assert (await refusal(stays.follow())).status == 404
    await scene.act(scene.ada, visit, "transfer", to="urgent")
    await scene.act_at("urgent", scene.ada, visit, "end")
    assert (await refusal(stays.follow())).status == 404
    stranger = somebody()
    stranger.waits_at = stays.waits_at
    assert (await refusal(stranger.follow())).status == 404


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("cardiology", "unknown_clinic"),
        ("nowhere", "unknown_clinic"),
        ("../urgent", "unknown_clinic"),
        ("shut", "not_open"),
        ("tiny", "not_open"),
    ],
)
async def test_a_clinic_that_takes_nobody_gets_nobody(scene: Scene, to: str, code: str) -> None:
    _, _, visit = await scene.patient("Stays")
    path = f"/api/staff/{HARBOUR}/cardiology/visits/{visit}/transfer"

    status, text = await scene.ada.request("POST", path, {"to": to})

    assert (status, json.loads(text)["error"]["code"]) in ((422, code), (409, code))
    assert (await scene.row(lambda entry: entry.visit == visit)).state is VisitState.WAITING


async def test_who_only_transfers_ends_no_consultation(
    scene: Scene, store: RedisVisits, somebody: Callable[[], Visitor]
) -> None:
    _, _, visit = await scene.patient("Seen")
    referrer = somebody()
    await referrer.sign_in(RIA)
    await store.change(HARBOUR, visit, VisitAction.CALL_IN, ADA)

    answer = await refusal(scene.act(referrer, visit, "transfer", to="urgent"))
    assert (answer.code, answer.by) == ("taken", "Dr Ada")
    await store.change(HARBOUR, visit, VisitAction.RETURN, ADA)
    await scene.act(referrer, visit, "transfer", to="urgent")

    assert (
        await refusal(scene.act_at("urgent", referrer, visit, "transfer", to="cardiology"))
    ).status == 404


async def test_who_may_choose_sees_what_there_is_to_choose_from(scene: Scene) -> None:
    _, text = await scene.ada.request("GET", f"/api/staff/{HARBOUR}/cardiology/choices")

    chosen = json.loads(text)
    assert chosen["ready"] == [LATE]
    assert [one["name"] for one in chosen["colleagues"]] == ["Dr Ada", "Dr Ben"]
    assert [one["name"] for one in chosen["clinics"]] == [
        "busy", "hurried", "shut", "tiny", "urgent",
    ]  # fmt: skip


async def test_the_dashboard_of_who_did_nothing_hears_of_it(scene: Scene) -> None:
    _, _, visit = await scene.patient("Watched")
    async with await scene.ben.watch(HARBOUR, "cardiology") as queue, asyncio.timeout(WITHIN_S):
        await queue.find(lambda entry: entry.visit == visit)
        await scene.act(scene.ada, visit, "end")
        while not (isinstance(frame := await queue.receive(), QueueDelta) and frame.remove):
            pass
        assert frame.remove == (visit,)
