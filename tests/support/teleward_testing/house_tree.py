"""Rules about the tree's documents and files, as functions from text to violations."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from teleward_testing.house_rules import ROOT

_UNREAD = {".ico", ".jpg", ".png", ".webm", ".woff2"}
_MACHINE_PATH = re.compile(r"(?<![\w./:${}-])/(work|root|home/\w+|Users/\w+)/")
_HOSTS = (
    "pypi.org", "pythonhosted.org", "npmjs.org", "npmjs.com", "docker.io", "ghcr.io", "quay.io",
    "gcr.io", "registry.k8s.io", "proxy.golang.org", "debian.org", "mcr.microsoft.com",
)  # fmt: skip
_REGISTRY_HOST = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, _HOSTS)) + r")\b")
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_TARGET = re.compile(r"^([a-z][a-z-]*):(.*)$", re.MULTILINE)
MAX_TARGETS = 20
ADR_NAME = re.compile(r"^(\d{4})(-[a-z0-9]+){2,}\.md$")
ADR_SECTIONS = ["Context", "Decision", "Consequences", "Rejected"]
ADR_LINES = 60
"""One page."""


@cache
def tracked() -> tuple[PurePosixPath, ...]:
    """Every file that git tracks or would, and that is there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = sorted(set(listed.stdout.splitlines()))
    return tuple(PurePosixPath(name) for name in names if (ROOT / name).is_file())


def texts() -> Iterator[tuple[PurePosixPath, str]]:
    """Every tracked text, but for the tests of these very rules."""
    for path in tracked():
        is_about_rules = path.parts[:2] == ("tests", "house") or path.name == Path(__file__).name
        if path.suffix not in _UNREAD and not is_about_rules:
            yield path, (ROOT / path).read_text(errors="replace")


def machine_paths(path: PurePosixPath, text: str) -> list[str]:
    """No file names a folder of somebody's machine."""
    return _where(path, text, _MACHINE_PATH)


def registry_hosts(path: PurePosixPath, text: str) -> list[str]:
    """No file names the host of a package or image registry: a closed network has its own."""
    return _where(path, text, _REGISTRY_HOST)


def _where(path: PurePosixPath, text: str, what: re.Pattern[str]) -> list[str]:
    return [f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if what.search(line)]


def broken_links(path: PurePosixPath, text: str) -> list[str]:
    """A relative link of a document leads to a file or folder of the tree."""
    if path.suffix != ".md":
        return []
    faults = []
    for link in _LINK.findall(_CODE.sub("", text)):
        target = link.split("#")[0]
        if target and "://" not in target and not (ROOT / path.parent / target).exists():
            faults.append(f"{path}: {link}")
    return faults


def makefile_faults(path: PurePosixPath, text: str) -> list[str]:
    """At most twenty targets, and each says what it does."""
    targets = _TARGET.findall(text)
    faults = [f"{path}: {name} has no ## help" for name, rest in targets if "## " not in rest]
    return faults + ([f"{path}: {len(targets)} targets"] if len(targets) > MAX_TARGETS else [])


def decision_faults(path: PurePosixPath, text: str) -> list[str]:
    """A decision is named NNNN-verb-object, bears its number, and has the four sections on one page."""
    name = ADR_NAME.match(path.name)
    if name is None:
        return [f"{path}: not named NNNN-verb-object.md"]
    wrong = {
        "its title does not bear its number": not text.startswith(f"# {int(name[1])}. "),
        "not the four sections": re.findall(r"^## (.+)$", text, re.MULTILINE) != ADR_SECTIONS,
        "longer than a page": text.count("\n") > ADR_LINES,
    }
    return [f"{path}: {why}" for why, is_so in wrong.items() if is_so]


def misnumbered(numbers: list[int]) -> list[str]:
    """Decisions are numbered from 1 without gaps or twins."""
    return [] if sorted(numbers) == list(range(1, len(numbers) + 1)) else [f"{sorted(numbers)}"]


def lock_faults(path: PurePosixPath, text: str) -> list[str]:
    """A lock pins every package by version and hash and names no host."""
    faults = [f"{path}: {pin}" for pin, hashes in pins(text).items() if not hashes]
    faults += [
        f"{path}: {line}"
        for line in text.splitlines()
        if re.match(r"--(extra-)?index|.*://", line)
    ]
    return faults


def pins(text: str) -> dict[str, int]:
    """Each `name==version` of a lock, or whatever stands in its place, with its number of hashes."""
    found: dict[str, int] = {}
    last = ""
    for line in text.splitlines():
        if line.startswith((" ", "#")) or not line:
            found[last] = found.get(last, 0) + line.count("--hash=sha256:") if last else 0
        else:
            last = line.split(" ;")[0].removesuffix(" \\").strip()
            found[last] = line.count("--hash=sha256:") if "==" in last else -1
    found.pop("", None)
    return {pin: max(0, hashes) for pin, hashes in found.items()}


def image_faults(path: PurePosixPath, text: str) -> list[str]:
    """An image is built from hashes, runs as a numbered user and fetches nothing by itself."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    final = max(n for n, line in enumerate(lines) if line.startswith("FROM "))
    wrong = {
        "no numbered user at the end": not users or not re.fullmatch(r"[1-9]\d*:\d+", users[-1]),
        "ADD may fetch": any(line.startswith("ADD ") for line in lines),
        "latest is no version": ":latest" in text,
        "dependencies without hashes": "--require-hashes" not in text,
        "a tool fetches": bool(re.search(r"\b(curl|wget|apt-get)\b", text)),
        "builds in the last stage": any(line.startswith("RUN ") for line in lines[final:]),
    }
    return [f"{path}: {why}" for why, is_so in wrong.items() if is_so]
