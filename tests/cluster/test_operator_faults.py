"""Whatever breaks under the operator, it converges afterwards: no lost object, no busy loop, no crash loop."""

import asyncio
import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.resources import KINDS
from teleward_contract.units import Namespace
from teleward_testing.builders import document
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.kube.faulty_api import Asked, FaultyApi
from teleward_testing.kube.operators import Replicas, house, replicas
from teleward_testing.switchboard import Switchboard
from teleward_testing.valkey import RunningValkey

HOME = "harbour"
CLINICS = ("cardiology", "dermatology")
CRDS = Path(__file__).parents[2] / "crds"
OUTAGE_S = float(os.environ.get("OUTAGE_S", "25"))
"""How long the API server is gone; longer than the lease."""

Recorder = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def declared(operators: Replicas) -> None:
    operators.apply(house(HOME, CLINICS, "before"))


# -- the API server -------------------------------------------------------------------------------


async def test_a_killed_api_server_comes_back(
    operators: Replicas, own_plane: ControlPlane, record_property: Recorder
) -> None:
    operator = await operators.start()
    await operators.until_shown(HOME, CLINICS, "before")

    own_plane.kill("kube-apiserver")
    await asyncio.sleep(3)
    assert await operators.is_shown(HOME, CLINICS, "before")
    await asyncio.to_thread(own_plane.start_api_server)
    operators.apply(house(HOME, CLINICS, "after"))

    record_property("seconds", await operators.until_shown(HOME, CLINICS, "after"))
    assert operator.process.poll() is None


async def test_a_compacted_history_costs_no_change_and_no_deletion(
    operators: Replicas, own_plane: ControlPlane, faulty: FaultyApi, record_property: Recorder
) -> None:
    operators.apply(house(HOME, ["passing"], "before"))
    operator = await operators.start(url=faulty.url)
    await operators.until_shown(HOME, [*CLINICS, "passing"], "before")

    faulty.is_down = True
    faulty.cut_watches()
    operators.apply(house(HOME, CLINICS, "after"))
    own_plane.kubectl("delete", "clinic", "-n", HOME, "passing")
    own_plane.kill("kube-apiserver")
    await asyncio.to_thread(_compact, own_plane)
    await asyncio.to_thread(own_plane.start_api_server)
    faulty.is_down = False

    record_property("seconds", await operators.until_shown(HOME, CLINICS, "after"))
    await operators.until("the deleted is gone", lambda: _is_gone(operators, "passing"))
    assert operator.process.poll() is None


async def test_a_silent_watch_is_noticed(
    operators: Replicas, faulty: FaultyApi, record_property: Recorder
) -> None:
    await operators.start(url=faulty.url, WATCH_SILENCE_S=20)
    await operators.until_shown(HOME, CLINICS, "before")

    await operators.until("every kind is watched", lambda: _watches_all(faulty))
    await asyncio.sleep(4)  # the sweep that follows the first LIST of each watch
    faulty.silence_watches()
    operators.apply(house(HOME, CLINICS, "after"))
    await asyncio.sleep(5)
    assert await operators.is_shown(HOME, CLINICS, "before"), "the watch is silent indeed"

    record_property("seconds", await operators.until_shown(HOME, CLINICS, "after", 90))


async def test_an_outage_longer_than_the_lease_ends_in_the_same_leadership(
    operators: Replicas, faulty: FaultyApi, record_property: Recorder
) -> None:
    operator = await operators.start(url=faulty.url)
    await operators.until_shown(HOME, CLINICS, "before")

    faulty.is_down = True
    faulty.cut_watches()
    begun, cpu = time.monotonic(), _cpu_s(operator.process.pid)
    operators.apply(house(HOME, CLINICS, "after"))
    await asyncio.sleep(OUTAGE_S)
    down_s = time.monotonic() - begun
    asked = [one for one in faulty.asked if one.at >= begun]
    faulty.is_down = False

    record_property("seconds", await operators.until_shown(HOME, CLINICS, "after", 60))
    record_property("requests per second while down", len(asked) / down_s)
    record_property("CPU share while down", (_cpu_s(operator.process.pid) - cpu) / down_s)
    assert len(asked) / down_s < 20, "no busy loop"
    assert operator.process.poll() is None
    acquired = [line for line in operator.lines() if line["event"] == "leadership.acquired"]
    assert len(acquired) == 1


