"""One operator of several acts: it hands over, is taken over from, and writes nothing once it may not."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial

import pytest
from teleward_operator.adapters.api_server import load_client
from teleward_operator.adapters.lease import LEASE_S, LeaseLeadership
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.kube.faulty_api import FaultyApi
from teleward_testing.kube.operators import Replicas, house
from teleward_testing.operating import Child

HOME = "harbour"
CLINICS = ("cardiology", "dermatology")
TAKEOVER_S = 20.0
RACES = 20
PROCESS_RACES = int(os.environ.get("PROCESS_RACES", "3"))
"""A race of processes takes some seconds."""

Recorder = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def declared(operators: Replicas) -> None:
    operators.apply(house(HOME, CLINICS, "before"))


async def test_a_standby_watches_nothing_and_is_ready(
    operators: Replicas, faulty: FaultyApi
) -> None:
    await operators.start("leader")
    standby = operators.launch("standby", faulty.url)
    port = (await standby.logged("process.started"))["port"]
    await standby.logged("leadership.awaited")

    assert await _answers(port, "/readyz") == 200
    assert await _answers(port, "/healthz") == 200
    asked = {(one.method, one.path.rsplit("/", 1)[-1]) for one in faulty.asked}
    assert asked == {("GET", "teleward-operator")}


async def test_leadership_is_handed_over_in_an_orderly_stop(operators: Replicas) -> None:
    leader = await operators.start("leader")
    standby = operators.launch("standby")
    await standby.logged("leadership.awaited")

    begun = time.monotonic()
    assert await leader.stop() == 0
    stopped_s = time.monotonic() - begun
    await standby.logged("leadership.acquired", 5)

    assert stopped_s < 2


async def test_a_killed_leader_is_taken_over_from(
    operators: Replicas, record_property: Recorder
) -> None:
    leader = await operators.start("leader")
    standby = operators.launch("standby")
    await standby.logged("leadership.awaited")
    await operators.until_shown(HOME, CLINICS, "before")

    begun = time.monotonic()
    await leader.stop(signal.SIGKILL)
    operators.apply(house(HOME, CLINICS, "after"))
    await operators.until_shown(HOME, CLINICS, "after")

    taken_over_s = time.monotonic() - begun
    record_property("seconds", taken_over_s)
    assert taken_over_s <= TAKEOVER_S


async def test_a_leader_that_slept_through_two_leases_writes_nothing_when_it_wakes(
    operators: Replicas, faulty: FaultyApi, record_property: Recorder
) -> None:
    leader = await operators.start("leader", faulty.url)
    standby = operators.launch("standby")
    await standby.logged("leadership.awaited")
    await operators.until_shown(HOME, CLINICS, "before")

    leader.process.send_signal(signal.SIGSTOP)
    asleep = time.monotonic()
    operators.apply(house(HOME, CLINICS, "after"))
    await operators.until_shown(HOME, CLINICS, "after")
    taken_over_s = time.monotonic() - asleep
    await asyncio.sleep(2 * TAKEOVER_S - taken_over_s)
    awake = time.monotonic()
    leader.process.send_signal(signal.SIGCONT)
    await asyncio.to_thread(leader.process.wait, 30)

    assert faulty.writes_since(awake) == []
    assert [one.method for one in faulty.asked if one.at >= awake], "it did ask who leads"
    assert await operators.is_shown(HOME, CLINICS, "after")
    assert "leadership.lost" in {line["event"] for line in leader.lines()}
    record_property("seconds", taken_over_s)
    assert taken_over_s <= TAKEOVER_S


async def test_of_two_that_start_at_once_one_leads(own_plane: ControlPlane) -> None:
    won: list[int] = []
    for race in range(RACES):
        racing = [
            LeaseLeadership(load_client(str(own_plane.kubeconfig)), "default", f"{name}-{race}")
            for name in ("one", "other")
        ]
        tasks = [asyncio.create_task(one.acquire()) for one in racing]
        _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(waiting, timeout=0.2)

        assert sum(task.done() for task in tasks) == 1
        leading = next(one for one, task in zip(racing, tasks, strict=True) if task.done())
        won.append(leading.epoch())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await leading.release()

    assert won == sorted(set(won)), "each leadership has a higher epoch than the one before"


async def test_two_processes_that_start_at_once_lose_no_update(operators: Replicas) -> None:
    for race in range(PROCESS_RACES):
        names = [f"{name}-{race}" for name in ("one", "other")]
        started = [operators.launch(name) for name in names]
        operators.apply(house(HOME, CLINICS, f"race {race}"))
        await operators.until_shown(HOME, CLINICS, f"race {race}")

        async def is_decided(child: Child) -> bool:
            return bool(_told(child) & {"leadership.acquired", "leadership.awaited"})

        for child in started:
            await operators.until("it is decided who leads", partial(is_decided, child))
        leading = [child for child in started if "leadership.acquired" in _told(child)]
        assert len(leading) == 1
        for child in started:
            assert await child.stop() == 0


async def test_a_wallclock_in_the_future_takes_nothing_over(
    own_plane: ControlPlane, operators: Replicas
) -> None:
    leader = await operators.start("leader")
    assert leader.process.poll() is None
    other = LeaseLeadership(load_client(str(own_plane.kubeconfig)), "default", "other")
    stale = '{"spec":{"renewTime":"2001-01-01T00:00:00.000000Z"}}'
    own_plane.kubectl(
        "patch", "lease", "-n", "default", "teleward-operator", "--type=merge", "-p", stale
    )

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LEASE_S / 3):
            await other.acquire()

    assert other.stands_by()


async def _answers(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    return int(status.split()[1])


def _told(child: Child) -> set[str]:
    return {line["event"] for line in child.lines()}
