"""Staff sign in at a real OpenID Connect provider, and no answer that does not hold lets anybody in.

The provider is npm's `oidc-provider`, over HTTPS with a certificate of its own; the gateway is a process of its own.
"""

import time
from base64 import b64decode
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from teleward_gateway.adapters.cookies import Sealer
from teleward_gateway.core.tickets import ATTEMPT_COOKIE
from teleward_gateway.usecases.sign_in import callback_path
from teleward_testing.identity_provider import Browser, NewBrowser
from teleward_testing.issuers import DASHBOARD, HARBOUR, HILLS, World, fault_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_is_in_a_team_signs_in_and_comes_to_the_page_they_wanted(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    wanted = await person.open("GET", f"{world.gateway}{DASHBOARD}")
    assert wanted.headers["location"] == f"/sign-in?{urlencode({'return_to': DASHBOARD})}"

    assert await person.sign_in(HARBOUR, "hospital", "ada", DASHBOARD) == DASHBOARD

    me = (await person.me()).json()
    assert (me["user"], me["display_name"]) == ("ada@example.org", "Ada L.")
    assert [(one["namespace"], one["role"]) for one in me["clinics"]] == [(HARBOUR, "Clinician")]
    assert (await person.open("GET", f"{world.gateway}{DASHBOARD}")).status_code == 200


async def test_a_group_of_the_provider_gives_a_role_at_a_public_client_that_tells_by_userinfo(
    world: World, browser: NewBrowser
) -> None:
    person = browser()

    assert await person.sign_in(HARBOUR, "partner", "grace") == "/staff"

    [mine] = (await person.me()).json()["clinics"]
    assert mine["role"] == "Receptionist"


async def test_the_sign_in_page_is_told_the_issuers_of_each_organisation(
    world: World, browser: NewBrowser
) -> None:
    told = (await browser().open("GET", f"{world.gateway}/api/sign-in")).json()

    assert told["mode"] == "issuers"
    assert told["accounts"] == []
    assert [(one["namespace"], one["issuers"]) for one in told["organisations"]] == [
        (HARBOUR, ["hospital", "partner", "gone"]),
        (HILLS, ["hills"]),
    ]


REFUSED_PEOPLE = {
    "mallory": "email_unverified",
    "nobody": "not_a_member",
    "crowd": "too_many_groups",
    None: "denied",
}


@pytest.mark.parametrize("login", REFUSED_PEOPLE)
async def test_who_may_not_sign_in_is_told_why(
    world: World, browser: NewBrowser, login: str | None
) -> None:
    person = browser()

    came_to = await person.sign_in(HARBOUR, "hospital", login, DASHBOARD)

    assert fault_in(came_to) == REFUSED_PEOPLE[login]
    assert parse_qs(urlsplit(came_to).query)["return_to"] == [DASHBOARD]
    assert (await person.me()).status_code == 401


async def test_a_member_of_one_issuer_is_none_by_the_same_address_at_another(
    world: World, browser: NewBrowser
) -> None:
    """The partner's Ada may be anybody: the team names the hospital's."""
    assert fault_in(await browser().sign_in(HARBOUR, "partner", "ada")) == "not_a_member"


async def test_a_session_of_one_organisation_counts_in_no_other(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    await person.sign_in(HARBOUR, "hospital", "ada")

    answer = await person.open("GET", f"{world.gateway}/staff/hills-health/cardiology")

    assert answer.status_code == 404


# -- answers that do not hold -------------------------------------------------------------------


async def begun(world: World, person: Browser, login: str = "ada") -> str:
    """Sign in as far as the address that leads back to the gateway."""
    answer = await person.begin(HARBOUR, "hospital", DASHBOARD)
    return await person.at_provider(answer.json()["location"], login)


def changed(url: str, **parameters: str | None) -> str:
    parts = urlsplit(url)
    words = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    kept = {name: value for name, value in words.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


async def test_an_answer_with_another_state_or_none_is_refused_and_spoils_nothing(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    back = await begun(world, person)

    for state in ("x" * 43, "", "ä", None):
        assert fault_in(await person.back(changed(back, state=state))) == "expired"

    assert await person.back(back) == DASHBOARD


async def test_an_answer_in_another_browser_is_refused(world: World, browser: NewBrowser) -> None:
    """Login CSRF: somebody is made to use the attacker's session."""
    back = await begun(world, browser())
    victim = browser()

    assert fault_in(await victim.back(back)) == "expired"
    assert (await victim.me()).status_code == 401


async def test_a_code_is_good_once(world: World, browser: NewBrowser) -> None:
    person = browser()
    back = await begun(world, person)
    attempt = dict(person.cookies(world.gateway))
    assert await person.back(back) == DASHBOARD

    assert fault_in(await person.back(back)) == "expired"  # the attempt is over
    thief = browser()
    thief.cookies(world.gateway).update(attempt)
    assert fault_in(await thief.back(back)) == "refused"  # and the provider knows the code
    assert (await thief.me()).status_code == 401


async def test_a_code_of_another_attempt_is_refused(world: World, browser: NewBrowser) -> None:
    """Code injection: PKCE binds the code to the attempt."""
    mallory, victim = browser(), browser()
    stolen = parse_qs(urlsplit(await begun(world, mallory, "nobody")).query)["code"][0]
    back = await begun(world, victim)

    assert fault_in(await victim.back(changed(back, code=stolen))) == "refused"


async def test_an_id_token_with_another_nonce_is_refused(
    world: World, browser: NewBrowser
) -> None:
    person = browser()
    location = (await person.begin(HARBOUR, "hospital")).json()["location"]
    back = await person.at_provider(changed(location, nonce="another"), "ada")

    assert fault_in(await person.back(back)) == "refused"


async def test_an_attempt_that_is_too_old_is_refused(world: World, browser: NewBrowser) -> None:
    person = browser()
    back = await begun(world, person)
    sealer = Sealer(b64decode((world.keys / "seal").read_text()))
    cookies = person.cookies(world.gateway)
    attempt = sealer.attempt(cookies)
    assert attempt is not None
    old = attempt.model_copy(update={"expires": int(time.time()) - 1})
    cookies[ATTEMPT_COOKIE] = sealer.seal(ATTEMPT_COOKIE, old)

    assert fault_in(await person.back(back)) == "expired"


@pytest.mark.parametrize("issuer", [None, "the other", "https://evil.example"])
async def test_an_answer_that_does_not_name_the_issuer_is_refused(
    world: World, browser: NewBrowser, issuer: str | None
) -> None:
    """Mix-up (RFC 9207): the provider says that its answers name it."""
    person = browser()
    back = await begun(world, person)
    said = world.partner.url if issuer == "the other" else issuer

    assert fault_in(await person.back(changed(back, iss=said))) == "refused"


async def test_an_answer_of_one_issuer_is_none_of_another(
    world: World, browser: NewBrowser
) -> None:
    """Mix-up: each issuer has its own address to come back to, and its attempts are its own."""
    person = browser()
    back = await begun(world, person)
    elsewhere = back.replace("/hospital/", "/partner/")

    assert fault_in(await person.back(elsewhere)) == "expired"
    await person.begin(HARBOUR, "partner")  # an attempt of the other is there now
    assert fault_in(await person.back(elsewhere)) == "expired"
    assert fault_in(await person.back(back)) == "expired"
    assert (await person.me()).status_code == 401


async def test_an_issuer_that_sends_people_on_to_another_gets_nothing_of_it(
    world: World, browser: NewBrowser
) -> None:
    """Mix-up: the partner is an attacker, and its page leads on to the hospital's with the same attempt."""
    person = browser()
    location = (await person.begin(HARBOUR, "partner")).json()["location"]
    back = f"{world.gateway}{callback_path(HARBOUR, 'hospital')}"
    words = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    words |= {"client_id": "teleward", "redirect_uri": back}

    came = await person.at_provider(f"{world.hospital.url}/auth?{urlencode(words)}", "ada")

    assert parse_qs(urlsplit(came).query)["code"]
    assert fault_in(await person.back(came)) == "expired"
    assert (await person.me()).status_code == 401


async def test_a_parameter_that_comes_twice_is_refused(world: World, browser: NewBrowser) -> None:
    person = browser()
    back = await begun(world, person)

    assert fault_in(await person.back(back.replace("?", "?code=other&"))) == "refused"


async def test_new_keys_of_the_provider_are_fetched(world: World, browser: NewBrowser) -> None:
    assert await browser().sign_in(HARBOUR, "hospital", "ada") == "/staff"

    world.provider.rotate(world.hospital)

    assert await browser().sign_in(HARBOUR, "hospital", "ada") == "/staff"


async def test_a_provider_that_does_not_answer_is_told_at_once(
    world: World, browser: NewBrowser
) -> None:
    answer = await browser().begin(HARBOUR, "gone")

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "unreachable")


async def test_an_issuer_that_nobody_declared_is_not_there(
    world: World, browser: NewBrowser
) -> None:
    assert (await browser().begin(HARBOUR, "evil")).status_code == 404
    assert (await browser().begin("nowhere", "hospital")).status_code == 404
    url = f"{world.gateway}{callback_path(HARBOUR, 'evil')}?code=x&state=y"
    assert (await browser().open("GET", url)).status_code == 404


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example/staff", "/staff/../x", "/c/a/b"]
)
async def test_nobody_is_sent_anywhere_but_to_the_staff_pages(
    world: World, browser: NewBrowser, to: str
) -> None:
    assert await browser().sign_in(HARBOUR, "hospital", "ada", to) == "/staff"


async def test_the_way_to_the_provider_has_pkce_and_the_exact_address_to_come_back_to(
    world: World, browser: NewBrowser
) -> None:
    location = (await browser().begin(HARBOUR, "hospital", anew=True)).json()["location"]
    said = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    assert said.pop("redirect_uri") == f"{world.gateway}{callback_path(HARBOUR, 'hospital')}"
    assert {len(said.pop(name)) for name in ("state", "nonce", "code_challenge")} == {43}
    assert said == {
        "client_id": "teleward", "code_challenge_method": "S256", "prompt": "login",
        "response_type": "code", "scope": "openid email profile",
    }  # fmt: skip
