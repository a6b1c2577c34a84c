"""Recordings of what reached a person, and canaries: words that must not be in somebody else's."""

import itertools
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page, Response, WebSocket

_TAGS = itertools.count(1)


def canary(what: str) -> str:
    """Make a word that occurs nowhere else; readable, so that a leak can be traced by eye."""
    return f"{what}{next(_TAGS)}{secrets.token_hex(4)}"


@dataclass  # no slots: Playwright notes its handlers on their owner
class Recording:
    """Everything that reached one person: where it came from and what it said."""

    owner: str
    heard: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, where: str, text: str) -> None:
        """Keep one HTTP body or frame."""
        self.heard.append((where, text))

    def leaks(self, words: Iterable[str]) -> list[str]:
        """Say where any of `words` occurs; the words themselves are named by their first part."""
        wanted = list(words)
        return [
            f"{self.owner} read {word[:12]}… from {where}"
            for where, text in self.heard
            for word in wanted
            if word.casefold() in text.casefold()
        ]

    def follow(self, page: Page) -> None:
        """Record every body and every WebSocket frame that reaches `page` from now on."""
        page.on("response", self._response)
        page.on("websocket", self._websocket)

    async def _response(self, response: Response) -> None:
        if response.status in (204, 301, 302, 303, 304):
            return
        try:
            body = await response.body()
        except Exception:  # the page has left before the body was read: Playwright has no own type
            return
        self.hear(response.url, body.decode("utf-8", "replace"))

    def _websocket(self, socket: WebSocket) -> None:
        socket.on(
            "framereceived",
            lambda data: self.hear(
                socket.url, data if isinstance(data, str) else data.decode("utf-8", "replace")
            ),
        )


def files_with(root: Path, words: Iterable[str]) -> list[str]:
    """Name every file below `root` that contains one of `words` in UTF-8 or UTF-16."""
    needles = [form for word in words for form in (word.encode(), word.encode("utf-16-le"))]
    return [
        f"{path.relative_to(root)}"
        for path in _files(root)
        if (content := _read(path)) is not None and any(needle in content for needle in needles)
    ]


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # gone, or a socket
        return None
