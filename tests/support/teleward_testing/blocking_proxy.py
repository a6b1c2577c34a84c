"""A proxy as some networks have: requests pass, WebSockets do not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

_HEAD_END = b"\r\n\r\n"
_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Sockets(Enum):
    """What becomes of WebSockets."""

    PASS = "pass"
    REFUSE = "refuse"
    SWALLOW = "swallow"
    """They are taken in and never answered."""


class BlockingProxy:
    """Stands before one server; a browser opens a connection of its own for each WebSocket."""

    def __init__(self, port: int) -> None:
        self.sockets = Sockets.REFUSE
        self.asked = 0
        """How many WebSockets were asked for."""
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()

    def drop_all(self) -> None:
        """Break every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        self._open.discard(writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(_HEAD_END)
        if b"upgrade: websocket" in head.lower():
            self.asked += 1
            if self.sockets is Sockets.REFUSE:
                writer.write(_REFUSAL)
                await writer.drain()
                return
            if self.sockets is Sockets.SWALLOW:
                await reader.read()
                return
        onwards, back = await asyncio.open_connection("127.0.0.1", self._port)
        back.write(head)
        pipes = [
            asyncio.create_task(_pipe(reader, back)),
            asyncio.create_task(_pipe(onwards, writer)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            back.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def blocking_proxy(at: str, port: int) -> AsyncIterator[BlockingProxy]:
    """Listen at the address `at` for the server at `port` of this machine."""
    proxy = BlockingProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", int(at.rpartition(":")[2]))
    try:
        yield proxy
    finally:
        server.close()
        proxy.drop_all()
