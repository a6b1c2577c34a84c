"""Transport-wide congestion control feedback: when the packets of one transport arrived.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

TICK_S = 250e-6
"""Resolution of one arrival (§3.1.5)."""
REFERENCE_TICKS = 256
"""The reference time counts 64 ms (§3.1)."""
MAX_STATUSES = 2048
"""Packets taken of one feedback: seconds of the fastest sender. A run-length chunk of two bytes claims up to 8,191."""

MAX_TOLD, MAX_DELTA_BYTES = 1300, 1000
"""Packets told of in one feedback, and bytes of their arrival times: with a chunk of two bytes for each seven packets,
at worst, it has 1,400 bytes and fits a datagram."""

_HEAD = struct.Struct("!IIHH")
_FORMAT, _PACKET_TYPE = 15, 205
_LOST, _SMALL, _LARGE = 0, 1, 2
_MAX_RUN = 0x1FFF


@dataclass(frozen=True, slots=True)
class Feedback:
    """Arrivals in order of transport sequence number, beginning with `base`."""

    base: int
    count: int
    """Counts feedback packets, modulo 256."""
    arrivals: tuple[int | None, ...]
    """In ticks of 250 µs on the receiver's clock (24 bit of 64 ms, signed); None for not received."""


def read(body: bytes) -> Feedback | None:
    """Read what follows the common RTCP header; None if it makes no sense."""
    if len(body) < 16:
        return None
    _, _, base, total = _HEAD.unpack_from(body)
    reference = int.from_bytes(body[12:15], "big", signed=True)
    if total > MAX_STATUSES:
        return None
    statuses: list[int] = []
    at = 16
    while len(statuses) < total:
        if at + 2 > len(body):
            return None
        chunk = body[at] << 8 | body[at + 1]
        at += 2
        if not chunk & 0x8000:
            run = min(chunk & _MAX_RUN, total - len(statuses))
            if run == 0:
                return None
            statuses += [chunk >> 13 & 3] * run
        elif chunk & 0x4000:
            statuses += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            statuses += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return _arrivals(body, at, base, reference, statuses[:total])


def _arrivals(
    body: bytes, at: int, base: int, reference: int, statuses: list[int]
) -> Feedback | None:
    now = reference * REFERENCE_TICKS
    arrivals: list[int | None] = []
    for status in statuses:
        if status == _LOST:
            arrivals.append(None)
            continue
        size = status  # a small delta has one byte, a large one two
        if status > _LARGE or at + size > len(body):
            return None
        now += int.from_bytes(body[at : at + size], "big", signed=status == _LARGE)
        at += size
        arrivals.append(now)
    return Feedback(base, body[15], tuple(arrivals))


def write(
    sender: int, media: int, base: int, count: int, arrivals: Sequence[int | None]
) -> tuple[bytes, int]:
    """Write one feedback packet of as many arrivals as fit it; the packet, and how many.

    `arrivals` are ticks; one at least is received. A step that a large delta cannot tell (8 s) ends the
    packet; the caller begins another there.
    """
    first = next(arrival for arrival in arrivals if arrival is not None)
    reference = first // REFERENCE_TICKS
    last = reference * REFERENCE_TICKS
    statuses: list[int] = []
    deltas = bytearray()
    for arrival in arrivals[:MAX_TOLD]:
        if arrival is None:
            statuses.append(_LOST)
            continue
        delta = arrival - last
        if len(deltas) >= MAX_DELTA_BYTES:
            break
        if 0 <= delta <= 0xFF:
            statuses.append(_SMALL)
            deltas.append(delta)
        elif -0x8000 <= delta <= 0x7FFF:
            statuses.append(_LARGE)
            deltas += delta.to_bytes(2, "big", signed=True)
        else:
            break
        last = arrival
    head = _HEAD.pack(sender, media, base & 0xFFFF, len(statuses))
    body = head + (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([count & 0xFF])
    body += _chunks(statuses) + deltas
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes([padding])
    first_byte = 0x80 | (0x20 if padding else 0) | _FORMAT
    return struct.pack("!BBH", first_byte, _PACKET_TYPE, len(body) // 4) + body, len(statuses)


def _chunks(statuses: list[int]) -> bytes:
    chunks = bytearray()
    at = 0
    while at < len(statuses):
        run = _run(statuses, at)
        part = statuses[at : at + 14]
        if run >= (7 if _LARGE in part else 14) or at + run == len(statuses):
            chunk, taken = statuses[at] << 13 | run, run
        elif _LARGE not in part:
            chunk, taken = 0x8000 | _packed(part, 14, 1), len(part)
        else:
            part = part[:7]
            chunk, taken = 0xC000 | _packed(part, 7, 2), len(part)
        chunks += chunk.to_bytes(2, "big")
        at += taken
    return bytes(chunks)


def _run(statuses: list[int], at: int) -> int:
    end = at
    while end < len(statuses) and statuses[end] == statuses[at] and end - at < _MAX_RUN:
        end += 1
    return end - at


def _packed(part: list[int], symbols: int, bits: int) -> int:
    value = 0
    for symbol in part:
        value = value << bits | symbol
    return value << bits * (symbols - len(part))
