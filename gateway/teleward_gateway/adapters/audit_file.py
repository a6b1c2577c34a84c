"""Ships the audit to a file, which may be `/dev/stdout`, a named pipe or a mounted volume: a JSON object a line."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

import structlog

STDOUT = Path("/dev/stdout")

log = structlog.get_logger()


class AuditFile:
    """See `AuditSink`. The file is opened anew for each batch, so that it may be rotated by renaming."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_lost = False

    async def is_open(self) -> bool:
        """See `AuditSink`."""
        return await asyncio.to_thread(self._append, ())

    async def write(self, lines: Iterable[str]) -> bool:
        """See `AuditSink`."""
        return await asyncio.to_thread(self._append, lines)

    def _append(self, lines: Iterable[str]) -> bool:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        try:
            # Our own, which a process without rights cannot always open by its name.
            is_ours = self._path == STDOUT
            file = os.dup(1) if is_ours else os.open(self._path, flags, 0o600)
        except OSError as err:
            if not self._is_lost:  # asked every second, and again for each organisation
                log.warning("audit.sink_lost", exc_type=type(err).__name__)
            self._is_lost = True
            return False
        self._is_lost = False
        try:
            return all(_write(file, line.encode()) for line in lines)
        finally:
            os.close(file)


def _write(file: int, line: bytes) -> bool:
    """Write one line in one piece: shorter than a pipe's buffer, it mixes with nobody else's."""
    try:
        return os.write(file, line) == len(line)
    except OSError:
        return False
