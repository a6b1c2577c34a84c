"""Values are few, explained, and refused when misspelt; rendering them is deterministic and offline."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from helm_python.chart import lint
from helm_python.errors import HelmValuesError
from jsonschema import Draft202012Validator
from teleward_gateway.usecases.sign_in import callback_path
from teleward_gateway.web.guard import BY_PROVIDERS
from teleward_testing import chart

VALUES = (chart.CHART / "values.yaml").read_text()
SCHEMA: dict[str, Any] = json.loads((chart.CHART / "values.schema.json").read_text())
URL = {"publicUrl": "https://clinic.example.org"}


def own_folders() -> set[str]:
    return {path.name for path in (chart.CHART / "templates").iterdir() if path.is_dir()}


def leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{path}/{key}"
        if isinstance(value, dict):
            yield from leaves(value, f"{path}/{key}")


def objects_of(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield path, schema
        for key, value in schema.items():
            yield from objects_of(value, f"{path}/{key}")


def uncommented(text: str) -> list[str]:
    """Keys that neither have a comment on the line before nor hold commented keys."""
    lines = text.splitlines()
    faults = []
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        explained = before.strip().startswith("#") or after.strip().startswith("#")
        if not explained and not key.startswith(("requests:", "limits:")):
            faults.append(key)
    return faults


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_lint_has_nothing_against_the_chart(name: str) -> None:
    report = lint(chart.CHART, chart.values(name), strict=True)

    assert report["errors"] == []
    assert [found for found in report["messages"] if found["severity"] > 1] == []


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_rendering_twice_gives_the_same_text(name: str) -> None:
    assert chart.render(chart.values(name)) == chart.render(chart.values(name))


def test_the_keys_at_the_top_are_the_folders_of_the_templates() -> None:
    assert set(yaml.safe_load(VALUES)) == own_folders()


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_a_template_renders_one_object_at_most(name: str) -> None:
    assert {path for path, found in chart.objects(name).items() if len(found) != 1} == set()


@pytest.mark.parametrize(
    "template", sorted((chart.CHART / "templates").rglob("*.yaml")), ids=lambda path: path.name
)
def test_a_template_is_at_most_120_lines_and_makes_nothing_up(template: Any) -> None:
    text = template.read_text()

    if template.parent.name != "crds":  # copies
        assert text.count("\n") <= 120
    for random in ("randAlpha", "randNumeric", "randAscii", "genCA", "genSelf", "lookup", "now"):
        assert f"{random} " not in text


def test_every_value_is_explained() -> None:
    assert uncommented(VALUES) == []
    assert uncommented("a:\n  # why\n  b: 1\n  c: 2\n") == ["c: 2"]


def test_the_schema_is_closed_wherever_it_lists_keys() -> None:
    open_ones = [
        path for path, one in objects_of(SCHEMA) if one.get("additionalProperties") is not False
    ]

    assert open_ones == []


def test_every_default_is_in_the_schema() -> None:
    with pytest.raises(HelmValuesError, match="publicUrl"):  # the one that has no default
        chart.render({})

    chart.render({"gateway": URL})


@pytest.mark.parametrize(
    ("misspelt", "path", "word"),
    [
        ({"operater": {}}, "at ''", "operater"),
        ({"operator": {"replica": 1}}, "at '/operator'", "replica"),
        ({"operator": {"image": {"tags": "1"}}}, "at '/operator/image'", "tags"),
        ({"gateway": {**URL, "publicURL": "x"}}, "at '/gateway'", "publicURL"),
        ({"gateway": {"publicUrl": "clinic.example.org"}}, "at '/gateway/publicUrl'", "pattern"),
        ({"gateway": {**URL, "tls": {"secret": "x"}}}, "at '/gateway/tls'", "secret"),
        ({"gateway": {**URL, "retentionSeconds": 601}}, "at '/gateway/retentionSeconds'", "600"),
        ({"gateway": {**URL, "replicas": 0}}, "at '/gateway/replicas'", "minimum"),
        ({"redis": {"password": "x"}}, "at '/redis'", "password"),
        ({"mediaNode": {}}, "at ''", "mediaNode"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_typo_is_refused_with_its_path(misspelt: dict[str, Any], path: str, word: str) -> None:
    with pytest.raises(HelmValuesError) as refused:
        chart.render({"gateway": URL, **misspelt})

    assert path in str(refused.value)
    assert word in str(refused.value)


def test_every_value_is_used_by_a_template() -> None:
    templates = "".join(
        path.read_text() for path in (chart.CHART / "templates").rglob("*") if path.is_file()
    )
    passed_on_whole = {"requests", "limits", "cpu", "memory"}
    names = {path.split("/")[-1] for path in leaves(yaml.safe_load(VALUES))} - passed_on_whole

    assert {name for name in names if f".{name}" not in templates} == set()


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_the_notes_say_how_staff_sign_in_and_what_comes_next(name: str) -> None:
    notes = chart.render(chart.values(name))["NOTES.txt"]

    url = chart.values(name)["gateway"]["publicUrl"]
    for path in (callback_path("NAMESPACE", "ISSUER"), f"{BY_PROVIDERS}NAMESPACE/ISSUER/sign-out"):
        assert f"{url}{path}\n" in notes
    assert "kind: MediaPool" in notes
    for part, named in (
        ("gateway", "existingSecret"), ("redis", "existingSecret"), ("media", "existingTicketKeys"),
    ):  # fmt: skip
        default = yaml.safe_load(VALUES)[part][named]
        assert chart.values(name).get(part, {}).get(named, default) in notes


def test_the_readme_names_the_addresses_that_a_provider_needs() -> None:
    readme = (chart.CHART / "README.md").read_text()

    assert f"`{callback_path('harbour-health', 'hospital')}`" in readme
    assert f"`{BY_PROVIDERS}harbour-health/hospital/sign-out`" in readme


def applied() -> dict[str, chart.Object]:
    """What the notes tell the reader to apply: kind → object."""
    notes = chart.render(chart.values("smallest"))["NOTES.txt"]
    bodies = [part.split("\nYAML\n")[0] for part in notes.split("<<'YAML'\n")[1:]]
    return {one["kind"]: one for body in bodies for one in yaml.safe_load_all(body)}


@pytest.mark.parametrize("kind", ["Organisation", "MediaPool", "Clinic", "WaitingArea"])
def test_what_the_notes_apply_fits_its_definition(kind: str) -> None:
    (definition,) = [
        one
        for path, (one, *_) in chart.objects("smallest").items()
        if path.startswith("crds/") and one["spec"]["names"]["kind"] == kind
    ]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    Draft202012Validator(schema).validate(applied()[kind])
    assert applied().keys() == {"Organisation", "MediaPool", "Clinic", "WaitingArea"}
