"""The doors of the calls to the outside: transport of peers, packet path, sockets, clock."""

from collections.abc import Callable, Iterable
from typing import Protocol

from teleward_contract.signalling import Frame
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import LocalTransport, Negotiated
from teleward_media.core.forwarding import ForwardingPlan
from teleward_media.core.offer import Offer


class Socket(Protocol):
    """One participant's signalling."""

    def tell(self, frame: Frame, *, last: bool = False) -> None:
        """Send a frame without waiting; after the last one the socket closes."""
        ...


class Transports(Protocol):
    """Peer connections on the one UDP port."""

    def open(
        self,
        participant: ParticipantId,
        offer: Offer,
        negotiated: Negotiated,
        on_closed: Callable[[], None],
    ) -> LocalTransport:
        """Expect a peer; an earlier peer of the participant is closed. `on_closed` when it ends."""
        ...

    def close(self, participant: ParticipantId) -> None:
        """Close the participant's peer; nothing of it is forwarded any more."""
        ...

    def heard_at(self, participant: ParticipantId) -> Seconds | None:
        """When something authentic was last heard; None when there is no peer."""
        ...


class SrtpSession(Protocol):
    """Keys of one direction (libsrtp's interface)."""

    def protect(self, packet: bytes) -> bytes:
        """RTP to SRTP."""
        ...

    def unprotect(self, packet: bytes) -> bytes:
        """SRTP to RTP."""
        ...

    def protect_rtcp(self, packet: bytes) -> bytes:
        """RTCP to SRTCP."""
        ...

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """SRTCP to RTCP."""
        ...


class PacketPath(Protocol):
    """Carries packets by plan; `packetpath.reference` is the one in Python."""

    def add_peer(
        self,
        peer: ParticipantId,
        receive: SrtpSession,
        transmit: SrtpSession,
        negotiated: Negotiated,
    ) -> None:
        """Take in a peer whose DTLS handshake is done."""
        ...

    def remove_peer(self, peer: ParticipantId) -> None:
        """Forget a peer and its keys."""
        ...

    def receive(self, batch: Iterable[tuple[ParticipantId, bytes]], now: Seconds) -> None:
        """Take in SRTP and SRTCP datagrams of proven peers."""
        ...

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Replace the forwarding plan."""
        ...

    def report(self, now: Seconds) -> None:
        """Send reports; about once a second."""
        ...
