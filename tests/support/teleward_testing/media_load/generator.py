"""The native generator as a process, and what it counted."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Self

import psutil
from pydantic import BaseModel, ConfigDict

from teleward_testing.go_programs import ROOT, GoProgram
from teleward_testing.media_load.shapes import Track

GENERATOR = GoProgram("generator", ROOT / "tests/load/generator")
LONGEST_LINE = 2**20


def pion_version(program: GoProgram) -> str:
    """The version of pion that a program is built from."""
    text = (program.module / "go.mod").read_text()
    found = re.search(r"github.com/pion/webrtc/v4 v(\S+)", text)
    assert found
    return found[1]


class GeneratorError(Exception):
    """The generator could not do what it was told."""


class Counted(BaseModel):
    """What all receivers together read in a window."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    sent: int
    """Packets that senders sent."""
    packets: int
    """Packets of senders that receivers read."""
    bytes: int
    other: int
    """Packets without a sender's stamp: padding, probes."""
    repeated: int
    """Packets that were read before; not among `packets`."""
    lost: int
    """What never came between packets that did."""
    streams: dict[str, int]
    """kind → tracks on which anything came."""
    video_layers: dict[int, int]
    """layer → packets of pictures."""
    delay_us: dict[str, int]
    """p50, p95 and p99 from a packet's sending until it was read, in classes of 20 µs."""


class Generator:
    """Many peers in one process; `peer` names one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = psutil.Process(process.pid)
        self._process = process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def offer(
        self, peer: str, sends: Sequence[Track] = (), *, audio: int = 0, video: int = 0
    ) -> str:
        """Make a peer that sends these tracks and offers so many receive slots; its offer."""
        tracks = [asdict(track) for track in sends]
        return str((await self._do("offer", peer, sends=tracks, audio=audio, video=video))["sdp"])

    async def accept(self, peer: str, answer: str) -> None:
        """Give a peer the answer to its offer, and wait until it is connected."""
        await self._do("accept", peer, sdp=answer)
        await self.connected(peer)

    async def answer(self, peer: str, offer: str) -> str:
        """Make a peer from a server's offer; its answer."""
        return str((await self._do("answer", peer, sdp=offer))["sdp"])

    async def connected(self, peer: str) -> None:
        """Wait until DTLS is through."""
        await self._do("connected", peer)

    async def publish(self) -> None:
        """Let every sender send, until the process ends."""
        await self._do("publish")

    async def mark(self) -> None:
        """Begin a window."""
        await self._do("mark")

    async def count(self) -> Counted:
        """Read the window so far."""
        return Counted.model_validate((await self._do("count"))["counted"])

    async def _do(self, what: str, peer: str = "", **more: object) -> dict[str, Any]:
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        line = json.dumps({"id": number, "do": what, "peer": peer, **more})
        self._process.stdin.write(f"{line}\n".encode())
        reply: dict[str, Any] = await answered
        if reply.get("error"):
            raise GeneratorError(f"{what} {peer}: {reply['error']}")
        return reply

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            reply = json.loads(line)
            self._waiting.pop(reply["id"]).set_result(reply)
        for one in self._waiting.values():
            one.set_exception(GeneratorError("the generator has ended"))

    @classmethod
    @asynccontextmanager
    async def running(cls, address: str, prefix: Sequence[str] = ()) -> AsyncIterator[Self]:
        """Run one.

        Args:
            address: The local address that its peers use.
            prefix: What to put in front of the command, such as `taskset -c 1`.
        """
        program = GENERATOR.find()
        assert program is not None, "the generator is not built"
        process = await asyncio.create_subprocess_exec(
            *prefix, str(program), "-address", address,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
        )  # fmt: skip
        made = cls(process)
        reading = asyncio.create_task(made._read())
        try:
            yield made
        finally:
            process.kill()
            await process.wait()
            await reading
