"""The tree is laid out as the house style says, and its documents lead somewhere."""

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from teleward_testing import house_tree as tree
from teleward_testing.house_rules import ROOT, read

Rule = Callable[[PurePosixPath, str], list[str]]
FOLDERS = [
    "contract/teleward_contract", "operator/teleward_operator/core", "operator/teleward_operator/adapters",
    "media-node/teleward_media/core", "media-node/teleward_media/packetpath",
    "gateway/teleward_gateway/core", "gateway/teleward_gateway/web", "gateway/frontend/src",
    "cli/teleward_cli", "crds/examples", "helm/teleward", "docs/adr", "examples",
    "tests/house", "tests/unit", "tests/contract", "tests/cluster", "tests/browser",
    "tests/support/teleward_testing",
]  # fmt: skip
EVERYWHERE: dict[str, tuple[Rule, str]] = {
    "no path of a machine": (tree.machine_paths, "see /home/ada/teleward"),
    "no host of a registry": (tree.registry_hosts, "image: docker.io/library/python"),
}
OF_DOCUMENTS: dict[str, tuple[Rule, str]] = {
    "every link leads somewhere": (tree.broken_links, "[the plan](no-such-file.md)"),
}


def _of(*suffixes: str, under: str = "") -> list[PurePosixPath]:
    return [
        path for path in tree.tracked() if path.suffix in suffixes and str(path).startswith(under)
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folder_is_there(folder: str) -> None:
    assert (ROOT / folder).is_dir()


def test_the_operators_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator/__init__.py").exists()


def test_no_test_folder_is_a_package() -> None:
    found = (ROOT / "tests").rglob("__init__.py")
    assert [path for path in found if "support" not in path.parts] == []


@pytest.mark.parametrize("title", EVERYWHERE)
def test_every_text_keeps_the_rule(title: str) -> None:
    rule, planted = EVERYWHERE[title]

    assert [fault for path, text in tree.texts() for fault in rule(path, text)] == []
    assert rule(PurePosixPath("README.md"), planted) != []


@pytest.mark.parametrize("title", OF_DOCUMENTS)
def test_every_document_keeps_the_rule(title: str) -> None:
    rule, planted = OF_DOCUMENTS[title]

    assert [fault for path in _of(".md") for fault in rule(path, read(path))] == []
    assert rule(PurePosixPath("README.md"), planted) != []


def test_the_makefile_has_at_most_twenty_targets_and_each_says_what_it_does() -> None:
    path = PurePosixPath("Makefile")

    assert tree.makefile_faults(path, read(path)) == []
    assert tree.makefile_faults(path, "go:\n\tx\n") != []


def test_every_decision_is_one_page_with_a_number_of_its_own() -> None:
    decisions = _of(".md", under="docs/adr/")

    assert [fault for path in decisions for fault in tree.decision_faults(path, read(path))] == []
    assert tree.misnumbered([int(path.name[:4]) for path in decisions]) == []
    assert tree.decision_faults(PurePosixPath("docs/adr/0001-choose-x.md"), "# 2. X\n") != []
    assert tree.misnumbered([1, 3]) != []


def test_every_lock_pins_by_hash_and_names_no_host() -> None:
    locks = [path for path in _of(".txt", under="requirements/") if path.name != "node.txt"]

    assert len(locks) >= 4
    assert [fault for path in locks for fault in tree.lock_faults(path, read(path))] == []
    assert tree.lock_faults(PurePosixPath("requirements/x.txt"), "kopf==1.0\n") != []


def test_every_image_is_built_from_hashes_and_runs_as_nobody() -> None:
    images = [path for path in tree.tracked() if path.name.startswith("Dockerfile")]

    assert len(images) >= 3
    assert [fault for path in images for fault in tree.image_faults(path, read(path))] == []
    assert tree.image_faults(PurePosixPath("Dockerfile"), "FROM python:latest\n") != []
