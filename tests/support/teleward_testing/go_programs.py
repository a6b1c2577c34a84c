"""Programs in Go that tests build from modules with locked versions, into a cache outside the checkout."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
GO_REQUIREMENTS = ROOT / "requirements/go.txt"

Say = Callable[[str], None]


class BuildError(Exception):
    """A program could not be had; the text says what to do."""


def home() -> Path:
    """The cache, outside the checkout so that every checkout shares it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "teleward"


def environment() -> dict[str, str]:
    """Build without C, with the Go that is there, and without asking git."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}


def find_go(wanted: str, say: Say) -> Path:
    """Find a Go that is new enough, else install the one of the package index into the cache.

    Raises:
        BuildError: There is none, and none could be installed.
    """
    least = tuple(map(int, wanted.split(".")[:2]))
    installed = home() / "go"
    for found in (shutil.which("go"), shutil.which("go", path=str(installed / "bin"))):
        if found and _version(found) >= least:
            return Path(found)
    say("no Go on the PATH that is new enough; installing the one of the package index")
    uv = shutil.which("uv") or "uv"
    command = [uv, "pip", "install", "--quiet", "--target", str(installed), "-r"]
    try:
        subprocess.run([*command, str(GO_REQUIREMENTS)], check=True)
    except (OSError, subprocess.CalledProcessError) as err:
        raise BuildError(f"install Go {wanted} or newer") from err
    return installed / "bin/go"


def _version(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return tuple(map(int, found.groups())) if found else (0,)


def go_line(module: Path) -> str:
    """The version of Go that a module asks for."""
    found = re.search(r"^go ([\d.]+)$", (module / "go.mod").read_text(), re.M)
    assert found
    return found[1]


def fingerprint(module: Path) -> str:
    """Tell one state of a module's files from another."""
    told = hashlib.sha256()
    for path in sorted(module.iterdir()):
        told.update(path.read_bytes())
    return told.hexdigest()[:12]


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Hold a folder of the cache; a second builder waits and finds what the first one built."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program whose source is ours: `module` is the folder of its `go.mod`."""

    name: str
    module: Path

    @property
    def path(self) -> Path:
        """Where it stands once it is built; another source, another place."""
        return home() / "programs" / f"{self.name}-{fingerprint(self.module)}" / self.name

    def find(self) -> Path | None:
        """Find it if it is built."""
        return self.path if os.access(self.path, os.X_OK) else None

    def build(self, say: Say) -> Path:
        """Build it unless it is there.

        Raises:
            BuildError: No Go, or the build failed.
        """
        with alone(self.path.parent):
            if self.find() is None:
                self._build(find_go(go_line(self.module), say), say)
        return self.path

    def _build(self, go: Path, say: Say) -> None:
        begun, fresh = time.monotonic(), self.path.with_suffix(".new")
        command = [str(go), "build", "-trimpath", "-mod=readonly", "-o", str(fresh), "."]
        ended = subprocess.run(
            command, cwd=self.module, env=environment(), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if ended.returncode != 0:
            last = "\n".join(ended.stderr.splitlines()[-15:])
            raise BuildError(f"{self.name} could not be built.\n{last}")
        fresh.replace(self.path)
        say(f"built {self.name}, {time.monotonic() - begun:.0f} s")


def main(*programs: GoProgram) -> None:
    """Build what is missing; exit code 1 with the reason when that fails."""
    try:
        for program in programs:
            program.build(_say)
    except BuildError as err:
        sys.exit(f"peers: {err}")


def _say(text: str) -> None:
    sys.stdout.write(f"peers: {text}\n")
    sys.stdout.flush()
