"""Attacks that video services fell to, tried at the gateway's real doors; `docs/attacks.md` lists them."""

import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.tickets import visit_cookie
from teleward_gateway.core.visits import Visit, VisitAction, VisitState
from teleward_testing import gateway_routes
from teleward_testing.front_door import HERE, NAMESPACE, STAFF, FrontDoor, front_door
from teleward_testing.valkey import RunningValkey

HARBOUR = Namespace(NAMESPACE)
CANARY = "Zanzibar-Quokka"
NOT_FOUND = "not found"
SOCKETS = gateway_routes.sockets()


@pytest.fixture
async def door(valkey: RunningValkey, tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path) as made:
        yield made


@pytest.fixture
async def kept(door: FrontDoor, valkey: RunningValkey) -> AsyncIterator[Store]:
    """The gateway's store."""
    async with open_store(valkey.url) as opened:
        yield opened


async def newest(kept: Store) -> Visit:
    """The visit that came last."""
    return (await RedisVisits(kept, 60).waiting(HARBOUR, "uid-cardiology"))[-1].visit


async def knock(door: FrontDoor, path: str, cookie: str, *texts: str) -> str:
    """Open a socket and say this: `not found`, the type of the first frame, or how it closed."""
    async with door.socket(path, cookie=cookie) as ws:
        for text in texts:
            await ws.send_str(text)
        message = await ws.receive(timeout=10)
    if message.type is not aiohttp.WSMsgType.TEXT:
        return f"closed {ws.close_code}"
    frame = json.loads(message.data)
    is_refused = frame["type"] == "unknown" or frame.get("code") in ("not_found", "sign_in")
    return NOT_FOUND if is_refused else str(frame["type"])


HELLO = json.dumps({"type": "hello", "name": "Ann", "fields": {}})
LEAVE = json.dumps({"type": "leave"})


# ── a failed attempt hurts nobody else (BigBlueButton, CVE-2022-41960) ────────────────────────


async def test_a_ticket_that_does_not_open_never_disturbs_whose_it_claims_to_be(
    door: FrontDoor, kept: Store
) -> None:
    cookie = await door.enter()
    name, _, value = cookie.partition("=")
    bent = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
    forged = [
        f"{name}={bent}",
        f"{name}={value[:-4]}",
        f"{visit_cookie(NAMESPACE, 'eyes')}={value}",
    ]
    async with door.socket(f"/ws/visit/{HERE}", cookie=cookie) as ws:
        await ws.send_str(HELLO)
        assert json.loads((await ws.receive(timeout=10)).data)["state"] == "waiting"
        before = await newest(kept)

        for wrong in forged:
            for path in (f"/ws/visit/{HERE}", f"/ws/visit/{NAMESPACE}/eyes"):
                assert await knock(door, path, wrong, HELLO, LEAVE) == NOT_FOUND
            for path in (f"/ws/call/visit/{HERE}", f"/ws/call/visit/{before.id}"):
                assert await knock(door, path, wrong) == NOT_FOUND
            for clinic in (HERE, f"{NAMESPACE}/eyes"):
                await door.ask("POST", f"/api/clinics/{clinic}/leave", cookie=wrong)

        now = await newest(kept)
        assert (now.id, now.state, now.socket) == (before.id, VisitState.WAITING, before.socket)
        assert not ws.closed
        await ws.send_str(LEAVE)
        assert await RedisVisits(kept, 60).get(HARBOUR, before.id) is not None


# ── nobody makes a call who may not (Jitsi, CVE-2021-33506) ───────────────────────────────────


async def test_who_is_not_admitted_makes_no_call_and_reserves_no_place(
    door: FrontDoor, kept: Store
) -> None:
    stranger = await door.sign_in("hedy@example.org")
    patient = await door.enter()
    visit = await newest(kept)
    before = set(await kept.redis.keys("*call*"))

    for cookie in ("", stranger, patient):
        for path in (f"/ws/call/room/{HERE}/meeting/ward-round", f"/ws/call/room/{HERE}/meeting/new",
                     f"/ws/call/visit/{visit.id}", "/ws/call/visit/made-up"):  # fmt: skip
            assert await knock(door, path, cookie) == NOT_FOUND
        answer = await door.ask(
            "POST", f"/api/staff/{HERE}/visits/{visit.id}/call-in", cookie=cookie
        )
        assert answer.status in (401, 404)

    assert set(await kept.redis.keys("*call*")) == before
    assert await kept.redis.keys("tw:{pool:*") == []


# ── nobody comes in early, or again after being sent out (jitsi-meet#7676) ────────────────────


async def test_a_patient_is_in_the_call_only_between_being_called_and_being_sent_out(
    door: FrontDoor, kept: Store
) -> None:
    visits, path = RedisVisits(kept, 60), f"/ws/call/visit/{HERE}"
    cookie = await door.enter()
    visit = await newest(kept)

    assert await knock(door, path, cookie) == NOT_FOUND  # too early
    await visits.change(HARBOUR, visit.id, VisitAction.CALL_IN, STAFF)
    assert await knock(door, path, cookie) == "wait"  # there is no media node here
    await visits.change(HARBOUR, visit.id, VisitAction.RETURN, STAFF)
    assert await knock(door, path, cookie) == NOT_FOUND
    await visits.change(HARBOUR, visit.id, VisitAction.CALL_IN, STAFF)
    await visits.change(HARBOUR, visit.id, VisitAction.END)
    assert await knock(door, path, cookie) == NOT_FOUND
    assert await knock(door, f"/ws/visit/{HERE}", cookie, HELLO) == NOT_FOUND
    assert (await visits.get(HARBOUR, visit.id) or visit).state is VisitState.ENDED


