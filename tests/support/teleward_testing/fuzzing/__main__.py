"""Fuzz for a while: `python -m teleward_testing.fuzzing [--seconds N] [TARGET ...]`; tells counts and findings."""

import argparse
import sys

from teleward_testing.fuzzing import engine
from teleward_testing.fuzzing.targets import TARGETS


def main() -> int:
    """Run the targets one after the other; exit code 1 when something was found."""
    parser = argparse.ArgumentParser(prog="fuzzing")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - TARGETS.keys():
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if lack := engine.missing():
        _say(f"not run: {lack}")
        return 0
    findings = total = 0
    for name in arguments.targets or TARGETS:
        outcome = engine.run([name], seconds=arguments.seconds)
        total += outcome.inputs
        if not outcome.broken:
            _say(f"{name}: {outcome.inputs} inputs, nothing found")
            continue
        findings += 1
        _say(f"{name}: {outcome.inputs} inputs, FOUND {outcome.finding!r}\n{outcome.said}")
        _say(
            "Next: put the input into FOUND of tests/unit/teleward_media/test_fuzzing_properties.py"
        )
    _say(f"{total} inputs, {findings} findings")
    return 1 if findings else 0


def _say(text: str) -> None:
    sys.stdout.write(f"fuzz: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
