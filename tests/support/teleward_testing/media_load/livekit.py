"""LiveKit, whose binary `TELEWARD_BENCH_LIVEKIT` names; its signalling spoken as JSON over its WebSocket.

A participant is two peer connections here, too; the server offers the one on which it sends, and offers anew with
every track that it adds.
"""

import asyncio
import base64
import functools
import hashlib
import hmac
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from teleward_cli import store
from websockets.asyncio.client import ClientConnection, connect

from teleward_testing.media_load.generator import Generator
from teleward_testing.media_load.servers import Kind, Server, for_everybody
from teleward_testing.media_load.shapes import Shape

BINARY = "TELEWARD_BENCH_LIVEKIT"
KEY, SECRET = "bench", "a-secret-of-the-bench-for-nobody-else"
PROTOCOL = 12
"""Of the signalling: two peer connections, the server's offered at once."""
OFFER, SDP = 0x1A, 0x12
"""Tags in Protocol Buffers: `offer` of a SignalResponse, `sdp` of a SessionDescription (livekit_rtc.proto)."""
QUALITIES = ("LOW", "MEDIUM", "HIGH")
STARTS_WITHIN_S = 10.0
RETRY_S = 0.05
JOINS_WITHIN_S = 15.0


class LiveKit:
    """One LiveKit with one UDP port."""

    def __init__(
        self, process: asyncio.subprocess.Process, address: str, port: int, stack: AsyncExitStack
    ) -> None:
        self.process = psutil.Process(process.pid)
        self._url = f"ws://{address}:{port}/rtc"
        self._stack = stack

    async def fill(self, generator: Generator, shape: Shape) -> None:
        await for_everybody(shape, lambda room, person: self._join(generator, shape, room, person))

    async def _join(self, generator: Generator, shape: Shape, room: int, person: int) -> None:
        token = _token(f"room-{room}", f"person-{person}")
        url = f"{self._url}?access_token={token}&protocol={PROTOCOL}&auto_subscribe=1"
        socket = await self._stack.enter_async_context(connect(url, max_size=None, proxy=None))
        one = _Participant(socket, generator, shape, f"{room}/{person}")
        reading = asyncio.create_task(one.read())
        self._stack.callback(reading.cancel)
        async with asyncio.timeout(JOINS_WITHIN_S):
            await one.join(sends=person < shape.senders)

    @classmethod
    @asynccontextmanager
    async def start(cls, address: str, prefix: Sequence[str]) -> AsyncIterator[Server]:
        """Run one."""
        port = store.free_port()
        with tempfile.TemporaryDirectory() as folder:
            process = await asyncio.create_subprocess_exec(
                *prefix, os.environ[BINARY], "--config", _configure(Path(folder), address, port),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                await _listens(address, port)
                async with AsyncExitStack() as stack:
                    yield cls(process, address, port, stack)
            finally:
                process.kill()
                await process.wait()


class _Participant:
    """One socket, and the two peers behind it."""

    def __init__(
        self, socket: ClientConnection, generator: Generator, shape: Shape, name: str
    ) -> None:
        self._socket = socket
        self._generator = generator
        self._shape = shape
        self._name = name
        self._answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._receives = asyncio.Event()

    async def join(self, *, sends: bool) -> None:
        await self._send(
            "ping", str(time.time_ns() // 1_000_000)
        )  # it answers in JSON from now on
        if sends:
            for number, track in enumerate(self._shape.tracks):
                kind = ("CAMERA", "VIDEO") if track.kind == "video" else ("MICROPHONE", "AUDIO")
                layers = [
                    {"quality": quality, "width": 320 * 2**n, "height": 180 * 2**n}
                    for n, (quality, _) in enumerate(zip(QUALITIES, track.layers, strict=False))
                ]
                wanted = {"cid": f"track-{number}", "source": kind[0], "type": kind[1]}
                if track.kind == "video":
                    wanted |= {"width": 1280, "height": 720, "layers": layers}  # type: ignore[dict-item]  # JSON
                await self._send("addTrack", wanted)
            offer = await self._generator.offer(f"{self._name}/up", self._shape.tracks)
            await self._send("offer", {"type": "offer", "sdp": offer})
            await self._generator.accept(f"{self._name}/up", await self._answered)
        await self._receives.wait()
        await self._generator.connected(f"{self._name}/down")

    async def read(self) -> None:
        """Take what the server says, until the socket closes."""
        async for text in self._socket:
            if isinstance(text, bytes):  # until it has seen that we speak JSON
                if text[0] == OFFER:
                    await self._take_offer(_fields(_fields(text)[OFFER])[SDP].decode())
                continue
            for what, said in json.loads(text).items():
                match what:
                    case "answer":
                        self._answered.set_result(said["sdp"])
                    case "offer":
                        await self._take_offer(said["sdp"])
                    case "update":
                        await self._want(said["participants"])

    async def _take_offer(self, offer: str) -> None:
        answer = await self._generator.answer(f"{self._name}/down", offer)
        await self._send("answer", {"type": "answer", "sdp": answer})
        self._receives.set()

    async def _want(self, participants: Sequence[dict[str, Any]]) -> None:
        """Ask for the encoding that the shape wants."""
        tracks = [track for one in participants for track in one.get("tracks", ())]
        pictures = [track["sid"] for track in tracks if track.get("type") == "VIDEO"]
        if pictures and self._shape.rid:
            quality = QUALITIES[self._shape.layer]
            await self._send("trackSetting", {"trackSids": pictures, "quality": quality})

    async def _send(self, what: str, said: object) -> None:
        await self._socket.send(json.dumps({what: said}))


def _fields(message: bytes) -> dict[int, bytes]:
    """Read a Protocol Buffers message whose fields are all strings or messages: tag → what it holds."""
    found, at = {}, 0
    while at < len(message):
        tag, at, length, shift = message[at], at + 1, 0, 0
        while True:
            length |= (message[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 0x80:
                break
        found[tag], at = message[at : at + length], at + length
    return found


def _configure(folder: Path, address: str, port: int) -> str:
    """Write its configuration, which is YAML and so may be JSON; the path."""
    path = folder / "livekit.json"
    said = {
        "port": port,
        "bind_addresses": [address],
        "keys": {KEY: SECRET},
        "rtc": {
            "udp_port": store.free_port(), "tcp_port": 0, "use_external_ip": False,
            "node_ip": address, "enable_loopback_candidate": True,
        },
        "logging": {"level": "error"},
    }  # fmt: skip
    path.write_text(json.dumps(said))
    return str(path)


def _token(room: str, identity: str) -> str:
    """An access token: a JWT under HS256 (RFC 7519, RFC 7515)."""
    head = {"alg": "HS256", "typ": "JWT"}
    grant = {"room": room, "roomJoin": True}
    body = {"iss": KEY, "sub": identity, "exp": int(time.time()) + 600, "video": grant}
    text = b".".join(_url_safe(json.dumps(part).encode()) for part in (head, body))
    return (text + b"." + _url_safe(hmac.digest(SECRET.encode(), text, hashlib.sha256))).decode()


def _url_safe(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def _listens(address: str, port: int) -> None:
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(address, port)
            except OSError:
                await asyncio.sleep(RETRY_S)
            else:
                writer.close()
                return


def _missing() -> str | None:
    binary = os.environ.get(BINARY)
    if binary is None:
        return f"{BINARY} names no livekit-server"
    return None if os.access(binary, os.X_OK) else f"{BINARY} is no program: {binary}"


@functools.cache
def _version() -> str:
    told = subprocess.run(
        [os.environ[BINARY], "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\d+\.\d+\.\d+", told.stdout + told.stderr)
    return found[0] if found else "unknown"


LIVEKIT = Kind("livekit", LiveKit.start, _missing, _version)
