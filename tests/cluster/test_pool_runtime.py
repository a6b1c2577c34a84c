"""A media pool becomes Deployments and Services, scales by kubectl, and goes without cutting a call."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from teleward_contract.media_nodes import Heartbeat, LiveCall
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
)
from teleward_testing.builders import document
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.kube.operators import Replicas

_numbers = itertools.count()
UP = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
POOLED = ("-l", "teleward.io/pool")
HOST_NETWORK = {"mode": "HostNetwork", "ports": {"first": 30200, "last": 30299}}


class Nodes:
    """The kubelets and media nodes of one namespace: every pod is up at once, and beats."""

    def __init__(self, operators: Replicas, namespace: str) -> None:
        self.operators = operators
        self.plane = operators.plane
        self.namespace = namespace
        self.routing = RedisRouting(operators.store)
        self.calls: dict[str, tuple[LiveCall, ...]] = {}
        self.are_working = True

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.plane.kubectl("-n", self.namespace, *words, stdin=stdin)

    def listed(self, kind: str) -> list[dict[str, Any]]:
        return list(
            json.loads(self.kubectl("get", kind, "-o", "json", "--show-managed-fields", *POOLED))[
                "items"
            ]
        )

    def named(self, kind: str) -> list[str]:
        return sorted(
            found["metadata"]["name"].removeprefix("media-") for found in self.listed(kind)
        )

    async def work(self) -> None:
        while True:
            for pod in await asyncio.to_thread(self.listed, "pods") if self.are_working else ():
                name = pod["metadata"]["name"]
                if pod["status"].get("phase") != "Running":
                    patch = ("patch", "pod", name, "--subresource=status", "-p", json.dumps(UP))
                    with contextlib.suppress(AssertionError):  # it went meanwhile
                        await asyncio.to_thread(self.kubectl, *patch)
                await self._beat(pod["metadata"]["labels"]["teleward.io/media-node"])
            await asyncio.sleep(0.3)

    async def _beat(self, name: str) -> None:
        await self.routing.beat(
            Heartbeat(
                pool=PoolId(f"{self.namespace}/default"), media_node=MediaNodeId(name),
                boot=BootId(f"boot-{name}"), control_url="ws://127.0.0.1:1", udp="127.0.0.1:2",
                capacity=CapacityUnits(120), calls=self.calls.get(name, ()),
            )
        )  # fmt: skip

    async def pool(self) -> dict[str, Any]:
        return await asyncio.to_thread(self.operators.get, "mediapool", self.namespace, "default")

    async def says(self, reason: str) -> str | None:
        """The message of Ready if it has this reason."""
        listed = (await self.pool()).get("status", {}).get("conditions", [])
        ready: dict[str, Any] = next((one for one in listed if one["type"] == "Ready"), {})
        return str(ready["message"]) if ready.get("reason") == reason else None

    async def until_says(self, reason: str, seconds: float = 30) -> str:
        async def is_so() -> bool:
            return await self.says(reason) is not None

        await self.operators.until(f"the pool says {reason}", is_so, seconds)
        return str(await self.says(reason))

    async def until_named(self, kind: str, names: list[str], seconds: float = 30) -> None:
        async def is_so() -> bool:
            return await asyncio.to_thread(self.named, kind) == names

        await self.operators.until(f"{kind} are {names}", is_so, seconds)


@pytest_asyncio.fixture
async def nodes(operators: Replicas, own_plane: ControlPlane) -> AsyncIterator[Nodes]:
    name = f"media-{next(_numbers)}"
    own_plane.kubectl("create", "namespace", name)
    level = "pod-security.kubernetes.io/enforce=restricted"
    own_plane.kubectl("label", "namespace", name, level)
    made = Nodes(operators, name)
    await operators.start()
    working = asyncio.create_task(made.work())
    yield made
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


def declare(nodes: Nodes, **spec: object) -> None:
    nodes.operators.apply([document("MediaPool", nodes.namespace, "default", spec)])


async def test_a_pool_runs_under_pod_security_restricted(nodes: Nodes) -> None:
    declare(nodes, replicas=2)

    await nodes.until_says("Ready")

    both = ["default-0", "default-1"]
    assert nodes.named("deployments") == nodes.named("services") == both
    kinds = ("serviceaccounts", "poddisruptionbudgets", "networkpolicies")
    assert [nodes.named(kind) for kind in kinds] == [["default"]] * 3
    ports = {
        s["metadata"]["labels"]["teleward.io/media-node"]: s["spec"]["ports"][0]["nodePort"]
        for s in nodes.listed("services")
    }
    for pod in nodes.listed("pods"):
        environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
        name = pod["metadata"]["labels"]["teleward.io/media-node"]
        assert environment["TELEWARD_UDP_PORT"]["value"] == str(ports[name])
        assert environment["TELEWARD_ADVERTISED_ADDRESS"]["valueFrom"]["fieldRef"]
    assert (await nodes.pool())["status"]["replicas"] == 2


async def test_kubectl_scales_it(nodes: Nodes) -> None:
    declare(nodes, replicas=0)
    await nodes.until_says("Ready")

    nodes.kubectl("scale", "mediapool", "default", "--replicas=3")
    await nodes.until_named("deployments", ["default-0", "default-1", "default-2"])
    await nodes.until_says("Ready")
    nodes.kubectl("scale", "mediapool", "default", "--replicas=1")

    await nodes.until_named("deployments", ["default-0"])
    await nodes.until_named("services", ["default-0"], 40)


async def test_at_rest_nothing_is_written_and_drift_is_mended(nodes: Nodes) -> None:
    declare(nodes, replicas=1)
    await nodes.until_says("Ready")
    await nodes.operators.until("what is declared is written", lambda: _is_still(nodes, 3))
    before = _written(nodes)
    sent = _applied(nodes)
    await asyncio.sleep(17)
    assert (_written(nodes), _applied(nodes)) == (before, sent)
    port = nodes.listed("services")[0]["spec"]["ports"][0]["nodePort"]

    nodes.kubectl("delete", "service", "media-default-0")
    change = (
        '{"spec":{"template":{"spec":{"containers":[{"name":"media-node","image":"other:1"}]}}}}'
    )
    nodes.kubectl("patch", "deployment", "media-default-0", "-p", change)

    async def is_mended() -> bool:
        found = await asyncio.to_thread(nodes.listed, "deployments")
        doors = await asyncio.to_thread(nodes.listed, "services")
        image = found[0]["spec"]["template"]["spec"]["containers"][0]["image"]
        return image == "teleward-media:1" and [
            d["spec"]["ports"][0]["nodePort"] for d in doors
        ] == [port]

    await nodes.operators.until("both are mended", is_mended, 40)


async def test_what_was_deleted_meanwhile_is_not_made_from_an_old_plan(nodes: Nodes) -> None:
    declare(nodes, replicas=1)
    await nodes.until_says("Ready")
    await nodes.operators.stop()
    [stood] = nodes.listed("services")
    nodes.kubectl("delete", "service", "media-default-0")

    planned = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {key: stood["metadata"][key] for key in ("name", "uid", "resourceVersion")},
        "spec": {"type": "NodePort", "ports": [{"name": "media", "protocol": "UDP", "port": 7882}]},
    }  # fmt: skip
    with pytest.raises(AssertionError, match="uid mismatch"):
        nodes.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(planned))

    assert nodes.listed("services") == []


async def test_what_pod_security_refuses_is_said(nodes: Nodes) -> None:
    declare(nodes, replicas=1, exposure=HOST_NETWORK)

    message = await nodes.until_says("MediaNodesStarting")

    async def is_said() -> bool:
        return "violates PodSecurity" in (await nodes.says("MediaNodesStarting") or "")

    await nodes.operators.until(f"the refusal is said, not {message}", is_said)


async def test_why_a_pod_does_not_come_up_is_said(nodes: Nodes) -> None:
    nodes.are_working = False
    declare(nodes, replicas=1)
    await nodes.until_named("deployments", ["default-0"])

    async def has_pod() -> bool:
        return bool(await asyncio.to_thread(nodes.listed, "pods"))

    await nodes.operators.until("there is a pod", has_pod)
    why = {"reason": "CreateContainerConfigError", "message": 'secret "teleward-redis" not found'}
    waiting = {
        "name": "media-node", "image": "x", "imageID": "", "ready": False, "restartCount": 0,
        "state": {"waiting": why},
    }  # fmt: skip
    status = json.dumps({"status": {"phase": "Pending", "containerStatuses": [waiting]}})
    name = nodes.listed("pods")[0]["metadata"]["name"]
    nodes.kubectl("patch", "pod", name, "--subresource=status", "-p", status)

    async def is_said() -> bool:
        return 'secret "teleward-redis" not found' in (
            await nodes.says("MediaNodesStarting") or ""
        )

    await nodes.operators.until("it is said", is_said)


async def test_a_load_balancer_is_waited_for(nodes: Nodes) -> None:
    declare(nodes, replicas=1, exposure={"mode": "LoadBalancer"})
    await nodes.until_named("services", ["default-0"])
    assert nodes.listed("pods") == []

    ingress = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}})
    nodes.kubectl("patch", "service", "media-default-0", "--subresource=status", "-p", ingress)

    await nodes.until_says("Ready")
    environment = nodes.listed("pods")[0]["spec"]["containers"][0]["env"]
    assert {"name": "TELEWARD_ADVERTISED_ADDRESS", "value": "192.0.2.7"} in environment


async def test_a_deleted_pool_waits_for_its_calls_and_takes_everything_along(nodes: Nodes) -> None:
    declare(nodes, replicas=1)
    await nodes.until_says("Ready")
    call = LiveCall(call=CallId("c1"), epoch=PlacementEpoch(1), cost=CapacityUnits(2))
    nodes.calls["default-0"] = (call,)
    await asyncio.sleep(2)

    nodes.kubectl("delete", "mediapool", "default", "--wait=false")
    message = await nodes.until_says("Draining")
    await asyncio.sleep(3)
    assert nodes.named("deployments") == ["default-0"]
    assert "teleward.io/skip-drain=true" in message
    nodes.kubectl("annotate", "mediapool", "default", "teleward.io/skip-drain=true")

    await nodes.until_named("deployments", [])
    nodes.kubectl("wait", "--for=delete", "mediapool/default", "--timeout=40s")
    for kind in ("services", "serviceaccounts", "poddisruptionbudgets", "networkpolicies"):
        await nodes.until_named(kind, [])


async def test_a_busy_media_node_keeps_its_template(nodes: Nodes) -> None:
    declare(nodes, replicas=2)
    await nodes.until_says("Ready")
    call = LiveCall(call=CallId("c1"), epoch=PlacementEpoch(1), cost=CapacityUnits(2))
    nodes.calls["default-0"] = (call,)
    await asyncio.sleep(2)

    declare(nodes, replicas=2, template={"image": "teleward-media:2"})

    async def images() -> list[str]:
        found = await asyncio.to_thread(nodes.listed, "deployments")
        listed = {
            d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0] for d in found
        }
        return [listed[name]["image"][-1] for name in sorted(listed)]

    async def are(wanted: list[str]) -> bool:
        return await images() == wanted

    await nodes.operators.until("the idle one is new", lambda: are(["1", "2"]))
    await asyncio.sleep(3)
    assert await are(["1", "2"])
    nodes.calls.clear()
    await nodes.operators.until("both are new", lambda: are(["2", "2"]), 40)


async def _is_still(nodes: Nodes, seconds: float) -> bool:
    before = _written(nodes)
    await asyncio.sleep(seconds)
    return _written(nodes) == before


def _applied(nodes: Nodes) -> int:
    """How often the operator sent an object; one that is as it was leaves no trace in it."""
    lines = nodes.operators.running["one"].lines()
    return sum(line["event"] == "object.applied" for line in lines)


def _written(nodes: Nodes) -> dict[str, object]:
    """What others than the cluster's own controllers wrote, and when."""
    kinds = (
        "deployments",
        "services",
        "serviceaccounts",
        "poddisruptionbudgets",
        "networkpolicies",
    )
    listed = {
        f"{kind}/{found['metadata']['name']}": found["metadata"]["managedFields"]
        for kind in kinds
        for found in nodes.listed(kind)
    }
    return {
        name: [one for one in fields if one["manager"] != "kube-controller-manager"]
        for name, fields in listed.items()
    }
