"""The SFUs under load: how each is started, and how the generator's peers get into it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol

import httpx
import psutil
from teleward_contract import signalling
from teleward_contract.signalling import Join, Joined, ShownSlot, Slots, SlotView, View
from websockets.exceptions import ConnectionClosed

from teleward_testing.go_programs import ROOT, GoProgram
from teleward_testing.media_load.generator import Generator, pion_version
from teleward_testing.media_load.shapes import Shape
from teleward_testing.media_node import Participant, RunningMediaNode, attach, running_media_node
from teleward_testing.valkey import RunningValkey

SFU_PION = GoProgram("sfu_pion", ROOT / "tests/load/sfu_pion")
AT_ONCE = 8
"""Peers that join at the same time."""


class Server(Protocol):
    """One running SFU."""

    @property
    def process(self) -> psutil.Process:
        """The process whose processor time and memory count."""
        ...

    async def fill(self, generator: Generator, shape: Shape) -> None:
        """Let everybody of the shape in; all are connected afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One SFU that can be measured."""

    name: str
    start: Callable[[str, Sequence[str]], AbstractAsyncContextManager[Server]]
    """Start it on a local address, its command prefixed."""
    missing: Callable[[], str | None]
    """What it lacks on this machine; None when it can run."""
    version: Callable[[], str]
    needs_network: bool = False
    """Whether it will not use a loopback interface."""


class Teleward:
    """A media node, as `teleward up` and the operator start it."""

    def __init__(self, node: RunningMediaNode, stack: AsyncExitStack) -> None:
        self.process = psutil.Process(node.process.pid)
        self._node = node
        self._stack = stack

    async def fill(self, generator: Generator, shape: Shape) -> None:
        await for_everybody(shape, lambda room, person: self._join(generator, shape, room, person))

    async def _join(self, generator: Generator, shape: Shape, room: int, person: int) -> None:
        name = f"{room}/{person}"
        who = await attach(
            self._node, str(person), call=f"visit:{room}", max_participants=shape.people
        )
        offer = await generator.offer(
            name, shape.tracks if person < shape.senders else (),
            audio=shape.slots(person, "audio"), video=shape.slots(person, "video"),
        )  # fmt: skip
        await who.send(Join(offer=offer))
        joined = await who.receive(Joined)
        await generator.accept(name, joined.answer)
        await who.send(_view(joined.slots, shape.layer))
        watching = asyncio.create_task(_watch(who, shape.layer))
        self._stack.push_async_callback(_leave, who, watching)

    @classmethod
    @asynccontextmanager
    async def start(cls, address: str, prefix: Sequence[str]) -> AsyncIterator[Server]:
        """Run one, with a store of its own."""
        with (
            RunningValkey() as store,
            running_media_node(
                store.url,
                prefix=prefix,
                udp_address=address,
                advertised_address=address,
                capacity_units="10000",
            ) as node,
        ):
            async with AsyncExitStack() as stack:
                yield cls(node, stack)


async def _watch(who: Participant, layer: int) -> None:
    """Say anew what is shown whenever a slot shows somebody else, as a page does, until the socket closes."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = signalling.parse_server_frame(await who.socket.recv())
            if isinstance(frame, Slots):
                await who.send(_view(frame.slots, layer))


async def _leave(who: Participant, watching: "asyncio.Task[None]") -> None:
    await who.close()
    await watching


HEIGHTS = (180, 360, 720)
"""Of a tile, in device pixels, that each encoding of a camera of 720 lines is for."""


def _view(slots: Sequence[SlotView], layer: int) -> View:
    """Say what a page says that shows every picture at the size of one encoding."""
    pictures = [slot.mid for slot in slots if slot.kind == "video"]
    return View(slots=tuple(ShownSlot(mid=mid, height=HEIGHTS[layer]) for mid in pictures))


class PionSfu:
    """The smallest SFU of pion, `tests/load/sfu_pion`."""

    def __init__(self, process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
        self.process = psutil.Process(process.pid)
        self._client = client

    async def fill(self, generator: Generator, shape: Shape) -> None:
        await for_everybody(shape, lambda room, person: self._join(generator, shape, room, person))

    async def _join(self, generator: Generator, shape: Shape, room: int, person: int) -> None:
        name = f"{room}/{person}"
        offer = await generator.offer(
            name, shape.tracks if person < shape.senders else (),
            audio=shape.slots(person, "audio"), video=shape.slots(person, "video"),
        )  # fmt: skip
        answer = await self._client.post(
            "/join", params={"room": room, "rid": shape.rid}, content=offer
        )
        answer.raise_for_status()
        await generator.accept(name, answer.text)

    @classmethod
    @asynccontextmanager
    async def start(cls, address: str, prefix: Sequence[str]) -> AsyncIterator[Server]:
        """Run one."""
        program = SFU_PION.find()
        assert program is not None, "the SFU is not built"
        process = await asyncio.create_subprocess_exec(
            *prefix, str(program), "-address", address, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            port = json.loads(await process.stdout.readline())["port"]
            async with httpx.AsyncClient(
                base_url=f"http://{address}:{port}", trust_env=False
            ) as client:
                yield cls(process, client)
        finally:
            process.kill()
            await process.wait()


async def for_everybody(shape: Shape, do: Callable[[int, int], Awaitable[None]]) -> None:
    """Do something for each (room, person), a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(room: int, person: int) -> None:
        async with gate:
            await do(room, person)

    await asyncio.gather(
        *(one(room, person) for room in range(shape.rooms) for person in range(shape.people))
    )


def _built(program: GoProgram) -> Callable[[], str | None]:
    return lambda: None if program.find() else f"{program.name} is not built"


TELEWARD = Kind("teleward", Teleward.start, lambda: None, lambda: metadata.version("teleward"))
PION = Kind("pion", PionSfu.start, _built(SFU_PION), lambda: pion_version(SFU_PION))
