"""Socket addresses as the kernel writes them: the key by which a sender is known, with nothing parsed per packet."""

import socket
import struct
from typing import TypeAlias

from teleward_media.core.ice import Source

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""As Python's sockets have it."""
_FAMILY = struct.Struct("=H")


def to_raw(address: Address) -> bytes:
    """Write what Python calls an address as `sockaddr_in` or `sockaddr_in6` (linux/in.h, linux/in6.h)."""
    host, port, *scope = address
    if ":" not in host:
        return _FAMILY.pack(socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    head = _FAMILY.pack(socket.AF_INET6) + struct.pack("!H4x16s", port, packed)
    return head + struct.pack("=I", scope[1] if scope else 0)


def to_tuple(raw: bytes) -> Address:
    """Read such an address back."""
    port = raw[2] << 8 | raw[3]
    if len(raw) == 16:
        return socket.inet_ntoa(raw[4:8]), port
    scope = int(struct.unpack_from("=I", raw, 24)[0])
    return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, 0, scope


def to_source(raw: bytes) -> Source:
    """Take such an address apart."""
    port = raw[2] << 8 | raw[3]
    return Source(raw, 4, raw[4:8], port) if len(raw) == 16 else Source(raw, 6, raw[8:24], port)


def origin(raw: bytes) -> bytes:
    """What limits go by: an IPv4 address, or the /64 of an IPv6 address, which one subscriber holds whole."""
    return raw[4:8] if len(raw) == 16 else raw[8:16]
