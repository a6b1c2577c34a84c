"""Rules of the house that no linter knows, over every source module; each is also seen to fail."""

from collections.abc import Callable
from pathlib import Path

import pytest
from teleward_testing import house_rules as rules

RULES: dict[str, Callable[[Path, str], list[str]]] = {
    "no module is longer than 500 lines": rules.too_long,
    "no Redis key is spelt outside its module": rules.stray_keys,
    "log calls have constant events and allowed keys": rules.bad_log_calls,
    "every setting is documented": rules.undocumented_settings,
}

PLANTED = {
    "no module is longer than 500 lines": "x = 1\n" * 501,
    "no Redis key is spelt outside its module": 'KEY = "tw:{org:a}:visit"\n',
    "log calls have constant events and allowed keys": 'log.info("patient.entered", name=n)\n',
    "every setting is documented": "class Settings:\n    redis_url: str\n",
}


@pytest.mark.parametrize("rule", RULES)
def test_every_source_module_keeps_the_rule(rule: str) -> None:
    faults = [fault for path in rules.sources() for fault in RULES[rule](path, path.read_text())]

    assert faults == []


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_seen_to_fail_on_a_planted_violation(rule: str) -> None:
    assert RULES[rule](Path("teleward_x/module.py"), PLANTED[rule]) != []


@pytest.mark.parametrize(
    "call",
    [
        'log.info(f"visit.{x}")',
        'log.info("Visit entered")',
        'log.warning("visit.entered", fields=answers)',
        'log.error("offer.refused", offer=sdp)',
    ],
)
def test_each_way_to_leak_into_a_log_is_refused(call: str) -> None:
    assert rules.bad_log_calls(Path("module.py"), call) != []
