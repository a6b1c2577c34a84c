"""Applying documents as `kubectl apply` does: create, or a three-way merge with what was applied last.

Source: Kubernetes "Declarative Management of Kubernetes Objects Using Configuration Files", how the merge is computed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleward_cli.local.cluster import (
    APPLY_PATCH,
    MERGE_PATCH,
    Cluster,
    ClusterRefusedError,
)
from teleward_cli.local.yaml_files import Source, Unreadable, read_file

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

GROUP_VERSION = "teleward.io/v1alpha1"

STRICT = "?fieldValidation=Strict&fieldManager=teleward"


@dataclass(frozen=True, slots=True)
class Applied:
    """A document that is in the API now."""

    kind: str
    namespace: str
    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that is not, where it stands and why."""

    path: Path
    line: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.why}".replace(": :", ":")


class Applier:
    """Applies files to one cluster."""

    def __init__(self, cluster: Cluster, plurals: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._plurals = plurals
        """Kind → plural of our kinds."""
        self._namespaces: set[str] = set()

    async def apply_files(self, files: Iterable[Path]) -> list[Applied | Refused]:
        """Apply every document of these files; one that is refused does not stop the rest.

        Raises:
            ClusterUnavailableError: The API did not answer.
        """
        results: list[Applied | Refused] = []
        for path in files:
            for source in read_file(path):
                if isinstance(source, Unreadable):
                    results.append(Refused(path, source.line, "", source.why))
                else:
                    results += await self._apply_one(source)
        return results

    async def _apply_one(self, source: Source) -> list[Applied | Refused]:
        try:
            return [await self._apply(source.document)]
        except ClusterRefusedError as err:
            faults = err.causes or [("", str(err))]
            return [
                Refused(
                    source.path,
                    source.line_of(field),
                    source.label,
                    f"{field}: {why}" if field and field != "<nil>" else why,
                )
                for field, why in faults
            ]

    async def _apply(self, document: dict[str, Any]) -> Applied:
        kind = str(document.get("kind", ""))
        meta = document.get("metadata") or {}
        if kind == "Namespace" and document.get("apiVersion") == "v1":
            return await self._write("/api/v1/namespaces", document)
        if document.get("apiVersion") != GROUP_VERSION or kind not in self._plurals:
            what = f"{document.get('apiVersion')} {kind}".strip()
            raise ClusterRefusedError(400, f"{what} is not a kind of {GROUP_VERSION}", [])
        namespace = str(meta.get("namespace") or "default")
        await self._ensure_namespace(namespace)
        base = f"/apis/{GROUP_VERSION}/namespaces/{namespace}/{self._plurals[kind]}"
        return await self._write(base, document)

    async def _write(self, base: str, document: dict[str, Any]) -> Applied:
        marked = with_last_applied(document)
        try:
            written = await self._cluster.request("POST", base + STRICT, marked)
        except ClusterRefusedError as err:
            if err.code != 409:
                raise
            name = document["metadata"]["name"]
            live = await self._cluster.request("GET", f"{base}/{name}")
            patch = three_way(last_applied(live), marked, live)
            written = await self._cluster.request(
                "PATCH", f"{base}/{name}{STRICT}", patch, MERGE_PATCH
            )
        meta = written["metadata"]
        return Applied(
            str(written["kind"]), str(meta.get("namespace", "")), str(meta["name"]),
            int(meta.get("generation", 0)),
        )  # fmt: skip

    async def _ensure_namespace(self, name: str) -> None:
        if name in self._namespaces:
            return
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            await self._cluster.request("POST", "/api/v1/namespaces", namespace)
        except ClusterRefusedError as err:
            if err.code != 409:
                raise
        self._namespaces.add(name)


async def install_definitions(cluster: Cluster, definitions: Iterable[dict[str, Any]]) -> None:
    """Install definitions on a real API server by server-side apply.

    Raises:
        ClusterRefusedError: Not permitted, or a definition is refused.
        ClusterUnavailableError: The API did not answer.
    """
    base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for definition in definitions:
        path = f"{base}/{definition['metadata']['name']}?fieldManager=teleward&force=true"
        await cluster.request("PATCH", path, definition, APPLY_PATCH)


def with_last_applied(document: dict[str, Any]) -> dict[str, Any]:
    """Note in an annotation what is applied, so that the next apply (ours or kubectl's) can tell removals."""
    meta = dict(document.get("metadata") or {})
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != LAST_APPLIED}
    plain = document | {"metadata": meta | {"annotations": annotations}}
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True) + "\n"
    return document | {"metadata": meta | {"annotations": annotations | {LAST_APPLIED: text}}}


def last_applied(live: dict[str, Any]) -> dict[str, Any]:
    """What was applied last; empty when nothing was."""
    annotations = live["metadata"].get("annotations") or {}
    try:
        found = json.loads(annotations.get(LAST_APPLIED, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def three_way(was: Any, now: dict[str, Any], live: Any) -> dict[str, Any]:
    """The merge patch that brings `live` to `now`: what differs, and null for what `was` had and `now` has not."""
    was = was if isinstance(was, dict) else {}
    live = live if isinstance(live, dict) else {}
    patch: dict[str, Any] = {key: None for key in was.keys() - now.keys() if key in live}
    for key, value in now.items():
        if isinstance(value, dict) and isinstance(live.get(key), dict):
            inner = three_way(was.get(key), value, live[key])
            if inner:
                patch[key] = inner
        elif live.get(key) != value:
            patch[key] = value
    return patch
