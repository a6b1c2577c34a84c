"""A person without a browser who closes behind them what they opened."""

from types import TracebackType
from typing import Any

from teleward_cli.demo.client import Visitor


class TidyVisitor(Visitor):
    """See `Visitor`."""

    def __init__(self, gateway: str, **more: Any) -> None:
        super().__init__(gateway, **more)
        self._opened: list[Any] = []

    async def connect(self, kind: Any, path: str, protocols: tuple[str, ...] = ()) -> Any:
        """See `Visitor`."""
        socket = await super().connect(kind, path, protocols)
        self._opened.append(socket)
        return socket

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        for socket in self._opened:
            await socket.close()
        await super().__aexit__(kind, err, at)
