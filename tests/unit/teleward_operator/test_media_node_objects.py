"""A media node's objects are what Kubernetes accepts under Pod Security restricted, and say where browsers reach it."""

from typing import Any

import pytest
from teleward_contract.units import MediaNodeId
from teleward_operator.core.media_node_objects import (
    Address,
    Installation,
    Manifest,
    address,
    cores,
    deployment,
    is_applied,
    octets,
    pool_objects,
    returned,
    sealed,
    service,
    trouble_of,
)
from teleward_testing.declared import NAMESPACE, media_pool

NODE = MediaNodeId("default-3")
INSTALLATION = Installation(
    namespace="teleward", image="teleward-media:1", pull_policy="IfNotPresent", pull_secrets=(),
    redis_secret="teleward-redis", redis_ports=(6379,), ticket_keys="teleward-ticket-keys", log_level="INFO",
)  # fmt: skip
PORTS = {"first": 30200, "last": 30209}
HOST_PORTS = {"mode": "HostPort", "ports": PORTS}
HOST_NETWORK = {"mode": "HostNetwork", "ports": PORTS}
BALANCED = {"mode": "LoadBalancer", "port": 443, "loadBalancerClass": "example.org/internal",
            "serviceAnnotations": {"example.org/internal": "true"}}  # fmt: skip


HERE = Address(30203, None)


def made(spec: dict[str, Any] | None = None, where: Address | None = HERE) -> Manifest:
    return deployment(media_pool(spec), NODE, INSTALLATION, where)


def pod(manifest: Manifest) -> dict[str, Any]:
    return dict(manifest["spec"]["template"]["spec"])


def environment(manifest: Manifest) -> dict[str, Any]:
    listed = pod(manifest)["containers"][0]["env"]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in listed}


def test_everything_belongs_to_the_pool() -> None:
    door = service(media_pool(), NODE)
    assert door is not None

    for manifest in (*pool_objects(media_pool(), INSTALLATION), door, made()):
        meta = manifest["metadata"]
        assert meta["namespace"] == NAMESPACE
        assert meta["labels"]["teleward.io/pool"] == "default"
        assert [(o["kind"], o["name"], o["controller"]) for o in meta["ownerReferences"]] == [
            ("MediaPool", "default", True)
        ]


def test_a_pod_is_restricted_and_has_no_token() -> None:
    spec = pod(made())
    container = spec["containers"][0]

    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not spec["automountServiceAccountToken"]
    assert "hostNetwork" not in spec
    assert "hostPort" not in container["ports"][0]


def test_the_kubelet_waits_longer_than_the_drain() -> None:
    spec = {"drain": {"timeoutSeconds": 600}}

    assert pod(made(spec))["terminationGracePeriodSeconds"] == 660
    assert environment(made(spec))["TELEWARD_DRAIN_S"] == "600"


def test_a_node_port_is_what_the_pod_binds_and_the_address_is_the_nodes() -> None:
    found = {"spec": {"ports": [{"port": 7882, "nodePort": 30777}]}}

    where = address(media_pool(), NODE, found)
    manifest = made(where=where)

    assert where == Address(30777, None)
    assert pod(manifest)["containers"][0]["ports"][0]["containerPort"] == 30777
    assert environment(manifest)["TELEWARD_UDP_PORT"] == "30777"
    assert environment(manifest)["TELEWARD_ADVERTISED_ADDRESS"] == {
        "fieldRef": {"fieldPath": "status.hostIP"}
    }


@pytest.mark.parametrize(("exposure", "port"), [({}, None), ({"ports": PORTS}, 30203)])
def test_a_service_takes_the_declared_port(exposure: dict[str, Any], port: int | None) -> None:
    door = service(media_pool({"exposure": exposure}), NODE)

    assert door is not None
    assert door["spec"]["ports"][0].get("nodePort") == port
    assert door["spec"]["externalTrafficPolicy"] == "Local"


@pytest.mark.parametrize(
    ("exposure", "bound", "port"),
    [({}, 30555, 30555), ({}, 7882, None), ({"ports": PORTS}, 30555, 30203),
     ({"mode": "LoadBalancer"}, 30555, None)],
)  # fmt: skip
def test_a_service_comes_back_on_the_port_that_its_pod_is_bound_to(
    exposure: dict[str, Any], bound: int, port: int | None
) -> None:
    door = service(media_pool({"exposure": exposure}), NODE)

    assert door is not None
    assert returned(door, bound)["spec"]["ports"][0].get("nodePort") == port


@pytest.mark.parametrize("exposure", [HOST_PORTS, HOST_NETWORK])
def test_ports_of_the_node_are_numbered_and_need_no_service(exposure: dict[str, Any]) -> None:
    pool = media_pool({"exposure": exposure})

    assert service(pool, NODE) is None
    assert address(pool, NODE, None) == Address(30203, None)


def test_a_host_port_is_asked_of_the_node() -> None:
    container = pod(made({"exposure": HOST_PORTS}))["containers"][0]

    assert container["ports"][0]["hostPort"] == 30203


