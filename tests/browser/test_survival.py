"""What survives what: each line of the table is one test, on an instance that tests may hurt."""

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import pytest
import redis
from playwright.async_api import expect
from teleward_cli.demo.client import RefusedAnswerError, Visitor
from teleward_cli.demo.frames import Entry, VisitState
from teleward_testing.browser import look, sees_and_hears, until
from teleward_testing.builders import House, build_house
from teleward_testing.pages import SMALL, Patient, Person, Staff
from teleward_testing.recording import Recording, canary
from teleward_testing.running import Running, running

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]
NewVisitor = Callable[[Recording | None], Visitor]

BACK_WITHIN_S = 30
"""Restart of a process by its supervisor, reconnection with back-off, and a busy machine."""


@pytest.fixture(scope="module")
def teleward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An instance whose processes these tests kill; its supervisor brings them back."""
    with running(tmp_path_factory.mktemp("survival") / "data") as one:
        yield one


@pytest.fixture(scope="module")
def house(teleward: Running) -> House:
    """A clinic of its own with two media nodes."""
    return build_house(teleward, f"org-{uuid.uuid4().hex[:6]}", pool={"replicas": 2})


@contextlib.contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process with SIGSTOP: it is there and does nothing, as in the worst of outages."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def queue_of(house: House, visitor: Visitor) -> list[Entry]:
    """The queue in order, from a new socket."""
    async with asyncio.timeout(10), await visitor.watch(house.namespace, house.clinic) as queue:
        while (await queue.receive()).type != "queue":
            pass
        return list(queue.visits.values())


async def three_wait(house: House, patient: NewPatient) -> tuple[list[Patient], list[str]]:
    """Three patients in browsers enter one after the other."""
    people, names = [], []
    for _ in range(3):
        people.append(await patient("patient"))
        names.append(canary("Waiting"))
        await people[-1].enter(house.patient_url, names[-1])
    return people, names


async def places(house: House, visitor: Visitor, names: list[str]) -> list[tuple[str, str, str]]:
    """Who of these is connected, with what place: name, visit and time of arrival, in order."""
    entries = await queue_of(house, visitor)
    return [(e.name, e.visit, e.arrived_at) for e in entries if e.connected and e.name in names]


async def same_places(house: House, visitor: Visitor, before: list[tuple[str, str, str]]) -> None:
    async def so() -> bool:
        try:
            return await places(house, visitor, [name for name, _, _ in before]) == before
        except Exception:  # any failure to look, while things come back
            return False

    await until("everybody is back with place and order", so, seconds=BACK_WITHIN_S)


async def in_consultation(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> tuple[Patient, Staff]:
    """A patient and a clinician who see and hear each other."""
    guest, clinician = await patient("patient"), await staff("clinician")
    name = canary("Talking")
    await guest.enter(house.patient_url, name)
    await clinician.sign_in(teleward.gateway, house.clinician)
    await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)
    await clinician.call_in(name)
    await see_each_other(guest, clinician)
    return guest, clinician


async def see_each_other(*people: Person) -> None:
    await asyncio.gather(*(sees_and_hears(p.page, 1, seconds=BACK_WITHIN_S) for p in people))


async def port_of(person: Person) -> int:
    return (await look(person.page)).pairs[0][1]


async def test_a_reload_while_waiting_keeps_the_place(
    house: House, patient: NewPatient, visitor: NewVisitor
) -> None:
    people, names = await three_wait(house, patient)
    clinician = visitor(None)
    await clinician.sign_in(house.clinician)
    before = await places(house, clinician, names)
    assert [name for name, _, _ in before] == names

    await people[0].page.reload()
    await people[0].waits()

    assert await places(house, clinician, names) == before


async def test_after_the_gateway_was_killed_everybody_is_back_with_place_and_order(
    teleward: Running, house: House, patient: NewPatient, visitor: NewVisitor
) -> None:
    people, names = await three_wait(house, patient)
    clinician = visitor(None)
    await clinician.sign_in(house.clinician)
    before = await places(house, clinician, names)

    killed = teleward.kill("gateway")

    await same_places(house, clinician, before)
    assert teleward.pid("gateway") != killed
    for person in people:
        await person.waits()


async def test_a_call_outlives_the_gateway(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> None:
    guest, clinician = await in_consultation(teleward, house, patient, staff)
    port = await port_of(guest)

    teleward.kill("gateway")

    await see_each_other(guest, clinician)
    for person in (guest, clinician):
        live = person.page.locator('[data-testid="call"][data-phase="live"]')
        await expect(live).to_be_visible(timeout=BACK_WITHIN_S * 1000)
    assert await port_of(guest) == port, "the call was moved although its media node lives"


async def test_without_the_operator_patients_enter_and_calls_begin(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> None:
    with paused(teleward.pid("operator")):
        await in_consultation(teleward, house, patient, staff)


async def test_a_killed_operator_comes_back_and_goes_on(teleward: Running, house: House) -> None:
    killed = teleward.kill("operator")
    teleward.until(
        "the operator is back",
        lambda s: any(
            p.name == "operator" and p.state == "running" and p.pid not in (None, killed)
            for p in s.processes
        ),
        BACK_WITHIN_S,
    )

    build_house(teleward, f"{house.namespace}-new")


@pytest.mark.parametrize("operator", ["up", "down"])
async def test_both_see_each_other_again_without_a_click_when_their_media_node_is_killed(
    operator: str, teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> None:
    guest, clinician = await in_consultation(teleward, house, patient, staff)
    port = await port_of(guest)
    (node,) = [n for n in teleward.status().media_nodes if n.udp.endswith(f":{port}")]

    with contextlib.ExitStack() as stack:
        if operator == "down":
            stack.enter_context(paused(teleward.pid("operator")))
        teleward.kill_media_node(node)
        killed = time.monotonic()
        for person in (guest, clinician):
            await until(
                "a connection to another media node",
                partial(_is_elsewhere, person, port),
                seconds=BACK_WITHIN_S,
            )
        await see_each_other(guest, clinician)
        assert time.monotonic() - killed < BACK_WITHIN_S


async def test_after_redis_was_flushed_the_waiting_are_back_in_order(
    teleward: Running, house: House, patient: NewPatient, visitor: NewVisitor
) -> None:
    _, names = await three_wait(house, patient)
    clinician = visitor(None)
    await clinician.sign_in(house.clinician)
    before = await places(house, clinician, names)

    with redis.Redis.from_url(str(teleward.status().redis)) as store:
        store.flushall()

    await same_places(house, clinician, before)


async def test_a_live_call_is_not_placed_twice_when_redis_was_flushed(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> None:
    guest, clinician = await in_consultation(teleward, house, patient, staff)
    port = await port_of(guest)

    with redis.Redis.from_url(str(teleward.status().redis)) as store:
        store.flushall()
    await asyncio.sleep(6)  # several heartbeats and reaping passes
    await guest.page.reload()

    await see_each_other(guest, clinician)
    assert await port_of(guest) == await port_of(clinician) == port


async def test_no_door_closes_while_the_api_server_is_away(
    teleward: Running, house: House, visitor: NewVisitor
) -> None:
    guest = visitor(None)
    with paused(teleward.pid("api")):
        await guest.enter(house.namespace, house.clinic, canary("Name"), {})
        assert (await guest.door(house.namespace, house.clinic)).state == "open"

    killed = teleward.kill("api")
    assert (await guest.door(house.namespace, house.clinic)).state == "open"
    teleward.until(
        "the API server is back",
        lambda s: any(p.name == "api" and p.pid not in (None, killed) for p in s.processes),
        BACK_WITHIN_S,
    )
    await asyncio.sleep(3)  # the operator lists anew

    assert (await guest.door(house.namespace, house.clinic)).state == "open"
    build_house(teleward, f"{house.namespace}-later")


async def test_scaling_the_pool_starts_a_third_media_node(teleward: Running, house: House) -> None:
    teleward.kubectl("scale", "mediapool", "default", "-n", house.namespace, "--replicas=3")
    pool = f"{house.namespace}/default"
    teleward.until(
        "three media nodes run",
        lambda s: sum(n.pool == pool and n.state == "Active" for n in s.media_nodes) == 3,
        BACK_WITHIN_S,
    )
    teleward.kubectl(
        "wait", "mediapool", "default", "-n", house.namespace,
        "--for=jsonpath={.status.ready}=3", "--timeout=30s",
    )  # fmt: skip


async def test_with_room_for_one_call_the_second_patient_keeps_the_place_and_is_called_in_later(
    teleward: Running, visitor: NewVisitor
) -> None:
    house = build_house(
        teleward,
        f"org-{uuid.uuid4().hex[:6]}",
        pool={"replicas": 1, "capacity": {"unitsPerMediaNode": 2}},
    )
    people = [visitor(None), visitor(None)]
    names = [canary("Name"), canary("Name")]
    clinician = visitor(None)
    await clinician.sign_in(house.clinician)
    for person, name in zip(people, names, strict=True):
        await person.enter(house.namespace, house.clinic, name, {})
    first, second = await queue_of(house, clinician)

    await clinician.act(house.namespace, house.clinic, first.visit, "call-in")
    with pytest.raises(RefusedAnswerError) as refused:
        await clinician.act(house.namespace, house.clinic, second.visit, "call-in")
    assert (refused.value.status, refused.value.code) == (409, "full")
    kept = {entry.visit: entry for entry in await queue_of(house, clinician)}[second.visit]
    assert (kept.state, kept.arrived_at) == (VisitState.WAITING, second.arrived_at)

    await clinician.act(house.namespace, house.clinic, first.visit, "end")

    async def calls_in() -> bool:
        path = f"/api/staff/{house.namespace}/{house.clinic}/visits/{second.visit}/call-in"
        status, _ = await clinician.request("POST", path, {})
        return status == 200

    await until("the second is called in", calls_in, seconds=10)


async def test_fifteen_seconds_without_redis_move_no_call_and_lose_nobody(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff, visitor: NewVisitor
) -> None:
    guest, clinician = await in_consultation(teleward, house, patient, staff)
    newcomer, name = await patient("newcomer"), canary("Newcomer")
    await newcomer.page.goto(house.patient_url + SMALL)
    await newcomer.page.get_by_label("Your name").fill(name)
    port = await port_of(guest)
    moves = _moves(teleward)

    with paused(teleward.pid("redis")):
        began = time.monotonic()
        await newcomer.page.get_by_role("button", name="Enter the waiting area").click()
        await newcomer.reads("One moment, please")
        await see_each_other(guest, clinician)
        await asyncio.sleep(max(0.0, 15 - (time.monotonic() - began)))

    await newcomer.waits()
    await see_each_other(guest, clinician)
    await asyncio.sleep(5)  # longer than suspicion takes
    assert await port_of(guest) == await port_of(clinician) == port
    assert _moves(teleward) == moves
    member = visitor(None)
    await member.sign_in(house.clinician)
    assert [e.name for e in await queue_of(house, member)].count(name) == 1, "entered twice"


async def _is_elsewhere(person: Person, port: int) -> bool:
    pairs = (await look(person.page)).pairs
    return bool(pairs) and all(now != port for _, now, _ in pairs)


def _moves(teleward: Running) -> float:
    """Calls moved to another media node so far, as the gateway counts them."""
    return teleward.metric("gateway", "teleward_gateway_call_moves_total")
