"""Which processes an instance has, and with which settings each is started."""

import contextlib
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from teleward_cli import store
from teleward_cli.local import material
from teleward_cli.local.layout import Layout

LOOPBACK = "127.0.0.1"

MEDIA_NODE_DRAIN_S = 3
"""Ctrl-C ends everything; calls that still run may say good-bye, not finish."""

PASSED_ON: Mapping[str, frozenset[str]] = {
    "api": frozenset({"TELEWARD_LOG_LEVEL"}),
    "operator": frozenset({"TELEWARD_LOG_LEVEL"}),
    "gateway": frozenset(
        {
            "TELEWARD_LOG_LEVEL",
            "TELEWARD_RETENTION_S",
            "TELEWARD_LIMIT_FACTOR",
            "TELEWARD_AUDIT_SINK",
        }
    ),
    "media": frozenset({"TELEWARD_LOG_LEVEL", "TELEWARD_PARTICIPANT_GRACE_S"}),
}
"""Settings that `teleward up` takes from its own environment, by the processes they are for."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to start one process."""

    name: str
    """`redis`, `api`, `operator`, `gateway`, or `<namespace>/<id>` of a media node."""
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    operations: str | None = None
    """Base URL of /healthz, /readyz and /metrics, where it is known beforehand."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of one instance are reached."""

    public_host: str
    """Loopback, or with `--lan` this machine's address."""
    gateway_port: int
    gateway_operations_port: int
    operator_port: int
    api_port: int
    api_operations_port: int
    redis_port: int
    supervisor_port: int
    is_lan: bool = False

    @property
    def public_url(self) -> str:
        """What people open."""
        scheme = "https" if self.is_lan else "http"
        return f"{scheme}://{self.public_host}:{self.gateway_port}"

    @property
    def api_url(self) -> str:
        """The stand-in."""
        return f"https://{LOOPBACK}:{self.api_port}"

    @property
    def redis_url(self) -> str:
        """The routing state."""
        return f"redis://{LOOPBACK}:{self.redis_port}/0"

    @property
    def supervisor_url(self) -> str:
        """The supervisor API."""
        return f"http://{LOOPBACK}:{self.supervisor_port}"


@dataclass(frozen=True, slots=True)
class Options:
    """What `teleward up` was asked for."""

    data: Path
    files: tuple[Path, ...]
    """YAML to apply."""
    port: int
    """0: any free one."""
    kubeconfig: Path | None
    """A real API server instead of the stand-in."""
    host: str
    """Where people reach it: loopback, or with `--lan` this machine's address."""
    secret: str | None
    """What the development sign-in asks for; set with `--lan`."""

    @property
    def is_lan(self) -> bool:
        """Whether other machines may come."""
        return self.host != LOOPBACK


