"""Exactly the wanted media nodes run, drift is mended, and nothing that carries a call is touched."""

import copy
from collections.abc import Iterable
from typing import Any

from teleward_contract.resources import MediaPool
from teleward_contract.units import MediaNodeId
from teleward_operator.core.media_node_objects import Installation, Manifest, object_name
from teleward_operator.core.media_node_plan import (
    Live,
    ObjectKey,
    ObjectPlan,
    plan_objects,
    running,
)
from teleward_testing.declared import media_pool

INSTALLATION = Installation(
    namespace="teleward", image="teleward-media:1", pull_policy="IfNotPresent", pull_secrets=(),
    redis_secret="teleward-redis", redis_ports=(6379,), ticket_keys="teleward-ticket-keys", log_level="INFO",
)  # fmt: skip
HOST_PORTS = {"exposure": {"mode": "HostPort", "ports": {"first": 30200, "last": 30299}}}
NEWER = {"template": {"image": "teleward-media:2"}}
BALANCED = {"exposure": {"mode": "LoadBalancer"}}


def ids(*numbers: int) -> tuple[MediaNodeId, ...]:
    return tuple(MediaNodeId(f"default-{number}") for number in numbers)


class Cluster:
    """An API server that takes everything, gives node ports, and has every pod up at once."""

    def __init__(self) -> None:
        self.objects: dict[ObjectKey, Manifest] = {}
        self.pods: dict[MediaNodeId, tuple[Manifest, ...]] = {}
        self.version = 0

    @property
    def live(self) -> Live:
        return Live(copy.deepcopy(self.objects), dict(self.pods))

    def plan(
        self, pool: MediaPool, wanted: Iterable[MediaNodeId], busy: Iterable[MediaNodeId] = ()
    ) -> ObjectPlan:
        return plan_objects(pool, INSTALLATION, tuple(wanted), frozenset(busy), self.live)

    def carry_out(self, plan: ObjectPlan) -> None:
        for manifest in plan.apply:
            self.version += 1
            made = copy.deepcopy(manifest)
            key = (made["kind"], made["metadata"]["name"])
            before = self.objects.get(key)
            for which in ("uid", "resourceVersion"):
                told = before["metadata"][which] if before else None
                assert manifest["metadata"].get(which) == told
            made["metadata"].setdefault("uid", f"uid-{self.version}")
            made["metadata"]["resourceVersion"] = str(self.version)
            if made["kind"] == "Service":
                made["spec"]["ports"][0].setdefault("nodePort", 31000 + self.version)
            if made["kind"] == "Deployment" and made["spec"]["replicas"]:
                made["status"] = {"readyReplicas": 1}
                self.pods[MediaNodeId(key[1].removeprefix("media-"))] = ({"metadata": {}},)
            self.objects[key] = made
        for found in plan.delete:
            del self.objects[found["kind"], found["metadata"]["name"]]

    def settle(
        self, pool: MediaPool, wanted: Iterable[MediaNodeId], busy: Iterable[MediaNodeId] = ()
    ) -> int:
        for rounds in range(10):
            plan = self.plan(pool, wanted, busy)
            if plan.is_settled:
                return rounds
            self.carry_out(plan)
        raise AssertionError("it never settles")

    def named(self, kind: str) -> list[str]:
        return sorted(name.removeprefix("media-") for of, name in self.objects if of == kind)

    def image(self, name: MediaNodeId) -> str:
        pod: dict[str, Any] = self.objects["Deployment", object_name(name)]["spec"]["template"][
            "spec"
        ]
        return str(pod["containers"][0]["image"])


def applied(plan: ObjectPlan) -> list[ObjectKey]:
    return [(one["kind"], one["metadata"]["name"]) for one in plan.apply]


def test_a_pool_is_made_in_two_rounds_and_rests_then() -> None:
    cluster = Cluster()

    assert cluster.settle(media_pool(), ids(0, 1)) == 2

    assert cluster.named("Deployment") == cluster.named("Service") == [*ids(0, 1)]
    assert [node.media_node for node in running(cluster.live)] == [*ids(0, 1)]
    container = cluster.objects["Deployment", object_name(ids(0)[0])]["spec"]["template"]["spec"][
        "containers"
    ][0]
    door = cluster.objects["Service", object_name(ids(0)[0])]["spec"]["ports"][0]
    assert container["ports"][0]["containerPort"] == door["nodePort"]


