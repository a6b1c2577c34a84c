"""The gateway's composition root."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import ipaddress
import os
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from teleward_contract import telemetry
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.process import read_settings, refuse_start
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.tickets import TicketSigner

from teleward_gateway.adapters.at_work_redis import RedisAtWork
from teleward_gateway.adapters.audit_file import AuditFile
from teleward_gateway.adapters.books import BookKeeping
from teleward_gateway.adapters.books_redis import RedisBooks
from teleward_gateway.adapters.client_secrets import ClientSecrets
from teleward_gateway.adapters.control_ports import WebSocketControlPorts
from teleward_gateway.adapters.cookies import Sealer
from teleward_gateway.adapters.guests_redis import RedisGuestLinks
from teleward_gateway.adapters.hints_redis import RedisHints
from teleward_gateway.adapters.identity_providers import OpenIdProviders
from teleward_gateway.adapters.limits_memory import MemoryLimits
from teleward_gateway.adapters.limits_redis import RedisLimits
from teleward_gateway.adapters.metrics import PrometheusMeter
from teleward_gateway.adapters.presence_redis import RedisPresence
from teleward_gateway.adapters.provider_documents import (
    BoundedTransport,
    ProviderDocuments,
    trusted_certificates,
)
from teleward_gateway.adapters.pseudonyms import KeyedPseudonyms
from teleward_gateway.adapters.qualities_redis import RedisQualities
from teleward_gateway.adapters.sessions_redis import RedisSessions
from teleward_gateway.adapters.sign_in_development import DevelopmentSignIn, NoSignIn
from teleward_gateway.adapters.sign_in_issuers import IssuerSignIn
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.adapters.webhooks import HttpsWebhooks
from teleward_gateway.core.accounts import DAY_S
from teleward_gateway.core.limits import BY_ADDRESS, Door, network_of
from teleward_gateway.core.participants import Participants
from teleward_gateway.ports.books import Audit
from teleward_gateway.ports.sign_in import SignIn
from teleward_gateway.settings import Settings
from teleward_gateway.usecases.carry_call import CallCarrier
from teleward_gateway.usecases.clinics import Clinics
from teleward_gateway.usecases.consult import Consulting
from teleward_gateway.usecases.follow_guest import GuestFollower
from teleward_gateway.usecases.follow_visit import VisitFollower
from teleward_gateway.usecases.host_guests import Hosting
from teleward_gateway.usecases.keep_books import Auditing, Houses, ship_audit, sweep_visits
from teleward_gateway.usecases.limit_doors import DoorLimits
from teleward_gateway.usecases.place_calls import Calls
from teleward_gateway.usecases.reap_pools import reap_pools
from teleward_gateway.usecases.sign_in import SigningIn
from teleward_gateway.usecases.staff_sessions import StaffSessions
from teleward_gateway.usecases.tell_arrivals import Arrivals
from teleward_gateway.usecases.watch_clinics import ClinicWatches
from teleward_gateway.usecases.write_to_patients import Writing
from teleward_gateway.web.app import create_app
from teleward_gateway.web.context import Context
from teleward_gateway.web.operations import create_operations
from teleward_gateway.web.unread import CuttingHttpProtocol, CuttingProtocol

_PROGRAM = "teleward-gateway"
_STATIC = Path(__file__).parent / "static"
SEAL_KEY_BYTES = 32
MAX_MESSAGE_BYTES = 1024 * 1024
"""The server's own bound on a WebSocket message; ours (64 KiB) comes before it and answers with a typed error."""
GARBAGE_AT = 10_000, 10, 6
"""Thresholds of the garbage collector: a full collection after some 2,000 new sockets instead of all the time.

Source: `make bench WHAT=gateway`, 2026-11: a replica with 2,500 waiting pages holds 750,000 objects, and with
CPython's own thresholds stood still for 0.4 to 1.9 s every ten seconds, to find a few hundred of them dead.
"""

