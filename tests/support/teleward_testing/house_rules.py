"""Rules about one source text, as functions from text to violations, so that each can be seen to fail.

A rule takes the path inside the tree and the text, and answers one line per violation.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from teleward_contract.telemetry import LOG_KEYS

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "contract": "teleward_contract",
    "operator": "teleward_operator",
    "media-node": "teleward_media",
    "gateway": "teleward_gateway",
    "cli": "teleward_cli",
}
"""Folder → package."""

MAX_LINES = 500
LONGER: dict[str, str] = {}
"""Modules that may be longer: path → reason."""

_KEY_MODULES = re.compile(r"teleward_contract/\w+_redis\.py$|adapters/keys\.py$")
_KEY = re.compile(r"^tw:|\{(pool|org):")
_LOGGERS = {"log", "_log", "logger"}
_LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_BINDERS = {"bind", "bind_contextvars", "bound_contextvars", "new"}
_EVENT = re.compile(r"^[a-z]+(_[a-z]+)*\.([a-z]+_)*([a-z]+)$")
_IRREGULAR = {
    "begun", "bound", "built", "chosen", "found", "gone", "held", "hidden", "kept", "left", "lost",
    "made", "met", "read", "run", "sent", "set", "shut", "taken", "told", "unread", "won", "written",
}  # fmt: skip
_FOUND = {"missing", "unreadable"}
"""Not participles, but what something was found to be."""
_PERSONAL = {
    "answer", "answers", "candidate", "display_name", "fields", "offer", "personal", "sdp",
}  # fmt: skip
"""What a patient said, is called, or where they are."""
_PEOPLE = {
    "claims", "entry", "guest", "participant", "patient", "person", "personal", "ticket",
    "visitor", "who",
}  # fmt: skip
"""Things whose `name` is a person's."""
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_VAGUE = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
_IGNORE = re.compile(r"#\s*(type:\s*ignore|noqa)")
_EXPLAINED = re.compile(
    r"#\s*(type: ignore\[[a-z-]+(, ?[a-z-]+)*\]|noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*)(  #| -) \S"
)


def sources() -> Iterator[PurePosixPath]:
    """Every Python source module of the packages and of the chart, inside the tree."""
    for folder, package in PACKAGES.items():
        yield from _modules(f"{folder}/{package}")
    yield from _modules("helm")


def tests() -> Iterator[PurePosixPath]:
    """Every Python module under `tests/`."""
    yield from _modules("tests")


def _modules(folder: str) -> Iterator[PurePosixPath]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield PurePosixPath(path.relative_to(ROOT))


def read(path: PurePosixPath) -> str:
    """Read a file of the tree."""
    return (ROOT / path).read_text()


def code_lines(text: str) -> int:
    """Count lines that hold code: no blank lines, comments or docstrings."""
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            documentation |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    silent = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENDMARKER,
    }  # fmt: skip
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - documentation)


def too_long(path: PurePosixPath, text: str) -> list[str]:
    """A module has at most 500 lines."""
    lines = text.count("\n")
    return [f"{path}: {lines} lines"] if lines > MAX_LINES and str(path) not in LONGER else []


def stray_keys(path: PurePosixPath, text: str) -> list[str]:
    """A key of Redis is spelt in the contract's `*_redis.py` and in `adapters/keys.py` alone."""
    if _KEY_MODULES.search(str(path)):
        return []
    tree = ast.parse(text)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and _is_text(node.value)
    }
    return [
        f"{path}:{node.lineno}: a key is spelt here"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
        and _KEY.search(node.value)
    ]


def bad_log_calls(path: PurePosixPath, text: str) -> list[str]:
    """A log call has a constant `noun.past_participle`, allowed keys, and nothing of a patient's.

    A function may pass on an event that it was given; its callers then give the constant.
    """
    tree = ast.parse(text)
    relays = _relays(tree)
    return [
        f"{path}:{node.lineno}: {why}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for why in _log_faults(node, relays)
    ]


def _relays(tree: ast.AST) -> frozenset[str]:
    """Names of the functions that log an event which is their own parameter `event`."""
    return frozenset(
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and "event" in {argument.arg for argument in function.args.args}
        and any(isinstance(n, ast.Call) and _logs_event(n) for n in ast.walk(function))
    )


def _is_log_call(call: ast.Call) -> bool:
    method = call.func
    return (
        isinstance(method, ast.Attribute)
        and method.attr in _LOG_METHODS
        and getattr(method.value, "id", None) in _LOGGERS
    )


def _logs_event(call: ast.Call) -> bool:
    return _is_log_call(call) and bool(call.args) and getattr(call.args[0], "id", "") == "event"


def _called(call: ast.Call) -> str:
    method = call.func
    return method.attr if isinstance(method, ast.Attribute) else str(getattr(method, "id", ""))


def _log_faults(call: ast.Call, relays: frozenset[str]) -> Iterator[str]:
    if _called(call) in relays:
        yield from _event_faults(call.args[0] if call.args else None)
    if _is_log_call(call):
        is_relayed = bool(relays) and _logs_event(call)
        if len(call.args) != 1 or not is_relayed:
            yield from _event_faults(call.args[0] if len(call.args) == 1 else None)
    elif _called(call) not in _BINDERS:
        return
    for keyword in call.keywords:
        if keyword.arg != "exc_info" and keyword.arg not in LOG_KEYS:
            yield f"key {keyword.arg or '**'} is not in LOG_KEYS"
        yield from _personal(keyword.value)


