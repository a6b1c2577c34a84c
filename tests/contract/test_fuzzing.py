"""Everything that reads strangers' bytes stands some seconds of mutations that its own coverage leads.

`make fuzz` gives minutes to each target; hypothesis runs the same targets in `tests/unit`.
"""

import os
import sys
from collections.abc import Callable

import pytest
from teleward_testing.fuzzing import engine
from teleward_testing.fuzzing.targets import PARSERS, SCRIPTS

SECONDS = 10
"""For each group: half a minute in all."""
WHEEL_FROM, WHEEL_BELOW = (3, 11), (3, 15)
"""Pythons for which the lock has a wheel of atheris; there CI must run it."""


def skip_where_it_is_missing() -> None:
    lack = engine.missing()
    if lack is not None:
        is_needed = os.environ.get("CI") == "true" and WHEEL_FROM <= sys.version_info < WHEEL_BELOW
        assert not is_needed, f"CI=true, and the fuzzing cannot run: {lack}"
        pytest.skip(lack)


@pytest.mark.parametrize("group", [PARSERS, SCRIPTS], ids=["parsers", "scripts"])
def test_a_short_run_finds_nothing(
    group: dict[str, object], record_property: Callable[[str, object], None]
) -> None:
    skip_where_it_is_missing()
    outcome = engine.run(list(group), seconds=SECONDS, seed=1)
    for name, count in outcome.counts.items():
        record_property(f"inputs of {name}", count)

    assert outcome.broken == "", f"{outcome.finding!r} breaks {outcome.broken}:\n{outcome.said}"
    assert min(outcome.counts.values()) > 0


def test_a_run_that_breaks_is_told_with_what_broke_it() -> None:
    """A target with one fault that chance would not find in years is found by its coverage."""
    skip_where_it_is_missing()
    outcome = engine.run(["tickets", "planted"], seconds=60, seed=1)

    assert outcome.broken == "planted", outcome.said
    assert outcome.finding[:4] == b"oops"
