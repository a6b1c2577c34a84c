"""The rules as functions from text or tree to violations, so that each can be seen to fail."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from teleward_contract.telemetry import LOG_KEYS

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "contract": "teleward_contract",
    "operator": "teleward_operator",
    "media-node": "teleward_media",
    "gateway": "teleward_gateway",
    "cli": "teleward_cli",
}
MAX_LINES = 500
KEY_MODULES = re.compile(r"teleward_contract/\w+_redis\.py$|adapters/keys\.py$")
KEY_STRING = re.compile(r"""["']tw:|\{\{(pool|org):""")
_LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
_EVENT = re.compile(r"^[a-z_]+\.[a-z_]+$")


def sources() -> Iterator[Path]:
    """Every Python source module of the packages."""
    for folder, package in PACKAGES.items():
        yield from sorted((ROOT / folder / package).rglob("*.py"))


def too_long(path: Path, text: str) -> list[str]:
    """A module has at most 500 lines."""
    lines = text.count("\n") + 1
    return [f"{path}: {lines} lines"] if lines > MAX_LINES else []


def stray_keys(path: Path, text: str) -> list[str]:
    """A Redis key is spelt in the contract's `*_redis.py` and in `adapters/keys.py` alone."""
    if KEY_MODULES.search(path.as_posix()):
        return []
    return [
        f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if KEY_STRING.search(line)
    ]


def bad_log_calls(path: Path, text: str) -> list[str]:
    """A log call has a constant `noun.participle` event and only keys that the contract names."""
    return [f"{path}:{line}: {why}" for line, why in _log_faults(ast.parse(text))]


def _log_faults(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        target = node.func.value
        is_log = isinstance(target, ast.Name) and target.id == "log"
        if not is_log or node.func.attr not in _LOG_METHODS:
            continue
        event = node.args[0] if len(node.args) == 1 else None
        if not isinstance(event, ast.Constant) or not _EVENT.match(str(event.value)):
            yield node.lineno, "the event is not one constant noun.participle"
        for keyword in node.keywords:
            if keyword.arg != "exc_info" and keyword.arg not in LOG_KEYS:
                yield node.lineno, f"key {keyword.arg} is not in the allow-list"


def undocumented_settings(path: Path, text: str) -> list[str]:
    """Every field of a Settings class is followed by a docstring."""
    faults = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef) or node.name != "Settings":
            continue
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if not isinstance(field, ast.AnnAssign):
                continue
            documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if not documented:
                faults.append(f"{path}:{field.lineno}")
    return faults
