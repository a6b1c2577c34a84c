"""Two hundred patients in four clinics at once, every byte that reaches each of them recorded: nothing is of another.

What patients of one clinic are told in one state is the same to the byte but for the time of their own arrival, and
nobody is told anything because somebody else came, went or was acted upon.
"""

import asyncio
import contextlib
import json
import re
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from teleward_contract.projections import (
    ClinicProjection,
    EntryField,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_testing.clinic_life.people import ORIGIN, Guest
from teleward_testing.gateway_load.people import address
from teleward_testing.gateway_load.sockets import CheapSocket
from teleward_testing.gateways import RunningGateway, project, running_gateway
from teleward_testing.recording import canary, files_with
from teleward_testing.valkey import RunningValkey

CLINICS = (("harbour", "heart"), ("harbour", "eyes"), ("harbour", "skin"), ("hills", "heart"))
OF_EACH = 50
SHOWS_POSITION = ("harbour", "skin")
STAFF = "grace@example.org"
RETENTION_S = 2
WITHIN_S = 60.0
LIFE_OF_THE_STORE = re.compile(r"tw:visits:life|tw:\{staff\}:life")
OF_PATIENTS = re.compile(r":visit:|:queue:|:messages:|:present:")


@dataclass(eq=False)
class Patient:
    """One of the two hundred."""

    where: tuple[str, str]
    number: int
    name: str = field(default_factory=lambda: canary("Name"))
    reason: str = field(default_factory=lambda: canary("Reason"))
    visit: str = ""
    cookie: str = ""
    answers: list[tuple[str, int, tuple[tuple[str, str], ...], bytes]] = field(
        default_factory=list
    )
    """Request, status, headers, body."""
    frames: list[bytes] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)
    socket: CheapSocket | None = None

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, self.reason, self.visit)

    @property
    def heard(self) -> str:
        """Everything that reached this browser."""
        told = [
            f"{what} {status} {headers} {body!r}" for what, status, headers, body in self.answers
        ]
        return "\n".join([*told, *(frame.decode() for frame in self.frames), *self.handshakes])


def clinic(namespace: str, name: str) -> ClinicProjection:
    return ClinicProjection(
        namespace=Namespace(namespace), name=name, uid=f"uid-{namespace}-{name}", generation=1,
        display_name=name.title(), team=(TeamMember(role=Role.CLINIC_ADMIN, user=STAFF),),
        waiting_area=WaitingAreaProjection(
            uid=f"area-{namespace}-{name}", generation=1, max_waiting=500,
            show_position=(namespace, name) == SHOWS_POSITION,
            entry_fields=(EntryField(name="reason", label={"en": "Why do you come?"}),),
        ),
    )  # fmt: skip


class Day:
    """Everybody who came, and what staff did."""

    def __init__(
        self, valkey: RunningValkey, gateways: list[RunningGateway], folder: Path,
        http: aiohttp.ClientSession,
    ) -> None:  # fmt: skip
        self.valkey, self.gateways, self.folder, self._http = valkey, gateways, folder, http
        self.patients: list[Patient] = []
        self.first: list[Patient] = []
        """Of each clinic, who was alone there."""
        self.frames_when_alone: list[list[bytes]] = []
        self.written: dict[str, Patient] = {}
        """What staff wrote → to whom."""
        self.acted_on: set[Patient] = set()
        self.untold: list[tuple[Patient, int]] = []
        """Whom nothing has happened to, and how many frames they had when the others were acted upon."""

    def of(self, where: tuple[str, str]) -> list[Patient]:
        return [one for one in self.patients if one.where == where]

    async def come(self, where: tuple[str, str]) -> Patient:
        one = Patient(where, len(self.patients) + 1)
        self.patients.append(one)
        path = f"{where[0]}/{where[1]}"
        await self.ask(one, "GET", f"/c/{path}")
        await self.ask(one, "GET", f"/api/clinics/{path}")
        body = {"name": one.name, "fields": {"reason": one.reason}, "locale": "en"}
        await self.ask(one, "POST", f"/api/clinics/{path}/visits", body)
        await self.ask(one, "GET", f"/api/clinics/{path}")
        await self.wait(one)
        return one

    async def ask(self, one: Patient, method: str, path: str, body: object = None) -> None:
        gateway = self.gateways[one.number % 2]
        headers = {"Origin": ORIGIN} | ({"Cookie": one.cookie} if one.cookie else {})
        async with self._http.request(
            method, f"{gateway.url}{path}", json=body, headers=headers
        ) as answer:
            told = tuple(sorted(answer.headers.items()))
            one.answers.append((f"{method} {path}", answer.status, told, await answer.read()))
            if "Set-Cookie" in answer.headers:
                one.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    async def wait(self, one: Patient) -> None:
        """Open the waiting page, in place of an earlier one, through the other replica than the last."""
        before, count = one.socket, len(one.frames)
        gateway = self.gateways[(one.number + len(one.handshakes)) % 2]
        one.socket = await CheapSocket.connect(
            f"{gateway.url.replace('http', 'ws', 1)}/ws/visit/{one.where[0]}/{one.where[1]}",
            ORIGIN, one.cookie, one.frames.append, address(one.number),
        )  # fmt: skip
        one.handshakes.append(one.socket.response_headers)
        hello = {
            "type": "hello",
            "name": one.name,
            "fields": {"reason": one.reason},
            "locale": "en",
        }
        one.socket.send(json.dumps(hello))
        await until("the page is told", lambda: len(one.frames) > count)
        if before is not None:
            await until("the older page is told", lambda: not before.is_open)


