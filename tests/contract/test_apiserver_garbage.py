"""Whatever is sent to the API stand-in, it answers with a typed refusal and goes on."""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from teleward_cli.apiserver.routes import LARGEST_BODY
from teleward_testing.apiserving import CUSTOM, JSON_PATCH, MERGE, Asking, Served, document

CLINICS = f"{CUSTOM}/namespaces/default/clinics"
ONE = f"{CLINICS}/cardiology"


@pytest.fixture(scope="module")
def there(asking: Asking) -> Iterator[Asking]:
    """Asks a server that has one clinic."""
    asking.ok("POST", CLINICS, document("Clinic", "default", "cardiology", {"displayName": "A"}))
    yield asking
    asking.ok("DELETE", ONE)


@pytest.fixture
def ask(there: Asking) -> Iterator[Asking]:
    """Asks, and looks afterwards whether the server and its object are as they were."""
    before = there.ok("GET", ONE)
    yield there
    assert there.ok("GET", ONE) == before


BODIES: dict[str, tuple[str, str, bytes, str, int]] = {
    "half of an object": ("POST", CLINICS, b'{"spec":', "application/json", 400),
    "no object": ("POST", CLINICS, b"[1, 2]", "application/json", 400),
    "nothing": ("POST", CLINICS, b"", "application/json", 400),
    "bytes that are no text": ("POST", CLINICS, b"\xff\xfe\x00", "application/json", 400),
    "not a number": ("POST", CLINICS, b'{"spec": NaN}', "application/json", 400),
    "nested too deeply": ("POST", CLINICS, b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400),
    "half of a surrogate": ("PUT", ONE, b'{"kind": "\\udc00"}', "application/json", 400),
    "another character set": ("POST", CLINICS, b"{}", "application/json; charset=nonsense", 400),
    "XML": ("POST", CLINICS, b"<clinic/>", "text/xml", 415),
    "a type that is none": ("POST", CLINICS, b"{}", ";;;", 415),
    "a patch of no format": ("PATCH", ONE, b"{}", "application/json", 415),
    "a strategic patch": ("PATCH", ONE, b"{}", "application/strategic-merge-patch+json", 415),
    "a patch that is no object": ("PATCH", ONE, b"5", MERGE, 400),
    "a patch of metadata to nothing": ("PATCH", ONE, b'{"metadata": null}', MERGE, 400),
    "a patch of metadata to a list": ("PATCH", ONE, b'{"metadata": []}', MERGE, 422),
    "operations that are none": ("PATCH", ONE, b"{}", JSON_PATCH, 400),
    "an operation that is none": ("PATCH", ONE, b"[[]]", JSON_PATCH, 400),
    "an operation that removes everything": (
        "PATCH", ONE, b'[{"op": "remove", "path": ""}]', JSON_PATCH, 422,
    ),
    "an operation into a text": (
        "PATCH", ONE, b'[{"op": "remove", "path": "/kind/x"}]', JSON_PATCH, 422,
    ),
    "a number beyond all": (
        "PATCH", ONE, b'{"spec": {"defaults": {"maxParticipants": 1%s}}}' % (b"0" * 400), MERGE, 400,
    ),
    "a number beyond 64 bits": (
        "PATCH", ONE, b'{"spec": {"defaults": {"maxParticipants": 1%s}}}' % (b"0" * 30), MERGE, 422,
    ),
    "delete options that are a list": ("DELETE", ONE, b"[]", "application/json", 400),
    "protobuf that is cut off": (
        "POST", "/api/v1/namespaces", b"k8s\x00\x0a\x7f", "application/vnd.kubernetes.protobuf", 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_makes_no_sense_is_refused(ask: Asking, case: str) -> None:
    method, path, body, kind, code = BODIES[case]

    assert ask.refused(method, path, body, kind)["code"] == code


def test_a_body_that_is_too_large_is_refused(ask: Asking) -> None:
    status = ask.refused("POST", CLINICS, b" " * (LARGEST_BODY + 1))

    assert (status["code"], status["reason"]) == (413, "RequestEntityTooLarge")


def test_a_body_that_is_not_what_its_encoding_says_is_refused(ask: Asking) -> None:
    headers = {"Content-Encoding": "gzip"}

    answer = ask.send("POST", CLINICS, b"this is not compressed", **headers)

    assert answer.status_code == 400


PATHS: dict[str, tuple[str, str, int]] = {
    "no such group": ("GET", "/apis/example.io/v1/things", 404),
    "no such version": ("GET", "/apis/teleward.io/v9/clinics", 404),
    "no such kind": ("GET", f"{CUSTOM}/things", 404),
    "no such object": ("GET", f"{CLINICS}/absent", 404),
    "no such subresource": ("GET", f"{ONE}/log", 404),
    "one object without its namespace": ("GET", f"{CUSTOM}/clinics/cardiology", 404),
    "a creation without a namespace": ("POST", f"{CUSTOM}/clinics", 404),
    "an event without a namespace": ("POST", "/api/v1/events", 405),
    "a namespace inside a namespace": ("GET", "/api/v1/namespaces/a/namespaces/b", 404),
    "a path out of the tree": ("GET", "/apis/../../etc/passwd", 404),
    "an encoded path out of the tree": ("GET", f"{CLINICS}/..%2f..%2fetc", 404),
    "a collection cannot be replaced": ("PUT", CLINICS, 400),
    "a status cannot be deleted": ("DELETE", f"{ONE}/status", 405),
    "a verb that is not served": ("OPTIONS", ONE, 405),
    "a dry run of some kind": ("DELETE", f"{ONE}?dryRun=Some", 422),
    "a validation that is none": ("POST", f"{CLINICS}?fieldValidation=Loud", 422),
    "a selector that is none": ("GET", f"{CLINICS}?labelSelector=%28", 400),
}


@pytest.mark.parametrize("case", PATHS)
def test_a_path_that_leads_nowhere_is_refused(ask: Asking, case: str) -> None:
    method, path, code = PATHS[case]
    body = document("Clinic", "default", "x", {}) if method == "POST" else None

    answer = ask.send(method, path, body)

    assert answer.status_code == code
    if answer.headers["Content-Type"] == "application/json":
        assert (answer.json()["kind"], answer.json()["code"]) == ("Status", code)
    else:
        assert (code, answer.text) == (404, "404 page not found\n")


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer \u00e4", "Bearer " + "x" * 4000])
def test_a_wrong_token_is_unauthorized_everywhere(ask: Asking, header: str) -> None:
    given: Any = {"Authorization": header.encode("latin-1")}

    for path in ("/version", ONE, "/apis/nowhere", "/openapi/v2", "/readyz"):
        answer = ask.send("GET", path, **given)
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize("header", ["", "Bearer", "Basic dTpw"])
def test_who_is_nobody_learns_that_the_server_is_up_and_nothing_else(
    ask: Asking, header: str
) -> None:
    given: Any = {"Authorization": header}

    assert ask.send("GET", "/readyz", **given).text == "ok"
    assert ask.send("GET", ONE, **given).status_code in (401, 403)  # kube-apiserver: a user


@pytest.mark.usefixtures("ask")
def test_who_says_no_http_is_dropped(served: Served) -> None:
    place = ("127.0.0.1", int(served.url.rsplit(":", 1)[1]))
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE

    for noise in (b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000 + b"\r\n\r\n"):
        with socket.create_connection(place, 5) as bare:
            bare.sendall(noise)
        with (
            socket.create_connection(place, 5) as bare,
            trusting.wrap_socket(bare) as wrapped,
            contextlib.suppress(OSError),
        ):
            wrapped.sendall(noise)
            assert wrapped.recv(20)[:6] in (b"", b"HTTP/1")


def test_who_leaves_in_the_middle_is_forgotten(served: Served, ask: Asking) -> None:
    for _ in range(20):
        with ask.watching(CLINICS) as events:
            assert next(events)["type"] == "ADDED"

    with Asking(served) as another:
        assert another.ok("GET", CLINICS)["items"] == ask.ok("GET", CLINICS)["items"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "labels", "annotations", "finalizers", "generateName", "team", "role", "user",
             "mediaPoolRef", "defaults", "maxParticipants", "suspended", "locales", "spec", "x"]
        ),
        inner, max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip

OPERATION = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
        "path": st.sampled_from(
            ["", "/", "/spec", "/spec/team/-", "/spec/displayName/x", "/metadata",
             "/metadata/name", "/metadata/labels/a~1b", "/metadata/finalizers", "/status", "no"]
        ),
        "value": ANYTHING,
        "from": st.sampled_from(["/spec", "/metadata", "/kind", ""]),
    }
)  # fmt: skip

thoroughly = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@thoroughly
@given(metadata=ANYTHING, spec=ANYTHING)
def test_no_object_makes_the_server_fail(there: Asking, metadata: Any, spec: Any) -> None:
    body = document("Clinic", "default", "x", {}) | {"metadata": metadata, "spec": spec}

    answer = there.send("POST", f"{CLINICS}?dryRun=All", body)

    assert answer.status_code in (201, 400, 409, 422), answer.text


@thoroughly
@given(patch=ANYTHING)
def test_no_merge_patch_makes_the_server_fail(there: Asking, patch: Any) -> None:
    for path in (ONE, f"{ONE}/status"):
        answer = there.send("PATCH", f"{path}?dryRun=All", json.dumps(patch).encode(), MERGE)
        assert answer.status_code in (200, 400, 409, 422), answer.text


@thoroughly
@given(operations=st.lists(OPERATION, max_size=3))
def test_no_json_patch_makes_the_server_fail(there: Asking, operations: Any) -> None:
    answer = there.send("PATCH", f"{ONE}?dryRun=All", operations, JSON_PATCH)

    assert answer.status_code in (200, 400, 409, 422), answer.text
