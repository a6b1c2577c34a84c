"""Write `api.md`, the reference of the API, from `crds/`.

`--check` changes nothing and exits with 1 when the page is not what the definitions say.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SOURCES = HERE.parent / "crds"
PAGE = HERE / "api.md"

HEAD = """# API reference

`teleward.io/v1alpha1`, written from [`crds/`](../crds) by `make crds`: the same words as `kubectl explain`.
How fields may change: [api-policy.md](api-policy.md). What a condition's reason means: [reasons.md](reasons.md).
A valid object of each kind: [`crds/examples/`](../crds/examples).
"""


def page(sources: Path = SOURCES) -> str:
    """Render the page."""
    definitions = [
        yaml.safe_load(path.read_text("utf-8")) for path in sorted(sources.glob("*.yaml"))
    ]
    return "\n".join([HEAD, *(line for one in definitions for line in _kind(one))]) + "\n"


def _kind(definition: Mapping[str, Any]) -> Iterator[str]:
    names, version = definition["spec"]["names"], definition["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    yield f"## {names['kind']}"
    yield ""
    short = ", ".join(f"`{one}`" for one in names["shortNames"])
    extras = [name for name in ("status", "scale") if name in version["subresources"]]
    selectable = [
        f"`{one['jsonPath'].lstrip('.')}`" for one in version.get("selectableFields", ())
    ]
    yield (
        f"{schema['description']} Short name {short}; subresources {', '.join(f'`{one}`' for one in extras)}"
        + (f"; field selectors {', '.join(selectable)}." if selectable else ".")
    )
    yield ""
    rules = [*_rules(schema, ""), *_rules(schema["properties"]["spec"], "spec")]
    for path, message in rules:
        yield f"* `{path or names['kind']}`: {message}."
    if rules:
        yield ""
    for part in ("spec", "status"):
        yield f"| {part} | type | bounds | |"
        yield "| --- | --- | --- | --- |"
        for path, inner, is_required in _fields(schema["properties"][part], ""):
            cells = (f"`{path}`", _type(inner), _bounds(inner, is_required), inner["description"])
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, inner, name in schema.get("required", ())
        yield from _fields(inner, here)
        yield from _fields(inner.get("items", {}), f"{here}[]")


def _type(schema: Mapping[str, Any]) -> str:
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format") or schema["type"])


def _bounds(schema: Mapping[str, Any], is_required: bool) -> str:
    found = ["required"] if is_required else []
    if "enum" in schema:
        found.append(", ".join(f"`{one}`" for one in schema["enum"]))
    for low, high, noun in (
        ("minimum", "maximum", ""), ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"), ("minProperties", "maxProperties", " keys"),
    ):  # fmt: skip
        if low in schema and high in schema:
            found.append(f"{schema[low]} to {schema[high]}{noun}")
        elif low in schema:
            found.append(f"at least {schema[low]}{noun}")
        elif high in schema:
            found.append(f"at most {schema[high]}{noun}")
    if "pattern" in schema:
        found.append(f"`{schema['pattern']}`")
    if "x-kubernetes-list-map-keys" in schema:
        found.append(f"one per `{', '.join(schema['x-kubernetes-list-map-keys'])}`")
    return "; ".join(found)


def _rules(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The rules of a schema and, unless it is the root, of everything in it."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule["message"]
    if not path:
        return
    for name, inner in schema.get("properties", {}).items():
        yield from _rules(inner, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def main(arguments: list[str]) -> int:
    """Write, or with `--check` say that the page is stale."""
    wanted = page()
    if arguments == ["--check"]:
        is_stale = not PAGE.exists() or PAGE.read_text("utf-8") != wanted
        if is_stale:
            sys.stderr.write("docs/api.md is not what crds/ says. Next: make crds.\n")
        return int(is_stale)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
