"""The stand-in's composition root."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Mapping

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from teleward_contract import telemetry
from teleward_contract.process import read_settings, refuse_start

from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.metrics import Metrics
from teleward_cli.apiserver.registry import Registry
from teleward_cli.apiserver.resources import (
    BUILT_IN,
    Resource,
    load_definitions,
    resource_of,
)
from teleward_cli.apiserver.routes import Api
from teleward_cli.apiserver.settings import Settings
from teleward_cli.apiserver.store import Store

_PROGRAM = "teleward-apiserver"

SWEEP_INTERVAL_S = 60.0
"""How often old Events are looked for."""

SHUTDOWN_S = 1.0
"""How long open requests may go on after a stop."""

log = structlog.get_logger()


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit code 1 when it cannot start."""
    settings = read_settings(Settings, _PROGRAM)
    telemetry.setup_logging("apiserver", settings.log_level)
    try:
        token = settings.token_file.read_text("utf-8").strip()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
        definitions = load_definitions(settings.definitions_dir)
        registry = open_registry(settings, definitions)
    except (OSError, ValueError) as err:
        refuse_start(_PROGRAM, str(err), "correct the file and start again")
    asyncio.run(_serve(settings, registry, token, tls))


def open_registry(settings: Settings, definitions: list[Document]) -> Registry:
    """Open the objects and install the definitions.

    Raises:
        ValueError: A definition whose rules cannot be compiled.
    """
    served: Mapping[str, Resource] = {
        resource.qualified: resource
        for resource in (*BUILT_IN, *(resource_of(one) for one in definitions))
    }
    registry = Registry(Store(settings.objects_file), served)
    registry.install(definitions)
    return registry


async def _serve(settings: Settings, registry: Registry, token: str, tls: ssl.SSLContext) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    numbers = CollectorRegistry()
    api = Api(registry, token, Metrics(numbers))
    async with contextlib.AsyncExitStack() as stack:
        try:
            port = await _open(stack, api.application(), settings.address, settings.port, tls)
            operations = await _open(
                stack, _operations(numbers), settings.operations_address, settings.operations_port
            )
        except OSError as err:
            refuse_start(
                _PROGRAM, f"cannot open its port ({err.strerror})", "choose another, or 0"
            )
        log.info("process.started", address=settings.address, port=port)
        log.info("operations.started", address=settings.operations_address, port=operations)
        sweep = asyncio.create_task(_sweep(registry))
        await stop.wait()
        sweep.cancel()
        api.stopping.set()
    registry.close()
    log.info("process.stopped")


async def _open(
    stack: contextlib.AsyncExitStack, app: web.Application, address: str, port: int,
    tls: ssl.SSLContext | None = None,
) -> int:  # fmt: skip
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, address, port, ssl_context=tls).start()
    return int(runner.addresses[0][1])


def _operations(numbers: CollectorRegistry) -> web.Application:
    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(numbers), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", healthy)
    app.router.add_get("/metrics", metrics)
    return app


async def _sweep(registry: Registry) -> None:
    while True:
        await asyncio.sleep(SWEEP_INTERVAL_S)
        registry.forget_events()


if __name__ == "__main__":
    main()
