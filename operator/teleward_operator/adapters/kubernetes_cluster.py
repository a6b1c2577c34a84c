"""The Kubernetes API through the `kubernetes` package; its calls block, so they run in threads."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from kubernetes import client, config
from teleward_contract.resources import GROUP, KINDS, VERSION, AnyResource, read_resource
from urllib3.exceptions import HTTPError

from teleward_operator.adapters import metrics
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError

REQUEST_TIMEOUT_S = (5, 30)
"""Connect and read."""
_MERGE_PATCH = "application/merge-patch+json"
_CONFLICT, _NOT_FOUND = 409, 404
_T = TypeVar("_T")


def load_client(kubeconfig: str) -> client.ApiClient:
    """Load credentials: the kubeconfig, or the pod's service account when it is empty."""
    settings = client.Configuration()
    if kubeconfig:
        config.load_kube_config(kubeconfig, client_configuration=settings)  # type: ignore[no-untyped-call]  # the package has no types here
    else:
        config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]  # nor here
    settings.retries = 0
    return client.ApiClient(settings)


async def call(verb: str, work: Callable[[], _T]) -> _T:
    """Run one request in a thread and translate its errors."""
    begun = time.perf_counter()
    code = "none"
    try:
        result = await asyncio.to_thread(work)
    except client.ApiException as err:
        code = str(err.status)
        if err.status in (_CONFLICT, _NOT_FOUND):
            raise StaleObjectError(f"{verb}: {err.status}") from err
        raise ClusterUnavailableError(f"{verb}: {err.status}") from err
    except (HTTPError, OSError) as err:
        raise ClusterUnavailableError(f"{verb}: {type(err).__name__}") from err
    else:
        code = "200"
        return result
    finally:
        metrics.API_CALLS.labels(verb=verb, code=code).observe(time.perf_counter() - begun)


class KubernetesCluster:
    """See `Cluster`."""

    def __init__(self, api: client.ApiClient) -> None:
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)

    async def write_status(self, resource: AnyResource, status: dict[str, object]) -> None:
        """See `Cluster`."""
        meta = resource.metadata
        gone = dict.fromkeys(resource.status.keys() - status.keys())
        body: dict[str, Any] = {
            "metadata": {"resourceVersion": meta.resource_version}, "status": {**gone, **status},
        }  # fmt: skip
        await call(
            "patch_status",
            lambda: self._objects.patch_namespaced_custom_object_status(
                GROUP, VERSION, meta.namespace, KINDS[resource.kind][0], meta.name, body,
                _content_type=_MERGE_PATCH, _request_timeout=REQUEST_TIMEOUT_S,
            ),
        )  # fmt: skip

    async def set_finalizers(self, resource: AnyResource, finalizers: tuple[str, ...]) -> None:
        """See `Cluster`."""
        meta = resource.metadata
        body = {
            "metadata": {
                "resourceVersion": meta.resource_version, "finalizers": list(finalizers),
            }
        }  # fmt: skip
        await call(
            "patch",
            lambda: self._objects.patch_namespaced_custom_object(
                GROUP, VERSION, meta.namespace, KINDS[resource.kind][0], meta.name, body,
                _content_type=_MERGE_PATCH, _request_timeout=REQUEST_TIMEOUT_S,
            ),
        )  # fmt: skip

    async def tell(self, resource: AnyResource, reason: str, message: str, *, good: bool) -> None:
        """See `Cluster`."""
        meta = resource.metadata
        now = datetime.now(UTC)
        event = client.CoreV1Event(
            metadata=client.V1ObjectMeta(
                generate_name=f"{meta.name}.", namespace=meta.namespace
            ),
            involved_object=client.V1ObjectReference(
                api_version=f"{GROUP}/{VERSION}", kind=resource.kind, name=meta.name,
                namespace=meta.namespace, uid=meta.uid,
            ),
            reason=reason, message=message, type="Normal" if good else "Warning",
            first_timestamp=now, last_timestamp=now, count=1,
            source=client.V1EventSource(component="teleward-operator"),
        )  # fmt: skip
        await call(
            "create_event",
            lambda: self._core.create_namespaced_event(
                meta.namespace, event, _request_timeout=REQUEST_TIMEOUT_S
            ),
        )

    async def list_all(self) -> tuple[AnyResource, ...]:
        """See `Cluster`."""
        found: list[AnyResource] = []
        for kind, (plural, _) in KINDS.items():
            answer = await self._list(plural)
            found += [read_resource({**item, "kind": kind}) for item in answer["items"]]
        return tuple(found)

    async def _list(self, plural: str) -> dict[str, Any]:
        def list_one() -> dict[str, Any]:
            answer: Any = self._objects.list_cluster_custom_object(
                GROUP, VERSION, plural, _request_timeout=REQUEST_TIMEOUT_S
            )
            return dict(answer)

        return await call("list", list_one)
