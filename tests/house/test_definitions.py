"""The definitions, their mirrors in `contract` and their prose say the same."""

import enum
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from teleward_contract.resources import KINDS
from teleward_testing.house_rules import ROOT

SCHEMAS: dict[str, dict[str, Any]] = {
    definition["spec"]["names"]["kind"]: definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for definition in (yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / "crds").glob("*.yaml")))
}  # fmt: skip

NAMES = {str: "string", int: "integer", bool: "boolean", dict: "object"}


def alternatives(annotation: Any) -> list[Any]:
    """The members of a union without None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return [one for one in typing.get_args(annotation) if one is not types.NoneType]
    return [annotation]


def differences(schema: dict[str, Any], annotation: Any, path: str) -> Iterator[str]:
    """Where a part of a definition and the type that mirrors it differ."""
    [kind] = alternatives(annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from fields_that_differ(schema, kind, path)
    elif typing.get_origin(kind) is tuple:
        if schema["type"] != "array":
            yield f"{path}: a list in the mirror, {schema['type']} in the definition"
        else:
            yield from differences(schema["items"], typing.get_args(kind)[0], f"{path}[]")
    elif typing.get_origin(kind) is dict:
        if schema["type"] != "object" or "additionalProperties" not in schema:
            yield f"{path}: a map in the mirror only"
    else:
        yield from scalars_that_differ(schema, kind, path)


def scalars_that_differ(schema: dict[str, Any], kind: Any, path: str) -> Iterator[str]:
    words: list[str] | None = None
    if typing.get_origin(kind) is typing.Literal:
        words = list(typing.get_args(kind))
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        words = [one.value for one in kind]
    if (words and sorted(words)) != (sorted(schema["enum"]) if "enum" in schema else None):
        yield f"{path}: {words} in the mirror, {schema.get('enum')} in the definition"
    if words is None and NAMES[kind] != schema["type"]:
        yield f"{path}: {kind} in the mirror, {schema['type']} in the definition"


def fields_that_differ(
    schema: dict[str, Any], mirror: type[BaseModel], path: str
) -> Iterator[str]:
    properties = schema.get("properties", {})
    mirrored = {field.alias or name: field for name, field in mirror.model_fields.items()}
    for name in sorted(properties.keys() ^ mirrored.keys()):
        yield f"{path}.{name}: in the {'definition' if name in properties else 'mirror'} only"
    for name in properties.keys() & mirrored.keys():
        here, field = f"{path}.{name}", mirrored[name]
        if field.is_required() != (name in schema.get("required", ())):
            yield f"{here}: required in one of both"
        elif "default" in properties[name] and default_of(field) != filled(properties[name]):
            yield f"{here}: {default_of(field)} in the mirror, {filled(properties[name])} in the definition"
        yield from differences(properties[name], field.annotation, here)


def default_of(field: FieldInfo) -> Any:
    found = field.get_default(call_default_factory=True)
    if isinstance(found, BaseModel):
        return found.model_dump(by_alias=True, exclude_none=True, mode="json")
    return found.value if isinstance(found, enum.Enum) else found


def filled(schema: dict[str, Any]) -> Any:
    """A default with the defaults inside it, as the API server fills it in."""
    value = schema["default"]
    if not isinstance(value, dict):
        return value
    inner = {
        name: filled(one)
        for name, one in schema.get("properties", {}).items()
        if "default" in one and name not in value
    }
    return {**empty(schema), **inner, **value}


def empty(schema: dict[str, Any]) -> dict[str, Any]:
    """What a mirror has where the API server leaves maps and lists out."""
    kinds: dict[str, Any] = {"array": [], "object": {}}
    return {
        name: kinds[one["type"]]
        for name, one in schema.get("properties", {}).items()
        if "default" not in one and (one["type"] == "array" or "additionalProperties" in one)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirror_has_what_its_definition_has_and_nothing_else(kind: str) -> None:
    mirror = KINDS[kind][1].model_fields["spec"].annotation
    assert isinstance(mirror, type)

    assert list(differences(SCHEMAS[kind]["spec"], mirror, kind)) == []


def described(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, one in schema.get("properties", {}).items():
        yield f"{path}.{name}", one, name in schema.get("required", ())
        yield from described(one, f"{path}.{name}")
    if "items" in schema:
        yield from described(schema["items"], f"{path}[]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_its_default_and_shows_an_example(kind: str) -> None:
    silent = []
    for path, schema, is_required in described(SCHEMAS[kind]["spec"], kind):
        text = schema["description"]
        speaks_for_itself = (
            "enum" in schema or schema["type"] == "boolean" or "properties" in schema
        )
        if not is_required and "Default" not in text:
            silent.append(f"{path}: no default")
        if not speaks_for_itself and "Example" not in text:
            silent.append(f"{path}: no example")

    assert silent == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_inside_a_list_has_a_default(kind: str) -> None:
    """With one, `kubectl apply` of the same file never says unchanged: lists are compared whole."""
    inside = [
        path
        for path, schema, _ in described(SCHEMAS[kind]["spec"], kind)
        if "[]" in path and "default" in schema
    ]

    assert inside == []
