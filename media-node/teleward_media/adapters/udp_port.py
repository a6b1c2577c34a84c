"""The one UDP port: guard and demultiplexer in front of everything.

A datagram from an address that ICE has not proved is a STUN binding request for a known ufrag or it
is dropped. Only a request with valid message integrity proves an address; nominating another address
moves the peer there (roaming). What a client names as candidates is never used.

Source: RFC 7983 (first byte), RFC 8445 §2.5 (ICE-lite), RFC 8489 (STUN).
"""

import asyncio
import errno
import itertools
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aioice import stun
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.datagrams import LONGEST, STRIDE, Datagrams
from teleward_media.core.limiter import TokenBucket

Address = tuple[str, int]

BATCH = 64
"""Datagrams read per wake-up before other work gets its turn."""
UDP_SEGMENT = 103
"""Socket option and control message that let the kernel cut one buffer into datagrams (linux/udp.h, since 4.18)."""
_NO_CUTTING = (errno.EINVAL, errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP)
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
STRANGER_RATE, STRANGER_BURST = 50.0, 100.0
"""STUN requests a second from one unproven address: a browser sends about 20 while it connects."""
MAX_STRANGERS = 4096
SETTLED_S = Seconds(5)
"""An address that a peer was heard from this recently is not handed to another peer."""
ROAM_AT_MOST_EVERY_S = Seconds(1)


class PeerSink(Protocol):
    """Where a peer's datagrams go."""

    def dtls(self, datagram: bytes) -> None:
        """Take a DTLS datagram."""
        ...


@dataclass(slots=True, eq=False)
class Expected:
    """A peer that will prove itself, or has."""

    key: ParticipantId
    ufrag: str
    remote_ufrag: str
    password: bytes
    sink: PeerSink
    number: int
    address: Address | None = None
    heard_at: Seconds = Seconds(0.0)
    moved_at: Seconds = Seconds(float("-inf"))


@dataclass(slots=True)
class Counters:
    """What the port dropped and passed, by reason."""

    by_reason: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, count: int = 1) -> None:
        """Count."""
        self.by_reason[reason] = self.by_reason.get(reason, 0) + count


