"""The Kubernetes API through the `kubernetes` package; its calls block, so they run in threads."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from kubernetes import client, config
from pydantic import ValidationError
from teleward_contract.resources import GROUP, KINDS, VERSION, AnyResource, read_resource
from urllib3.exceptions import HTTPError

from teleward_operator.adapters import metrics
from teleward_operator.core.conditions import Transition
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError
from teleward_operator.ports import Listing

log = structlog.get_logger()

REQUEST_TIMEOUT_S = (5, 30)
"""Connect and read."""

MAX_WORDS = 300
"""Characters of the API server's words that are passed on."""

PAGE = 500
"""Objects per answer of a LIST."""

_MERGE_PATCH = "application/merge-patch+json"
_CONFLICT, _NOT_FOUND, _GONE = 409, 404, 410
_T = TypeVar("_T")


def load_client(kubeconfig: str) -> client.ApiClient:
    """Load credentials: the kubeconfig, or the pod's service account when it is empty.

    Raises:
        ClusterUnavailableError: There are none; the text says what is wrong.
    """
    settings = client.Configuration()
    try:
        if kubeconfig:
            config.load_kube_config(kubeconfig, client_configuration=settings)  # type: ignore[no-untyped-call]  # the package has no types here
        else:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]  # nor here
    except (config.ConfigException, OSError) as err:
        raise ClusterUnavailableError(f"no access to a cluster ({type(err).__name__})") from err
    settings.retries = 0
    return client.ApiClient(settings)


def unfenced() -> None:
    """Let a request go that needs no leadership: reads, and the Lease itself."""


async def call(verb: str, work: Callable[[], _T], fence: Callable[[], object] = unfenced) -> _T:
    """Run one request in a thread, time it, and translate its errors.

    Args:
        verb: Of the metrics.
        work: Sends the request.
        fence: Called in the thread right before it, so that no pause of the process lies between;
            raises StaleLeaderError when leadership is not surely ours.

    Raises: ClusterUnavailableError, StaleObjectError, StaleLeaderError.
    """
    begun, code = time.perf_counter(), "none"

    def fenced() -> _T:
        fence()
        return work()

    try:
        result = await asyncio.to_thread(fenced)
    except client.ApiException as err:
        code = str(err.status)
        if err.status in (_CONFLICT, _NOT_FOUND):
            raise StaleObjectError(f"{verb}: {err.status}") from err
        raise ClusterUnavailableError(f"{verb}: {err.status} {_why(err)}", err.status) from err
    except (HTTPError, OSError) as err:
        raise ClusterUnavailableError(f"{verb}: {type(err).__name__}") from err
    else:
        code = "200"
        return result
    finally:
        metrics.API_CALLS.labels(verb=verb, code=code).observe(time.perf_counter() - begun)


def _why(err: client.ApiException) -> str:
    """The API server's own words, cut to a line."""
    try:
        told = json.loads(err.body or "")
    except (TypeError, ValueError):
        return ""
    return str(told.get("message", ""))[:MAX_WORDS] if isinstance(told, dict) else ""


class KubernetesCluster:
    """See `Cluster`."""

    def __init__(self, api: client.ApiClient, fence: Callable[[], object]) -> None:
        self._fence = fence
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)

    async def write_status(self, resource: AnyResource, status: dict[str, object]) -> AnyResource:
        """See `Cluster`."""
        gone = dict.fromkeys(resource.status.keys() - status.keys())
        patch = self._objects.patch_namespaced_custom_object_status
        return await self._patch(
            "patch_status", patch, resource, {}, {"status": {**gone, **status}}
        )

    async def set_finalizers(
        self, resource: AnyResource, finalizers: tuple[str, ...]
    ) -> AnyResource:
        """See `Cluster`."""
        patch = self._objects.patch_namespaced_custom_object
        return await self._patch("patch", patch, resource, {"finalizers": list(finalizers)}, {})

    async def tell(self, resource: AnyResource, transition: Transition) -> None:
        """See `Cluster`."""
        meta, now = resource.metadata, datetime.now(UTC)
        event = client.CoreV1Event(
            metadata=client.V1ObjectMeta(generate_name=f"{meta.name}.", namespace=meta.namespace),
            involved_object=client.V1ObjectReference(
                api_version=f"{GROUP}/{VERSION}", kind=resource.kind, name=meta.name,
                namespace=meta.namespace, uid=meta.uid,
            ),
            reason=transition.reason, message=transition.message,
            type="Normal" if transition.is_good else "Warning",
            first_timestamp=now, last_timestamp=now, count=1,
            source=client.V1EventSource(component="teleward-operator"),
        )  # fmt: skip
        await call(
            "create_event",
            lambda: self._core.create_namespaced_event(
                meta.namespace, event, _request_timeout=REQUEST_TIMEOUT_S
            ),
            self._fence,
        )

    async def list_all(self) -> Listing:
        """See `Cluster`."""
        objects: list[AnyResource] = []
        uids: set[str] = set()
        for kind, (plural, _) in KINDS.items():
            for item in await self._list(plural):
                uids.add(item["metadata"]["uid"])
                try:
                    objects.append(read_resource({**item, "kind": kind}))
                except ValidationError:
                    log.warning("object.unreadable", kind=kind)  # what is known of it stays
        return Listing(tuple(objects), frozenset(uids), await self._labels())

    async def _list(self, plural: str) -> list[dict[str, Any]]:
        """LIST one kind completely, page by page; from the start again when a page expired."""
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            try:
                page = await call("list", lambda: self._page(plural, token))  # noqa: B023  # called at once
            except StaleObjectError as err:
                raise ClusterUnavailableError(
                    f"{plural}.{GROUP} is not defined; next: kubectl apply -f crds/"
                ) from err
            except ClusterUnavailableError as err:
                if not (token and err.status == _GONE):
                    raise
                items, token = [], ""
                continue
            items += page["items"]
            token = page["metadata"].get("continue") or ""
            if not token:
                return items

    def _page(self, plural: str, token: str) -> dict[str, Any]:
        answer: Any = self._objects.list_cluster_custom_object(
            GROUP, VERSION, plural, limit=PAGE, _continue=token,
            _request_timeout=REQUEST_TIMEOUT_S,
        )  # fmt: skip
        return dict(answer)

    async def _labels(self) -> dict[str, dict[str, str]]:
        def read() -> dict[str, dict[str, str]]:
            answer: Any = self._core.list_namespace(_request_timeout=REQUEST_TIMEOUT_S)
            return {item.metadata.name: dict(item.metadata.labels or {}) for item in answer.items}

        return await call("list", read)

    async def _patch(
        self, verb: str, patch: Callable[..., Any], resource: AnyResource,
        metadata: dict[str, object], rest: dict[str, object],
    ) -> AnyResource:  # fmt: skip
        """Merge-patch on the version that was read; 409 when it is not the newest any more."""
        meta = resource.metadata
        body = {"metadata": {"resourceVersion": meta.resource_version, **metadata}, **rest}
        plural = KINDS[resource.kind][0]

        def send() -> Any:
            return patch(
                GROUP, VERSION, meta.namespace, plural, meta.name, body,
                _content_type=_MERGE_PATCH, _request_timeout=REQUEST_TIMEOUT_S,
            )  # fmt: skip

        answer = await call(verb, send, self._fence)
        return read_resource({**answer, "kind": resource.kind})
