"""DTLS-SRTP by aiortc: certificate, handshake as server, key export. Nothing else of aiortc runs.

The transport sees a duck-typed ICE transport whose queue holds DTLS datagrams only, so that
aiortc's own SRTP path never sees a packet. As DTLS server we choose the SRTP profile: AES-GCM first.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL
from pylibsrtp import Session

HANDSHAKE_TIMEOUT_S = 15.0
"""From the answer on until keys are there, the first proved address included. Ours: a client that follows RFC 6347
§4.2.4.1 (a timer of 1 s, doubled each time) has sent a flight four times by then."""
MAX_QUEUE = 32
"""DTLS datagrams held per peer; a handshake flight has fewer than ten. Ours."""

_ORDER = (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80")


class Certificate:
    """The process's one certificate."""

    def __init__(self) -> None:
        self.inner = RTCCertificate.generateCertificate()

    @property
    def fingerprint(self) -> str:
        """The sha-256 fingerprint, `AB:CD:…`."""
        return next(
            f.value for f in self.inner.getFingerprints() if f.algorithm.lower() == "sha-256"
        )


class _DtlsOnly:
    """The part of an ICE transport that RTCDtlsTransport uses."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None], dropped: Callable[[], None]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUE)
        self._send_datagram = send
        self._dropped = dropped

    def put(self, datagram: bytes | None) -> None:
        try:
            self._queue.put_nowait(datagram)
        except asyncio.QueueFull:
            self._dropped()

    async def _recv(self) -> bytes:
        datagram = await self._queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        self._send_datagram(data)


class DtlsPeer:
    """One peer's DTLS association."""

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: tuple[tuple[str, str], ...],
        send: Callable[[bytes], None],
        dropped: Callable[[], None],
    ) -> None:
        self._ice = _DtlsOnly(send, dropped)
        self._proved = asyncio.Event()
        self._transport = RTCDtlsTransport(cast("RTCIceTransport", self._ice), [certificate.inner])
        self._transport._set_role("server")
        profiles = {profile.openssl_profile: profile for profile in SRTP_PROFILES}
        self._transport._srtp_profiles = [profiles[name] for name in _ORDER if name in profiles]
        self._remote = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(algorithm=a, value=v) for a, v in fingerprints],
            role="client",
        )

    def proved(self) -> None:
        """Let the handshake begin: there is an address to send to."""
        self._proved.set()

    def dtls(self, datagram: bytes) -> None:
        """Take a DTLS datagram of the peer's; it waits for the handshake to begin."""
        self._ice.put(datagram)

    async def handshake(self) -> tuple[Session, Session] | None:
        """Run the handshake; the receiving and sending SRTP sessions, or None if it failed."""
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                await self._proved.wait()
                await self._transport.start(self._remote)
        except (TimeoutError, SSL.Error):
            return None
        if self._transport._state is not State.CONNECTED:
            return None
        return self._transport._rx_srtp, self._transport._tx_srtp

    async def closed(self) -> None:
        """Wait until the peer closes the association."""
        task = self._transport._task
        if task is not None:
            await asyncio.wait([task])

    async def close(self) -> None:
        """Send close_notify and end."""
        self._ice.put(None)
        await self._transport.stop()
