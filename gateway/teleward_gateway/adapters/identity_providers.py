"""OpenID Connect by Authlib: authorization code flow with PKCE, and the checks of what providers sign.

Source: OpenID Connect Core 1.0 §3.1; RFC 7636 (PKCE); RFC 9207 (issuer in the answer); RFC 9700 (best practice);
OpenID Connect RP-Initiated Logout 1.0 and Back-Channel Logout 1.0.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.integrations.base_client import (  # type: ignore[import-untyped]  # ships no types
    OAuthError,
)
from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]  # ships no types
    AsyncOAuth2Client,
)
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # ships no types
from joserfc import jws, jwt
from joserfc.errors import JoseError

from teleward_gateway.adapters.client_secrets import ClientSecrets
from teleward_gateway.adapters.provider_documents import (
    ANSWER_WITHIN_S,
    SIGNATURES,
    Metadata,
    ProviderDocuments,
)
from teleward_gateway.core.tickets import Attempt
from teleward_gateway.errors import Fault, SignInError
from teleward_gateway.ports.sign_in import Client, Proof, SignOut

CLOCK_SKEW_S = 300
"""How far a provider's clock and ours may be apart, in seconds. Source: RFC 7519 §4.1.4, "a few minutes"."""
LOGOUT_TOKEN_MAX_AGE_S = 300
"""Age at which a logout token is too old, in seconds, beside the skew. Back-Channel Logout §2.4 advises two minutes."""
MAX_TOKEN = 64 * 1024
"""Longest token that is looked at, in characters."""
MAX_ID = 255
"""Longest `sub` in characters (OpenID Connect Core §2); ours for `sid` and `jti` too."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_MALFORMED = (JoseError, ValueError, TypeError, RecursionError)
"""What reading a stranger's token may raise; JSON that is nested too deep is a RecursionError."""
_SCOPE = "openid email profile"
_GROUPS = "groups"
_ID_TOKEN_TYPES = frozenset({"jwt"})
_LOGOUT_TOKEN_TYPES = frozenset({"jwt", "logout+jwt", "application/logout+jwt"})
"""`typ` in small letters; none is `JWT`. Back-Channel Logout §2.4 recommends one of its own, which many do not send."""
_FAULTS = {
    "access_denied": Fault.DENIED,
    "server_error": Fault.UNREACHABLE,
    "temporarily_unavailable": Fault.UNREACHABLE,
    "unauthorized_client": Fault.MISCONFIGURED,
    "invalid_client": Fault.MISCONFIGURED,
    "invalid_request": Fault.MISCONFIGURED,
    "invalid_scope": Fault.MISCONFIGURED,
    "unsupported_response_type": Fault.MISCONFIGURED,
}
"""What an error of RFC 6749 §4.1.2.1 and §5.2 means to the person; others are a refusal."""


