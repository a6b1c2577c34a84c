"""A schema prunes what it does not know, fills in what is left out, and names each fault by its path."""

from typing import Any

import pytest
from teleward_cli.apiserver import schema

TEXT = {"type": "string"}


def faults(
    value: Any, declared: dict[str, Any], path: str = "spec.field"
) -> list[tuple[str, str]]:
    return [(cause.reason, cause.field) for cause in schema.check(value, declared, path)]


def messages(value: Any, declared: dict[str, Any]) -> list[str]:
    return [cause.message for cause in schema.check(value, declared, "spec.field")]


def spec(**properties: Any) -> dict[str, Any]:
    inner = {"type": "object", "properties": properties}
    return {"type": "object", "properties": {"spec": inner}}


# -- pruning --------------------------------------------------------------------------------------


def test_unknown_fields_are_removed_and_named_by_their_path() -> None:
    document = {"spec": {"known": "a", "unknown": 1}, "extra": {}}

    assert schema.prune(document, spec(known=TEXT)) == ["spec.unknown", "extra"]
    assert document == {"spec": {"known": "a"}}


def test_what_every_object_has_is_never_pruned_at_the_root_and_nowhere_else() -> None:
    document = {"apiVersion": "v", "kind": "K", "metadata": {"any": 1}, "spec": {"kind": "K"}}

    assert schema.prune(document, spec()) == ["spec.kind"]
    assert document == {"apiVersion": "v", "kind": "K", "metadata": {"any": 1}, "spec": {}}


def test_unknown_fields_of_list_items_are_named_by_their_index() -> None:
    items = {"type": "array", "items": {"type": "object", "properties": {"role": TEXT}}}
    document = {"spec": {"team": [{"role": "a"}, {"role": "b", "rank": 2}]}}

    assert schema.prune(document, spec(team=items)) == ["spec.team[1].rank"]
    assert document == {"spec": {"team": [{"role": "a"}, {"role": "b"}]}}


def test_a_map_keeps_its_keys_and_its_values_are_pruned() -> None:
    values = {"type": "object", "properties": {"text": TEXT}}
    document = {"spec": {"map": {"en": {"text": "a", "tone": "b"}}}}

    found = schema.prune(document, spec(map={"type": "object", "additionalProperties": values}))

    assert found == ["spec.map.en.tone"]
    assert document == {"spec": {"map": {"en": {"text": "a"}}}}


def test_what_is_to_be_preserved_is_preserved() -> None:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    document = {"spec": {"raw": {"a": {"b": 1}}}}

    assert schema.prune(document, spec(raw=anything)) == []
    assert document == {"spec": {"raw": {"a": {"b": 1}}}}


# -- defaults -------------------------------------------------------------------------------------


def test_a_default_inside_a_default_is_filled_in() -> None:
    drain = {
        "type": "object",
        "properties": {"timeoutSeconds": {"type": "integer", "default": 3600}},
        "default": {},
    }
    document: dict[str, Any] = {"spec": {}}

    schema.fill_defaults(document, spec(drain=drain))

    assert document == {"spec": {"drain": {"timeoutSeconds": 3600}}}


def test_nothing_is_filled_in_below_what_is_absent() -> None:
    inner = {"type": "object", "properties": {"min": {"type": "integer", "default": 1}}}
    document: dict[str, Any] = {"spec": {}}

    schema.fill_defaults(document, spec(autoscaling=inner))

    assert document == {"spec": {}}


def test_what_is_given_wins_over_its_default_even_if_it_is_empty() -> None:
    locked = {"type": "boolean", "default": True}
    text = {"type": "string", "default": "x"}
    document = {"spec": {"locked": False, "text": ""}}

    schema.fill_defaults(document, spec(locked=locked, text=text))

    assert document == {"spec": {"locked": False, "text": ""}}


def test_items_and_map_values_get_their_defaults() -> None:
    member = {"type": "object", "properties": {"issuer": {"type": "string", "default": "any"}}}
    team, by_name = (
        {"type": "array", "items": member},
        {"type": "object", "additionalProperties": member},
    )
    document = {"spec": {"team": [{}, {"issuer": "i"}], "map": {"a": {}}}}

    schema.fill_defaults(document, spec(team=team, map=by_name))

    assert document == {
        "spec": {"team": [{"issuer": "any"}, {"issuer": "i"}], "map": {"a": {"issuer": "any"}}}
    }


