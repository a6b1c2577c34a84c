"""OpenAPI documents of the served kinds, for `kubectl explain` and kubectl's choice of validation."""

from collections.abc import Iterable

from teleward_cli.apiserver.discovery import version
from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.resources import Resource

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

_OBJECT_META: Document = {
    "type": "object",
    "description": "ObjectMeta is metadata that all persisted resources must have.",
    "properties": {
        "name": {"type": "string", "description": "Name, unique within a namespace."},
        "generateName": {"type": "string", "description": "Prefix of a name the server completes."},
        "namespace": {"type": "string", "description": "The namespace; DNS label."},
        "labels": {
            "type": "object", "additionalProperties": {"type": "string"},
            "description": "Labels, to select by.",
        },
        "annotations": {
            "type": "object", "additionalProperties": {"type": "string"},
            "description": "Annotations, not to select by.",
        },
        "finalizers": {
            "type": "array", "items": {"type": "string"},
            "description": "Who must agree before the object is removed.",
        },
        "uid": {"type": "string", "description": "Unique in time and space; set by the server."},
        "resourceVersion": {"type": "string", "description": "Changes with every write."},
        "generation": {"type": "integer", "description": "Rises with every change of the spec."},
        "creationTimestamp": {"type": "string", "format": "date-time", "description": "RFC 3339."},
        "deletionTimestamp": {"type": "string", "format": "date-time", "description": "RFC 3339."},
    },
}  # fmt: skip

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What `kubectl` asks for at `/openapi/v2`."""


def index(resources: Iterable[Resource]) -> Document:
    """`GET /openapi/v3`."""
    paths = {_path(resource.api_version) for resource in resources}
    return {
        "paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in sorted(paths)}
    }


def group_version(resources: Iterable[Resource], path: str) -> Document | None:
    """`GET /openapi/v3/{path}`; None when it is not served."""
    served = [resource for resource in resources if _path(resource.api_version) == path]
    if not served:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Teleward API stand-in", "version": version()["gitVersion"]},
        "paths": {_url(resource): _operations(resource, 3) for resource in served},
        "components": {
            "schemas": {_META: _OBJECT_META}
            | {_name(resource): _schema(resource, "#/components/schemas") for resource in served}
        },
    }


def everything(resources: Iterable[Resource]) -> Document:
    """`GET /openapi/v2`."""
    served = list(resources)
    return {
        "swagger": "2.0",
        "info": {"title": "Teleward API stand-in", "version": version()["gitVersion"]},
        "paths": {_url(resource): _operations(resource, 2) for resource in served},
        "definitions": {_META: _OBJECT_META}
        | {_name(resource): _schema(resource, "#/definitions") for resource in served},
    }


def _path(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def _url(resource: Resource) -> str:
    home = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_path(resource.api_version)}{home}/{resource.plural}/{{name}}"


def _name(resource: Resource) -> str:
    parts = resource.group.split(".") if resource.group else ["k8s", "io"]
    return ".".join([*reversed(parts), resource.version, resource.kind])


def _gvk(resource: Resource) -> Document:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _schema(resource: Resource, definitions: str) -> Document:
    schema: Document = dict(resource.schema or {"type": "object"})
    meta = {
        "description": "Standard object's metadata.",
        "allOf": [{"$ref": f"{definitions}/{_META}"}],
    }
    own = {
        "apiVersion": {"type": "string", "description": "Version of the API."},
        "kind": {"type": "string", "description": "The REST resource this object represents."},
    }
    schema["properties"] = own | schema.get("properties", {}) | {"metadata": meta}
    schema["x-kubernetes-group-version-kind"] = [_gvk(resource)]
    return schema


def _operations(resource: Resource, generation: int) -> Document:
    string: Document = {"schema": {"type": "string"}} if generation == 3 else {"type": "string"}
    parameters = [
        {"name": name, "in": "query", **string}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    common = {"parameters": parameters, "x-kubernetes-group-version-kind": _gvk(resource)}
    ok = {"responses": {"200": {"description": "OK"}}}
    return {
        verb: {**common, **ok, "x-kubernetes-action": action}
        for verb, action in (("put", "put"), ("patch", "patch"), ("post", "post"))
    }