class UdpPort:
    """Owns the socket; knows peers by ufrag and by proven address."""

    def __init__(
        self,
        ingress: Datagrams,
        on_media: Callable[[Seconds], None],
        counters: Counters,
        now: Callable[[], Seconds],
    ) -> None:
        self._ingress = ingress
        self._on_media = on_media
        self._numbers = itertools.count(1)
        self._by_number: dict[int, Expected] = {}
        self._counters = counters
        self._now = now
        self._by_ufrag: dict[str, Expected] = {}
        self._by_address: dict[Address, Expected] = {}
        self._by_key: dict[ParticipantId, Expected] = {}
        self._strangers: OrderedDict[Address, TokenBucket] = OrderedDict()
        self._socket: socket.socket | None = None
        self._cuts = False
        """Whether the kernel cuts one buffer into datagrams (UDP GSO)."""

    def open(self, host: str, port: int) -> int:
        """Bind and begin to read; returns the port.

        Raises:
            OSError: The address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BUFFER_BYTES)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._cuts = _can_cut(sock)
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)
        return int(sock.getsockname()[1])

    def close(self) -> None:
        """Stop reading and close."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def add(
        self, key: ParticipantId, ufrag: str, password: str, remote_ufrag: str,
        sink: PeerSink,
    ) -> Expected:  # fmt: skip
        """Expect a peer that will prove itself with this ufrag and password."""
        entry = Expected(key, ufrag, remote_ufrag, password.encode(), sink, next(self._numbers))
        entry.heard_at = self._now()
        self._by_ufrag[ufrag] = self._by_key[key] = self._by_number[entry.number] = entry
        return entry

    def remove(self, entry: Expected) -> None:
        """Forget a peer: from now on it is a stranger. A newer peer of the same key stays."""
        self._by_ufrag.pop(entry.ufrag, None)
        self._by_number.pop(entry.number, None)
        if self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]
        if entry.address is not None:
            self._by_address.pop(entry.address, None)

    def heard_at(self, key: ParticipantId) -> Seconds | None:
        """When the peer's last authenticated or proven datagram arrived."""
        entry = self._by_key.get(key)
        return entry.heard_at if entry else None

    def send(self, peer: int, segments: Sequence[memoryview]) -> None:
        """Send datagrams of one size (the last may be shorter) to the peer's proven address."""
        entry = self._by_number.get(peer)
        if entry is None or entry.address is None or self._socket is None:
            return
        if len(segments) == 1 or not self._cuts:
            for segment in segments:
                self._send_to(segment, entry.address)
            return
        ancillary = [(socket.SOL_UDP, UDP_SEGMENT, struct.pack("@H", len(segments[0])))]
        try:
            self._socket.sendmsg(segments, ancillary, 0, entry.address)
            self._counters.add("cut_sends")
            self._counters.add("cut_segments", len(segments))
        except (BlockingIOError, InterruptedError):
            self._counters.add("send_would_block", len(segments))
        except OSError as err:
            if (
                err.errno in _NO_CUTTING
            ):  # a network card or a filter on the way to it refuses, for good
                self._cuts = False
                self._counters.add("cut_refused")
            self._counters.add("send_error", len(segments))

    def send_to(self, entry: Expected, datagram: bytes) -> None:
        """Send to a peer that a newer one of the same key may have replaced."""
        if entry.address is not None:
            self._send_to(datagram, entry.address)

    def _send_to(self, datagram: bytes | memoryview, address: Address) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(datagram, address)
        except (BlockingIOError, InterruptedError):
            self._counters.add("send_would_block")
        except OSError:
            self._counters.add("send_error")

    def _readable(self) -> None:
        sock = self._socket
        if sock is None:
            return
        now = self._now()
        block = self._ingress
        for _ in range(BATCH):
            at = block.count * STRIDE
            room = block.view[at : at + STRIDE]
            try:
                length, address = sock.recvfrom_into(room)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier send
                self._counters.add("receive_error")
                continue
            if length == 0 or length > LONGEST:
                self._counters.add("drop_too_long" if length else "drop_empty")
                continue
            entry = self._by_address.get(address)
            if entry is not None and 128 <= room[0] <= 191:
                entry.heard_at = now
                block.lengths[block.count] = length
                block.peers[block.count] = entry.number
                block.count += 1
            else:
                self._slow(entry, bytes(room[:length]), address, now)
        if block.count:
            self._on_media(now)

    def _slow(
        self, entry: Expected | None, datagram: bytes, address: Address, now: Seconds
    ) -> None:
        """Take what is not media of a proven address."""
        first = datagram[0]
        if entry is None:
            self._stranger(datagram, address, now)
        elif 20 <= first <= 63:
            entry.sink.dtls(datagram)
        elif first <= 3:
            self._stun(datagram, address, now)
        else:
            self._counters.add("drop_unknown_kind")

    def _stranger(self, datagram: bytes, address: Address, now: Seconds) -> None:
        if datagram[0] > 3:
            self._counters.add("drop_stranger")
            return
        bucket = self._strangers.get(address)
        if bucket is None:
            if len(self._strangers) >= MAX_STRANGERS:
                self._strangers.popitem(last=False)
            bucket = self._strangers[address] = TokenBucket.full(
                STRANGER_RATE, STRANGER_BURST, now
            )
        if not bucket.allow(now):
            self._counters.add("drop_stranger_rate")
            return
        self._stun(datagram, address, now)

    def _stun(self, datagram: bytes, address: Address, now: Seconds) -> None:
        try:
            message = stun.parse_message(datagram)
        except (ValueError, struct.error, IndexError, KeyError):
            self._counters.add("drop_stun_malformed")
            return
        if (message.message_method, message.message_class) != (
            stun.Method.BINDING, stun.Class.REQUEST,
        ):  # fmt: skip
            self._counters.add("drop_stun_other")
            return
        username = str(message.attributes.get("USERNAME", ""))
        local, _, remote = username.partition(":")
        entry = self._by_ufrag.get(local)
        if entry is None or remote != entry.remote_ufrag:
            self._counters.add("drop_stun_unknown")
            return
        if not message.check_message_integrity(entry.password):
            self._counters.add("drop_stun_integrity")
            return
        entry.heard_at = now
        # Browsers go on checking pairs that they do not use: only the nominated one moves a peer.
        is_chosen = entry.address is None or "USE-CANDIDATE" in message.attributes
        if is_chosen and not self._prove(entry, address, now):
            self._counters.add("drop_roaming")
            return
        response = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = address
        response.add_message_integrity(entry.password)
        self._send_to(bytes(response), address)

    def _prove(self, entry: Expected, address: Address, now: Seconds) -> bool:
        """Take an address as a peer's; False when it moves too often or the address is another's."""
        if entry.address == address:
            return True
        taken = self._by_address.get(address)
        if now - entry.moved_at < ROAM_AT_MOST_EVERY_S or (
            taken is not None and now - taken.heard_at < SETTLED_S
        ):
            return False
        if taken is not None:
            taken.address = None
        if entry.address is not None:
            self._by_address.pop(entry.address, None)
            self._counters.add("roamed")
            entry.moved_at = now
        entry.address = address
        self._by_address[address] = entry
        return True


def _can_cut(sock: socket.socket) -> bool:
    try:
        sock.getsockopt(socket.SOL_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True
