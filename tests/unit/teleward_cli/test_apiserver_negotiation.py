"""What a request says about itself is read as a real server reads it, and refused in a typed answer."""

import asyncio
import json
from typing import Any
from unittest import mock

import pytest
from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from teleward_cli.apiserver import negotiation as ask
from teleward_cli.apiserver.errors import StatusError
from teleward_cli.apiserver.negotiation import Shape
from teleward_cli.apiserver.resources import LEASES, Resource

CLINICS = Resource("teleward.io", "v1", "clinics", "clinic", "Clinic", schema={"type": "object"})


def request(body: bytes = b"", kind: str = "", accept: str = "", query: str = "") -> web.Request:
    given = {"Content-Type": kind, "Accept": accept}
    payload = StreamReader(mock.Mock(), 2**16, loop=asyncio.get_running_loop())
    payload.feed_data(body)
    payload.feed_eof()
    headers = {key: value for key, value in given.items() if value}
    return make_mocked_request("POST", f"/{query}", headers=headers, payload=payload)


TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"

ACCEPTED = {
    "": Shape.OBJECT,
    "*/*": Shape.OBJECT,
    "application/json": Shape.OBJECT,
    TABLE: Shape.TABLE,
    f"{TABLE},application/json": Shape.TABLE,
    f"application/json, {TABLE}": Shape.OBJECT,
    TABLE.replace(";", "; "): Shape.TABLE,
    TABLE.replace("v=v1;", "v=v1beta1;") + ",application/json": Shape.OBJECT,
    PARTIAL: Shape.PARTIAL,
    "application/vnd.kubernetes.protobuf,application/json": Shape.OBJECT,
}


@pytest.mark.parametrize("accept", ACCEPTED)
async def test_the_first_shape_that_is_served_is_answered(accept: str) -> None:
    assert ask.shape_of(request(accept=accept)) is ACCEPTED[accept]


async def test_a_write_is_real_and_warns_unless_it_says_otherwise() -> None:
    plain = ask.options_of(request())
    asked = ask.options_of(request(query="?dryRun=All&fieldValidation=Strict"))

    assert (plain.dry_run, plain.validation) == (False, "Warn")
    assert (asked.dry_run, asked.validation) == (True, "Strict")


@pytest.mark.parametrize("query", ["?dryRun=Some", "?dryRun=", "?fieldValidation=strict"])
async def test_an_option_that_does_not_exist_is_invalid(query: str) -> None:
    with pytest.raises(StatusError, match="Unsupported value") as refused:
        ask.options_of(request(query=query))
    assert refused.value.code == 422


NAMESPACE = b"k8s\x00\n\x0f\n\x02v1\x12\tNamespace\x12\x05\n\x03\n\x01n"

