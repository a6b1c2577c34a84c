"""People do with kubectl what their role says, where it is bound, and nothing else."""

import json
import subprocess
import time

import pytest
from teleward_contract.resources import KINDS
from teleward_testing import chart
from teleward_testing.kube import binaries
from teleward_testing.kube.control_plane import ControlPlane

HOME, ELSEWHERE = "people-here", "people-elsewhere"
CHANGES = ("create", "update", "patch", "delete")
READS = ("get", "list", "watch")
PLURALS = [plural for plural, _ in KINDS.values()]
ROLES = ("clinic-admin", "organisation-admin", "reporter")
MAY_CHANGE = {
    "clinic-admin": {"userrooms"},
    "organisation-admin": set(PLURALS) - {"mediapools"},
    "reporter": set(),
    "namespace-admin": set(PLURALS) - {"mediapools"},
    "namespace-viewer": set(),
}
MAY_READ = {who: set(PLURALS) for who in MAY_CHANGE} | {
    "clinic-admin": set(PLURALS) - {"organisations", "mediapools"}
}
BUILT_IN = {"namespace-admin": "admin", "namespace-viewer": "view"}


@pytest.fixture(scope="module")
def bound(control_plane: ControlPlane) -> ControlPlane:
    """Each role bound to a user of its own name, in one of two namespaces."""
    rendered = chart.objects("smallest")
    roles = [rendered[f"access/{name}.yaml"][0] for name in ROLES]
    homes = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in (HOME, ELSEWHERE)
    ]
    bindings = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": HOME},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": BUILT_IN.get(name, f"teleward-{name}"),
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }
        for name in MAY_CHANGE
    ]  # fmt: skip
    listed = {"apiVersion": "v1", "kind": "List", "items": [*homes, *roles, *bindings]}
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(listed))
    deadline = time.monotonic() + 20
    for who in BUILT_IN:  # aggregation is the controller manager's
        while not _can(control_plane, who, HOME):
            assert time.monotonic() < deadline, f"{who} gets nothing of ours"
            time.sleep(0.2)
    return control_plane


@pytest.mark.parametrize("namespace", [HOME, ELSEWHERE])
@pytest.mark.parametrize("who", MAY_CHANGE)
def test_a_role_reaches_as_far_as_it_says(bound: ControlPlane, who: str, namespace: str) -> None:
    listed = _can(bound, who, namespace)

    changes = {plural for plural in PLURALS if listed.get(plural, set()) & {*CHANGES}}
    reads = {plural for plural in PLURALS if listed.get(plural, set()) >= {*READS}}
    is_home = namespace == HOME
    assert changes == (MAY_CHANGE[who] if is_home else set())
    assert reads == (MAY_READ[who] if is_home else set())
    assert not [resource for resource in listed if resource.endswith("/status")]


def test_a_clinic_admin_makes_a_user_room_with_kubectl_and_no_meeting_room(
    bound: ControlPlane,
) -> None:
    owner = {"user": "ada@harbour.example"}

    assert _apply(bound, "UserRoom", {"clinicRef": {"name": "cardiology"}, "owner": owner}) == ""
    refused = _apply(bound, "MeetingRoom", {"clinicRef": {"name": "cardiology"}})
    assert "forbidden" in refused


def _can(plane: ControlPlane, who: str, namespace: str) -> dict[str, set[str]]:
    """What `kubectl auth can-i --list` says about our kinds: resource → verbs."""
    text = plane.kubectl("auth", "can-i", "--list", "-n", namespace, "--as", who, "--no-headers")
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if ".teleward.io" in line:
            verbs = line[line.rindex("[") + 1 : line.rindex("]")].split()
            found.setdefault(line.split()[0].split(".")[0], set()).update(verbs)
    return found


def _apply(plane: ControlPlane, kind: str, spec: dict[str, object]) -> str:
    """Create an object as a clinic admin; the answer is what kubectl complains of."""
    text = json.dumps(
        {"apiVersion": "teleward.io/v1alpha1", "kind": kind,
         "metadata": {"name": "ada", "namespace": HOME}, "spec": spec}
    )  # fmt: skip
    kubectl = binaries.find("kubectl")
    assert kubectl
    words = ["--kubeconfig", str(plane.kubeconfig), "create", "-f", "-", "--as", "clinic-admin"]
    answer = subprocess.run(
        [str(kubectl), *words], input=text, capture_output=True, text=True, check=False
    )
    return answer.stderr
