"""The hostile provider, and the gateway's side of it."""

from pathlib import Path

import httpx2
import pytest
from teleward_gateway.adapters.client_secrets import ClientSecrets
from teleward_gateway.adapters.identity_providers import OpenIdProviders
from teleward_gateway.adapters.provider_documents import BoundedTransport, ProviderDocuments
from teleward_testing.hostile_provider import Clock, Provider


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def providers(provider: Provider, clock: Clock, tmp_path: Path) -> OpenIdProviders:
    transport = BoundedTransport(httpx2.MockTransport(provider))
    return OpenIdProviders(ProviderDocuments(transport, clock), transport, ClientSecrets(tmp_path))
