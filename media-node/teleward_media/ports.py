"""The doors of the calls to the outside: transport of peers, packet path, sockets, clock."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from teleward_contract.signalling import Frame
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import LocalTransport, Negotiated
from teleward_media.core.datagrams import Datagrams
from teleward_media.core.forwarding import ForwardingPlan, Heard, Observed, Orders, Quality
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
        """Expect a peer. An earlier one of the participant lives on until the new one can carry its media.

        `on_closed` when the participant's last peer has closed.
        """
        ...

    def restart(self, participant: ParticipantId, offer: Offer) -> LocalTransport | None:
        """Give the peer that made this offer new ICE credentials; DTLS, keys and media go on.

        Returns:
            Our side under the new credentials; None when no peer of the participant has the offer's fingerprints.
        """
        ...

    def close(self, participant: ParticipantId) -> None:
        """Close the participant's peers; nothing of them is forwarded any more."""
        ...

    def heard_at(self, participant: ParticipantId) -> Seconds | None:
        """When something last came that only the participant can have sent; None when there is no peer.

        That is a check with the right password, or media that its keys opened (RFC 7675 §5.1 asks for the first alone;
        of the second, too, nobody else can make any).
        """
        ...

    def note_alive(self, numbers: Iterable[int], now: Seconds) -> None:
        """Note that media of these peers came, which their keys opened."""
        ...

    def path_kind(self, participant: ParticipantId) -> str | None:
        """By what the participant is reached: `udp4` or `udp6`; None when it is not."""
        ...


class SrtpKeys(Protocol):
    """Keys of one direction, applied in place to packets of one block; 0 for what is refused."""

    def protect(self, at: int, length: int) -> int:
        """RTP to SRTP; the new length."""
        ...

    def unprotect(self, at: int, length: int) -> int:
        """SRTP to RTP; the new length."""
        ...

    def protect_rtcp(self, at: int, length: int) -> int:
        """RTCP to SRTCP; the new length."""
        ...

    def unprotect_rtcp(self, at: int, length: int) -> int:
        """SRTCP to RTCP; the new length."""
        ...


class Egress(Protocol):
    """What takes the packets that leave."""

    def send(self, peer: int, block: Datagrams, indexes: Sequence[int]) -> None:
        """Gather datagrams of a block for a peer's proven address: all of the first one's size, the last maybe shorter.

        What the network refuses is counted and dropped. The block must not change before the flush.
        """
        ...

    def flush(self) -> None:
        """Send what was gathered, for all peers together."""
        ...


class Steered(Protocol):
    """What the packet path tells of itself, and takes as orders: lists and numbers, ten times a second."""

    def hear(self) -> Heard:
        """Hand over what receivers told since the last call of the packets sent to them; with every tick."""
        ...

    def look(self) -> Observed:
        """Hand over what was seen since the last call; every 100 ms or so, or it piles up."""
        ...

    def steer(self, orders: Orders, now: Seconds) -> None:
        """Carry out what steering decided."""
        ...

    def qualities(self, now: Seconds) -> dict[ParticipantId, Quality]:
        """Tell how each peer's path did since the last call; every few seconds."""
        ...


class PacketPath(Steered, Protocol):
    """Carries packets by plan; `packetpath.reference` is the one in Python.

    Peers go by number on the way of a packet, and by participant where people are meant.
    """

    def add_peer(
        self, participant: ParticipantId, number: int, receive: object, transmit: object,
        negotiated: Negotiated, now: Seconds,
    ) -> None:  # fmt: skip
        """Take in a peer whose DTLS handshake is done, with its SRTP sessions.

        A participant may have two for a while: both receive, and what the newer one sends takes over at its
        first keyframe.
        """
        ...

    def remove_peer(self, number: int) -> None:
        """Forget a peer and its keys."""
        ...

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Replace the forwarding plan."""
        ...

    def receive(self, now: Seconds) -> None:
        """Take in the SRTP and SRTCP datagrams of proven peers that stand in the ingress block."""
        ...

    def tick(self, now: Seconds) -> None:
        """Do what is due by time; every 10 ms or so."""
        ...
