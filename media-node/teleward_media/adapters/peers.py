"""Peer connections on the one UDP port: ICE-lite, DTLS, packet path, put together.

A participant has one peer, or two while the second takes the first one's place: a call that moves, or a client that
builds its connection anew, makes before it breaks.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.adapters.dtls import Certificate, DtlsPeer
from teleward_media.adapters.expected import Expected
from teleward_media.adapters.udp_port import Counters, UdpPort
from teleward_media.core.answer import LocalTransport, Negotiated
from teleward_media.core.ice import Credentials
from teleward_media.core.offer import Offer
from teleward_media.ports import PacketPath

OVERLAP_S = 3.0
"""How long an earlier peer lives once the next one's handshake is done: a keyframe of the new one's, asked for again
after a second (`core/keyframes.py`), has come by then. Ours: two such seconds and one for the path. A client
that is ready sooner closes the old one itself."""
MOST = 2
"""Peers of one participant at a time."""
LAST_WORDS_S = 2.0
"""How long peers may take to say goodbye when the process ends. Ours."""


@dataclass(slots=True, eq=False)
class _Peer:
    """One connection of a participant."""

    participant: ParticipantId
    fingerprints: frozenset[tuple[str, str]]
    negotiated: Negotiated
    on_closed: Callable[[], None]
    expected: Expected = field(init=False)
    dtls: DtlsPeer = field(init=False)
    task: asyncio.Task[None] = field(init=False)


class Peers:
    """Opens, restarts and closes peers."""

    def __init__(
        self, port: UdpPort, path: PacketPath, counters: Counters, host: str, udp_port: int,
        *, overlap_s: float = OVERLAP_S,
    ) -> None:  # fmt: skip
        self._port, self._path, self._counters = port, path, counters
        self._host, self._udp_port, self._overlap_s = host, udp_port, overlap_s
        self._certificate = Certificate()
        self._peers: dict[ParticipantId, list[_Peer]] = {}
        """Oldest first."""
        self._closing: set[asyncio.Task[None]] = set()

    def open(
        self,
        participant: ParticipantId,
        offer: Offer,
        negotiated: Negotiated,
        on_closed: Callable[[], None],
    ) -> LocalTransport:
        """Expect a peer. Of two that are there already the one that was quiet longer is closed."""
        peers = self._peers.setdefault(participant, [])
        quietest = sorted(peers, key=lambda one: one.expected.heard_at)
        for old in quietest[: len(peers) + 1 - MOST]:
            self._end(old)
        peer = _Peer(participant, frozenset(offer.fingerprints), negotiated, on_closed)
        peer.dtls = DtlsPeer(
            self._certificate,
            offer.fingerprints,
            lambda datagram: self._port.send_to(peer.expected, datagram),
            lambda: self._counters.add("drop_dtls_queue"),
        )
        credentials = _credentials(offer)
        peer.expected = self._port.add(participant, credentials, peer.dtls)
        peer.task = asyncio.create_task(self._live(peer))
        peer.task.add_done_callback(lambda _: self._gone(peer))
        self._peers.setdefault(participant, []).append(peer)
        return self._local(credentials)

    def restart(self, participant: ParticipantId, offer: Offer) -> LocalTransport | None:
        """Give the peer that made this offer new ICE credentials."""
        fingerprints = frozenset(offer.fingerprints)
        for peer in reversed(self._peers.get(participant, ())):
            if peer.fingerprints == fingerprints:
                credentials = _credentials(offer)
                self._port.restart(peer.expected, credentials)
                return self._local(credentials)
        return None

    def _local(self, credentials: Credentials) -> LocalTransport:
        return LocalTransport(
            credentials.ufrag, credentials.password.decode(), self._certificate.fingerprint,
            self._host, self._udp_port,
        )  # fmt: skip

    async def _live(self, peer: _Peer) -> None:
        try:
            sessions = await peer.dtls.handshake()
            if sessions is None:
                self._counters.add("handshake_failed")
                return
            self._counters.add("handshake_done")
            expected = peer.expected
            self._path.add_peer(
                expected.key, expected.number, *sessions, peer.negotiated, expected.heard_at
            )
            await self._replace(peer)
            await peer.dtls.closed()
            if self._peers.get(peer.participant) == [peer]:
                peer.on_closed()
        finally:
            self._forget(peer)
            await peer.dtls.close()

    async def _replace(self, peer: _Peer) -> None:
        """Close earlier peers once this one has had time to carry their media, unless it ends before."""
        peers = self._peers[peer.participant]
        if peers[0] is not peer:
            try:
                async with asyncio.timeout(self._overlap_s):
                    await peer.dtls.closed()
            except TimeoutError:
                for old in peers[: peers.index(peer)]:
                    self._end(old)

    def close(self, participant: ParticipantId) -> None:
        """Close the participant's peers: nothing of them is forwarded any more, and they hear close_notify."""
        for peer in self._peers.get(participant, [])[:]:
            self._end(peer)

    def _end(self, peer: _Peer) -> None:
        self._forget(peer)
        if peer.task is not asyncio.current_task():
            peer.task.cancel()
            self._closing.add(peer.task)
            peer.task.add_done_callback(self._closing.discard)

    def _forget(self, peer: _Peer) -> None:
        peers = self._peers.get(peer.participant, [])
        if peer not in peers:
            return
        peers.remove(peer)
        if not peers:
            del self._peers[peer.participant]
        self._path.remove_peer(peer.expected.number)

    def _gone(self, peer: _Peer) -> None:
        """Forget a peer whose last word is out, and let go of what it and its association hold of each other."""
        self._port.remove(peer.expected)
        del peer.expected, peer.dtls, peer.task

    def heard_at(self, participant: ParticipantId) -> Seconds | None:
        """When something last came that only the participant can have sent."""
        peers = self._peers.get(participant, ())
        return max((peer.expected.heard_at for peer in peers), default=None)

    def note_alive(self, numbers: Iterable[int], now: Seconds) -> None:
        """Note that media of these peers came, which their keys opened."""
        self._port.note_alive(numbers, now)

    def path_kind(self, participant: ParticipantId) -> str | None:
        """By what the participant is reached: `udp4` or `udp6`; None when it is not."""
        for peer in reversed(self._peers.get(participant, ())):
            path = peer.expected.ice.selected
            if path is not None:
                return f"udp{path.source.family}"
        return None

    async def close_all(self) -> None:
        """Close every peer and wait for it."""
        for participant in list(self._peers):
            self.close(participant)
        if self._closing:
            await asyncio.wait(self._closing, timeout=LAST_WORDS_S)


def _credentials(offer: Offer) -> Credentials:
    return Credentials(
        secrets.token_hex(4), secrets.token_hex(16).encode(), offer.ufrag, offer.password.encode()
    )
