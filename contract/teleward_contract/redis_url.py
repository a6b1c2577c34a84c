"""Where the routing state is: one server, the primary that Sentinels name, or a cluster.

=======================================================  ====================================================
`redis://[user:password@]host[:port][/database]`         one server
`redis+sentinel://[…@]host:port,…/service[/database]`    the primary of `service`; hosts are the Sentinels'
`redis+cluster://[…@]host:port,…`                        a cluster; hosts are some of its nodes
=======================================================  ====================================================

`rediss` instead of `redis`: over TLS.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator

REDIS_PORT, SENTINEL_PORT = 6379, 26379


class StoreKind(StrEnum):
    """What answers there."""

    ONE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """An address, taken apart."""

    kind: StoreKind
    hosts: tuple[tuple[str, int], ...]
    username: str | None
    password: str | None
    service: str
    """Of Sentinels: the name under which they watch the primary."""
    database: int
    is_tls: bool

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port that a client must reach; of what Sentinels watch, the usual one."""
        known = {port for _, port in self.hosts}
        return tuple(sorted(known | ({REDIS_PORT} if self.kind is StoreKind.SENTINEL else set())))


def parse_store_url(url: str) -> StoreAddress:
    """Take an address apart.

    Raises:
        ValueError: It has none of the forms; the text says which there are, and nothing of the address.
    """
    try:
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        if scheme not in ("redis", "rediss") or parts.fragment:
            raise ValueError
        return _parse(parts, StoreKind(kind), is_tls=scheme == "rediss")
    except (ValueError, IndexError):
        raise ValueError(
            "use redis://host:port/0, redis+sentinel://host:port,host:port/service or "
            "redis+cluster://host:port,host:port (rediss for TLS)"
        ) from None


def _parse(parts: SplitResult, kind: StoreKind, *, is_tls: bool) -> StoreAddress:
    people, _, listed = parts.netloc.rpartition("@")
    username, _, password = people.partition(":")
    path = parts.path.strip("/").split("/") if parts.path.strip("/") else []
    service = path.pop(0) if kind is StoreKind.SENTINEL else ""
    database = int(path.pop(0)) if path else 0
    usual = SENTINEL_PORT if kind is StoreKind.SENTINEL else REDIS_PORT
    hosts = tuple(_host(one, usual) for one in listed.split(","))
    is_one_too_many = kind is StoreKind.ONE and len(hosts) > 1
    if path or is_one_too_many or (kind is StoreKind.CLUSTER and database):
        raise ValueError
    return StoreAddress(
        kind=kind, hosts=hosts, username=unquote(username) or None,
        password=unquote(password) or None, service=service, database=database, is_tls=is_tls,
    )  # fmt: skip


def _host(text: str, usual_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or usual_port


def _checked(url: str) -> str:
    parse_store_url(url)
    return url


StoreUrl = Annotated[str, AfterValidator(_checked)]
"""An address in settings."""
