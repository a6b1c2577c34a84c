"""The process that fuzzes: `python -m teleward_testing.fuzzing.child NAME[,NAME…] FOLDER [libFuzzer options]`.

Of several targets the first byte of an input chooses one, so that they share the seconds it takes to begin.
"""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")

WATCHED = ["teleward_media", "teleward_contract", "teleward_testing.fuzzing.targets"]
"""Packages whose branches and comparisons lead the mutations."""
COUNTS, COUNT_EVERY = "counts.json", 250
"""Where the number of inputs by target is written, and after how many."""


def main() -> None:
    """Lay out corpus and words, and fuzz until libFuzzer ends the process."""
    names, folder, *options = sys.argv[1:]
    with atheris.instrument_imports(include=WATCHED):
        module = importlib.import_module("teleward_testing.fuzzing.targets")
    known = {**module.TARGETS, "planted": module.PLANTED}
    targets = {name: known[name] for name in names.split(",")}
    arguments = [sys.argv[0], *_lay_out(Path(folder), targets), *options]
    atheris.Setup(arguments, _run(Path(folder) / COUNTS, targets))
    atheris.Fuzz()


def _run(counts_at: Path, targets: dict[str, Any]) -> Callable[[bytes], None]:
    names, counts, total = list(targets), dict.fromkeys(targets, 0), [0]

    def run(data: bytes) -> None:
        name = names[data[0] % len(names) if data else 0]
        counts[name] += 1
        total[0] += 1
        if total[0] % COUNT_EVERY == 0:
            counts_at.write_text(json.dumps(counts))
        targets[name].run(data[1 : 1 + targets[name].most_bytes])

    return run


def _lay_out(folder: Path, targets: dict[str, Any]) -> list[str]:
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, (name, target) in enumerate(targets.items()):
        for index, seed in enumerate(target.seeds()):
            (corpus / f"{name}-{index}").write_bytes(bytes([number]) + seed)
    options = [str(corpus), f"-max_len={1 + max(one.most_bytes for one in targets.values())}"]
    words = {word for target in targets.values() for word in target.words}
    if words:
        escaped = sorted("".join(f"\\x{byte:02x}" for byte in word) for word in words)
        (folder / "words").write_text("".join(f'"{word}"\n' for word in escaped))
        options.append(f"-dict={folder}/words")
    return options


if __name__ == "__main__":
    main()
