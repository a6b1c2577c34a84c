"""Reads the gateway's server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from teleward_testing.front_door import FrontDoor

WITHIN_S = 30.0


class Stream:
    """A stream that is read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.comments = 0

    async def event(self, within_s: float | None = WITHIN_S) -> Any:
        """The next frame, or the code with which the stream closes; None at its end."""
        async with asyncio.timeout(within_s):
            while True:
                lines = [line async for line in self._lines()]
                if not lines:
                    return None
                fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
                self.comments += not fields
                if fields:
                    return json.loads(fields["data"])

    async def _lines(self) -> AsyncIterator[str]:
        while line := (await self.answer.content.readline()).decode():
            if line == "\n":
                return
            yield line.removesuffix("\n")


@contextlib.asynccontextmanager
async def stream(
    door: FrontDoor, path: str, cookie: str = "", body: object = None, **headers: str
) -> AsyncIterator[Stream]:
    """Open a stream at a path of the door."""
    sent = {
        "Accept": "text/event-stream", "Origin": door.origin, "Cookie": cookie, **headers,
    }  # fmt: skip
    async with (
        aiohttp.ClientSession(read_bufsize=2**24) as http,
        http.post(f"{door.gateway.url}{path}", json=body or {}, headers=sent) as answer,
    ):
        yield Stream(answer)
