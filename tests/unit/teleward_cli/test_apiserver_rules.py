"""The rules in `crds/` hold on the stand-in: bounds, names, and what may never change."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from teleward_cli.apiserver import schema
from teleward_cli.apiserver.resources import Resource, load_definitions, resource_of
from teleward_cli.apiserver.rules import RuleTree, compile_rules

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def kinds() -> dict[str, Resource]:
    served = map(resource_of, load_definitions(ROOT / "crds"))
    return {resource.kind: resource for resource in served}


@pytest.fixture(scope="module")
def trees(kinds: dict[str, Resource]) -> dict[str, RuleTree]:
    compiled = {kind: compile_rules(one.schema or {}) for kind, one in kinds.items()}
    return {kind: tree for kind, tree in compiled.items() if tree is not None}


def example(plural: str, **spec: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / f"crds/examples/{plural}.yaml").read_text())
    document["spec"] |= spec
    return document


def renamed(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document | {"metadata": document["metadata"] | {"name": name}}


EXAMPLES = sorted(path.stem for path in (ROOT / "crds/examples").glob("*.yaml"))


@pytest.mark.parametrize("plural", EXAMPLES)
def test_each_example_is_valid_with_its_defaults(
    kinds: dict[str, Resource], trees: dict[str, RuleTree], plural: str
) -> None:
    document = example(plural)
    declared = kinds[document["kind"]].schema or {}

    assert schema.prune(document, declared) == []
    schema.fill_defaults(document, declared)
    assert list(schema.check(document, declared)) == []
    tree = trees.get(document["kind"])
    assert tree is None or list(tree.check(document, copy.deepcopy(document))) == []


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "a waiting area not named after its clinic": (
        renamed(example("waitingareas"), "surgery"), "<nil>",
        "a waiting area carries the name of its clinic",
    ),
    "an organisation of another name": (
        renamed(example("organisations"), "harbour"), "<nil>", "a namespace has one Organisation",
    ),
    "a clinic with a name that fits no link": (
        renamed(example("clinics"), "a.b"), "<nil>", "the name stands in links",
    ),
    "a clinic with a name of 64 characters": (
        renamed(example("clinics"), "a" * 64), "<nil>", "at most 63",
    ),
    "a pool with a name of 51 characters": (
        renamed(example("mediapools"), "a" * 51), "<nil>", "at most 50",
    ),
    "a pool with replicas and autoscaling": (
        example("mediapools", autoscaling={"min": 1, "max": 2}), "spec",
        "set replicas or autoscaling",
    ),
    "a pool with more at least than at most": (
        example("mediapools", replicas=None, autoscaling={"min": 3, "max": 2}),
        "spec.autoscaling", "min must not be greater than max",
    ),
    "a pool for namespaces of a selector, without one": (
        example("mediapools", allowedNamespaces={"from": "Selector"}), "spec.allowedNamespaces",
        "selector goes with from Selector",
    ),
    "a pool with a selector for all namespaces": (
        example("mediapools", allowedNamespaces={"from": "All", "selector": {}}),
        "spec.allowedNamespaces", "selector goes with from Selector",
    ),
    "a member who is a user and a group": (
        example("clinics", team=[{"role": "Clinician", "user": "a", "group": "b"}]),
        "spec.team[0]", "either a user or a group",
    ),
    "a member who is nobody": (
        example("clinics", team=[{"role": "Clinician", "user": "a"}, {"role": "Clinician"}]),
        "spec.team[1]", "either a user or a group",
    ),
    "opening hours that end when they start": (
        example(
            "waitingareas",
            hours={"weekly": [{"days": ["Mon"], "ranges": [{"start": "09:00", "end": "09:00"}]}]},
        ),
        "spec.hours.weekly[0].ranges[0]", "a range cannot end when it starts",
    ),
    "a choice without choices": (
        example("waitingareas", entryFields=[{"name": "sex", "kind": "Choice"}]),
        "spec.entryFields[0]", "a Choice needs choices",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_names_its_field_and_says_what_to_do(
    trees: dict[str, RuleTree], case: str
) -> None:
    document, field, message = BROKEN[case]
    document["spec"] = {key: one for key, one in document["spec"].items() if one is not None}

    [cause] = trees[document["kind"]].check(document)

    assert (cause.reason, cause.field) == ("FieldValueInvalid", field)
    assert message in cause.message


OUT_OF_BOUNDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "one participant is none to talk to": (
        example("meetingrooms", maxParticipants=1), "spec.maxParticipants",
        "should be greater than or equal to 2",
    ),
    "more participants than a room holds": (
        example("userrooms", maxParticipants=21), "spec.maxParticipants",
        "should be less than or equal to 20",
    ),
    "a pool beyond a thousand media nodes": (
        example("mediapools", replicas=1001), "spec.replicas",
        "should be less than or equal to 1000",
    ),
    "less than no media nodes": (
        example("mediapools", replicas=-1), "spec.replicas",
        "should be greater than or equal to 0",
    ),
    "an exception on a day that does not exist": (
        example("waitingareas", hours={"exceptions": [{"date": "2026-02-30"}]}),
        "spec.hours.exceptions[0].date", "must be of type date",
    ),
    "a range that starts at 24:00": (
        example(
            "waitingareas",
            hours={"weekly": [{"days": ["Mon"], "ranges": [{"start": "24:00", "end": "09:00"}]}]},
        ),
        "spec.hours.weekly[0].ranges[0].start", "should match",
    ),
    "a role that does not exist": (
        example("clinics", team=[{"role": "Doctor", "user": "a"}]), "spec.team[0].role",
        "Unsupported value",
    ),
    "a reference to a name with a newline": (
        example("meetingrooms", clinicRef={"name": "cardiology\n"}), "spec.clinicRef.name",
        "should match",
    ),
    "a room without its clinic": (
        example("meetingrooms", clinicRef={}), "spec.clinicRef.name", "Required value",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OUT_OF_BOUNDS)
def test_a_value_out_of_bounds_names_its_field(kinds: dict[str, Resource], case: str) -> None:
    document, field, message = OUT_OF_BOUNDS[case]

    [cause] = schema.check(document, kinds[document["kind"]].schema or {})

    assert cause.field == field
    assert message in cause.message


REFERRING = ["meetingrooms", "userrooms", "waitingareas"]


@pytest.mark.parametrize("plural", REFERRING)
def test_a_clinic_ref_cannot_be_changed(trees: dict[str, RuleTree], plural: str) -> None:
    old = example(plural)
    new = example(plural, clinicRef={"name": "surgery"})
    if plural == "waitingareas":
        new = renamed(new, "surgery")

    [cause] = trees[old["kind"]].check(new, old)

    assert cause.field == "spec.clinicRef"
    assert cause.message == (
        "Invalid value: clinicRef cannot be changed; make a new object for the other clinic"
    )


@pytest.mark.parametrize(
    "owner", [{"user": "bell@example.org"}, {"user": "adler@example.org", "issuer": "other"}]
)
def test_an_owner_cannot_be_changed(trees: dict[str, RuleTree], owner: dict[str, str]) -> None:
    [cause] = trees["UserRoom"].check(example("userrooms", owner=owner), example("userrooms"))

    assert cause.field == "spec.owner"
    assert "owner cannot be changed" in cause.message


@pytest.mark.parametrize("plural", REFERRING)
def test_what_may_change_may_change(trees: dict[str, RuleTree], plural: str) -> None:
    old, new = example(plural), example(plural, displayName="New")

    assert list(trees[old["kind"]].check(new, old)) == []


def tree_of(*rules: dict[str, Any], **node: Any) -> RuleTree:
    tree = compile_rules({"type": "object", "x-kubernetes-validations": list(rules)} | node)
    assert tree is not None
    return tree


def test_a_transition_rule_does_not_run_at_the_creation() -> None:
    tree = tree_of({"rule": "self.size >= oldSelf.size", "message": "it only grows"})

    assert list(tree.check({"size": 1})) == []
    assert list(tree.check({"size": 2}, {"size": 1})) == []
    assert [cause.message for cause in tree.check({"size": 1}, {"size": 2})] == [
        "Invalid value: it only grows"
    ]


def test_a_field_that_comes_or_goes_is_no_transition() -> None:
    inner = {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    tree = tree_of(properties={"ref": inner})

    assert list(tree.check({"ref": "a"}, {})) == []
    assert list(tree.check({}, {"ref": "a"})) == []
    assert [cause.field for cause in tree.check({"ref": "b"}, {"ref": "a"})] == ["ref"]


def test_items_of_a_list_map_are_compared_by_their_key_wherever_they_stand() -> None:
    items = {"type": "object", "x-kubernetes-validations": [{"rule": "self.v == oldSelf.v"}]}
    tree = tree_of(
        properties={"of": {"type": "array", "x-kubernetes-list-map-keys": ["k"], "items": items}}
    )
    old = {"of": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]}

    assert list(tree.check({"of": [{"k": "b", "v": 2}, {"k": "c", "v": 9}]}, old)) == []
    found = tree.check({"of": [{"k": "b", "v": 3}, {"k": "a", "v": 1}]}, old)
    assert [cause.field for cause in found] == ["of[0]"]


def test_items_of_a_plain_list_have_no_former_state() -> None:
    items = {"type": "object", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    tree = tree_of(properties={"of": {"type": "array", "items": items}})

    assert list(tree.check({"of": [{"v": 2}]}, {"of": [{"v": 1}]})) == []


def test_a_message_may_be_computed_and_a_reason_and_a_field_given() -> None:
    tree = tree_of(
        {
            "rule": "has(self.name)", "reason": "FieldValueRequired", "fieldPath": ".name",
            "messageExpression": "'a ' + self.kind + ' needs a name'",
        }
    )  # fmt: skip

    [cause] = tree.check({"kind": "room"}, path="spec")

    assert (cause.reason, cause.field) == ("FieldValueRequired", "spec.name")
    assert cause.message == "Required value: a room needs a name"


def test_a_rule_without_a_message_shows_itself() -> None:
    [cause] = tree_of({"rule": "self.a < 3"}).check({"a": 3})

    assert cause.message == "Invalid value: failed rule: self.a < 3"


def test_a_rule_that_fails_to_run_refuses_the_object() -> None:
    [cause] = tree_of({"rule": "self.a < 3"}).check({})

    assert cause.reason == "FieldValueInvalid"
    assert "'self.a < 3' failed" in cause.message


KUBERNETES_FUNCTIONS = {
    "self.a.lowerAscii() == 'mixed'": "MiXeD",
    "self.a.upperAscii() == 'MIXED'": "MiXeD",
    "self.a.trim() == 'x'": "  x ",
    "self.a.split(',').size() == 2": "x,y",
    "self.a.substring(1) == 'bc'": "abc",
    "self.a.substring(1, 2) == 'b'": "abc",
    "self.a.indexOf('c') == 2": "abc",
    "isURL(self.a)": "https://clinic.example/en",
    "!isURL(self.a)": "clinic",
}


@pytest.mark.parametrize("rule", KUBERNETES_FUNCTIONS)
def test_the_functions_of_kubernetes_are_there(rule: str) -> None:
    value = {"a": KUBERNETES_FUNCTIONS[rule]}

    assert list(tree_of({"rule": rule}).check(value)) == []
    assert len(list(tree_of({"rule": f"!({rule})"}).check(value))) == 1


def test_a_rule_that_cannot_be_parsed_is_refused_with_its_text() -> None:
    with pytest.raises(ValueError, match=r"'self\.a <' cannot be parsed"):
        tree_of({"rule": "self.a <"})


def test_a_schema_without_rules_has_no_tree() -> None:
    assert compile_rules({"type": "object", "properties": {"a": {"type": "string"}}}) is None
