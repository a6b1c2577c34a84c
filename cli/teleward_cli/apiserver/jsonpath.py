"""The part of Kubernetes' JSONPath that printer columns, selectable fields and scale paths use."""

import re
from functools import lru_cache
from typing import Any, TypeAlias

Step: TypeAlias = tuple[str, str, str]
"""("field", name, ""), ("index", number, ""), ("all", "", "") or ("filter", path, value)."""

_STEP = re.compile(
    r"""\.(?P<field>[A-Za-z0-9_/-]+(?:\\\.[A-Za-z0-9_/-]+)*)
      | \[(?P<index>-?\d+)\]
      | \[['"](?P<quoted>[^'"]+)['"]\]
      | (?P<all>\[\*\])
      | \[\?\(@(?P<path>(?:\.[A-Za-z0-9_-]+)+)\s*==\s*(?P<value>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]""",
    re.VERBOSE,
)


def find(document: Any, path: str) -> list[Any]:
    """Find everything that `path` selects, in order.

    Raises:
        ValueError: The path uses what is not served.
    """
    found = [document]
    for step in _parse(path):
        found = [inner for outer in found for inner in _take(outer, step)]
    return found


def first(document: Any, path: str) -> Any:
    """The first of what `path` selects, or None."""
    return next(iter(find(document, path)), None)


@lru_cache(maxsize=256)
def _parse(path: str) -> tuple[Step, ...]:
    text = path.strip("{}").removeprefix("$")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"JSONPath {path!r} is not served from character {at} on")
        steps.append(_step(match))
        at = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["field"]:
        return ("field", match["field"].replace("\\.", "."), "")
    if match["quoted"]:
        return ("field", match["quoted"], "")
    if match["index"]:
        return ("index", match["index"], "")
    if match["all"]:
        return ("all", "", "")
    return ("filter", match["path"], match["value"].strip("'\""))


def _take(value: Any, step: Step) -> list[Any]:
    kind, what, wanted = step
    if kind == "field":
        return [value[what]] if isinstance(value, dict) and what in value else []
    if not isinstance(value, list):
        return list(value.values()) if kind == "all" and isinstance(value, dict) else []
    if kind == "index":
        number = int(what)
        return [value[number]] if -len(value) <= number < len(value) else []
    if kind == "all":
        return value
    return [one for one in value if _text(first(one, what)) == wanted]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
