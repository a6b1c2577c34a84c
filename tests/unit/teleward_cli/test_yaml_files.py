"""A fault in a file is named with its line, whatever is wrong with it, and the rest of the file goes on."""

from pathlib import Path

import pytest
from teleward_cli.local.yaml_files import Source, Unreadable, find_files, read_file

CLINIC = """\
apiVersion: teleward.io/v1alpha1
kind: Clinic
metadata:
  namespace: harbour-health
  name: cardiology
spec:
  displayName: Cardiology
  team:
  - role: Clinician
    user: ada@example.org
  -
    role: Receptionist
    group: desk
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clinic.yaml"


def read(path: Path, text: str | bytes) -> list[Source | Unreadable]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_file(path))


def faults(found: list[Source | Unreadable]) -> list[tuple[int, str]]:
    return [(one.line, one.why) for one in found if isinstance(one, Unreadable)]


def labels(found: list[Source | Unreadable]) -> list[tuple[int, str]]:
    return [(one.line, one.label) for one in found if isinstance(one, Source)]


def test_each_document_knows_where_it_starts(path: Path) -> None:
    found = read(path, f"# ours\n\n{CLINIC}---\n\nkind: Namespace\nmetadata: {{name: b}}\n")

    assert labels(found) == [(3, "Clinic harbour-health/cardiology"), (18, "Namespace b")]
    assert faults(found) == []


LINES = {
    "spec": 6,
    "spec.displayName": 7,
    "spec.team": 8,
    "spec.team[0]": 9,
    "spec.team[0].user": 10,
    "spec.team[1].group": 13,
    "spec.team[1].absent": 12,
    "spec.team[7]": 8,
    "spec.absent.deeper": 6,
    "spec.displayName.deeper": 7,
    "metadata.name": 5,
    "": 1,
    "<nil>": 1,
}


@pytest.mark.parametrize("field", LINES)
@pytest.mark.parametrize("before", [0, 3])
def test_a_field_is_found_on_its_line_or_the_nearest_above(
    path: Path, field: str, before: int
) -> None:
    [*_, found] = read(path, "kind: A\n---\n# more\n" + CLINIC if before else CLINIC)

    assert isinstance(found, Source)
    assert found.line_of(field) == before + LINES[field]


BAD: dict[str, tuple[str, int, str]] = {
    "an open bracket": ("kind: [a\n", 1, "is not YAML: "),
    "a wrong indentation": ("kind: A\n  name: b\n", 2, "mapping values are not allowed here"),
    "a tab": ("kind:\n\tname: b\n", 2, "cannot start any token"),
    "a control character": ("kind: A\nname: \x07\n", 2, "special characters are not allowed"),
    "an unknown tag": ("kind: A\nspec: !secret x\n", 2, "could not determine a constructor"),
    "a Python object": ("kind: !!python/object/apply:os.getpid []\n", 1, "could not determine"),
    "an anchor that is nowhere": ("kind: A\nspec: *there\n", 2, "found undefined alias"),
    "a list as a key": ("kind: A\n? [a]\n: b\n", 2, "found unhashable key"),
    "a number without digits": ("kind: A\nspec: 0b_\n", 1, "invalid literal"),
    "a bare word": ("\nhello\n", 2, "is not a Kubernetes object"),
    "a list": ("- kind: A\n", 1, "is not a Kubernetes object"),
    "nesting without end": ("[" * 1500, 1, "nested too deeply"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_document_is_named_with_its_line_and_the_rest_goes_on(path: Path, case: str) -> None:
    text, line, why = BAD[case]

    found = read(path, f"kind: First\n---\n{text}---\nkind: Last\n".replace("[---", "[\n---"))

    [(at, said)] = faults(found)
    assert at == line + 2
    assert why in said
    assert [label for _, label in labels(found)] == ["First", "Last"]
    assert [type(one) for one in found] == [Source, Unreadable, Source]


def test_what_holds_nothing_is_no_document(path: Path) -> None:
    assert read(path, "") == []
    assert read(path, "---\n# a comment\n---\n---\n   \n") == []


def test_an_unreadable_file_is_named(path: Path, tmp_path: Path) -> None:
    assert faults(read(path, b"kind: \xff\n")) == [(1, "cannot be read: UnicodeDecodeError")]
    absent = tmp_path / "absent.yaml"
    assert list(read_file(absent)) == [Unreadable(absent, 1, "cannot be read: FileNotFoundError")]


def test_times_and_dates_are_text_as_for_kubectl(path: Path) -> None:
    [found] = read(
        path, "start: 10:30\nlate: 24:00\nearly: 09:00\ndate: 2026-12-25\nat: 2026-12-25T10:00:00Z\n"
        "equal: =\ncount: 12\nshare: 1.5\nopen: true\nnothing: ~\n",
    )  # fmt: skip

    assert isinstance(found, Source)
    assert found.document == {
        "start": "10:30", "late": "24:00", "early": "09:00", "date": "2026-12-25",
        "at": "2026-12-25T10:00:00Z", "equal": "=", "count": 12, "share": 1.5, "open": True,
        "nothing": None,
    }  # fmt: skip


def test_the_items_of_a_list_are_documents_of_their_own(path: Path) -> None:
    found = read(
        path,
        "kind: List\nitems:\n- kind: Clinic\n  metadata: {name: a}\n- 5\n"
        "-\n  kind: MediaPool\n  spec:\n    replicas: 1\n",
    )

    assert labels(found) == [(3, "Clinic a"), (7, "MediaPool")]
    assert faults(found) == [(5, "is not a Kubernetes object")]
    [*_, pool] = found
    assert isinstance(pool, Source)
    assert pool.line_of("spec.replicas") == 9


def test_items_that_were_merged_in_are_documents_too(path: Path) -> None:
    found = read(path, "x: &x\n  items: [{kind: Clinic}]\nkind: List\n<<: *x\n")

    assert [label for _, label in labels(found)] == ["Clinic"]


def test_json_is_read_with_tabs_too(tmp_path: Path) -> None:
    [found] = read(tmp_path / "a.json", '{\n\t"kind": "Clinic",\n\t"spec": {"a": "b\\tc"}\n}\n')

    assert isinstance(found, Source)
    assert found.document == {"kind": "Clinic", "spec": {"a": "b\tc"}}
    assert found.line_of("spec.a") == 3


@pytest.mark.parametrize("metadata", ["5", "[]", "null", "{name: null}"])
def test_a_document_without_proper_metadata_still_has_a_label(path: Path, metadata: str) -> None:
    assert labels(read(path, f"kind: Clinic\nmetadata: {metadata}\n")) == [(1, "Clinic")]


def test_a_directory_stands_for_its_yaml_and_json_files_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "readme.md", "d.yaml.swp"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper/e.yaml").touch()

    assert [one.name for one in find_files([tmp_path])] == ["a.yml", "b.yaml", "c.json"]
    assert find_files([tmp_path / "readme.md"]) == [tmp_path / "readme.md"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.yaml"):
        find_files([tmp_path, tmp_path / "absent.yaml"])
