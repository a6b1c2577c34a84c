"""Label and field selectors.

Source: Kubernetes "Labels and Selectors" (equality-based and set-based requirements), apimachinery pkg/labels.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from teleward_cli.apiserver import jsonpath
from teleward_cli.apiserver.documents import Document, metadata, name_of, namespace_of
from teleward_cli.apiserver.errors import bad_request
from teleward_cli.apiserver.resources import Resource

Predicate: TypeAlias = Callable[[Document], bool]

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?"
_SET = re.compile(rf"^({_LABEL})\s+(in|notin)\s*\(([^)]*)\)\Z")
_EQUAL = re.compile(rf"^({_LABEL})\s*(==|=|!=)\s*([A-Za-z0-9_.-]*)\Z")
_EXISTS = re.compile(rf"^(!?)\s*({_LABEL})\Z")
_COMMA = re.compile(r",(?![^(]*\))")


def select(resource: Resource, labels: str, fields: str) -> Predicate:
    """Build one predicate of both selectors.

    Raises:
        StatusError: A selector that cannot be read, or a field that cannot be selected by.
    """
    wanted = [
        *(_label_requirement(part.strip()) for part in _COMMA.split(labels) if part.strip()),
        *(
            _field_requirement(resource, part.strip())
            for part in fields.split(",")
            if part.strip()
        ),
    ]
    return lambda document: all(is_met(document) for is_met in wanted)


def _label_requirement(text: str) -> Predicate:
    if match := _SET.match(text):
        key, values = match[1], {value.strip() for value in match[3].split(",")}
        if match[2] == "in":
            return lambda document: _labels(document).get(key) in values
        return lambda document: _labels(document).get(key) not in values
    if match := _EQUAL.match(text):
        key, value = match[1], match[3]
        if match[2] == "!=":
            return lambda document: _labels(document).get(key) != value
        return lambda document: _labels(document).get(key) == value
    if match := _EXISTS.match(text):
        key, absent = match[2], bool(match[1])
        return lambda document: (key in _labels(document)) is not absent
    raise bad_request(f"unable to parse requirement: {text!r}")


def _field_requirement(resource: Resource, text: str) -> Predicate:
    match = re.match(r"^([\w.]+)\s*(==|=|!=)\s*(.*)$", text)
    if match is None:
        raise bad_request(f"invalid selector: {text!r}; can't understand {text!r}")
    read = _field(resource, match[1])
    value, differs = match[3], match[2] == "!="
    return lambda document: (read(document) == value) is not differs


def _field(resource: Resource, path: str) -> Callable[[Document], str]:
    if path == "metadata.name":
        return name_of
    if path == "metadata.namespace":
        return namespace_of
    if f".{path}" in resource.selectable:
        return lambda document: _text(jsonpath.first(document, f".{path}"))
    raise bad_request(f"field label not supported: {path}")


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _labels(document: Document) -> dict[str, str]:
    labels = metadata(document).get("labels")
    return labels if isinstance(labels, dict) else {}
