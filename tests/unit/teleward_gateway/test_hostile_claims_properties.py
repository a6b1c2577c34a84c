"""No token and no claims, whatever they are, do anything but prove a bounded person or be refused."""

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_contract.projections import Role, TeamMember
from teleward_contract.units import Namespace
from teleward_gateway.adapters.client_secrets import ClientSecrets
from teleward_gateway.adapters.identity_providers import OpenIdProviders
from teleward_gateway.adapters.provider_documents import ProviderDocuments
from teleward_gateway.core.staff import (
    MAX_GROUPS,
    MAX_NAME,
    MAX_VALUE,
    Person,
    StaffSession,
    is_meant,
    read_claims,
    return_path,
)
from teleward_gateway.errors import Fault, SignInError
from teleward_testing.hostile_provider import CLIENT, Provider

NAMES = st.sampled_from(
    ["email", "email_verified", "groups", "name", "preferred_username", "_claim_names", "hasgroups", "a"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
CLAIMS = st.dictionaries(NAMES, JSON)
PATHS = st.sampled_from(["email", "a", "a.a", "groups", "a.groups", "_claim_names.groups", "."])
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "x5c", "b64", "cty", "zip", "enc"]),
    JSON | st.sampled_from(["RS256", "HS256", "none", "one", "JWT", "logout+jwt", "dir"]),
)


@given(claims=CLAIMS, user=PATHS, groups=PATHS)
def test_any_claims_are_a_bounded_person_or_a_fault(
    claims: dict[str, Any], user: str, groups: str
) -> None:
    issuer = CLIENT.issuer.model_copy(update={"user_claim": user, "groups_claim": groups})

    found = read_claims(claims, issuer)

    if isinstance(found, Person):
        assert 0 < len(found.user) <= MAX_VALUE
        assert 0 < len(found.name) <= MAX_NAME
        assert len(found.groups) <= MAX_GROUPS
        assert user != "email" or claims["email_verified"] in (True, "true")
    else:
        assert found in (Fault.NO_USER, Fault.EMAIL_UNVERIFIED)


@given(
    path=st.text() | st.text("/.\\staff:?#%@a\n", max_size=20).map(lambda text: f"/staff{text}")
)
def test_any_path_to_return_to_is_a_plain_one_of_the_staff_pages(path: str) -> None:
    chosen = return_path(path)

    assert chosen == "/staff" or chosen.startswith("/staff/")
    assert not set(chosen) & set("\\:?#%@\n")
    assert not {"", ".", ".."} & set(chosen.split("/")[1:])


@given(groups=st.lists(st.text(max_size=5)), name=st.text(max_size=5))
def test_any_group_of_a_person_is_meant_and_no_other(groups: list[str], name: str) -> None:
    spelt = {group.removeprefix("/") for group in groups}
    who = StaffSession(
        user="u", display_name="u", namespace=Namespace("n"), issuer="i", groups=tuple(spelt)
    )

    member = TeamMember(role=Role.CLINICIAN, group=name)
    assert is_meant(member, who) == (name.removeprefix("/") in spelt)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


TOKENS = (
    st.text(max_size=60)
    | st.text("ab.=-_", max_size=30)
    | st.tuples(HEADERS.map(_part), CLAIMS.map(_part), st.text("ab-_", max_size=8)).map(".".join)
)


@pytest.fixture(scope="module")
def refusing() -> OpenIdProviders:
    transport = httpx2.MockTransport(Provider())
    return OpenIdProviders(ProviderDocuments(transport), transport, ClientSecrets(None))


def _order(providers: OpenIdProviders, token: str) -> None:
    with pytest.raises(SignInError) as refused:
        asyncio.run(providers.sign_out_order(CLIENT, token))
    assert refused.value.fault is Fault.REFUSED


@given(token=TOKENS)
def test_any_token_that_nobody_signed_is_refused(token: str) -> None:
    transport = httpx2.MockTransport(Provider())
    _order(OpenIdProviders(ProviderDocuments(transport), transport, ClientSecrets(None)), token)


@pytest.mark.parametrize("nested", ["[" * 40_000, '{"a":' * 8_000])
def test_a_token_that_is_nested_without_end_is_refused(
    refusing: OpenIdProviders, nested: str
) -> None:
    part = base64.urlsafe_b64encode(nested.encode()).decode().rstrip("=")

    _order(refusing, f"{part}.{part}.x")
