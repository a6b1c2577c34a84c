"""`PoolRuntime` in a cluster: Deployments and Services by server-side apply, in the pool's namespace."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TypeVar

import structlog
from teleward_contract.resources import MediaPool
from teleward_contract.units import MediaNodeId, PoolId

from teleward_operator.adapters.api_server import ApiServer
from teleward_operator.core.media_node_objects import (
    MEDIA_NODE_LABEL,
    POOL_LABEL,
    Installation,
    Manifest,
)
from teleward_operator.core.media_node_plan import (
    Live,
    ObjectKey,
    ObjectPlan,
    plan_objects,
    running,
)
from teleward_operator.core.pools import Runtime, pool_id
from teleward_operator.errors import (
    ClusterUnavailableError,
    RuntimeUnavailableError,
    StaleObjectError,
)

log = structlog.get_logger()

FIELD_MANAGER = "teleward-operator"

LOOK_WHILE_MOVING_S = 1.0
LOOK_AT_REST_S = 15.0
"""How old a look may be: while something starts, stops or drifted, and otherwise."""

PASSES = 4
"""A NodePort is known when its Service is there; the Deployment that needs it comes in the next pass.

Two more, because the cluster's own controllers write to what we just made.
"""

_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_FORBIDDEN = 403
_COLLECTIONS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
}
_T = TypeVar("_T")
_PODS = "/api/v1/namespaces/{}/pods"


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    live: Live
    is_at_rest: bool


class KubernetesRuntime:
    """See `PoolRuntime`.

    Args:
        server: The API server.
        installation: What all media nodes share.
    """

    def __init__(self, server: ApiServer, installation: Installation) -> None:
        self._server = server
        self._installation = installation
        self._looks: dict[PoolId, _Look] = {}

    async def look(self, pool: MediaPool, busy: frozenset[MediaNodeId]) -> Runtime:
        """See `PoolRuntime`."""
        name, now = pool_id(pool), time.monotonic()
        known = self._looks.get(name)
        if known is None or now - known.at > _fresh_for(known):
            live = await self._guarded(pool, self._live(pool))
            known = self._looks[name] = _Look(now, live, _is_at_rest(live))
        wanted = tuple(known.live.media_nodes())
        plan = plan_objects(pool, self._installation, wanted, busy, known.live)
        is_needed = bool(wanted) or not pool.metadata.deletion_timestamp
        return Runtime(running(known.live), is_settled=plan.is_settled or not is_needed)

    async def run(
        self, pool: MediaPool, media_nodes: tuple[MediaNodeId, ...], busy: frozenset[MediaNodeId]
    ) -> None:
        """See `PoolRuntime`."""
        self._looks.pop(pool_id(pool), None)
        await self._guarded(pool, self._run(pool, media_nodes, busy))

    async def forget(self, pool: PoolId) -> None:
        """See `PoolRuntime`: what the pool owned is collected with it."""
        self._looks.pop(pool, None)

    async def _run(
        self, pool: MediaPool, media_nodes: tuple[MediaNodeId, ...], busy: frozenset[MediaNodeId]
    ) -> None:
        for left in reversed(range(PASSES)):
            live = await self._live(pool)
            plan = plan_objects(pool, self._installation, media_nodes, busy, live)
            try:
                await self._carry_out(plan)
            except StaleObjectError:  # the cluster's controllers write to them too: look again
                if not left:
                    raise
                continue
            if not plan.apply:
                return

    async def _carry_out(self, plan: ObjectPlan) -> None:
        for manifest in plan.apply:
            await self._apply(manifest)
        for found in plan.delete:
            await self._delete(found)

    async def _guarded(self, pool: MediaPool, work: Coroutine[None, None, _T]) -> _T:
        try:
            return await work
        except StaleObjectError as err:
            raise RuntimeUnavailableError(
                "Somebody changes the same objects; trying again."
            ) from err
        except ClusterUnavailableError as err:
            raise RuntimeUnavailableError(_advice(pool, err)) from err

    async def _live(self, pool: MediaPool) -> Live:
        """List what there is of a pool, from the API server's own cache."""
        listed = await asyncio.gather(
            *(
                self._list(kind, path, pool)
                for kind, path in (*_COLLECTIONS.items(), ("Pod", _PODS))
            )
        )
        *collections, pods = listed
        objects: dict[ObjectKey, Manifest] = {
            (kind, found["metadata"]["name"]): found
            for kind, items in zip(_COLLECTIONS, collections, strict=True)
            for found in items
        }
        by_node: dict[MediaNodeId, tuple[Manifest, ...]] = {}
        for pod in pods:
            name = MediaNodeId(pod["metadata"]["labels"].get(MEDIA_NODE_LABEL, ""))
            by_node[name] = (*by_node.get(name, ()), pod)
        return Live(objects, by_node)

    async def _list(self, kind: str, path: str, pool: MediaPool) -> list[Manifest]:
        selector = [("labelSelector", f"{POOL_LABEL}={pool.metadata.name}")]
        answer = await self._server.read(path.format(pool.metadata.namespace), selector)
        version = answer["apiVersion"]  # of the list: items of built-in kinds do not say theirs
        return [{"apiVersion": version, **found, "kind": kind} for found in answer["items"]]

    async def _apply(self, manifest: Manifest) -> None:
        query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
        await self._server.write(
            "apply", "PATCH", _path(manifest), manifest, query=query, content_type=_APPLY
        )
        log.info(
            "object.applied", kind=manifest["kind"], name_of_object=manifest["metadata"]["name"]
        )

    async def _delete(self, found: Manifest) -> None:
        meta = found["metadata"]
        body = {
            "propagationPolicy": "Background",
            "preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
        }
        await self._server.write("delete", "DELETE", _path(found), body)
        log.info("object.deleted", kind=found["kind"], name_of_object=meta["name"])


def _path(manifest: Manifest) -> str:
    meta = manifest["metadata"]
    return f"{_COLLECTIONS[manifest['kind']].format(meta['namespace'])}/{meta['name']}"


def _fresh_for(known: _Look) -> float:
    return LOOK_AT_REST_S if known.is_at_rest else LOOK_WHILE_MOVING_S


def _is_at_rest(live: Live) -> bool:
    """Every media node is up, and none is stopping."""
    listed = live.media_nodes()
    up = [name for name in listed if _is_up(live.deployment(name))]
    return up == listed and not [name for name in live.pods if name not in listed]


def _is_up(found: Manifest | None) -> bool:
    return found is not None and bool(found.get("status", {}).get("readyReplicas"))


def _advice(pool: MediaPool, err: ClusterUnavailableError) -> str:
    if err.status == _FORBIDDEN:
        return (
            f"The operator may not run media nodes in namespace {pool.metadata.namespace}: "
            "bind the chart's ClusterRole for media nodes there (README of the chart has the command)."
        )
    return f"The API server refused ({err})."
