"""What the server says it serves: groups, versions, resources, its own version."""

import platform
from collections.abc import Iterable, Sequence

from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.errors import NoSuchPathError
from teleward_cli.apiserver.resources import Resource

EMULATED = (1, 37)
"""The Kubernetes minor whose behaviour is stood in for."""

_VERBS = [
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
]  # fmt: skip


def version() -> Document:
    """`GET /version`."""
    major, minor = EMULATED
    return {
        "major": str(major), "minor": str(minor), "gitVersion": f"v{major}.{minor}.0+teleward",
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "cpython", "platform": f"linux/{platform.machine()}",
    }  # fmt: skip


def core_versions() -> Document:
    """`GET /api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups(resources: Iterable[Resource]) -> Document:
    """`GET /apis`."""
    found = {resource.group: resource.version for resource in resources if resource.group}
    listed = [_group(name, served) for name, served in found.items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(resources: Iterable[Resource], name: str) -> Document:
    """`GET /apis/{group}`.

    Raises:
        StatusError: 404.
    """
    for resource in resources:
        if resource.group == name and name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, resource.version)}
    raise NoSuchPathError


def paths(resources: Iterable[Resource]) -> Document:
    """`GET /`."""
    served = {f"/apis/{one.group}" for one in resources if one.group}
    versions = {f"/apis/{one.api_version}" for one in resources if one.group}
    fixed = {
        "/api",
        "/api/v1",
        "/apis",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    }
    return {"paths": sorted(served | versions | fixed)}


def resource_list(resources: Iterable[Resource], api_version: str) -> Document:
    """`GET /api/v1`, `GET /apis/{group}/{version}`.

    Raises:
        StatusError: 404.
    """
    served = [resource for resource in resources if resource.api_version == api_version]
    if not served:
        raise NoSuchPathError
    return {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version,
        "resources": [entry for resource in served for entry in _entries(resource)],
    }  # fmt: skip


def _group(name: str, served: str) -> Document:
    one = {"groupVersion": f"{name}/{served}", "version": served}
    return {"name": name, "versions": [one], "preferredVersion": one}


def _verbs(resource: Resource) -> list[str]:
    if resource.fixed:
        return ["get", "list", "watch"]
    return [verb for verb in _VERBS if verb != "deletecollection" or resource.namespaced]


def _entries(resource: Resource) -> Sequence[Document]:
    main: Document = {
        "name": resource.plural, "singularName": resource.singular,
        "namespaced": resource.namespaced, "kind": resource.kind,
        "verbs": _verbs(resource),
    }  # fmt: skip
    if resource.short_names:
        main["shortNames"] = list(resource.short_names)
    if resource.categories:
        main["categories"] = list(resource.categories)
    entries = [main]
    common = {
        "singularName": "",
        "namespaced": resource.namespaced,
        "verbs": ["get", "patch", "update"],
    }
    if resource.has_status:
        entries.append({"name": f"{resource.plural}/status", "kind": resource.kind, **common})
    if resource.scale:
        scale = {"name": f"{resource.plural}/scale", "group": "autoscaling", "version": "v1"}
        entries.append({**scale, "kind": "Scale", **common})
    return entries
