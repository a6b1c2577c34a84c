"""What a clinic's door tells and takes, and what becomes of it on both sides, at a running gateway."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from teleward_cli.demo.client import RefusedAnswerError, Socket, SocketEndedError, Visitor
from teleward_cli.demo.frames import Entry, SpeakerShown, Visit, VisitState
from teleward_contract.projections import (
    ClinicProjection,
    Role,
    Suspension,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.visits import VisitAction
from teleward_gateway.web.waiting import SAID_AT_ONCE
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.valkey import RunningValkey
from teleward_testing.visitors import TidyVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARBOUR, ADA = Namespace("harbour"), "ada@x.org"
WITHIN_S = 10.0
SURVEY = "https://survey.example.org/q?clinic=1"
SPEAKER = {"name": "Mia Novak", "role": "interpreter"}


def clinic(name: str, suspended: Suspension | None = None, **spec: object) -> ClinicProjection:
    area = {"uid": f"area-{name}", "generation": 1}
    return ClinicProjection(
        namespace=HARBOUR, name=name, uid=f"uid-{name}", generation=1, display_name=name.title(),
        team=(TeamMember(role=Role.CLINICIAN, user=ADA, display_name="Dr Ada"),),
        suspended=suspended, waiting_area=WaitingAreaProjection.model_validate(area | spec),
        time_zone="Europe/Vienna",
    )  # fmt: skip


CLINICS = (
    clinic(
        "terms", information_page={"en": "How it works.", "ar": "كيف تعمل."},
        terms={"en": "I agree.", "ar": "أوافق."},
    ),
    clinic("plain"),
    clinic("sure", confirm_identity=True),
    clinic("closing", closing_message={"en": "Get well.", "ar": "سلامتك."}, closing_link=SURVEY),
    clinic("shut", Suspension(message_for_staff={"en": "Flood", "ar": "فيضان"})),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningGateway]:
    valkey.flush()
    await project(valkey.url, *CLINICS)
    with running_gateway(valkey.url, tmp_path_factory.mktemp("keys")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(gateway: RunningGateway, valkey: RunningValkey) -> AsyncIterator[RedisVisits]:
    async with open_store(valkey.url) as opened:
        yield RedisVisits(opened, 600)


@pytest_asyncio.fixture(loop_scope="module")
async def somebody(gateway: RunningGateway) -> AsyncIterator[Callable[[], Visitor]]:
    made: list[Visitor] = []

    def arrive() -> Visitor:
        made.append(TidyVisitor(gateway.url))
        return made[-1]

    yield arrive
    for one in made:
        await one.__aexit__(None, None, None)


async def enter(person: Visitor, where: str, name: str, **said: object) -> tuple[int, object]:
    """Enter with more than a name: the status, and the reasons of a refusal."""
    body = {"name": name, "fields": {}, "locale": "en", **said}
    status, text = await person.request("POST", f"/api/clinics/harbour/{where}/visits", body)
    person.waits_at = f"harbour/{where}"
    return status, json.loads(text).get("error", {}).get("fields")


async def row(person: Visitor, where: str, wanted: Callable[[Entry], bool]) -> Entry:
    async with (
        asyncio.timeout(WITHIN_S),
        await person.watch(HARBOUR, where) as queue,
    ):
        return await queue.find(wanted)


async def told(socket: Socket, wanted: Callable[[Visit], bool]) -> Visit:
    async with asyncio.timeout(WITHIN_S):
        while True:
            text = await socket.receive_text()
            if json.loads(text)["type"] == "visit" and wanted(Visit.model_validate_json(text)):
                return Visit.model_validate_json(text)


@pytest_asyncio.fixture(loop_scope="module")
async def ada(somebody: Callable[[], Visitor]) -> Visitor:
    person = somebody()
    await person.sign_in(ADA)
    return person


async def test_a_door_tells_information_and_terms_in_the_readers_language(
    somebody: Callable[[], Visitor],
) -> None:
    person, told = somebody(), {}
    for where, locale in (("terms", "ar"), ("plain", "ar")):
        door = json.loads(await person.ask("GET", f"/api/clinics/harbour/{where}?locale={locale}"))
        told[where] = (door["information"], door["terms"])

    assert told == {"terms": ("كيف تعمل.", "أوافق."), "plain": ("", "")}


async def test_nobody_enters_who_has_not_accepted_the_terms_that_there_are(
    somebody: Callable[[], Visitor],
) -> None:
    person = somebody()

    assert await enter(person, "terms", "Ann") == (422, {"accepted_terms": "required"})
    refused = {"accepted_terms": "required", "name": "required"}
    assert await enter(person, "terms", "", accepted_terms=False) == (422, refused)
    assert person.cookies == {}
    assert await enter(person, "terms", "Ann", accepted_terms=True) == (201, None)
    assert (await enter(somebody(), "plain", "Ann"))[0] == 201


@pytest.mark.parametrize(
    "said",
    [
        {"accepted_terms": "yes"},
        {"accepted_terms": 1},
        {"speaker": {"name": "Mia", "role": "boss"}},
        {"speaker": "Mia"},
        {"speaker": {"role": "carer"}},
        {"appointment": "x" * 41},
        {"appointment": 7},
    ],
)
async def test_what_has_not_its_form_is_refused(
    somebody: Callable[[], Visitor], said: dict[str, object]
) -> None:
    assert await enter(somebody(), "plain", "Ann", **said) == (422, None)


async def test_staff_see_who_speaks_for_whom_and_the_appointment_of_the_link(
    somebody: Callable[[], Visitor], ada: Visitor
) -> None:
    person = somebody()
    arrived = (await enter(person, "plain", "Ada Novak", speaker=SPEAKER))[0]
    assert arrived == 201

    seen = await row(ada, "plain", lambda entry: entry.name == "Ada Novak")

    assert seen.speaker == SpeakerShown(name="Mia Novak", role="interpreter")
    assert (seen.appointment, seen.noticed, seen.device) == ("", False, None)
    other = somebody()
    at = seen.arrived_at[:17] + "00+00:00"
    assert (await enter(other, "plain", "By link", appointment=at))[0] == 201
    by_link = await row(ada, "plain", lambda entry: entry.name == "By link")
    assert by_link.appointment == at.replace("+00:00", "Z")


async def test_a_place_that_was_lost_with_the_store_comes_back_with_who_speaks(
    somebody: Callable[[], Visitor], ada: Visitor, valkey: RunningValkey
) -> None:
    person = somebody()
    await enter(person, "plain", "Lost", speaker=SPEAKER)
    valkey.flush()
    await project(valkey.url, *CLINICS)
    await ada.sign_in(ADA)

    socket = await person.connect(Socket, "/ws/visit/harbour/plain")
    hello = {"type": "hello", "name": "Lost", "fields": {}, "speaker": SPEAKER}
    await socket.send_text(json.dumps(hello))
    await told(socket, lambda frame: True)

    seen = await row(ada, "plain", lambda entry: entry.name == "Lost")
    assert seen.speaker == SpeakerShown(name="Mia Novak", role="interpreter")
    await socket.close()


REPORT = {
    "type": "report", "device": "phone", "browser": "firefox", "camera": "blocked",
    "microphone": "on", "calls": "ready", "network": "slow", "user_agent": "Mozilla/5.0 canary",
}  # fmt: skip


async def test_staff_see_what_the_page_found_out_and_nothing_that_is_no_word_of_the_list(
    somebody: Callable[[], Visitor], ada: Visitor, store: RedisVisits
) -> None:
    person = somebody()
    await enter(person, "plain", "Tested")
    socket = await person.wait("Tested", {})
    await told(socket, lambda frame: True)

    await socket.send_text(json.dumps(REPORT))
    seen = await row(ada, "plain", lambda entry: entry.device is not None)
    assert seen.device is not None
    assert seen.device.model_dump() == {
        "device": "phone", "browser": "firefox", "camera": "blocked", "microphone": "on",
        "calls": "ready", "network": "slow",
    }  # fmt: skip
    odd = {"type": "report", "browser": "Mozilla/5.0 canary", "camera": ["on"], "network": "good"}
    await socket.send_text(json.dumps(odd))
    seen = await row(
        ada, "plain", lambda entry: entry.device is not None and entry.device.network == "good"
    )

    assert await store.personal(HARBOUR, seen.visit) is not None
    personal = await store.personal(HARBOUR, seen.visit)
    assert personal is not None
    assert personal.device == DeviceReport(network="good")
    await socket.close()


async def test_a_page_measures_its_round_trip_and_hears_no_more_than_its_number(
    somebody: Callable[[], Visitor],
) -> None:
    person = somebody()
    await enter(person, "plain", "Probing")
    socket = await person.wait("Probing", {})
    await told(socket, lambda frame: True)

    await socket.send_text('{"type": "probe", "number": 7, "more": "x"}')

    async with asyncio.timeout(WITHIN_S):
        assert json.loads(await socket.receive_text()) == {"type": "probed", "number": 7}
    await socket.close()


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "probe"}',
        '{"type": "probe", "number": "7"}',
        '{"type": "probe", "number": -1}',
        '{"type": "probe", "number": 1e300}',
        '{"type": "hello", "name": "again"}',
        '{"type": "visit"}',
    ],
)
async def test_a_frame_without_its_form_ends_its_socket_alone(
    somebody: Callable[[], Visitor], frame: str
) -> None:
    person = somebody()
    await enter(person, "plain", "Odd")
    socket = await person.wait("Odd", {})

    await socket.send_text(frame)

    assert await ends(socket) == 1008
    assert await told(await person.wait("Odd", {}), lambda frame: True)


async def ends(socket: Socket) -> int | None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await socket.receive_text()
            except SocketEndedError as err:
                return err.close_code


async def test_a_page_that_reports_without_end_is_cut_off(
    somebody: Callable[[], Visitor],
) -> None:
    person = somebody()
    await enter(person, "plain", "Flood")
    socket = await person.wait("Flood", {})

    for _ in range(3 * SAID_AT_ONCE):
        await socket.send_text(json.dumps(REPORT))

    assert await ends(socket) == 1008


async def test_where_the_clinic_wants_it_nobody_is_called_in_who_was_not_confirmed(
    somebody: Callable[[], Visitor], ada: Visitor, store: RedisVisits
) -> None:
    await enter(somebody(), "sure", "Who")
    visit = (await row(ada, "sure", lambda entry: entry.name == "Who")).visit

    for body in ({}, {"confirmed": False}):
        with pytest.raises(RefusedAnswerError) as refused:
            await ada.act(HARBOUR, "sure", visit, "call-in", **body)
        assert (refused.value.status, refused.value.code) == (422, "confirm_first")
    with pytest.raises(RefusedAnswerError) as refused:
        await ada.act(HARBOUR, "sure", visit, "call-in", confirmed=True)

    assert (refused.value.status, refused.value.code) == (409, "full"), "it is past that door"
    me = json.loads(await ada.ask("GET", "/api/staff/me"))
    asks = {one["name"]: one["confirm_identity"] for one in me["clinics"]}
    assert (asks["sure"], asks["plain"]) == (True, False)


async def test_when_there_is_no_place_for_a_call_both_sides_are_told_and_the_place_is_kept(
    somebody: Callable[[], Visitor], ada: Visitor, store: RedisVisits
) -> None:
    person = somebody()
    await enter(person, "plain", "Delayed")
    socket = await person.wait("Delayed", {})
    assert not (await told(socket, lambda frame: True)).delayed
    visit = (await row(ada, "plain", lambda entry: entry.name == "Delayed")).visit

    with pytest.raises(RefusedAnswerError) as refused:
        await ada.act(HARBOUR, "plain", visit, "call-in")

    assert refused.value.code == "full"
    assert (await told(socket, lambda frame: frame.delayed)).state is VisitState.WAITING
    assert (await row(ada, "plain", lambda entry: entry.visit == visit)).noticed
    await store.change(HARBOUR, visit, VisitAction.CALL_IN, ADA)
    assert not (await told(socket, lambda frame: frame.state is VisitState.CALLED)).delayed
    await socket.close()


@pytest.mark.parametrize(("locale", "message"), [("en", "Get well."), ("ar", "سلامتك.")])
async def test_whose_visit_ended_reads_the_clinics_last_words_and_is_offered_its_link(
    somebody: Callable[[], Visitor], ada: Visitor, locale: str, message: str
) -> None:
    person = somebody()
    await person.enter(HARBOUR, "closing", f"Bye {locale}", {}, locale)
    socket = await person.wait(f"Bye {locale}", {}, locale)
    await told(socket, lambda frame: True)
    visit = (await row(ada, "closing", lambda entry: entry.name == f"Bye {locale}")).visit

    await ada.act(HARBOUR, "closing", visit, "end")

    closing = (await told(socket, lambda frame: frame.state is VisitState.ENDED)).closing
    assert closing is not None
    assert (closing.message, closing.link) == (message, SURVEY)


async def test_who_was_refused_is_offered_no_link(
    somebody: Callable[[], Visitor], ada: Visitor
) -> None:
    person = somebody()
    await enter(person, "closing", "No")
    socket = await person.wait("No", {})
    await told(socket, lambda frame: True)
    visit = (await row(ada, "closing", lambda entry: entry.name == "No")).visit

    await ada.act(HARBOUR, "closing", visit, "refuse")

    assert (await told(socket, lambda frame: frame.state is VisitState.REFUSED)).closing is None


async def test_staff_read_why_their_clinic_is_suspended_in_their_language(ada: Visitor) -> None:
    words = {}
    for locale in ("ar", "en", "xx"):
        me = json.loads(await ada.ask("GET", f"/api/staff/me?locale={locale}"))
        words[locale] = {one["name"]: one["suspended"] for one in me["clinics"]}

    assert [words[locale]["shut"] for locale in ("ar", "en", "xx")] == ["فيضان", "Flood", "Flood"]
    assert words["en"]["plain"] is None
