"""The process of one target: `python -m teleward_testing.fuzzing.child TARGET FOLDER [libFuzzer options]`."""

import importlib
import sys
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")

WATCHED = ["teleward_media", "teleward_contract", "joserfc", "teleward_testing.fuzzing.targets"]
"""Packages whose branches and comparisons lead the mutations."""


def main() -> None:
    """Lay out the corpus and fuzz until libFuzzer ends the process."""
    name, folder, *options = sys.argv[1:]
    with atheris.instrument_imports(include=WATCHED):
        targets = importlib.import_module("teleward_testing.fuzzing.targets")
    target = targets.PLANTED if name == "planted" else targets.TARGETS[name]
    corpus = Path(folder) / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)
    arguments = [sys.argv[0], str(corpus), f"-max_len={target.most_bytes}", *options]
    if target.words:
        dictionary = Path(folder) / "words"
        escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
        dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
        arguments.append(f"-dict={dictionary}")
    atheris.Setup(arguments, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
