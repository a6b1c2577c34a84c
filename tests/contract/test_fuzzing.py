"""Everything that reads strangers' bytes stands some seconds of mutations that its own coverage leads.

`make fuzz` runs the same for far longer; hypothesis runs the same targets in `tests/unit`.
"""

import os
import sys
from collections.abc import Callable

import pytest
from teleward_testing.fuzzing import engine
from teleward_testing.fuzzing.targets import TARGETS

SECONDS = 2
"""For each target, and a second to begin: half a minute for all."""
WHEEL_FROM, WHEEL_BELOW = (3, 11), (3, 15)
"""Pythons for which the lock has a wheel of atheris; there CI must run it."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    lack = engine.missing()
    if lack is not None:
        is_needed = os.environ.get("CI") == "true" and WHEEL_FROM <= sys.version_info < WHEEL_BELOW
        assert not is_needed, f"CI=true, and the fuzzing cannot run: {lack}"
        pytest.skip(lack)
    outcome = engine.run(name, seconds=SECONDS, seed=1)
    record_property("inputs", outcome.inputs)

    assert outcome.finding is None, f"{outcome.finding!r} breaks it:\n{outcome.said}"
    assert outcome.inputs > 0


def test_a_fault_that_a_target_has_is_found_and_told() -> None:
    """The run itself is seen to fail: 'planted' is a target that breaks at four bytes."""
    if lack := engine.missing():
        pytest.skip(lack)
    outcome = engine.run("planted", seconds=20, seed=1)

    assert outcome.finding is not None
    assert outcome.finding[:4] == b"oops"
