"""Nothing from a foreign page and nothing too large reaches the application, and every answer wears its headers."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest
from starlette.types import Message, Receive, Scope, Send
from teleward_gateway.web.guard import (
    MAX_BODY_BYTES,
    POLICY_VIOLATION,
    RETRY_AFTER,
    Guard,
    error_answer,
)

ORIGIN = "https://clinic.example"
OURS = [("origin", ORIGIN)]
CHANGES_STATE = ["POST", "PUT", "PATCH", "DELETE", "BREW"]
CHANGES_NOTHING = ["GET", "HEAD", "OPTIONS"]
FOREIGN: dict[str, list[tuple[str, str]]] = {
    "there is none": [],
    "it is empty": [("origin", "")],
    "it is opaque": [("origin", "null")],
    "it is another host": [("origin", "https://evil.example")],
    "it is another scheme": [("origin", "http://clinic.example")],
    "it is another port": [("origin", "https://clinic.example:8443")],
    "it is a subdomain": [("origin", "https://a.clinic.example")],
    "it begins like ours": [("origin", "https://clinic.example.evil.example")],
    "it ends with a slash": [("origin", ORIGIN + "/")],
    "it is ours among others": [("origin", f"{ORIGIN}, https://evil.example")],
    "ours comes twice": [*OURS, *OURS],
    "a foreign one follows ours": [*OURS, ("origin", "https://evil.example")],
    "only the referrer is ours": [("referer", ORIGIN + "/")],
}


class Recorder:
    """A meter that remembers."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        self.answers: list[tuple[str, float]] = []

    def refused(self, code: str) -> None:
        self.refusals.append(code)

    def answered(self, route: str, elapsed_s: float) -> None:
        self.answers.append((route, elapsed_s))

    def entered(self, outcome: str) -> None: ...
    def signed_in(self, outcome: str) -> None: ...
    def called_in(self, outcome: str) -> None: ...
    def frame_refused(self, code: str) -> None: ...
    def moved(self, what: str) -> None: ...
    def socket(self, kind: str) -> AbstractContextManager[None]:
        return nullcontext()


class Route:
    """What a router leaves in the scope."""

    path = "/api/{thing}"


