"""RTP bytes: bounded reading and writing, nothing else.

Every function takes a buffer with the bounds of one packet in it and copies as little as it can.

Source: RFC 3550 §5 (RTP), RFC 8285 (header extensions), RFC 5761 §4 (telling RTCP from RTP),
draft-holmer-rmcat-transport-wide-cc-extensions-01 §2 (transport-wide sequence number).
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

Buffer = bytes | bytearray | memoryview
Header: TypeAlias = tuple[int, int, int, int, int]
"""First byte, marker and payload type, sequence number, timestamp, SSRC."""

HEADER_BYTES = 12
"""RFC 3550 §5.1, without contributing sources."""
STAMPED_BYTES = 20
"""Header with one extension block that holds a transport-wide sequence number."""

_HEADER = struct.Struct("!BBHII")
_STAMPED = struct.Struct("!BBHIIHHBHB")
ONE_BYTE, TWO_BYTE = 0xBEDE, 0x100
"""How a block of header extensions begins; of the second the last four bits are free (RFC 8285 §4.2, §4.3)."""
_RESERVED_ID = 15


def is_rtcp(second_byte: int) -> bool:
    """Whether an SRTP datagram is RTCP: packet types 192 to 223."""
    return 192 <= second_byte <= 223


def read_header(packet: Buffer, at: int) -> Header:
    """Read the fixed part of a header, of which there must be enough."""
    return _HEADER.unpack_from(packet, at)


def bounds(packet: Buffer, at: int, end: int) -> tuple[int, int, int] | None:
    """Find (extension offset or 0, payload start, payload end without padding); None if malformed."""
    if end - at < HEADER_BYTES or packet[at] >> 6 != 2:
        return None
    first = packet[at]
    start = at + HEADER_BYTES + 4 * (first & 0x0F)
    extension = 0
    if first & 0x10:
        if start + 4 > end:
            return None
        extension = start
        start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    if first & 0x20:
        if start >= end:
            return None
        padding = packet[end - 1]
        end -= padding
        if padding == 0:
            return None
    return (extension, start, end) if start <= end else None


def extensions(packet: Buffer, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Walk the header extensions of a block from `at` to `end` as (identifier, start, length).

    Stops quietly where they stop making sense: an extension is a hint, the packet is still good.
    """
    profile = packet[at] << 8 | packet[at + 1]
    is_long = profile >> 4 == TWO_BYTE
    if not is_long and profile != ONE_BYTE:
        return
    at += 4
    while at < end:
        head = packet[at]
        at += 1
        if head == 0:
            continue  # padding between extensions
        if is_long:
            if at >= end:
                return
            identifier, length = head, packet[at]
            at += 1
        else:
            identifier, length = head >> 4, (head & 15) + 1
            if identifier in (0, _RESERVED_ID):
                return  # RFC 8285 §4.2: what follows is not to be looked at
        if at + length > end:
            return
        yield identifier, at, length
        at += length


def write_header(
    out: bytearray, at: int, flags: int, marker_and_type: int,
    sequence: int, timestamp: int, ssrc: int,
) -> int:  # fmt: skip
    """Write a header without extensions at `at`; where the payload begins."""
    _HEADER.pack_into(out, at, flags, marker_and_type, sequence, timestamp, ssrc)
    return at + HEADER_BYTES


def write_stamped(
    out: bytearray, at: int, marker_and_type: int, sequence: int, timestamp: int, ssrc: int,
    extension_id: int, transport_sequence: int,
) -> int:  # fmt: skip
    """Write a header that carries a transport-wide sequence number; where the payload begins."""
    _STAMPED.pack_into(
        out, at, 0x90, marker_and_type, sequence, timestamp, ssrc,
        ONE_BYTE, 1, extension_id << 4 | 1, transport_sequence, 0,
    )  # fmt: skip
    return at + STAMPED_BYTES


def pad(out: bytearray, at: int, end: int, size: int) -> None:
    """Lengthen the packet from `at` to `end` by RTP padding to `size` bytes; at most 255 bytes of padding in all."""
    more = at + size - end
    before = out[end - 1] if out[at] & 0x20 else 0
    out[at] |= 0x20
    out[end : at + size] = bytes(more)
    out[at + size - 1] = before + more
