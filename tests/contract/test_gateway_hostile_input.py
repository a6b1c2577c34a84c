"""Whatever a browser, or what says to be one, sends to the real doors: a typed refusal or clean text."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from teleward_contract.redis_store import open_store
from teleward_contract.units import Namespace
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.tickets import STAFF_COOKIE, visit_cookie
from teleward_testing import gateway_routes
from teleward_testing.front_door import CLINIC, HERE, NAMESPACE, STAFF, FrontDoor, front_door
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

VISITS = f"/api/clinics/{HERE}/visits"
GETS = [door for door in gateway_routes.requests() if "GET" in door.methods]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path_factory.mktemp("keys")) as made:
        yield made


# ── names and answers ─────────────────────────────────────────────────────────────────────────

CLEANED = {
    "markup": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "an entity": ("&lt;b&gt; &#x41;", "&lt;b&gt; &#x41;"),
    "an override that would turn the row round": ("Ann\u202e nnA\u2066", "Ann nnA"),
    "NUL": ("An\x00n", "Ann"),
    "line ends and an escape": ("Ann\r\nSet-Cookie: x\x1b[2J", "Ann Set-Cookie: x[2J"),
    "a decomposed letter": ("Zoe\u0308", "Zoë"),
    "a template": ("{{7*7}}${7*7}%TITLE%", "{{7*7}}${7*7}%TITLE%"),
    "Lua and Redis": ("'] redis.call('FLUSHALL') --\r\n*1", "'] redis.call('FLUSHALL') -- *1"),
    "Arabic with a mark": ("\u200fمريم", "\u200fمريم"),
}
REFUSED = {
    "10 kB": ("x" * 10_000, 422, "invalid_request"),
    "400 letters": ("x" * 400, 422, "invalid_entry"),
    "nothing to read": ("\u200b\u202e\x00", 422, "invalid_entry"),
    "empty": ("", 422, "invalid_entry"),
    "no text": (7, 422, "invalid_request"),
    "a list": (["Ann"], 422, "invalid_request"),
}


async def shown(valkey: RunningValkey) -> list[tuple[str, dict[str, str]]]:
    """Names and answers as staff see them."""
    async with open_store(valkey.url) as store:
        queue = await RedisVisits(store, 60).waiting(Namespace(NAMESPACE), "uid-cardiology")
    return [(item.personal.name, item.personal.fields) for item in queue]


@pytest.mark.parametrize(("said", "kept"), CLEANED.values(), ids=CLEANED)
async def test_text_is_text_and_stays_so(
    door: FrontDoor, valkey: RunningValkey, said: str, kept: str
) -> None:
    answer = await door.ask(
        "POST", VISITS, body={"name": said, "fields": {"reason": said, "no question": said}}
    )

    assert answer.status == 201
    assert (await shown(valkey))[-1] == (kept, {"reason": kept})


@pytest.mark.parametrize(("said", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_a_name_that_is_none_is_refused_by_its_reason(
    door: FrontDoor, said: object, status: int, code: str
) -> None:
    answer = await door.ask("POST", VISITS, body={"name": said, "fields": {}})

    assert (answer.status, answer.code) == (status, code)
    assert answer.cookies == ()


BODIES = {
    "half a surrogate pair in the name": rb'{"name": "Ann \ud800", "fields": {}}',
    "bytes that are no UTF-8": b'{"name": "\xff\xfe", "fields": {}}',
    "not JSON": b"{",
    "nothing": b"",
    "NUL": b"\x00",
    "a number without end": b'{"name": ' + b"9" * 5000 + b"}",
    "nested ten thousand deep": b'{"name": "Ann", "fields": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "a thousand answers": json.dumps(
        {"name": "Ann", "fields": {str(n): "x" for n in range(1000)}}
    ).encode(),
    "a key twice": b'{"name": "Ann", "name": 7, "fields": {}}',
}  # fmt: skip


READ = {
    "half a surrogate pair in an answer": rb'{"name": "Ann", "fields": {"reason": "\udfff"}}',
    "half a pair in the key of an answer": rb'{"name": "Ann", "fields": {"\udfff": "x"}}',
    "a byte order mark": b'\xef\xbb\xbf{"name": "Ann"}',
}


@pytest.mark.parametrize("body", READ.values(), ids=READ)
async def test_what_is_odd_and_can_be_read_leaves_clean_text(
    door: FrontDoor, valkey: RunningValkey, body: bytes
) -> None:
    assert (await door.ask("POST", VISITS, body=body)).status == 201
    assert (await shown(valkey))[-1] == ("Ann", {})


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", [VISITS, "/api/sign-in/development"])
async def test_a_body_that_is_none_is_refused_by_its_form(
    door: FrontDoor, path: str, body: bytes
) -> None:
    answer = await door.ask("POST", path, body=body)

    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_a_chunked_body_is_cut_off_where_a_declared_one_is(door: FrontDoor) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    head = head_of(door, f"POST {VISITS}", "Transfer-Encoding: chunked")

    heard = await door.raw(head + chunk * 40)

    assert heard.startswith(b"HTTP/1.1 413 ")


# ── where it may lead ─────────────────────────────────────────────────────────────────────────

AWAY = [
    "//evil.example", "https://evil.example/", "/\\evil.example", "%2f%2fevil.example",
    "javascript:alert(1)",
]  # fmt: skip


def leads_to(location: str) -> str:
    """The path of a Location of this site; what else it says is of this site, too."""
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "evil" not in location
    assert "javascript" not in location
    return location.partition("?")[0]


@pytest.mark.parametrize("way", GETS, ids=lambda way: way.template)
async def test_no_page_sends_anybody_to_another_site(
    door: FrontDoor, way: gateway_routes.Door
) -> None:
    for target in AWAY:
        for name in ("next", "url", "return_to", "redirect_uri", "user", "locale"):
            answer = await door.ask("GET", f"{way.path}?{name}={target}")

            assert leads_to(answer.headers.get("location", "/staff")) in ("/staff", "/sign-in")
    for path in ("//evil.example/..", "/\\evil.example", "/%2f%2fevil.example", "//evil.example"):
        answer = await door.ask("GET", path)
        assert answer.status in (400, 404)
        assert "location" not in answer.headers


async def test_a_foreign_host_header_leads_nowhere_else(door: FrontDoor) -> None:
    cookie = await door.sign_in()
    names = {"Host": "{}", "X-Forwarded-Host": "{}", "Forwarded": "host={}"}
    foreign = {name: value.format("evil.example") for name, value in names.items()}

    me = await door.ask("GET", "/api/staff/me", cookie=cookie, headers=foreign)
    away = await door.ask("GET", "/staff", headers=foreign)

    assert json.loads(me.text)["clinics"][0]["patient_url"].startswith(door.origin)
    assert leads_to(away.headers["location"]) == "/sign-in"
    assert "evil" not in me.text + away.text


# ── whose cookie it is ────────────────────────────────────────────────────────────────────────

VISIT_COOKIE = visit_cookie(NAMESPACE, CLINIC)
RANDOM = 43
"""Characters of 256 bits in base64url."""
GIVEN = [
    "",
    "x",
    "attacker",
    "A" * 8000,
    "%00",
    '"',
    "a.b.c",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
]


@pytest.mark.parametrize("value", GIVEN)
async def test_a_cookie_that_somebody_else_chose_is_never_taken_over(
    door: FrontDoor, value: str
) -> None:
    given = f"{STAFF_COOKIE}={value}; {VISIT_COOKIE}={value}"

    signed = await door.ask("POST", "/api/sign-in/development", body={"user": STAFF}, cookie=given)
    entered = await door.ask("POST", VISITS, body={"name": "Ann", "fields": {}}, cookie=given)
    me = await door.ask("GET", "/api/staff/me", cookie=given)

    assert (signed.status, entered.status, me.status) == (204, 201, 401)
    for cookie in (*signed.cookies, *entered.cookies):
        made = cookie.partition(";")[0].partition("=")[2]
        assert len(made) >= RANDOM
        assert len(value) < 8 or value not in made


async def test_signing_in_and_entering_give_a_new_value_each_time(door: FrontDoor) -> None:
    signed = {await door.sign_in() for _ in range(3)}
    entered = {await door.enter() for _ in range(3)}

    assert (len(signed), len(entered)) == (3, 3)


async def test_a_cookie_is_good_under_its_own_name_alone(door: FrontDoor) -> None:
    staff = (await door.sign_in()).partition("=")[2]
    patient = (await door.enter()).partition("=")[2]

    as_staff = await door.ask("GET", "/api/staff/me", cookie=f"{STAFF_COOKIE}={patient}")
    bent = staff[:-2] + ("A" if staff[-2] != "A" else "B") + staff[-1]
    as_bent = await door.ask("GET", "/api/staff/me", cookie=f"{STAFF_COOKIE}={bent}")
    as_patient = await door.ask("GET", f"/api/clinics/{HERE}", cookie=f"{VISIT_COOKIE}={staff}")
    elsewhere = await door.ask(
        "GET", f"/api/clinics/{HERE}",
        cookie=f"{visit_cookie(NAMESPACE, 'eyes')}={patient}",
    )  # fmt: skip

    assert (as_staff.status, as_bent.status) == (401, 401)
    assert [json.loads(one.text)["visit"] for one in (as_patient, elsewhere)] == [False, False]


# ── requests that are two, or none ────────────────────────────────────────────────────────────


def head_of(door: FrontDoor, request: str, *lines: str) -> bytes:
    """The head of a request that may pass the guard."""
    host = door.gateway.url.removeprefix("http://")
    own = [
        f"{request} HTTP/1.1",
        f"Host: {host}",
        f"Origin: {door.origin}",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*own, *lines, "", ""]).encode("latin-1")


HIDDEN = b"GET /api/staff/me HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = {
    "a length and chunks": (["Content-Length: 4", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + HIDDEN),
    "two lengths": (["Content-Length: 2", "Content-Length: 40"], b"{}" + HIDDEN),
    "a list of lengths": (["Content-Length: 2, 40"], b"{}" + HIDDEN),
    "a length with a sign": (["Content-Length: +2"], b"{}" + HIDDEN),
    "a negative length": (["Content-Length: -1"], HIDDEN),
    "a hexadecimal length": (["Content-Length: 0x2"], b"{}" + HIDDEN),
    "chunks of chunks": (["Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n" + HIDDEN),
    "chunks in disguise": (["Transfer-Encoding: xchunked"], b"0\r\n\r\n" + HIDDEN),
    "chunks behind a tab": (["Transfer-Encoding:\tchunked\x0b"], b"0\r\n\r\n" + HIDDEN),
    "a space before the colon": (["Content-Length : 2"], b"{}" + HIDDEN),
    "a chunk size that overflows": (["Transfer-Encoding: chunked"], b"f" * 40 + b"\r\n" + HIDDEN),
    "NUL in a header": (["X-A: \x00"], HIDDEN),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "body"), SMUGGLED.values(), ids=SMUGGLED)
async def test_no_request_hides_in_another(door: FrontDoor, lines: list[str], body: bytes) -> None:
    heard = await door.raw(head_of(door, "POST /api/sign-out", *lines) + body)

    statuses = [line.split()[1] for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses in ([b"400"], [b"413"], [b"501"])
    assert b"sign_in" not in heard


async def test_a_folded_line_is_read_as_one(door: FrontDoor) -> None:
    """RFC 9112 §5.2: its length is no length, so what follows begins a request, and is none."""
    head = head_of(door, "POST /api/sign-out", "X-A: b", " Content-Length: 2")

    heard = await door.raw(head + b"{}" + HIDDEN)

    assert b"sign_in" not in heard
    assert heard.count(b"HTTP/1.1 400 ") == 1


async def test_a_dashboard_that_asks_for_the_whole_queue_without_end_is_closed(
    door: FrontDoor,
) -> None:
    codes = []
    async with door.socket(f"/ws/staff/{HERE}", cookie=await door.sign_in()) as queue:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await queue.send_json({"type": "snapshot"})
        async with asyncio.timeout(15):
            async for message in queue:
                codes.append(json.loads(message.data).get("code"))

    assert (codes[-1], queue.close_code) == ("too_fast", 1008)


async def test_heads_without_end_are_cut_off(door: FrontDoor) -> None:
    for data in (b"GET /" + b"a" * 200_000, b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 50_000):
        heard = await door.raw(data)

        assert heard == b"" or heard.startswith(b"HTTP/1.1 400 ")
    assert (await door.ask("GET", "/")).status == 200


@pytest.mark.parametrize("path", ["/c/../../etc/passwd", "/c/%2e%2e/%2e%2e", "/c/a%00b/c", "/c/%ff%fe/x",
    "/assets/..%2f..%2fmain.py", "/assets/%2e%2e/patient.html", "/c/" + "a" * 5000 + "/x", "/c/{{7*7}}/x"])  # fmt: skip
async def test_paths_that_lead_out_or_are_no_names_lead_nowhere(
    door: FrontDoor, path: str
) -> None:
    heard = await door.raw(head_of(door, f"GET {path}", "Connection: close"))

    assert heard.split()[1] in (b"404", b"400")
    assert b"root:" not in heard
    assert b"def main" not in heard
    assert b"49" not in heard.partition(b"\r\n\r\n")[2]
