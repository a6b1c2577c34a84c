"""Copy `crds/` into the chart: guarded by `crds.install`, kept when the release is uninstalled.

`--check` changes nothing and exits with 1 when a copy differs from its source.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE.parent / "crds"
COPIES = HERE / "teleward" / "templates" / "crds"

KEEP = "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n"
"""Without it, uninstalling the chart would delete every clinic of the cluster."""


def as_template(source: str) -> str:
    """Turn one definition into a template that renders it unchanged, with the keep annotation.

    Raises:
        ValueError: The text would not survive: it has braces of a template, or annotations of its own.
    """
    if "{{" in source or source.count("\nmetadata:\n  name: ") != 1:
        raise ValueError("a definition starts `metadata:`, `  name:` and holds no double braces")
    kept = source.replace("metadata:\n", KEEP, 1)
    return f"{{{{- if .Values.crds.install }}}}\n{kept.rstrip()}\n{{{{- end }}}}\n"


def templates(sources: Path = SOURCES) -> dict[str, str]:
    """Render every copy: file name → text."""
    return {path.name: as_template(path.read_text()) for path in sorted(sources.glob("*.yaml"))}


def drift(wanted: dict[str, str], copies: Path = COPIES) -> list[str]:
    """Name the copies that are missing, differ or have no source any more."""
    found = {path.name: path.read_text() for path in copies.glob("*.yaml")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def main(arguments: list[str]) -> int:
    """Copy, or with `--check` say what differs."""
    wanted = templates()
    stale = drift(wanted)
    if arguments == ["--check"]:
        for name in stale:
            sys.stderr.write(f"{name}: the chart's copy differs from crds/. Next: make crds.\n")
        return 1 if stale else 0
    COPIES.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (COPIES / name).write_text(wanted[name])
        else:
            (COPIES / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
