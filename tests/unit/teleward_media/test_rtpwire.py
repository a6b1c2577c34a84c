"""RTP and RTCP bytes are read within bounds, whatever they are, and written as aiortc reads them."""

import struct

import pytest
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    unpack_remb_fci,
)
from aiortc.rtp import RtcpPacket as TheirRtcp
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.packetpath import rtpwire

PADDED = bytes([0xA0, 96]) + bytes(10) + b"pp\x00\x02"


def rtp(*, first: int = 0x80, extension: bytes = b"", payload: bytes = b"x") -> bytes:
    return struct.pack("!BBHII", first, 96, 1, 2, 3) + extension + payload


def one_byte(*elements: tuple[int, bytes]) -> bytes:
    body = b"".join(bytes([(i << 4) | (len(v) - 1)]) + v for i, v in elements)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0xBEDE, len(body) // 4) + body


def test_bounds_of_a_plain_packet() -> None:
    assert rtpwire.payload_bounds(rtp()) == (0, 12, 13)


def test_bounds_with_contributors_extension_and_padding() -> None:
    packet = rtp(first=0xB1, extension=bytes(4) + one_byte((4, b"0")), payload=b"xy\x00\x02")

    assert rtpwire.payload_bounds(packet) == (16, 24, 26)


@pytest.mark.parametrize(
    "packet",
    [
        b"", rtp()[:11], rtp(first=0x40), rtp(first=0x8F), rtp(first=0x90, payload=b"abc"),
        rtp(first=0x90, payload=b"\xbe\xde\xff\xff"), rtp(first=0xA0, payload=b"\x00"),
        rtp(first=0xA0, payload=b"\x09"),
    ],
)  # fmt: skip
def test_a_packet_that_ends_too_soon_is_malformed(packet: bytes) -> None:
    assert rtpwire.payload_bounds(packet) is None


@given(st.binary(max_size=200))
def test_bounds_stay_inside_any_bytes(packet: bytes) -> None:
    bounds = rtpwire.payload_bounds(packet)
    if bounds is not None:
        extension, start, end = bounds
        assert 12 <= start <= end <= len(packet)
        assert extension == 0 or 12 <= extension < start


@given(st.binary(min_size=12, max_size=200))
def test_bounds_agree_with_aiortc_on_any_packet_that_it_reads(data: bytes) -> None:
    packet = bytes([0x80 | data[0] & 0x3F]) + data[1:]
    try:
        theirs = RtpPacket.parse(packet)
    except (ValueError, IndexError, struct.error):
        return
    bounds = rtpwire.payload_bounds(packet)

    assert bounds is not None
    assert packet[bounds[1] : bounds[2]] == theirs.payload


def test_extensions_of_both_kinds_are_walked_past_padding() -> None:
    packet = rtp(first=0x90, extension=one_byte((4, b"mid"), (10, b"h")))
    two = struct.pack("!HH", 0x1000, 2) + bytes([7, 0, 0, 9, 2]) + b"ab" + b"\0"
    other = rtp(first=0x90, extension=two)

    assert list(rtpwire.extensions(packet, 12, 24)) == [(4, b"mid"), (10, b"h")]
    assert list(rtpwire.extensions(other, 12, 24)) == [(7, b""), (9, b"ab")]


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

    assert list(rtpwire.extensions(packet, 12, 20)) == []


@given(st.binary(max_size=120))
def test_extensions_of_any_bytes_stay_inside(body: bytes) -> None:
    for profile in (0xBEDE, 0x1000):
        packet = rtp(first=0x90, extension=struct.pack("!HH", profile, 0) + body)
        for _, value in rtpwire.extensions(packet, 12, 16 + len(body)):
            assert value in body


def test_what_a_peer_reports_is_read() -> None:
    info = RtcpSenderInfo(ntp_timestamp=2**63 + 5, rtp_timestamp=7, packet_count=1, octet_count=2)
    compound = bytes(RtcpSrPacket(ssrc=11, sender_info=info))
    compound += bytes(RtcpRrPacket(ssrc=11))
    compound += bytes(RtcpRtpfbPacket(fmt=1, ssrc=11, media_ssrc=12, lost=[5, 6, 9, 65535]))
    compound += bytes(RtcpPsfbPacket(fmt=1, ssrc=11, media_ssrc=13))
    compound += bytes(
        RtcpPsfbPacket(fmt=4, ssrc=11, media_ssrc=0, fci=struct.pack("!IB3x", 14, 1))
    )

    assert list(rtpwire.read_rtcp(compound)) == [
        rtpwire.Report(11, 2**63 + 5, 7),
        rtpwire.Nacked(12, (5, 6, 9, 65535)),
        rtpwire.KeyframeAsked(13),
        rtpwire.KeyframeAsked(14),
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    whole = list(rtpwire.read_rtcp(data))
    behind = list(rtpwire.read_rtcp(rtpwire.write_pli(1, 2) + data))

    assert behind == [rtpwire.KeyframeAsked(2), *whole]


def test_aiortc_reads_what_is_written() -> None:
    block = rtpwire.ReceptionBlock(9, 300, -1, 2**32 + 5, 7, 8, 10)
    compound = rtpwire.write_sr(1, 2**40, 3, 4, 5) + rtpwire.write_rr(1, [block])
    compound += rtpwire.write_pli(1, 2) + rtpwire.write_remb(1, 2_500_000, [21, 22])
    sender, receiver, pli, remb = TheirRtcp.parse(compound)

    assert isinstance(sender, RtcpSrPacket)
    assert (sender.sender_info.ntp_timestamp, sender.sender_info.octet_count) == (2**40, 5)
    assert isinstance(receiver, RtcpRrPacket)
    assert (receiver.reports[0].ssrc, receiver.reports[0].packets_lost) == (9, -1)
    assert receiver.reports[0].highest_sequence == 5
    assert isinstance(pli, RtcpPsfbPacket)
    assert (pli.fmt, pli.media_ssrc) == (1, 2)
    assert isinstance(remb, RtcpPsfbPacket)
    assert remb.fmt == RTCP_PSFB_APP
    bitrate, ssrcs = unpack_remb_fci(remb.fci)
    assert (round(bitrate, -4), ssrcs) == (2_500_000, [21, 22])


def test_rtcp_is_told_from_rtp() -> None:
    assert rtpwire.is_rtcp(rtpwire.write_pli(1, 2))
    assert not rtpwire.is_rtcp(rtp())
