"""Those who wait and those who look on, as their pages would do it, without drawing anything."""

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from teleward_testing.gateway_load.shapes import STAFF
from teleward_testing.gateway_load.sockets import CheapSocket

RETRY_S = 1.0
"""As every 503 asks, and as the page does."""
REASON = "Cough since Monday, worse at night; no fever today"
"""An answer of the length that people write."""


@dataclass(slots=True)
class Dashboard:
    """One dashboard, and what it was shown."""

    clinic: str
    shown_at: dict[str, float] = field(default_factory=dict)
    """Name → monotonic seconds when it was first shown."""
    deltas: int = 0
    delta_bytes: int = 0
    delta_rows: int = 0
    """Rows in all deltas."""
    snapshots: int = 0
    socket: CheapSocket | None = None

    def told(self, text: bytes) -> None:
        now = time.monotonic()
        frame: dict[str, Any] = json.loads(text)
        if frame["type"] == "queue_delta":
            rows = frame["upsert"]
            self.deltas += 1
            self.delta_bytes += len(text)
            self.delta_rows += len(rows)
        elif frame["type"] == "queue":
            rows = frame["visits"]
            self.snapshots += 1
        else:
            return
        for row in rows:
            self.shown_at.setdefault(row["name"], now)


@dataclass(slots=True)
class Patient:
    """One patient, and what the waiting page was told."""

    name: str
    clinic: str
    came_at: float
    frames: int = 0
    socket: CheapSocket | None = None

    def told(self, text: bytes) -> None:
        self.frames += 1


class Crowd:
    """Everybody, coming from many loopback addresses through all replicas in turn."""

    def __init__(self, replicas: Sequence[str], origin: str) -> None:
        self._replicas = itertools.cycle(replicas)
        self._origin = origin
        self._numbers = itertools.count(1)
        self.patients: list[Patient] = []
        self.dashboards: list[Dashboard] = []
        self.retries = 0

    async def look_on(self, http: aiohttp.ClientSession, namespace: str, clinic: str) -> None:
        """Sign in and open a dashboard."""
        replica = next(self._replicas)
        body = {"user": STAFF}
        cookie = await self._post(http, f"{replica}/api/sign-in/development", body, 204)
        made = Dashboard(clinic)
        made.socket = await CheapSocket.connect(
            f"{replica.replace('http', 'ws', 1)}/ws/staff/{namespace}/{clinic}",
            self._origin, cookie, made.told, "127.0.0.1",
        )  # fmt: skip
        self.dashboards.append(made)

    async def enter(self, http: aiohttp.ClientSession, namespace: str, clinic: str) -> None:
        """Enter the waiting area and open the waiting page."""
        number, replica = next(self._numbers), next(self._replicas)
        made = Patient(f"Patient {number:05}", clinic, time.monotonic())
        body = {"name": made.name, "fields": {"reason": REASON}, "locale": "en"}
        cookie = await self._post(
            http, f"{replica}/api/clinics/{namespace}/{clinic}/visits", body, 201
        )
        made.socket = await CheapSocket.connect(
            f"{replica.replace('http', 'ws', 1)}/ws/visit/{namespace}/{clinic}",
            self._origin, cookie, made.told, address(number),
        )  # fmt: skip
        made.socket.send(json.dumps({"type": "hello", **body}))
        self.patients.append(made)

    async def _post(self, http: aiohttp.ClientSession, url: str, body: object, status: int) -> str:
        """Post until it is done; the cookie that was given for it."""
        while True:
            async with http.post(url, json=body, headers={"Origin": self._origin}) as answer:
                if answer.status == status:
                    return answer.headers["Set-Cookie"].partition(";")[0]
                if answer.status != 503:
                    raise RuntimeError(f"{answer.status} {(await answer.text())[:200]}")
            self.retries += 1
            await asyncio.sleep(RETRY_S)

    def close(self) -> None:
        """Everybody goes."""
        for socket in self.sockets():
            socket.close()

    def sockets(self) -> list[CheapSocket]:
        """Every socket that was opened."""
        opened = [one.socket for one in self.patients] + [one.socket for one in self.dashboards]
        return [socket for socket in opened if socket is not None]


def address(number: int) -> str:
    """A loopback address of a person's own."""
    return f"127.1.{number // 250 % 250}.{number % 250 + 1}"
