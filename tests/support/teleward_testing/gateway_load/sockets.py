"""A WebSocket that costs next to nothing: `websockets`' protocol on a transport, and a call for each text."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import parse_uri

Told = Callable[[bytes], None]


class CheapSocket(asyncio.Protocol):
    """One socket; pings are answered."""

    def __init__(self, url: str, origin: str, cookie: str, told: Told) -> None:
        self._protocol = ClientProtocol(parse_uri(url), origin=Origin(origin), max_size=None)
        self._cookie = cookie
        self._told = told
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_open = False
        self.lost = asyncio.Event()
        """It is not open any more."""
        self.response_headers = ""
        """What the handshake was answered with."""

    @property
    def close_code(self) -> int | None:
        """With what the other side closed it; None when it simply broke."""
        told = self._protocol.close_rcvd
        return told.code if told else None

    @classmethod
    async def connect(
        cls, url: str, origin: str, cookie: str, told: Told, from_address: str
    ) -> "CheapSocket":
        """Open one from this loopback address."""
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: cls(url, origin, cookie, told), parts.hostname, parts.port,
            local_addr=(from_address, 0),
        )  # fmt: skip
        await made.opened
        return made

    def send(self, text: str) -> None:
        """Send one text."""
        self._protocol.send_text(text.encode())
        self._flush()

    def close(self) -> None:
        """Cut it."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        request = self._protocol.connect()
        request.headers["Cookie"] = self._cookie
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                if event.opcode is Opcode.TEXT:
                    self._told(bytes(event.data))
            elif self._protocol.state is State.OPEN:
                self.is_open = True
                self.response_headers = str(event.headers)
                if not self.opened.done():
                    self.opened.set_result(None)
        self._flush()
        refusal = self._protocol.handshake_exc
        if refusal is not None and not self.opened.done():
            self.opened.set_exception(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self.lost.set()
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the gateway closed the socket"))

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
