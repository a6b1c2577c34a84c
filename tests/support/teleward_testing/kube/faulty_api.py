"""An API server on a bad day: a proxy in front of the real one that refuses, slows, stalls, cuts and counts."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from teleward_testing.kube.control_plane import ControlPlane

_HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding"}
"""Headers that are of one connection. Source: RFC 9110, 7.6.1."""

READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came by."""

    at: float
    """Monotonic seconds."""
    method: str
    path: str
    token: str
    is_watch: bool


@dataclass(slots=True)
class FaultyApi:
    """What goes wrong now; everything may be changed at any moment."""

    plane: ControlPlane
    is_down: bool = False
    """Connections are dropped before an answer, and watches with them."""
    delay_s: float = 0.0
    """Before each request is passed on."""
    refuse: Callable[[Asked], int | None] = lambda asked: None
    """Answers the status code to refuse a request with."""
    asked: list[Asked] = field(default_factory=list)
    answered: list[tuple[Asked, int]] = field(default_factory=list)
    """Requests that reached the API server, and its status codes."""
    url: str = ""
    _watches: set[asyncio.Task[None]] = field(default_factory=set)
    _silent: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def serve(self) -> "AsyncIterator[FaultyApi]":
        """Serve on a free loopback port, with the certificate of the real one."""
        made = self.plane.identities
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(made.serving, made.serving_key)
        upstream = ssl.create_default_context(cafile=str(made.ca))
        connector = aiohttp.TCPConnector(ssl=upstream, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as session:

            async def pass_on(request: web.Request) -> web.StreamResponse:
                return await self._pass_on(session, request)

            app = web.Application(client_max_size=2**26)
            app.router.add_route("*", "/{path:.*}", pass_on)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield self
            finally:
                await runner.cleanup()

    def cut_watches(self) -> None:
        """Close every open watch without a word."""
        for task in self._watches:
            task.cancel()

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def silence_watches(self) -> None:
        """Every open watch brings nothing more and stays open, as behind a forgetful middlebox."""
        self._silent |= self._watches

    def writes_since(self, at: float) -> list[Asked]:
        """The requests since a monotonic time that would change something."""
        return [one for one in self.asked if one.at >= at and one.method not in READS]

    async def _pass_on(
        self, session: aiohttp.ClientSession, request: web.Request
    ) -> web.StreamResponse:
        asked = Asked(
            time.monotonic(), request.method, request.path,
            request.headers.get("Authorization", "").removeprefix("Bearer "),
            request.query.get("watch", "") not in ("", "0", "false"),
        )  # fmt: skip
        self.asked.append(asked)
        if self.is_down:
            return _dropped(request)
        code = self.refuse(asked)
        if code is not None:
            retry = {"Retry-After": "1"} if code == web.HTTPTooManyRequests.status_code else {}
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
            return web.json_response(status, status=code, headers=retry)
        await asyncio.sleep(self.delay_s)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            async with session.request(
                request.method, f"{self.plane.url}{request.raw_path}", headers=headers,
                data=await request.read(), allow_redirects=False,
                skip_auto_headers=["Content-Type"],
            ) as answer:  # fmt: skip
                return await self._answer(request, asked, answer)
        except aiohttp.ClientError:
            return _dropped(request)

    async def _answer(
        self, request: web.Request, asked: Asked, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        self.answered.append((asked, answer.status))
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        if not asked.is_watch:
            body = await answer.read()
            return web.Response(status=answer.status, headers=headers, body=body)
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        streaming = asyncio.create_task(self._stream(answer, response))
        self._watches.add(streaming)
        try:
            await asyncio.wait([streaming])
        finally:
            self._watches.discard(streaming)
            streaming.cancel()
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _stream(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            async for part in answer.content.iter_any():
                if self._silent.isdisjoint({asyncio.current_task()}):
                    await response.write(part)


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
