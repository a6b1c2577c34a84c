"""RTP and RTCP bytes: bounded reading and writing, nothing else.

Source: RFC 3550 (RTP, RTCP), RFC 8285 (header extensions), RFC 4585 (NACK, PLI), RFC 5104 (FIR),
draft-alvestrand-rmcat-remb-03 (REMB), RFC 5761 §4 (telling RTCP from RTP).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SR, RR, RTPFB, PSFB = 200, 201, 205, 206
FMT_NACK, FMT_PLI, FMT_FIR, FMT_AFB = 1, 1, 4, 15

_HEADER = struct.Struct("!BBHII")


def is_rtcp(datagram: bytes) -> bool:
    """Whether an SRTP datagram is RTCP: packet types 192 to 223."""
    return 192 <= datagram[1] <= 223


def payload_bounds(packet: bytes) -> tuple[int, int, int] | None:
    """Find (extension offset or 0, payload start, payload end without padding); None if malformed."""
    size = len(packet)
    if size < 12 or packet[0] >> 6 != 2:
        return None
    start = 12 + 4 * (packet[0] & 0x0F)
    extension = 0
    if packet[0] & 0x10:
        if start + 4 > size:
            return None
        extension = start
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = size
    if packet[0] & 0x20:
        end -= packet[-1]
        if packet[-1] == 0:
            return None
    return (extension, start, end) if start <= end <= size else None


def extensions(packet: bytes, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Walk one- or two-byte header extensions; stops quietly where they stop making sense."""
    profile = int.from_bytes(packet[offset : offset + 2], "big")
    position = offset + 4
    two_byte = profile >> 4 == 0x100
    if not two_byte and profile != 0xBEDE:
        return
    while position < end:
        if packet[position] == 0:
            position += 1
            continue
        if two_byte:
            if position + 2 > end:
                return
            identifier, length, position = packet[position], packet[position + 1], position + 2
        else:
            identifier, length = packet[position] >> 4, (packet[position] & 15) + 1
            position += 1
            if identifier == 15:
                return
        if position + length > end:
            return
        yield identifier, packet[position : position + length]
        position += length


def write_rtp(
    flags: int, marker_and_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> bytes:
    """Write one RTP packet without extensions."""
    return _HEADER.pack(flags, marker_and_type, sequence, timestamp, ssrc) + payload


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report's clock pair."""

    ssrc: int
    ntp: int
    """64-bit NTP timestamp."""
    rtp: int


@dataclass(frozen=True, slots=True)
class KeyframeAsked:
    """PLI or FIR for one of our outgoing SSRCs."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Nacked:
    """Sequence numbers missing at the receiver."""

    ssrc: int
    sequences: tuple[int, ...]


def read_rtcp(packet: bytes) -> Iterator[Report | KeyframeAsked | Nacked]:
    """Walk a compound packet; stops quietly at the first part that makes no sense."""
    position = 0
    while position + 8 <= len(packet) and packet[position] >> 6 == 2:
        count, kind = packet[position] & 31, packet[position + 1]
        end = position + 4 + 4 * int.from_bytes(packet[position + 2 : position + 4], "big")
        if end > len(packet):
            return
        yield from _part(kind, count, packet[position + 4 : end])
        position = end


def _part(kind: int, count: int, body: bytes) -> Iterator[Report | KeyframeAsked | Nacked]:
    if kind == SR and len(body) >= 24:
        ssrc, ntp, rtp = struct.unpack_from("!IQI", body)
        yield Report(ssrc, ntp, rtp)
    elif kind == PSFB and count == FMT_PLI and len(body) >= 8:
        yield KeyframeAsked(int.from_bytes(body[4:8], "big"))
    elif kind == PSFB and count == FMT_FIR:
        for at in range(8, len(body) - 7, 8):
            yield KeyframeAsked(int.from_bytes(body[at : at + 4], "big"))
    elif kind == RTPFB and count == FMT_NACK and len(body) >= 12:
        missing: list[int] = []
        for at in range(8, len(body) - 3, 4):
            first, mask = struct.unpack_from("!HH", body, at)
            missing.append(first)
            missing += [(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
        yield Nacked(int.from_bytes(body[4:8], "big"), tuple(missing))


def write_pli(sender: int, media: int) -> bytes:
    """Ask for a keyframe."""
    return struct.pack("!BBHII", 0x80 | FMT_PLI, PSFB, 2, sender, media)


def write_remb(sender: int, bitrate_bps: int, ssrcs: list[int]) -> bytes:
    """Tell a publisher how much it may send in all."""
    exponent = max(0, bitrate_bps.bit_length() - 18)
    mantissa = bitrate_bps >> exponent
    word = (len(ssrcs) << 24) | (exponent << 18) | mantissa
    body = struct.pack("!II4sI", sender, 0, b"REMB", word)
    body += b"".join(ssrc.to_bytes(4, "big") for ssrc in ssrcs)
    return struct.pack("!BBH", 0x80 | FMT_AFB, PSFB, len(body) // 4) + body


@dataclass(frozen=True, slots=True)
class ReceptionBlock:
    """One report block of a receiver report."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int

    def __bytes__(self) -> bytes:
        """The block's 24 bytes."""
        lost = max(-(2**23), min(2**23 - 1, self.lost)) & 0xFFFFFF
        return struct.pack(
            "!IIIIII",
            self.ssrc, (self.fraction_lost & 255) << 24 | lost, self.highest & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF, self.last_report & 0xFFFFFFFF, self.delay & 0xFFFFFFFF,
        )  # fmt: skip


def write_rr(sender: int, blocks: list[ReceptionBlock]) -> bytes:
    """Write a receiver report of up to 31 blocks."""
    body = sender.to_bytes(4, "big") + b"".join(bytes(block) for block in blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), RR, len(body) // 4) + body


def write_sr(ssrc: int, ntp: int, rtp: int, packets: int, octets: int) -> bytes:
    """Write a sender report without blocks."""
    return struct.pack(
        "!BBHIQIII", 0x80, SR, 6, ssrc, ntp, rtp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
