"""One process: started, watched, restarted when it dies, stopped; and it never outlives its parent."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from teleward_cli.local.commands import Command

FIRST_DELAY_S, LONGEST_DELAY_S = 0.2, 10.0
"""Back-off between restarts: doubled from the first to the longest."""

STEADY_S = 10.0
"""A process that ran this long is trusted again: its next restart is quick."""

LARGEST_LOG = 16 * 1024 * 1024
"""Bytes; a log beyond it is set aside at the next start, one generation is kept."""

_PR_SET_PDEATHSIG = 1  # Source: prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ChildState(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"
    """It died and waits for its next start."""
    STOPPED = "stopped"


def delay_after(failures: int) -> float:
    """How long to wait before the next start, in seconds, after so many deaths in a row."""
    return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(failures - 1, 16)))


class Child:
    """Keeps one process running until it is told to stop."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.state = ChildState.STARTING
        self.restarts = 0
        self.exit_code: int | None = None
        """Of its last death."""
        self.started = asyncio.Event()
        """Set once it has been started, or could not be."""
        self._process: Process | None = None
        self._stop_asked = asyncio.Event()
        self._task = asyncio.create_task(self._keep(), name=f"child {command.name}")

    @property
    def name(self) -> str:
        """The process's name."""
        return self.command.name

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        is_there = self._process is not None and self._process.returncode is None
        return self._process.pid if is_there and self._process else None

    def terminate(self) -> None:
        """Ask it to stop; it is not started again."""
        self._stop_asked.set()
        self._signal(signal.SIGTERM)
        if self.state is not ChildState.STOPPED:
            self.state = ChildState.STOPPING

    def kill(self) -> None:
        """End it at once."""
        self._stop_asked.set()
        self._signal(signal.SIGKILL)

    async def stopped(self, grace_s: float) -> None:
        """Wait until it has stopped; after `grace_s` seconds it is killed."""
        done, _ = await asyncio.wait({self._task}, timeout=grace_s)
        if not done:
            self.kill()
            await asyncio.wait({self._task})

    def _signal(self, signum: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signum)
                if signum is signal.SIGTERM:
                    os.kill(self.pid, signal.SIGCONT)  # a paused process cannot stop in order

    async def _keep(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stop_asked.is_set():
            started = loop.time()
            try:
                self._process = await _start(self.command)
                self.state = ChildState.RUNNING
                self.started.set()
                if self._stop_asked.is_set():
                    self._signal(signal.SIGTERM)
                self.exit_code = await self._process.wait()
            except OSError as err:
                _append(self.command.log, f"{self.name} cannot be started: {err}\n")
            self.started.set()
            if self._stop_asked.is_set():
                break
            self.state = ChildState.FAILED
            self.restarts += 1
            failures = 1 if loop.time() - started > STEADY_S else failures + 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_asked.wait(), delay_after(failures))
        self.state = ChildState.STOPPED


def last_line(path: Path) -> str:
    """The last line of a log: what a process that refused to start had to say."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


async def _start(command: Command) -> Process:
    if command.log.exists() and command.log.stat().st_size > LARGEST_LOG:
        command.log.replace(command.log.with_suffix(".old.log"))
    descriptor = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(command.environment),
            start_new_session=True,  # Ctrl-C is ours to pass on, in order
            preexec_fn=_die_with_parent(os.getpid()),
        )
    finally:
        os.close(descriptor)


def _die_with_parent(parent: int) -> Callable[[], None]:
    """Have the kernel kill the process when its parent dies, however it dies (Linux)."""

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write(text)
