"""What a provider publishes and signs is believed only if all of it holds; the provider here can say anything.

The real provider is in `tests/contract/test_sign_in.py`; this one is hostile, broken, slow to rotate, or an attacker.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from joserfc.jwk import OctKey
from teleward_gateway.adapters.identity_providers import CLOCK_SKEW_S, MAX_TOKEN, OpenIdProviders
from teleward_gateway.errors import Fault, SignInError
from teleward_testing.hostile_provider import (
    ATTEMPT,
    CLIENT,
    EC,
    ED,
    LOGOUT_EVENT,
    OTHER,
    RSA,
    URL,
    Provider,
    fault_of,
    id_token,
    redeem,
)

GOOD: dict[str, Callable[[], dict[str, Any]]] = {
    "a plain one": id_token,
    "one with the session's id": lambda: id_token(sid="session-1"),
    "one for several with this client as the party": lambda: id_token(
        aud=["a", "teleward"], azp="teleward"
    ),
    "one for this client alone, as a list": lambda: id_token(aud=["teleward"]),
    "one without the id of a key": lambda: id_token(RSA, {"kid": None}),
    "one of a clock behind": lambda: id_token(exp=int(time.time()) - CLOCK_SKEW_S + 60),
    "one of a clock ahead": lambda: id_token(iat=int(time.time()) + CLOCK_SKEW_S - 60),
    "PS256": lambda: id_token(RSA, {"alg": "PS256"}),
    "ES256": lambda: id_token(EC, {"alg": "ES256"}),
    "Ed25519": lambda: id_token(ED, {"alg": "Ed25519"}),
}


@pytest.mark.parametrize("title", GOOD)
async def test_an_id_token_that_holds_proves_who_it_is(
    providers: OpenIdProviders, provider: Provider, title: str
) -> None:
    provider.keys += [EC.as_dict(private=False), ED.as_dict(private=False)]
    provider.tokens = GOOD[title]()

    proof = await redeem(providers)

    assert (proof.sub, proof.claims["email"]) == ("ada-1", "ada@example.org")
    assert proof.sid == ("session-1" if "session" in title else None)


def unsigned() -> dict[str, Any]:
    body = id_token()["id_token"].split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return {**id_token(), "id_token": f"{header}.{body}."}


def by_public_key() -> dict[str, Any]:
    """Signed with HS256 by the text of the public key (RFC 8725 §2.1)."""
    body = id_token()["id_token"].split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').decode().rstrip("=")
    mac = hmac.digest(RSA.as_pem(private=False), f"{header}.{body}".encode(), "sha256")
    signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
    return {**id_token(), "id_token": f"{header}.{body}.{signature}"}


def tampered() -> dict[str, Any]:
    """A good signature over other claims."""
    mine, theirs = id_token()["id_token"].split("."), id_token(sub="eve")["id_token"].split(".")
    return {**id_token(), "id_token": ".".join((mine[0], theirs[1], mine[2]))}


BAD: dict[str, Callable[[], Any]] = {
    "none": lambda: {"access_token": "at", "token_type": "Bearer"},
    "one that is no text": lambda: {"id_token": 7},
    "one that is no token": lambda: {"id_token": "x.y.z"},
    "a huge one": lambda: {"id_token": "a" * (MAX_TOKEN + 1)},
    "one without signature": unsigned,
    "one signed by the public key as a secret": by_public_key,
    "one whose claims were exchanged": tampered,
    "one of another key": lambda: id_token(OTHER),
    "one of another key under the name of ours": lambda: id_token(OTHER, {"kid": "one"}),
    "a logout token": lambda: id_token(RSA, {"typ": "logout+jwt"}),
    "an access token": lambda: id_token(RSA, {"typ": "at+jwt"}),
    "one of another issuer": lambda: id_token(iss="https://evil.example"),
    "one of the issuer with a slash": lambda: id_token(iss=f"{URL}/"),
    "one of no issuer": lambda: id_token(iss=None),
    "one for another client": lambda: id_token(aud="other"),
    "one for nobody": lambda: id_token(aud=None),
    "one for a number": lambda: id_token(aud=7),
    "one for several without a party": lambda: id_token(aud=["a", "teleward"]),
    "one of another party": lambda: id_token(azp="other"),
    "one for several of another party": lambda: id_token(aud=["a", "teleward"], azp="a"),
    "one with another nonce": lambda: id_token(nonce="other"),
    "one without nonce": lambda: id_token(nonce=None),
    "one that has expired": lambda: id_token(exp=int(time.time()) - CLOCK_SKEW_S - 60),
    "one without an end": lambda: id_token(exp=None),
    "one whose end is no number": lambda: id_token(exp="soon"),
    "one of the future": lambda: id_token(iat=int(time.time()) + CLOCK_SKEW_S + 60),
    "one without a time": lambda: id_token(iat=None),
    "one that is not good yet": lambda: id_token(nbf=int(time.time()) + CLOCK_SKEW_S + 60),
    "one about nobody": lambda: id_token(sub=None),
    "one about the empty name": lambda: id_token(sub=""),
    "one about a number": lambda: id_token(sub=7),
    "one about a very long name": lambda: id_token(sub="x" * 256),
}


@pytest.mark.parametrize("title", BAD)
async def test_an_id_token_that_does_not_hold_is_refused(
    providers: OpenIdProviders, provider: Provider, title: str
) -> None:
    provider.tokens = BAD[title]()

    assert await fault_of(providers) is Fault.REFUSED


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [OctKey.import_key("s" * 32, {"kid": "one"}).as_dict()],
        [{**RSA.as_dict(private=False), "use": "enc"}],
        [{"kty": "RSA", "kid": "one", "n": 7}],
        [{"kty": "RSA", "kid": "one"}],
    ],
)
async def test_keys_that_are_for_no_signature_of_ours_are_passed_over(
    providers: OpenIdProviders, provider: Provider, keys: list[Any]
) -> None:
    provider.keys, provider.tokens = keys, id_token()

    assert await fault_of(providers) is Fault.REFUSED


async def test_a_token_that_names_no_key_is_tried_with_each(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.keys = [key.as_dict(private=False) for key in (EC, ED, OTHER, RSA)]
    provider.tokens = id_token(RSA, {"kid": None})

    assert (await redeem(providers)).sub == "ada-1"


async def test_one_key_that_nobody_understands_spoils_no_other(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.keys = [{"kty": "new"}, {"kty": "RSA"}, *provider.keys]
    provider.tokens = id_token()

    assert (await redeem(providers)).sub == "ada-1"


# -- what the browser brings --------------------------------------------------------------------

ERRORS = {
    "access_denied": Fault.DENIED,
    "server_error": Fault.UNREACHABLE,
    "temporarily_unavailable": Fault.UNREACHABLE,
    "unauthorized_client": Fault.MISCONFIGURED,
    "invalid_scope": Fault.MISCONFIGURED,
    "login_required": Fault.REFUSED,
    "<script>": Fault.REFUSED,
}


@pytest.mark.parametrize("error", ERRORS)
async def test_an_error_of_the_provider_is_told_as_what_it_means(
    providers: OpenIdProviders, error: str
) -> None:
    assert await fault_of(providers, error=error, code="c") is ERRORS[error]


async def test_an_answer_without_a_code_is_refused(providers: OpenIdProviders) -> None:
    assert await fault_of(providers, state="s") is Fault.REFUSED
    assert await fault_of(providers, code="") is Fault.REFUSED


async def test_the_issuer_in_an_answer_must_be_right_and_there_if_it_was_promised(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.tokens = id_token()
    assert await fault_of(providers, code="c", iss="https://evil.example") is Fault.REFUSED
    assert (await redeem(providers, {"code": "c", "iss": URL})).sub == "ada-1"
    assert provider.count("/token") == 1  # no code went anywhere before


async def test_an_answer_without_the_promised_issuer_is_refused(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = True

    assert await fault_of(providers, code="c") is Fault.REFUSED
    assert provider.count("/token") == 0


# -- the exchange -------------------------------------------------------------------------------


async def test_a_public_client_sends_its_name_and_the_verifier_and_no_secret(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.tokens = id_token()
    await redeem(providers)

    [sent] = [request for request in provider.asked if request.url.path.endswith("/token")]
    assert "authorization" not in sent.headers
    assert {name: values[0] for name, values in parse_qs(sent.content.decode()).items()} == {
        "grant_type": "authorization_code", "code": "c", "client_id": "teleward",
        "code_verifier": ATTEMPT.verifier, "redirect_uri": CLIENT.redirect_uri,
    }  # fmt: skip


@pytest.mark.parametrize("methods", [None, ["client_secret_basic"], ["client_secret_post", "x"]])
async def test_a_secret_goes_the_way_that_the_provider_takes(
    providers: OpenIdProviders, provider: Provider, tmp_path: Path, methods: list[str] | None
) -> None:
    (tmp_path / "harbour-health.hospital").write_text("a+b%c\n")
    provider.tokens = id_token()
    if methods is not None:
        provider.metadata["token_endpoint_auth_methods_supported"] = methods
    await redeem(providers)

    [sent] = [request for request in provider.asked if request.url.path.endswith("/token")]
    in_body = parse_qs(sent.content.decode()).get("client_secret")
    is_post = methods is not None and "client_secret_post" in methods
    assert in_body == (["a+b%c"] if is_post else None)
    assert ("authorization" in sent.headers) is not is_post


async def test_a_secret_that_cannot_be_read_is_a_fault_of_the_gateway(
    providers: OpenIdProviders, tmp_path: Path
) -> None:
    (tmp_path / "harbour-health.hospital").write_bytes(b"\xff")

    assert await fault_of(providers) is Fault.MISCONFIGURED


@pytest.mark.parametrize(
    ("status", "tokens", "fault"),
    [
        (400, {"error": "invalid_grant"}, Fault.REFUSED),
        (401, {"error": "invalid_client"}, Fault.MISCONFIGURED),
        (400, {"error": ["x"]}, Fault.REFUSED),
        (503, {}, Fault.UNREACHABLE),
        (200, [], Fault.REFUSED),
        (200, "token", Fault.REFUSED),
        (200, {}, Fault.REFUSED),
    ],
)
async def test_an_exchange_that_fails_is_told_as_what_it_is(
    providers: OpenIdProviders, provider: Provider, status: int, tokens: Any, fault: Fault
) -> None:
    provider.token_status, provider.tokens = status, tokens

    assert await fault_of(providers) is fault


# -- UserInfo -----------------------------------------------------------------------------------


async def test_what_the_id_token_lacks_is_asked_for_at_userinfo(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.tokens = id_token(email=None, groups=None)
    provider.userinfo = {
        "sub": "ada-1", "email": "ada@example.org", "email_verified": True, "groups": ["g"],
        "iss": "https://evil.example",
    }  # fmt: skip

    claims = (await redeem(providers)).claims

    assert (claims["email"], claims["email_verified"], claims["groups"]) == (
        "ada@example.org", True, ["g"],
    )  # fmt: skip
    assert claims["iss"] == URL
    assert provider.asked[-1].headers["authorization"] == "Bearer at"


async def test_one_source_does_not_verify_the_address_of_another(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.tokens = id_token(groups=None)
    provider.userinfo = {"sub": "ada-1", "email": "eve@example.org", "email_verified": True}

    claims = (await redeem(providers)).claims

    assert claims["email"] == "ada@example.org"
    assert "email_verified" not in claims


@pytest.mark.parametrize("told", [{"sub": "eve"}, {}, [], "x", None])
async def test_userinfo_about_somebody_else_is_refused(
    providers: OpenIdProviders, provider: Provider, told: Any
) -> None:
    provider.tokens, provider.userinfo = id_token(email=None), told

    assert await fault_of(providers) is Fault.REFUSED


@pytest.mark.parametrize("content", [b"a.b.c", b"\xff", b"[" * 100_000])
async def test_userinfo_that_is_signed_or_no_json_is_refused(
    providers: OpenIdProviders, provider: Provider, content: bytes
) -> None:
    provider.tokens = id_token(email=None)
    provider.instead = lambda request: (
        httpx2.Response(200, content=content) if request.url.path.endswith("userinfo") else None
    )

    assert await fault_of(providers) is Fault.REFUSED


# -- signing out --------------------------------------------------------------------------------


async def test_the_way_to_sign_out_names_the_client_and_no_person(
    providers: OpenIdProviders, provider: Provider
) -> None:
    assert await providers.sign_out_page(CLIENT, "https://clinic.example/sign-in") is None


async def test_the_way_to_sign_out_keeps_what_the_provider_put_into_it(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.metadata["end_session_endpoint"] = f"{URL}/out?realm=1"

    assert await providers.sign_out_page(CLIENT, "https://clinic.example/sign-in") == (
        f"{URL}/out?realm=1&client_id=teleward"
        "&post_logout_redirect_uri=https%3A%2F%2Fclinic.example%2Fsign-in"
    )


async def test_an_id_token_is_no_order_to_sign_out_and_an_order_is(
    providers: OpenIdProviders,
) -> None:
    order = id_token(RSA, {"typ": "Logout+JWT"}, nonce=None, jti="j", events={LOGOUT_EVENT: {}})
    said = await providers.sign_out_order(CLIENT, order["id_token"])
    assert (said.jti, said.sub, said.sid) == ("j", "ada-1", None)

    for token in (
        id_token()["id_token"],
        id_token(jti="j", events={LOGOUT_EVENT: {}})["id_token"],
    ):
        with pytest.raises(SignInError):
            await providers.sign_out_order(CLIENT, token)


async def test_the_scope_of_groups_is_asked_for_where_there_is_one(
    providers: OpenIdProviders, provider: Provider
) -> None:
    provider.metadata["scopes_supported"] = ["openid", "groups"]

    url = await providers.authorize(CLIENT, ATTEMPT, anew=False)

    said = parse_qs(httpx2.URL(url).query.decode())
    assert said["scope"] == ["openid email profile groups"]
    assert (said["realm"], said["nonce"]) == (["1"], ["the-nonce"])
    assert ATTEMPT.verifier not in url
    assert json.dumps(said).count("prompt") == 0