def _event_faults(event: ast.expr | None) -> Iterator[str]:
    constant = event.value if isinstance(event, ast.Constant) else None
    found = _EVENT.match(constant) if isinstance(constant, str) else None
    if found is None:
        yield "the event is not one constant noun.past_participle"
    elif not (found[3].endswith("ed") or found[3] in _IRREGULAR | _FOUND):
        yield f"{found[3]} is no past participle"


def _personal(value: ast.AST) -> Iterator[str]:
    """Look at what a value ends in: `answer.placement.epoch` is an epoch, `who.name` a name."""
    if isinstance(value, ast.Name):
        if value.id in _PERSONAL:
            yield f"{value.id} is a patient's"
    elif isinstance(value, ast.Attribute):
        owner = value.value
        whose = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if value.attr in _PERSONAL or (value.attr == "name" and whose in _PEOPLE):
            yield f"{whose}.{value.attr} is a patient's"
    else:
        for child in ast.iter_child_nodes(value):
            yield from _personal(child)


def undocumented_settings(path: PurePosixPath, text: str) -> list[str]:
    """Every field of a Settings class is followed by a docstring."""
    faults = []
    for name, documentation, line in settings_of(text):
        if not documentation:
            faults.append(f"{path}:{line}: {name} has no docstring")
    return faults


def settings_of(text: str) -> Iterator[tuple[str, str, int]]:
    """Each field of the Settings classes of a module: name, docstring, line."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef) or node.name != "Settings":
            continue
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield field.target.id, _documentation(after), field.lineno


def undocumented_members(path: PurePosixPath, text: str) -> list[str]:
    """Every reason of a condition is followed by a docstring."""
    faults = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef) or node.name != "Reason":
            continue
        for member, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(member, ast.Assign) and not _documentation(after):
                faults.append(f"{path}:{member.lineno}: the reason has no docstring")
    return faults


def undocumented_constants(path: PurePosixPath, text: str) -> list[str]:
    """Every number that a module names in capitals is followed by a docstring: its reason and its source.

    Those that stand line by line may share the docstring after the last. Names that begin with _ are free.
    """
    body = ast.parse(text).body
    faults = []
    for statement, after in zip(body, [*body[1:], None], strict=False):
        names = _numbers(statement)
        if names and not _documentation(after) and not _continues(statement, after):
            faults.append(f"{path}:{statement.lineno}: {', '.join(names)} has no docstring")
    return faults


def _numbers(statement: ast.stmt) -> list[str]:
    """Names in capitals to which a statement gives numbers."""
    match statement:
        case ast.Assign(targets=[target], value=value):
            pass
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            pass
        case _:
            return []
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=True))
    return [
        one.id
        for one, number in pairs
        if isinstance(one, ast.Name) and _CONSTANT.fullmatch(one.id) and _is_number(number)
    ]


def _is_number(value: ast.expr) -> bool:
    """Whether it is a number, a tuple of them, arithmetic with them and with constants, or one in a unit's type."""
    match value:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float()):
            return True
        case ast.Name(id=name):
            return bool(_CONSTANT.fullmatch(name.lstrip("_")))
        case ast.UnaryOp(operand=operand):
            return _is_number(operand)
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
        case ast.Tuple(elts=parts):
            return bool(parts) and all(map(_is_number, parts))
        case ast.Call(func=ast.Name(id=name), args=[only]):
            return name == "float" or (name[0].isupper() and _is_number(only))
    return False


def _continues(statement: ast.stmt, after: ast.stmt | None) -> bool:
    """Whether the next line names a number, too."""
    is_next = after is not None and after.lineno - 1 == statement.end_lineno
    return after is not None and is_next and bool(_numbers(after))


def unexplained_ignores(path: PurePosixPath, text: str) -> list[str]:
    """What silences a checker names the rule and the reason."""
    return [
        f"{path}:{token.start[0]}: {token.string}"
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        and _IGNORE.match(token.string)
        and not _EXPLAINED.match(token.string)
    ]


def silent_catches(path: PurePosixPath, text: str) -> list[str]:
    """Who catches every exception logs it, or raises again."""
    faults = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = getattr(node.type, "id", "") if node.type else "everything"
        if caught not in {"everything", "Exception", "BaseException"}:
            continue
        does = list(ast.walk(ast.Module(node.body, [])))
        speaks = any(
            isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and one.func.attr.lstrip("_") in _LOG_METHODS
            for one in does
        )
        if not speaks and not any(isinstance(one, ast.Raise) for one in does):
            faults.append(f"{path}:{node.lineno}: catches {caught} and says nothing")
    return faults


def vague_name(path: PurePosixPath, _: str) -> list[str]:
    """No module is named after nothing."""
    return [f"{path}: say what it is about"] if {*path.parts, path.stem} & _VAGUE else []


def promises(path: PurePosixPath, text: str) -> list[str]:
    """A test module starts with its promise; the names of its tests are sentences."""
    if not path.name.startswith("test_"):
        return []
    tree = ast.parse(text)
    faults = [] if ast.get_docstring(tree) else [f"{path}: no promise at the top"]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test_"
        ):
            words = node.name.split("_")[1:]
            if len(words) < 2 or "correctly" in words:
                faults.append(f"{path}:{node.lineno}: {node.name} is no sentence")
    return faults


def naps(path: PurePosixPath, text: str) -> list[str]:
    """No test of `unit/` sleeps: time is a number there."""
    if path.parts[1:2] != ("unit",):
        return []
    return [
        f"{path}:{node.lineno}: sleeps"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


def _documentation(after: ast.stmt | None) -> str:
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        return str(after.value.value)
    return ""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