def test_null_is_the_default_or_nothing_unless_it_may_be_null() -> None:
    """Kubernetes, "Defaulting and Nullable": foo is defaulted, bar stays null, baz is pruned."""
    document = {"spec": {"foo": None, "bar": None, "baz": None, "map": {"en": None}}}

    schema.fill_defaults(
        document,
        spec(
            foo={"type": "string", "default": "default"},
            bar={"type": "string", "nullable": True, "default": "unused"},
            baz=TEXT,
            map={"type": "object", "additionalProperties": TEXT},
        ),
    )

    assert document == {"spec": {"foo": "default", "bar": None, "map": {}}}


def test_a_default_is_not_shared_between_objects() -> None:
    declared = spec(hours={"type": "object", "default": {}, "additionalProperties": TEXT})
    first: dict[str, Any] = {"spec": {}}
    second: dict[str, Any] = {"spec": {}}
    schema.fill_defaults(first, declared)
    schema.fill_defaults(second, declared)

    first["spec"]["hours"]["en"] = "x"

    assert second == {"spec": {"hours": {}}}


# -- constraints ----------------------------------------------------------------------------------

INT_OR_STRING = {"x-kubernetes-int-or-string": True, "type": "string"}
SET = {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT}
BY_NAME = {
    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    "items": {"type": "object", "properties": {"name": TEXT}},
}  # fmt: skip

