"""Ask the advisory services about every pinned dependency; `make audit`.

No answer is no good news: where a service cannot be reached the outcome is `unknown`, which is not 0.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PIP_AUDIT = "pip-audit==2.10.1"
WITHIN_S = 300
REQUIREMENTS = ROOT / "requirements/dev.txt"
PACKAGES = (ROOT / "gateway/frontend", ROOT / "tests/support/oidc_provider")


class Verdict(IntEnum):
    """What came of it; the greatest of all is the exit code."""

    CLEAN = 0
    FOUND = 1
    UNKNOWN = 2


def judge_pip(text: str) -> tuple[Verdict, list[str]]:
    """Read what pip-audit wrote."""
    told = _parse(text)
    if not isinstance(told.get("dependencies"), list):
        return Verdict.UNKNOWN, []
    found = [
        f"{one['name']} {one.get('version', '?')}: {vulnerability['id']}"
        for one in told["dependencies"]
        for vulnerability in one.get("vulns", [])
    ]
    skipped = [one["name"] for one in told["dependencies"] if "skip_reason" in one]
    if skipped:
        return Verdict.UNKNOWN, [*found, f"{len(skipped)} not judged, {skipped[0]} the first"]
    return (Verdict.FOUND if found else Verdict.CLEAN), found


def judge_npm(text: str) -> tuple[Verdict, list[str]]:
    """Read what `npm audit --json` wrote."""
    told = _parse(text)
    if not isinstance(told.get("vulnerabilities"), dict):
        return Verdict.UNKNOWN, []
    found = [f"{name}: {one.get('severity')}" for name, one in told["vulnerabilities"].items()]
    return (Verdict.FOUND if found else Verdict.CLEAN), found


def _parse(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def main() -> int:
    """Ask about all; prints a line for each, and what was found."""
    pip = [
        "uv", "tool", "run", "--from", PIP_AUDIT, "pip-audit", "--requirement", str(REQUIREMENTS),
        "--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    verdicts = [_tell("Python", *judge_pip(_run(pip, ROOT)))]
    for folder in PACKAGES:
        answer = _run(["npm", "audit", "--json"], folder)
        verdicts.append(_tell(str(folder.relative_to(ROOT)), *judge_npm(answer)))
    if Verdict.UNKNOWN in verdicts:
        _say(
            "An advisory service gave no answer: this is no audit. Run it where they are reached."
        )
    return max(verdicts)


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _tell(what: str, verdict: Verdict, found: Sequence[str]) -> Verdict:
    _say(f"{what}: {verdict.name.lower()}")
    for one in found:
        _say(f"  {one}")
    return verdict


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
