"""The operator's composition root."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Coroutine
from datetime import UTC, datetime

import aiohttp
import structlog
from teleward_contract import telemetry
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.process import read_settings, refuse_start
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.redis_url import parse_store_url
from teleward_contract.routing_redis import RedisRouting

from teleward_operator.adapters.api_server import ApiServer, load_client
from teleward_operator.adapters.kubernetes_cluster import KubernetesCluster
from teleward_operator.adapters.kubernetes_runtime import KubernetesRuntime
from teleward_operator.adapters.lease import LeaseLeadership
from teleward_operator.adapters.local_supervisor import LocalSupervisor
from teleward_operator.adapters.metrics import PrometheusCounting
from teleward_operator.adapters.operations import serve_operations
from teleward_operator.core.cache import Cache
from teleward_operator.core.media_node_objects import Installation
from teleward_operator.errors import ClusterUnavailableError
from teleward_operator.handlers.watching import KopfWatch
from teleward_operator.ports import PoolRuntime
from teleward_operator.settings import Settings
from teleward_operator.usecases.keep_true import Keeper
from teleward_operator.usecases.lead import Leader
from teleward_operator.usecases.outside import Outside
from teleward_operator.usecases.project import Projector
from teleward_operator.usecases.reconcile import Reconciler
from teleward_operator.usecases.report import Reporter
from teleward_operator.usecases.work_off import Worklist

_PROGRAM = "teleward-operator"

log = structlog.get_logger()


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 1 when it cannot start, or must be started anew."""
    settings = read_settings(Settings, _PROGRAM)
    telemetry.setup_logging("operator", settings.log_level)
    if settings.pool_runtime == "local" and not settings.supervisor_url:
        refuse_start(
            _PROGRAM, "TELEWARD_POOL_RUNTIME=local needs TELEWARD_SUPERVISOR_URL",
            "set it, or start with `teleward up`, which does",
        )  # fmt: skip
    if settings.pool_runtime == "kubernetes" and not settings.media_node_image:
        refuse_start(
            _PROGRAM, "TELEWARD_POOL_RUNTIME=kubernetes needs TELEWARD_MEDIA_NODE_IMAGE",
            "set it to the image of teleward-media, as the chart does",
        )  # fmt: skip
    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = settings.kubeconfig  # where kopf's login looks
    raise SystemExit(asyncio.run(_run(settings)))


async def _run(settings: Settings) -> int:
    try:
        api = load_client(settings.kubeconfig)
    except ClusterUnavailableError as err:
        refuse_start(
            _PROGRAM, str(err),
            "set TELEWARD_KUBECONFIG, or run in a pod with a service account",
        )  # fmt: skip
    identity = settings.identity or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    leadership = LeaseLeadership(api, settings.namespace, identity)
    stop = _Stop()
    stop.listen()
    async with open_store(settings.redis_url) as store, aiohttp.ClientSession() as session:
        cache = Cache()
        counting = PrometheusCounting(cache)
        server = ApiServer(api, leadership.epoch)
        runtime: PoolRuntime = _supervisor(settings, session)
        if settings.pool_runtime == "kubernetes":
            runtime = KubernetesRuntime(server, _installation(settings))
        cluster = KubernetesCluster(server)
        outside = _outside(settings, store, cluster, leadership, runtime, counting)
        reconciler = Reconciler(outside, cache, Projector(outside), Reporter(outside, cache))
        worklist = Worklist(reconciler)
        watch = KopfWatch(
            settings.watch_silence_s,
            in_cluster=not settings.kubeconfig, keep_signals=stop.listen,
        )  # fmt: skip
        leader = Leader(worklist, Keeper(worklist, settings.sweep_every_s), watch)
        return await _serve(settings, leader, stop.requested)


def _outside(
    settings: Settings, store: Store, cluster: KubernetesCluster, leadership: LeaseLeadership,
    runtime: PoolRuntime, counting: PrometheusCounting,
) -> Outside:  # fmt: skip
    return Outside(
        cluster=cluster, runtime=runtime,
        projections=RedisProjections(store), media_nodes=RedisRouting(store),
        occupancy=RedisOccupancy(store), leadership=leadership, counting=counting,
        public_url=str(settings.public_url).rstrip("/"),
        monotonic=time.monotonic, wallclock=_wallclock,
    )  # fmt: skip


def _supervisor(settings: Settings, session: aiohttp.ClientSession) -> LocalSupervisor:
    token = settings.supervisor_token.get_secret_value()
    return LocalSupervisor(settings.supervisor_url, token, session)


def _installation(settings: Settings) -> Installation:
    return Installation(
        namespace=settings.namespace, image=settings.media_node_image,
        pull_policy=settings.media_node_pull_policy, pull_secrets=settings.media_node_pull_secrets,
        redis_secret=settings.media_node_redis_secret,
        redis_ports=parse_store_url(settings.redis_url).ports,
        ticket_keys=settings.media_node_ticket_keys, log_level=settings.media_node_log_level,
    )  # fmt: skip


def _wallclock() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Stop:
    """SIGTERM and SIGINT ask for an orderly stop."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()

    def listen(self) -> None:
        """Take the signals, from whoever has them now."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, self.requested.set)


async def _serve(settings: Settings, leader: Leader, stop: asyncio.Event) -> int:
    address = settings.operations_address
    try:
        async with serve_operations(
            address, settings.operations_port, leader.trouble, leader.is_ready
        ) as port:
            log.info("process.started", address=address, port=port)
            return await _until(stop, leader.run(), leader.measure())
    except OSError as err:
        refuse_start(
            _PROGRAM, f"{address}:{settings.operations_port} cannot be had ({err.strerror})",
            "choose another TELEWARD_OPERATIONS_PORT, or 0 for any",
        )  # fmt: skip


async def _until(stop: asyncio.Event, *work: Coroutine[None, None, None]) -> int:
    """Do the work until told to stop; exit code 1 when it ends by itself."""
    tasks = [asyncio.create_task(one) for one in work]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failed = not stop.is_set()
    for task in (stopped, *tasks):
        task.cancel()
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        for one in error.exceptions if isinstance(error, ExceptionGroup) else [error]:
            if isinstance(one, Exception):
                log.error("operator.failed", exc_info=one)
    log.info("process.stopped", exit_code=int(failed))
    return int(failed)


if __name__ == "__main__":
    main()
