"""What OpenID Connect providers publish: metadata and keys, fetched within bounds and remembered.

Source: OpenID Connect Discovery 1.0 §4; RFC 7517 (keys).
"""

import asyncio
import ssl
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from teleward_gateway.errors import Fault, SignInError

ANSWER_WITHIN_S = 10.0
"""A provider that takes longer for one answer is unreachable. Ours: a person waits in front of an empty page."""
MAX_ANSWER_BYTES = 512 * 1024
"""Longest answer that is read. Ours: metadata and key sets of large providers have 5 to 50 kB."""
METADATA_FRESH_S = 3600.0
"""Metadata are fetched again after this."""
KEYS_FRESH_S = 600.0
"""Keys are fetched again after this, so that one that was withdrawn is not trusted for long."""
REFETCHES, REFETCH_WINDOW_S = 5, 60.0
"""An unknown key lets the keys be fetched again, so often within this time and no oftener: anybody can name a key."""
FAILED_FOR_S = 5.0
"""A document that could not be had is not asked for again so soon: whoever waits for it is told at once."""
MAX_ISSUERS = 1000
"""Issuers that are remembered; beyond it the one unused for longest is fetched again."""
SIGNATURES = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
"""Asymmetric ones alone: with a symmetric one a public key could pass for the secret (RFC 8725 §2.1)."""
_KEY_TYPES = ("RSA", "EC", "OKP")
_WELL_KNOWN = "/.well-known/openid-configuration"


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError("not https")
    return url


_Https = Annotated[str, AfterValidator(_https)]


class Metadata(BaseModel):
    """What we need of a provider's metadata."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: _Https
    token_endpoint: _Https
    jwks_uri: _Https
    userinfo_endpoint: _Https | None = None
    end_session_endpoint: _Https | None = None
    scopes_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Breaks off an answer that is longer than a provider has reason for, and takes none that is compressed."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    @classmethod
    def trusting(cls, trusted: ssl.SSLContext) -> Self:
        """Speak HTTPS with whom these certificates vouch for."""
        return cls(httpx2.AsyncHTTPTransport(verify=trusted))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass one request on."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        if response.headers.get("content-encoding", "identity") != "identity":
            await stream.aclose()
            raise httpx2.DecodingError("compressed", request=request)
        response.stream = _BoundedStream(stream)
        return response

    async def aclose(self) -> None:
        """Stay open: clients of one exchange come and go."""

    async def close(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise httpx2.DecodingError("too long")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def trusted_certificates(more: Path | None) -> ssl.SSLContext:
    """The system's certificates, and those of a file; raises OSError or ssl.SSLError for a file that is none."""
    context = ssl.create_default_context()
    if more is not None:
        context.load_verify_locations(more)
    return context


@dataclass
class _Published:
    """What is remembered of one issuer."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: Metadata | None = None
    metadata_at: float = 0.0
    keys: tuple[Key, ...] = ()
    keys_at: float | None = None
    failure: SignInError | None = None
    failed_at: float = 0.0
    refetched: deque[float] = field(default_factory=lambda: deque(maxlen=REFETCHES))


class ProviderDocuments:
    """Fetches and remembers; raises SignInError."""

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = httpx2.AsyncClient(transport=transport, timeout=ANSWER_WITHIN_S)
        self._monotonic = monotonic
        self._issuers: OrderedDict[str, _Published] = OrderedDict()

    async def metadata(self, issuer: str) -> Metadata:
        """The metadata of an issuer, which must be about this very issuer (Discovery §4.3)."""
        published = self._published(issuer)
        async with published.lock, self._remembered_failure(published):
            return await self._metadata(issuer, published)

    async def keys(self, issuer: str, kid: str | None) -> tuple[Key, ...]:
        """The issuer's keys of this id, or all of them; fetched again when there is none of it."""
        published = self._published(issuer)
        async with published.lock, self._remembered_failure(published):
            metadata, now = await self._metadata(issuer, published), self._monotonic()
            at = published.keys_at
            if at is None or now - at >= KEYS_FRESH_S:
                await self._fetch_keys(metadata, published)
            elif not _of(published.keys, kid) and self._may_refetch(published, now):
                published.refetched.append(now)
                await self._fetch_keys(metadata, published)
            return _of(published.keys, kid)

    @asynccontextmanager
    async def _remembered_failure(self, published: _Published) -> AsyncIterator[None]:
        failure = published.failure
        if failure and self._monotonic() - published.failed_at < FAILED_FOR_S:
            raise SignInError(failure.fault, str(failure))
        try:
            yield
        except SignInError as err:
            published.failure, published.failed_at = err, self._monotonic()
            raise
        published.failure = None

    def _published(self, issuer: str) -> _Published:
        published = self._issuers.setdefault(issuer, _Published())
        self._issuers.move_to_end(issuer)
        if len(self._issuers) > MAX_ISSUERS:
            self._issuers.popitem(last=False)
        return published

    async def _metadata(self, issuer: str, published: _Published) -> Metadata:
        now = self._monotonic()
        if published.metadata and now - published.metadata_at < METADATA_FRESH_S:
            return published.metadata
        text = await self.get(issuer.removesuffix("/") + _WELL_KNOWN)
        try:
            metadata = Metadata.model_validate_json(text)
        except ValidationError:
            raise SignInError(
                Fault.MISCONFIGURED, "metadata are not as Discovery 1.0 has it"
            ) from None
        if metadata.issuer != issuer:
            raise SignInError(Fault.MISCONFIGURED, "metadata name another issuer than declared")
        published.metadata, published.metadata_at = metadata, now
        return metadata

    @staticmethod
    def _may_refetch(published: _Published, now: float) -> bool:
        spent = published.refetched
        return len(spent) < REFETCHES or now - spent[0] >= REFETCH_WINDOW_S

    async def _fetch_keys(self, metadata: Metadata, published: _Published) -> None:
        published.keys = _read_keys(await self.get(metadata.jwks_uri))
        published.keys_at = self._monotonic()

    async def get(self, url: str, bearer: str = "") -> bytes:
        """Get one document; raises SignInError when it does not come, or too slowly, or too long."""
        headers = {"Accept": "application/json"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await self._http.get(url, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as err:
            raise SignInError(Fault.UNREACHABLE, type(err).__name__) from None
        if answer.status_code >= 500:
            raise SignInError(Fault.UNREACHABLE, "a document was answered with a server error")
        if answer.status_code != 200:
            raise SignInError(Fault.MISCONFIGURED, "a document is not where it should be")
        return answer.content


class _KeySet(BaseModel):
    keys: list[dict[str, object]]


def _read_keys(text: bytes) -> tuple[Key, ...]:
    """The keys for signatures that we understand; others are passed over (RFC 7517 §5)."""
    try:
        listed = _KeySet.model_validate_json(text).keys
    except ValidationError:
        raise SignInError(Fault.MISCONFIGURED, "the key set is none") from None
    keys = []
    for one in listed:
        if one.get("kty") not in _KEY_TYPES or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(one))  # type: ignore[arg-type]  # checked by joserfc itself
        except (JoseError, ValueError, TypeError):
            continue
    return tuple(keys)


def _of(keys: tuple[Key, ...], kid: str | None) -> tuple[Key, ...]:
    return tuple(key for key in keys if kid is None or key.kid == kid)
