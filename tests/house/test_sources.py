"""Rules of the house that no linter knows, over every module; each rule is also seen to fail."""

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from teleward_testing import house_rules as rules

Rule = Callable[[PurePosixPath, str], list[str]]
SOURCE = PurePosixPath("gateway/teleward_gateway/web/door.py")
UNIT_TEST = PurePosixPath("tests/unit/test_door.py")

OF_SOURCES: dict[str, tuple[Rule, str]] = {
    "a module has at most 500 lines": (rules.too_long, "x = 1\n" * 501),
    "no Redis key is spelt outside its module": (rules.stray_keys, 'KEY = "tw:{org:a}:visit"\n'),
    "log calls have constant events and allowed keys": (
        rules.bad_log_calls,
        'log.info("patient.entered", name=n)\n',
    ),
    "every setting is documented": (
        rules.undocumented_settings,
        "class Settings:\n    redis_url: str\n",
    ),
    "every reason is documented": (
        rules.undocumented_members,
        'class Reason:\n    FULL = "Full"\n',
    ),
    "what silences a checker names rule and reason": (
        rules.unexplained_ignores,
        "x = 1  # type: ignore\n",
    ),
    "who catches everything says so": (
        rules.silent_catches,
        "try:\n    f()\nexcept Exception:\n    pass\n",
    ),
}
OF_TESTS: dict[str, tuple[Rule, str]] = {
    "a test promises something, in sentences": (rules.promises, "def test_it(): ...\n"),
    "no unit test sleeps": (rules.naps, "import time\ntime.sleep(1)\n"),
}
ALL = OF_SOURCES | OF_TESTS


@pytest.mark.parametrize("title", OF_SOURCES)
def test_every_source_module_keeps_the_rule(title: str) -> None:
    rule = OF_SOURCES[title][0]

    assert [fault for path in rules.sources() for fault in rule(path, rules.read(path))] == []


@pytest.mark.parametrize("title", OF_TESTS)
def test_every_test_module_keeps_the_rule(title: str) -> None:
    rule = OF_TESTS[title][0]

    assert [fault for path in rules.tests() for fault in rule(path, rules.read(path))] == []


@pytest.mark.parametrize("title", ALL)
def test_each_rule_is_seen_to_fail_on_a_planted_violation(title: str) -> None:
    rule, planted = ALL[title]

    assert rule(UNIT_TEST if title in OF_TESTS else SOURCE, planted) != []


def test_every_module_is_named_after_what_it_is_about() -> None:
    modules = [*rules.sources(), *rules.tests()]

    assert [fault for path in modules for fault in rules.vague_name(path, "")] == []
    assert rules.vague_name(PurePosixPath("gateway/teleward_gateway/utils.py"), "") != []


@pytest.mark.parametrize(
    "call",
    [
        'log.info(f"visit.{x}")',
        'log.info("Visit entered")',
        'log.info("visit.enter")',
        "log.info(event)",
        'log.warning("visit.entered", fields=answers)',
        'log.warning("visit.entered", visit=patient.name)',
        'log.error("offer.refused", error=str(offer))',
        "log.bind(display_name=x)",
    ],
)
def test_each_way_to_leak_into_a_log_is_refused(call: str) -> None:
    assert rules.bad_log_calls(SOURCE, call) != []


def test_a_log_call_of_the_house_is_allowed() -> None:
    assert rules.bad_log_calls(SOURCE, 'log.info("visit.entered", visit=visit.id)') == []


def test_every_number_of_the_media_node_says_why_it_is_what_it_is() -> None:
    faults = [
        fault
        for path in rules.sources()
        if "teleward_media" in path.parts
        for fault in rules.undocumented_constants(path, rules.read(path))
    ]

    assert faults == []


@pytest.mark.parametrize(
    "planted",
    [
        "FLOOR_S = 0.5\n",
        "FLOOR_S: float = 0.5\n",
        "FLOOR_S = Seconds(0.5)\n",
        'NEVER = float("-inf")\n',
        "BYTES = 8 * 1024 * 1024\n",
        "MASK = RING - 1\n",
        "LOST = -1\n",
        "SMALL, LARGE = 1, 2\n",
        "HOST, PORT = b'', 5004\n",
        "SIZES = (180, 360)\n",
        'FIRST = 1\n\nSECOND = 2\n"""A blank line ends what a docstring is shared by."""\n',
        'FIRST = 1\nPATTERN = re.compile("x")\n"""About something else."""\n',
        '"""About nothing yet."""\nFIRST = 1\n',
    ],
)
def test_each_number_without_its_reason_is_found(planted: str) -> None:
    assert rules.undocumented_constants(SOURCE, planted) != []


@pytest.mark.parametrize(
    "written",
    [
        'FLOOR_S = 0.5\n"""Ours: two looks."""\n',
        'FIRST = 1\nSECOND = 2\n"""Types of a message (RFC 8489 §5)."""\n',
        "_MASK = RING - 1\n",
        '_HEAD = struct.Struct("!BB")\nPATTERN = re.compile("x")\n',
        'NAME, IS_ON = "a", True\n',
        "def f() -> None:\n    LOCAL = 1\n",
    ],
)
def test_a_number_with_its_reason_is_allowed_and_so_is_what_is_none(written: str) -> None:
    assert rules.undocumented_constants(SOURCE, written) == []


def test_the_contract_stays_small() -> None:
    """What every deployable shares is understood by everybody, so it has to be short."""
    counted = 0
    for path in rules.sources():
        is_mirror = path.stem in {"resources", "routing_table"} or path.stem.endswith("_memory")
        if path.parts[0] == "contract" and not is_mirror:
            counted += rules.code_lines(rules.read(path))

    assert counted <= 1600
