"""An operator of one's own: the real process beside the stand-in API server, Valkey and a pretended runtime."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from kubernetes import client, config
from teleward_cli.local import kubeconfig, material
from teleward_cli.local.layout import Layout
from teleward_cli.store import free_port
from teleward_contract.media_nodes import Heartbeat, LiveCall, MediaNodes
from teleward_contract.projections import ClinicProjection
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.resources import GROUP, KINDS, VERSION
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.units import BootId, CapacityUnits, MediaNodeId, Namespace, PoolId

from teleward_testing.builders import document

ROOT = Path(__file__).parents[3]
TOKEN = "a-token-of-the-tests"
PUBLIC_URL = "https://clinic.example"


class Child:
    """A process that logs JSON lines; stopped at the end whatever happens."""

    def __init__(self, module: str, environment: Mapping[str, object], log: Path) -> None:
        self._log = log
        given = {f"TELEWARD_{key}": str(value) for key, value in environment.items()}
        clean = {key: value for key, value in os.environ.items() if "TELEWARD" not in key}
        with log.open("ab") as sink:
            self._from = sink.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", module], env={**clean, **given}, stdout=sink, stderr=sink
            )

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        text = self._log.read_bytes()[self._from :].decode()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def text(self) -> str:
        """The end of the log as it is."""
        return self._log.read_text()[-3000:]

    async def logged(self, event: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for a log line."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.lines():
                if line["event"] == event:
                    return line
            assert self.process.poll() is None, f"it ended: {self.text()}"
            assert time.monotonic() < deadline, f"no {event} in {seconds} s: {self.text()}"
            await asyncio.sleep(0.05)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the answer is the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return await asyncio.to_thread(self.process.wait, 15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not stop: {self.text()}") from None


class Clients:
    """The official clients of one API server."""

    def __init__(self, path: Path) -> None:
        settings = client.Configuration()
        config.load_kube_config(  # type: ignore[no-untyped-call]  # the package has no types here
            str(path), client_configuration=settings
        )
        settings.retries = 0
        self._api = client.ApiClient(settings)
        self.objects = client.CustomObjectsApi(self._api)
        self.core = client.CoreV1Api(self._api)
        self.leases = client.CoordinationV1Api(self._api)


class ApiServer(Clients):
    """The stand-in of `teleward up` on one port over restarts, and its clients."""

    def __init__(self, directory: Path) -> None:
        self.layout = Layout(directory / "api")
        material.prepare(self.layout)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.ca = self.layout.secret(material.LOOPBACK_CERTIFICATE)
        self.token = material.read(self.layout, material.API_TOKEN)
        self.kubeconfig = self.layout.kubeconfig
        self._log = directory / "api.log"
        kubeconfig.write(self.kubeconfig, self.url, self.ca, self.token)
        self.child: Child | None = None
        super().__init__(self.kubeconfig)

    async def start(self) -> None:
        """Start it, with what it held before."""
        self.child = Child(
            "teleward_cli.apiserver",
            {
                "OBJECTS_FILE": self.layout.objects_file,
                "DEFINITIONS_DIR": ROOT / "crds",
                "TOKEN_FILE": self.layout.secret(material.API_TOKEN),
                "TLS_CERTIFICATE_FILE": self.ca,
                "TLS_KEY_FILE": self.layout.secret(material.LOOPBACK_KEY),
                "PORT": self.port,
            },
            self._log,
        )
        await self.child.logged("process.started")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it."""
        if self.child is not None:
            await self.child.stop(how)

    async def namespace(self, name: str, labels: dict[str, str] | None = None) -> None:
        """Make a namespace."""
        body = client.V1Namespace(metadata=client.V1ObjectMeta(name=name, labels=labels))
        await asyncio.to_thread(self.core.create_namespace, body)

    async def label(self, namespace: str, labels: dict[str, str]) -> None:
        """Label a namespace."""
        await asyncio.to_thread(
            self.core.patch_namespace, namespace, {"metadata": {"labels": labels}}
        )

    async def create(self, document: Mapping[str, Any]) -> None:
        """Create one object."""
        await asyncio.to_thread(
            self.objects.create_namespaced_custom_object, GROUP, VERSION,
            document["metadata"]["namespace"], KINDS[document["kind"]][0], dict(document),
        )  # fmt: skip

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete one object."""
        await asyncio.to_thread(
            self.objects.delete_namespaced_custom_object, GROUP, VERSION, namespace,
            KINDS[kind][0], name,
        )  # fmt: skip

    async def patch(self, kind: str, namespace: str, name: str, spec: dict[str, Any]) -> None:
        """Merge-patch a spec."""

        def send() -> None:
            self.objects.patch_namespaced_custom_object(
                GROUP, VERSION, namespace, KINDS[kind][0], name, {"spec": spec},
                _content_type="application/merge-patch+json",
            )  # fmt: skip

        await asyncio.to_thread(send)

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object, None when there is none."""
        try:
            found: Any = await asyncio.to_thread(
                self.objects.get_namespaced_custom_object, GROUP, VERSION, namespace,
                KINDS[kind][0], name,
            )  # fmt: skip
        except client.ApiException as err:
            if err.status != 404:
                raise
            return None
        return dict(found)

    async def condition(self, kind: str, namespace: str, name: str, of: str) -> str:
        """A condition as `status/reason`, or nothing."""
        found = await self.get(kind, namespace, name)
        for one in (found or {}).get("status", {}).get("conditions", []):
            if one["type"] == of:
                return f"{one['status']}/{one['reason']}"
        return ""

    async def versions(self) -> dict[str, str]:
        """uid → resourceVersion of every object of our kinds."""

        def read() -> dict[str, str]:
            found = {}
            for plural, _ in KINDS.values():
                answer: Any = self.objects.list_cluster_custom_object(GROUP, VERSION, plural)
                for item in answer["items"]:
                    found[item["metadata"]["uid"]] = item["metadata"]["resourceVersion"]
            return found

        return await asyncio.to_thread(read)

    async def events(self, namespace: str) -> list[tuple[str, str, str]]:
        """(kind, name, reason) of the Events of a namespace, oldest first."""
        answer: Any = await asyncio.to_thread(self.core.list_namespaced_event, namespace)
        listed = sorted(answer.items, key=lambda event: int(event.metadata.resource_version))
        return [(e.involved_object.kind, e.involved_object.name, e.reason) for e in listed]