# ── nothing can be guessed, and a guess learns nothing (Zoom, 2019) ───────────────────────────


async def test_what_is_forbidden_answers_as_what_is_not_there_to_the_byte(
    door: FrontDoor, kept: Store
) -> None:
    cookie = await door.sign_in()
    await door.enter()
    visit = await newest(kept)
    elsewhere = visit.model_copy(update={"id": "elsewhere", "clinic_uid": "uid-eyes"})
    await kept.redis.set(f"tw:{{org:{NAMESPACE}}}:visit:elsewhere", elsewhere.model_dump_json())
    pairs = [
        ("GET", f"/staff/{NAMESPACE}/eyes", f"/staff/{NAMESPACE}/nowhere"),
        ("GET", f"/staff/{NAMESPACE}/eyes/meeting/ward-round", f"/staff/{NAMESPACE}/eyes/meeting/none"),
        ("GET", f"/staff/{HERE}/visits/elsewhere", f"/staff/{HERE}/visits/nobody"),
        ("POST", f"/api/staff/{HERE}/visits/elsewhere/end", f"/api/staff/{HERE}/visits/nobody/end"),
        ("POST", f"/api/staff/{NAMESPACE}/eyes/visits/elsewhere/end", f"/api/staff/{NAMESPACE}/nowhere/visits/x/end"),
        ("POST", f"/api/staff/{HERE}/visits/elsewhere/call-in", f"/api/staff/{HERE}/visits/nobody/call-in"),
    ]  # fmt: skip

    for method, forbidden, absent in pairs:
        one, other = [await door.ask(method, path, cookie=cookie) for path in (forbidden, absent)]

        assert one.status == other.status == 404
        assert one.text == other.text
        assert {**one.headers, "date": ""} == {**other.headers, "date": ""}


async def test_a_visit_is_named_by_144_random_bits(door: FrontDoor, kept: Store) -> None:
    for _ in range(20):
        await door.enter()
    rows = await RedisVisits(kept, 60).waiting(HARBOUR, "uid-cardiology")

    names = {row.visit.id for row in rows}

    assert len(names) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", name) for name in names)
    assert len({name[position] for name in names for position in (0, 23)}) > 5


# ── what is secret or personal stands nowhere else ────────────────────────────────────────────


async def test_no_name_no_answer_and_no_cookie_is_logged_or_counted(
    door: FrontDoor, kept: Store
) -> None:
    staff, patient = await door.sign_in(), await door.enter(CANARY, reason=CANARY)
    visit = await newest(kept)
    bad = json.dumps({"type": CANARY, "name": CANARY})
    for way in SOCKETS:
        for cookie in (staff, patient, f"x={CANARY}"):
            await knock(door, way.path, cookie, bad)
    await knock(
        door, f"/ws/visit/{HERE}", patient, json.dumps({"type": "hello", "name": CANARY * 99})
    )
    for body in ({"name": [CANARY]}, {"name": CANARY * 99}, {CANARY: CANARY}, CANARY):
        await door.ask("POST", f"/api/clinics/{HERE}/visits", body=body, cookie=f"x={CANARY}")
    for path in (
        f"/{CANARY}",
        f"/c/{CANARY}/x",
        f"/?q={CANARY}",
        f"/staff/{HERE}/visits/{CANARY}",
    ):
        answer = await door.ask(
            "GET", path, cookie=staff, headers={"Referer": f"http://x/{CANARY}"}
        )
        assert CANARY not in answer.headers.get("location", "")
    await door.ask("POST", f"/api/staff/{HERE}/visits/{visit.id}/refuse", cookie=staff)
    await door.ask("POST", "/api/sign-in/development", body={"user": CANARY, "secret": CANARY})

    async with aiohttp.ClientSession() as http, http.get(
        f"{door.gateway.operations_url}/metrics"
    ) as answer_:  # fmt: skip
        told = door.gateway.log.read_text() + await answer_.text()

    assert "visit.entered" in told
    for secret in (CANARY, visit.id, STAFF, staff.partition("=")[2], patient.partition("=")[2]):
        assert secret not in told


# ── floods and giants ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", SOCKETS, ids=lambda way: way.template)
async def test_a_giant_frame_closes_its_socket_and_no_other(
    door: FrontDoor, way: gateway_routes.Door
) -> None:
    cookie = f"{await door.sign_in()}; {await door.enter()}"
    for size in (64 * 1024 + 1, 2 * 1024 * 1024):
        async with door.socket(way.path, cookie=cookie) as ws:
            with contextlib.suppress(ConnectionError):  # it is closed while the rest is on the way
                await ws.send_str(json.dumps({"type": "hello", "name": "x" * size}))
            deadline = time.monotonic() + 10
            while not ws.closed:
                assert time.monotonic() < deadline
                await ws.receive(timeout=10)
            assert ws.close_code in (1006, 1009, 4004)

    assert (await door.ask("GET", "/")).status == 200