class Door:
    """A guard before a tiny application that reads the whole body and says what it had."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.meter = Recorder()
        self.guard = Guard(self._application, origin, self.meter, lambda _: 0)
        self.headers: list[tuple[bytes, bytes]] = []
        self.reached = 0
        self.fault: Exception | None = None
        self.read = b""
        self.events: list[str] = []

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        scope["route"] = Route
        if self.fault:
            raise self.fault
        is_more = True
        while is_more:
            message = await receive()
            self.read += message["body"]
            is_more = message.get("more_body", False)
        await self._begin(send)
        await send({"type": "http.response.body", "body": b"read"})

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*self.headers]})

    def request(
        self, method: str = "POST", path: str = "/api/x",
        headers: list[tuple[str, str]] | None = None, body: tuple[bytes, ...] = (b"",),
    ) -> "Answer":  # fmt: skip
        """Make a request whose body comes in these pieces; a piece not asked for is left."""
        scope = {"type": "http", "method": method, "path": path, "headers": _raw(headers)}
        pieces: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": piece, "more_body": at + 1 < len(body)}
                for at, piece in enumerate(body)
            ]
        )
        return Answer(self._run(scope, pieces))

    def knock(self, headers: list[tuple[str, str]]) -> list[Message]:
        """Open a socket."""
        scope = {"type": "websocket", "path": "/api/x", "headers": _raw(headers)}
        return self._run(scope, iter([{"type": "websocket.connect"}]))

    def start(self) -> None:
        self._run({"type": "lifespan"}, iter([]))

    def _run(self, scope: Scope, incoming: Iterator[Message]) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            message = next(incoming)
            self.events.append(message["type"])
            return message

        async def send(message: Message) -> None:
            self.events.append(message["type"])
            sent.append(message)

        with pytest.raises(type(self.fault)) if self.fault else nullcontext():
            asyncio.run(self.guard(scope, receive, send))
        return sent


class Answer:
    """The answer to a request."""

    def __init__(self, sent: list[Message]) -> None:
        begins = [message for message in sent if message["type"] == "http.response.start"]
        assert len(begins) == 1
        self.status: int = begins[0]["status"]
        self.header_list = [(k.decode(), v.decode()) for k, v in begins[0]["headers"]]
        self.headers = dict(self.header_list)
        self.body = b"".join(message.get("body", b"") for message in sent)

    @property
    def error(self) -> object:
        return json.loads(self.body)


def _raw(headers: list[tuple[str, str]] | None) -> list[tuple[bytes, bytes]]:
    return [(k.encode(), v.encode()) for k, v in (OURS if headers is None else headers)]


@pytest.fixture
def door() -> Door:
    return Door()


REFUSED_ORIGIN = {"error": {"code": "origin", "message": "Use the pages of this service."}}
TOO_LARGE = {"error": {"code": "too_large", "message": "Send less."}}


# ── origin ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", CHANGES_STATE)
def test_a_request_that_changes_something_passes_with_our_origin(door: Door, method: str) -> None:
    answer = door.request(method, body=(b"one ", b"two"))

    assert (answer.status, answer.body, door.read) == (200, b"read", b"one two")
    assert door.meter.refusals == []


@pytest.mark.parametrize("method", CHANGES_STATE)
def test_a_request_that_changes_something_is_refused_from_another_origin(
    door: Door, method: str
) -> None:
    answer = door.request(method, headers=[("origin", "https://evil.example")])

    assert (answer.status, answer.error) == (403, REFUSED_ORIGIN)
    assert (door.reached, door.meter.refusals) == (0, ["origin"])


@pytest.mark.parametrize("method", CHANGES_NOTHING)
@pytest.mark.parametrize("headers", [[], [("origin", "https://evil.example")]])
def test_a_request_that_changes_nothing_needs_no_origin(
    door: Door, method: str, headers: list[tuple[str, str]]
) -> None:
    assert door.request(method, headers=headers).status == 200
    assert door.reached == 1


@pytest.mark.parametrize("why", FOREIGN)
def test_an_origin_is_ours_only_when_it_is_exactly_ours_and_alone(door: Door, why: str) -> None:
    answer = door.request(headers=FOREIGN[why])

    assert (answer.status, answer.error, door.reached) == (403, REFUSED_ORIGIN, 0)


def test_a_foreign_request_is_refused_for_its_origin_before_its_size(door: Door) -> None:
    answer = door.request(headers=[("content-length", str(MAX_BODY_BYTES + 1))])

    assert (answer.status, door.meter.refusals) == (403, ["origin"])


@pytest.mark.parametrize("why", FOREIGN)
def test_a_socket_from_elsewhere_is_closed_before_it_opens(door: Door, why: str) -> None:
    (closed,) = door.knock(FOREIGN[why])

    assert (closed["type"], closed["code"]) == ("websocket.close", POLICY_VIOLATION)
    assert door.events == ["websocket.connect", "websocket.close"]
    assert (door.reached, door.meter.refusals) == (0, ["origin"])


def test_a_socket_of_our_pages_passes(door: Door) -> None:
    assert door.knock(OURS) == [{"type": "websocket.accept"}]
    assert (door.reached, door.meter.refusals) == (1, [])


def test_the_start_of_the_application_passes_unguarded(door: Door) -> None:
    door.start()

    assert (door.reached, door.meter.refusals, door.meter.answers) == (1, [], [])


# ── the size of the body ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_declared", [True, False])
def test_the_largest_allowed_body_passes_whole(door: Door, is_declared: bool) -> None:
    body = bytes(MAX_BODY_BYTES)
    headers = [*OURS, ("content-length", str(len(body)))] if is_declared else OURS

    answer = door.request(headers=headers, body=(body[:1000], body[1000:]))

    assert (answer.status, door.read) == (200, body)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "declared", [str(MAX_BODY_BYTES + 1), "9" * 30, "-1", "0x10", "1.5", "", "much", "1, 2"]
)
def test_a_declared_size_that_is_too_large_or_no_size_is_refused_unread(
    door: Door, method: str, declared: str
) -> None:
    answer = door.request(method, headers=[*OURS, ("content-length", declared)])

    assert (answer.status, answer.error) == (413, TOO_LARGE)
    assert (door.reached, door.meter.refusals) == (0, ["too_large"])
    assert "http.request" not in door.events


CHUNKS: dict[str, tuple[bytes, ...]] = {
    "one piece": (bytes(MAX_BODY_BYTES + 1),),
    "the last byte too many": (bytes(MAX_BODY_BYTES), b"\0", b"never read"),
    "small pieces without an end": (bytes(1024),) * 1000,
    "empty pieces between": (b"", bytes(MAX_BODY_BYTES), b"", b"\0"),
}


@pytest.mark.parametrize("pieces", CHUNKS)
@pytest.mark.parametrize("declared", [None, "0", "10"])
def test_a_body_that_grows_too_large_is_refused_when_it_does_whatever_was_declared(
    door: Door, pieces: str, declared: str | None
) -> None:
    headers = OURS if declared is None else [*OURS, ("content-length", declared)]

    answer = door.request(headers=headers, body=CHUNKS[pieces])

    assert (answer.status, answer.error) == (413, TOO_LARGE)
    assert door.meter.refusals == ["too_large"]
    assert len(door.read) <= MAX_BODY_BYTES
    assert door.events.count("http.request") <= MAX_BODY_BYTES // 1024 + 1


def test_the_application_never_sees_a_part_of_a_body_that_is_too_large(door: Door) -> None:
    door.request(body=(bytes(MAX_BODY_BYTES), b"\0"))

    assert (door.reached, door.read) == (0, b"")


def test_who_breaks_off_in_the_middle_of_a_body_gets_no_answer(door: Door) -> None:
    scope = {"type": "http", "method": "POST", "path": "/api/x", "headers": _raw(OURS)}
    half = {"type": "http.request", "body": b"half", "more_body": True}

    assert door._run(scope, iter([half, {"type": "http.disconnect"}])) == []
    assert (door.reached, door.meter.refusals) == (0, [])


def test_each_request_is_measured_by_itself(door: Door) -> None:
    sizes = [door.request(body=(bytes(MAX_BODY_BYTES // 2 + 1),)).status for _ in range(3)]

    assert sizes == [200, 200, 200]


# ── headers ───────────────────────────────────────────────────────────────────────────────────

ANSWERS: dict[str, tuple[int, list[tuple[str, str]]]] = {
    "granted": (200, OURS),
    "from elsewhere": (403, []),
    "too large": (413, [*OURS, ("content-length", str(MAX_BODY_BYTES + 1))]),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_every_answer_wears_the_headers_that_protect_it(door: Door, case: str) -> None:
    status, headers = ANSWERS[case]

    answer = door.request(headers=headers)

    policy = answer.headers.pop("content-security-policy")
    permissions = answer.headers.pop("permissions-policy").split(", ")
    assert permissions[:3] == ["camera=(self)", "microphone=(self)", "display-capture=(self)"]
    assert permissions[3:]
    assert all(other.endswith("=()") for other in permissions[3:])
    assert answer.status == status
    assert {
        k: v for k, v in answer.headers.items() if k not in ("content-type", "content-length")
    } == {
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "strict-transport-security": "max-age=31536000",
        "cache-control": "no-store",
    }
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'self'"
    assert [directives[name] for name in ("frame-ancestors", "base-uri", "object-src")] == [
        "'none'"
    ] * 3
    assert "script-src" not in directives, "scripts are bound by default-src"
    assert "unsafe" not in policy


def test_over_plain_http_no_browser_is_told_to_insist_on_tls() -> None:
    assert "strict-transport-security" not in Door("http://127.0.0.1:8080").request().headers


@pytest.mark.parametrize(
    ("origin", "sockets"),
    [
        (ORIGIN, "wss://clinic.example"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080"),
        ("https://http.example", "wss://http.example"),
    ],
)
def test_pages_may_open_sockets_to_this_service_alone(origin: str, sockets: str) -> None:
    policy = Door(origin).request("GET").headers["content-security-policy"]

    assert f"connect-src 'self' {sockets};" in policy
    assert "{" not in policy


def test_a_header_that_the_application_set_is_kept_and_not_doubled(door: Door) -> None:
    door.headers = [(b"referrer-policy", b"same-origin"), (b"x-own", b"1")]

    answer = door.request("GET")

    names = [name for name, _ in answer.header_list]
    assert (answer.headers["referrer-policy"], answer.headers["x-own"]) == ("same-origin", "1")
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", ["/", "/api/x", "/assets", "/x/assets/page.js"])
def test_what_is_no_asset_is_never_kept_by_a_cache_even_when_the_application_says_so(
    door: Door, path: str
) -> None:
    door.headers = [(b"cache-control", b"public, max-age=600")]

    assert door.request("GET", path).headers["cache-control"] == "no-store"


def test_an_asset_is_cached_as_the_application_says(door: Door) -> None:
    door.headers = [(b"cache-control", b"public, max-age=600")]

    answer = door.request("GET", "/assets/page.js")

    assert answer.headers["cache-control"] == "public, max-age=600"
    assert answer.headers["x-content-type-options"] == "nosniff"


# ── what is counted, and how refusals are worded ──────────────────────────────────────────────


@pytest.mark.parametrize("case", ANSWERS)
def test_every_request_is_counted_once_under_its_route_and_never_under_its_path(
    door: Door, case: str
) -> None:
    door.request(path="/api/a-secret", headers=ANSWERS[case][1])

    ((route, elapsed_s),) = door.meter.answers
    assert route == ("/api/{thing}" if case == "granted" else "other")
    assert 0 <= elapsed_s < 60


def test_a_fault_of_ours_is_answered_like_everything_else_and_goes_on_to_the_log(
    door: Door,
) -> None:
    door.fault = RuntimeError("Ada Lovelace")

    answer = door.request()

    assert answer.status == 500
    assert answer.error == {
        "error": {"code": "fault", "message": "Something is wrong here. Try again."}
    }
    assert answer.headers["cache-control"] == "no-store"
    assert "content-security-policy" in answer.headers


def test_a_refusal_is_worded_as_the_documents_say() -> None:
    answer = error_answer(409, "taken", "Somebody else called in.", {"by": "grace"})

    assert answer.status_code == 409
    assert json.loads(bytes(answer.body)) == {
        "error": {"code": "taken", "message": "Somebody else called in.", "by": "grace"}
    }
    assert "retry-after" not in answer.headers


def test_who_is_refused_for_a_moment_is_told_when_to_come_back() -> None:
    answer = error_answer(503, "one_moment", "One moment, please; trying again by itself.")

    assert answer.headers["retry-after"] == RETRY_AFTER["Retry-After"] == "1"
