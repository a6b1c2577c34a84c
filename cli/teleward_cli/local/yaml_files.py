"""YAML files as a user wrote them: documents with the lines they and their fields stand on."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_SEPARATOR = re.compile(r"^---(\s.*)?$")
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

SUFFIXES = (".yaml", ".yml", ".json")


class _Loader(yaml.SafeLoader):
    """Reads scalars as kubectl does: dates are text, and so is a time of day like 10:30."""


_TEXT_FOR_KUBECTL = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
_BASE_60 = re.compile(r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag not in _TEXT_FOR_KUBECTL]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first in "-+0123456789":
    _Loader.yaml_implicit_resolvers[_first].insert(0, ("tag:yaml.org,2002:str", _BASE_60))


@dataclass(frozen=True, slots=True)
class Source:
    """One document of a file."""

    path: Path
    line: int
    """Of its first key, from 1."""
    document: dict[str, Any]
    node: yaml.Node
    offset: int
    """Lines of the file before this document's part."""

    @property
    def label(self) -> str:
        """What it is: `Clinic harbour-health/cardiology`."""
        meta = self.document.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        place = "/".join(str(meta[key]) for key in ("namespace", "name") if meta.get(key))
        return f"{self.document.get('kind', 'document')} {place}".strip()

    def line_of(self, field: str) -> int:
        """The line of a field like `spec.hours[0].days`; of the nearest one above it if it is not there."""
        node, line = self.node, self.line
        for name, index in _PART.findall(field):
            found = _step(node, name, index)
            if found is None:
                return line
            mark, node = found
            line = self.offset + mark + 1
        return line


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a file that is no document."""

    path: Path
    line: int
    why: str


def find_files(paths: list[Path]) -> list[Path]:
    """List the files that `-f` names: a file, or every YAML or JSON file of a directory.

    Raises:
        FileNotFoundError: There is no such file; the text says which.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(str(path))
    return found


def read_file(path: Path) -> Iterator[Source | Unreadable]:
    """Read the documents of one file; each part between `---` stands for itself."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        yield Unreadable(path, 1, f"cannot be read: {type(err).__name__}")
        return
    starts = [at for at, line in enumerate(lines) if _SEPARATOR.match(line)]
    edges = [0, *(at + 1 for at in starts), len(lines) + 1]
    for offset, end in itertools.pairwise(edges):
        yield from _read_part(path, offset, "\n".join(lines[offset : end - 1]))


def _read_part(path: Path, offset: int, text: str) -> Iterator[Source | Unreadable]:
    if path.suffix == ".json":
        text = text.replace("\t", " ")  # no tab of JSON means more, and YAML knows none
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return
        document = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as err:
        yield Unreadable(path, offset + _line_of_fault(err, text), f"is not YAML: {_why(err)}")
        return
    line = offset + node.start_mark.line + 1
    if not isinstance(document, dict):
        yield Unreadable(path, line, "is not a Kubernetes object")
    elif isinstance(document.get("items"), list) and str(document.get("kind")).endswith("List"):
        items = _step(node, "items", "")
        for at, item in enumerate(document["items"]):
            mark, one = (items and _step(items[1], "", str(at))) or (node.start_mark.line, node)
            if isinstance(item, dict):
                yield Source(path, offset + mark + 1, item, one, offset)
            else:
                yield Unreadable(path, offset + mark + 1, "is not a Kubernetes object")
    else:
        yield Source(path, line, document, node, offset)


def _line_of_fault(err: Exception, text: str) -> int:
    if isinstance(err, yaml.reader.ReaderError):
        return text.count("\n", 0, err.position) + 1
    mark = getattr(err, "problem_mark", None)
    return (mark.line if mark else 0) + 1


def _why(err: Exception) -> str:
    if isinstance(err, yaml.reader.ReaderError):
        return f"{err.reason} (character {err.character:#x})"
    if isinstance(err, RecursionError):
        return "nested too deeply"
    return str(getattr(err, "problem", None) or err or "unreadable")


def _step(node: yaml.Node, name: str, index: str) -> tuple[int, yaml.Node] | None:
    if name and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line, value
    elif index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
        item: yaml.Node = node.value[int(index)]
        return item.start_mark.line, item
    return None
