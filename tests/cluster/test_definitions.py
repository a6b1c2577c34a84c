"""What the API servers take and what they refuse, with a message that says what to write instead."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from teleward_contract.resources import GROUP, KINDS, VERSION
from teleward_testing.apiserving import CUSTOM, MERGE, Asking, serving
from teleward_testing.kube.control_plane import ControlPlane

HERE = Path(__file__).parent
CRDS = sorted((HERE.parents[1] / "crds").glob("*.yaml"))
HOME = "definitions"

REF = {"clinicRef": {"name": "cardiology"}}
SMALLEST: dict[str, tuple[str, dict[str, Any]]] = {
    "Organisation": ("organisation", {}),
    "Clinic": ("cardiology", {}),
    "WaitingArea": ("cardiology", REF),
    "MeetingRoom": ("handover", REF),
    "UserRoom": ("ada", {**REF, "owner": {"user": "ada@example.org"}}),
    "MediaPool": ("default", {}),
}
"""Kind → name and spec of its smallest valid object."""


@dataclass(frozen=True)
class Case:
    """One object, as a change of the smallest one of its kind."""

    kind: str
    title: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""
    """A part of the message; empty when the object is taken."""
    name: str = ""


def read(section: str) -> list[Case]:
    table = yaml.safe_load((HERE / "definitions.yaml").read_text("utf-8"))[section]
    return [Case(kind=kind, **row) for kind, rows in table.items() for row in rows]


def team(size: int) -> dict[str, Any]:
    return {"team": [{"role": "Clinician", "user": f"u{n}"} for n in range(size)]}


def issuers(count: int) -> dict[str, Any]:
    one = {"url": "https://id.example.org", "clientId": "teleward"}
    return {"signIn": {"issuers": [{"name": f"i{n}", **one} for n in range(count)]}}


SIZES = [
    Case("Organisation", "a display name of 120", {"displayName": "x" * 120}),
    Case("Organisation", "one of 121", {"displayName": "x" * 121}, "may not be more than 120"),
    Case("Organisation", "ten issuers", issuers(10)),
    Case("Organisation", "eleven issuers", issuers(11), "must have at most 10"),
    Case("Clinic", "a name of 63", name="c" * 63),
    Case("Clinic", "a name of 64", {}, "at most 63", "c" * 64),
    Case("Clinic", "a message of 2000", {"suspended": {"messageForStaff": {"en": "x" * 2000}}}),
    Case(
        "Clinic", "one of 2001", {"suspended": {"messageForStaff": {"en": "x" * 2001}}},
        "may not be more than 2000",
    ),
    Case("Clinic", "a team of 500", team(500)),
    Case("Clinic", "a team of 501", team(501), "must have at most 500"),
    Case("MediaPool", "a name of 50", name="p" * 50),
    Case("MediaPool", "a name of 51", {}, "at most 50", "p" * 51),
]  # fmt: skip
"""What would be too long to read in the table."""

CASES = read("objects") + SIZES
CHANGES = read("changes")


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with serving(tmp_path_factory.mktemp("stand-in")) as (_, asking):
        prepare(asking)
        yield asking


@pytest.fixture(scope="module")
def real(control_plane: ControlPlane) -> Iterator[Asking]:
    with Asking(control_plane) as asking:
        prepare(asking)
        yield asking


def prepare(ask: Asking) -> None:
    """Make the namespace, and the smallest object of each kind."""
    ask.ok("POST", "/api/v1/namespaces", {"metadata": {"name": HOME}})
    for kind, (name, spec) in SMALLEST.items():
        ask.ok("POST", path_of(kind), made_of(kind, name, spec))


def path_of(kind: str, name: str = "") -> str:
    base = f"{CUSTOM}/namespaces/{HOME}/{KINDS[kind][0]}"
    return f"{base}/{name}" if name else base


def made_of(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    meta = {"name": name, "namespace": HOME}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": meta, "spec": dict(spec)}


def tried(ask: Asking, case: Case) -> httpx.Response:
    """Send it; a dry run is judged as the real thing."""
    name, smallest = SMALLEST[case.kind]
    given = made_of(case.kind, case.name or name, {**smallest, **case.spec})
    query = "dryRun=All&fieldValidation=Strict"
    if case.name:
        return ask.send("POST", f"{path_of(case.kind)}?{query}", given)
    path = path_of(case.kind, name)
    given["metadata"]["resourceVersion"] = ask.ok("GET", path)["metadata"]["resourceVersion"]
    return ask.send("PUT", f"{path}?{query}", given)


def changed(ask: Asking, case: Case) -> httpx.Response:
    path = f"{path_of(case.kind, SMALLEST[case.kind][0])}?dryRun=All"
    return ask.send("PATCH", path, {"spec": dict(case.spec)}, MERGE)


def judge(case: Case, real: httpx.Response, standin: httpx.Response) -> None:
    """Judge the real server by the table, and the stand-in by the real server, word for word."""
    message = "" if real.is_success else str(real.json()["message"])
    assert (real.is_success, case.refused in message) == (not case.refused, True), real.text
    assert standin.status_code == real.status_code
    if not real.is_success:
        assert standin.json()["message"] == message


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.title}")
def test_both_servers_take_or_refuse(real: Asking, standin: Asking, case: Case) -> None:
    judge(case, tried(real, case), tried(standin, case))


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: f"{case.kind}: {case.title}")
def test_both_servers_take_or_refuse_a_change(real: Asking, standin: Asking, case: Case) -> None:
    judge(case, changed(real, case), changed(standin, case))


def test_the_table_has_both_sides_of_every_kind() -> None:
    assert len(CASES) + len(CHANGES) >= 80
    for kind in KINDS:
        sides = {bool(case.refused) for case in CASES if case.kind == kind}
        assert sides == {True, False}, kind


@pytest.mark.parametrize("path", CRDS, ids=lambda path: path.name.split(".")[0])
def test_a_definition_is_served_and_structural(control_plane: ControlPlane, path: Path) -> None:
    found = json.loads(control_plane.kubectl("get", "-f", str(path), "-o", "json"))

    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions


@pytest.mark.parametrize("path", CRDS, ids=lambda path: path.name.split(".")[0])
def test_kubectl_explains_every_field(control_plane: ControlPlane, path: Path) -> None:
    definition = yaml.safe_load(path.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = dict(described(schema["properties"]["spec"], "spec"))
    fields.update(described(schema["properties"]["status"], "status"))

    assert [name for name, text in fields.items() if len(text) < 10] == []
    plural = definition["spec"]["names"]["plural"]
    shown = control_plane.kubectl("explain", f"{plural}.spec", "--recursive")
    assert not [name for name in schema["properties"]["spec"]["properties"] if name not in shown]


def described(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Every field below a schema, with its description."""
    yield path, schema.get("description", "")
    for name, inner in schema.get("properties", {}).items():
        yield from described(inner, f"{path}.{name}")
    if "items" in schema:
        yield from described(schema["items"], f"{path}[]")
