"""The Kubernetes API as `teleward up` uses it: the stand-in's, or a real one behind a kubeconfig."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import aiohttp

REQUEST_TIMEOUT_S = 10.0

JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ClusterRefusedError(Exception):
    """The API refused; the text is its message, `fields` the fields it named."""

    def __init__(self, code: int, message: str, causes: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.code = code
        self.causes = causes
        """(field, message) of each fault."""


class ClusterUnavailableError(Exception):
    """The API did not answer."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an API server."""

    server: str
    tls: ssl.SSLContext | bool
    headers: Mapping[str, str] = field(default_factory=dict)


def stand_in_access(server: str, certificate: Path, token: str) -> Access:
    """Reach the stand-in."""
    tls = ssl.create_default_context(cafile=str(certificate))
    return Access(server, tls, {"Authorization": f"Bearer {token}"})


def kubeconfig_access(path: Path) -> Access:
    """Reach the API server that a kubeconfig's current context names.

    Raises:
        ClusterUnavailableError: The kubeconfig cannot be used; the text says why.
    """
    import kubernetes.client
    import kubernetes.config

    settings = kubernetes.client.Configuration()
    try:
        kubernetes.config.load_kube_config(  # type: ignore[no-untyped-call]  # has no types
            str(path), client_configuration=settings
        )
    except (kubernetes.config.ConfigException, OSError) as err:
        raise ClusterUnavailableError(f"{path} is not a usable kubeconfig: {err}") from err
    tls = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if settings.cert_file:
        tls.load_cert_chain(settings.cert_file, settings.key_file)
    if not settings.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    schemes = cast(Mapping[str, Any], settings.auth_settings())
    given = {
        str(one["key"]): str(one["value"])
        for one in schemes.values()
        if one["in"] == "header" and one["value"]
    }
    return Access(settings.host, tls, given)


class Cluster:
    """Requests to one API server."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._session = aiohttp.ClientSession(
            headers=dict(access.headers),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        )

    async def request(
        self, method: str, path: str, document: object = None, content_type: str = JSON
    ) -> dict[str, Any]:
        """Send one request and return the object it answers.

        Raises:
            ClusterRefusedError: An answer that is no success.
            ClusterUnavailableError: No answer.
        """
        body = None if document is None else json.dumps(document).encode()
        try:
            async with self._session.request(
                method, self._access.server + path, data=body, ssl=self._access.tls,
                headers={"Content-Type": content_type} if body else None,
            ) as response:  # fmt: skip
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise ClusterUnavailableError(f"{self._access.server} does not answer") from err
        answer = _parse(text)
        if response.status >= 400:
            causes = (answer.get("details") or {}).get("causes") or []
            raise ClusterRefusedError(
                response.status,
                str(answer.get("message") or f"HTTP {response.status}"),
                [(str(one.get("field", "")), str(one.get("message", ""))) for one in causes],
            )
        return answer

    async def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            await self.request("GET", "/version")
        except (ClusterRefusedError, ClusterUnavailableError):
            return False
        return True

    async def wait_until_ready(self, poll_s: float = 0.05) -> None:
        """Wait until it answers; the caller bounds the time."""
        while not await self.is_ready():  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(poll_s)

    async def __aenter__(self) -> "Cluster":
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._session.close()


def _parse(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text) if text else {}
    except ValueError:
        return {"message": text[:200]}
    return answer if isinstance(answer, dict) else {"message": text[:200]}
