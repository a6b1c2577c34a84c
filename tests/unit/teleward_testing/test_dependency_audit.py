"""An audit that got no answer does not pass for one that found nothing."""

import json

import pytest
from teleward_testing.dependency_audit import Verdict, judge_npm, judge_pip


def pip(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


GOOD = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}]}
UNJUDGED = {"name": "c", "skip_reason": "no answer"}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (pip(GOOD), Verdict.CLEAN), (pip(GOOD, BAD), Verdict.FOUND),
        (pip(GOOD, UNJUDGED), Verdict.UNKNOWN), ("", Verdict.UNKNOWN),
        ("ERROR: no connection", Verdict.UNKNOWN), ("[]", Verdict.UNKNOWN), ("{}", Verdict.UNKNOWN),
    ],
)  # fmt: skip
def test_what_pip_audit_says(text: str, verdict: Verdict) -> None:
    assert judge_pip(text)[0] is verdict


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({"vulnerabilities": {}}, Verdict.CLEAN),
        ({"vulnerabilities": {"a": {"severity": "high"}}}, Verdict.FOUND),
        ({"error": {"code": "ENOAUDIT"}}, Verdict.UNKNOWN), ({}, Verdict.UNKNOWN),
    ],
)  # fmt: skip
def test_what_npm_audit_says(told: object, verdict: Verdict) -> None:
    assert judge_npm(json.dumps(told))[0] is verdict


def test_what_was_found_is_named() -> None:
    assert judge_pip(pip(BAD))[1] == ["b 2: PYSEC-1"]
