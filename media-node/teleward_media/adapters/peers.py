"""Peer connections on the one UDP port: ICE-lite, DTLS, packet path, put together."""

import asyncio
import secrets
from collections.abc import Callable

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.adapters.dtls import Certificate, DtlsPeer
from teleward_media.adapters.udp_port import Counters, Expected, UdpPort
from teleward_media.core.answer import LocalTransport, Negotiated
from teleward_media.core.offer import Offer
from teleward_media.ports import PacketPath


class Peers:
    """Opens and closes peers; keyed by participant, one peer each."""

    def __init__(
        self, port: UdpPort, path: PacketPath, counters: Counters, host: str, udp_port: int
    ) -> None:
        self._port, self._path, self._counters = port, path, counters
        self._host, self._udp_port = host, udp_port
        self._certificate = Certificate()
        self._numbers: dict[ParticipantId, int] = {}
        self._tasks: dict[ParticipantId, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open(
        self,
        participant: ParticipantId,
        offer: Offer,
        negotiated: Negotiated,
        on_closed: Callable[[], None],
    ) -> LocalTransport:
        """Expect a peer; an earlier one of the participant is closed."""
        self.close(participant)
        ufrag, password = secrets.token_hex(4), secrets.token_hex(16)
        dtls = DtlsPeer(
            self._certificate,
            offer.fingerprints,
            lambda datagram: self._port.send_to(expected, datagram),
            lambda: self._counters.add("drop_dtls_queue"),
        )
        expected = self._port.add(participant, ufrag, password, offer.ufrag, dtls)
        task = asyncio.create_task(self._live(expected, dtls, negotiated, on_closed))
        task.add_done_callback(lambda _: self._port.remove(expected))  # after its last word
        self._tasks[participant] = task
        return LocalTransport(
            ufrag, password, self._certificate.fingerprint, self._host, self._udp_port
        )

    def restart(self, participant: ParticipantId, offer: Offer) -> LocalTransport | None:
        """See `Transports`."""
        return None

    async def _live(
        self,
        expected: Expected,
        dtls: DtlsPeer,
        negotiated: Negotiated,
        on_closed: Callable[[], None],
    ) -> None:
        try:
            sessions = await dtls.handshake()
            if sessions is None:
                self._counters.add("handshake_failed")
                return
            self._counters.add("handshake_done")
            self._numbers[expected.key] = expected.number
            self._path.add_peer(
                expected.key, expected.number, *sessions, negotiated, expected.heard_at
            )
            await dtls.closed()
            on_closed()
        finally:
            await dtls.close()

    def close(self, participant: ParticipantId) -> None:
        """Close the participant's peer: nothing of it is forwarded any more, and it hears close_notify."""
        number = self._numbers.pop(participant, None)
        if number is not None:
            self._path.remove_peer(number)
        task = self._tasks.pop(participant, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def heard_at(self, participant: ParticipantId) -> Seconds | None:
        """When something authentic was last heard of the participant."""
        return self._port.heard_at(participant)

    async def close_all(self) -> None:
        """Close every peer and wait for it."""
        for participant in list(self._tasks):
            self.close(participant)
        if self._closing:
            await asyncio.wait(self._closing, timeout=2.0)
