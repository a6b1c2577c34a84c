"""One request to the Kubernetes API: credentials, a thread, a fence, a time-out, metrics, and our errors.

The `kubernetes` package sends it; its calls block, so they run in threads. Objects go and come as JSON:
making models of thousands of them would cost more than everything else the operator does.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from teleward_operator.adapters import metrics
from teleward_operator.errors import ClusterUnavailableError, StaleObjectError

REQUEST_TIMEOUT_S = (5, 30)
"""Connect and read."""

MAX_WORDS = 300
"""Characters of the API server's words that are passed on."""

_JSON = "application/json"
METADATA_ALONE = f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{_JSON}"
"""What of an object was changed by the server itself."""

_CONFLICT, _NOT_FOUND = 409, 404
_T = TypeVar("_T")

AT_ONCE = 8
"""Requests under way at the same time; more would only wait at the API server."""

_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="api-server")


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
        result = await asyncio.get_running_loop().run_in_executor(_threads, fenced)
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


class ApiServer:
    """The API server, with the credentials of this replica.

    Args:
        api: Credentials and connections.
        fence: Raises StaleLeaderError when leadership is not surely ours.
    """

    def __init__(self, api: client.ApiClient, fence: Callable[[], object]) -> None:
        self._api = api
        self._fence = fence

    async def read(self, path: str, query: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """LIST a collection.

        Raises: ClusterUnavailableError, StaleObjectError.
        """
        return await self._send("list", "GET", path, query, unfenced, {"Accept": _JSON})

    async def write(
        self, verb: str, method: str, path: str, body: object, *,
        query: Sequence[tuple[str, str]] = (), content_type: str = _JSON, accept: str = _JSON,
    ) -> dict[str, Any]:  # fmt: skip
        """Create, change or delete an object, if leadership is surely ours at that moment.

        Args:
            verb: Of the metrics.
            method: Of HTTP.
            path: Of the object or its collection.
            body: Sent as JSON.
            query: Parameters.
            content_type: Which patch it is.
            accept: `METADATA_ALONE` when the rest of the answer is known before.

        Raises: ClusterUnavailableError, StaleObjectError, StaleLeaderError.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        return await self._send(verb, method, path, query, self._fence, headers, body)

    async def _send(
        self, verb: str, method: str, path: str, query: Sequence[tuple[str, str]],
        fence: Callable[[], object], headers: dict[str, str], body: object = None,
    ) -> dict[str, Any]:  # fmt: skip
        def send() -> dict[str, Any]:
            request = self._api.param_serialize(
                method, path, query_params=list(query), header_params=headers, body=body,
                auth_settings=["BearerToken"],
            )  # fmt: skip
            answer = self._api.call_api(*request, _request_timeout=REQUEST_TIMEOUT_S)
            text = bytes(answer.read())  # type: ignore[no-untyped-call]  # the package has no types here
            if not 200 <= answer.status < 300:
                raise client.ApiException(
                    status=answer.status, reason=answer.reason, body=text.decode(errors="replace")
                )
            return dict(json.loads(text))

        return await call(verb, send, fence)
