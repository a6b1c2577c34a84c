"""A WebSocket whose browser does not read is cut when it is over: nothing waits for ever to be fetched."""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class CuttingProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which closes in good order: after all was sent, however long a browser lets it lie."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Called when the application is done with the socket."""
        super().on_task_complete(task)
        if not self.writable.is_set():
            self.transport.abort()
