"""The gateway's composition root."""

import asyncio
import base64
import contextlib
import hashlib
import os
import signal
import socket
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from teleward_contract import telemetry
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.process import read_settings, refuse_start
from teleward_contract.projections import Projections
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.tickets import TicketSigner

from teleward_gateway.adapters.control_ports import WebSocketControlPorts
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.errors import RefusedError
from teleward_gateway.settings import Settings
from teleward_gateway.usecases.carry_call import CallCarrier
from teleward_gateway.usecases.clinics import Clinics
from teleward_gateway.usecases.consult import Consulting
from teleward_gateway.usecases.watch_clinics import ClinicWatches
from teleward_gateway.web import metrics
from teleward_gateway.web.app import create_app
from teleward_gateway.web.context import Context, SignIn
from teleward_gateway.web.cookies import Sealer

_PROGRAM = "teleward-gateway"
_STATIC = Path(__file__).parent / "static"
REAP_EVERY_S = 1.0
MAX_MESSAGE_BYTES = 1024 * 1024
"""uvicorn's own bound; ours (64 KiB) answers with a typed error before."""

log = structlog.get_logger()


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 1 when it cannot start."""
    settings = read_settings(Settings, _PROGRAM)
    telemetry.setup_logging("gateway", settings.log_level)
    if settings.sign_in == "development" and "KUBERNETES_SERVICE_HOST" in os.environ:
        refuse_start(
            _PROGRAM, "the development sign-in does not run in a pod",
            "set TELEWARD_SIGN_IN=none, or configure an issuer",
        )  # fmt: skip
    if not (_STATIC / "patient.html").exists():
        refuse_start(_PROGRAM, "the pages are not built", "run `make frontend`")
    try:
        signer = TicketSigner(settings.ticket_key_file.read_text())
        seal_key = base64.b64decode(settings.seal_key_file.read_text())
        sealer = Sealer(seal_key)
    except (OSError, ValueError) as err:
        refuse_start(
            _PROGRAM, f"a key file cannot be used ({type(err).__name__})",
            "check TELEWARD_TICKET_KEY_FILE and TELEWARD_SEAL_KEY_FILE",
        )  # fmt: skip
    asyncio.run(_run(settings, signer, sealer, seal_key))


async def _run(settings: Settings, signer: TicketSigner, sealer: Sealer, seal_key: bytes) -> None:
    async with open_store(str(settings.redis_url)) as store:
        routing, projections = RedisRouting(store), RedisProjections(store)
        visits = RedisVisits(store, settings.retention_s)
        control_ports = WebSocketControlPorts(signer)
        context = Context(
            public_url=str(settings.public_url).rstrip("/"),
            static=_STATIC,
            sealer=sealer,
            sign_in=SignIn(
                settings.sign_in == "development", settings.sign_in_secret.get_secret_value()
            ),
            clinics=Clinics(projections),
            visits=visits,
            consulting=Consulting(visits, routing, control_ports),
            carrier=CallCarrier(
                routing, routing, control_ports, lambda what: metrics.MOVES.labels(what=what).inc()
            ),
            watches=ClinicWatches(
                visits, RedisOccupancy(store), lambda uid: context.in_rooms.get(uid, 0)
            ),
            participant_key=hashlib.sha256(b"participant" + seal_key).digest(),
        )
        reaper = asyncio.create_task(_reap(routing, projections))
        watcher = asyncio.create_task(_watch_all(context))
        try:
            await _serve(settings, create_app(context), _operations(store))
        finally:
            for task in (reaper, watcher):
                task.cancel()
            await asyncio.gather(reaper, watcher, return_exceptions=True)
            await context.watches.close()
    log.info("process.stopped")


async def _serve(settings: Settings, app: FastAPI, operations: FastAPI) -> None:
    people = _bind(settings.address, settings.port)
    ops = _bind(settings.operations_address, settings.operations_port)
    tls = settings.tls_certificate_file
    servers = [
        uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, ws_max_size=MAX_MESSAGE_BYTES,
                ws_ping_interval=20.0, ws_ping_timeout=20.0, lifespan="off", server_header=False,
                timeout_graceful_shutdown=2, ssl_certfile=tls, ssl_keyfile=settings.tls_key_file,
            )
        ),
        uvicorn.Server(
            uvicorn.Config(
                operations, log_config=None, access_log=False, lifespan="off", server_header=False
            )
        ),
    ]  # fmt: skip
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    log.info("process.started", address=settings.address, port=people.getsockname()[1])
    log.info("operations.started", address=settings.operations_address, port=ops.getsockname()[1])
    tasks = []
    for server, sock in zip(servers, (people, ops), strict=True):
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]  # ours below
        tasks.append(asyncio.create_task(server.serve(sockets=[sock])))
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop)
    await asyncio.gather(*tasks)


def _bind(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
    except OSError as err:
        refuse_start(
            _PROGRAM, f"cannot listen on {address}:{port} ({err.strerror})",
            "choose a free port, or 0",
        )  # fmt: skip
    return sock


def _operations(store: Store) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        try:
            complete = await RedisProjections(store).is_complete()
        except RoutingUnavailableError:
            complete = False
        return PlainTextResponse(
            "ready\n" if complete else "wait\n", status_code=200 if complete else 503
        )

    @app.get("/metrics")
    async def read_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _reap(routing: RedisRouting, projections: Projections) -> None:
    """Free what nobody needs, in every pool, once a second; any gateway does it."""
    while True:
        try:
            for pool in await projections.pools():
                found = await routing.reap(pool.pool)
                metrics.REAPED.inc(len(found.expired))
            metrics.ROUTING_AVAILABLE.set(1)
        except RoutingUnavailableError:
            metrics.ROUTING_AVAILABLE.set(0)
        await asyncio.sleep(REAP_EVERY_S)


async def _watch_all(context: Context) -> None:
    """Keep a watch on every clinic, so that its counts are published."""
    while True:
        with contextlib.suppress(RefusedError):  # 503: the next round tries again
            for clinic, _ in await context.clinics.every():
                context.watches.of(clinic)
        await asyncio.sleep(5)


if __name__ == "__main__":
    main()
