"""Replicas of the operator on a real API server, and what they are judged by."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from teleward_contract.projections import ClinicProjection
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store, open_store
from teleward_contract.units import Namespace

from teleward_testing.builders import Document, document
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.operating import Child

WITHIN_S = 30.0


class Replicas:
    """Operators beside one API server and one routing state; all are ended with the block."""

    def __init__(self, plane: ControlPlane, store: Store, url: str, directory: Path) -> None:
        self.plane = plane
        self.store = store
        self.projections = RedisProjections(store)
        self._redis_url = url
        self._directory = directory
        self.running: dict[str, Child] = {}

    def launch(self, name: str, url: str = "", **settings: object) -> Child:
        """Start a replica and return at once; `url` is where it finds the API server."""
        token = str(settings.pop("token", self.plane.token))
        config = self.plane.kubeconfig_for(f"operator-{name}", token, url)
        self.running[name] = Child(
            "teleward_operator.main",
            {
                "REDIS_URL": self._redis_url, "KUBECONFIG": config, "IDENTITY": name,
                "PUBLIC_URL": "https://clinic.example", "POOL_RUNTIME": "kubernetes",
                "MEDIA_NODE_IMAGE": "teleward-media:1", "OPERATIONS_PORT": 0, **settings,
            },
            self._directory / f"{name}.log",
        )  # fmt: skip
        return self.running[name]

    async def start(self, name: str = "one", url: str = "", **settings: object) -> Child:
        """Start a replica and wait until it leads."""
        child = self.launch(name, url, **settings)
        await child.logged("leadership.acquired")
        return child

    async def stop(self) -> None:
        """End every replica that runs."""
        for child in self.running.values():
            if child.process.poll() is None:
                child.process.kill()
                await asyncio.to_thread(child.process.wait)

    def apply(self, documents: Iterable[Document]) -> None:
        """Create or change objects; their namespaces are made too."""
        listed = [dict(one) for one in documents]
        named = {one["metadata"]["namespace"] for one in listed}  # type: ignore[index]  # every document has one
        homes = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            for name in sorted(named)
        ]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*homes, *listed]})
        self.plane.kubectl("apply", "--server-side", "-f", "-", stdin=text)

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """Read one object."""
        found = self.plane.kubectl("get", kind, "-n", namespace, name, "-o", "json")
        return dict(json.loads(found))

    async def clinic(self, namespace: str, name: str) -> ClinicProjection | None:
        """A clinic as the gateway sees it."""
        return await self.projections.clinic(Namespace(namespace), name)

    async def is_shown(self, namespace: str, names: Iterable[str], display: str) -> bool:
        """Whether the routing state has these clinics under this name."""
        found = [await self.clinic(namespace, name) for name in names]
        return all(one is not None and one.display_name == display for one in found)

    async def until_shown(
        self, namespace: str, names: Iterable[str], display: str, seconds: float = WITHIN_S
    ) -> float:
        """Wait until the routing state has these clinics under this name; how many seconds it took."""
        listed = [*names]
        return await self.until(
            f"{listed} are {display}", lambda: self.is_shown(namespace, listed, display), seconds
        )

    async def until(
        self, what: str, is_so: Callable[[], Awaitable[bool]], seconds: float = WITHIN_S
    ) -> float:
        """Wait until a question is answered with yes; how many seconds it took."""
        begun = time.monotonic()
        while not await is_so():
            told = "\n".join(f"{name}: {one.text()}" for name, one in self.running.items())
            assert time.monotonic() < begun + seconds, f"within {seconds:g} s: {what}\n{told}"
            await asyncio.sleep(0.05)
        return time.monotonic() - begun


@asynccontextmanager
async def replicas(plane: ControlPlane, url: str, directory: Path) -> AsyncIterator[Replicas]:
    """Open the routing state; no replica runs yet, and none does when the block ends."""
    async with open_store(url) as store:
        made = Replicas(plane, store, url, directory)
        try:
            yield made
        finally:
            await made.stop()


def house(namespace: str, clinics: Iterable[str], display: str) -> list[Document]:
    """An organisation with its clinics and their doors."""
    made = [document("Organisation", namespace, "organisation", {"displayName": "Harbour"})]
    for name in clinics:
        made += [
            document("Clinic", namespace, name, {"displayName": display}),
            document("WaitingArea", namespace, name, {"clinicRef": {"name": name}}),
        ]
    return made
