"""Tables: what `kubectl get` prints, computed on the server.

Source: apiextensions-apiserver pkg/registry/customresource/tableconvertor; apimachinery pkg/util/duration.
"""

import datetime
from collections.abc import Sequence
from typing import Any

from teleward_cli.apiserver import jsonpath
from teleward_cli.apiserver.documents import Document, name_of
from teleward_cli.apiserver.resources import EVENTS, Column, Resource

_NAME = Column(
    "Name", "string", ".metadata.name", 0,
    "Name must be unique within a namespace.", "name",
)  # fmt: skip
_AGE = Column("Age", "date", ".metadata.creationTimestamp")
_LAST_SEEN = Column("Last Seen", "date", ".lastTimestamp")


def table(
    resource: Resource, items: Sequence[Document], list_metadata: Document, include: str
) -> Document:
    """Build a `Table` of these objects; `include` is `Metadata`, `Object` or `None`."""
    columns = _columns(resource)
    now = datetime.datetime.now(datetime.UTC)
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list_metadata,
        "columnDefinitions": [
            {
                "name": column.name, "type": column.type, "format": column.format,
                "description": column.description, "priority": column.priority,
            }
            for column in columns
        ],
        "rows": [
            {"cells": [_cell(item, column, now) for column in columns], **_object(item, include)}
            for item in items
        ],
    }  # fmt: skip


def human_duration(seconds: float) -> str:
    """Say a duration as kubectl does: `5s`, `3m20s`, `47h`, `2y10d`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    # (applies while below, larger unit, its letter, smaller unit or none, its letter)
    steps: tuple[tuple[bool, int, str, int, str], ...] = (
        (minutes < 10, minutes, "m", whole % 60, "s"),
        (minutes < 180, minutes, "m", 0, ""),
        (hours < 8, hours, "h", minutes % 60, "m"),
        (hours < 48, hours, "h", 0, ""),
        (days < 8, days, "d", hours % 24, "h"),
        (days < 730, days, "d", 0, ""),
        (days < 2920, days // 365, "y", days % 365, "d"),
    )
    for applies, large, letter, small, small_letter in steps:
        if applies:
            return f"{large}{letter}" + (f"{small}{small_letter}" if small else "")
    return f"{days // 365}y"


def _columns(resource: Resource) -> tuple[Column, ...]:
    if resource is EVENTS:
        return (_LAST_SEEN, *resource.columns)
    if resource.is_custom or any(column.type == "date" for column in resource.columns):
        return (_NAME, *resource.columns)
    return (_NAME, *resource.columns, _AGE)


def _cell(item: Document, column: Column, now: datetime.datetime) -> Any:
    found = jsonpath.find(item, column.json_path)
    if not found:
        return None
    match column.type:
        case "string":
            return " ".join(_text(one) for one in found)
        case "date":
            return _age(found[0], now)
        case "integer":
            return int(found[0]) if isinstance(found[0], int | float) else None
        case _:
            return found[0]


def _age(value: Any, now: datetime.datetime) -> str:
    try:
        then = datetime.datetime.fromisoformat(str(value))
        return human_duration((now - then).total_seconds())
    except (TypeError, ValueError):  # no moment at all, or one without a time zone
        return "<unknown>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _object(item: Document, include: str) -> Document:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": item}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    assert name_of(item), "a stored object has a name"
    return {"object": partial | {"metadata": item["metadata"]}}
