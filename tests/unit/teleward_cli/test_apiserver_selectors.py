"""A selector matches the objects that Kubernetes would match, and is refused when it cannot be read."""

from typing import Any

import pytest
from teleward_cli.apiserver.errors import StatusError
from teleward_cli.apiserver.resources import EVENTS, Resource
from teleward_cli.apiserver.selectors import select

ROOMS = Resource(
    "teleward.io", "v1", "rooms", "room", "Room", selectable=(".spec.clinicRef.name", ".spec.open")
)

OBJECTS: dict[str, dict[str, Any]] = {
    "a": {
        "metadata": {"name": "a", "namespace": "n", "labels": {"tier": "gold", "x.io/y": ""}},
        "spec": {"clinicRef": {"name": "cardiology"}, "open": True},
    },
    "b": {
        "metadata": {"name": "b", "namespace": "n", "labels": {"tier": "tin"}},
        "spec": {"clinicRef": {"name": "surgery"}},
    },
    "c": {"metadata": {"name": "c", "namespace": "m"}, "spec": {}},
}

BY_LABEL = {
    "": "abc",
    "tier=gold": "a",
    "tier==gold": "a",
    "tier = gold": "a",
    "tier!=gold": "bc",
    "tier in (gold, tin)": "ab",
    "tier in(tin)": "b",
    "tier notin (gold)": "bc",
    "tier": "ab",
    "!tier": "c",
    "x.io/y": "a",
    "x.io/y=": "a",
    "tier,tier!=tin": "a",
    "tier in (gold,tin),x.io/y": "a",
    "tier=lead": "",
}

BY_FIELD = {
    "": "abc",
    "metadata.name=a": "a",
    "metadata.name!=a": "bc",
    "metadata.namespace==n": "ab",
    "metadata.namespace=n,metadata.name=b": "b",
    "spec.clinicRef.name=surgery": "b",
    "spec.clinicRef.name!=surgery": "ac",
    "spec.clinicRef.name=": "c",
    "spec.open=true": "a",
}


def matching(labels: str = "", fields: str = "") -> str:
    selects = select(ROOMS, labels, fields)
    return "".join(name for name, document in OBJECTS.items() if selects(document))


@pytest.mark.parametrize("selector", BY_LABEL)
def test_labels_select(selector: str) -> None:
    assert matching(labels=selector) == BY_LABEL[selector]


@pytest.mark.parametrize("selector", BY_FIELD)
def test_fields_select(selector: str) -> None:
    assert matching(fields=selector) == BY_FIELD[selector]


def test_both_selectors_must_match() -> None:
    assert matching("tier", "metadata.name!=a") == "b"


@pytest.mark.parametrize("selector", ["tier in gold", "=a", "tier=a b", "tier=ä", "("])
def test_a_label_selector_that_cannot_be_read_is_a_bad_request(selector: str) -> None:
    with pytest.raises(StatusError, match="unable to parse requirement") as refused:
        matching(labels=selector)
    assert (refused.value.code, refused.value.reason) == (400, "BadRequest")


@pytest.mark.parametrize("selector", ["spec.displayName=x", "metadata.uid=x", "status.phase!=x"])
def test_a_field_that_is_not_declared_selectable_is_a_bad_request(selector: str) -> None:
    with pytest.raises(StatusError, match="field label not supported") as refused:
        matching(fields=selector)
    assert refused.value.code == 400


def test_a_field_selector_without_an_operator_is_a_bad_request() -> None:
    with pytest.raises(StatusError, match="invalid selector"):
        matching(fields="metadata.name")


def test_events_are_selected_by_the_object_they_are_about() -> None:
    selects = select(EVENTS, "", "involvedObject.kind=Clinic,reason!=Ready")

    assert selects({"involvedObject": {"kind": "Clinic"}, "reason": "Suspended"})
    assert not selects({"involvedObject": {"kind": "Clinic"}, "reason": "Ready"})
    assert not selects({"involvedObject": {"kind": "MediaPool"}, "reason": "Suspended"})