async def until(what: str, is_so: Any) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Day]:
    valkey.flush()
    with valkey.client() as client:
        client.config_set("slowlog-log-slower-than", "0")  # as if every command were slow
    folder = tmp_path_factory.mktemp("isolation")
    await project(valkey.url, *(clinic(*where) for where in CLINICS))
    with contextlib.ExitStack() as stack:
        settings = {"public_url": ORIGIN, "retention_s": str(RETENTION_S), "log_level": "DEBUG"}
        gateways = [
            stack.enter_context(running_gateway(valkey.url, folder, **settings)) for _ in range(2)
        ]
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar) as http, Guest(gateways[0].url) as staff:
            made = Day(valkey, gateways, folder, http)
            await staff.sign_in(STAFF)
            await pass_day(made, staff)
            yield made
            for one in made.patients:
                if one.socket:
                    one.socket.close()
    with valkey.client() as client:
        client.config_set("slowlog-log-slower-than", "10000")
        client.slowlog_reset()


async def pass_day(day: Day, staff: Guest) -> None:
    """One comes to each clinic, then all the others at once; some are acted upon, some go, some reload."""
    for where in CLINICS:
        day.first.append(await day.come(where))
    day.frames_when_alone = [list(one.frames) for one in day.first]
    gate = asyncio.Semaphore(16)

    async def gated(where: tuple[str, str]) -> None:
        async with gate:
            await day.come(where)

    await asyncio.gather(*(gated(where) for where in CLINICS for _ in range(OF_EACH - 1)))
    await name_visits(day)
    day.untold = [
        (one, len(one.frames))
        for one in day.patients
        if one.number % 5 and one.where != SHOWS_POSITION
    ]
    for one in (one for one in day.patients if one.number % 5 == 0):
        await act_on(day, staff, one)
    await asyncio.sleep(2)  # whatever else would come


async def name_visits(day: Day) -> None:
    async with open_store(day.valkey.url) as store:
        visits = RedisVisits(store, RETENTION_S)
        for where in CLINICS:
            rows = await visits.waiting(Namespace(where[0]), f"uid-{where[0]}-{where[1]}")
            names = {row.personal.name: row.visit.id for row in rows}
            for one in day.of(where):
                one.visit = names[one.name]


async def act_on(day: Day, staff: Guest, one: Patient) -> None:
    """Something happens to one patient in five; what is written is a canary, too."""
    day.acted_on.add(one)
    word = canary("Word")
    count = len(one.frames)
    match one.number // 5 % 5:
        case 0:
            day.written[word] = one
            await staff.act(*one.where, one.visit, "message", text=word)
        case 1:
            day.written[word] = one
            await staff.act(*one.where, one.visit, "refuse", text=word)
        case 2:
            await staff.act(*one.where, one.visit, "end")
        case 3:
            await day.ask(one, "POST", f"/api/clinics/{one.where[0]}/{one.where[1]}/leave", {})
        case _:
            await day.wait(one)  # a reload
    await until("the page is told of it", lambda: len(one.frames) > count)


def test_isolation_no_byte_of_another_patient_reaches_anybody(day: Day) -> None:
    assert len(day.patients) == OF_EACH * len(CLINICS) == 200

    leaks = []
    for one in day.patients:
        heard = one.heard
        foreign = [w for other in day.patients if other is not one for w in other.words]
        foreign += [word for word, to in day.written.items() if to is not one]
        leaks += [(one.number, word) for word in foreign if word in heard]

    assert leaks == []
    assert all(one.visit and one.frames and len(one.answers) >= 4 for one in day.patients)
    assert all(any(word in to.heard for to in (one,)) for word, one in day.written.items())


def test_isolation_nobody_is_told_anything_because_of_others(day: Day) -> None:
    assert len(day.untold) > 100

    assert [one.number for one, count in day.untold if len(one.frames) != count] == []


def test_isolation_frames_are_the_same_for_one_who_waits_and_for_two_hundred(
    day: Day,
) -> None:
    for alone, one in zip(day.frames_when_alone, day.first, strict=True):
        if one.where == SHOWS_POSITION:
            continue
        told = {
            (frame["state"], without_own(raw))
            for other in day.of(one.where)
            for raw in other.frames
            if (frame := json.loads(raw))["type"] == "visit" and frame["message"] is None
        }
        waiting = [text for state, text in told if state == "waiting"]
        assert waiting == [without_own(alone[0])], "a waiting frame tells something of its own"
        sizes = {
            len(raw)
            for other in day.of(one.where)
            for raw in other.frames
            if without_own(raw) == waiting[0]
        }
        assert sizes == {len(alone[0])}