class OpenIdProviders:
    """See `IdentityProviders`."""

    def __init__(
        self,
        documents: ProviderDocuments,
        transport: httpx2.AsyncBaseTransport,
        secrets: ClientSecrets,
    ) -> None:
        self._documents = documents
        self._transport = transport
        self._secrets = secrets

    async def authorize(self, client: Client, attempt: Attempt, *, anew: bool) -> str:
        """See `IdentityProviders`."""
        metadata = await self._documents.metadata(client.issuer.url)
        async with self._client(client, metadata) as http:
            more = {"prompt": "login"} if anew else {}
            url, _ = http.create_authorization_url(
                metadata.authorization_endpoint, state=attempt.state,
                code_verifier=attempt.verifier, nonce=attempt.nonce, **more,
            )  # fmt: skip
        return str(url)

    async def redeem(self, client: Client, attempt: Attempt, answer: Mapping[str, str]) -> Proof:
        """See `IdentityProviders`."""
        metadata = await self._documents.metadata(client.issuer.url)
        tells_issuer = metadata.authorization_response_iss_parameter_supported or "iss" in answer
        if tells_issuer and answer.get("iss") != metadata.issuer:
            raise SignInError(Fault.REFUSED, "the answer is another issuer's")
        if "error" in answer:
            raise SignInError(_FAULTS.get(answer["error"], Fault.REFUSED), "the provider refused")
        if not answer.get("code"):
            raise SignInError(Fault.REFUSED, "the answer has no code")
        tokens = await self._exchange(client, metadata, attempt, answer["code"])
        claims = await self._id_token(client, attempt, tokens.get("id_token"))
        sid = claims.get("sid")
        return Proof(
            await self._with_userinfo(client, metadata, claims, tokens.get("access_token")),
            claims["sub"],
            sid if isinstance(sid, str) and 0 < len(sid) <= MAX_ID else None,
        )

    async def sign_out_page(self, client: Client, back_to: str) -> str | None:
        """See `IdentityProviders`; names no person: an `id_token_hint` would put one into an address."""
        end = (await self._documents.metadata(client.issuer.url)).end_session_endpoint
        if end is None:
            return None
        words = {"client_id": client.issuer.client_id, "post_logout_redirect_uri": back_to}
        return f"{end}{'&' if '?' in end else '?'}{urlencode(words)}"

    async def sign_out_order(self, client: Client, token: str) -> SignOut:
        """See `IdentityProviders`."""
        signed = await self._verify(client, token, _LOGOUT_TOKEN_TYPES)
        claims = signed.claims
        try:
            essential: dict[str, Any] = {n: {"essential": True} for n in ("iat", "jti", "events")}
            jwt.JWTClaimsRegistry(None, CLOCK_SKEW_S, **_ours(client), **essential).validate(
                claims
            )
            oldest = jwt.JWTClaimsRegistry().now - LOGOUT_TOKEN_MAX_AGE_S - CLOCK_SKEW_S
        except _MALFORMED as err:
            raise SignInError(Fault.REFUSED, type(err).__name__) from None
        events, sub, sid = claims["events"], claims.get("sub"), claims.get("sid")
        is_order = isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)
        names = [one for one in (claims["jti"], sub, sid) if one is not None]
        are_names = all(isinstance(one, str) and 0 < len(one) <= MAX_ID for one in names)
        if not is_order or "nonce" in claims or not are_names or len(names) < 2:
            raise SignInError(Fault.REFUSED, "not a logout token")
        if not claims["iat"] >= oldest:  # NaN is neither
            raise SignInError(Fault.REFUSED, "the logout token is too old")
        return SignOut(claims["jti"], sub, sid)

    def _client(self, client: Client, metadata: Metadata) -> Any:
        """Authlib's client for one exchange."""
        try:
            secret = self._secrets.find(client.namespace, client.issuer.name)
        except (OSError, UnicodeDecodeError) as err:
            raise SignInError(
                Fault.MISCONFIGURED, f"client secret: {type(err).__name__}"
            ) from None
        methods = metadata.token_endpoint_auth_methods_supported
        # Authlib does not encode a Basic header as RFC 6749 §2.3.1 has it; what is in a body needs nothing.
        method = "client_secret_post" if "client_secret_post" in methods else "client_secret_basic"
        scope = f"{_SCOPE} {_GROUPS}" if _GROUPS in metadata.scopes_supported else _SCOPE
        return AsyncOAuth2Client(
            client.issuer.client_id, secret, token_endpoint_auth_method=method if secret else "none",
            redirect_uri=client.redirect_uri, scope=scope, code_challenge_method="S256",
            transport=self._transport, timeout=ANSWER_WITHIN_S, follow_redirects=False,
        )  # fmt: skip

    async def _exchange(
        self, client: Client, metadata: Metadata, attempt: Attempt, code: str
    ) -> Mapping[str, object]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S), self._client(client, metadata) as http:
                tokens: Mapping[str, object] = await http.fetch_token(
                    metadata.token_endpoint, grant_type="authorization_code", code=code,
                    code_verifier=attempt.verifier, redirect_uri=client.redirect_uri,
                )  # fmt: skip
        except OAuthError as err:
            fault = _FAULTS.get(str(err.error), Fault.REFUSED)
            raise SignInError(fault, "the code was refused") from None
        except (httpx2.HTTPError, TimeoutError) as err:
            raise SignInError(Fault.UNREACHABLE, type(err).__name__) from None
        except (*_MALFORMED, KeyError) as err:
            raise SignInError(Fault.REFUSED, type(err).__name__) from None
        return tokens

    async def _id_token(self, client: Client, attempt: Attempt, token: object) -> dict[str, Any]:
        """Check an ID token (Core §3.1.3.7)."""
        signed = await self._verify(client, token, _ID_TOKEN_TYPES)
        params = {"nonce": attempt.nonce, "client_id": client.issuer.client_id}
        try:
            CodeIDToken(signed.claims, signed.header, _ours(client), params).validate(
                leeway=CLOCK_SKEW_S
            )
        except _MALFORMED as err:
            raise SignInError(Fault.REFUSED, type(err).__name__) from None
        if not 0 < len(signed.claims["sub"]) <= MAX_ID:
            raise SignInError(Fault.REFUSED, "the ID token has no subject")
        return signed.claims

    async def _verify(self, client: Client, token: object, types: frozenset[str]) -> jwt.Token:
        """Check the signature of a token by the issuer's keys."""
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise SignInError(Fault.REFUSED, "no token, or a huge one")
        try:
            header = jws.extract_compact(token.encode()).headers()
        except _MALFORMED as err:
            raise SignInError(Fault.REFUSED, type(err).__name__) from None
        kid, typ = header.get("kid"), header.get("typ", "JWT")
        if not isinstance(typ, str) or typ.lower() not in types:
            raise SignInError(Fault.REFUSED, "a token of another type")
        named = kid if isinstance(kid, str) else None
        for key in await self._documents.keys(client.issuer.url, named):
            with contextlib.suppress(*_MALFORMED):  # another of the keys may be the one
                return jwt.decode(token, key, algorithms=SIGNATURES)
        raise SignInError(Fault.REFUSED, "no key of the issuer signed the token")

    async def _with_userinfo(
        self, client: Client, metadata: Metadata, claims: dict[str, Any], access_token: object
    ) -> Mapping[str, object]:
        """The claims, and those that the provider tells at its UserInfo endpoint alone (Core §5.3)."""
        wanted = (client.issuer.user_claim, client.issuer.groups_claim)
        has_all = all(one.partition(".")[0] in claims or one in claims for one in wanted)
        if has_all or not metadata.userinfo_endpoint or not isinstance(access_token, str):
            return claims
        try:
            told = json.loads(await self._documents.get(metadata.userinfo_endpoint, access_token))
        except _MALFORMED:
            raise SignInError(Fault.REFUSED, "UserInfo is no JSON") from None
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise SignInError(Fault.REFUSED, "UserInfo is about somebody else")
        if "email" in claims:  # an address and its being verified come from one source
            told.pop("email_verified", None)
        return {**told, **claims}


def _ours(client: Client) -> dict[str, Any]:
    """The two claims that say that a token is this issuer's and for this client."""
    return {
        "iss": {"essential": True, "value": client.issuer.url},
        "aud": {"essential": True, "value": client.issuer.client_id},
    }
