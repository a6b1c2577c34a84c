"""Real Valkeys in groups: a primary with a replica under three Sentinels, and a cluster. Primaries can be killed."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import redis
from teleward_cli import store

SERVICE = "teleward"
DOWN_AFTER_MS, LONG_MS = 1000, 60_000
"""After how much silence a primary counts as down; the long one where none is to be replaced."""
WITHIN_S = 30.0


class Server:
    """One server of a group."""

    def __init__(self, folder: Path, *arguments: str, config: str = "") -> None:
        binary = store.find_binary()
        assert binary is not None, "no valkey-server and no redis-server on this machine"
        self.port = store.free_port()
        home = folder / str(self.port)
        home.mkdir()
        command = store.command(binary, self.port, home)
        if config:  # a Sentinel writes its own file
            (home / "sentinel.conf").write_text(config)
            command = [command[0], str(home / "sentinel.conf"), "--sentinel", *command[1:5]]
        self._process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.client: Any = redis.Redis(
            port=self.port, decode_responses=True, socket_timeout=5, retry_on_error=[]
        )
        until("it answers", self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait(timeout=10)
        self.client.close()


class Group:
    """Servers that are one store, and its address."""

    def __init__(self, url: str, data: Sequence[Server]) -> None:
        self.url = url
        self.data = data
        """Those that hold data; the others watch."""

    def primaries(self) -> list[Server]:
        """Those that are primaries now, of those that answer."""
        found = []
        for server in self.data:
            with contextlib.suppress(redis.RedisError):
                if server.client.info("replication")["role"] == "master":
                    found.append(server)
        return found


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@contextmanager
def _servers() -> Iterator[tuple[Path, list[Server]]]:
    with tempfile.TemporaryDirectory(prefix="valkeys-") as name:
        started: list[Server] = []
        try:
            yield Path(name), started
        finally:
            for server in started:
                server.kill()


@contextmanager
def sentinels(down_after_ms: int = LONG_MS) -> Iterator[Group]:
    """A primary, its replica, and three Sentinels of which two must agree."""
    with _servers() as (folder, started):
        primary = Server(folder)
        started.append(primary)
        replica = Server(folder, "--replicaof", "127.0.0.1", str(primary.port))
        started.append(replica)
        until("it replicates", partial(_replicates, replica))
        config = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
        )
        watchers = []
        for _ in range(3):
            watchers.append(Server(folder, config=config))
            started.append(watchers[-1])
        for watcher in watchers:
            until("they know one another", partial(_knows_all, watcher))
        hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in watchers)
        yield Group(f"redis+sentinel://{hosts}/{SERVICE}/0", [primary, replica])


def _knows_all(watcher: Server) -> bool:
    seen = watcher.client.sentinel_master(SERVICE)
    return bool(seen["num-other-sentinels"] == 2 and seen["num-slaves"] == 1)


@contextmanager
def cluster(down_after_ms: int = LONG_MS, *, replicas: bool = False) -> Iterator[Group]:
    """Three primaries, which share the slots; each with a replica if wanted."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(down_after_ms))
    with _servers() as (folder, started):
        buses = [store.free_port() for _ in range(6 if replicas else 3)]
        for bus in buses:
            started.append(Server(folder, *options, "--cluster-port", str(bus)))
        primaries, others = started[:3], started[3:]
        for number, server in enumerate(primaries):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            server.client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            server.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        meeting = ("127.0.0.1", started[0].port, buses[0])
        for server in started[1:]:
            server.client.execute_command("CLUSTER MEET", *meeting)
        until("all have met", lambda: all(len(_nodes(s)) == len(started) for s in started))
        for primary, other in zip(primaries, others, strict=False):
            mine = str(primary.client.execute_command("CLUSTER MYID"))
            other.client.execute_command("CLUSTER REPLICATE", mine)
            until("it replicates", partial(_replicates, other))
        until("the cluster is whole", lambda: all(_is_whole(server) for server in started))
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in started)
        yield Group(f"redis+cluster://{hosts}", started)


def _replicates(replica: Server) -> bool:
    return bool(replica.client.info("replication").get("master_link_status") == "up")


def _nodes(server: Server) -> Any:
    return server.client.execute_command("CLUSTER NODES")


def _is_whole(server: Server) -> bool:
    return bool(server.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
