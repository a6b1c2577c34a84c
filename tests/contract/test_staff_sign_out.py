"""A session of staff is of one browser and ends when its person, its provider or its organisation says so.

The provider is npm's `oidc-provider`; orders that do not hold are signed with its own keys.
"""

import time

import httpx2
import pytest
from teleward_gateway.core.tickets import STAFF_COOKIE
from teleward_testing.gateways import project
from teleward_testing.identity_provider import Browser, NewBrowser, Provided
from teleward_testing.issuers import DASHBOARD, HARBOUR, TEAM, World, clinic

pytestmark = pytest.mark.asyncio(loop_scope="module")


# -- sessions -----------------------------------------------------------------------------------


async def test_a_session_that_an_attacker_planted_is_not_the_one_that_is_signed_in(
    world: World, browser: NewBrowser
) -> None:
    """Session fixation: the name is new at each sign-in, and the one before is over."""
    attacker, victim = browser(), browser()
    await attacker.sign_in(HARBOUR, "partner", "grace")
    planted = attacker.cookies(world.gateway)[STAFF_COOKIE]
    victim.cookies(world.gateway)[STAFF_COOKIE] = planted

    await victim.sign_in(HARBOUR, "hospital", "ada")

    assert victim.cookies(world.gateway)[STAFF_COOKIE] != planted
    assert (await victim.me()).json()["display_name"] == "Ada L."
    assert (await attacker.me()).status_code == 401


async def test_the_store_holds_neither_the_cookie_nor_a_token(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    await person.sign_in(HARBOUR, "hospital", "ada")
    secret = person.cookies(world.gateway)[STAFF_COOKIE]

    with world.valkey.client() as client:
        names = [str(name) for name in client.scan_iter("tw:{staff}:session:*")]
        stored = " ".join([*names, *(str(client.hgetall(name)) for name in names)])

    assert "Ada L." in stored
    assert secret not in stored
    assert "eyJ" not in stored


async def test_signing_out_ends_the_session_here_and_leads_to_the_providers_page(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    await person.sign_in(HARBOUR, "hospital", "ada")
    stolen = dict(person.cookies(world.gateway))

    answer = await person.open(
        "POST", f"{world.gateway}/api/sign-out", json={}, headers={"Origin": world.gateway}
    )

    assert STAFF_COOKIE not in person.cookies(world.gateway)
    thief = browser()
    thief.cookies(world.gateway).update(stolen)
    assert (await thief.me()).status_code == 401
    page = await person.open("GET", answer.json()["location"])
    assert page.is_success
    assert "ada" not in answer.json()["location"].lower()


async def sign_out_at_provider(person: Browser, world: World, issuer: Provided) -> None:
    """End the provider's own session, as at its own page."""
    page = await person.open("GET", f"{issuer.url}/session/end")
    token = page.text.partition('name="xsrf" value="')[2].partition('"')[0]
    done = await person.open(
        "POST", f"{issuer.url}/session/end/confirm", data={"xsrf": token, "logout": "yes"}
    )
    assert done.status_code == 303, done.text


async def test_signing_out_at_the_provider_signs_out_here_that_session_and_no_other(
    world: World, browser: NewBrowser
) -> None:
    leaving, staying = browser(), browser()
    for person in (leaving, staying):
        await person.sign_in(HARBOUR, "hospital", "ada")

    await sign_out_at_provider(leaving, world, world.hospital)

    assert (await leaving.me()).status_code == 401
    assert (await staying.me()).status_code == 200


def logout_claims(issuer: Provided, **changes: object) -> dict[str, object]:
    claims = {
        "iss": issuer.url, "aud": "teleward", "iat": int(time.time()), "jti": f"jti-{time.time_ns()}",
        "exp": int(time.time()) + 120, "sub": "ada",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    } | changes  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


async def order(world: World, person: Browser, token: str) -> httpx2.Response:
    url = f"{world.gateway}/by-providers/{HARBOUR}/hospital/sign-out"
    return await person.open("POST", url, data={"logout_token": token})


async def test_an_order_for_a_person_ends_all_of_their_sessions_once(
    world: World, browser: NewBrowser
) -> None:
    one, other, provider = browser(), browser(), browser()
    for person in (one, other):
        await person.sign_in(HARBOUR, "hospital", "ada")
    token = world.provider.sign(world.hospital, logout_claims(world.hospital), typ="logout+jwt")

    assert (await order(world, provider, token)).status_code == 200
    assert [(await person.me()).status_code for person in (one, other)] == [401, 401]

    await one.sign_in(HARBOUR, "hospital", "ada")
    assert (await order(world, provider, token)).status_code == 400  # it was used
    assert (await one.me()).status_code == 200


BAD_ORDERS: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "somebody-else"},
    "no audience": {"aud": None},
    "no time": {"iat": None},
    "an old one": {"iat": 1_000_000_000},
    "one of the future": {"iat": 4_000_000_000},
    "one that has expired": {"exp": 1_000_000_000},
    "no id": {"jti": None},
    "an id that is no text": {"jti": 7},
    "neither person nor session": {"sub": None},
    "a person that is no text": {"sub": ["ada"]},
    "no event": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event that is no object": {
        "events": {"http://schemas.openid.net/event/backchannel-logout": 1}
    },
    "an ID token": {"nonce": "n"},
}


async def test_an_order_that_does_not_hold_ends_nothing(world: World, browser: NewBrowser) -> None:
    person, provider = browser(), browser()
    await person.sign_in(HARBOUR, "hospital", "ada")
    answers = {}

    for title, change in BAD_ORDERS.items():
        token = world.provider.sign(world.hospital, logout_claims(world.hospital, **change))
        answers[title] = (await order(world, provider, token)).status_code
    good = logout_claims(world.hospital)
    foreign = world.provider.sign(world.partner, good)
    answers["another's key"] = (await order(world, provider, foreign)).status_code
    typed = world.provider.sign(world.hospital, good, typ="at+jwt")
    answers["an access token"] = (await order(world, provider, typed)).status_code
    answers["no token"] = (await order(world, provider, "x.y.z")).status_code

    assert set(answers.values()) == {400}, answers
    assert (await person.me()).status_code == 200


async def test_a_role_that_is_taken_away_is_gone_at_once(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    await person.sign_in(HARBOUR, "partner", "grace")
    assert len((await person.me()).json()["clinics"]) == 1
    try:
        await project(world.valkey.url, clinic(HARBOUR, TEAM[0]))
        deadline = time.monotonic() + 10
        while (await person.me()).json()["clinics"] and time.monotonic() < deadline:
            pass
        assert (await person.me()).json()["clinics"] == []
        assert (await person.open("GET", f"{world.gateway}{DASHBOARD}")).status_code == 404
    finally:
        await project(world.valkey.url, clinic(HARBOUR, *TEAM))
