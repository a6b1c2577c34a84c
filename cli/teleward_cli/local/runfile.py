"""How a running instance is found: a lock that dies with it, and a file that says how to ask it."""

import contextlib
import fcntl
import http.client
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from teleward_cli.local import material
from teleward_cli.local.layout import Layout

ASK_TIMEOUT_S = 5.0

LOCK_ATTEMPTS, LOCK_PAUSE_S = 10, 0.05
"""Somebody who looks whether the lock is held holds it for an instant: try again."""


@dataclass(frozen=True, slots=True)
class Run:
    """A running instance."""

    pid: int
    url: str
    """Base of its supervisor API."""
    token: str

    def ask(self, method: str, path: str) -> dict[str, Any] | None:
        """Ask it; None when it does not answer."""
        at = urlsplit(self.url)
        assert at.hostname, "we wrote the URL"
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=ASK_TIMEOUT_S)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self.token}"})
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else None


class AlreadyRunningError(Exception):
    """Another `teleward up` holds this data directory."""


@contextlib.contextmanager
def holding(layout: Layout) -> Iterator[None]:
    """Hold the data directory.

    Raises:
        AlreadyRunningError: Somebody else does.
    """
    descriptor = os.open(layout.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
        yield
        layout.run_file.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def is_held(layout: Layout) -> bool:
    """Whether a `teleward up` runs here."""
    if not layout.lock_file.exists():
        return False
    try:
        with contextlib.closing(layout.lock_file.open("r+")) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def write(layout: Layout, url: str) -> None:
    """Say how this instance is asked."""
    run = {
        "pid": os.getpid(),
        "url": url,
        "token": material.read(layout, material.SUPERVISOR_TOKEN),
    }
    material.write_private(layout.run_file, json.dumps(run))


def find(layout: Layout) -> Run | None:
    """Find the running instance; None when there is none, or it cannot be asked yet."""
    if not is_held(layout):
        return None
    try:
        run = json.loads(layout.run_file.read_text("utf-8"))
        return Run(int(run["pid"]), str(run["url"]), str(run["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock(descriptor: int) -> None:
    for _ in range(LOCK_ATTEMPTS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOCK_PAUSE_S)
    raise AlreadyRunningError
