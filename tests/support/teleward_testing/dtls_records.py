"""DTLS records as an attacker writes them, and as a client's own are cut anew.

Source: RFC 6347 §4.1 (record), §4.1.2.6 (replays), §4.2.2 (handshake header), §4.2.3 (fragments may overlap).
"""

import struct
from collections.abc import Iterator

from OpenSSL import SSL

ALERT, HANDSHAKE, CLIENT_HELLO = 21, 22, 1
_RECORD = struct.Struct("!BHH6sH")
"""Content type, version, epoch, sequence number, length."""
_FRAGMENT = struct.Struct("!B3sH3s3s")
"""Message type, its length, message number, where the fragment begins, its length."""
_HEAD_BYTES = _RECORD.size + _FRAGMENT.size
FIRST_NUMBER = 32
"""Sequence number of a first piece: the client's own, which begin at 0, then still are in the window of 64."""


def client_hello() -> bytes:
    """Write a whole one, of nobody."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return bytes(connection.bio_read(1500))
    raise AssertionError("a handshake ended before it began")


def is_dtls(datagram: bytes | memoryview) -> bool:
    """By its first byte (RFC 7983)."""
    return len(datagram) > 0 and 20 <= datagram[0] <= 63


def is_client_hello(datagram: bytes) -> bool:
    """Whether a datagram begins with a ClientHello in the clear."""
    return (
        len(datagram) > _HEAD_BYTES
        and datagram[0] == HANDSHAKE
        and datagram[3:5] == bytes(2)
        and datagram[_RECORD.size] == CLIENT_HELLO
    )


def empty_fragments(count: int) -> list[bytes]:
    """ClientHellos of 100 bytes, of which each record brings none."""
    return [_record(0xFEFD, number, 100, 0, b"") for number in range(count)]


def in_pieces(hello: bytes) -> Iterator[bytes]:
    """Cut a ClientHello into fragments that overlap and come out of order, one of them twice."""
    version, body = int.from_bytes(hello[1:3], "big"), hello[_HEAD_BYTES:]
    size, middle = len(body), len(body) // 2
    bounds = [
        (size - 60, size), (20, middle + 10), (size - 60, size), (middle - 10, size - 40), (0, 40),
    ]  # fmt: skip
    for number, (start, stop) in enumerate(bounds, FIRST_NUMBER):
        yield _record(version, number, size, start, body[start:stop])


def _record(version: int, number: int, size: int, start: int, part: bytes) -> bytes:
    lengths = (n.to_bytes(3, "big") for n in (size, start, len(part)))
    message_size, begins, length = lengths
    fragment = _FRAGMENT.pack(CLIENT_HELLO, message_size, 0, begins, length) + part
    return _RECORD.pack(HANDSHAKE, version, 0, number.to_bytes(6, "big"), len(fragment)) + fragment
