"""A provider of OpenID Connect in this process that says whatever a test wants it to, and signs whatever it says."""

import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from teleward_contract.projections import Issuer
from teleward_contract.units import Namespace
from teleward_gateway.adapters.identity_providers import OpenIdProviders
from teleward_gateway.core.tickets import Attempt
from teleward_gateway.errors import Fault, SignInError
from teleward_gateway.ports.sign_in import Client, Proof

URL = "https://id.example.org/realms/hospital"
HARBOUR = Namespace("harbour-health")
CLIENT = Client(
    HARBOUR, Issuer(name="hospital", url=URL, client_id="teleward"), "https://clinic.example/back"
)
ATTEMPT = Attempt(
    expires=0, namespace=HARBOUR, issuer="hospital", state="s", nonce="the-nonce", verifier="v" * 43,
    return_to="/staff",
)  # fmt: skip
RSA, OTHER = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two"))
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
PAGE = f"{URL}/.well-known/openid-configuration"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Provider:
    """A provider that says whatever a test wants it to."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {
            "issuer": URL, "authorization_endpoint": f"{URL}/authorize?realm=1",
            "token_endpoint": f"{URL}/token", "jwks_uri": f"{URL}/keys",
            "userinfo_endpoint": f"{URL}/userinfo",
        }  # fmt: skip
        self.keys: list[Any] = [RSA.as_dict(private=False)]
        self.tokens: Any = {}
        self.token_status = 200
        self.userinfo: Any = {}
        self.asked: list[httpx2.Request] = []
        self.instead: Callable[[httpx2.Request], httpx2.Response | None] = lambda _: None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        told = {
            PAGE: self.metadata, f"{URL}/keys": {"keys": self.keys}, f"{URL}/userinfo": self.userinfo
        }  # fmt: skip
        if instead := self.instead(request):
            return instead
        if str(request.url) == f"{URL}/token":
            return httpx2.Response(self.token_status, json=self.tokens)
        return httpx2.Response(200, json=told[str(request.url)])

    def count(self, path: str) -> int:
        return sum(request.url.path.endswith(path) for request in self.asked)


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def id_token(
    key: Key = RSA, header: dict[str, Any] | None = None, /, **changes: Any
) -> dict[str, Any]:
    """A token answer whose ID token is good but for the changes; None leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": URL, "sub": "ada-1", "aud": "teleward", "exp": now + 300, "iat": now,
        "nonce": "the-nonce", "email": "ada@example.org", "groups": [],
    } | changes  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "RS256", "kid": key.kid, **(header or {})}
    token = jwt.encode(
        {name: value for name, value in head.items() if value is not None}, kept, key,
        algorithms=[head["alg"]],
    )  # fmt: skip
    return {"access_token": "at", "token_type": "Bearer", "id_token": token}


async def redeem(
    providers: OpenIdProviders, answer: dict[str, str] | None = None, client: Client = CLIENT
) -> Proof:
    return await providers.redeem(client, ATTEMPT, answer or {"code": "c", "state": "s"})


async def fault_of(providers: OpenIdProviders, **answer: str) -> Fault:
    with pytest.raises(SignInError) as refused:
        await redeem(providers, answer or None)
    return refused.value.fault
