"""No foreign page acts with a visitor's cookies: each change and each socket names our origin, exactly."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from teleward_contract.signalling import SUBPROTOCOL
from teleward_gateway.web.guard import BY_PROVIDERS
from teleward_testing import gateway_routes
from teleward_testing.front_door import HERE, NAMESPACE, FrontDoor, front_door
from teleward_testing.gateway_routes import Door
from teleward_testing.valkey import RunningValkey

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = "https://clinic.example"
FOREIGN = {
    "none": "",
    "null": "null",
    "another site": "https://evil.example",
    "plain text": "http://clinic.example",
    "another port": "https://clinic.example:444",
    "our port, written out": "https://clinic.example:443",
    "a name that ends like ours": "https://evilclinic.example",
    "a name that begins like ours": "https://clinic.example.evil.example",
    "a name below ours": "https://a.clinic.example",
    "ours as user": "https://clinic.example@evil.example",
    "in capitals": "HTTPS://CLINIC.EXAMPLE",
    "with a slash": "https://clinic.example/",
    "in a list": "https://clinic.example https://evil.example",
}
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "post"]
REQUESTS = gateway_routes.requests()
SOCKETS = gateway_routes.sockets()
PATHS = sorted({door.path for door in REQUESTS})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path_factory.mktemp("keys"), public_url=OURS) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cookie(door: FrontDoor) -> str:
    """Everything that a browser may hold."""
    return f"{await door.sign_in()}; {await door.enter('Ann')}"


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith(BY_PROVIDERS)])
async def test_no_foreign_page_changes_anything(door: FrontDoor, cookie: str, path: str) -> None:
    ways = list(itertools.product(UNSAFE, FOREIGN))

    answers = await asyncio.gather(
        *(door.ask(how, path, origin=FOREIGN[name], cookie=cookie) for how, name in ways)
    )

    let_in = [
        way
        for way, answer in zip(ways, answers, strict=True)
        if (answer.status, answer.code, answer.cookies) != (403, "origin", ())
    ]
    assert let_in == []


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith(BY_PROVIDERS)])
async def test_what_providers_post_is_judged_by_its_signature_and_no_cookie_helps(
    door: FrontDoor, cookie: str, path: str
) -> None:
    body, form = b"logout_token=x.y.z", {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await door.ask(
        "POST", path, body=body, headers=form, origin="https://evil.example", cookie=cookie
    )

    assert (answer.status, answer.cookies) == (404, ())


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_a_plain_form_can_send_is_refused_although_it_names_our_origin(
    door: FrontDoor, kind: str
) -> None:
    body = json.dumps({"name": "Ann", "fields": {}}).encode()

    answer = await door.ask(
        "POST", f"/api/clinics/{HERE}/visits", body=body, headers={"Content-Type": kind}
    )

    assert (answer.status, answer.code) == (422, "invalid_request")


@pytest.mark.parametrize("way", SOCKETS, ids=lambda way: way.template)
async def test_no_foreign_page_opens_a_socket(door: FrontDoor, cookie: str, way: Door) -> None:
    for name, origin in FOREIGN.items():
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with door.socket(way.path, origin=origin, cookie=cookie):
                pass

        assert refused.value.status == 403, name


@pytest.mark.parametrize("way", SOCKETS, ids=lambda way: way.template)
async def test_a_second_origin_is_no_way_around(door: FrontDoor, cookie: str, way: Door) -> None:
    for headers in ([("Origin", "https://evil.example")], [("Origin", OURS)]):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with door.socket(way.path, cookie=cookie, headers=headers):
                pass
        assert refused.value.status in (400, 403)


@pytest.mark.parametrize("way", SOCKETS, ids=lambda way: way.template)
async def test_with_our_origin_the_same_socket_opens(
    door: FrontDoor, cookie: str, way: Door
) -> None:
    headers = [("Sec-WebSocket-Protocol", SUBPROTOCOL)] if "/call/" in way.path else []
    async with door.socket(way.path, cookie=cookie, headers=headers) as ws:
        await ws.send_str(json.dumps({"type": "hello", "name": "Ann", "fields": {}}))

        assert (await ws.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT


async def test_no_other_site_may_read_an_answer(door: FrontDoor, cookie: str) -> None:
    for way in REQUESTS:
        answer = await door.ask(
            "OPTIONS", way.path, origin="https://evil.example", cookie=cookie,
            headers={"Access-Control-Request-Method": "POST"},
        )  # fmt: skip

        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_sockets_and_requests_were_found() -> None:
    assert {way.template.split("/")[1] for way in SOCKETS} == {"ws"}
    assert len(SOCKETS) >= 5
    assert f"/api/clinics/{NAMESPACE}/cardiology/visits" in PATHS
