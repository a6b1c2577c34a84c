"""`x-kubernetes-validations`: CEL rules of a schema, compiled once, evaluated at every write.

The expressions run on `cel-python`, with the string functions that Kubernetes adds. A rule that names
`oldSelf` is a transition rule: it runs on updates only, where the old value can be told
(properties, maps, and lists of type `map` by their keys).

Source: Kubernetes "Validation rules" of CustomResourceDefinitions; KEP-2876.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.errors import Cause
from teleward_cli.apiserver.schema import join

_ABSENT = object()

_OLD_SELF = re.compile(r"\boldSelf\b")


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule."""

    expression: str
    program: celpy.Runner
    message: str
    message_program: celpy.Runner | None
    reason: str
    field_path: str

    @property
    def is_transition(self) -> bool:
        """Whether it compares with the object's former state."""
        return _OLD_SELF.search(self.expression) is not None


@dataclass(frozen=True, slots=True)
class RuleTree:
    """The rules of one schema node and of the nodes below it."""

    rules: tuple[Rule, ...]
    properties: dict[str, "RuleTree"]
    values: "RuleTree | None"
    items: "RuleTree | None"
    map_keys: tuple[str, ...]

    def check(self, value: Any, old: Any = _ABSENT, path: str = "") -> Iterator[Cause]:
        """Find every rule that `value` breaks; `old` is its former state, if there was one."""
        if value is None:
            return
        for rule in self.rules:
            if rule.is_transition and old is _ABSENT:
                continue
            yield from _evaluate(rule, value, old, path)
        if isinstance(value, dict):
            for key, one in value.items():
                below = self.properties.get(key, self.values)
                if below is not None:
                    former = old.get(key, _ABSENT) if isinstance(old, dict) else _ABSENT
                    yield from below.check(one, former, join(path, key))
        elif isinstance(value, list) and self.items is not None:
            for at, one in enumerate(value):
                yield from self.items.check(one, self._former(one, old), f"{path}[{at}]")

    def _former(self, one: Any, old: Any) -> Any:
        if not self.map_keys or not isinstance(old, list):
            return _ABSENT
        identity = [one.get(key) for key in self.map_keys]
        same = (was for was in old if [was.get(key) for key in self.map_keys] == identity)
        return next(same, _ABSENT)


def compile_rules(schema: Document) -> RuleTree | None:
    """Compile all rules of a schema; None where there are none.

    Raises:
        ValueError: An expression that cannot be parsed; the text shows it.
    """
    environment = celpy.Environment()

    def visit(node: Any) -> RuleTree | None:
        if not isinstance(node, dict):
            return None
        rules = tuple(
            _compile(environment, declared)
            for declared in node.get("x-kubernetes-validations", ())
        )
        below = {key: visit(inner) for key, inner in node.get("properties", {}).items()}
        properties = {key: tree for key, tree in below.items() if tree is not None}
        values, items = visit(node.get("additionalProperties")), visit(node.get("items"))
        if not (rules or properties or values or items):
            return None
        keys = tuple(node.get("x-kubernetes-list-map-keys", ()))
        return RuleTree(rules, properties, values, items, keys)

    return visit(schema)


def _compile(environment: celpy.Environment, declared: Document) -> Rule:
    def program(expression: str) -> celpy.Runner:
        try:
            return environment.program(environment.compile(expression), functions=_FUNCTIONS)
        except CELParseError as err:
            raise ValueError(f"the CEL rule {expression!r} cannot be parsed") from err

    expression = str(declared["rule"]).strip()
    by_expression = declared.get("messageExpression")
    return Rule(
        expression=expression,
        program=program(expression),
        message=declared.get("message") or f"failed rule: {expression}",
        message_program=program(by_expression) if by_expression else None,
        reason=declared.get("reason", "FieldValueInvalid"),
        field_path=declared.get("fieldPath", ""),
    )


def _evaluate(rule: Rule, value: Any, old: Any, path: str) -> Iterator[Cause]:
    variables = {"self": json_to_cel(value)}
    if rule.is_transition:
        variables["oldSelf"] = json_to_cel(old)
    try:
        holds = bool(rule.program.evaluate(variables))
        message = rule.message
        if not holds and rule.message_program is not None:
            message = str(rule.message_program.evaluate(variables))
    except CELEvalError as err:
        holds, message = False, f"rule {rule.expression!r} failed: {str(err.args[0])[:120]}"
    if not holds:
        where = (path + rule.field_path).lstrip(".") or "<nil>"
        words = "Required value" if rule.reason == "FieldValueRequired" else "Invalid value"
        yield Cause(rule.reason, where, f"{words}: {message}")


def _is_url(text: celtypes.Value) -> celtypes.Value:
    return celtypes.BoolType(re.match(r"^[a-z][a-z0-9+.-]*://[^\s/]+", str(text)) is not None)


def _split(text: celtypes.Value, separator: celtypes.Value) -> celtypes.Value:
    return celtypes.ListType([celtypes.StringType(p) for p in str(text).split(str(separator))])


def _substring(text: celtypes.Value, *bounds: celtypes.Value) -> celtypes.Value:
    numbers = [int(str(bound)) for bound in bounds]
    return celtypes.StringType(
        str(text)[slice(*numbers) if len(numbers) > 1 else slice(numbers[0], None)]
    )


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lowerAscii": lambda text: celtypes.StringType(str(text).lower()),
    "upperAscii": lambda text: celtypes.StringType(str(text).upper()),
    "trim": lambda text: celtypes.StringType(str(text).strip()),
    "split": _split,
    "substring": _substring,
    "indexOf": lambda text, what: celtypes.IntType(str(text).find(str(what))),
    "isURL": _is_url,
}
"""What Kubernetes adds to CEL and our rules may use. Source: k8s.io/apiserver pkg/cel/library."""
