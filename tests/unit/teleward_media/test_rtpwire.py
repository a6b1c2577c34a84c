"""RTP bytes are read within bounds, whatever they are, and written as aiortc reads them."""

import struct

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.packetpath import rtcpwire, rtpwire


def rtp(*, first: int = 0x80, extension: bytes = b"", payload: bytes = b"x") -> bytes:
    return struct.pack("!BBHII", first, 96, 1, 2, 3) + extension + payload


def one_byte(*elements: tuple[int, bytes]) -> bytes:
    body = b"".join(bytes([(i << 4) | (len(v) - 1)]) + v for i, v in elements)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0xBEDE, len(body) // 4) + body


def bounds(packet: bytes) -> tuple[int, int, int] | None:
    """The packet stands in the middle of other bytes, which must not matter."""
    found = rtpwire.bounds(b"\x01" * 7 + packet + b"\x01" * 9, 7, 7 + len(packet))
    return found and (found[0] and found[0] - 7, found[1] - 7, found[2] - 7)


def extensions(packet: bytes, at: int, end: int) -> list[tuple[int, bytes]]:
    found = rtpwire.extensions(packet, at, end)
    return [(number, packet[start : start + length]) for number, start, length in found]


def test_bounds_of_a_plain_packet() -> None:
    assert bounds(rtp()) == (0, 12, 13)


def test_bounds_with_contributors_extension_and_padding() -> None:
    packet = rtp(first=0xB1, extension=bytes(4) + one_byte((4, b"0")), payload=b"xy\x00\x02")

    assert bounds(packet) == (16, 24, 26)


@pytest.mark.parametrize(
    "packet",
    [
        b"", rtp()[:11], rtp(first=0x40), rtp(first=0x8F), rtp(first=0x90, payload=b"abc"),
        rtp(first=0x90, payload=b"\xbe\xde\xff\xff"), rtp(first=0xA0, payload=b"\x00"),
        rtp(first=0xA0, payload=b"\x09"),
    ],
)  # fmt: skip
def test_a_packet_that_ends_too_soon_is_malformed(packet: bytes) -> None:
    assert bounds(packet) is None


@given(st.binary(max_size=200))
def test_bounds_stay_inside_any_bytes(packet: bytes) -> None:
    found = bounds(packet)
    if found is not None:
        extension, start, end = found
        assert 12 <= start <= end <= len(packet)
        assert extension == 0 or 12 <= extension < start


@given(st.binary(min_size=12, max_size=200))
def test_bounds_agree_with_aiortc_on_any_packet_that_it_reads(data: bytes) -> None:
    packet = bytes([0x80 | data[0] & 0x3F]) + data[1:]
    try:
        theirs = RtpPacket.parse(packet)
    except (ValueError, IndexError, struct.error):
        return
    found = bounds(packet)

    assert found is not None
    assert packet[found[1] : found[2]] == theirs.payload


def test_extensions_of_both_kinds_are_walked_past_padding() -> None:
    packet = rtp(first=0x90, extension=one_byte((4, b"mid"), (10, b"h")))
    two = struct.pack("!HH", 0x1000, 2) + bytes([7, 0, 0, 9, 2]) + b"ab" + b"\0"
    other = rtp(first=0x90, extension=two)

    assert extensions(packet, 12, 24) == [(4, b"mid"), (10, b"h")]
    assert extensions(other, 12, 24) == [(7, b""), (9, b"ab")]


@pytest.mark.parametrize(
    "extension",
    [
        struct.pack("!HH", 0x1234, 1) + b"\x40aaa",
        struct.pack("!HH", 0xBEDE, 1) + b"\xf0aaa",
        struct.pack("!HH", 0xBEDE, 1) + b"\x4faaa",
        struct.pack("!HH", 0x1000, 1) + b"\0\0\0\x04",
    ],
)
def test_extensions_that_make_no_sense_are_passed_over(extension: bytes) -> None:
    packet = rtp(first=0x90, extension=extension)

    assert extensions(packet, 12, 20) == []


@given(st.binary(max_size=120))
def test_extensions_of_any_bytes_stay_inside(body: bytes) -> None:
    for profile in (0xBEDE, 0x1000):
        packet = rtp(first=0x90, extension=struct.pack("!HH", profile, 0) + body)
        for _, start, length in rtpwire.extensions(packet, 12, 16 + len(body)):
            assert 16 <= start <= start + length <= 16 + len(body)


def test_rtcp_is_told_from_rtp() -> None:
    assert rtpwire.is_rtcp(rtcpwire.write_pli(1, 2)[1])
    assert not rtpwire.is_rtcp(rtp()[1])


@given(st.binary(min_size=1, max_size=300), st.integers(1, 255))
def test_padding_is_added_and_found_again(payload: bytes, more: int) -> None:
    out = bytearray(2048)
    start = rtpwire.write_stamped(out, 100, 96, 1, 2, 3, 5, 777)
    end = start + len(payload)
    out[start:end] = payload
    rtpwire.pad(out, 100, end, end - 100 + more)

    bounds = rtpwire.bounds(out, 100, end + more)
    assert bounds is not None
    extension, first, last = bounds
    assert bytes(out[first:last]) == payload
    ((identifier, at, length),) = rtpwire.extensions(out, extension, first)
    assert (identifier, int.from_bytes(out[at : at + length], "big")) == (5, 777)


@given(st.binary(min_size=1, max_size=300))
def test_aiortc_reads_what_is_written(payload: bytes) -> None:
    out = bytearray(2048)
    start = rtpwire.write_header(out, 0, 0x80, 0x80 | 96, 65535, 2**32 - 1, 7)
    out[start : start + len(payload)] = payload
    theirs = RtpPacket.parse(bytes(out[: start + len(payload)]))

    assert (theirs.marker, theirs.payload_type, theirs.sequence_number) == (1, 96, 65535)
    assert (theirs.timestamp, theirs.ssrc, theirs.payload) == (2**32 - 1, 7, payload)


@pytest.mark.parametrize("length", range(rtpwire.HEADER_BYTES))
def test_what_is_shorter_than_a_header_has_no_bounds(length: int) -> None:
    packet = bytes([0x80] * length)

    assert rtpwire.bounds(packet, 0, length) is None
