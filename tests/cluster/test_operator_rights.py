"""The operator works with exactly the chart's rules, and every one of them is needed."""

import asyncio
import json
import re
from collections.abc import Iterator

from teleward_testing import chart
from teleward_testing.builders import document
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.kube.faulty_api import Asked, FaultyApi
from teleward_testing.kube.operators import Replicas, house

HOME = "harbour"
ACCOUNT = "teleward-operator"
_PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/v[^/]+(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?$"
)

Right = tuple[str, str, str]
"""Group, resource with its subresource, verb."""


def granted() -> set[Right]:
    """What the chart's roles give to the operator."""
    paths = ("operator/clusterrole.yaml", "operator/role.yaml", "media/clusterrole.yaml")
    roles = [chart.objects("smallest")[path][0] for path in paths]
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(asked: Asked, code: int) -> Iterator[Right]:
    """The rights that the API server asks for before it answers a request."""
    if asked.path == "/api/v1/namespaces":
        yield "", "namespaces", "watch" if asked.is_watch else "list"
        return
    found = _PATH.match(asked.path)
    if found is None:  # discovery, which everybody may read
        assert re.fullmatch(r"/apis?(/[^/]+){0,2}", asked.path), asked.path
        return
    resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
    verbs = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    reading = "watch" if asked.is_watch else "get" if found["name"] else "list"
    yield found["group"] or "", resource, verbs.get(asked.method, reading)
    if (asked.method, code) == ("PATCH", 201):  # applied where nothing was
        yield found["group"] or "", resource, "create"


async def test_every_right_of_the_chart_is_used_and_none_is_missed(
    operators: Replicas, own_plane: ControlPlane, faulty: FaultyApi
) -> None:
    await _install(own_plane)
    token = own_plane.kubectl("create", "token", "-n", chart.NAMESPACE, ACCOUNT).strip()
    rooms = document("MeetingRoom", HOME, "handover", {"clinicRef": {"name": "cardiology"}})
    owner = {"clinicRef": {"name": "cardiology"}, "owner": {"user": "ada@harbour.example"}}
    pool = {"replicas": 1, "allowedNamespaces": {"from": "All"}}
    operators.apply(
        [
            *house(HOME, ["cardiology"], "Cardiology"), rooms,
            document("UserRoom", HOME, "ada", owner),
            document("MediaPool", chart.NAMESPACE, "default", pool),
        ]
    )  # fmt: skip

    operator = await operators.start(
        "account", faulty.url, token=token, NAMESPACE=chart.NAMESPACE, SWEEP_EVERY_S=1
    )
    await operators.until_shown(HOME, ["cardiology"], "Cardiology")
    await operators.until("the pool runs", lambda: _has_deployment(own_plane))
    own_plane.kubectl("scale", "mediapool", "-n", chart.NAMESPACE, "default", "--replicas=0")
    await operators.until("it is stopped", lambda: _is_stopped(own_plane))
    await asyncio.sleep(6)  # the lease is renewed
    await operator.stop()

    refused = [(one.method, one.path) for one, code in faulty.answered if code == 403]
    assert refused == []
    exercised = {right for one, code in faulty.answered for right in used(one, code)}
    assert exercised == granted()


async def test_a_namespace_without_the_rights_is_said_with_what_to_do(
    operators: Replicas, own_plane: ControlPlane
) -> None:
    await _install(own_plane)
    token = own_plane.kubectl("create", "token", "-n", chart.NAMESPACE, ACCOUNT).strip()
    operators.apply([document("MediaPool", "elsewhere", "default", {"replicas": 1})])

    await operators.start("account", token=token, NAMESPACE=chart.NAMESPACE)

    async def is_said() -> bool:
        found = await asyncio.to_thread(operators.get, "mediapool", "elsewhere", "default")
        listed = found.get("status", {}).get("conditions", [])
        return any("bind the chart's ClusterRole" in one["message"] for one in listed)

    await operators.until("it is said", is_said)


async def _install(plane: ControlPlane) -> None:
    rendered = chart.objects("smallest")
    wanted = [
        one
        for path, found in rendered.items()
        for one in found
        if path.startswith(("operator/", "media/"))
        and one["kind"].endswith(("Role", "Binding", "Account"))
    ]
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": chart.NAMESPACE}}
    listed = {"apiVersion": "v1", "kind": "List", "items": [home, *wanted]}
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(listed))


async def _has_deployment(plane: ControlPlane) -> bool:
    words = ("get", "deployments", "-n", chart.NAMESPACE, "-o", "name")
    return "default-0" in await asyncio.to_thread(plane.kubectl, *words)


async def _is_stopped(plane: ControlPlane) -> bool:
    words = ("get", "services", "-n", chart.NAMESPACE, "-o", "name")
    return "default-0" not in await asyncio.to_thread(plane.kubectl, *words)
