"""What a request says about itself: its body, its patch format, the shape of the answer, its options."""

import json
import math
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import yaml
from aiohttp import web

from teleward_cli.apiserver import patching, protobuf
from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.errors import StatusError, bad_request, unsupported_media_type
from teleward_cli.apiserver.registry import Options
from teleward_cli.apiserver.resources import Resource

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_JSON = ("application/json", "application/octet-stream")
_YAML = ("application/yaml", "text/yaml")

_BODIES = ("application/json", "application/yaml", protobuf.CONTENT_TYPE)

_DIRECTIVES = ("$patch", "$setElementOrder", "$retainKeys", "$deleteFromPrimitiveList")


class Shape(Enum):
    """How objects are answered."""

    OBJECT = "object"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"


def shape_of(request: web.Request) -> Shape:
    """The first shape of the Accept header that is served."""
    for accepted in request.headers.get("Accept", "").split(","):
        wanted = accepted.replace(" ", "")
        if "g=meta.k8s.io" not in wanted or "v=v1" not in wanted.split(";"):
            if wanted.startswith(("application/json", "*/*", "application/*")):
                return Shape.OBJECT
            continue
        if "as=Table" in wanted:
            return Shape.TABLE
        if "as=PartialObjectMetadata" in wanted:
            return Shape.PARTIAL
    return Shape.OBJECT


def options_of(request: web.Request) -> Options:
    """Read dryRun and fieldValidation.

    Raises:
        StatusError: 422 for values that do not exist.
    """
    dry_run = request.query.getall("dryRun", [])
    if any(value != "All" for value in dry_run):
        raise _bad_option("dryRun", dry_run[0], '"All"')
    validation = request.query.get("fieldValidation", "") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        raise _bad_option("fieldValidation", validation, '"Ignore", "Strict", "Warn"')
    return Options(dry_run=bool(dry_run), validation=validation)


def number(request: web.Request, name: str) -> int:
    """Read a number of the query; 0 when it is not there.

    Raises:
        StatusError: 400 for what is none.
    """
    text = request.query.get(name, "")
    if not re.match(r"^[0-9]{0,18}\Z", text):
        raise bad_request(f'{name}: Invalid value: "{text}": invalid syntax')
    return int(text or 0)


def _bad_option(name: str, value: str, supported: str) -> StatusError:
    message = f'{name}: Unsupported value: "{value}": supported values: {supported}'
    return StatusError(422, "Invalid", message)


async def read_document(request: web.Request) -> Document:
    """Read a body that is one object.

    Raises:
        StatusError: 400 or 415.
    """
    kind = _content_type(request)
    if kind == protobuf.CONTENT_TYPE:
        return await _read_protobuf(request)
    if kind not in (*_JSON, *_YAML):
        raise unsupported_media_type(_BODIES)
    document = _parse(await request.read(), is_yaml=kind in _YAML)
    if not isinstance(document, dict):
        raise bad_request("the body of the request is not an object")
    return document


async def read_options(request: web.Request) -> Document:
    """Read a body that may be absent, as a delete's is."""
    return await read_document(request) if await request.read() else {}


async def read_patch(request: web.Request, resource: Resource) -> "Patch":
    """Read a patch in a format that `resource` takes.

    Raises:
        StatusError: 400 or 415.
    """
    accepted = [JSON_PATCH, MERGE_PATCH] + ([] if resource.is_custom else [STRATEGIC_PATCH])
    kind = _content_type(request)
    if kind not in accepted:
        raise unsupported_media_type(accepted)
    body = _parse(await request.read(), is_yaml=False)
    if kind == STRATEGIC_PATCH:
        body = _as_merge_patch(body)
    if kind != JSON_PATCH and not isinstance(body, dict):
        raise bad_request("a merge patch must be an object")
    return Patch(kind == JSON_PATCH, body)


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch that has been read."""

    is_operations: bool
    body: Any

    def __call__(self, document: Document) -> Document:
        """Apply it to a copy of `document`."""
        if self.is_operations:
            return patching.apply_operations(document, self.body)
        merged: Document = patching.merge(document, self.body)
        return merged


async def _read_protobuf(request: web.Request) -> Document:
    try:
        return protobuf.read_namespace(await request.read())
    except ValueError as err:
        raise bad_request(f"the object provided is unrecognized: {err}") from err


def _content_type(request: web.Request) -> str:
    given = request.headers.get("Content-Type", _JSON[0])
    return given.partition(";")[0].strip().lower()


def _parse(body: bytes, *, is_yaml: bool) -> Any:
    try:
        text = body.decode("utf-8")
        if is_yaml:  # as a real server: to JSON first
            text = json.dumps(yaml.safe_load(text), default=str)
        found = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # no half of a surrogate pair
    except (ValueError, yaml.YAMLError, RecursionError) as err:
        raise bad_request("the object provided is unrecognized: it is not JSON") from err
    return found


def _integer(text: str) -> int | float:
    """Take a number of 64 bits as it is, a larger one as Go does."""
    return int(text) if len(text) < 19 or -(2**63) <= int(text) < 2**63 else _finite(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON number")
    return number


def _as_merge_patch(body: Any) -> Any:
    """Take a strategic merge patch of a built-in kind without lists to be merged as a merge patch."""
    if isinstance(body, dict):
        if "$patch" in body:
            raise StatusError(422, "Invalid", "the $patch directive is not served here")
        return {
            key: _as_merge_patch(value)
            for key, value in body.items()
            if not key.startswith(_DIRECTIVES)
        }
    return body