def test_on_the_nodes_network_the_control_port_is_its_own_too() -> None:
    manifest = made({"exposure": HOST_NETWORK})

    assert pod(manifest)["hostNetwork"]
    assert pod(manifest)["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert environment(manifest)["TELEWARD_CONTROL_PORT"] == "30203"
    assert environment(made())["TELEWARD_CONTROL_PORT"] == "7883"


def test_a_load_balancer_says_its_address() -> None:
    pool = media_pool({"exposure": BALANCED})
    door = service(pool, NODE)
    assert door is not None

    assert door["spec"]["loadBalancerClass"] == "example.org/internal"
    assert door["metadata"]["annotations"] == {"example.org/internal": "true"}
    assert address(pool, NODE, door) is None
    for ingress in ({"ip": "192.0.2.7"}, {"hostname": "media.example.org"}):
        found = {**door, "status": {"loadBalancer": {"ingress": [ingress]}}}
        assert address(pool, NODE, found) == Address(443, next(iter(ingress.values())))


def test_a_plain_load_balancer_has_a_port_of_its_own() -> None:
    door = service(media_pool({"exposure": {"mode": "LoadBalancer"}}), NODE)

    assert door is not None
    assert door["spec"]["ports"][0]["port"] == 7882


def test_a_declared_address_is_told_to_browsers() -> None:
    pool = media_pool({"exposure": {"address": "203.0.113.9"}})
    found = {"spec": {"ports": [{"nodePort": 30777}]}}

    where = address(pool, NODE, found)

    assert where == Address(30777, "203.0.113.9")
    assert environment(made(where=where))["TELEWARD_ADVERTISED_ADDRESS"] == "203.0.113.9"


@pytest.mark.parametrize("found", [None, {"spec": {}}, {"spec": {"ports": [{"port": 7882}]}}])
def test_without_an_address_a_media_node_waits(found: Manifest | None) -> None:
    where = address(media_pool(), NODE, found)

    assert where is None
    assert made(where=where)["spec"]["replicas"] == 0


def test_a_template_is_carried_over() -> None:
    installation = Installation(
        namespace="teleward", image="teleward-media:1", pull_policy="Always", pull_secrets=("pull",),
        redis_secret="r", redis_ports=(6379,), ticket_keys="k", log_level="DEBUG",
    )  # fmt: skip
    template = {
        "image": "mine:2", "cpu": "1500m", "memory": "2048Mi", "nodeSelector": {"media": "yes"},
        "tolerations": [{"key": "media", "operator": "Exists"}], "priorityClassName": "high",
        "annotations": {"example.org/a": "b"}, "labels": {"example.org/c": "d"},
    }  # fmt: skip

    manifest = deployment(
        media_pool({"template": template}), NODE, installation, Address(30203, None)
    )

    spec, container = pod(manifest), pod(manifest)["containers"][0]
    assert container["image"] == "mine:2"
    assert container["resources"]["requests"] == {"cpu": "1500m", "memory": "2Gi"}
    assert spec["nodeSelector"] == {"media": "yes"}
    assert {"key": "media", "operator": "Exists"} in spec["tolerations"]
    assert spec["priorityClassName"] == "high"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    meta = manifest["spec"]["template"]["metadata"]
    assert meta["annotations"]["example.org/a"] == "b"
    assert meta["labels"]["example.org/c"] == "d"


@pytest.mark.parametrize(
    ("given", "written"),
    [("1", "1"), ("0.5", "500m"), ("1500m", "1500m"), ("2000m", "2"), ("0", "0")],
)
def test_cores_are_written_as_the_server_writes_them(given: str, written: str) -> None:
    assert cores(given) == written


@pytest.mark.parametrize(
    ("given", "written"),
    [("512Mi", "512Mi"), ("1024Mi", "1Gi"), ("1000M", "1G"), ("1536Mi", "1536Mi"), ("0", "0"),
     ("1048576", "1048576"), ("2000000", "2M"), ("2048Ki", "2Mi")],
)  # fmt: skip
def test_octets_are_written_as_the_server_writes_them(given: str, written: str) -> None:
    assert octets(given) == written


@pytest.mark.parametrize(
    ("wanted", "live", "stands"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        ({"a": {"b": [1]}}, {"a": {"b": [1]}}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": [1]}, {"a": 1}, False),
        ({"a": {}}, {"a": 1}, False),
    ],
)
def test_what_is_wanted_stands_if_nothing_of_it_differs(
    wanted: object, live: object, stands: bool
) -> None:
    assert is_applied(wanted, live) == stands


def test_a_field_that_is_not_wanted_any_more_changes_the_seal() -> None:
    one = sealed({"metadata": {"name": "a"}, "spec": {"x": 1, "y": 2}})
    other = sealed({"metadata": {"name": "a"}, "spec": {"x": 1}})

    assert not is_applied(other, one)


WAITING = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
CREATING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "no",
}
FORBIDDEN = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": "pods",
}


@pytest.mark.parametrize(
    ("conditions", "pods", "said"),
    [
        ([], [], ""),
        ([FORBIDDEN], [], "FailedCreate: pods"),
        ([{"type": "Available", "status": "True"}], [{"status": {"conditions": [UNSCHEDULABLE]}}],
         "Unschedulable: no"),
        ([], [{"status": {"containerStatuses": [WAITING]}}], "ImagePullBackOff: no such image"),
        ([], [{"status": {"conditions": [{"type": "PodScheduled", "status": "True"}],
                          "containerStatuses": [CREATING, {}]}}], ""),
    ],
)  # fmt: skip
def test_why_a_pod_does_not_come_up_is_said_in_the_words_of_kubernetes(
    conditions: list[Manifest], pods: list[Manifest], said: str
) -> None:
    deployed = {"spec": {"replicas": 1}, "status": {"conditions": conditions}}

    assert trouble_of(deployed, pods) == said


def test_a_media_node_without_an_address_says_what_it_waits_for() -> None:
    assert "LoadBalancer" in trouble_of({"spec": {"replicas": 0}}, ())
