"""The operator's environment, read once by `main`."""

from typing import Literal

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from teleward_contract.redis_url import StoreUrl


class Settings(BaseSettings):
    """Every variable starts with `TELEWARD_`."""

    model_config = SettingsConfigDict(env_prefix="TELEWARD_", frozen=True)

    redis_url: StoreUrl
    """Routing state."""

    kubeconfig: str = ""
    """Path of a kubeconfig; empty means the pod's service account."""

    public_url: HttpUrl
    """Base of the links in status."""

    pool_runtime: Literal["local", "kubernetes"] = "local"
    """What starts media nodes: the supervisor of `teleward up`, or Deployments in the pool's namespace."""

    media_node_image: str = ""
    """Image of media nodes whose pool names none; needed with `kubernetes`."""

    media_node_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the kubelet pulls it."""

    media_node_pull_secrets: tuple[str, ...] = ()
    """Names of image pull Secrets in each pool's namespace, as a JSON list."""

    media_node_redis_secret: str = "teleward-redis"  # noqa: S105  # a name
    """Secret with the entry `url`, in each pool's namespace."""

    media_node_ticket_keys: str = "teleward-ticket-keys"
    """ConfigMap with the entry `public-keys.json`, in each pool's namespace."""

    media_node_log_level: str = "INFO"
    """Log level of media nodes."""

    supervisor_url: str = ""
    """Address of the local supervisor; needed with `local`."""

    supervisor_token: SecretStr = SecretStr("")
    """Bearer token of the local supervisor."""

    sweep_every_s: float = Field(default=300.0, gt=0)
    """How often everything is listed and compared, in seconds."""

    watch_silence_s: float = Field(default=70.0, gt=0)
    """A watch that brings nothing for so many seconds is begun anew; an API server sends bookmarks each minute."""

    namespace: str = "default"
    """Namespace of the operator's Lease."""

    identity: str = ""
    """Name of this replica in the Lease; empty means host name and process id."""

    operations_address: str = "127.0.0.1"
    """Address of health, readiness and metrics."""

    operations_port: int = Field(default=8082, ge=0, le=65535)
    """Port of health, readiness and metrics; 0 takes any free one."""

    log_level: str = "INFO"
    """Level of the log: DEBUG, INFO, WARNING, ERROR."""
