"""The declared objects at the API server: list them, write their status, tell of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from teleward_contract.resources import (
    GROUP,
    KINDS,
    VERSION,
    AnyResource,
    Metadata,
    Seen,
    read_seen,
)

from teleward_operator.adapters.api_server import METADATA_ALONE, ApiServer
from teleward_operator.core.conditions import Transition
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError
from teleward_operator.ports import Listing

PAGE = 500
"""Objects per answer of a LIST."""

_MERGE_PATCH = "application/merge-patch+json"
_GONE = 410


class KubernetesCluster:
    """See `Cluster`."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def write_status(self, resource: Seen, status: dict[str, object]) -> Seen:
        """See `Cluster`."""
        gone = dict.fromkeys(resource.status.keys() - status.keys())
        change: dict[str, object] = {"status": {**gone, **status}}
        written = await self._patch("patch_status", resource, {}, change, "/status")
        return written.model_copy(update={"status": status})

    async def set_finalizers(self, resource: AnyResource, finalizers: tuple[str, ...]) -> Seen:
        """See `Cluster`."""
        return await self._patch("patch", resource, {"finalizers": list(finalizers)}, {})

    async def tell(self, resource: Seen, transition: Transition) -> None:
        """See `Cluster`."""
        meta = resource.metadata
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "metadata": {"generateName": f"{meta.name}.", "namespace": meta.namespace},
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}", "kind": resource.kind, "name": meta.name,
                "namespace": meta.namespace, "uid": meta.uid,
            },
            "reason": transition.reason, "message": transition.message,
            "type": "Normal" if transition.is_good else "Warning",
            "firstTimestamp": now, "lastTimestamp": now, "count": 1,
            "source": {"component": "teleward-operator"},
        }  # fmt: skip
        path = f"/api/v1/namespaces/{meta.namespace}/events"
        await self._server.write("create_event", "POST", path, event)

    async def list_all(self, known: Mapping[str, Seen]) -> Listing:
        """See `Cluster`."""
        objects: list[Seen] = []
        for kind, (plural, _) in KINDS.items():
            objects += await self._list(kind, plural, known)
        uids = {one.metadata.uid for one in objects}
        answer = await self._server.read("/api/v1/namespaces")
        labels = {
            item["metadata"]["name"]: dict(item["metadata"].get("labels", {}))
            for item in answer["items"]
        }
        return Listing(tuple(objects), frozenset(uids), labels)

    async def _list(self, kind: str, plural: str, known: Mapping[str, Seen]) -> list[Seen]:
        """LIST one kind completely, page by page; from the start again when a page expired."""
        listed: list[Seen] = []
        token = ""
        while True:
            query = [("limit", str(PAGE)), *([("continue", token)] if token else [])]
            try:
                page = await self._server.read(f"/apis/{GROUP}/{VERSION}/{plural}", query)
            except StaleObjectError as err:
                raise ClusterUnavailableError(
                    f"{plural}.{GROUP} is not defined; next: kubectl apply -f crds/"
                ) from err
            except ClusterUnavailableError as err:
                if not (token and err.status == _GONE):
                    raise
                listed, token = [], ""
                continue
            listed += [_read(kind, item, known) for item in page["items"]]
            token = page["metadata"].get("continue") or ""
            if not token:
                return listed

    async def _patch(
        self, verb: str, resource: Seen, metadata: dict[str, object],
        rest: dict[str, object], subresource: str = "",
    ) -> Seen:  # fmt: skip
        """Merge-patch on the version that was read; 409 when it is not the newest any more.

        Returns:
            The object with its new metadata: of everything else we know what stands there.
        """
        meta, plural = resource.metadata, KINDS[resource.kind][0]
        body = {"metadata": {"resourceVersion": meta.resource_version, **metadata}, **rest}
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{meta.namespace}/{plural}/{meta.name}{subresource}"
        answer = await self._server.write(
            verb, "PATCH", path, body, content_type=_MERGE_PATCH, accept=METADATA_ALONE
        )
        written = Metadata.model_validate(answer["metadata"])
        return resource.model_copy(update={"metadata": written})


def _read(kind: str, item: dict[str, Any], known: Mapping[str, Seen]) -> Seen:
    meta = item["metadata"]
    found = known.get(meta["uid"])
    if found is not None and found.metadata.resource_version == meta["resourceVersion"]:
        return found
    return read_seen({**item, "kind": kind})
