"""A pipe of the audit without a reader is told once, not at each time that it is looked at."""

import os
from pathlib import Path

from structlog.testing import capture_logs
from teleward_gateway.adapters.audit_file import AuditFile


async def test_a_sink_that_is_away_is_told_once_each_time_it_goes(tmp_path: Path) -> None:
    pipe = tmp_path / "audit"
    os.mkfifo(pipe)
    sink = AuditFile(pipe)

    with capture_logs() as told:
        assert [await sink.is_open() for _ in range(3)] == [False] * 3
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        assert await sink.write(["a line\n"])
        assert os.read(reader, 100) == b"a line\n"
        os.close(reader)
        assert not await sink.write(["another\n"])

    assert [one["event"] for one in told] == ["audit.sink_lost"] * 2
