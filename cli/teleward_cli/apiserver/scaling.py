"""The scale subresource: a Scale object seen through the paths that a definition names."""

from collections.abc import Iterator
from typing import Any

from teleward_cli.apiserver import jsonpath
from teleward_cli.apiserver.documents import Document, clone, metadata, name_of
from teleward_cli.apiserver.errors import (
    Cause,
    StatusError,
    bad_request,
    not_found,
)
from teleward_cli.apiserver.resources import Resource, Scale

_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(resource: Resource, document: Document) -> Document:
    """Show an object as its Scale.

    Raises:
        StatusError: 404 when the kind has none; 500 while the object has no replicas (as a real server).
    """
    paths = _paths(resource, name_of(document))
    replicas = jsonpath.first(document, paths.spec_path)
    if replicas is None:
        message = (
            f'Internal error occurred: the spec replicas field "{paths.spec_path}" does not exist'
        )
        raise StatusError(500, "InternalError", message)
    status: Document = {"replicas": jsonpath.first(document, paths.status_path) or 0}
    if paths.selector_path:
        status["selector"] = jsonpath.first(document, paths.selector_path) or ""
    meta = {key: value for key, value in metadata(document).items() if key in _SHOWN}
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta,
        "spec": {"replicas": replicas}, "status": status,
    }  # fmt: skip


def scaled(resource: Resource, document: Document, scale: Document) -> Document:
    """Write a Scale's replicas back into its object.

    Raises:
        StatusError: 400 for no Scale.
    """
    spec = scale.get("spec") or {}
    if not isinstance(spec, dict):
        raise bad_request("Scale cannot be handled as a Scale: json: cannot unmarshal spec")
    replicas: Any = spec.get("replicas", 0)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise bad_request(
            "Scale cannot be handled as a Scale: json: cannot unmarshal spec.replicas"
        )
    new = clone(document)
    *parents, last = _paths(resource, name_of(document)).spec_path.strip(".").split(".")
    at = new
    for parent in parents:
        at = at.setdefault(parent, {})
    at[last] = replicas
    given = metadata(scale).get("resourceVersion")
    new["metadata"]["resourceVersion"] = given or metadata(document)["resourceVersion"]
    return new


def check(resource: Resource, document: Document) -> Iterator[Cause]:
    """Find what a Scale could not show."""
    if resource.scale is not None:
        replicas = jsonpath.first(document, resource.scale.spec_path)
        if isinstance(replicas, int) and replicas < 0:
            message = f"Invalid value: {replicas}: should be a non-negative integer"
            yield Cause("FieldValueInvalid", resource.scale.spec_path, message)


def _paths(resource: Resource, name: str) -> Scale:
    if resource.scale is None:
        raise not_found(resource, name)
    return resource.scale
