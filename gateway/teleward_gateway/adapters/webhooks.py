"""Webhooks over HTTPS, at hosts that whoever runs the gateway allows: a clinic's YAML alone opens no door inside.

An allowed host may have a private address: in a closed network there is no other. What is never done: plain HTTP,
redirects, proxies of the environment, reading what the other side answers beyond its status.
"""

import asyncio
from urllib.parse import urlsplit

import httpx2

from teleward_gateway.errors import WebhookLostError

ANSWER_WITHIN_S = 5.0
HTTPS = 443


class HttpsWebhooks:
    """See `Webhooks`."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, hosts: str) -> None:
        """Call by `transport`; `hosts` are `name` or `name:port`, with commas between."""
        self._allowed = frozenset(
            _place(f"https://{host.strip()}") for host in hosts.split(",") if host.strip()
        ) - {None}
        self._http = httpx2.AsyncClient(
            transport=transport, timeout=ANSWER_WITHIN_S, follow_redirects=False, trust_env=False
        )

    def is_allowed(self, url: str) -> bool:
        """See `Webhooks`."""
        place = _place(url)
        return place is not None and place in self._allowed

    async def call(self, url: str, body: bytes) -> bool:
        """See `Webhooks`."""
        assert self.is_allowed(url)
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(ANSWER_WITHIN_S),
                self._http.stream("POST", url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as err:
            raise WebhookLostError(type(err).__name__) from None
        if status >= 500 or status == 429:
            raise WebhookLostError("it cannot now")
        return 200 <= status < 300


def _place(url: str) -> tuple[str, int] | None:
    """Host and port of an address that may be called at all: HTTPS, and no user in it."""
    try:
        parts = urlsplit(url)
        port = parts.port or HTTPS
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.hostname.lower(), port