class PretendedRuntime:
    """The supervisor's API; its media nodes are heartbeats and nothing else."""

    def __init__(self, media_nodes: MediaNodes) -> None:
        self._table = media_nodes
        self.wanted: dict[str, dict[str, int]] = {}
        """Pool → media node → capacity."""
        self.calls: dict[tuple[str, str], tuple[LiveCall, ...]] = {}
        """(pool, media node) → its live calls."""
        self.puts = 0
        self.url = ""

    @contextlib.asynccontextmanager
    async def serve(self) -> "AsyncIterator[PretendedRuntime]":
        """Serve on a free loopback port, and beat."""
        app = web.Application()
        app.router.add_get("/v1/pools/{namespace}/{name}", self._get)
        app.router.add_put("/v1/pools/{namespace}/{name}", self._put)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        beating = asyncio.create_task(self._beat())
        try:
            yield self
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await runner.cleanup()

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # the store may be away: the test's doing
                for pool, nodes in list(self.wanted.items()):
                    for node, capacity in list(nodes.items()):
                        await self._table.beat(
                            Heartbeat(
                                pool=PoolId(pool), media_node=MediaNodeId(node),
                                boot=BootId(f"boot-{node}"), control_url="ws://127.0.0.1:1",
                                udp="127.0.0.1:2", capacity=CapacityUnits(capacity),
                                calls=self.calls.get((pool, node), ()),
                            )
                        )  # fmt: skip
            await asyncio.sleep(0.3)

    async def _get(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        nodes = self.wanted.get(_pool(request), {})
        listed = [{"id": node, "state": "running", "pid": 1} for node in nodes]
        return web.json_response({"media_nodes": listed})

    async def _put(self, request: web.Request) -> web.Response:
        pool = _pool(request)
        before = self.wanted.get(pool, {})
        body = await request.json()
        self.puts += 1
        self.wanted[pool] = {one["id"]: one["capacity_units"] for one in body["media_nodes"]}
        for node in before.keys() - self.wanted[pool].keys():
            await self._table.retire(PoolId(pool), MediaNodeId(node), BootId(f"boot-{node}"))
        return await self._get(request)


class Operating:
    """Everything together."""

    def __init__(
        self, api: ApiServer, runtime: PretendedRuntime, redis_url: str, directory: Path
    ) -> None:
        self.api = api
        self.runtime = runtime
        self._redis_url = redis_url
        self._log = directory / "operator.log"
        self.operator: Child | None = None

    async def start(self, **settings: object) -> Child:
        """Start the operator and wait until everything is projected, or found projected."""
        self.operator = Child(
            "teleward_operator.main",
            {
                "REDIS_URL": self._redis_url,
                "KUBECONFIG": self.api.kubeconfig,
                "PUBLIC_URL": PUBLIC_URL,
                "SUPERVISOR_URL": self.runtime.url,
                "SUPERVISOR_TOKEN": TOKEN,
                "OPERATIONS_PORT": 0,
                **settings,
            },
            self._log,
        )
        await self.operator.logged("leadership.acquired")
        return self.operator

    async def is_running(self) -> bool:
        """Whether the operator runs."""
        return self.operator is not None and self.operator.process.poll() is None

    async def stop(self) -> int:
        """Stop the operator in good order; the answer is its exit code."""
        assert self.operator is not None
        return await self.operator.stop()

    async def until(
        self, what: str, is_so: Callable[[], Awaitable[bool]], seconds: float = 30
    ) -> None:
        """Wait until a question is answered with yes."""
        deadline = time.monotonic() + seconds
        while not await is_so():
            shown = self.operator.text() if self.operator else ""
            assert time.monotonic() < deadline, f"within {seconds} s: {what}\n{shown}"
            await asyncio.sleep(0.1)

    async def until_condition(
        self, kind: str, namespace: str, name: str, of: str, wanted: str, seconds: float = 30
    ) -> None:
        """Wait until a condition is `status/reason`."""

        async def is_so() -> bool:
            return await self.api.condition(kind, namespace, name, of) == wanted

        await self.until(f"{kind} {name} {of} {wanted}", is_so, seconds)


def _pool(request: web.Request) -> str:
    return f"{request.match_info['namespace']}/{request.match_info['name']}"


class DeclaredHouse:
    """One organisation in a namespace of its own: a pool, a clinic with its door, two rooms."""

    def __init__(self, operating: Operating, store: Store, namespace: str) -> None:
        self.operating = operating
        self.api = operating.api
        self.store = store
        self.projections = RedisProjections(store)
        self.namespace = Namespace(namespace)
        self.pool = PoolId(f"{namespace}/default")

    def documents(self) -> dict[str, Mapping[str, Any]]:
        """Kind → object; their names follow from their kinds."""
        ref = {"clinicRef": {"name": "cardiology"}}
        specs: dict[str, tuple[str, Mapping[str, object]]] = {
            "Organisation": ("organisation", {"displayName": "Harbour Health"}),
            "MediaPool": ("default", {"replicas": 1}),
            "Clinic": ("cardiology", {"displayName": "Cardiology"}),
            "WaitingArea": ("cardiology", ref),
            "MeetingRoom": ("handover", ref),
            "UserRoom": ("ada", {**ref, "owner": {"user": "ada@example.org"}}),
        }
        return {
            kind: document(kind, self.namespace, name, spec)
            for kind, (name, spec) in specs.items()
        }

    async def declare(self, *kinds: str) -> None:
        """Create objects: these kinds, or all."""
        made = self.documents()
        for kind in kinds or made:
            await self.api.create(made[kind])

    async def is_all_ready(self) -> bool:
        """Whether every object of the house is ready."""
        found = [await self.condition(kind, "Ready") for kind in self.documents()]
        return set(found) == {"True/Ready"}

    async def settle(self) -> None:
        """Declare everything and wait until all of it is ready."""
        await self.declare()
        await self.operating.until("all is ready", self.is_all_ready)

    async def get(self, kind: str) -> dict[str, Any]:
        """Read the object of this kind, which must be there."""
        found = await self.api.get(kind, self.namespace, self._name(kind))
        assert found is not None
        return found

    async def is_there(self, kind: str) -> bool:
        """Whether there is an object of this kind."""
        return await self.api.get(kind, self.namespace, self._name(kind)) is not None

    async def delete(self, kind: str) -> None:
        """Delete the object of this kind."""
        await self.api.delete(kind, self.namespace, self._name(kind))

    async def patch(self, kind: str, spec: dict[str, Any]) -> None:
        """Merge-patch the spec of the object of this kind."""
        await self.api.patch(kind, self.namespace, self._name(kind), spec)

    async def condition(self, kind: str, of: str) -> str:
        """A condition of the object of this kind as `status/reason`."""
        return await self.api.condition(kind, self.namespace, self._name(kind), of)

    async def until(self, kind: str, of: str, wanted: str) -> None:
        """Wait until a condition is `status/reason`."""
        name = self._name(kind)
        await self.operating.until_condition(kind, self.namespace, name, of, wanted)

    async def projected(self) -> ClinicProjection | None:
        """The clinic's document."""
        return await self.projections.clinic(self.namespace, "cardiology")

    def _name(self, kind: str) -> str:
        return str(self.documents()[kind]["metadata"]["name"])


@contextlib.asynccontextmanager
async def operating(redis_url: str, directory: Path) -> AsyncIterator[Operating]:
    """Run the API server, the runtime and an operator; the routing state is the caller's."""
    async with open_store(redis_url) as store:
        api = ApiServer(directory)
        async with PretendedRuntime(RedisRouting(store)).serve() as runtime:
            together = Operating(api, runtime, redis_url, directory)
            try:
                await api.start()
                await together.start()
                yield together
            finally:
                for child in (together.operator, api.child):
                    if child is not None:
                        await child.stop()
