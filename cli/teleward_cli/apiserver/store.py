"""The objects, their versions and what happened to them lately.

Every write gets the next resourceVersion and is appended to a journal (JSON lines) before it is seen, so a
killed process loses nothing it has answered. The journal is rewritten when most of it is history.
"""

import contextlib
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeAlias

from teleward_cli.apiserver.documents import Document, name_of, namespace_of

Key: TypeAlias = tuple[str, str, str]
"""(qualified resource, namespace or "", name)."""

HISTORY = 4096
"""Changes kept for watches that come back; an older one must list again. etcd's own default is minutes."""

SLACK = 2000
"""Journal lines beyond twice the number of objects before it is rewritten: about a megabyte."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the object before and after it; `after` is None for a removal."""

    version: int
    key: Key
    before: Document | None
    after: Document | None


class Store:
    """All objects in memory, and their journal on disk. Documents handed in or out are never changed."""

    def __init__(self, path: Path) -> None:
        """Open the journal.

        Raises:
            ValueError: A line of it is not JSON; the text names it.
        """
        self._path = path
        self._objects: dict[Key, Document] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._lines = 0
        self.version = 1
        self._load()
        self._oldest = self.version
        self._journal = self._rewrite()

    def get(self, key: Key) -> Document | None:
        """Look one object up."""
        return self._objects.get(key)

    def objects_of(self, resource: str, namespace: str = "") -> list[Document]:
        """List a resource's objects in etcd's order, that of their keys `namespace/name`."""
        found = [
            (f"{key[1]}/{key[2]}", document)
            for key, document in self._objects.items()
            if key[0] == resource and namespace in ("", key[1])
        ]
        return [document for _, document in sorted(found, key=lambda one: one[0])]

    def in_namespace(self, namespace: str) -> list[Key]:
        """List the keys of everything in a namespace."""
        return [key for key in self._objects if key[1] == namespace]

    def put(self, resource: str, document: Document) -> Change:
        """Write an object at the next resourceVersion."""
        key = (resource, namespace_of(document), name_of(document))
        version = self.version + 1
        stamped = document | {"metadata": document["metadata"] | {"resourceVersion": str(version)}}
        return self._commit(Change(version, key, self._objects.get(key), stamped))

    def remove(self, key: Key) -> Change:
        """Remove an object; its last state carries the version of the removal."""
        version = self.version + 1
        last = self._objects[key]
        stamped = last | {"metadata": last["metadata"] | {"resourceVersion": str(version)}}
        return self._commit(Change(version, key, stamped, None))

    def since(self, version: int) -> list[Change] | None:
        """List the changes after `version`; None when some of them are no longer kept."""
        if version < self.oldest:
            return None
        return [change for change in self._history if change.version > version]

    @property
    def oldest(self) -> int:
        """The lowest version from which a watch can still start."""
        return self._oldest

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _commit(self, change: Change) -> Change:
        if change.after is None:
            line: Document = {"version": change.version, "removed": list(change.key)}
        else:
            line = {"version": change.version, "key": list(change.key), "object": change.after}
        self._journal.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._journal.flush()
        self._lines += 1
        self.version = change.version
        self._apply(change.key, change.after)
        if len(self._history) == HISTORY:
            self._oldest = self._history[0].version
        self._history.append(change)
        if self._lines > 2 * len(self._objects) + SLACK:
            self._journal.close()
            self._journal = self._rewrite()
        return change

    def _apply(self, key: Key, document: Document | None) -> None:
        if document is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = document

    def _load(self) -> None:
        for line in self._read():
            self.version = max(self.version, int(line["version"]))
            if "removed" in line:
                resource, namespace, name = line["removed"]
                self._apply((resource, namespace, name), None)
            elif "object" in line:
                resource, namespace, name = line["key"]
                self._apply((resource, namespace, name), line["object"])

    def _read(self) -> Iterator[Document]:
        with contextlib.suppress(FileNotFoundError):
            *lines, last = self._path.read_bytes().split(b"\n")
            for at, line in enumerate(lines, 1):
                try:
                    yield json.loads(line)
                except ValueError as err:
                    raise ValueError(f"{self._path}:{at} is not JSON") from err
            with contextlib.suppress(ValueError):  # killed while writing it: never answered
                yield json.loads(last)

    def _rewrite(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as journal:
            journal.write(json.dumps({"version": self.version}) + "\n")
            for key, document in self._objects.items():
                line = {"version": self.version, "key": list(key), "object": document}
                journal.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        fresh.replace(self._path)
        self._lines = len(self._objects)
        return self._path.open("a", encoding="utf-8")
