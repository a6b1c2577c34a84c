"""Janus of the Debian package, its VideoRoom plugin spoken to over the WebSocket API.

A participant is two peer connections here, one that publishes and one that subscribes: that is how this plugin works.
"""

import asyncio
import functools
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from teleward_cli import store
from websockets.asyncio.client import ClientConnection, connect

from teleward_testing.media_load.generator import Generator
from teleward_testing.media_load.servers import Kind, Server, for_everybody
from teleward_testing.media_load.shapes import Shape

PLUGIN = "janus.plugin.videoroom"
STARTS_WITHIN_S = 10.0
RETRY_S = 0.05
UNUSED = {
    "plugins": (
        "audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming",
        "textroom", "videocall", "voicemail",
    ),
    "transports": ("http", "mqtt", "nanomsg", "pfunix", "rabbitmq"),
}  # fmt: skip


class JanusError(Exception):
    """Janus refused something."""


class Janus:
    """One Janus; rooms of ours are its rooms, numbered from 1."""

    def __init__(self, process: asyncio.subprocess.Process, socket: ClientConnection) -> None:
        self.process = psutil.Process(process.pid)
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._session = 0

    async def fill(self, generator: Generator, shape: Shape) -> None:
        self._session = int((await self._ask({"janus": "create"}))["data"]["id"])
        handle = await self._attach()
        for room in range(1, shape.rooms + 1):
            await self._plugin(
                handle,
                {"request": "create", "room": room, "publishers": shape.people, "bitrate": 0},
            )
        feeds: dict[tuple[int, int], int] = {}

        async def publish(room: int, person: int) -> None:
            if person < shape.senders:
                feeds[room, person] = await self._publish(generator, shape, room, person)

        async def subscribe(room: int, person: int) -> None:
            others = [feed for (r, p), feed in feeds.items() if r == room and p != person]
            if others:
                await self._subscribe(generator, shape, room, person, others)

        await for_everybody(shape, publish)
        await for_everybody(shape, subscribe)

    async def _publish(self, generator: Generator, shape: Shape, room: int, person: int) -> int:
        """Publish, and return the feed's number."""
        handle, peer = await self._attach(), f"{room}/{person}/up"
        joined, _ = await self._plugin(
            handle, {"request": "join", "ptype": "publisher", "room": room + 1}
        )
        offer = {"type": "offer", "sdp": await generator.offer(peer, shape.tracks)}
        _, answer = await self._plugin(handle, {"request": "publish"}, offer)
        await generator.accept(peer, answer["sdp"])
        return int(joined["id"])

    async def _subscribe(
        self, generator: Generator, shape: Shape, room: int, person: int, feeds: Sequence[int]
    ) -> None:
        handle, peer = await self._attach(), f"{room}/{person}/down"
        streams = [{"feed": feed, "substream": shape.layer} for feed in feeds]
        join = {"request": "join", "ptype": "subscriber", "room": room + 1, "streams": streams}
        offer = await self._once_there(handle, join)
        answer = {"type": "answer", "sdp": await generator.answer(peer, offer["sdp"])}
        await self._plugin(handle, {"request": "start", "room": room + 1}, answer)
        await generator.connected(peer)

    async def _once_there(self, handle: int, join: dict[str, Any]) -> dict[str, str]:
        """Join, once Janus has noticed that the publishers are connected; its offer."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                return (await self._plugin(handle, join))[1]
            except JanusError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(RETRY_S)

    async def _attach(self) -> int:
        attached = await self._ask({"janus": "attach", "plugin": PLUGIN})
        return int(attached["data"]["id"])

    async def _plugin(
        self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Ask the plugin; its answer, and the SDP that came with it."""
        message = {"janus": "message", "handle_id": handle, "body": body}
        reply = await self._ask({**message, "jsep": jsep} if jsep else message)
        data = reply["plugindata"]["data"]
        if "error" in data:
            raise JanusError(f"{body['request']}: {data['error']}")
        return data, reply.get("jsep", {})

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        name = str(next(self._numbers))
        answered = self._waiting[name] = asyncio.get_running_loop().create_future()
        session = {"session_id": self._session} if self._session else {}
        await self._socket.send(json.dumps({"transaction": name, **session, **message}))
        reply: dict[str, Any] = await answered
        if reply["janus"] == "error":
            raise JanusError(f"{message['janus']}: {reply['error']['reason']}")
        return reply

    async def _read(self) -> None:
        async for text in self._socket:
            reply = json.loads(text)
            if reply["janus"] == "ack":
                continue  # the answer of the plugin follows
            answered = self._waiting.pop(reply.get("transaction", ""), None)
            if answered is not None:
                answered.set_result(reply)

    @classmethod
    @asynccontextmanager
    async def start(
        cls, event_loops: int, address: str, prefix: Sequence[str]
    ) -> AsyncIterator[Server]:
        """Run one; `event_loops` 0 is Janus's own default, a thread for every peer connection."""
        port = store.free_port()
        with tempfile.TemporaryDirectory() as folder:
            _configure(Path(folder), event_loops, address, port)
            process = await asyncio.create_subprocess_exec(
                *prefix, "janus", "-F", folder,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                async with await _connected(port) as socket:
                    made = cls(process, socket)
                    reading = asyncio.create_task(made._read())
                    try:
                        yield made
                    finally:
                        reading.cancel()
            finally:
                process.kill()
                await process.wait()


def _configure(folder: Path, event_loops: int, address: str, port: int) -> None:
    loops = f"event_loops = {event_loops}" if event_loops else ""
    off = {
        part: ",".join(f"libjanus_{name}.so" for name in names) for part, names in UNUSED.items()
    }
    folder.joinpath("janus.jcfg").write_text(
        f"general: {{ debug_level = 2\n session_timeout = 0\n {loops} }}\n"
        f'nat: {{ ice_enforce_list = "{address}" }}\n'
        f'plugins: {{ disable = "{off["plugins"]}" }}\n'
        f'transports: {{ disable = "{off["transports"]}" }}\n'
    )
    folder.joinpath("janus.transport.websockets.jcfg").write_text(
        f'general: {{ ws = true\n ws_port = {port}\n ws_ip = "127.0.0.1" }}\n'
    )


async def _connected(port: int) -> ClientConnection:
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            try:
                return await connect(
                    f"ws://127.0.0.1:{port}", subprotocols=["janus-protocol"], max_size=None,  # type: ignore[list-item]  # a str by another name
                    ping_interval=None, proxy=None,
                )  # fmt: skip
            except OSError:
                await asyncio.sleep(RETRY_S)


@functools.cache
def _version() -> str:
    told = subprocess.run(["janus", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", told.stdout + told.stderr)
    return found[0] if found else "unknown"


def _kind(name: str, event_loops: int) -> Kind:
    return Kind(
        name,
        functools.partial(Janus.start, event_loops),
        lambda: None if shutil.which("janus") else "no janus: apt-get install janus",
        _version,
        needs_network=True,
    )


JANUS = _kind("janus", 0)
JANUS_ONE_LOOP = _kind("janus-1-loop", 1)
KINDS = (JANUS, JANUS_ONE_LOOP)
