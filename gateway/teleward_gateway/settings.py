"""The gateway's environment, read once by `main`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from teleward_contract.redis_url import StoreUrl

from teleward_gateway.core.reports import LEAST


class Settings(BaseSettings):
    """Every variable starts with `TELEWARD_`."""

    model_config = SettingsConfigDict(env_prefix="TELEWARD_", frozen=True)

    redis_url: StoreUrl
    """Routing state."""

    address: str = "127.0.0.1"
    """Address to listen on for people."""

    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on for people; 0 takes any free one."""

    public_url: HttpUrl
    """What people type: base of every link, and the only Origin that is accepted."""

    operations_address: str = "127.0.0.1"
    """Address of health, readiness and metrics."""

    operations_port: int = Field(default=8081, ge=0, le=65535)
    """Port of health, readiness and metrics; 0 takes any free one."""

    ticket_key_file: Path
    """Private Ed25519 JWK that signs media tickets."""

    seal_key_file: Path
    """32 random bytes in base64 that seal cookies; the same for every replica."""

    sign_in: Literal["none", "issuers", "development"] = "none"
    """How staff sign in: not, at the OpenID Connect issuers of their organisation, or by choosing a name.

    `development` is for one machine: it refuses to start in a pod, and without a secret anywhere but on loopback.
    """

    sign_in_secret: SecretStr = SecretStr("")
    """Asked for by the development sign-in when set."""

    client_secrets_dir: Path | None = None
    """Client secrets for issuers, a file `<namespace>.<issuer>` each; one without a file is a public client."""

    trusted_certificates_file: Path | None = None
    """Certificates (PEM) that issuers and webhooks may be signed by, beside the system's."""

    webhook_hosts: str = ""
    """Hosts at which webhooks of waiting areas may be called, `name` or `name:port`, commas between; empty: none."""

    session_lifetime_s: int = Field(default=43_200, ge=1)
    """How long staff stay signed in at most, in seconds: a long shift."""

    session_idle_s: int = Field(default=3600, ge=1)
    """How long staff stay signed in without using any page, in seconds; an open staff page is use."""

    retention_s: int = Field(default=600, ge=1)
    """How long a visit that is over is remembered, without personal data, in seconds."""

    socket_ping_s: int = Field(default=20, ge=1, le=300)
    """Seconds between two pings of a WebSocket, and for their answers: below the silence that proxies cut at."""

    trusted_proxies: str = ""
    """Proxies in front whose `X-Forwarded-For` is believed: addresses or networks, comma-separated; none by default."""

    limit_factor: float = Field(default=1.0, gt=0, le=10_000)
    """How many times as much as a hospital's an address, a browser and a clinic may do at the public doors."""

    audit_key_file: Path | None = None
    """32 random bytes or more that make the audit's pseudonyms; without it they come from the seal key."""

    audit_retention_days: int = Field(default=7, ge=1, le=400)
    """How long the audit stands in the routing state, in days."""

    audit_sink: Path | None = None
    """Where the audit is shipped to, a JSON object a line; `/dev/stdout` puts it among the log lines."""

    reports_retention_days: int = Field(default=400, ge=1, le=4000)
    """How long what was counted for reports is kept, in days."""

    reports_least: int = Field(default=LEAST, ge=1, le=100)
    """A distribution of fewer visits is withheld in reports; 1 withholds none."""

    tls_certificate_file: Path | None = None
    """Certificate chain (PEM); without it the gateway speaks plain HTTP."""

    tls_key_file: Path | None = None
    """Private key of the certificate (PEM)."""

    log_level: str = "INFO"
    """Level of the log: DEBUG, INFO, WARNING, ERROR."""
