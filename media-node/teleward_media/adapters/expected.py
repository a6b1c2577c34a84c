"""A peer as the media port knows it: its ICE agent, where its datagrams go, and how much of them it may send."""

from dataclasses import dataclass
from typing import Protocol

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.ice import IceLite
from teleward_media.core.limiter import TokenBucket

PEER_RATE, PEER_BURST = 100.0, 200.0
"""Checks and DTLS datagrams a second from a peer's own addresses: five times what a browser sends while it connects.
At 10 µs for one, a peer that floods takes 0.1 % of a core."""


class PeerSink(Protocol):
    """Where a peer's datagrams go."""

    def proved(self) -> None:
        """Note that an address of the peer's has answered: there is one to send to."""
        ...

    def dtls(self, datagram: bytes) -> None:
        """Take a DTLS datagram."""
        ...


@dataclass(slots=True, eq=False)
class Expected:
    """A peer that will prove itself, or has."""

    key: ParticipantId
    number: int
    ice: IceLite
    sink: PeerSink
    may_check: TokenBucket
    may_shake: TokenBucket
    """Checks and DTLS datagrams that it may still send; apart, so that forged DTLS takes nobody's consent away."""
    may_knock: TokenBucket
    """Checks under its name that may still come from addresses that are not its own: who has read one peer's name on
    the wire cannot use up what all strangers may."""

    @classmethod
    def at(
        cls, key: ParticipantId, number: int, ice: IceLite, sink: PeerSink, now: Seconds
    ) -> "Expected":
        """Expect a peer from now on."""
        buckets = (TokenBucket.full(PEER_RATE, PEER_BURST, now) for _ in range(3))
        return cls(key, number, ice, sink, *buckets)

    @property
    def heard_at(self) -> Seconds:
        """When something came that only the peer can have sent: a check, or media that its keys opened."""
        return self.ice.heard_at