def test_a_media_node_that_leaves_keeps_its_service_until_its_pod_has_ended() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0, 1))

    cluster.settle(media_pool(), ids(0))

    assert cluster.named("Deployment") == [*ids(0)]
    assert cluster.named("Service") == [*ids(0, 1)]
    stopping = [node.media_node for node in running(cluster.live) if node.is_stopping]
    assert stopping == [*ids(1)]
    del cluster.pods[ids(1)[0]]
    cluster.settle(media_pool(), ids(0))
    assert cluster.named("Service") == [*ids(0)]


def test_what_somebody_changed_or_deleted_is_mended() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0))
    port = cluster.objects["Service", object_name(ids(0)[0])]["spec"]["ports"][0]["nodePort"]
    del cluster.objects["Service", object_name(ids(0)[0])]
    cluster.objects["PodDisruptionBudget", "media-default"]["spec"]["maxUnavailable"] = 5

    plan = cluster.plan(media_pool(), ids(0))
    assert ("PodDisruptionBudget", "media-default") in applied(plan)
    cluster.settle(media_pool(), ids(0))

    assert (
        cluster.objects["Service", object_name(ids(0)[0])]["spec"]["ports"][0]["nodePort"] == port
    )


def test_a_service_that_was_deleted_comes_back_without_ending_the_pod_behind_it() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0))
    del cluster.objects["Service", object_name(ids(0)[0])]

    plan = cluster.plan(media_pool(), ids(0))

    assert applied(plan) == [("Service", object_name(ids(0)[0]))]


def test_a_busy_media_node_is_left_as_it_is() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0))
    del cluster.objects["Service", object_name(ids(0)[0])]

    plan = cluster.plan(media_pool(NEWER), ids(0), busy=ids(0))

    assert applied(plan) == [("Service", object_name(ids(0)[0]))]
    cluster.carry_out(plan)
    assert cluster.plan(media_pool(NEWER), ids(0), busy=ids(0)).is_settled
    assert cluster.image(ids(0)[0]) == "teleward-media:1"


def test_a_busy_one_keeps_its_door_when_the_exposure_changes() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0))

    cluster.settle(media_pool(HOST_PORTS), ids(0), busy=ids(0))
    assert cluster.named("Service") == [*ids(0)]

    cluster.settle(media_pool(HOST_PORTS), ids(0))
    assert cluster.named("Service") == []


def test_idle_ones_get_a_changed_template_one_after_the_other() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0, 1, 2))

    plan = cluster.plan(media_pool(NEWER), ids(0, 1, 2))
    assert applied(plan) == [("Deployment", object_name(ids(0)[0]))]
    cluster.carry_out(plan)
    del cluster.objects["Deployment", object_name(ids(0)[0])]["status"]
    assert cluster.plan(media_pool(NEWER), ids(0, 1, 2)).is_settled, "the first is not up yet"
    cluster.objects["Deployment", object_name(ids(0)[0])]["status"] = {"readyReplicas": 1}
    cluster.settle(media_pool(NEWER), ids(0, 1, 2), busy=ids(2))

    assert [cluster.image(name)[-1] for name in ids(0, 1, 2)] == ["2", "2", "1"]


def test_without_an_address_a_media_node_waits_and_says_so() -> None:
    cluster = Cluster()

    cluster.settle(media_pool(BALANCED), ids(0))

    assert cluster.objects["Deployment", object_name(ids(0)[0])]["spec"]["replicas"] == 0
    assert "LoadBalancer" in running(cluster.live)[0].trouble
    door = cluster.objects["Service", object_name(ids(0)[0])]
    door["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}
    cluster.settle(media_pool(BALANCED), ids(0))
    assert cluster.objects["Deployment", object_name(ids(0)[0])]["spec"]["replicas"] == 1


def test_what_is_being_deleted_is_neither_changed_nor_deleted_again() -> None:
    cluster = Cluster()
    cluster.settle(media_pool(), ids(0, 1))
    for name in ids(0, 1):
        cluster.objects["Deployment", object_name(name)]["metadata"]["deletionTimestamp"] = "now"

    plan = cluster.plan(media_pool(), ids(0))

    assert plan.is_settled
    assert [node.is_stopping for node in running(cluster.live)] == [True, True]
