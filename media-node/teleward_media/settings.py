"""The media node's environment, read once by `main`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from teleward_contract.redis_url import StoreUrl


class Settings(BaseSettings):
    """Every variable starts with `TELEWARD_`."""

    model_config = SettingsConfigDict(env_prefix="TELEWARD_", frozen=True)

    redis_url: StoreUrl
    """Routing state, for heartbeats."""

    pool: str = Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")
    """The MediaPool this media node belongs to, `namespace/name`."""

    media_node: str = Field(min_length=1, max_length=63)
    """This media node's id, unique in its pool."""

    udp_address: str = "127.0.0.1"
    """Address to bind the media port to; `::` takes IPv6 alone."""

    udp_port: int = Field(default=0, ge=0, le=65535)
    """The one media port; 0 takes any free one."""

    advertised_address: str = "127.0.0.1"
    """Host that browsers send media to; stands in the ICE candidate."""

    control_address: str = "127.0.0.1"
    """Address of the control port (signalling, health, metrics)."""

    control_port: int = Field(default=0, ge=0, le=65535)
    """Control port; 0 takes any free one."""

    advertised_control_host: str = ""
    """Host under which the gateway reaches the control port; empty means `control_address`."""

    capacity_units: int = Field(ge=1)
    """What this media node may hold; a two-party consultation costs 2 units."""

    ticket_public_keys_file: Path
    """JWK Set with the gateways' public ticket keys."""

    participant_grace_s: float = Field(default=15.0, gt=0)
    """How long a participant nobody hears of is kept, in seconds."""

    drain_s: float = Field(default=3600.0, ge=0)
    """After SIGTERM, how long running calls may go on, in seconds."""

    capture: bool = False
    """Whether `POST /v1/capture` is served: packet headers, without payloads and addresses, for debugging."""

    log_level: str = "INFO"
    """Level of the log: DEBUG, INFO, WARNING, ERROR."""
