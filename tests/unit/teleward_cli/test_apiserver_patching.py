"""Patches do what RFC 7396 and RFC 6902 say, all of it or nothing."""

import copy
from typing import Any

import pytest
from teleward_cli.apiserver.errors import StatusError
from teleward_cli.apiserver.patching import apply_operations, merge

MERGED: dict[str, tuple[Any, Any, Any]] = {
    "a value is replaced": ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    "a value is added": ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    "null removes": ({"a": "b"}, {"a": None}, {}),
    "null removes one of two": ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    "a list is replaced by a value": ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    "a value is replaced by a list": ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    "maps are merged": (
        {"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}},
    ),
    "lists are not merged": ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    "the whole is replaced by a list": (["a", "b"], ["c", "d"], ["c", "d"]),
    "the whole is replaced by a map": ({"a": "b"}, ["c"], ["c"]),
    "the whole is replaced by null": ({"a": "foo"}, None, None),
    "what was null stays": ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    "a list becomes a map": ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    "null inside something new is left out": (
        {}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}},
    ),
}  # fmt: skip
"""RFC 7396, appendix A."""


@pytest.mark.parametrize("case", MERGED)
def test_a_merge_patch_merges(case: str) -> None:
    target, patch, expected = MERGED[case]
    before = copy.deepcopy(target)

    assert merge(target, patch) == expected
    assert target == before


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **more}


OPERATIONS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]] = {
    "add a member": ({"a": 1}, [op("add", "/b", value=2)], {"a": 1, "b": 2}),
    "add over a member": ({"a": 1}, [op("add", "/a", value=2)], {"a": 2}),
    "add into a list": ({"a": [1, 3]}, [op("add", "/a/1", value=2)], {"a": [1, 2, 3]}),
    "add at the end of a list": ({"a": [1]}, [op("add", "/a/-", value=2)], {"a": [1, 2]}),
    "add at the index after the last": ({"a": [1]}, [op("add", "/a/1", value=2)], {"a": [1, 2]}),
    "remove a member": ({"a": 1, "b": 2}, [op("remove", "/a")], {"b": 2}),
    "remove from a list": ({"a": [1, 2]}, [op("remove", "/a/0")], {"a": [2]}),
    "replace the last of a list": ({"a": [1, 2]}, [op("replace", "/a/1", value=3)], {"a": [1, 3]}),
    "replace the whole": ({"a": 1}, [op("replace", "", value={"b": 2})], {"b": 2}),
    "move": ({"a": {"x": 1}}, [op("move", "/b", **{"from": "/a/x"})], {"a": {}, "b": 1}),
    "copy": ({"a": [1]}, [op("copy", "/b", **{"from": "/a"})], {"a": [1], "b": [1]}),
    "a copy is one": (
        {"a": [1]},
        [op("copy", "/b", **{"from": "/a"}), op("add", "/b/-", value=2)],
        {"a": [1], "b": [1, 2]},
    ),
    "a test that holds": (
        {"a": {"b": [1]}},
        [op("test", "/a", value={"b": [1]})],
        {"a": {"b": [1]}},
    ),
    "escaped slashes and tildes": (
        {"a/b": 1, "m~n": 2},
        [op("remove", "/a~1b"), op("replace", "/m~0n", value=3)],
        {"m~n": 3},
    ),
    "a tilde escape is not read twice": ({"~1": 1}, [op("remove", "/~01")], {}),
    "an empty name": ({"": 1}, [op("replace", "/", value=2)], {"": 2}),
    "null is a value": ({}, [op("add", "/a", value=None)], {"a": None}),
    "no operation": ({"a": 1}, [], {"a": 1}),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_operations_are_applied_in_order(case: str) -> None:
    document, operations, expected = OPERATIONS[case]
    before = copy.deepcopy(document)

    assert apply_operations(document, operations) == expected
    assert document == before


FAILING: dict[str, Any] = {
    "remove what is not there": op("remove", "/absent"),
    "replace what is not there": op("replace", "/absent", value=1),
    "below what is not there": op("add", "/absent/x", value=1),
    "beyond the end": op("add", "/list/3", value=1),
    "remove beyond the end": op("remove", "/list/2"),
    "an index that is no number": op("add", "/list/x", value=1),
    "an index with a leading zero": op("remove", "/list/00"),
    "an index in other digits": op("remove", "/list/²"),
    "a negative index": op("remove", "/list/-1"),
    "below a text": op("remove", "/text/x"),
    "into a text": op("add", "/text/x", value=1),
    "below a number": op("remove", "/number/x"),
    "a test that fails": op("test", "/number", value=2),
    "a test of what is not there": op("test", "/absent", value=None),
    "no value": op("add", "/x"),
    "no source": op("move", "/x"),
    "into itself": op("move", "/map/inner", **{"from": "/map"}),
    "an unknown operation": op("merge", "/x", value=1),
    "a pointer that does not start with a slash": op("remove", "text"),
    "a pointer that is a number": {"op": "remove", "path": 5},
    "no pointer": {"op": "remove"},
    "everything goes": {"op": "remove", "path": ""},
    "no object is left": {"op": "replace", "path": "", "value": []},
}


@pytest.mark.parametrize("case", FAILING)
def test_an_operation_that_does_not_apply_undoes_all_of_them(case: str) -> None:
    document = {"text": "abc", "number": 1, "list": [1, 2], "map": {"inner": {}}}
    before = copy.deepcopy(document)

    with pytest.raises(StatusError) as refused:
        apply_operations(document, [op("add", "/first", value=1), FAILING[case]])

    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    assert document == before


@pytest.mark.parametrize("operations", [{}, "x", None, ["remove"], [None], [[]]])
def test_what_is_no_patch_is_a_bad_request(operations: Any) -> None:
    with pytest.raises(StatusError) as refused:
        apply_operations({"a": 1}, operations)

    assert (refused.value.code, refused.value.reason) == (400, "BadRequest")
