"""Every rendered object is valid on the oldest and the newest Kubernetes; every pod is *restricted*."""

from copy import deepcopy
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # the package has no types
import pytest
from teleward_testing import chart

OBJECTS = [pytest.param(one, id=f"{name}-{path}") for name, path, one in chart.every_object()]
WORKLOADS = [
    pytest.param(one, id=f"{name}-{path}")
    for name, path, one in chart.every_object()
    if chart.pod_of(one)
]
OLDEST, NEWEST = "1.30", "1.37"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("one", OBJECTS)
def test_the_object_is_valid(one: chart.Object, version: str) -> None:
    kubernetes_validate.validate(one, version, strict=True)


def test_the_chart_asks_for_the_oldest_version_that_is_tested() -> None:
    assert f'kubeVersion: ">={OLDEST}.0-0"' in (chart.CHART / "Chart.yaml").read_text()


@pytest.mark.parametrize("one", WORKLOADS)
def test_the_pod_is_restricted(one: chart.Object) -> None:
    assert chart.not_restricted(one["spec"]["template"]["spec"]) == []


@pytest.mark.parametrize("one", WORKLOADS)
def test_the_pod_gets_no_service_links_and_a_read_only_root(one: chart.Object) -> None:
    pod = one["spec"]["template"]["spec"]

    assert pod["enableServiceLinks"] is False
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"requests", "limits"} <= container["resources"].keys()
        assert {"livenessProbe", "readinessProbe"} <= container.keys()


@pytest.mark.parametrize("one", WORKLOADS)
def test_only_the_operator_has_a_token(one: chart.Object) -> None:
    component = one["metadata"]["labels"]["app.kubernetes.io/component"]
    pod = one["spec"]["template"]["spec"]

    assert pod["automountServiceAccountToken"] is (component == "operator")


@pytest.mark.parametrize("one", WORKLOADS)
def test_what_is_written_stays_in_memory(one: chart.Object) -> None:
    for volume in one["spec"]["template"]["spec"].get("volumes", []):
        assert volume.keys() & {"secret", "configMap"} or volume["emptyDir"]["medium"] == "Memory"


@pytest.mark.parametrize("one", WORKLOADS)
def test_the_selector_finds_the_pods_and_is_free_of_versions(one: chart.Object) -> None:
    selector = one["spec"]["selector"]["matchLabels"]
    labels = one["spec"]["template"]["metadata"]["labels"]

    assert selector.items() <= labels.items()
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & selector.keys()


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_every_pod_is_under_a_network_policy(name: str) -> None:
    found = [one for objects in chart.objects(name).values() for one in objects]
    policies = [
        one["spec"]["podSelector"]["matchLabels"]
        for one in found
        if one["kind"] == "NetworkPolicy"
    ]
    for one in found:
        if chart.pod_of(one):
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert any(policy.items() <= labels.items() for policy in policies), one["metadata"]


def test_metrics_are_refused_until_somebody_is_named() -> None:
    def ports(name: str, part: str) -> list[Any]:
        (policy,) = chart.objects(name)[f"{part}/networkpolicy.yaml"]
        rules = policy["spec"].get("ingress", [])
        return [port["port"] for rule in rules for port in rule["ports"]]

    assert ports("smallest", "operator") == []
    assert ports("smallest", "gateway") == ["people"]
    assert ports("site", "operator") == ["operations"]
    assert ports("site", "gateway") == ["people", "operations"]


def test_a_digest_is_used_instead_of_the_tag() -> None:
    def image(name: str) -> str:
        (one,) = chart.objects(name)["gateway/deployment.yaml"]
        found: str = one["spec"]["template"]["spec"]["containers"][0]["image"]
        return found

    assert image("smallest") == "teleward-gateway:0.1.0"
    assert image("site").startswith("mirror/teleward-gateway@sha256:")


def test_the_ingress_serves_the_host_of_the_public_url() -> None:
    (ingress,) = chart.objects("site")["gateway/ingress.yaml"]

    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["clinic.example.org"]


def test_a_release_of_any_name_is_named_once() -> None:
    texts = chart.render(chart.values("smallest"), release="south")

    assert "name: south-teleward-gateway\n" in texts["gateway/service.yaml"]


_POD: chart.Object = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "securityContext": {
                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}  # fmt: skip
PLANTED: dict[str, tuple[chart.Object, chart.Object]] = {
    "hostNetwork": ({"hostNetwork": True}, {}),
    "volume host": ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, {}),
    "c: runAsNonRoot": (
        {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, {},
    ),
    "c: seccompProfile": ({"securityContext": {"runAsNonRoot": True}}, {}),
    "c: capabilities.drop": ({}, {"securityContext": {"allowPrivilegeEscalation": False}}),
    "c: allowPrivilegeEscalation": (
        {}, {"securityContext": {"capabilities": {"drop": ["ALL"]}}},
    ),
    "c: hostPort": ({}, {"ports": [{"containerPort": 1, "hostPort": 1}]}),
}  # fmt: skip


def test_a_restricted_pod_passes_the_check() -> None:
    assert chart.not_restricted(_POD) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_the_check_sees_a_planted_violation(fault: str) -> None:
    pod = deepcopy(_POD)
    pod.update(PLANTED[fault][0])
    pod["containers"][0].update(PLANTED[fault][1])

    assert chart.not_restricted(pod) == [fault]
