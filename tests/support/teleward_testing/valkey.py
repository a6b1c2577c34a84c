"""A real Valkey (or Redis) of one's own: started, paused, resumed, flushed, restarted, stopped."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis
from teleward_cli import store


class RunningValkey:
    """A server on a free loopback port, without persistence."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="valkey-")
        self.port = store.free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def start(self) -> None:
        binary = store.find_binary()
        assert binary is not None, "no valkey-server and no redis-server on this machine"
        self._process = subprocess.Popen(
            store.command(binary, self.port, Path(self._directory.name)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    assert time.monotonic() < deadline, "the server did not answer in 10 s"
                    time.sleep(0.02)
                else:
                    return

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def _signal(self, signum: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(signum)

    def __enter__(self) -> "RunningValkey":
        self.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.stop()
        self._directory.cleanup()
