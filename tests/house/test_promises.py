"""What the documents list is what the code has: settings, metrics, reasons, fields of the status."""

import dataclasses
import re

import pytest
from teleward_cli.local.status import Status
from teleward_gateway.errors import Fault
from teleward_operator.core.conditions import Reason
from teleward_testing.house_rules import PACKAGES, ROOT, settings_of

DEPLOYABLES = ["operator", "media-node", "gateway"]


def text_of(path: str) -> str:
    return (ROOT / path).read_text()


@pytest.mark.parametrize("folder", DEPLOYABLES)
def test_every_setting_is_in_the_deployables_readme_and_no_other(folder: str) -> None:
    names = {
        f"TELEWARD_{name.upper()}"
        for name, _, _ in settings_of(text_of(f"{folder}/{PACKAGES[folder]}/settings.py"))
        if name != "model_config"
    }

    assert set(re.findall(r"TELEWARD_[A-Z_]+[A-Z]", text_of(f"{folder}/README.md"))) == names


@pytest.mark.parametrize("folder", DEPLOYABLES)
def test_every_metric_is_in_the_deployables_readme(folder: str) -> None:
    source = "".join(path.read_text() for path in (ROOT / folder).rglob("*.py"))
    metrics = re.findall(r'"teleward_(?:operator|media|gateway)(_\w+)"', source)
    readme = text_of(f"{folder}/README.md")

    assert metrics
    assert [metric for metric in metrics if metric not in readme] == []


def test_every_event_that_a_media_node_counts_is_in_its_readme_and_no_other() -> None:
    folder = ROOT / "media-node/teleward_media"
    source = "".join(
        path.read_text() for name in ("adapters", "packetpath", "core") for path in (folder / name).rglob("*.py")
    )  # fmt: skip
    counted = set(re.findall(r'(?:_count|counters\.add|Outcome|event =)\(?\s*"(\w+)"', source))
    counted |= set(re.findall(r'"(drop_\w+)"', source))
    tables = text_of("media-node/README.md").partition("| event |")[2].partition("A **unit**")[0]
    listed = re.findall(
        r"`(\w+)`", "".join(line.split("|")[1] for line in tables.splitlines() if "|" in line)
    )

    assert sorted(name.removeprefix("drop_") for name in counted) == sorted(listed)


def test_every_reason_has_a_paragraph_and_no_other() -> None:
    headings = re.findall(r"^### (\w+)$", text_of("docs/reasons.md"), re.MULTILINE)

    assert sorted(headings) == sorted(reason.value for reason in Reason)


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_every_fault_of_a_sign_in_has_a_text_that_the_page_knows(locale: str) -> None:
    texts = text_of(f"gateway/frontend/src/locales/{locale}.ftl")
    listed = text_of("gateway/frontend/src/staff/sign-in-faults.ts").partition("] as const")[0]
    faults = {fault.value for fault in Fault}

    assert set(re.findall(r"^sign-in-fault-(\w+) =", texts, re.MULTILINE)) == faults
    assert set(re.findall(r'^  "(\w+)",$', listed, re.MULTILINE)) == faults


def test_every_field_of_the_status_is_documented() -> None:
    document = text_of("docs/status.md")

    assert [f.name for f in dataclasses.fields(Status) if f"`{f.name}" not in document] == []


def test_every_claim_of_the_capability_levels_is_linked_to_a_test_that_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text_of("docs/capability-levels.md"))

    assert len(named) > 20
    assert [n for path, n in named if not re.search(rf"def {n}\(", text_of(path))] == []


def test_every_class_of_attack_names_tests_that_are_there() -> None:
    rows = re.findall(r"^\| (?!class|---)(.*) \|$", text_of("docs/attacks.md"), re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", "".join(rows))

    assert len(rows) == 16
    of_the_gateway = [row for row in cells if row[2] == "yes"]
    assert len(of_the_gateway) == 10
    assert [
        row[0] for row in cells if "::test_" not in row[3] and "there is none" not in row[3]
    ] == []
    assert [n for path, n in named if not re.search(rf"def {n}\(", text_of(path))] == []


def test_every_bad_day_names_tests_and_sentences_that_are_there() -> None:
    page, english = text_of("docs/bad-days.md"), text_of("gateway/frontend/src/locales/en.ftl")
    rows = [
        [cell.strip() for cell in row.split("|")]
        for row in re.findall(r"^\| (?!bad day|complaint|---)(.*) \|$", page, re.MULTILINE)
    ]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page)
    sentences = [s for row in rows for cell in row[2:-1] for s in re.findall(r"`([\w-]+)`", cell)]

    assert len(rows) > 25
    assert [row[0] for row in rows if "test" not in row[-1]] == []
    assert [n for path, n in named if not re.search(rf"def {n}\(", text_of(path))] == []
    assert [s for s in sentences if not re.search(rf"^{s} =", english, re.MULTILINE)] == []