READ: dict[str, tuple[bytes, str, Any]] = {
    "JSON": (b'{"a": 1}', "application/json", {"a": 1}),
    "JSON with a character set": (b'{"a": 1}', "Application/JSON; charset=utf-8", {"a": 1}),
    "without a type": (b'{"a": 1}', "", {"a": 1}),
    "YAML": (b"a: 1\nb: [x]\n", "application/yaml", {"a": 1, "b": ["x"]}),
    "a date in YAML is text": (b"a: 2026-12-25", "application/yaml", {"a": "2026-12-25"}),
    "a number of 64 bits": (b'{"a": 9223372036854775807}', "", {"a": 2**63 - 1}),
    "a larger number loses its last digits": (b'{"a": 1%s}' % (b"0" * 30), "", {"a": 1e30}),
    "protobuf": (
        NAMESPACE, "application/vnd.kubernetes.protobuf",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
async def test_a_body_is_read(case: str) -> None:
    body, kind, expected = READ[case]

    assert await ask.read_document(request(body, kind)) == expected


UNREADABLE: dict[str, tuple[bytes, str, int]] = {
    "half of an object": (b'{"a":', "application/json", 400),
    "nothing": (b"", "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "a number": (b"5", "application/json", 400),
    "not a number": (b'{"a": NaN}', "application/json", 400),
    "without end": (b'{"a": 1e999}', "application/json", 400),
    "more digits than a number has": (b'{"a": %s}' % (b"9" * 5000), "application/json", 400),
    "no UTF-8": (b'{"a": "\xff"}', "application/json", 400),
    "half of a surrogate pair": (b'{"a": "\\ud800"}', "application/json", 400),
    "nested without end": (b"[" * 100_000, "application/json", 400),
    "broken YAML": (b"a: [", "application/yaml", 400),
    "YAML that would make Python objects": (
        b"!!python/object/apply:os.getpid []", "application/yaml", 400,
    ),
    "XML": (b"<a/>", "application/xml", 415),
    "a form": (b"a=1", "application/x-www-form-urlencoded", 415),
    "a patch": (b"{}", ask.MERGE_PATCH, 415),
    "protobuf of another kind": (b"k8s\x00", "application/vnd.kubernetes.protobuf", 400),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
async def test_a_body_that_cannot_be_read_is_refused(case: str) -> None:
    body, kind, code = UNREADABLE[case]

    with pytest.raises(StatusError) as refused:
        await ask.read_document(request(body, kind))

    assert refused.value.code == code


async def test_the_options_of_a_delete_may_be_left_out() -> None:
    assert await ask.read_options(request()) == {}
    assert await ask.read_options(request(b'{"dryRun": ["All"]}')) == {"dryRun": ["All"]}


async def test_a_merge_patch_is_merged() -> None:
    patch = await ask.read_patch(request(b'{"a": null, "b": 2}', ask.MERGE_PATCH), CLINICS)

    assert patch({"a": 1, "c": 3}) == {"b": 2, "c": 3}


async def test_a_json_patch_is_applied() -> None:
    body = json.dumps([{"op": "add", "path": "/b", "value": 2}]).encode()

    patch = await ask.read_patch(request(body, ask.JSON_PATCH), CLINICS)

    assert patch({"a": 1}) == {"a": 1, "b": 2}


async def test_a_strategic_patch_of_a_built_in_kind_is_merged_without_its_directives() -> None:
    body = b'{"a": {"$setElementOrder/x": ["y"], "b": 1}, "$retainKeys": ["a"]}'

    patch = await ask.read_patch(request(body, ask.STRATEGIC_PATCH), LEASES)

    assert patch({"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}


async def test_the_replace_directive_is_refused_rather_than_ignored() -> None:
    body = b'{"spec": {"$patch": "replace"}}'

    with pytest.raises(StatusError, match="is not served here") as refused:
        await ask.read_patch(request(body, ask.STRATEGIC_PATCH), LEASES)
    assert refused.value.code == 422


NO_PATCHES = {
    "a strategic patch of a custom kind": (ask.STRATEGIC_PATCH, b"{}", 415),
    "server-side apply": (ask.APPLY_PATCH, b"{}", 415),
    "plain JSON": ("application/json", b"{}", 415),
    "a merge patch that is a list": (ask.MERGE_PATCH, b"[]", 400),
    "a merge patch that is no JSON": (ask.MERGE_PATCH, b"{", 400),
}


@pytest.mark.parametrize("case", NO_PATCHES)
async def test_a_patch_in_another_format_is_refused(case: str) -> None:
    kind, body, code = NO_PATCHES[case]

    with pytest.raises(StatusError) as refused:
        await ask.read_patch(request(body, kind), CLINICS)

    assert refused.value.code == code


async def test_the_refusal_names_the_formats_that_are_served() -> None:
    with pytest.raises(StatusError) as refused:
        await ask.read_patch(request(b"{}", "text/plain"), CLINICS)

    assert str(refused.value).endswith(
        "accepted media types include: application/json-patch+json, application/merge-patch+json"
    )
