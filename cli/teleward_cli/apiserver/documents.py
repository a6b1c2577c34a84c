"""Kubernetes objects as JSON, and the few things every module asks of one."""

import copy
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A JSON object. Its shape is known to its schema alone, so here its values are `Any`."""


def metadata(document: Document) -> Document:
    """The object's metadata; empty when it has none."""
    found = document.get("metadata")
    return found if isinstance(found, dict) else {}


def name_of(document: Document) -> str:
    """The object's name; empty when it has none."""
    return str(metadata(document).get("name", ""))


def namespace_of(document: Document) -> str:
    """The object's namespace; empty when it has none."""
    return str(metadata(document).get("namespace", ""))


def version_of(document: Document) -> int:
    """The resourceVersion as the number it is inside the store."""
    return int(metadata(document).get("resourceVersion", 0))


def clone(document: Document) -> Document:
    """A deep copy."""
    return copy.deepcopy(document)


def without(document: Document, *fields: str) -> Document:
    """A shallow copy that lacks these top-level fields."""
    return {key: value for key, value in document.items() if key not in fields}
