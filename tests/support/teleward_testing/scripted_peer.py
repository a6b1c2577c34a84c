"""A peer that does on the wire what a test says: checks when told, from the socket it is told, and counts packets.

It speaks STUN by aioice's codec, DTLS by aiortc, SRTP by pylibsrtp; it decodes nothing and joins in milliseconds.
"""

import asyncio
import re
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

from aioice import stun
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport
from pylibsrtp import Error as SrtpError

from teleward_testing.bots.transport import answer_to

CERTIFICATE = RTCCertificate.generateCertificate()
"""One for all peers of a process: making one costs more than a handshake."""
AUDIO, VIDEO = 111, 96
Kind = Literal["audio", "video"]
KINDS: tuple[Kind, ...] = ("audio", "video")
CHECK_EVERY_S = 0.05
BUFFER_BYTES = 1 << 20


class _Wire:
    """What aiortc takes for an ICE transport."""

    role = "controlling"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._send_datagram = send

    async def _recv(self) -> bytes:
        datagram = await self.queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        self._send_datagram(data)


@dataclass(eq=False)
class ScriptedPeer:
    """`offer`, `accept`, then whatever the test wants."""

    slots: int = 1
    """Receive slots of each kind."""
    answers: bool = True
    """Whether it answers checks."""
    obeys: bool = True
    """Whether it takes in what DTLS says once it is connected; who does not obeys no close_notify."""
    certificate: RTCCertificate = CERTIFICATE
    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    ssrcs: dict[Kind, int] = field(
        default_factory=lambda: {
            "audio": secrets.randbelow(1 << 31),
            "video": secrets.randbelow(1 << 31),
        }
    )
    received: list[tuple[int, int, float]] = field(default_factory=list)
    """SSRC, sequence number and loop time of each RTP packet that came."""
    arrived: int = 0
    """Datagrams of any kind, and their bytes."""
    arrived_bytes: int = 0
    raw: list[bytes] = field(default_factory=list)
    """STUN and DTLS datagrams as they came."""
    asked: int = 0
    """Checks that came."""
    target: tuple[str, int] = ("", 0)
    remote_ufrag: str = ""
    remote_password: bytes = b""

    def __post_init__(self) -> None:
        self.socket = self._open()
        self._wire = _Wire(lambda data: self.send(data))
        self._dtls = RTCDtlsTransport(cast("RTCIceTransport", self._wire), [self.certificate])
        self._dtls._set_role("client")
        self._sequence: dict[Kind, int] = {"audio": 100, "video": 100}
        self._answered = asyncio.Event()
        self._checking: asyncio.Task[None] | None = None

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read, sock)
        return sock

    # -- negotiation ---------------------------------------------------------------------------

    def offer(self) -> str:
        """The offer as it stands: after `rename` it is a restart."""
        print_ = next(
            f for f in self.certificate.getFingerprints() if f.algorithm.lower() == "sha-256"
        )
        head = [
            "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}", f"a=fingerprint:sha-256 {print_.value}", "a=setup:active",
        ]  # fmt: skip
        lines, mid = head, 0
        for direction, count in (("sendonly", 1), ("recvonly", self.slots)):
            for kind in KINDS * count:
                lines += self._section(kind, mid, direction)
                mid += 1
        return "\r\n".join(lines) + "\r\n"

    def _section(self, kind: Kind, mid: int, direction: str) -> list[str]:
        payload, codec = (AUDIO, "opus/48000/2") if kind == "audio" else (VIDEO, "VP8/90000")
        lines = [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {payload}", f"a=mid:{mid}", f"a={direction}",
            "a=rtcp-mux", f"a=rtpmap:{payload} {codec}",
        ]  # fmt: skip
        if direction == "sendonly":
            lines.append(f"a=ssrc:{self.ssrcs[kind]} cname:scripted")
        return lines

    def rename(self) -> None:
        """Choose new ICE credentials: what the next offer has."""
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)

    def read_answer(self, answer: str) -> None:
        """Take names, passwords and address out of an answer."""
        self.remote_ufrag = _one(r"a=ice-ufrag:(\S+)", answer)
        self.remote_password = _one(r"a=ice-pwd:(\S+)", answer).encode()
        host, port = _one(r"a=candidate:1 1 udp \d+ (\S+ \d+)", answer).split()
        self.target = host, int(port)

    async def accept(self, answer: str, *, seconds: float = 10) -> None:
        """Check, shake hands, go on checking each second."""
        self.read_answer(answer)
        async with asyncio.timeout(seconds):
            await self.check_until_answered()
            fingerprint = RTCDtlsFingerprint(*_one(r"a=fingerprint:(\S+ \S+)", answer).split())
            await self._dtls.start(RTCDtlsParameters(fingerprints=[fingerprint]))
        self._checking = asyncio.create_task(self._check_on())

    @property
    def is_connected(self) -> bool:
        return self._dtls.state == "connected"

    # -- ICE -----------------------------------------------------------------------------------

    def check(
        self, *, nominates: bool = True, sock: socket.socket | None = None, padded: int = 0
    ) -> bytes:
        """Send one check; its bytes."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.remote_ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        if padded:
            request.attributes["SOFTWARE"] = "x" * padded
        if nominates:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self.remote_password)
        request.add_fingerprint()
        datagram = bytes(request)
        (sock or self.socket).sendto(datagram, self.target)
        return datagram

    async def check_until_answered(self) -> None:
        """Check every 50 ms until an answer comes."""
        self._answered.clear()
        while not self._answered.is_set():
            self.check()
            try:
                await asyncio.wait_for(self._answered.wait(), CHECK_EVERY_S)
            except TimeoutError:
                continue

    async def _check_on(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.check()

    def rebind(self) -> None:
        """Speak from a new socket, as behind a NAT that forgot; the old one hears no more."""
        self._drop(self.socket)
        self.socket = self._open()

    # -- media ---------------------------------------------------------------------------------

    def rtp(self, kind: Kind, *, size: int = 0, sequence: int | None = None) -> bytes:
        """The next packet of a stream, not encrypted; a picture of one packet is a keyframe."""
        if sequence is None:
            sequence = self._sequence[kind]
            self._sequence[kind] = (sequence + 1) & 0xFFFF
        payload_type = AUDIO if kind == "audio" else VIDEO | 0x80
        clock = 960 if kind == "audio" else 3000
        header = struct.pack(
            "!BBHII", 0x80, payload_type, sequence, sequence * clock, self.ssrcs[kind]
        )
        body = bytes(size or 80) if kind == "audio" else b"\x10\x00" + bytes(size or 1000)
        return header + body

    def protect(self, packet: bytes) -> bytes:
        """Encrypt RTP with this peer's keys."""
        return bytes(self._dtls._tx_srtp.protect(packet))

    def publish(self, kind: Kind, *, size: int = 0) -> None:
        """Send the next packet of a stream."""
        self.send(self.protect(self.rtp(kind, size=size)))

    def send(self, datagram: bytes) -> None:
        """Send any bytes from this peer's address."""
        try:
            self.socket.sendto(datagram, self.target)
        except BlockingIOError:
            return

    # -- what comes ----------------------------------------------------------------------------

    def _read(self, sock: socket.socket) -> None:
        for _ in range(200):
            try:
                datagram, address = sock.recvfrom(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self.arrived += 1
            self.arrived_bytes += len(datagram)
            if datagram[0] >= 128:
                self._media(datagram)
                continue
            self.raw.append(datagram)
            if datagram[0] <= 3:
                self._stun(sock, datagram, address)
            elif self.obeys or not self.is_connected:
                self._wire.queue.put_nowait(datagram)

    def _stun(self, sock: socket.socket, datagram: bytes, address: tuple[str, int]) -> None:
        message = stun.parse_message(datagram)
        if message.message_class == stun.Class.RESPONSE:
            assert message.check_message_integrity(self.remote_password)
            self._answered.set()
            return
        assert message.attributes["USERNAME"] == f"{self.ufrag}:{self.remote_ufrag}"
        assert message.check_message_integrity(self.password.encode())
        self.asked += 1
        if self.answers:
            sock.sendto(answer_to(message, address, self.password), address)

    def _media(self, datagram: bytes) -> None:
        if 192 <= datagram[1] <= 223 or not self.is_connected:
            return
        try:
            packet = self._dtls._rx_srtp.unprotect(datagram)
        except SrtpError:
            return
        sequence, _, ssrc = struct.unpack_from("!HII", packet, 2)
        self.received.append((ssrc, sequence, asyncio.get_running_loop().time()))

    # -- end -----------------------------------------------------------------------------------

    async def goodbye(self) -> None:
        """Close the DTLS association: the media node hears close_notify."""
        await self._dtls.stop()

    async def close(self) -> None:
        """Stop everything."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        self._wire.queue.put_nowait(None)
        await self._dtls.stop()
        if self.socket.fileno() >= 0:
            self._drop(self.socket)

    @staticmethod
    def _drop(sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sock.fileno())
        sock.close()


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, pattern
    return found[1]
