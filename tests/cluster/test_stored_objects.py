"""An object that a release stored stays valid: read unchanged, written back unchanged, and still understood."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from teleward_contract.resources import KINDS, read_resource
from teleward_testing.apiserving import CUSTOM, Asking
from teleward_testing.kube.control_plane import ControlPlane

HERE = Path(__file__).parent
DEFINITIONS = sorted((HERE.parents[1] / "crds").glob("*.yaml"))
HOME = "stored"

STORED: list[tuple[str, dict[str, Any]]] = [
    (path.stem, document)
    for path in sorted((HERE / "stored").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text("utf-8"))
]


@pytest.fixture(scope="module")
def ask(control_plane: ControlPlane) -> Iterator[Asking]:
    with Asking(control_plane) as asking:
        asking.ok("POST", "/api/v1/namespaces", {"metadata": {"name": HOME}})
        yield asking


@pytest.mark.parametrize(
    ("release", "document"), STORED,
    ids=[f"{release}: {one['kind']} {one['metadata']['name']}" for release, one in STORED],
)  # fmt: skip
def test_a_stored_object_stays_as_it_is(
    ask: Asking, release: str, document: dict[str, Any]
) -> None:
    path = f"{CUSTOM}/namespaces/{HOME}/{KINDS[document['kind']][0]}"
    fresh = copy.deepcopy(document)
    fresh["metadata"] = {"generateName": f"v{release.replace('.', '-')}-"}
    if document["kind"] in ("Organisation", "WaitingArea"):
        fresh["metadata"] = {"name": document["metadata"]["name"]}

    made = ask.ok("POST", f"{path}?fieldValidation=Strict", fresh)
    again = ask.ok("PUT", f"{path}/{made['metadata']['name']}?fieldValidation=Strict", made)
    ask.ok("DELETE", f"{path}/{made['metadata']['name']}")

    assert again == made
    assert missing(document["spec"], made["spec"]) == []
    assert read_resource(made).kind == document["kind"]


def missing(wanted: Any, found: Any, path: str = "spec") -> list[str]:
    """What was given and is not there any more, or is something else."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            lost
            for key, one in wanted.items()
            for lost in missing(one, found.get(key), f"{path}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [lost for at, (a, b) in pairs for lost in missing(a, b, f"{path}[{at}]")]
    return [] if wanted == found else [path]


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name.split(".")[0])
def test_every_field_is_in_an_object_that_a_release_stored(path: Path) -> None:
    """A new field needs an object in the file of the release that brings it."""
    definition = yaml.safe_load(path.read_text("utf-8"))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    kind = definition["spec"]["names"]["kind"]
    specs = [one["spec"] for _, one in STORED if one["kind"] == kind]

    assert sorted(set(fields(schema)) - {path for spec in specs for path in paths(spec)}) == []


def fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields(inner, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], path)


def paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield f"{path}.{key}"
            yield from paths(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from paths(one, path)
