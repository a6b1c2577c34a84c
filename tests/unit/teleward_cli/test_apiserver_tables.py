"""The tables that `kubectl get` prints: the columns of the definition, and ages as kubectl says them."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from teleward_cli.apiserver import tables
from teleward_cli.apiserver.resources import (
    EVENTS,
    LEASES,
    NAMESPACES,
    Column,
    Resource,
    load_definitions,
    resource_of,
)

ROOT = Path(__file__).parents[3]

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY

DURATIONS: dict[float, str] = {
    -2: "<invalid>",
    -1.5: "0s",
    0: "0s",
    119: "119s",
    120: "2m",
    200: "3m20s",
    10 * MINUTE - 1: "9m59s",
    10 * MINUTE + 59: "10m",
    3 * HOUR - 1: "179m",
    3 * HOUR: "3h",
    3 * HOUR + 5 * MINUTE: "3h5m",
    8 * HOUR + 59 * MINUTE: "8h",
    2 * DAY - 1: "47h",
    2 * DAY: "2d",
    2 * DAY + 3 * HOUR: "2d3h",
    8 * DAY + 3 * HOUR: "8d",
    2 * YEAR - 1: "729d",
    2 * YEAR: "2y",
    2 * YEAR + 10 * DAY: "2y10d",
    8 * YEAR + 10 * DAY: "8y",
}
"""k8s.io/apimachinery pkg/util/duration, `HumanDuration`."""


@pytest.mark.parametrize("seconds", DURATIONS)
def test_a_duration_is_said_as_kubectl_says_it(seconds: float) -> None:
    assert tables.human_duration(seconds) == DURATIONS[seconds]


@pytest.fixture(scope="module")
def clinics() -> Resource:
    definitions = load_definitions(ROOT / "crds")
    return next(one for one in map(resource_of, definitions) if one.kind == "Clinic")


def aged(seconds: int = 0) -> str:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds + 0.5)
    return then.isoformat()


def clinic(**status: Any) -> dict[str, Any]:
    meta = {"name": "cardiology", "creationTimestamp": aged(3 * HOUR)}
    return {"metadata": meta, "spec": {}, "status": status}


def row(resource: Resource, document: dict[str, Any]) -> dict[str, Any]:
    built = tables.table(resource, [document], {}, "None")
    names = [column["name"] for column in built["columnDefinitions"]]
    return dict(zip(names, built["rows"][0]["cells"], strict=True))


def test_the_columns_are_the_name_and_those_of_the_definition(clinics: Resource) -> None:
    conditions = [
        {"type": "Accepted", "status": "True", "reason": "Accepted"},
        {"type": "Ready", "status": "False", "reason": "Suspended"},
    ]

    assert row(clinics, clinic(conditions=conditions, rooms=4, pool="harbour/default")) == {
        "Name": "cardiology", "READY": "False", "POOL": "harbour/default", "ROOMS": 4,
        "REASON": "Suspended", "AGE": "3h",
    }  # fmt: skip


def test_what_is_not_there_is_an_empty_cell(clinics: Resource) -> None:
    assert row(clinics, clinic()) == {
        "Name": "cardiology", "READY": None, "POOL": None, "ROOMS": None, "REASON": None,
        "AGE": "3h",
    }  # fmt: skip


def test_a_column_carries_its_priority_and_what_it_means() -> None:
    wide = Column("Owner", "string", ".spec.owner", 1, "Whose room it is.")
    rooms = Resource("g", "v1", "x", "x", "X", schema={}, columns=(wide,))

    built = tables.table(rooms, [], {"resourceVersion": "7"}, "None")

    assert built["columnDefinitions"][1:] == [
        {
            "name": "Owner", "type": "string", "format": "", "description": "Whose room it is.",
            "priority": 1,
        }
    ]  # fmt: skip
    assert (built["kind"], built["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert (built["metadata"], built["rows"]) == ({"resourceVersion": "7"}, [])


def test_a_definition_without_columns_prints_name_and_age() -> None:
    definition = {
        "spec": {
            "group": "g", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {}}}
            ],
        }
    }  # fmt: skip

    assert row(resource_of(definition), clinic()) == {"Name": "cardiology", "Age": "3h"}


def test_built_in_kinds_have_their_own_columns() -> None:
    lease = clinic() | {"spec": {"holderIdentity": "operator"}}
    event = {
        "metadata": {"name": "e"}, "lastTimestamp": aged(5), "type": "Normal", "reason": "Ready",
        "involvedObject": {"name": "cardiology"}, "message": "open",
    }  # fmt: skip

    assert row(LEASES, lease) == {"Name": "cardiology", "Holder": "operator", "Age": "3h"}
    assert row(NAMESPACES, clinic(phase="Active"))["Status"] == "Active"
    assert row(EVENTS, event) == {
        "Last Seen": "5s", "Type": "Normal", "Reason": "Ready", "Object": "cardiology",
        "Message": "open",
    }  # fmt: skip


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-03-01T10:00:00", 5, {}])
def test_a_moment_that_cannot_be_read_has_an_unknown_age(moment: Any) -> None:
    assert row(EVENTS, {"metadata": {}, "lastTimestamp": moment})["Last Seen"] == "<unknown>"


CELLS: dict[str, tuple[str, Any, Any]] = {
    "true as text": ("string", True, "true"),
    "a number as text": ("string", 3, "3"),
    "null as text": ("string", None, ""),
    "a whole number": ("integer", 3.0, 3),
    "no number": ("integer", "three", None),
    "a boolean as it is": ("boolean", False, False),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_cell_has_the_type_of_its_column(case: str) -> None:
    kind, value, expected = CELLS[case]
    resource = Resource("g", "v1", "x", "x", "X", columns=(Column("C", kind, ".v"),))

    assert row(resource, {"metadata": {"name": "x"}, "v": value})["C"] == expected


def test_many_found_values_are_printed_in_one_cell() -> None:
    resource = Resource("g", "v1", "x", "x", "X", columns=(Column("C", "string", ".v[*]"),))

    assert row(resource, {"metadata": {"name": "x"}, "v": ["a", "b"]})["C"] == "a b"


def test_a_row_carries_its_object_its_metadata_or_nothing(clinics: Resource) -> None:
    document = clinic()

    def carried(include: str) -> Any:
        return tables.table(clinics, [document], {}, include)["rows"][0].get("object")

    assert carried("Object") == document
    assert carried("None") is None
    assert carried("Metadata") == {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": document["metadata"],
    }  # fmt: skip
