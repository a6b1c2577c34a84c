"""Gateways as processes of their own, and clinics laid into their routing state as the operator would lay them."""

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from teleward_cli.store import free_port
from teleward_contract.projections import Projection
from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import open_store
from teleward_contract.tickets import TicketSigner
from teleward_contract.units import LeaderEpoch

LEADER = LeaderEpoch(1)
READY_WITHIN_S = 30.0
LIMIT_FACTOR = "1000"
"""All of a test's patients come from one address, and within seconds."""


async def project(redis_url: str, *documents: Projection) -> None:
    """Write these documents and note that they are all there are."""
    async with open_store(redis_url) as store:
        projections = RedisProjections(store)
        for document in documents:
            await projections.put(document, LEADER)
        await projections.mark(LEADER)


class RunningGateway:
    """One replica."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        """Base of its HTTP interface and of its sockets."""
        self.log = log
        """All it says, a JSON object a line."""

    @property
    def operations_url(self) -> str:
        """Base of health and metrics."""
        for line in self.log.read_text().splitlines():
            told = json.loads(line)
            if told["event"] == "operations.started":
                return f"http://127.0.0.1:{told['port']}"
        raise AssertionError("the gateway has not said where its operations port is")


def free_address() -> str:
    """Where a gateway may listen."""
    return f"http://127.0.0.1:{free_port()}"


@contextmanager
def running_gateway(
    redis_url: str, folder: Path, at: str = "", ahead_s: str = "0", **settings: str
) -> Iterator[RunningGateway]:
    """Start one replica, by default with the development sign-in, and stop it.

    Args:
        redis_url: Its routing state.
        folder: For keys and logs; a folder shared is keys shared.
        at: Where it listens; by default anywhere.
        ahead_s: How far its machine's clock is ahead of the others'.
        settings: By their names without the prefix; its public URL is by default where it listens.
    """
    url = at or free_address()
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TELEWARD_")}
    environment = ours | {
        "TELEWARD_REDIS_URL": redis_url, "TELEWARD_PUBLIC_URL": url,
        "TELEWARD_PORT": url.rpartition(":")[2], "TELEWARD_OPERATIONS_PORT": "0",
        "TELEWARD_SIGN_IN": "development", "TELEWARD_LIMIT_FACTOR": LIMIT_FACTOR, **keys(folder),
    } | {f"TELEWARD_{name.upper()}": value for name, value in settings.items()}  # fmt: skip
    log = folder / f"gateway-{url.rpartition(':')[2]}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *_program(float(ahead_s))], env=environment, stdout=sink
        )
    try:
        _wait_until_it_listens(process, url)
        yield RunningGateway(process, url, log)
    finally:
        process.terminate()
        process.wait(timeout=15)


def _program(ahead_s: float) -> list[str]:
    if not ahead_s:
        return ["-m", "teleward_gateway.main"]
    ahead = f"import time; right = time.time; time.time = lambda: right() + {ahead_s}"
    return ["-c", f"{ahead}; from teleward_gateway.main import main; main()"]


def keys(folder: Path) -> dict[str, str]:
    """Make the key files of a gateway unless they are there: variable → path."""
    contents: Sequence[tuple[str, str, str]] = (
        ("TELEWARD_TICKET_KEY_FILE", "ticket.jwk", TicketSigner.generate()),
        ("TELEWARD_SEAL_KEY_FILE", "seal", base64.b64encode(secrets.token_bytes(32)).decode()),
    )
    for _, name, text in contents:
        if not (folder / name).exists():
            (folder / name).write_text(text)
    return {variable: str(folder / name) for variable, name, _ in contents}


def _wait_until_it_listens(process: subprocess.Popen[bytes], url: str) -> None:
    """A gateway says that it has started when its ports are its own; it listens a moment later."""
    port, deadline = int(url.rpartition(":")[2]), time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the gateway does not listen")