async def test_a_slow_api_server_is_waited_for(
    operators: Replicas, faulty: FaultyApi, record_property: Recorder
) -> None:
    operator = await operators.start(url=faulty.url)
    await operators.until_shown(HOME, CLINICS, "before")

    faulty.delay_s = 5.0
    operators.apply(house(HOME, CLINICS, "after"))

    record_property("seconds", await operators.until_shown(HOME, CLINICS, "after", 60))
    await asyncio.sleep(12)
    faulty.delay_s = 0.0
    assert operator.process.poll() is None
    assert "leadership.lost" not in {line["event"] for line in operator.lines()}


@pytest.mark.parametrize("code", [429, 500])
async def test_refusals_in_bursts_are_tried_again_with_pauses(
    operators: Replicas, faulty: FaultyApi, code: int, record_property: Recorder
) -> None:
    operator = await operators.start(url=faulty.url)
    await operators.until_shown(HOME, CLINICS, "before")

    begun = time.monotonic()
    faulty.refuse = _in_bursts(code)
    faulty.cut_watches()
    operators.apply(house(HOME, CLINICS, "after"))
    await operators.until_shown(HOME, CLINICS, "after", 90)
    await asyncio.sleep(4)
    asked = [one for one in faulty.asked if one.at >= begun]
    faulty.refuse = lambda _: None
    await operators.until("every status is true", lambda: _are_programmed(operators), 60)

    record_property("requests per second", len(asked) / (time.monotonic() - begun))
    assert len(asked) / (time.monotonic() - begun) < 20
    assert operator.process.poll() is None


async def test_definitions_that_are_not_there_yet_are_waited_for(
    operators: Replicas, own_plane: ControlPlane
) -> None:
    own_plane.kubectl("delete", "-f", str(CRDS), "--wait=true")
    try:
        operator = await operators.start()
        await operator.logged("sweep.failed")
        await asyncio.sleep(3)
        assert operator.process.poll() is None
    finally:
        own_plane.define(CRDS)
    operators.apply(house(HOME, CLINICS, "after"))

    await operators.until_shown(HOME, CLINICS, "after", 60)


async def test_an_object_that_another_releases_definition_let_in_is_told_so_and_changes_nothing(
    operators: Replicas, own_plane: ControlPlane
) -> None:
    def room(entry: str, **more: object) -> None:
        spec = {"clinicRef": {"name": CLINICS[0]}, "guestEntry": entry, **more}
        operators.apply([document("MeetingRoom", HOME, "talks", spec)])

    async def says(reason: str) -> bool:
        found = await asyncio.to_thread(operators.get, "meetingroom", HOME, "talks")
        listed = found.get("status", {}).get("conditions", [])
        return reason in {one["reason"] for one in listed if one["type"] == "Accepted"}

    async def is_called(name: str) -> bool:
        found = await operators.clinic(HOME, CLINICS[0])
        return found is not None and name in [one.display_name for one in found.rooms]

    operator = await operators.start()
    room("Knock", displayName="Before")
    await operators.until("it is projected", lambda: is_called("Before"))
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/guestEntry/enum/-"
    looser = json.dumps([{"op": "add", "path": path, "value": "Wave"}])
    own_plane.kubectl("patch", "crd", "meetingrooms.teleward.io", "--type=json", "-p", looser)
    try:
        await asyncio.sleep(1)
        room("Wave", displayName="Meanwhile")
        await operators.until("it is refused", lambda: says("InvalidSpec"))
        operators.apply(house(HOME, CLINICS, "after"))
        await operators.until_shown(HOME, CLINICS, "after")
        assert await is_called("Before")

        assert await operator.stop() == 0
        again = await operators.start("two")
        await asyncio.sleep(5)
        assert await says("InvalidSpec")

        room("Open", displayName="After")
        await operators.until("it is accepted", lambda: says("Accepted"))
        await operators.until("it is projected", lambda: is_called("After"))
        assert again.process.poll() is None
    finally:
        own_plane.kubectl("delete", "meetingroom", "-n", HOME, "talks")
        own_plane.define(CRDS)


async def test_a_definition_deleted_while_running_takes_its_objects_along_and_may_come_back(
    operators: Replicas, own_plane: ControlPlane
) -> None:
    operator = await operators.start()
    await operators.until_shown(HOME, CLINICS, "before")

    own_plane.kubectl("delete", "crd", "waitingareas.teleward.io", "--wait=true")
    await operators.until("no door is left", lambda: _has_no_door(operators), 60)
    own_plane.define(CRDS)
    operators.apply(house(HOME, CLINICS, "after"))

    await operators.until_shown(HOME, CLINICS, "after", 90)
    await operators.until("the doors are back", lambda: _has_doors(operators), 90)
    assert operator.process.poll() is None


# -- the routing state ----------------------------------------------------------------------------


