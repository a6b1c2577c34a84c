"""Structural schemas: prune, default, validate.

Source: Kubernetes "Extend the Kubernetes API with CustomResourceDefinitions" (structural schemas, pruning,
defaulting); messages as in kube-openapi pkg/validation and apimachinery pkg/util/validation/field.
"""

import contextlib
import datetime
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from teleward_cli.apiserver.documents import Document, clone
from teleward_cli.apiserver.errors import Cause

ROOT = ("apiVersion", "kind", "metadata")
"""Fields of every object that its own schema does not describe."""

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": lambda value: _is_number(value),
}


def prune(value: Any, schema: Document, path: str = "") -> list[str]:
    """Remove fields that the schema does not know, in place; return their paths."""
    if isinstance(value, list):
        items = schema.get("items", {})
        found = [prune(one, items, f"{path}[{at}]") for at, one in enumerate(value)]
        return [unknown for part in found for unknown in part]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    known = schema.get("properties", {})
    other = schema.get("additionalProperties")
    removed: list[str] = []
    for key in list(value):
        inner = known.get(key, other)
        if not path and key in ROOT:
            continue
        if inner is None or inner is False:
            removed.append(join(path, key))
            del value[key]
        elif isinstance(inner, dict):
            removed += prune(value[key], inner, join(path, key))
    return removed


def fill_defaults(value: Any, schema: Document) -> None:
    """Set what is absent and has a default, in place, from the outside in; null is absent where it may not be."""
    if isinstance(value, list):
        for one in value:
            fill_defaults(one, schema.get("items", {}))
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        for key, inner in known.items():
            if key not in value or (value[key] is None and not inner.get("nullable")):
                value.pop(key, None)
                if "default" in inner:
                    value[key] = clone({"it": inner["default"]})["it"]
        other = schema.get("additionalProperties")
        for key, one in list(value.items()):
            inner = known.get(key, other)
            if not isinstance(inner, dict):
                continue
            if one is None and not inner.get("nullable"):
                del value[key]
            else:
                fill_defaults(one, inner)


def check(value: Any, schema: Document, path: str = "") -> Iterator[Cause]:
    """Find every fault of `value`, depth first."""
    if value is None and schema.get("nullable"):
        return
    kind = schema.get("type")
    if kind and not _TYPES[kind](value) and not _is_int_or_string(value, schema):
        yield _type_fault(value, kind, path)
        return
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{one}"' for one in schema["enum"])
        yield Cause(
            "FieldValueNotSupported", path,
            f"Unsupported value: {quote(value)}: supported values: {supported}",
        )  # fmt: skip
    if isinstance(value, dict):
        yield from _check_object(value, schema, path)
    elif isinstance(value, list):
        yield from _check_array(value, schema, path)
    elif isinstance(value, str):
        yield from _check_string(value, schema, path)
    elif _is_number(value):
        yield from _check_number(value, schema, path)
    yield from _check_junctors(value, schema, path)


def _check_object(value: Document, schema: Document, path: str) -> Iterator[Cause]:
    for key in schema.get("required", ()):
        if key not in value:
            yield Cause("FieldValueRequired", join(path, key), "Required value")
    yield from _bounds(len(value), schema, "Properties", "properties", path)
    known = schema.get("properties", {})
    other = schema.get("additionalProperties")
    for key, one in value.items():
        inner = known.get(key, other)
        if isinstance(inner, dict) and not (not path and key in ROOT):
            yield from check(one, inner, join(path, key))


def _check_array(value: list[Any], schema: Document, path: str) -> Iterator[Cause]:
    yield from _bounds(len(value), schema, "Items", "items", path)
    seen: list[Any] = []
    keys = schema.get("x-kubernetes-list-map-keys", ())
    is_set = schema.get("uniqueItems") or schema.get("x-kubernetes-list-type") == "set"
    for at, one in enumerate(value):
        yield from check(one, schema.get("items", {}), f"{path}[{at}]")
        if is_set or keys:
            identity = (
                {key: one.get(key) for key in keys} if keys and isinstance(one, dict) else one
            )
            if identity in seen:
                message = f"Duplicate value: {quote(identity)}"
                yield Cause("FieldValueDuplicate", f"{path}[{at}]", message)
            seen.append(identity)


