"""A TCP address that leads to one server, then to another, as in front of a primary and its replica."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Switchboard:
    """Forwards connections on a loopback port of its own."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._lines: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Where clients of Redis find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def lead_to(self, port: int) -> None:
        """Lead new connections to another port, and cut those that stand."""
        self._behind = port
        for line in self._lines:
            line.transport.abort()

    @contextlib.asynccontextmanager
    async def serve(self) -> "AsyncIterator[Switchboard]":
        """Serve until the block ends."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.lead_to(self._behind)
            server.close()
            await server.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.transport.abort()
            return
        lines = {writer, far[1]}
        self._lines |= lines
        try:
            await asyncio.gather(_carry(reader, far[1]), _carry(far[0], writer))
        finally:
            self._lines -= lines
            for line in lines:
                line.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(2**16):
            writer.write(part)
            await writer.drain()
    writer.transport.abort()
