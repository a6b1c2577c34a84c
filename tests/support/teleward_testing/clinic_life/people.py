"""Patients, their browsers and their pages, each of which notes what it is told."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter
from teleward_cli.demo.client import Socket, SocketEndedError, Visitor
from teleward_cli.demo.frames import VISIT_FRAME, Replaced, Transferred, Unknown, Visit

from teleward_testing.clinic_life.model import Clinic

ORIGIN = "http://clinic.test"
ENDS = frozenset({"replaced", "transferred", "unknown", "ended", "refused"})
"""After which a page does not come back by itself."""


class Guest(Visitor):
    """Somebody whose browser is at one address, whichever replica answers."""

    def __init__(self, replica: str) -> None:
        super().__init__(replica)

    def at(self, replica: str) -> "Guest":
        """Go on through another replica."""
        self.gateway = replica
        return self

    def _headers(self) -> dict[str, str]:
        return super()._headers() | {"Origin": ORIGIN}


@dataclass(eq=False)
class Page:
    """One open socket of a patient: what it was told last, and whether it has ended."""

    socket: Socket
    replica: int
    told: list[str] = field(default_factory=list)
    is_over: bool = False
    reading: asyncio.Task[None] | None = None

    @property
    def last(self) -> str:
        """The newest word."""
        return self.told[-1] if self.told else ""

    async def close(self) -> None:
        """Close it from this side."""
        if self.reading:
            self.reading.cancel()
        await self.socket.close()


@dataclass(eq=False)
class Person:
    """A patient: one browser, its pages, its call."""

    name: str
    browser: Guest
    entered_at: Clinic
    visit: str = ""
    arrived_ms: int = 0
    page: Page | None = None
    """The newest waiting page."""
    replaced: list[Page] = field(default_factory=list)
    """Pages on older devices that have not been told yet."""
    call: Page | None = None


def waiting_page(socket: Socket, replica: int) -> Page:
    """Read on as a waiting page does."""
    return _page(socket, replica, _waiting_word)


def call_page(socket: Socket, replica: int) -> Page:
    """Read on as the page of a call does."""
    return _page(socket, replica, lambda text: str(json.loads(text)["type"]))


def _page(socket: Socket, replica: int, word_of: Callable[[str], str]) -> Page:
    page = Page(socket, replica)
    page.reading = asyncio.create_task(_note(page, word_of))
    return page


async def _note(page: Page, word_of: Callable[[str], str]) -> None:
    try:
        while True:
            page.told.append(word_of(await page.socket.receive_text()))
    except SocketEndedError:
        page.is_over = True


def _waiting_word(text: str) -> str:
    adapter: TypeAdapter[Any] = VISIT_FRAME
    return _word(adapter.validate_json(text))


def _word(frame: object) -> str:
    match frame:
        case Visit():
            return str(frame.state.value)
        case Replaced():
            return "replaced"
        case Transferred():
            return "transferred"
        case Unknown():
            return "unknown"
        case _:
            return "wait"
