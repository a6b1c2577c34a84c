"""Many bots in a process of their own, so that a test's browser and a test's own pauses do not disturb their clocks.

`Crowd` is the test's end: it starts the process and asks it one thing at a time, a JSON line each way.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from teleward_cli.demo.client import Visitor
from teleward_contract import signalling

from teleward_testing.bots.bot import Bot
from teleward_testing.bots.film import film, sounds
from teleward_testing.bots.receiving import Seen
from teleward_testing.bots.sending import LOUD

ANSWER_WITHIN_S = 60.0
"""Twenty people join one after the other."""
SUPPORT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class BotView:
    """What one bot tells of itself."""

    you: str
    closed: str | None
    shows: dict[str, str | None]
    """mid → participant."""
    seen: dict[str, Seen]
    """By mid."""
    active: tuple[str, ...]
    """RIDs that it was told to send."""
    sent: dict[str, int]
    """RID → packets; the microphone's is the empty one."""
    keyframes: dict[str, int]

    def pictures(self) -> dict[str, Seen]:
        """Participant → what is seen of their camera."""
        return self._of("video")

    def voices(self) -> dict[str, Seen]:
        """Participant → what is heard of them."""
        return self._of("audio")

    def _of(self, kind: str) -> dict[str, Seen]:
        return {
            who: self.seen[mid]
            for mid, who in self.shows.items()
            if who is not None and self.seen[mid].kind == kind
        }


class Crowd:
    """The test's end of the process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()

    async def come(self, name: str, gateway: str, user: str, path: str, **slots: int) -> str:
        """Let a signed-in member of staff join a room through the gateway; their participant id."""
        answer = await self._ask(
            do="come", name=name, gateway=gateway, user=user, path=path, **slots
        )
        return str(answer["you"])

    async def speak(self, name: str, *, level: int = LOUD) -> None:
        """Let a bot speak at this level (-dBov), or be silent (`SILENT`)."""
        await self._ask(do="speak", name=name, level=level)

    async def say(self, name: str, frame: signalling.Frame) -> None:
        """Let a bot send a frame of signalling."""
        await self._ask(do="say", name=name, frame=frame.model_dump())

    async def leave(self, name: str) -> None:
        """Let a bot leave."""
        await self._ask(do="leave", name=name)

    async def mark(self) -> None:
        """Measure the longest gaps of all from now on."""
        await self._ask(do="mark")

    async def look(self) -> dict[str, BotView]:
        """What all bots tell, by name."""
        answer = await self._ask(do="look")
        return {name: _view(told) for name, told in answer.items()}

    def cpu_s(self) -> float:
        """Processor time of the process so far, in seconds."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    async def _ask(self, **command: object) -> Mapping[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        async with self._lock, asyncio.timeout(ANSWER_WITHIN_S):
            stdin.write(json.dumps(command).encode() + b"\n")
            line = await stdout.readline()
        assert line, "the bots' process ended"
        answer: dict[str, Any] = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer


def _view(told: dict[str, Any]) -> BotView:
    seen = {mid: Seen(**one) for mid, one in told.pop("seen").items()}
    return BotView(seen=seen, **{**told, "active": tuple(told["active"])})


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    """Start the process; end it and everybody in it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "teleward_testing.bots.crowd",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )  # fmt: skip
    try:
        yield Crowd(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


# -- inside the process ---------------------------------------------------------------------------


class _Company:
    def __init__(self) -> None:
        self.bots: dict[str, Bot] = {}
        self.visitors: dict[str, Visitor] = {}

    async def come(self, name: str, gateway: str, user: str, path: str, **slots: int) -> object:
        visitor = self.visitors[name] = Visitor(gateway)
        await visitor.sign_in(user)
        bot = Bot(await visitor.call(path), seed=len(self.bots), **slots)
        self.bots[name] = bot
        await bot.join(is_proxied=True)
        return {"you": bot.you}

    async def speak(self, name: str, level: int) -> object:
        self.bots[name].speak(level=level)
        return {}

    async def say(self, name: str, frame: dict[str, object]) -> object:
        await self.bots[name].say(signalling.parse_client_frame(json.dumps(frame)))
        return {}

    async def leave(self, name: str) -> object:
        await self.bots.pop(name).leave()
        await self.visitors.pop(name).__aexit__(None, None, None)
        return {}

    async def mark(self) -> object:
        for bot in self.bots.values():
            bot.mark()
        return {}

    async def look(self) -> object:
        return {name: _told(bot) for name, bot in self.bots.items()}


def _told(bot: Bot) -> dict[str, object]:
    streams = {one.rid: one for one in bot.streams}
    return {
        "you": bot.you, "closed": bot.closed,
        "shows": {mid: view.participant for mid, view in bot.shows.items()},
        "seen": {mid: asdict(seen) for mid, seen in bot.seen.items()},
        "active": bot.camera.active,
        "sent": {rid: stream.packets for rid, stream in streams.items()},
        "keyframes": {rid: stream.keyframes for rid, stream in streams.items()},
    }  # fmt: skip


async def _serve() -> None:
    film(), sounds()  # before anybody's clock runs
    company = _Company()
    lines = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        act: Callable[..., Awaitable[object]] = getattr(company, command.pop("do"))
        try:
            answer = await act(**command)
        except Exception as err:  # told to the test, which fails
            answer = {"failed": f"{type(err).__name__}: {err}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for name in list(company.bots):
        await company.leave(name)


if __name__ == "__main__":
    asyncio.run(_serve())
