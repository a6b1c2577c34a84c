"""The programs of a control plane: those given, else those built from their published Go modules.

Versions stand in `tests/cluster/binaries/*/go.mod` and nowhere else; a change of a module makes a
new folder of the cache. A folder given by `KUBEBUILDER_ASSETS` goes first, program by program.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from teleward_testing.go_programs import (
    BuildError,
    Say,
    alone,
    environment,
    find_go,
    fingerprint,
    go_line,
    home,
)

ROOT = Path(__file__).parents[4]
MODULES = ROOT / "tests/cluster/binaries"
ASSETS = "KUBEBUILDER_ASSETS"
_VERSION = "k8s.io/component-base/version"


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
            with alone(_cache(program.module)) as folder:
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
        command, cwd=MODULES / program.module, env=environment(), capture_output=True, text=True,
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


def _go(say: Say) -> Path:
    try:
        return find_go(go_line(MODULES / "kubernetes"), lambda text: say(f"kube: {text}"))
    except BuildError as err:
        raise BuildError(f"{err}, or give {ASSETS}") from err


def _version_of(program: Program) -> str:
    path = "k8s.io/kubernetes" if program.module == "kubernetes" else program.package
    return _required(program.module, path)


def _required(module: str, path: str) -> str:
    found = re.search(
        rf"\b{re.escape(path)} v([\w.-]+)", (MODULES / module / "go.mod").read_text()
    )
    assert found, f"{module}/go.mod requires no {path}"
    return found[1]


def _cache(module: str) -> Path:
    return home() / "kube" / f"{module}-{fingerprint(MODULES / module)}"


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
