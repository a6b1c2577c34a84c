"""The chart installs the very definitions of `crds/`, and none of the objects they define."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from teleward_testing import chart

SOURCES = sorted((chart.ROOT / "crds").glob("*.yaml"))


@pytest.fixture(scope="module")
def copying() -> ModuleType:
    spec = importlib.util.spec_from_file_location("copy_crds", chart.ROOT / "helm/copy_crds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_copy_in_the_chart_is_up_to_date(copying: ModuleType) -> None:
    assert copying.drift(copying.templates()) == [], "make crds"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_rendered_definition_is_its_source_and_is_kept_on_uninstall(source: Path) -> None:
    (rendered,) = chart.objects("smallest")[f"crds/{source.name}"]
    annotations = rendered["metadata"].pop("annotations")
    try:
        assert rendered == yaml.safe_load(source.read_text())
    finally:
        rendered["metadata"]["annotations"] = annotations
    assert annotations == {"helm.sh/resource-policy": "keep"}


def test_there_are_six_definitions() -> None:
    assert len(SOURCES) == 6


def test_definitions_can_be_left_out() -> None:
    rendered = chart.render({**chart.values("smallest"), "crds": {"install": False}})

    assert [path for path in rendered if path.startswith("crds/")] == []


def test_no_object_of_our_own_kinds_is_rendered() -> None:
    own = [
        one for _, _, one in chart.every_object() if one["apiVersion"].startswith("teleward.io/")
    ]

    assert own == []


def test_drift_names_copies_that_are_stale_missing_or_left_over(
    copying: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "stale.yaml").write_text("old")
    (tmp_path / "left-over.yaml").write_text("gone")

    found = copying.drift({"stale.yaml": "new", "missing.yaml": "new"}, tmp_path)

    assert found == ["left-over.yaml", "missing.yaml", "stale.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "kind: X\nmetadata:\n  name: a\nspec: {{ .Values }}\n",
        "kind: X\nmetadata:\n  annotations: {}\n  name: a\n",
    ],
)
def test_a_definition_that_would_not_survive_the_template_is_refused(
    copying: ModuleType, text: str
) -> None:
    with pytest.raises(ValueError, match="a definition starts"):
        copying.as_template(text)
