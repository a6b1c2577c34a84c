"""A server over HTTPS that is told of arrivals, and remembers what it was told."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from teleward_cli.local import material
from teleward_cli.local.layout import Layout


class Pager:
    """What came, in order; answers with `statuses` in turn and then with 204."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = certificate
        self.port = 0
        self.statuses: list[int] = []
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        """Path and query, and body."""

    async def answer(self, request: web.Request) -> web.Response:
        """Take in a call."""
        self.heard.put_nowait((request.path_qs, await request.text()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    @property
    def host(self) -> str:
        """As the gateway's settings name it."""
        return f"127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def running_pager(folder: Path) -> AsyncIterator[Pager]:
    """Serve on loopback."""
    layout = Layout(folder)
    layout.prepare()
    name, key_name = material.LOOPBACK_CERTIFICATE, material.LOOPBACK_KEY
    chain = material.certificate(layout, name, key_name, "127.0.0.1")
    pager = Pager(chain)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(chain, layout.secret(key_name))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pager.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    _, pager.port = runner.addresses[0]
    try:
        yield pager
    finally:
        await runner.cleanup()
