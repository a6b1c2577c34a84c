"""RTCP bytes: a compound packet from a stranger becomes typed parts; our own are written here.

Source: RFC 3550 §6 (reports), RFC 4585 §6 (NACK, PLI, transport and payload feedback),
RFC 5104 §4.3.1 (FIR), draft-alvestrand-rmcat-remb-03 (REMB); transport-wide feedback is in `twcc`.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from teleward_media.packetpath import twcc
from teleward_media.packetpath.rtpwire import Buffer

SR, RR, BYE, RTPFB, PSFB = 200, 201, 203, 205, 206
"""Packet types (RFC 3550 §12.1, RFC 4585 §6.1)."""
FMT_NACK, FMT_TWCC = 1, 15
"""Formats of RTPFB (RFC 4585 §6.2; draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1)."""
FMT_PLI, FMT_FIR, FMT_AFB = 1, 4, 15
"""Formats of PSFB (RFC 4585 §6.3 and §6.4, RFC 5104 §4.3.1)."""
MAX_PARTS = 32
"""Parts read of one compound packet; a browser sends fewer than ten. Ours."""
MAX_BLOCKS = 31
"""Report blocks that the five-bit count of one report can tell (RFC 3550 §6.4.1)."""
MAX_ITEMS = 4096
"""Sequence numbers and arrivals taken of one datagram, over all its parts: two of the longest feedbacks."""
MAX_NACKED = 512
"""Sequence numbers taken of one NACK: a whole ring (`layer.RING`); of more, none could be there."""

_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class SenderReport:
    """A publisher's clock pair."""

    ssrc: int
    ntp: int
    """64-bit NTP timestamp."""
    rtp: int


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver saw of one SSRC, or what we saw."""

    ssrc: int
    fraction_lost: int
    """In 1/256 since the last report."""
    lost: int
    """Since the beginning; may be negative (duplicates)."""
    highest: int
    jitter: int
    """In units of the stream's clock."""
    last_report: int
    """Middle 32 bits of the last sender report's NTP timestamp; 0 for none."""
    delay: int
    """Since that report, in 1/65536 s."""

    def __bytes__(self) -> bytes:
        """The block's 24 bytes."""
        lost = max(-(2**23), min(2**23 - 1, self.lost)) & 0xFFFFFF
        return _BLOCK.pack(
            self.ssrc, (self.fraction_lost & 255) << 24 | lost, self.highest & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF, self.last_report & 0xFFFFFFFF, self.delay & 0xFFFFFFFF,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyframeAsked:
    """PLI or FIR for one SSRC."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Nacked:
    """Sequence numbers that are missing at the receiver."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Remb:
    """What a receiver thinks it can take in all."""

    bitrate_bps: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """These SSRCs end."""

    ssrcs: tuple[int, ...]


Part: TypeAlias = SenderReport | ReportBlock | KeyframeAsked | Nacked | Remb | Bye | twcc.Feedback


def read_rtcp(packet: Buffer, at: int, end: int) -> Iterator[Part]:
    """Walk a compound packet; stops quietly at the first part that makes no sense.

    Reduced-size packets (RFC 5506) are taken: the first part need not be a report.
    """
    left = MAX_ITEMS
    for _ in range(MAX_PARTS):
        if at + 4 > end or packet[at] >> 6 != 2:
            return
        count, kind = packet[at] & 31, packet[at + 1]
        stop = at + 4 + 4 * (packet[at + 2] << 8 | packet[at + 3])
        if stop > end:
            return
        body = bytes(packet[at + 4 : stop])
        if packet[at] & 0x20:  # padding is for the last part alone
            padding = body[-1] if body else 0
            if not 0 < padding <= len(body):
                return
            body = body[:-padding]
        reader = _READERS.get(kind)
        if reader is not None:
            for part in reader(count, body):
                left -= _items(part)
                if left < 0:
                    return
                yield part
        at = stop


def _items(part: Part) -> int:
    match part:
        case twcc.Feedback():
            return len(part.arrivals)
        case Nacked():
            return len(part.sequences)
    return 0


def _read_sr(count: int, body: bytes) -> Iterator[Part]:
    if len(body) >= 24:
        ssrc, ntp, rtp = struct.unpack_from("!IQI", body)
        yield SenderReport(ssrc, ntp, rtp)
        yield from _read_blocks(count, body, 24)


def _read_rr(count: int, body: bytes) -> Iterator[Part]:
    yield from _read_blocks(count, body, 4)


def _read_blocks(count: int, body: bytes, at: int) -> Iterator[Part]:
    for offset in range(at, min(at + 24 * count, len(body) - 23), 24):
        ssrc, losses, highest, jitter, last, delay = _BLOCK.unpack_from(body, offset)
        lost = losses & 0xFFFFFF
        yield ReportBlock(
            ssrc, losses >> 24, lost - (1 << 24) if lost & 0x800000 else lost,
            highest, jitter, last, delay,
        )  # fmt: skip


def _read_rtpfb(count: int, body: bytes) -> Iterator[Part]:
    if count == FMT_TWCC:
        feedback = twcc.read(body)
        if feedback is not None:
            yield feedback
    elif count == FMT_NACK and len(body) >= 12:
        missing: dict[int, None] = {}
        for at in range(8, len(body) - 3, 4):
            first, mask = struct.unpack_from("!HH", body, at)
            missing[first] = None
            for bit in range(16):
                if mask >> bit & 1:
                    missing[(first + bit + 1) & 0xFFFF] = None
            if len(missing) >= MAX_NACKED:
                break
        yield Nacked(int.from_bytes(body[4:8], "big"), tuple(missing)[:MAX_NACKED])


def _read_psfb(count: int, body: bytes) -> Iterator[Part]:
    if count == FMT_PLI and len(body) >= 8:
        yield KeyframeAsked(int.from_bytes(body[4:8], "big"))
    elif count == FMT_FIR:
        for at in range(8, len(body) - 7, 8):
            yield KeyframeAsked(int.from_bytes(body[at : at + 4], "big"))
    elif count == FMT_AFB and len(body) >= 16 and body[8:12] == b"REMB":
        exponent, mantissa = body[13] >> 2, (body[13] & 3) << 16 | body[14] << 8 | body[15]
        ssrcs = struct.unpack_from(f"!{min(body[12], (len(body) - 16) // 4)}I", body, 16)
        yield Remb(mantissa << exponent, ssrcs)


def _read_bye(count: int, body: bytes) -> Iterator[Part]:
    yield Bye(struct.unpack_from(f"!{min(count, len(body) // 4)}I", body))


_READERS = {
    SR: _read_sr, RR: _read_rr, RTPFB: _read_rtpfb, PSFB: _read_psfb, BYE: _read_bye,
}  # fmt: skip


def _write(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def write_sr(
    ssrc: int, ntp: int, rtp: int, packets: int, octets: int, blocks: Sequence[ReportBlock] = ()
) -> bytes:
    """Write a sender report with up to 31 report blocks."""
    head = struct.pack("!IQIII", ssrc, ntp, rtp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _write(len(blocks), SR, head + b"".join(map(bytes, blocks)))


def write_rr(sender: int, blocks: Sequence[ReportBlock]) -> bytes:
    """Write receiver reports: as many parts as the blocks need, and one when there are none."""
    parts = [blocks[at : at + MAX_BLOCKS] for at in range(0, len(blocks), MAX_BLOCKS)] or [()]
    head = sender.to_bytes(4, "big")
    return b"".join(_write(len(part), RR, head + b"".join(map(bytes, part))) for part in parts)


def write_pli(sender: int, media: int) -> bytes:
    """Ask for a keyframe."""
    return _write(FMT_PLI, PSFB, struct.pack("!II", sender, media))


def write_nack(sender: int, media: int, sequences: Iterable[int]) -> bytes:
    """Ask for what is missing; `sequences` ascend (modulo 2^16)."""
    pairs: list[list[int]] = []
    for sequence in sequences:
        ahead = (sequence - pairs[-1][0]) & 0xFFFF if pairs else 0
        if 0 < ahead <= 16:
            pairs[-1][1] |= 1 << (ahead - 1)
        else:
            pairs.append([sequence & 0xFFFF, 0])
    body = struct.pack("!II", sender, media)
    return _write(FMT_NACK, RTPFB, body + b"".join(struct.pack("!HH", *pair) for pair in pairs))


def write_remb(sender: int, bitrate_bps: int, ssrcs: Sequence[int]) -> bytes:
    """Tell a publisher how much it may send in all."""
    exponent = max(0, bitrate_bps.bit_length() - 18)
    word = len(ssrcs) << 24 | exponent << 18 | bitrate_bps >> exponent
    body = struct.pack("!II4sI", sender, 0, b"REMB", word)
    return _write(FMT_AFB, PSFB, body + b"".join(ssrc.to_bytes(4, "big") for ssrc in ssrcs))
