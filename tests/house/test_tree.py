"""The tree is laid out as the house style says."""

import re
import subprocess

import pytest
from teleward_testing import house_rules as rules

FOLDERS = [
    "contract", "operator", "media-node", "gateway", "cli", "crds/examples", "docs/adr",
    "examples", "tests/support/teleward_testing",
]  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w./-])/(work|root|home/\w+)/")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=rules.ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folder_is_there(folder: str) -> None:
    assert (rules.ROOT / folder).is_dir()


def test_the_operators_folder_does_not_shadow_the_standard_library() -> None:
    assert not (rules.ROOT / "operator/__init__.py").exists()


def test_no_test_folder_is_a_package() -> None:
    found = (rules.ROOT / "tests").rglob("__init__.py")
    assert [path for path in found if "support" not in path.parts] == []


def test_the_makefile_has_at_most_twenty_targets_and_each_says_what_it_does() -> None:
    text = (rules.ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):(.*)$", text, re.MULTILINE)

    assert len(targets) <= 20
    assert [name for name, rest in targets if "##" not in rest] == []


def test_no_tracked_text_names_a_path_of_a_machine() -> None:
    faults = []
    for name in tracked():
        path = rules.ROOT / name
        if (
            not path.is_file()
            or path.suffix in {".png", ".lock"}
            or name.startswith("tests/house/")
        ):
            continue
        text = path.read_text(errors="ignore")
        faults += [name for line in text.splitlines() if MACHINE_PATH.search(line)]

    assert faults == []


def test_the_contract_stays_small() -> None:
    counted = 0
    for path in (rules.ROOT / "contract/teleward_contract").rglob("*.py"):
        if (
            path.stem == "resources"
            or path.stem.endswith("_memory")
            or path.stem == "routing_table"
        ):
            continue  # mirrors of the API, and the models that the tests hold the scripts against
        lines = path.read_text().splitlines()
        counted += sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))

    assert counted <= 1600
