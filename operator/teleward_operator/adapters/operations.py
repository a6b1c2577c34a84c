"""Liveness, readiness and metrics over HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


@asynccontextmanager
async def serve_operations(
    address: str, port: int, trouble: Callable[[], str | None], is_ready: Callable[[], bool]
) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port.

    Args:
        address: To bind.
        port: To bind; 0 takes any free one.
        trouble: Why the process should be started anew, or None.
        is_ready: Whether this replica leads and knows everything declared, or stands by.

    Raises:
        OSError: The port cannot be had.
    """

    async def healthz(_: web.Request) -> web.Response:
        found = trouble()
        return web.Response(status=500 if found else 200, text=f"{found or 'ok'}\n")

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return web.Response(status=200 if ready else 503, text="ok\n" if ready else "not ready\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