class Commands:
    """Builds the command of every process of an instance."""

    def __init__(
        self, layout: Layout, addresses: Addresses, kubeconfig: Path, secret: str | None
    ) -> None:
        self.addresses = addresses
        self.kubeconfig = kubeconfig
        self._layout = layout
        self._secret = secret

    def redis(self, binary: Path) -> Command:
        """The embedded Valkey, or the system's Redis."""
        words = store.command(binary, self.addresses.redis_port, self._layout.store)
        return Command("redis", tuple(words), _inherited("redis"), self._layout.log("redis"))

    def api(self, definitions: Path) -> Command:
        """The API stand-in."""
        layout = self._layout
        settings = {
            "OBJECTS_FILE": layout.objects_file,
            "DEFINITIONS_DIR": definitions,
            "TOKEN_FILE": layout.secret(material.API_TOKEN),
            "TLS_CERTIFICATE_FILE": layout.secret(material.LOOPBACK_CERTIFICATE),
            "TLS_KEY_FILE": layout.secret(material.LOOPBACK_KEY),
            "PORT": self.addresses.api_port,
            "OPERATIONS_PORT": self.addresses.api_operations_port,
        }
        return self._python(
            "api", "teleward_cli.apiserver", settings, self.addresses.api_operations_port
        )

    def operator(self) -> Command:
        """The operator."""
        settings = {
            "REDIS_URL": self.addresses.redis_url,
            "KUBECONFIG": self.kubeconfig,
            "PUBLIC_URL": self.addresses.public_url,
            "POOL_RUNTIME": "local",
            "SUPERVISOR_URL": self.addresses.supervisor_url,
            "SUPERVISOR_TOKEN": material.read(self._layout, material.SUPERVISOR_TOKEN),
            "OPERATIONS_ADDRESS": LOOPBACK,
            "OPERATIONS_PORT": self.addresses.operator_port,
        }
        return self._python(
            "operator", "teleward_operator.main", settings, self.addresses.operator_port
        )

    def gateway(self) -> Command:
        """The gateway, with the development sign-in."""
        layout, at = self._layout, self.addresses
        settings: dict[str, object] = {
            "REDIS_URL": at.redis_url,
            "ADDRESS": at.public_host,
            "PORT": at.gateway_port,
            "PUBLIC_URL": at.public_url,
            "OPERATIONS_ADDRESS": LOOPBACK,
            "OPERATIONS_PORT": at.gateway_operations_port,
            "TICKET_KEY_FILE": layout.secret(material.TICKET_KEY),
            "SEAL_KEY_FILE": layout.secret(material.SEAL_KEY),
            "SIGN_IN": "development",
        }
        if self._secret is not None:
            settings["SIGN_IN_SECRET"] = self._secret
        if at.is_lan:
            settings["TLS_CERTIFICATE_FILE"] = layout.secret(material.LAN_CERTIFICATE)
            settings["TLS_KEY_FILE"] = layout.secret(material.LAN_KEY)
        return self._python(
            "gateway", "teleward_gateway.main", settings, at.gateway_operations_port
        )

    def media_node(self, pool: str, media_node: str, capacity_units: int) -> Command:
        """One media node of a pool `namespace/name`."""
        settings = {
            "REDIS_URL": self.addresses.redis_url,
            "POOL": pool,
            "MEDIA_NODE": media_node,
            "UDP_ADDRESS": self.addresses.public_host,
            "ADVERTISED_ADDRESS": self.addresses.public_host,
            "CONTROL_ADDRESS": LOOPBACK,
            "CAPACITY_UNITS": capacity_units,
            "TICKET_PUBLIC_KEYS_FILE": self._layout.secret(material.TICKET_PUBLIC_KEYS),
            "DRAIN_S": MEDIA_NODE_DRAIN_S,
        }
        name = f"{pool.partition('/')[0]}/{media_node}"
        return self._python(name, "teleward_media.main", settings, None, kind="media")

    def _python(
        self, name: str, module: str, settings: Mapping[str, object],
        operations_port: int | None, kind: str | None = None,
    ) -> Command:  # fmt: skip
        given = {f"TELEWARD_{key}": str(value) for key, value in settings.items()}
        return Command(
            name,
            (sys.executable, "-m", module),
            _inherited(kind or name) | {"PYTHONUNBUFFERED": "1"} | given,
            self._layout.log(name),
            f"http://{LOOPBACK}:{operations_port}" if operations_port else None,
        )


def choose_addresses(options: Options) -> Addresses:
    """Choose ports that are free now, all different."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(7):
            probe = stack.enter_context(socket.socket())
            probe.bind((LOOPBACK, 0))
            ports.append(int(probe.getsockname()[1]))
    return Addresses(
        public_host=options.host,
        gateway_port=options.port or ports[0],
        gateway_operations_port=ports[1],
        operator_port=ports[2],
        api_port=ports[3],
        api_operations_port=ports[4],
        redis_port=ports[5],
        supervisor_port=ports[6],
        is_lan=options.is_lan,
    )


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """List `TELEWARD_` variables that nothing takes: a misspelt one would be silently ignored."""
    known = frozenset().union(*PASSED_ON.values())
    return sorted(
        name for name in environment if name.startswith("TELEWARD_") and name not in known
    )


def _inherited(kind: str) -> dict[str, str]:
    passed = PASSED_ON.get(kind, frozenset())
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TELEWARD_") or name in passed
    }