def without_own(raw: bytes) -> str:
    """A frame without the time of the own arrival."""
    return re.sub(r'"arrived_at":"[^"]{24}"', '"arrived_at":"own"', raw.decode())


def test_isolation_only_a_clinic_that_says_so_tells_a_position(day: Day) -> None:
    frames = {
        where: [json.loads(raw) for one in day.of(where) for raw in one.frames]
        for where in CLINICS
    }
    positions = {
        where: {frame.get("position") for frame in told if frame["type"] == "visit"}
        for where, told in frames.items()
    }

    assert positions.pop(SHOWS_POSITION) - {None} <= set(range(1, OF_EACH + 1))
    assert set().union(*positions.values()) == {None}
    known = {"type", "state", "arrived_at", "clinic", "position", "message", "delayed", "closing"}
    assert {
        key for told in frames.values() for f in told if f["type"] == "visit" for key in f
    } <= known


def test_isolation_answers_and_their_headers_are_the_same_for_everybody(day: Day) -> None:
    told: dict[tuple[str, int], set[object]] = {}
    for one in day.patients:
        for number, (what, status, headers, body) in enumerate(one.answers[:4]):
            shown = tuple((k, v) for k, v in headers if k not in ("Set-Cookie", "Date"))
            told.setdefault((what, number), set()).add((status, shown, own_nonce(body)))
            names = {name.lower() for name, _ in headers}
            if what.split()[1].startswith("/api/"):
                assert dict(headers)["Cache-Control"] == "no-store", what
                assert not names & {"etag", "age", "last-modified", "expires", "server-timing"}

    assert {what: len(answers) for what, answers in told.items()} == dict.fromkeys(told, 1)
    assert len(told) == 4 * len(CLINICS)


def own_nonce(body: bytes) -> bytes:
    return re.sub(rb'nonce="[^"]+"', b'nonce=""', body)


def test_canary_words_are_in_no_log_metric_slowlog_command_line_or_file(day: Day) -> None:
    words = [w for one in day.patients for w in (one.name, one.reason)] + list(day.written)
    shown = {f"log of {g.url}": g.log.read_text() for g in day.gateways}
    assert all(text.count("\n") > 50 for text in shown.values()), "logs that prove nothing"
    for gateway in day.gateways:
        with urllib.request.urlopen(f"{gateway.operations_url}/metrics", timeout=5) as answer:
            shown[f"metrics of {gateway.url}"] = answer.read().decode()
        proc = Path(f"/proc/{gateway.process.pid}")
        shown[f"process of {gateway.url}"] = str(
            (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        )
    with day.valkey.client() as client:
        slow = client.slowlog_get(100_000)
        shown["INFO"] = str(client.info("everything"))
        shown["CLIENT LIST"] = str(client.client_list())
    addresses = [answer[0] for one in day.patients for answer in one.answers]
    shown["addresses"] = "\n".join(addresses)

    assert [where for where, text in shown.items() if any(w in text for w in words)] == []
    assert files_with(day.folder, words) == []
    assert slow == []


@pytest.mark.asyncio(loop_scope="module")
async def test_canary_words_and_every_key_of_a_visit_are_gone_after_its_end(day: Day) -> None:
    async with open_store(day.valkey.url) as store, Guest(day.gateways[1].url) as staff:
        held = await everything(store.redis)
        unending = [key for key, (ttl, _) in held.items() if OF_PATIENTS.search(key) and ttl < 0]
        assert unending == []
        waiting = [one for one in day.patients if one.visit in str(held.keys())]
        assert len(waiting) > 100
        await staff.sign_in(STAFF)
        for one in waiting:
            with contextlib.suppress(Exception):  # over already
                await staff.act(*one.where, one.visit, "end")
        after = await everything(store.redis)
        words = [w for one in day.patients for w in (one.name, one.reason)] + list(day.written)
        said = {key: text for key, (_, text) in after.items()}
        left = {k for k, text in said.items() if any(w in text for w in words)}
        assert all(key.endswith(":words") for key in left), (
            "only a refusal's words may stay, for its patient"
        )

        deadline = time.monotonic() + RETENTION_S + WITHIN_S
        while True:
            held = await everything(store.redis)
            of_visits = [key for key in held if ":visit:" in key or ":present:" in key]
            if not of_visits or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)

    assert of_visits == []
    told = str(held)
    assert [w for one in day.patients for w in one.words if w in told] == []


async def everything(redis: Any) -> dict[str, tuple[int, str]]:
    """Key → TTL and what it holds."""
    read = {
        "string": lambda key: redis.get(key), "hash": lambda key: redis.hgetall(key),
        "zset": lambda key: redis.zrange(key, 0, -1), "set": lambda key: redis.smembers(key),
        "list": lambda key: redis.lrange(key, 0, -1), "stream": lambda key: redis.xrange(key),
    }  # fmt: skip
    found = {}
    for key in await redis.keys("*"):
        kind = await redis.type(key)
        if kind != "none":
            found[str(key)] = (await redis.ttl(key), str(await read[kind](key)))
    return found
