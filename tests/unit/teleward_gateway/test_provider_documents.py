"""What a provider publishes is fetched within bounds, remembered for a while, and about itself or refused."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from teleward_gateway.adapters.identity_providers import OpenIdProviders
from teleward_gateway.adapters.provider_documents import (
    FAILED_FOR_S,
    KEYS_FRESH_S,
    MAX_ANSWER_BYTES,
    METADATA_FRESH_S,
    REFETCH_WINDOW_S,
    REFETCHES,
    trusted_certificates,
)
from teleward_gateway.errors import Fault
from teleward_testing.hostile_provider import (
    CLIENT,
    OTHER,
    URL,
    Clock,
    Provider,
    fault_of,
    id_token,
    redeem,
)

# -- metadata and keys --------------------------------------------------------------------------

BROKEN_METADATA: dict[str, dict[str, Any]] = {
    "about another issuer": {"issuer": "https://evil.example"},
    "about the issuer with a slash": {"issuer": f"{URL}/"},
    "without a token endpoint": {"token_endpoint": None},
    "with a token endpoint without TLS": {"token_endpoint": "http://id.example.org/token"},
    "with keys without TLS": {"jwks_uri": "http://id.example.org/keys"},
    "with a script for a page": {"authorization_endpoint": "javascript:alert(1)"},
    "with a script for signing out": {"end_session_endpoint": "javascript:alert(1)"},
}


@pytest.mark.parametrize("title", BROKEN_METADATA)
async def test_metadata_that_do_not_fit_are_refused(
    providers: OpenIdProviders, provider: Provider, title: str
) -> None:
    provider.metadata |= BROKEN_METADATA[title]

    assert await fault_of(providers) is Fault.MISCONFIGURED


def _raise(error: Exception) -> httpx2.Response:
    raise error


ODD_ANSWERS: dict[str, tuple[Callable[[], httpx2.Response], Fault]] = {
    "not there": (lambda: httpx2.Response(404), Fault.MISCONFIGURED),
    "elsewhere": (
        lambda: httpx2.Response(302, headers={"location": "https://evil.example"}),
        Fault.MISCONFIGURED,
    ),
    "broken": (lambda: httpx2.Response(500), Fault.UNREACHABLE),
    "no JSON": (lambda: httpx2.Response(200, text="<html>"), Fault.MISCONFIGURED),
    "a list": (lambda: httpx2.Response(200, json=[]), Fault.MISCONFIGURED),
    "endless": (
        lambda: httpx2.Response(200, stream=httpx2.ByteStream(b" " * (MAX_ANSWER_BYTES + 1))),
        Fault.UNREACHABLE,
    ),
    "a bomb": (
        lambda: httpx2.Response(
            200,
            headers={"content-encoding": "gzip"},
            stream=httpx2.ByteStream(gzip.compress(b"{}")),
        ),
        Fault.UNREACHABLE,
    ),
    "no connection": (lambda: _raise(httpx2.ConnectError("refused")), Fault.UNREACHABLE),
    "too slow": (lambda: _raise(httpx2.ReadTimeout("slow")), Fault.UNREACHABLE),
    "out of time": (lambda: _raise(TimeoutError()), Fault.UNREACHABLE),
}


@pytest.mark.parametrize("place", ["openid-configuration", "keys"])
@pytest.mark.parametrize("title", ODD_ANSWERS)
async def test_a_document_that_does_not_come_as_it_should_is_told_as_what_it_is(
    providers: OpenIdProviders, provider: Provider, title: str, place: str
) -> None:
    answer, fault = ODD_ANSWERS[title]
    provider.tokens = id_token()
    provider.instead = lambda request: answer() if request.url.path.endswith(place) else None

    assert await fault_of(providers) is fault


async def test_a_document_is_asked_for_uncompressed(
    providers: OpenIdProviders, provider: Provider
) -> None:
    await providers.sign_out_page(CLIENT, "https://clinic.example")

    assert provider.asked[0].headers["accept-encoding"] == "identity"


async def test_documents_are_remembered_and_fetched_again_when_they_are_old(
    providers: OpenIdProviders, provider: Provider, clock: Clock
) -> None:
    provider.tokens = id_token()
    for _ in range(3):
        await redeem(providers)
    assert (provider.count("openid-configuration"), provider.count("keys")) == (1, 1)

    clock.s = KEYS_FRESH_S
    await redeem(providers)
    assert (provider.count("openid-configuration"), provider.count("keys")) == (1, 2)

    clock.s = METADATA_FRESH_S
    await redeem(providers)
    assert (provider.count("openid-configuration"), provider.count("keys")) == (2, 3)


async def test_a_key_that_was_withdrawn_is_not_trusted_for_long(
    providers: OpenIdProviders, provider: Provider, clock: Clock
) -> None:
    provider.tokens = id_token()
    await redeem(providers)
    provider.keys = [OTHER.as_dict(private=False)]

    clock.s = KEYS_FRESH_S

    assert await fault_of(providers) is Fault.REFUSED


async def test_an_unknown_key_is_looked_for_at_once_and_only_so_often(
    providers: OpenIdProviders, provider: Provider, clock: Clock
) -> None:
    provider.tokens = id_token()
    await redeem(providers)
    provider.keys, provider.tokens = [OTHER.as_dict(private=False)], id_token(OTHER)
    assert (await redeem(providers)).sub == "ada-1"

    provider.tokens = id_token(OTHER, {"kid": "invented"})
    for _ in range(3 * REFETCHES):
        assert await fault_of(providers) is Fault.REFUSED
    assert provider.count("keys") == 1 + REFETCHES

    clock.s = REFETCH_WINDOW_S
    assert await fault_of(providers) is Fault.REFUSED
    assert provider.count("keys") == 2 + REFETCHES


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("hello")

    with pytest.raises(OSError, match=r"(?i)no certificate|PEM|X509"):
        trusted_certificates(tmp_path / "none.pem")


async def test_a_failure_is_remembered_for_a_moment_so_that_nobody_waits_behind_others(
    providers: OpenIdProviders, provider: Provider, clock: Clock
) -> None:
    provider.tokens = id_token()
    provider.instead = lambda _: httpx2.Response(503)
    faults = [await fault_of(providers) for _ in range(3)]
    assert faults == [Fault.UNREACHABLE] * 3
    assert len(provider.asked) == 1

    provider.instead = lambda _: None
    clock.s = FAILED_FOR_S

    assert (await redeem(providers)).sub == "ada-1"