def _check_string(value: str, schema: Document, path: str) -> Iterator[Cause]:
    if len(value) < schema.get("minLength", 0):
        yield _fault(value, path, f"should be at least {schema['minLength']} chars long")
        return
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        message = f"Too long: may not be more than {schema['maxLength']} bytes"
        yield Cause("FieldValueTooLong", path, message)
    if "pattern" in schema and not _pattern(schema["pattern"]).search(value):
        yield _fault(value, path, f"should match '{schema['pattern']}'")
    is_format = _FORMATS.get(schema.get("format", ""))
    if is_format is not None and not is_format(value):
        message = f"Invalid value: {quote(value)}: {path} in body must be of type {schema['format']}: {quote(value)}"
        yield Cause("FieldValueTypeInvalid", path, message)


def _check_number(value: float, schema: Document, path: str) -> Iterator[Cause]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
        yield _fault(value, path, f"should be greater than or equal to {low}")
    if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
        yield _fault(value, path, f"should be less than or equal to {high}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield _fault(value, path, f"should be a multiple of {step}")


def _check_junctors(value: Any, schema: Document, path: str) -> Iterator[Cause]:
    for inner in schema.get("allOf", ()):
        yield from check(value, inner, path)
    if "anyOf" in schema and not _matching(value, schema["anyOf"]):
        yield _fault(value, path, "must validate at least one schema (anyOf)", plain=True)
    if "oneOf" in schema and _matching(value, schema["oneOf"]) != 1:
        yield _fault(value, path, "must validate one and only one schema (oneOf)", plain=True)
    if "not" in schema and _matching(value, [schema["not"]]):
        yield _fault(value, path, "must not validate the schema (not)", plain=True)


def _matching(value: Any, schemas: list[Document]) -> int:
    return sum(next(check(value, one), None) is None for one in schemas)


def _bounds(count: int, schema: Document, word: str, noun: str, path: str) -> Iterator[Cause]:
    low, high = schema.get(f"min{word}", 0), schema.get(f"max{word}")
    if count < low:
        message = f"Invalid value: {count}: {path} in body should have at least {low} {noun}"
        yield Cause("FieldValueInvalid", path, message)
    if high is not None and count > high:
        message = f"Too many: {count}: must have at most {high} items"
        yield Cause("FieldValueTooMany", path, message)


def _type_fault(value: Any, kind: str, path: str) -> Cause:
    given = next((name for name, fits in _TYPES.items() if fits(value)), "null")
    message = f'Invalid value: "{given}": {path} in body must be of type {kind}: "{given}"'
    return Cause("FieldValueTypeInvalid", path, message)


def _fault(value: Any, path: str, what: str, *, plain: bool = False) -> Cause:
    text = what if plain else f"{path} in body {what}"
    return Cause("FieldValueInvalid", path, f"Invalid value: {quote(value)}: {text}")


def join(path: str, key: str) -> str:
    """`spec` and `hours` make `spec.hours`."""
    return f"{path}.{key}" if path else key


def quote(value: Any) -> str:
    """A value as messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return f'"{value}"' if isinstance(value, str) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_int_or_string(value: Any, schema: Document) -> bool:
    return bool(schema.get("x-kubernetes-int-or-string")) and isinstance(value, int | str)


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(_RE2_END.sub(_end_of_text, pattern), re.ASCII)


def _end_of_text(match: re.Match[str]) -> str:
    r"""RE2's `$` and `\z` are the end of the text; Python's `$` is also before a last newline."""
    return r"\Z" if match[0] in ("$", r"\z") else match[0]


_RE2_END = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$")
"""An escape, a character class or a `$`: what has to be told apart."""


def _is_date(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(_DATE.match(text) and datetime.date.fromisoformat(text))
    return False


def _is_date_time(text: str) -> bool:
    return bool(_TIME.match(text[10:])) and _is_date(text[:10])


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: _pattern(pattern).search(text) is not None


_DATE = re.compile(r"^\d{4}-\d\d-\d\d\Z", re.ASCII)
_TIME = re.compile(r"^[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_date_time,
    "date": _is_date,
    "email": _matches(r"^[^@\s]+@[^@\s]+$"),
    "hostname": _matches(r"^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$"),
    "uri": _matches(r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"),
    "duration": _matches(r"^-?(\d+(\.\d+)?(h|ms|m|s|us|ns))+$"),
}
"""The formats that Kubernetes checks and our definitions may use; others are documentation."""
