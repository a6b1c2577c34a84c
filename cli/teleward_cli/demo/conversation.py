"""One person's side of a call: signalling to and fro, one peer at a time, until it is over."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from teleward_contract.signalling import (
    Closed,
    CloseReason,
    End,
    Error,
    Frame,
    Join,
    Joined,
    Leave,
    Ready,
    Resume,
    ServerFrame,
)

from teleward_cli.demo.client import CallSocket, DemoError, SocketEndedError, Visitor

RECONNECT_S = (0.3, 1.0, 2.0, 3.0)
"""Waits before the first, second, … attempt to reconnect; docs/wire.md. The last one repeats."""

LOOK_EVERY_S = 0.02
"""How often the wait for the first picture looks: the error of the join time."""

FINAL = frozenset({CloseReason.LEFT, CloseReason.ENDED, CloseReason.REMOVED, CloseReason.REPLACED})
"""After these the call is over for this person; after any other the socket is opened again."""


class MediaPeer(Protocol):
    """A WebRTC peer that sends moving pictures and sound and counts what it receives."""

    @property
    def frames_decoded(self) -> int:
        """Remote video frames decoded so far."""
        ...

    @property
    def audio_energy(self) -> float:
        """Energy of all remote sound so far: sum of squared samples (full scale 1) in seconds."""
        ...

    @property
    def cipher(self) -> str | None:
        """SRTP protection profile by its IANA name; None before the handshake is done."""
        ...

    async def offer(self) -> str:
        """The one offer of this peer, as SDP."""
        ...

    async def accept(self, answer: str) -> None:
        """Take the media node's answer; media starts."""
        ...

    async def close(self) -> None:
        """Stop everything."""
        ...


class Conversation:
    """Runs a call for one person; `run` ends when the call is over for that person."""

    def __init__(self, visitor: Visitor, path: str, make_peer: Callable[[], MediaPeer]) -> None:
        self._visitor = visitor
        self._path = path
        self._make_peer = make_peer
        self._socket: CallSocket | None = None
        self._peer: MediaPeer | None = None
        self._earlier = (0, 0.0)
        self._epoch: int | None = None
        self._started = time.monotonic()
        self._has_media = asyncio.Event()
        self.media_node: str | None = None
        self.cipher: str | None = None
        self.join_s: float | None = None
        """Seconds from the wish to join to the first remote picture decoded."""

    @property
    def frames_decoded(self) -> int:
        """Over all peers of this conversation."""
        return self._earlier[0] + (self._peer.frames_decoded if self._peer else 0)

    @property
    def audio_energy(self) -> float:
        """Over all peers of this conversation."""
        return self._earlier[1] + (self._peer.audio_energy if self._peer else 0.0)

    async def run(self) -> CloseReason:
        """Join, and go on until the call is over for this person.

        Raises:
            DemoError: The gateway or the media node refused.
        """
        self._started = time.monotonic()
        watch = asyncio.create_task(self._note_first_picture())
        try:
            return await self._run()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await self._drop_peer()

    async def wait_for_media(self) -> None:
        """Return once the first remote picture was decoded; the caller sets the deadline."""
        await self._has_media.wait()

    async def leave(self) -> None:
        """Leave the call; the others stay."""
        await self._send(Leave())

    async def end(self) -> None:
        """End the call for all."""
        await self._send(End())

    async def _run(self) -> CloseReason:
        attempt = 0
        while True:
            try:
                async with await self._visitor.call(self._path) as socket:
                    self._socket = socket
                    attempt = 0
                    if (reason := await self._hold(socket)) in FINAL:
                        return reason
            except SocketEndedError:
                pass  # neither `closed` nor `error` was said: reconnect
            await asyncio.sleep(RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
            attempt += 1

    async def _hold(self, socket: CallSocket) -> CloseReason:
        while True:
            frame = await socket.receive()
            if isinstance(frame, Closed):
                return frame.reason
            await self._take(frame, socket)

    async def _take(self, frame: ServerFrame, socket: CallSocket) -> None:
        match frame:
            case Ready() if self._peer and frame.resumable and frame.epoch == self._epoch:
                await socket.send(Resume())
            case Ready():
                await self._drop_peer()
                self._peer = self._make_peer()
                self._epoch, self.media_node = frame.epoch, frame.media_node
                await socket.send(Join(offer=await self._peer.offer()))
            case Joined() if self._peer:
                await self._peer.accept(frame.answer)
            case Error(fatal=True):
                raise DemoError(f"the call was refused: {frame.code}")
            case _:
                pass

    async def _note_first_picture(self) -> None:
        while self.frames_decoded == 0:  # noqa: ASYNC110 - the peer only counts
            await asyncio.sleep(LOOK_EVERY_S)
        self.join_s = time.monotonic() - self._started
        # Now: after a goodbye of the other side the peer knows it no more.
        self.cipher = self._peer.cipher if self._peer else None
        self._has_media.set()

    async def _drop_peer(self) -> None:
        if self._peer is None:
            return
        self._earlier = (self.frames_decoded, self.audio_energy)
        peer, self._peer = self._peer, None
        await peer.close()

    async def _send(self, frame: Frame) -> None:
        if self._socket is not None:
            await self._socket.send(frame)
