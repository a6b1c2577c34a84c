"""A gateway whose organisations have issuers at a real provider, and the people whom it knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from teleward_contract.projections import (
    ClinicProjection,
    Issuer,
    OrganisationProjection,
    Role,
    TeamMember,
)
from teleward_contract.units import Namespace
from teleward_gateway.usecases.sign_in import callback_path

from teleward_testing.gateways import free_address, project, running_gateway
from teleward_testing.identity_provider import Provided, RunningProvider, running_provider
from teleward_testing.valkey import RunningValkey

HARBOUR, HILLS = Namespace("harbour-health"), Namespace("hills-health")
DASHBOARD = "/staff/harbour-health/cardiology"
SECRET = "of+the%hospital:only"
"""With letters that a sloppy client would mangle."""
ACCOUNTS = {
    "ada": {"email": "Ada@Example.org", "email_verified": True, "name": "Ada L."},
    "mallory": {"email": "ada@example.org", "email_verified": False},
    "nobody": {"email": "nobody@example.org", "email_verified": True},
    "grace": {
        "email": "grace@example.org", "email_verified": True, "name": "Grace",
        "groups": ["/hospital/cardiology/doctors"],
    },
    "crowd": {
        "email": "crowd@example.org", "email_verified": True,
        "_claim_names": {"groups": "src1"},
    },
}  # fmt: skip
"""As the provider knows them."""


@dataclass
class World:
    """Everything that runs."""

    gateway: str
    keys: Path
    provider: RunningProvider
    hospital: Provided
    """A confidential client of Harbour Health."""
    partner: Provided
    """A public client of Harbour Health; tells claims at the UserInfo endpoint alone."""
    valkey: RunningValkey


def fault_in(location: str) -> str:
    """The fault that the sign-in page is asked to show."""
    parts = urlsplit(location)
    assert parts.path == "/sign-in", location
    return parse_qs(parts.query)["fault"][0]


def client(gateway: str, namespace: str, issuer: str, **more: object) -> dict[str, object]:
    """A client as registered at a provider."""
    return {
        "redirect_uris": [f"{gateway}{callback_path(namespace, issuer)}"],
        "post_logout_redirect_uris": [f"{gateway}/sign-in"],
        "backchannel_logout_uri": f"{gateway}/by-providers/{namespace}/{issuer}/sign-out",
        "backchannel_logout_session_required": True, **more,
    }  # fmt: skip


def organisation(namespace: Namespace, *issuers: Issuer) -> OrganisationProjection:
    return OrganisationProjection(
        namespace=namespace, uid=f"uid-{namespace}", generation=1, display_name=namespace.title(),
        issuers=issuers,
    )  # fmt: skip


def clinic(namespace: Namespace, *team: TeamMember) -> ClinicProjection:
    return ClinicProjection(
        namespace=namespace, name="cardiology", uid=f"uid-c-{namespace}", generation=1,
        display_name="Cardiology", team=team,
    )  # fmt: skip


TEAM = (
    TeamMember(role=Role.CLINICIAN, user="ada@example.org", issuer="hospital"),
    TeamMember(role=Role.RECEPTIONIST, group="hospital/cardiology/doctors"),
)


@asynccontextmanager
async def running_world(valkey: RunningValkey, folder: Path) -> AsyncIterator[World]:
    """Start provider and gateway."""
    valkey.flush()
    gateway = free_address()
    secret = {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
    public = {"token_endpoint_auth_method": "none"}
    hospital = Provided(
        "127.0.0.1",
        ACCOUNTS,
        [client(gateway, HARBOUR, "hospital", client_id="teleward", **secret)],
    )
    partner = Provided(
        "localhost", ACCOUNTS,
        [
            client(gateway, HARBOUR, "partner", client_id="teleward-public", **public),
            client(gateway, HILLS, "hills", client_id="teleward-hills", **public),
        ],
        userinfo=True,
    )  # fmt: skip
    gone = Issuer(name="gone", url=free_address().replace("http", "https"), client_id="x")
    await project(
        valkey.url,
        organisation(
            HARBOUR, Issuer(name="hospital", url=hospital.url, client_id="teleward"),
            Issuer(name="partner", url=partner.url, client_id="teleward-public"), gone,
        ),
        organisation(HILLS, Issuer(name="hills", url=partner.url, client_id="teleward-hills")),
        clinic(HARBOUR, *TEAM), clinic(HILLS, TeamMember(role=Role.CLINICIAN, user="ada@example.org")),
    )  # fmt: skip
    (folder / "secrets").mkdir()
    (folder / "secrets" / f"{HARBOUR}.hospital").write_text(f"{SECRET}\n")
    with running_provider(folder / "provider", hospital, partner) as provider:
        settings = {
            "sign_in": "issuers", "client_secrets_dir": str(folder / "secrets"),
            "trusted_certificates_file": str(provider.certificate),
        }  # fmt: skip
        with running_gateway(valkey.url, folder, at=gateway, **settings) as running:
            yield World(running.url, folder, provider, hospital, partner, valkey)
