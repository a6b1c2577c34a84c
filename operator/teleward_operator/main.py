"""The operator's composition root."""

import asyncio
import os
import secrets
import signal
import socket
import time

import aiohttp
import kopf
import structlog
from aiohttp import web
from kubernetes.config import ConfigException
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from teleward_contract import telemetry
from teleward_contract.errors import StaleLeaderError
from teleward_contract.occupancy_redis import RedisOccupancy
from teleward_contract.process import read_settings, refuse_start
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.resources import AnyResource
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import LeaderEpoch

from teleward_operator.adapters import metrics
from teleward_operator.adapters.kubernetes_cluster import KubernetesCluster, load_client
from teleward_operator.adapters.lease import Leadership
from teleward_operator.adapters.local_supervisor import LocalSupervisor, NoRuntime
from teleward_operator.core.cache import Cache, Unit
from teleward_operator.handlers import watching
from teleward_operator.ports import PoolRuntime
from teleward_operator.settings import Settings
from teleward_operator.usecases.keep_true import Keeper
from teleward_operator.usecases.reconcile import Ports, Reconciler

_PROGRAM = "teleward-operator"
MAX_LOOP_LAG_S = 5.0

log = structlog.get_logger()


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 1 when it cannot start or loses leadership."""
    settings = read_settings(Settings, _PROGRAM)
    telemetry.setup_logging("operator", settings.log_level)
    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = settings.kubeconfig  # where kopf's login looks
    try:
        api = load_client(settings.kubeconfig)
    except (ConfigException, OSError) as err:
        refuse_start(
            _PROGRAM, f"no access to a cluster ({type(err).__name__})",
            "set TELEWARD_KUBECONFIG, or run in a pod with a service account",
        )  # fmt: skip
    identity = settings.identity or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    leadership = Leadership(api, settings.namespace, identity)
    raise SystemExit(asyncio.run(_run(settings, KubernetesCluster(api), leadership)))


async def _run(settings: Settings, cluster: KubernetesCluster, leadership: Leadership) -> int:
    async with open_store(str(settings.redis_url)) as store, aiohttp.ClientSession() as session:
        reconciler = Reconciler(
            Cache(),
            _ports(store, cluster, _runtime(settings, session), leadership),
            str(settings.public_url).rstrip("/"),
        )
        return await Operator(settings, reconciler, leadership).run()


def _runtime(settings: Settings, session: aiohttp.ClientSession) -> PoolRuntime:
    if settings.pool_runtime == "local" and settings.supervisor_url:
        token = settings.supervisor_token.get_secret_value()
        return LocalSupervisor(settings.supervisor_url, token, session)
    return NoRuntime()


def _ports(
    store: Store, cluster: KubernetesCluster, runtime: PoolRuntime, leadership: Leadership
) -> Ports:
    def leader() -> LeaderEpoch:
        if not leadership.is_held:
            raise StaleLeaderError("the lease is not surely held")
        return leadership.epoch

    return Ports(
        cluster=cluster, runtime=runtime, projections=RedisProjections(store),
        media_nodes=RedisRouting(store), occupancy=RedisOccupancy(store), counting=_Counting(),
        leader=leader,
    )  # fmt: skip


class _Counting:
    """See `Counting`."""

    def reconciled(self, unit: Unit, outcome: str) -> None:
        """See `Counting`."""
        metrics.RECONCILES.labels(kind=unit.value, outcome=outcome).inc()

    def wrote_status(self, kind: str) -> None:
        """See `Counting`."""
        metrics.STATUS_WRITES.labels(kind=kind).inc()

    def projected(self, what: str) -> None:
        """See `Counting`."""
        metrics.PROJECTIONS.labels(what=what).inc()


class Operator:
    """The running parts."""

    def __init__(self, settings: Settings, reconciler: Reconciler, leadership: Leadership) -> None:
        self._settings = settings
        self._reconciler = reconciler
        self._leadership = leadership
        self._stop = asyncio.Event()
        self._is_ready = False
        self._alive_at = time.monotonic()

    async def run(self) -> int:
        """Lead, watch, reconcile; exit code 1 when leadership is lost."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._stop.set)
        runner = await self._serve_operations()
        lost = asyncio.Event()
        tasks = [asyncio.create_task(self._lead(lost)), asyncio.create_task(self._measure())]
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        failed = lost.is_set() or stopped not in done
        for task in [stopped, *tasks]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for error in results:
            if isinstance(error, Exception):
                log.error("operator.failed", exc_info=error)
        await runner.cleanup()
        log.info("process.stopped")
        return 1 if failed else 0

    async def _lead(self, lost: asyncio.Event) -> None:
        await self._leadership.acquire()
        metrics.IS_LEADER.set(1)
        keeper = Keeper(self._reconciler)

        def lose() -> None:
            lost.set()
            self._stop.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._leadership.keep(lose))
            group.create_task(self._reconciler.run())
            await keeper.start()
            self._is_ready = True
            group.create_task(self._watch())
            for work in (
                keeper.follow_pools, keeper.follow_counters, keeper.watch_marker, keeper.sweep,
            ):  # fmt: skip
                group.create_task(work())

    async def _watch(self) -> None:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
        if not self._settings.kubeconfig:
            kopf.on.login(registry=registry)(kopf.login_with_service_account)
        watching.register(registry, self._seen)
        await kopf.operator(
            registry=registry, settings=watching.settings(), standalone=True, clusterwide=True
        )

    def _seen(self, resource: AnyResource, is_deleted: bool) -> None:
        metrics.EVENTS_SEEN.labels(kind=resource.kind).inc()
        self._reconciler.seen(resource, deleted=is_deleted)
        metrics.OBJECTS.set(len(self._reconciler.cache.objects))

    async def _measure(self) -> None:
        while True:
            self._alive_at = time.monotonic()
            metrics.QUEUE_DEPTH.set(self._reconciler.depth)
            await asyncio.sleep(1)

    async def _serve_operations(self) -> web.AppRunner:
        async def healthz(_: web.Request) -> web.Response:
            is_well = time.monotonic() - self._alive_at < MAX_LOOP_LAG_S
            return web.Response(
                status=200 if is_well else 500, text="ok\n" if is_well else "slow\n"
            )

        async def readyz(_: web.Request) -> web.Response:
            return web.Response(status=200 if self._is_ready else 503, text="\n")

        async def read_metrics(_: web.Request) -> web.Response:
            return web.Response(
                body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST}
            )

        app = web.Application()
        app.router.add_get("/healthz", healthz)
        app.router.add_get("/readyz", readyz)
        app.router.add_get("/metrics", read_metrics)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        address = self._settings.operations_address
        site = web.TCPSite(runner, address, self._settings.operations_port)
        await site.start()
        port = runner.addresses[0][1]
        log.info("process.started", address=address, port=port)
        return runner


if __name__ == "__main__":
    main()
