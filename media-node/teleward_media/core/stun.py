"""STUN as ICE uses it: binding requests and their answers, read from strangers and written by us.

Only what connectivity checks need is understood. A datagram of any bytes becomes a `Binding` or None; nothing
that it says is believed before `is_authentic`.

Source: RFC 8489 §5 (header), §14 (attributes), §9.1 (short-term credentials); RFC 8445 §7.1 (ICE's attributes).
"""

import hmac
import struct
import zlib
from dataclasses import dataclass

HEADER_BYTES = 20
"""RFC 8489 §5."""
MAX_BYTES = 1280
"""No check is longer: two names of 256 characters (RFC 8839 §5.4) and a dozen small attributes; or a ClientHello within
the check, as libwebrtc tries it (`kMaxStunBindingLength`, 1,200 bytes less the header)."""
REQUEST, SUCCESS = 0x0001, 0x0101
"""Types of a message: method Binding, with the class of a request and of a success response (RFC 8489 §5)."""
_COOKIE = 0x2112A442
_COOKIE_BYTES = _COOKIE.to_bytes(4, "big")
_USERNAME, _INTEGRITY, _MAPPED = 0x0006, 0x0008, 0x0020
_PRIORITY, _USE_CANDIDATE, _FINGERPRINT, _CONTROLLED = 0x0024, 0x0025, 0x8028, 0x8029
_INTEGRITY_BYTES, _FINGERPRINT_BYTES = 24, 8
_FINGERPRINT_XOR = 0x5354554E
_PRFLX_PRIORITY = (110 << 24) | (65535 << 8) | 255
"""What a check of ours says of its own address: peer reflexive, one component (RFC 8445 §5.1.2.1)."""
_HEAD = struct.Struct("!HHI")


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding request or a success answer as it claims to be."""

    kind: int
    transaction: bytes
    """12 bytes."""
    username: str
    """`receiver's ufrag:sender's ufrag`; empty in an answer."""
    nominates: bool
    integrity_at: int
    """Where MESSAGE-INTEGRITY begins."""


def read_binding(datagram: bytes | memoryview) -> Binding | None:
    """Read a binding request or success answer with message integrity; None for anything else.

    What follows the integrity is not covered by it and is not read (RFC 8489 §14.5).
    """
    length = len(datagram)
    if not HEADER_BYTES + _INTEGRITY_BYTES <= length <= MAX_BYTES or length & 3:
        return None
    kind, body, cookie = _HEAD.unpack_from(datagram)
    if cookie != _COOKIE or body != length - HEADER_BYTES or kind not in (REQUEST, SUCCESS):
        return None
    username, nominates, at = "", False, HEADER_BYTES
    while at + 4 <= length:
        attribute = datagram[at] << 8 | datagram[at + 1]
        size = datagram[at + 2] << 8 | datagram[at + 3]
        if at + 4 + size > length:
            return None
        if attribute == _INTEGRITY:
            if size != 20:
                return None
            transaction = bytes(datagram[8:HEADER_BYTES])
            return Binding(kind, transaction, username, nominates, at)
        if attribute == _USERNAME:
            username = bytes(datagram[at + 4 : at + 4 + size]).decode("ascii", "replace")
        elif attribute == _USE_CANDIDATE:
            nominates = True
        at += 4 + (size + 3 & ~3)
    return None


def is_authentic(datagram: bytes | memoryview, binding: Binding, password: bytes) -> bool:
    """Whether the message was written by somebody who knows the password."""
    at = binding.integrity_at
    return hmac.compare_digest(
        _integrity(bytes(datagram[:at]), password), bytes(datagram[at + 4 : at + 24])
    )


def write_answer(
    transaction: bytes, family: int, port: int, address: bytes, password: bytes, at_most: int
) -> bytes:
    """Write a success answer that tells the sender the address it was seen at.

    Args:
        transaction: The request's.
        family: 4 or 6.
        port: The sender's.
        address: The sender's, 4 or 16 bytes.
        password: The request's key signs the answer, too.
        at_most: The answer is not longer than this; without its fingerprint if that must be.

    Returns:
        56, 64, 68 or 76 bytes; none when even the shortest is too long.
    """
    key = _COOKIE_BYTES + transaction
    hidden = bytes(a ^ b for a, b in zip(address, key, strict=False))
    mapped = struct.pack("!BBH", 0, 1 if family == 4 else 2, port ^ (_COOKIE >> 16)) + hidden
    body = struct.pack("!HH", _MAPPED, len(mapped)) + mapped
    return _sealed(SUCCESS, transaction, body, password, at_most)


def write_check(transaction: bytes, username: str, tie_breaker: bytes, password: bytes) -> bytes:
    """Write a check of our own: asks whoever is at an address to prove that it receives there.

    Source: RFC 8445 §7.2.2 (attributes), §7.3.1.4 (a check that a check has triggered).
    """
    name = username.encode("ascii")
    body = struct.pack("!HH", _USERNAME, len(name)) + name + bytes(-len(name) % 4)
    body += struct.pack("!HHI", _PRIORITY, 4, _PRFLX_PRIORITY)
    body += struct.pack("!HH", _CONTROLLED, 8) + tie_breaker
    return _sealed(REQUEST, transaction, body, password, MAX_BYTES)


def _sealed(kind: int, transaction: bytes, body: bytes, password: bytes, at_most: int) -> bytes:
    message = _HEAD.pack(kind, len(body), _COOKIE) + transaction + body
    message += struct.pack("!HH", _INTEGRITY, 20) + _integrity(message, password)
    if len(message) + _FINGERPRINT_BYTES <= at_most:
        length = struct.pack("!H", len(message) + _FINGERPRINT_BYTES - HEADER_BYTES)
        message = message[:2] + length + message[4:]
        check = zlib.crc32(message) ^ _FINGERPRINT_XOR
        return message + struct.pack("!HHI", _FINGERPRINT, 4, check)
    message = message[:2] + struct.pack("!H", len(message) - HEADER_BYTES) + message[4:]
    return message if len(message) <= at_most else b""


def _integrity(before: bytes, password: bytes) -> bytes:
    """HMAC-SHA1 over what stands before the attribute, with a length that ends behind it (RFC 8489 §14.5)."""
    length = struct.pack("!H", len(before) + _INTEGRITY_BYTES - HEADER_BYTES)
    return hmac.digest(password, before[:2] + length + before[4:], "sha1")
