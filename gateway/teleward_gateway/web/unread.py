"""A browser that does not read is cut when its socket or stream is over: nothing waits for ever to be fetched."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from teleward_gateway.web.streams import UNREAD


class CuttingProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which closes in good order: after all was sent, however long a browser lets it lie."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Called when the application is done with the socket."""
        super().on_task_complete(task)
        if not self.writable.is_set():
            self.transport.abort()


class CuttingHttpProtocol(H11Protocol):
    """Uvicorn's protocol, but for a stream that nobody reads, which is cut."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self._cutting(self.app)

    def _cutting(self, app: Any) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            if scope.get("state", {}).get(UNREAD):
                self.transport.abort()
                await receive()  # until the loop has said that the connection is lost

        return answer