async def test_an_emptied_routing_state_is_projected_again(
    operators: Replicas, valkey: RunningValkey, record_property: Recorder
) -> None:
    await operators.start()
    await operators.until_shown(HOME, CLINICS, "before")

    valkey.flush()

    record_property("seconds", await operators.until_shown(HOME, CLINICS, "before"))


async def test_drift_in_the_routing_state_is_repaired_by_the_sweep(operators: Replicas) -> None:
    await operators.start(SWEEP_EVERY_S=2)
    await operators.until_shown(HOME, CLINICS, "before")
    key, redis = f"tw:{{org:{HOME}}}:documents", operators.store.redis
    own = json.loads(await redis.hget(key, "clinic/cardiology") or "")

    await redis.hset(
        key,
        mapping={
            "clinic/cardiology": json.dumps({**own, "display_name": "planted"}),
            "clinic/dermatology": "{",
            "clinic/nobody": json.dumps({**own, "name": "nobody", "uid": "of-nobody"}),
        },
    )

    await operators.until_shown(HOME, CLINICS, "before", 15)
    await operators.until("what is of nobody is gone", lambda: _is_gone(operators, "nobody"), 15)


async def test_a_failover_to_a_replica_that_missed_the_last_writes_is_noticed(
    own_plane: ControlPlane, tmp_path: Path, record_property: Recorder
) -> None:
    with RunningValkey() as primary, RunningValkey() as replica:
        async with (
            Switchboard(primary.port).serve() as switch,
            replicas(own_plane, switch.url, tmp_path) as together,
            open_store(primary.url) as old, open_store(replica.url) as new,
        ):  # fmt: skip
            operator = await together.start()
            await operator.logged("projection.completed")
            with replica.client() as client:
                client.replicaof("127.0.0.1", primary.port)
                await together.until("it follows", lambda: _knows(new, "before"), 20)
                client.replicaof("127.0.0.1", 1)  # the line is cut
            together.apply(house(HOME, CLINICS, "after"))
            await together.until("the primary knows", lambda: _knows(old, "after"))
            assert await _knows(new, "before")

            primary.stop()
            with replica.client() as client:
                client.replicaof("NO", "ONE")
            switch.lead_to(replica.port)

            took_s = await together.until("the replica knows", lambda: _knows(new, "after"))
            record_property("seconds", took_s)


# -- other operators ------------------------------------------------------------------------------


async def test_two_operators_without_a_common_lease_come_to_rest(
    operators: Replicas, own_plane: ControlPlane, faulty: FaultyApi
) -> None:
    operators.apply(house("elsewhere", [], "before"))
    one = await operators.start("one", faulty.url)
    other = await operators.start("other", faulty.url, NAMESPACE="elsewhere")
    operators.apply(house(HOME, CLINICS, "after"))
    await operators.until_shown(HOME, CLINICS, "after")
    await operators.until("every status is true", lambda: _are_programmed(operators))
    await asyncio.sleep(2)

    begun = time.monotonic()
    await asyncio.sleep(10)

    writes = [
        w for w in faulty.writes_since(begun) if not w.path.endswith("leases/teleward-operator")
    ]
    assert len(writes) <= 5, "they do not fight"
    assert one.process.poll() is None
    assert other.process.poll() is None


# -- what is declared -----------------------------------------------------------------------------


async def test_namespaces_with_everything_in_them_are_deleted(
    operators: Replicas, own_plane: ControlPlane, record_property: Recorder
) -> None:
    ada = {"clinicRef": {"name": CLINICS[0]}, "owner": {"user": "ada@harbour.example"}}
    operators.apply(
        [
            *house("leaving", CLINICS, "before"),
            document("MediaPool", "leaving", "default", {"replicas": 0}),
            document("UserRoom", "leaving", "ada", ada),
        ]
    )
    await operators.start()
    await operators.until_shown("leaving", CLINICS, "before")
    await operators.until("the pool has its finalizer", lambda: _has_finalizer(operators))

    begun = time.monotonic()
    await asyncio.to_thread(own_plane.kubectl, "delete", "namespace", "leaving", "--timeout=50s")

    record_property("seconds", time.monotonic() - begun)
    await operators.until(
        "its clinics are gone", lambda: _is_gone(operators, "cardiology", "leaving")
    )


async def test_without_an_operator_only_a_media_pool_holds_its_namespace(
    operators: Replicas, own_plane: ControlPlane
) -> None:
    operators.apply(house("alone", CLINICS, "before"))
    operator = await operators.start()
    await operators.until_shown("alone", CLINICS, "before")
    await operator.stop(signal.SIGKILL)

    await asyncio.to_thread(own_plane.kubectl, "delete", "namespace", "alone", "--timeout=50s")


