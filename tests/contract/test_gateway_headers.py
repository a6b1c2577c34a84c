"""Every answer of every door tells the browser what it may not do with it, and to forget it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from teleward_testing import gateway_routes
from teleward_testing.front_door import CLINIC, HERE, NAMESPACE, Answer, FrontDoor, front_door
from teleward_testing.gateway_routes import Door
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = "https://clinic.example"
REQUESTS = gateway_routes.requests()
ASKED = [(door, method) for door in REQUESTS for method in sorted(door.methods)]
ASSETS = gateway_routes.STATIC / "assets"
EXACTLY = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POWERFUL = ["geolocation", "usb", "serial", "bluetooth", "payment", "midi", "hid"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path_factory.mktemp("keys"), public_url=OURS) as made:
        yield made


def faults(answer: Answer) -> list[str]:
    """What an answer lacks."""
    headers = answer.headers
    found = [name for name, value in EXACTLY.items() if headers.get(name) != value]
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    expected = {
        "default-src": "'self'", "style-src": "'self'", "frame-ancestors": "'none'",
        "base-uri": "'none'", "object-src": "'none'", "form-action": "'self'",
        "connect-src": "'self' wss://clinic.example",
    }  # fmt: skip
    found += [name for name, value in expected.items() if policy.get(name) != value]
    found += [
        word for word in ("unsafe", "*", "http:") if word in headers["content-security-policy"]
    ]
    if not headers.get("strict-transport-security", "").startswith("max-age=31536000"):
        found.append("strict-transport-security")
    permissions = headers.get("permissions-policy", "")
    found += [name for name in POWERFUL if f"{name}=()" not in permissions]
    found += [name for name in ("camera", "microphone") if f"{name}=(self)" not in permissions]
    if headers.get("cache-control") != "no-store":
        found.append("cache-control")
    if "server" in headers or "x-powered-by" in headers:
        found.append("it says what it is made of")
    return found


@pytest.mark.parametrize("who", ["nobody", "staff", "patient"])
@pytest.mark.parametrize(("way", "method"), ASKED, ids=lambda one: str(getattr(one, "path", one)))
async def test_every_answer_wears_every_header(
    door: FrontDoor, way: Door, method: str, who: str
) -> None:
    cookie = await COOKIES[who](door)

    answer = await door.ask(method, way.path, cookie=cookie)

    assert faults(answer) == []


async def nobody(_: FrontDoor) -> str:
    return ""


async def staff(door: FrontDoor) -> str:
    return await door.sign_in()


async def patient(door: FrontDoor) -> str:
    return await door.enter()


COOKIES = {"nobody": nobody, "staff": staff, "patient": patient}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/page", 404), ("DELETE", "/", 405), ("POST", "/api/sign-out", 403),
        ("GET", "/assets/../../main.py", 404), ("GET", f"/c/{NAMESPACE}/nowhere", 404),
        ("GET", "/staff", 303), ("GET", "/api/staff/me", 401), ("GET", "/c/%00/%ff", 404),
    ],
)  # fmt: skip
async def test_refusals_wear_them_too(
    door: FrontDoor, method: str, path: str, status: int
) -> None:
    origin = "https://evil.example" if status == 403 else None

    answer = await door.ask(method, path, origin=origin)

    assert answer.status == status
    assert faults(answer) == []


async def test_too_large_a_body_is_refused_in_the_same_clothes(door: FrontDoor) -> None:
    answer = await door.ask("POST", f"/api/clinics/{HERE}/visits", body=b"x" * 100_000)

    assert answer.status == 413
    assert faults(answer) == []


async def test_only_what_is_named_by_its_content_may_be_kept(door: FrontDoor) -> None:
    name = next(path.name for path in sorted(ASSETS.iterdir()) if path.suffix == ".js")

    answer = await door.ask("GET", f"/assets/{name}")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert faults(answer) == ["cache-control"]


async def test_pages_hold_no_script_and_no_style_of_their_own(door: FrontDoor) -> None:
    for path in (f"/c/{NAMESPACE}/{CLINIC}", "/sign-in"):
        text = (await door.ask("GET", path)).text

        assert text.count("<script") == text.count('<script type="module" crossorigin src=')
        assert "<style" not in text
        assert " style=" not in text
        assert " on" not in text.lower().replace(" one", "").replace(" on ", "")


async def test_cookies_are_for_this_host_over_tls_and_no_script(door: FrontDoor) -> None:
    signed = await door.ask("POST", "/api/sign-in/development", body={"user": "grace@example.org"})
    entered = await door.ask("POST", f"/api/clinics/{HERE}/visits", body={"name": "Ann"})
    out = await door.ask("POST", "/api/sign-out")

    cookies = [*signed.cookies, *entered.cookies, *out.cookies]
    assert len(cookies) == 3
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "path=/", "samesite=lax"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)


async def test_all_routes_were_asked() -> None:
    paths = set(gateway_routes.described()["paths"])

    assert {way.template for way in REQUESTS} - paths == {"/assets/nothing.js"}
    assert paths <= {way.template for way in REQUESTS}
