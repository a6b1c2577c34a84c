"""API servers spoken to in raw HTTP, the way no client library would: the stand-in and kube-apiserver."""

import asyncio
import contextlib
import copy
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import httpx

from teleward_testing import builders
from teleward_testing.operating import ApiServer

CUSTOM = "/apis/teleward.io/v1alpha1"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


def document(kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Make one object that a test may change."""
    return copy.deepcopy(dict(builders.document(kind, namespace, name, spec)))


class Served(Protocol):
    """An API server that runs, and how its administrator reaches it."""

    @property
    def url(self) -> str:
        """Base of every request."""

    @property
    def ca(self) -> Path:
        """Certificate of who signed the server's."""

    @property
    def token(self) -> str:
        """Bearer token."""

    @property
    def kubeconfig(self) -> Path:
        """The same for kubectl and the official clients."""


class Asking:
    """Asks an API server in raw HTTP."""

    def __init__(self, api: Served) -> None:
        self.token = api.token
        self._http = httpx.Client(
            base_url=api.url,
            verify=ssl.create_default_context(cafile=str(api.ca)),
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=20,
            trust_env=False,
        )

    def __enter__(self) -> "Asking":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._http.close()

    def send(
        self, method: str, path: str, body: Any = None, kind: str = "application/json",
        **headers: str,
    ) -> httpx.Response:  # fmt: skip
        """Send a request; `body` is sent as JSON unless it is bytes."""
        content = None if body is None else body if isinstance(body, bytes) else _json(body)
        given = {"Content-Type": kind} if content is not None else {}
        return self._http.request(method, path, content=content, headers=given | headers)

    def ok(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        """Send a request that must succeed; the answer is its document."""
        answer = self.send(method, path, body, kind)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def refused(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        """Send a request that must be refused; the answer is the `Status`."""
        answer = self.send(method, path, body, kind)
        status = dict(answer.json())
        assert (status["kind"], status["status"]) == ("Status", "Failure"), answer.text
        assert status["code"] == answer.status_code
        return status

    def merge(self, path: str, **change: Any) -> dict[str, Any]:
        """Merge-patch an object."""
        return self.ok("PATCH", path, change, MERGE)

    @contextlib.contextmanager
    def watching(self, path: str, **query: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """Open a watch; what is yielded are its events as they come."""
        given = {"watch": "1"} | {key: str(value) for key, value in query.items()}
        with self._http.stream("GET", path, params=given) as answer:
            assert answer.status_code == 200, answer.read()
            yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    rest = b""
    for part in answer.iter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        yield from map(json.loads, lines)


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[tuple[ApiServer, Asking]]:
    """Start the stand-in with its own data directory, and stop it at the end."""
    api = ApiServer(directory)
    asyncio.run(api.start())
    try:
        with Asking(api) as asking:
            yield api, asking
    finally:
        asyncio.run(api.stop())
