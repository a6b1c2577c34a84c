"""How often an address may knock at a public door: buckets of tokens, as a number that grows (GCRA).

A hospital is one address: what is generous for a script is what a hospital needs. So patients are told apart by a pass
that the page of a clinic leaves in the browser, and who has none shares a smaller bucket with everybody else of that
address who has none.

Source: the generic cell rate algorithm, ITU-T I.371 §6.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many at once, and so many a second from then on."""

    burst: int
    per_s: float

    def times(self, factor: float) -> "Bucket":
        """A bucket for so many times as many people."""
        return Bucket(max(1, round(self.burst * factor)), self.per_s * factor)


class Door(StrEnum):
    """What may be limited."""

    ENTER = "enter"
    SIGN_IN = "sign_in"
    REDEEM = "redeem"
    """A guest link."""
    CONNECT = "connect"
    """A socket or a stream."""
    REPORT = "report"
    """What a waiting page found out about its device, where it has no socket."""


BY_ADDRESS = {
    Door.ENTER: Bucket(300, 5),
    Door.SIGN_IN: Bucket(60, 1),
    Door.REDEEM: Bucket(60, 1),
    Door.CONNECT: Bucket(3000, 300),
    Door.REPORT: Bucket(3000, 50),
}
"""Of one address. Ours: 300 patients at once is a hospital whose telephone lines fail; and when a gateway restarts,
all pages of a hospital come back within seconds."""
BY_BROWSER = {Door.ENTER: Bucket(10, 0.1), Door.REPORT: Bucket(30, 0.5)}
"""Of one pass: a person who mistypes, enters, leaves, and enters again; a page that says as much as by a socket."""
WITHOUT_PASS = {Door.ENTER: Bucket(60, 0.5)}
"""Of everybody at one address who has no pass, together: a script, and browsers that keep no cookies."""
BY_CLINIC = {Door.ENTER: Bucket(300, 5)}
"""Of one clinic, whoever knocks: five times as many as the busiest clinic is known to have, all day."""

IPV6_PREFIX = 64
"""A home or a ward has a /64 and may take any address in it (RFC 6177)."""


def network_of(host: str) -> str:
    """By what somebody is counted: an IPv4 address, the network of an IPv6 one; what is neither is all the same."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def take(full_at_ms: float, now_ms: float, bucket: Bucket) -> tuple[float, float]:
    """Take a token.

    Args:
        full_at_ms: When the bucket is full again, as was answered last; 0 for a full one.
        now_ms: Now, on the same clock.
        bucket: What it holds.

    Returns:
        When it is full again, and how many ms to wait before there is one: 0 when it was taken.
    """
    one_ms = 1000 / bucket.per_s
    then = max(full_at_ms, now_ms) + one_ms
    wait_ms = then - now_ms - bucket.burst * one_ms
    return (full_at_ms, wait_ms) if wait_ms > 0 else (then, 0)
