"""The types of an object's metadata, refused in the words of a real API server.

Source: k8s.io/apimachinery pkg/apis/meta/v1 (`ObjectMeta`); messages as encoding/json of Go writes them.
"""

from typing import Any

from teleward_cli.apiserver.documents import Document

_TYPES = {
    "name": "string", "generateName": "string", "namespace": "string", "selfLink": "string",
    "uid": "types.UID", "resourceVersion": "string", "generation": "int64",
    "deletionGracePeriodSeconds": "int64", "labels": "map[string]string",
    "annotations": "map[string]string", "finalizers": "[]string",
    "ownerReferences": "[]v1.OwnerReference", "managedFields": "[]v1.ManagedFieldsEntry",
}  # fmt: skip

_KINDS = {
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
    list: "array",
    dict: "object",
}
"""What encoding/json calls a value."""

_TEXTS = ("string", "types.UID")


def type_fault(document: Document) -> str | None:
    """The first field of `metadata` that has another type than it must have; None when all fit."""
    meta = document.get("metadata")
    if not isinstance(meta, dict | None):
        return f"json: cannot unmarshal {_KINDS[type(meta)]} into Go value of type v1.ObjectMeta"
    for field, wanted in _TYPES.items():
        for value, part in _parts((meta or {}).get(field), wanted):
            if value is not None and not _fits(value, part):
                given = _KINDS[type(value)]
                return f"json: cannot unmarshal {given} into Go struct field ObjectMeta.{field} of type {part}"
    return None


def decoded(meta: Document) -> Document:
    """Take null where a text belongs as the empty text, as Go does."""
    maps = {
        field: {key: value or "" for key, value in meta[field].items()}
        for field in ("labels", "annotations")
        if isinstance(meta.get(field), dict)
    }
    return meta | maps


def _parts(value: Any, wanted: str) -> list[tuple[Any, str]]:
    """A value and what it holds, each with the type it must have."""
    parts = [(value, wanted)]
    if wanted.startswith("map[string]") and isinstance(value, dict):
        parts += [(one, wanted.removeprefix("map[string]")) for one in value.values()]
    if wanted.startswith("[]") and isinstance(value, list):
        parts += [(one, wanted.removeprefix("[]")) for one in value]
    return parts


def _fits(value: Any, wanted: str) -> bool:
    if wanted in _TEXTS:
        return isinstance(value, str)
    if wanted == "int64":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, list if wanted.startswith("[]") else dict)