log = structlog.get_logger()


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 1 when it cannot start."""
    settings = read_settings(Settings, _PROGRAM)
    telemetry.setup_logging("gateway", settings.log_level)
    if settings.sign_in == "development":
        _refuse_open_door(settings)
    if not (_STATIC / "patient.html").exists():
        refuse_start(_PROGRAM, "the pages are not built", "run `make frontend`")
    try:
        signer = TicketSigner(settings.ticket_key_file.read_text())
        seal_key = base64.b64decode(settings.seal_key_file.read_text())
        if len(seal_key) != SEAL_KEY_BYTES:
            raise ValueError("not 32 bytes")
        audit_key = _audit_key(settings, seal_key)
    except (OSError, ValueError, KeyError) as err:
        refuse_start(
            _PROGRAM, f"a key file cannot be used ({type(err).__name__})",
            "check TELEWARD_TICKET_KEY_FILE, TELEWARD_SEAL_KEY_FILE and TELEWARD_AUDIT_KEY_FILE",
        )  # fmt: skip
    try:
        trusted = trusted_certificates(settings.trusted_certificates_file)
    except OSError as err:  # ssl.SSLError is one
        refuse_start(
            _PROGRAM, f"the certificates cannot be used ({type(err).__name__})",
            "check TELEWARD_TRUSTED_CERTIFICATES_FILE",
        )  # fmt: skip
    asyncio.run(_run(settings, Keys(signer, seal_key, audit_key), trusted))


def _audit_key(settings: Settings, seal_key: bytes) -> bytes:
    if settings.audit_key_file is None:
        return hashlib.sha256(b"audit" + seal_key).digest()
    key = settings.audit_key_file.read_bytes()
    if len(key) < SEAL_KEY_BYTES:
        raise ValueError("not 32 bytes")
    return key


@dataclass(frozen=True, slots=True)
class Keys:
    """What every replica must have in common."""

    signer: TicketSigner
    seal: bytes
    audit: bytes


def _refuse_open_door(settings: Settings) -> None:
    """End the process where the development sign-in would let strangers be anybody."""
    next_step = "set TELEWARD_SIGN_IN=issuers and declare an issuer"
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        refuse_start(_PROGRAM, "the development sign-in does not run in a pod", next_step)
    if not _is_loopback(settings.address) and not settings.sign_in_secret.get_secret_value():
        refuse_start(
            _PROGRAM, "the development sign-in without a secret listens on loopback only",
            f"{next_step}, or set TELEWARD_ADDRESS=127.0.0.1 or TELEWARD_SIGN_IN_SECRET",
        )  # fmt: skip


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


async def _run(settings: Settings, keys: Keys, trusted: ssl.SSLContext) -> None:
    meter = PrometheusMeter()
    gc.freeze()  # what was imported stays
    gc.set_threshold(*GARBAGE_AT)
    people = _bind(settings.address, settings.port)
    operations = _bind(settings.operations_address, settings.operations_port)
    async with open_store(settings.redis_url) as store:
        routing, projections = RedisRouting(store), RedisProjections(store)
        transport = BoundedTransport.trusting(trusted)
        context = _compose(settings, store, meter, keys, transport)
        houses = Houses(context.clinics)
        async with (
            _background(context.watches.sweep()),
            _background(context.watches.hear()),
            _background(context.watches.follow(RedisHints(store))),
            _background(reap_pools(routing, projections, meter)),
            _background(sweep_visits(houses, context.follower.queues)),
            _background(_ship(settings, houses, context.audit)),
            _background(context.auditing.run()),
        ):
            await _serve(
                settings, (people, create_app(context)),
                (operations, create_operations(projections)),
            )  # fmt: skip
        await context.auditing.write()
        await context.watches.close()
        await context.arrivals.close()
        await transport.close()
    log.info("process.stopped")


async def _ship(settings: Settings, houses: Houses, audit: Audit) -> None:
    if settings.audit_sink is not None:
        await ship_audit(houses, audit, AuditFile(settings.audit_sink))


def _compose(
    settings: Settings, store: Store, meter: PrometheusMeter, keys: Keys,
    transport: BoundedTransport,
) -> Context:  # fmt: skip
    pseudonyms = KeyedPseudonyms(keys.audit)
    keeping = BookKeeping(
        pseudonyms, settings.audit_retention_days * DAY_S, settings.reports_retention_days * DAY_S
    )
    books = RedisBooks(store, keeping)
    visits = RedisVisits(store, settings.retention_s, keeping, meter.counted)
    routing = RedisRouting(store)
    presence, qualities = RedisPresence(store), RedisQualities(store)
    clinics = Clinics(RedisProjections(store))
    control_ports = WebSocketControlPorts(keys.signer)
    guests, calls = RedisGuestLinks(store), Calls(routing, control_ports)
    people = Participants(hashlib.sha256(b"participant" + keys.seal).digest())
    consulting = Consulting(visits, guests, routing, calls, people, pseudonyms)
    hosting = Hosting(guests, visits, visits, presence, clinics, consulting, calls, people)
    watches = ClinicWatches(clinics, visits, presence, qualities, guests, RedisOccupancy(store))
    sessions = RedisSessions(store, settings.session_lifetime_s, settings.session_idle_s)
    providers = OpenIdProviders(
        ProviderDocuments(transport), transport, ClientSecrets(settings.client_secrets_dir)
    )
    public_url = str(settings.public_url).rstrip("/")
    return Context(
        public_url=public_url,
        static=_STATIC,
        seals=Sealer(keys.seal),
        sign_in=_sign_in(settings, clinics),
        signing_in=SigningIn(
            providers, sessions, clinics, public_url, is_on=settings.sign_in == "issuers"
        ),
        sessions=StaffSessions(sessions),
        session_lifetime_s=settings.session_lifetime_s,
        session_idle_s=settings.session_idle_s,
        clinics=clinics,
        visits=visits,
        presence=presence,
        at_work=RedisAtWork(store),
        qualities=qualities,
        consulting=consulting,
        writing=Writing(visits),
        follower=VisitFollower(clinics, visits, visits, consulting, watches),
        carrier=CallCarrier(routing, routing, control_ports, meter.moved),
        watches=watches,
        arrivals=Arrivals(
            HttpsWebhooks(transport, settings.webhook_hosts), meter.webhook, public_url
        ),
        meter=meter,
        limits=DoorLimits(RedisLimits(store), pseudonyms, settings.limit_factor),
        connects=_connects(settings.limit_factor),
        trusts_proxies=bool(settings.trusted_proxies),
        auditing=Auditing(books, pseudonyms, meter),
        audit=books,
        reports=books,
        reports_least=settings.reports_least,
        people=people,
        hosting=hosting,
        guest_follower=GuestFollower(hosting, watches),
        calls=calls,
    )


def _connects(factor: float) -> Callable[[str], float]:
    """Count sockets and streams by address, in this process: an answer from the store would cost more than it saves."""
    limits = MemoryLimits(lambda: time.monotonic() * 1000)
    wanted = [(Door.CONNECT.value, BY_ADDRESS[Door.CONNECT].times(factor))]
    return lambda host: limits.take_now(network_of(host), wanted)


def _sign_in(settings: Settings, clinics: Clinics) -> SignIn:
    match settings.sign_in:
        case "development":
            return DevelopmentSignIn(clinics.every, settings.sign_in_secret.get_secret_value())
        case "issuers":
            return IssuerSignIn(clinics.organisations)
        case "none":
            return NoSignIn()


@contextlib.asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_of_fault)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell_of_fault(done: asyncio.Task[None]) -> None:
    if not done.cancelled() and (err := done.exception()) is not None:
        log.error("background.ended", exc_info=err)


async def _serve(settings: Settings, *pairs: tuple[socket.socket, FastAPI]) -> None:
    """Serve people (first) and operations until a signal comes."""
    servers = []
    for number, (sock, app) in enumerate(pairs):
        tls = settings.tls_certificate_file if number == 0 else None
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False,
            http=CuttingHttpProtocol, ws=CuttingProtocol, ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=settings.socket_ping_s, ws_ping_timeout=settings.socket_ping_s,
            ws_per_message_deflate=False, timeout_graceful_shutdown=2,
            proxy_headers=bool(settings.trusted_proxies), forwarded_allow_ips=settings.trusted_proxies,
            ssl_certfile=tls, ssl_keyfile=settings.tls_key_file if tls else None,
        )  # fmt: skip
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]  # ours below
        servers.append((server, sock))

    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop)
    (_, people), (_, operations) = servers
    log.info("process.started", address=settings.address, port=people.getsockname()[1])
    log.info(
        "operations.started", address=settings.operations_address,
        port=operations.getsockname()[1],
    )  # fmt: skip
    await asyncio.gather(*(server.serve(sockets=[sock]) for server, sock in servers))


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


if __name__ == "__main__":
    main()
