"""The stand-in's environment, read once by `main`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every variable starts with `TELEWARD_`."""

    model_config = SettingsConfigDict(env_prefix="TELEWARD_", frozen=True)

    objects_file: Path
    """Journal of the objects; made when it is not there."""

    definitions_dir: Path
    """Directory of the CustomResourceDefinitions to serve."""

    token_file: Path
    """The bearer token that every request must carry."""

    tls_certificate_file: Path
    """Certificate chain, PEM. `kubectl` sends no token without TLS."""

    tls_key_file: Path
    """Its private key, PEM."""

    address: str = "127.0.0.1"
    """Address of the API. Loopback: there is one token for everything."""

    port: int = Field(default=0, ge=0, le=65535)
    """Port of the API; 0 takes any free one."""

    operations_address: str = "127.0.0.1"
    """Address of `/healthz`, `/readyz` and `/metrics`."""

    operations_port: int = Field(default=0, ge=0, le=65535)
    """Port of `/healthz`, `/readyz` and `/metrics`; 0 takes any free one."""

    log_level: str = "INFO"
    """Level of the log: DEBUG, INFO, WARNING, ERROR."""
