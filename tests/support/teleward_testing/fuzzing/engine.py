"""Running targets under atheris, each in a process of its own: coverage leads its mutations.

atheris has no wheel for every Python and machine. Where it is absent, nothing here runs and `missing()` says so.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
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
    """How one target did."""

    target: str
    inputs: int
    finding: bytes | None
    """The input that broke it."""
    said: str
    """What it said at the end."""


def missing() -> str | None:
    """Say what lacks for a run; None when all is there."""
    if importlib.util.find_spec("atheris") is None:
        return "no atheris: make setup, where PyPI has a wheel of it for this Python and machine"
    return None


def run(target: str, *, seconds: int, seed: int = 0) -> Outcome:
    """Fuzz one target for so long; seed 0 takes one by chance."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(SUPPORT), "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [
                sys.executable, "-m", "teleward_testing.fuzzing.child", target, folder,
                f"-max_total_time={seconds}", f"-timeout={INPUT_TIMEOUT_S}", f"-seed={seed}",
                f"-rss_limit_mb={MEMORY_LIMIT_MB}", f"-artifact_prefix={folder}/found-",
                "-print_final_stats=1", "-verbosity=0",
            ],
            env=environment, capture_output=True, timeout=2 * seconds + 120, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        runs = _RUNS.search(said)
        found = [path.read_bytes() for path in Path(folder).glob("found-*")]
        if done.returncode and not found:
            found = [b""]  # it broke before or beside any input
        return Outcome(
            target, int(runs[1]) if runs else 0, found[0] if found else None,
            said.decode(errors="replace")[-4000:],
        )  # fmt: skip