async def test_a_thousand_objects_that_change_at_once_are_all_carried_out(
    operators: Replicas, record_property: Recorder
) -> None:
    names = [f"clinic-{n}" for n in range(20)]
    rooms = [(f"room-{n}", names[n % len(names)]) for n in range(1000)]

    def made(display: str) -> list[object]:
        return [
            document(
                "MeetingRoom", HOME, room, {"clinicRef": {"name": clinic}, "displayName": display}
            )
            for room, clinic in rooms
        ]

    operators.apply([*house(HOME, names, "before"), *made("before")])  # type: ignore[list-item]
    await operators.start()
    await operators.until_shown(HOME, names, "before")

    operators.apply(made("after"))  # type: ignore[arg-type]

    async def all_shown() -> bool:
        found = [await operators.clinic(HOME, name) for name in names]
        shown = [room.display_name for one in found if one for room in one.rooms]
        return shown == ["after"] * len(rooms)

    record_property("seconds", await operators.until("every room is shown", all_shown, 60))


async def test_hostile_texts_stay_texts(operators: Replicas) -> None:
    texts = {
        "right-to-left": "\u202eevil\u202c", "control": "\u0007\u001b[31m", "quotes": "'\"\\`$(x)",
        "markup": "<script>alert(1)</script>", "astral": "\U0001f600" * 60, "lines": "a\u2028b\r\nc",
    }  # fmt: skip
    for name, text in texts.items():
        operators.apply(house(HOME, [name], text))
    await operators.start()

    for name, text in texts.items():
        await operators.until_shown(HOME, [name], text)


async def test_an_object_of_nearly_the_largest_size_is_carried_out(operators: Replicas) -> None:
    notices = {f"{a}{b}": "x" * 2000 for a in "abcdefgh" for b in "abcdefgh"}
    texts = ("notices", "closedMessage", "terms", "informationPage")
    area = {"clinicRef": {"name": CLINICS[0]}, **dict.fromkeys(texts, notices)}
    operators.apply([document("WaitingArea", HOME, CLINICS[0], area)])
    await operators.start()

    async def is_shown() -> bool:
        clinic = await operators.clinic(HOME, CLINICS[0])
        return (
            clinic is not None
            and clinic.waiting_area is not None
            and clinic.waiting_area.notice == notices
        )

    await operators.until("the notices are there", is_shown)


# -- helpers --------------------------------------------------------------------------------------


async def _watches_all(faulty: FaultyApi) -> bool:
    return faulty.watches > len(KINDS)


async def _knows(store: Store, display: str) -> bool:
    found = await RedisProjections(store).clinic(Namespace(HOME), CLINICS[0])
    return found is not None and found.display_name == display


async def _is_gone(operators: Replicas, name: str, namespace: str = HOME) -> bool:
    return await operators.clinic(namespace, name) is None


async def _has_no_door(operators: Replicas) -> bool:
    found = [await operators.clinic(HOME, name) for name in CLINICS]
    return all(one is not None and one.waiting_area is None for one in found)


async def _has_doors(operators: Replicas) -> bool:
    found = [await operators.clinic(HOME, name) for name in CLINICS]
    return all(one is not None and one.waiting_area is not None for one in found)


async def _has_finalizer(operators: Replicas) -> bool:
    found = await asyncio.to_thread(operators.get, "mediapool", "leaving", "default")
    return bool(found["metadata"].get("finalizers"))


async def _are_programmed(operators: Replicas) -> bool:
    for name in CLINICS:
        found = await asyncio.to_thread(operators.get, "clinic", HOME, name)
        conditions = {c["type"]: c for c in found.get("status", {}).get("conditions", [])}
        programmed = conditions.get("Programmed", {})
        generation = found["metadata"]["generation"]
        if (programmed.get("status"), programmed.get("observedGeneration")) != (
            "True",
            generation,
        ):
            return False
    return True


def _in_bursts(code: int) -> Callable[[Asked], int | None]:
    """Two seconds of refusals, one of peace; leases are let through, leadership is another test."""
    begun = time.monotonic()

    def refuse(asked: Asked) -> int | None:
        is_burst = (asked.at - begun) % 3 < 2
        return code if is_burst and "/leases" not in asked.path else None

    return refuse


def _compact(plane: ControlPlane) -> None:
    """Forget etcd's history up to now."""
    revision = int(_etcd(plane, "kv/range", {"key": "AA=="})["header"]["revision"])
    _etcd(plane, "kv/compaction", {"revision": revision, "physical": True})


def _etcd(plane: ControlPlane, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
    asked = urllib.request.Request(
        f"{plane.etcd_url}/v3/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return dict(json.loads(answer.read()))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
