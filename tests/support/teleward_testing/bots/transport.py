"""A bot's transport: controlling ICE, DTLS client and SRTP over one UDP socket, in place and without a task a packet.

aiortc does the handshake; media never passes through it.

Source: RFC 8445 §7 (connectivity checks), RFC 7675 (consent), RFC 7983 (first byte).
"""

import asyncio
import contextlib
import random
import re
import secrets
import socket
from collections.abc import Callable
from typing import cast

from aioice import stun
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport
from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.packetpath.srtp import REFUSED, SrtpContext

CHECK_EVERY_S = 0.05
CONSENT_EVERY_S = 2.5
CONNECT_WITHIN_S = 10.0
BATCH = 64
Take = Callable[[bytearray, int], None]
"""Called with a buffer that holds one packet, and its length."""


class _Dtls:
    """The part of an ICE transport that RTCDtlsTransport uses."""

    role = "controlling"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._send_datagram = send

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        self._send_datagram(data)


class Transport:
    """Connects to a media node; then carries RTP and RTCP both ways."""

    def __init__(self, take_rtp: Take, take_rtcp: Take, seed: int) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.loses = 0.0
        """Share of the media that arrives and is thrown away, as if the network had lost it."""
        self.port = 0
        """The media node's, once connected."""
        self._take_rtp, self._take_rtcp = take_rtp, take_rtcp
        self._random = random.Random(seed)  # a test's network, no secret
        self._in, self._out = Datagrams(1), Datagrams(1)
        self._receive: SrtpContext | None = None
        self._transmit: SrtpContext | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self._socket.bind(("127.0.0.1", 0))
        self._ice = _Dtls(self._send)
        self._certificate = RTCCertificate.generateCertificate()
        self._dtls = RTCDtlsTransport(cast("RTCIceTransport", self._ice), [self._certificate])
        self._dtls._set_role("client")
        self._proved = asyncio.Event()
        self._remote = ("", "")
        self._consent: asyncio.Task[None] | None = None

    @property
    def fingerprint(self) -> str:
        """`sha-256 AB:CD:…`, as in SDP."""
        found = self._certificate.getFingerprints()
        return next(f"{f.algorithm} {f.value}" for f in found if f.algorithm == "sha-256")

    async def connect(self, answer: str, through: int | None) -> None:
        """Prove the address and shake hands; `through` is another port in front of the media node's."""
        self._remote = (_one(answer, r"a=ice-ufrag:(\S+)"), _one(answer, r"a=ice-pwd:(\S+)"))
        host = _one(answer, r"a=candidate:\S+ 1 udp \d+ (\S+) \d+")
        self.port = int(_one(answer, r"a=candidate:.* (\d+) typ"))
        self._socket.connect((host, through or self.port))
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)
        async with asyncio.timeout(CONNECT_WITHIN_S):
            while not self._proved.is_set():
                self._check()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._proved.wait(), CHECK_EVERY_S)
            algorithm, _, value = _one(answer, r"a=fingerprint:(\S+ \S+)").partition(" ")
            await self._dtls.start(
                RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(algorithm, value)])
            )
        assert self._dtls.state == "connected", f"DTLS {self._dtls.state}"
        self._receive = SrtpContext(self._dtls._rx_srtp, self._in)
        self._transmit = SrtpContext(self._dtls._tx_srtp, self._out)
        self._consent = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Say close_notify and end."""
        if self._consent is not None:
            self._consent.cancel()
        await self._dtls.stop()
        self.vanish()

    def vanish(self) -> None:
        """End without a word, as somebody whose battery is empty."""
        if self._consent is not None:
            self._consent.cancel()
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
        self._transmit = None

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send."""
        if self._transmit is not None:
            self._out.buffer[: len(packet)] = packet
            self._leave(self._transmit.protect(0, len(packet)))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send."""
        if self._transmit is not None:
            self._out.buffer[: len(packet)] = packet
            self._leave(self._transmit.protect_rtcp(0, len(packet)))

    def _leave(self, length: int) -> None:
        assert length != REFUSED
        self._send(self._out.view[:length])

    def _send(self, datagram: bytes | memoryview) -> None:
        with contextlib.suppress(OSError):  # full, refused, closed: a network loses packets
            self._socket.send(datagram)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(CONSENT_EVERY_S)
            self._check()

    def _check(self) -> None:
        ufrag, password = self._remote
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = 2130706431
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(password.encode())
        self._send(bytes(request))

    def _readable(self) -> None:
        block = self._in
        for _ in range(BATCH):
            try:
                length = self._socket.recv_into(block.view[:STRIDE])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of an earlier send
                continue
            first, second = block.buffer[0], block.buffer[1]
            if not 128 <= first <= 191:
                self._slow(bytes(block.view[:length]))
            elif self._receive is not None and self._random.random() >= self.loses:
                is_rtcp = 192 <= second <= 223
                opened = self._receive.unprotect_rtcp if is_rtcp else self._receive.unprotect
                length = opened(0, length)
                if length != REFUSED:
                    (self._take_rtcp if is_rtcp else self._take_rtp)(block.buffer, length)

    def _slow(self, datagram: bytes) -> None:
        if 20 <= datagram[0] <= 63:
            self._ice.queue.put_nowait(datagram)
            return
        message = stun.parse_message(datagram)
        is_answer = message.message_class == stun.Class.RESPONSE
        if is_answer and message.check_message_integrity(self._remote[1].encode()):
            self._proved.set()
        elif not is_answer and message.check_message_integrity(self.password.encode()):
            self._send(answer_to(message, self._socket.getpeername(), self.password))


def answer_to(check: stun.Message, sender: tuple[str, int], password: str) -> bytes:
    """Answer a check of the media node's, as every client does (RFC 8445 §7.3)."""
    answer = stun.Message(
        stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=check.transaction_id
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = sender
    answer.add_message_integrity(password.encode())
    answer.add_fingerprint()
    return bytes(answer)


def _one(answer: str, pattern: str) -> str:
    found = re.search(pattern, answer)
    assert found is not None, f"{pattern} is not in the answer"
    return found[1]
