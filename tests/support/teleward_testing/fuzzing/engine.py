"""Running targets under atheris in a process of their own: coverage leads its mutations.

atheris has no wheel for every Python and machine. Where it is absent, nothing here runs and `missing()` says so.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUPPORT = Path(__file__).parents[2]
INPUT_TIMEOUT_S = 5
"""A single input that takes longer is a finding: the slowest seen takes 0.05 s with instrumentation."""
MEMORY_LIMIT_MB = 1024
"""Of the process; it needs 150 MB with everything imported."""
_RUNS = re.compile(rb"stat::number_of_executed_units: +(\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run did."""

    inputs: int
    counts: dict[str, int]
    """The same by target, but for the last few."""
    broken: str
    """The target that broke; empty when none did."""
    finding: bytes
    """The input that broke it; empty when none did or no single input was it."""
    said: str
    """What the process said at the end."""


def missing() -> str | None:
    """Say what lacks for a run; None when all is there."""
    if importlib.util.find_spec("atheris") is None:
        return "no atheris: make setup, where PyPI has a wheel of it for this Python and machine"
    return None


def run(names: Sequence[str], *, seconds: int, seed: int = 0) -> Outcome:
    """Fuzz some targets in one process for so long; seed 0 takes one by chance."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(SUPPORT), "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [
                sys.executable, "-m", "teleward_testing.fuzzing.child", ",".join(names), folder,
                f"-max_total_time={seconds}", f"-timeout={INPUT_TIMEOUT_S}", f"-seed={seed}",
                f"-rss_limit_mb={MEMORY_LIMIT_MB}", f"-artifact_prefix={folder}/found-",
                "-print_final_stats=1", "-verbosity=0",
            ],
            env=environment, capture_output=True, timeout=2 * seconds + 120, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        runs, counts = _RUNS.search(said), Path(folder) / "counts.json"
        found = next((path.read_bytes() for path in Path(folder).glob("found-*")), b"")
        broken = names[found[0] % len(names)] if found else ",".join(names)
        return Outcome(
            int(runs[1]) if runs else 0,
            json.loads(counts.read_text()) if counts.exists() else {},
            broken if done.returncode else "", found[1:], said.decode(errors="replace")[-4000:],
        )  # fmt: skip
