"""JSON merge patch (RFC 7396) and JSON patch (RFC 6902)."""

import re
from typing import Any

from teleward_cli.apiserver.documents import Document, clone
from teleward_cli.apiserver.errors import StatusError, bad_request

_INDEX = re.compile(r"^(0|[1-9][0-9]*)\Z")


def merge(target: Any, patch: Any) -> Any:
    """Apply a merge patch; null removes (RFC 7396 §2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply_operations(document: Document, operations: Any) -> Document:
    """Apply a JSON patch, all of it or nothing.

    Raises:
        StatusError: 400 when it is not a patch; 422 when an operation does not apply, or no object is left.
    """
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise bad_request("error decoding patch: a JSON patch is an array of operations")
    root = {"": clone(document)}
    for operation in operations:
        try:
            _apply(root, operation)
        except (AttributeError, LookupError, ValueError, TypeError) as err:
            raise _rejected() from err
    result = root.get("")
    if not isinstance(result, dict):
        raise _rejected()
    return result


def _rejected() -> StatusError:
    message = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", message)


def _apply(root: Document, operation: Document) -> None:
    path = _tokens(operation["path"])
    match operation["op"]:
        case "add":
            _add(root, path, operation["value"])
        case "remove":
            _remove(root, path)
        case "replace":
            _remove(root, path)
            _add(root, path, operation["value"])
        case "move":
            _add(root, path, _remove(root, _tokens(operation["from"])))
        case "copy":
            _add(root, path, clone({"value": _get(root, _tokens(operation["from"]))})["value"])
        case "test":
            if _get(root, path) != operation["value"]:
                raise ValueError("test failed")
        case _:
            raise ValueError("unknown operation")


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError("a JSON pointer starts with /")
    # RFC 6901 §4: ~1 first, then ~0
    return ["", *(t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:])]


def _get(node: Any, path: list[str]) -> Any:
    for token in path:
        node = node[_index(node, token)]
    return node


def _add(root: Any, path: list[str], value: Any) -> None:
    parent = _get(root, path[:-1])
    if isinstance(parent, list):
        at = len(parent) if path[-1] == "-" else _number(path[-1])
        if at > len(parent):
            raise IndexError("beyond the end")
        parent.insert(at, value)
    else:
        parent[path[-1]] = value


def _remove(root: Any, path: list[str]) -> Any:
    parent = _get(root, path[:-1])
    return parent.pop(_index(parent, path[-1]))


def _index(node: Any, token: str) -> Any:
    return _number(token) if isinstance(node, list) else token


def _number(token: str) -> int:
    if not _INDEX.match(token):  # RFC 6901 §4: no leading zeros
        raise ValueError("not an array index")
    return int(token)