FITTING: dict[str, tuple[Any, dict[str, Any]]] = {
    "an integer": (3, {"type": "integer"}),
    "a float without a fraction is an integer": (3.0, {"type": "integer"}),
    "null where it may be": (None, {"type": "string", "nullable": True}),
    "a number for int-or-string": (80, INT_OR_STRING),
    "the lowest": (2, {"type": "integer", "minimum": 2}),
    "the highest": (20, {"type": "integer", "maximum": 20}),
    "a multiple": (9, {"type": "integer", "multipleOf": 3}),
    "the longest, counted in characters": ("ääää", {"type": "string", "maxLength": 4}),
    "the shortest": ("a", {"type": "string", "minLength": 1}),
    "a pattern finds its match anywhere": ("xay", {"type": "string", "pattern": "a"}),
    "a dollar sign inside a class": ("a$", {"type": "string", "pattern": "^a[$]$"}),
    "an escaped dollar sign": ("a$", {"type": "string", "pattern": r"^a\$\z"}),
    "one of an enum": ("Knock", {"type": "string", "enum": ["Knock", "Open"]}),
    "a leap day": ("2028-02-29", {"type": "string", "format": "date"}),
    "a moment": ("2026-03-01T10:00:00.5+02:00", {"type": "string", "format": "date-time"}),
    "a format that is documentation": ("x", {"type": "string", "format": "bcp47"}),
    "any of two": (1, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    "items of a list map that differ in their key": ([{"name": "a"}, {"name": "b"}], BY_NAME),
    "as many items as may be": (["a", "b"], SET | {"maxItems": 2, "minItems": 2}),
}


@pytest.mark.parametrize("case", FITTING)
def test_a_fitting_value_has_no_fault(case: str) -> None:
    value, declared = FITTING[case]

    assert faults(value, declared) == []


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "text is no integer": ("3", {"type": "integer"}, "FieldValueTypeInvalid"),
    "a fraction is no integer": (3.5, {"type": "integer"}, "FieldValueTypeInvalid"),
    "true is no integer": (True, {"type": "integer"}, "FieldValueTypeInvalid"),
    "one is not true": (1, {"type": "boolean"}, "FieldValueTypeInvalid"),
    "null is no text": (None, TEXT, "FieldValueTypeInvalid"),
    "a list is no object": ([], {"type": "object"}, "FieldValueTypeInvalid"),
    "too low": (1, {"type": "integer", "minimum": 2}, "FieldValueInvalid"),
    "too high": (21, {"type": "integer", "maximum": 20}, "FieldValueInvalid"),
    "at an excluded bound": (
        2, {"type": "integer", "minimum": 2, "exclusiveMinimum": True}, "FieldValueInvalid",
    ),
    "at an excluded top": (
        2, {"type": "integer", "maximum": 2, "exclusiveMaximum": True}, "FieldValueInvalid",
    ),
    "no multiple": (10, {"type": "integer", "multipleOf": 3}, "FieldValueInvalid"),
    "too short": ("", {"type": "string", "minLength": 1}, "FieldValueInvalid"),
    "too long": ("abcde", {"type": "string", "maxLength": 4}, "FieldValueTooLong"),
    "no match": ("b", {"type": "string", "pattern": "^a$"}, "FieldValueInvalid"),
    "a newline after a match": ("a\n", {"type": "string", "pattern": "^a$"}, "FieldValueInvalid"),
    "digits of another script": ("٣", {"type": "string", "pattern": r"^\d$"}, "FieldValueInvalid"),
    "not of the enum": ("knock", {"type": "string", "enum": ["Knock"]}, "FieldValueNotSupported"),
    "a day that does not exist": (
        "2026-02-30", {"type": "string", "format": "date"}, "FieldValueTypeInvalid",
    ),
    "a month without its zero": (
        "2026-2-03", {"type": "string", "format": "date"}, "FieldValueTypeInvalid",
    ),
    "a moment without a zone": (
        "2026-03-01T10:00:00", {"type": "string", "format": "date-time"}, "FieldValueTypeInvalid",
    ),
    "an hour that does not exist": (
        "2026-03-01T24:00:00Z", {"type": "string", "format": "date-time"}, "FieldValueTypeInvalid",
    ),
    "too few items": ([], SET | {"minItems": 1}, "FieldValueInvalid"),
    "too many items": (["a", "b"], SET | {"maxItems": 1}, "FieldValueTooMany"),
    "too few keys": ({}, {"type": "object", "minProperties": 1}, "FieldValueInvalid"),
    "too many keys": ({"a": 1}, {"type": "object", "maxProperties": 0}, "FieldValueTooMany"),
    "none of two": (
        True, {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "FieldValueInvalid",
    ),
    "both of two": (
        1, {"oneOf": [{"type": "number"}, {"type": "integer"}]}, "FieldValueInvalid",
    ),
    "what must not be": ("a", {"type": "string", "not": {"enum": ["a"]}}, "FieldValueInvalid"),
    "one of all fails": (
        "abc", {"type": "string", "allOf": [{"minLength": 1}, {"maxLength": 2}]},
        "FieldValueTooLong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_faulty_value_is_refused_at_its_path(case: str) -> None:
    value, declared, reason = REFUSED[case]

    assert faults(value, declared) == [(reason, "spec.field")]


NESTED: dict[str, tuple[Any, dict[str, Any], list[tuple[str, str]]]] = {
    "a required field is named where it is missing": (
        {"spec": {}},
        {"properties": {"spec": {"required": ["clinicRef"]}}},
        [("FieldValueRequired", "spec.clinicRef")],
    ),
    "a second equal member of a set is the fault": (
        {"days": ["Mon", "Tue", "Mon"]},
        {"properties": {"days": SET}},
        [("FieldValueDuplicate", "days[2]")],
    ),
    "a second item with the same key is the fault": (
        {"fields": [{"name": "a"}, {"name": "a", "x": 1}]},
        {"properties": {"fields": BY_NAME}},
        [("FieldValueDuplicate", "fields[1]")],
    ),
    "a map's value is named by its key": (
        {"text": {"en": "abc", "de": "a"}},
        {"properties": {"text": {"additionalProperties": {"type": "string", "maxLength": 2}}}},
        [("FieldValueTooLong", "text.en")],
    ),
    "every fault is found, in the order of the document": (
        {"spec": {"a": "x", "list": [1, "two"]}},
        {
            "properties": {
                "spec": {
                    "properties": {
                        "a": {"type": "integer"},
                        "list": {"type": "array", "items": {"type": "integer"}},
                    }
                }
            }
        },
        [("FieldValueTypeInvalid", "spec.a"), ("FieldValueTypeInvalid", "spec.list[1]")],
    ),
}


@pytest.mark.parametrize("case", NESTED)
def test_a_nested_fault_carries_its_whole_path(case: str) -> None:
    value, declared, expected = NESTED[case]

    assert faults(value, declared, "") == expected


def test_the_messages_are_those_of_a_real_server() -> None:
    assert messages(21, {"type": "integer", "maximum": 20}) == [
        "Invalid value: 21: spec.field in body should be less than or equal to 20"
    ]
    assert messages("6", {"type": "integer"}) == [
        'Invalid value: "string": spec.field in body must be of type integer: "string"'
    ]
    assert messages("knock", {"type": "string", "enum": ["Knock", "Open"]}) == [
        'Unsupported value: "knock": supported values: "Knock", "Open"'
    ]
    assert messages("A", {"type": "string", "pattern": "^a$"}) == [
        "Invalid value: \"A\": spec.field in body should match '^a$'"
    ]
