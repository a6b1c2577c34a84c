"""A running instance: everything started, looked after, shown, stopped."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.metadata import version

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.routing_redis import RedisRouting

from teleward_cli.apiserver.documents import Document
from teleward_cli.local import material, readiness, runfile
from teleward_cli.local import status as shown
from teleward_cli.local.applying import (
    GROUP_VERSION,
    Applied,
    Applier,
    Refused,
    install_definitions,
)
from teleward_cli.local.child import Child, ChildState, last_line
from teleward_cli.local.cluster import (
    Cluster,
    ClusterRefusedError,
    ClusterUnavailableError,
)
from teleward_cli.local.commands import LOOPBACK, Commands, Options
from teleward_cli.local.layout import Layout
from teleward_cli.local.processes import Processes
from teleward_cli.local.readiness import Sight
from teleward_cli.local.status import Picture, State, Status
from teleward_cli.local.supervisor_api import SupervisorApi

LOOK_INTERVAL_S = 1.0
"""How often a running instance looks at itself."""

LOOK_TIMEOUT_S = 1.0
"""What has not answered by then counts as not answering."""

API_WITHIN_S = 30.0
READY_WITHIN_S = 120.0
"""Beyond these, say what is missing. A slow machine with eight test runs on it is still below."""


class Instance:
    """All processes of one `teleward up`, and what is known of them."""

    def __init__(
        self, options: Options, commands: Commands, processes: Processes, layout: Layout,
        say: Callable[[str], None], started: float,
    ) -> None:  # fmt: skip
        self._options = options
        self._layout = layout
        self._say = say
        self._started = started
        self._at = commands.addresses
        self._kubeconfig = commands.kubeconfig
        self._processes = processes
        self._state = State.STARTING
        self._picture = Picture()
        self._faults: list[str] = []
        self._stop = asyncio.Event()
        self._numbers = CollectorRegistry()
        self._restarts = Gauge(
            "teleward_supervisor_restarts", "Restarts of a process since the instance started.",
            ["process"], registry=self._numbers,
        )  # fmt: skip
        self._announced: set[str] = set()
        self._answers: dict[str, bool] = {}

    async def run(
        self, cluster: Cluster, definitions: list[Document],
        on_ready: Callable[[Status, list[Refused]], None],
    ) -> int:  # fmt: skip
        """Run until told to stop; returns the exit code."""
        self._listen_to_signals()
        try:
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self._supervisor())
                runfile.write(self._layout, self._at.supervisor_url)
                redis = await stack.enter_async_context(open_store(self._at.redis_url))
                http = await stack.enter_async_context(_http())
                looking = asyncio.create_task(
                    self._bring_up(cluster, definitions, redis, http, on_ready)
                )
                stopping = asyncio.create_task(self._stop.wait())
                await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if looking.done() and not self._stop.is_set():
                    looking.result()
                looking.cancel()
                stopping.cancel()
                await asyncio.gather(looking, stopping, return_exceptions=True)
                await self._shut_down()
        finally:
            self._processes.kill()
        return 0

    def stop(self) -> None:
        """Stop in order; asked a second time, at once."""
        if self._stop.is_set():
            self._processes.kill()
            self._say("stopped at once")
            os._exit(130)
        self._say("stopping (Ctrl-C again: at once)")
        self._state = State.STOPPING
        self._stop.set()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self.stop)

    @contextlib.asynccontextmanager
    async def _supervisor(self) -> AsyncIterator[None]:
        token = material.read(self._layout, material.SUPERVISOR_TOKEN)
        api = SupervisorApi(
            self._processes, token, self._show_status, self.stop, self._numbers
        ).application()
        runner = web.AppRunner(api, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._at.supervisor_port).start()
            yield
        finally:
            await runner.cleanup()

    async def _bring_up(
        self, cluster: Cluster, definitions: list[Document], redis: Store,
        http: aiohttp.ClientSession, on_ready: Callable[[Status, list[Refused]], None],
    ) -> None:  # fmt: skip
        self._eyes = (redis, http)
        await self._wait_for_api(cluster)
        if self._options.kubeconfig is not None:
            await install_definitions(cluster, definitions)
        refused = await self._apply(cluster, definitions)
        await self._wait_until_ready(cluster)
        on_ready(self.status(), refused)
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await self._judge()

    async def _wait_for_api(self, cluster: Cluster) -> None:
        try:
            async with asyncio.timeout(API_WITHIN_S):
                await cluster.wait_until_ready()
        except TimeoutError:
            raise ClusterUnavailableError("the Kubernetes API does not answer") from None

    async def _apply(self, cluster: Cluster, definitions: list[Document]) -> list[Refused]:
        plurals = {
            one["spec"]["names"]["kind"]: one["spec"]["names"]["plural"] for one in definitions
        }
        results = await Applier(cluster, plurals).apply_files(self._options.files)
        refused = [one for one in results if isinstance(one, Refused)]
        count = sum(isinstance(one, Applied) for one in results)
        self._say(f"applied {count} objects" + (f", {len(refused)} refused" if refused else ""))
        for one in refused:
            self._say(f"refused: {one}")
        return refused

    async def _wait_until_ready(self, cluster: Cluster) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            declared = await _declared(cluster)
            await self._judge(declared)
            self._announce()
            if self._state is State.READY:
                return
            if time.monotonic() > deadline:
                self._state = State.DEGRADED
                for fault in self._faults:
                    self._say(f"not ready: {fault}; see {self._layout.logs}")
                return
            await asyncio.sleep(0.1)

    def _announce(self) -> None:
        elapsed = time.monotonic() - self._started
        for name, is_ready in self._answers.items():
            if is_ready and name not in self._announced:
                self._announced.add(name)
                self._say(f"{name:<28} ready after {elapsed:4.1f} s")
        for child in self._processes.children():
            line = f"{child.name} ended ({child.exit_code}): {last_line(child.command.log)[:300]}"
            if child.state is ChildState.FAILED and line not in self._announced:
                self._announced.add(line)
                self._say(line)

    async def _judge(self, declared: Mapping[str, list[Document]] | None = None) -> None:
        self._answers, picture = await self._look()
        if picture is not None:
            self._picture = picture
        running = {pool: frozenset(ids) for pool, ids in self._processes.pools().items()}
        goals = unseen = None
        if declared is not None:
            goals = readiness.pool_goals(declared["mediapools"])
            unseen = readiness.unanswered([*declared["clinics"], *declared["mediapools"]])
        self._faults = readiness.faults(
            Sight(self._answers, picture, running, goals, unseen or ())
        )
        self._state = readiness.next_state(self._state, self._faults)
        for child in self._processes.children():
            self._restarts.labels(child.name).set(child.restarts)

    async def _look(self) -> tuple[dict[str, bool], Picture | None]:
        redis, http = self._eyes
        fixed = [child for child in self._processes.children() if child.command.operations]
        picture, ready = await asyncio.gather(
            self._read(redis), asyncio.gather(*(_answers(http, child) for child in fixed))
        )
        named = {child.name: is_ready for child, is_ready in zip(fixed, ready, strict=True)}
        return {"redis": picture is not None} | named, picture

    async def _read(self, redis: Store) -> Picture | None:
        projections, routing = RedisProjections(redis), RedisRouting(redis)
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                return await shown.look(projections, routing, self._processes.pools())
        except (RoutingUnavailableError, TimeoutError):
            return None

    async def _show_status(self) -> str:
        if self._state in (State.READY, State.DEGRADED):
            await self._judge()
        return json.dumps(self.status().document())

    def status(self) -> Status:
        """What is known now."""
        base, picture = self._at.public_url, self._picture
        return Status(
            state=self._state,
            version=version("teleward"),
            data_dir=str(self._layout.root.resolve()),
            gateway=base,
            kubeconfig=str(self._kubeconfig),
            redis=self._at.redis_url,
            media_nodes=shown.media_nodes_of(picture),
            clinics=shown.clinics_of(picture, base),
            rooms=shown.rooms_of(picture, base),
            sign_in=shown.accounts_of(picture, base),
            processes=[self._process(child) for child in self._processes.children()],
        )

    def _process(self, child: Child) -> shown.ProcessStatus:
        controls = {
            f"{view.pool.partition('/')[0]}/{view.media_node}": view.control_url
            for view in self._picture.media_nodes
        }
        base = child.command.operations
        if child.name in controls:
            base = controls[child.name].replace("ws://", "http://").removesuffix("/v1/control")
        return shown.ProcessStatus(
            child.name, child.pid, child.state.value,
            f"{base}/metrics" if base else None, str(child.command.log.resolve()),
        )  # fmt: skip

    async def _shut_down(self) -> None:
        self._state = State.STOPPING
        await self._processes.stop()
        self._state = State.STOPPED
        self._say("stopped")


@contextlib.asynccontextmanager
async def _http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=LOOK_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


async def _answers(http: aiohttp.ClientSession, child: Child) -> bool:
    if child.state is not ChildState.RUNNING:
        return False
    try:
        async with http.get(f"{child.command.operations}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _declared(cluster: Cluster) -> dict[str, list[Document]] | None:
    """List the declared clinics and pools; None when the API does not answer."""
    found: dict[str, list[Document]] = {}
    for plural, kind in (("clinics", "Clinic"), ("mediapools", "MediaPool")):
        try:
            answer = await cluster.request("GET", f"/apis/{GROUP_VERSION}/{plural}")
        except (ClusterRefusedError, ClusterUnavailableError):
            return None
        found[plural] = [{"kind": kind} | one for one in answer.get("items", [])]
    return found
