"""Pages that come back by themselves, as those of the browser do, and know when they were well again."""

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from teleward_cli.demo.client import CallSocket, DemoError, SocketEndedError, Visitor
from teleward_cli.people.peer import Peer
from teleward_contract.signalling import Closed, Join, Joined, Ready, Resume, ServerFrame

from teleward_testing.gateway_load.sockets import CheapSocket

DELAYS_S = (0.3, 1.0, 2.0, 3.0)
"""As `gateway/frontend/src/shared/reconnect.ts` has them, with the same spread."""
LIVED_S = 3.0
FINAL = frozenset({1000, 4001, 4004})
WELL = frozenset({"waiting", "called", "in_consultation", "on_hold", "queue"})


def pauses() -> Iterator[float]:
    """How long a page waits before each attempt."""
    for number in itertools.count():
        yield DELAYS_S[min(number, len(DELAYS_S) - 1)] * random.uniform(0.75, 1.25)


@dataclass(slots=True)
class Page:
    """A waiting page or a dashboard: one socket at a time, through whichever replica answers."""

    path: str
    cookie: str
    hello: str
    """What it says first; nothing for a dashboard."""
    from_address: str
    last: str = ""
    """The newest word: a state, or the type of a frame."""
    well_at: float = 0.0
    """Since when it is well; 0: it is not."""
    unwell_at: float = 0.0
    away_s: list[float] = field(default_factory=list)
    """How long it was not, each time."""
    ended_with: int | None = None
    frame_bytes: list[int] = field(default_factory=list)
    socket: CheapSocket | None = None
    task: asyncio.Task[None] | None = None

    def told(self, text: bytes) -> None:
        """Take a frame in."""
        frame = json.loads(text)
        self.frame_bytes.append(len(text))
        word = str(frame.get("state") or frame["type"])
        self.last = "queue" if word == "queue_delta" else word
        if self.last not in WELL:
            self.unwell()
        elif not self.well_at:
            self.well_at = time.monotonic()
            if self.unwell_at:
                self.away_s.append(self.well_at - self.unwell_at)

    def unwell(self) -> None:
        """It has lost its socket, or was told to wait."""
        if self.well_at:
            self.unwell_at = time.monotonic()
        self.well_at = 0.0

    async def live(self, replicas: Iterator[str], origin: str) -> None:
        """Connect, and again whenever the socket is lost, until the other side says that this is the end."""
        waits = pauses()
        while True:
            url = f"{next(replicas).replace('http', 'ws', 1)}{self.path}"
            began = time.monotonic()
            try:
                async with asyncio.timeout(10):
                    self.socket = await CheapSocket.connect(
                        url, origin, self.cookie, self.told, self.from_address
                    )
            except Exception:  # refused, cut, 5xx: a page tries again whatever it was
                await asyncio.sleep(next(waits))
                continue
            if self.hello:
                self.socket.send(self.hello)
            await self.socket.lost.wait()
            self.unwell()
            self.ended_with = self.socket.close_code
            if self.ended_with in FINAL:
                return
            if time.monotonic() - began > LIVED_S:
                waits = pauses()
            await asyncio.sleep(next(waits))

    def close(self) -> None:
        """It is closed for good."""
        if self.task is not None:
            self.task.cancel()
        if self.socket is not None:
            self.socket.close()


class Caller:
    """A participant of a call, who speaks: its call socket comes back, and it notes where the call is."""

    def __init__(self, browser: Visitor, path: str) -> None:
        self._browser = browser
        self._path = path
        self._peer: Peer | None = None
        self.media_node = ""
        self.joined_at = 0.0
        """When it joined last; a call that was only resumed was never away."""
        self.is_over = False

    async def live(self, next_replica: Callable[[], str]) -> None:
        """Stay in the call until it is closed for good."""
        waits = pauses()
        while not self.is_over:
            self._browser.gateway = next_replica()
            began = time.monotonic()
            with contextlib.suppress(DemoError, TimeoutError):
                async with await self._browser.call(self._path) as socket:
                    await self._stay(socket)
            if time.monotonic() - began > LIVED_S:
                waits = pauses()
            await asyncio.sleep(next(waits))
        await self.close()

    async def _stay(self, socket: CallSocket) -> None:
        try:
            while True:
                await self._take(await socket.receive(), socket)
        except SocketEndedError as err:
            self.is_over = self.is_over or err.close_code in FINAL

    async def _take(self, frame: ServerFrame, socket: CallSocket) -> None:
        match frame:
            case Ready(resumable=True) if self._peer is not None:
                await socket.send(Resume())
            case Ready():
                await self.close()
                self._peer = Peer(sends=frozenset({"audio"}))
                self.media_node = frame.media_node
                await socket.send(Join(offer=await self._peer.offer()))
            case Joined() if self._peer is not None:
                await self._peer.accept(frame.answer)
                self.joined_at = time.monotonic()
            case Closed():
                self.is_over = True
            case _:
                pass

    async def close(self) -> None:
        """End its media."""
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close()
