"""RTCP bytes are read within bounds, whatever they are, and written as aiortc reads them."""

import struct

from aiortc.rtp import (
    RTCP_PSFB_APP,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    pack_remb_fci,
    unpack_remb_fci,
)
from aiortc.rtp import RtcpPacket as TheirRtcp
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.packetpath import rtcpwire


def read(packet: bytes) -> list[rtcpwire.Part]:
    """The packet stands in the middle of other bytes, which must not matter."""
    return list(rtcpwire.read_rtcp(b"\x80" * 5 + packet + b"\x80" * 40, 5, 5 + len(packet)))


def test_what_a_peer_reports_is_read() -> None:
    info = RtcpSenderInfo(ntp_timestamp=2**63 + 5, rtp_timestamp=7, packet_count=1, octet_count=2)
    compound = bytes(RtcpSrPacket(ssrc=11, sender_info=info))
    compound += bytes(RtcpRrPacket(ssrc=11))
    compound += bytes(RtcpRtpfbPacket(fmt=1, ssrc=11, media_ssrc=12, lost=[5, 6, 9, 65535]))
    compound += bytes(RtcpPsfbPacket(fmt=1, ssrc=11, media_ssrc=13))
    compound += bytes(
        RtcpPsfbPacket(fmt=4, ssrc=11, media_ssrc=0, fci=struct.pack("!IB3x", 14, 1))
    )

    assert read(compound) == [
        rtcpwire.SenderReport(11, 2**63 + 5, 7),
        rtcpwire.Nacked(12, (5, 6, 9, 65535)),
        rtcpwire.KeyframeAsked(13),
        rtcpwire.KeyframeAsked(14),
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    whole = read(data)
    behind = read(rtcpwire.write_pli(1, 2) + data)

    assert behind == [rtcpwire.KeyframeAsked(2), *whole][: len(behind)]


def test_aiortc_reads_what_is_written() -> None:
    block = rtcpwire.ReportBlock(9, 300, -1, 2**32 + 5, 7, 8, 10)
    compound = rtcpwire.write_sr(1, 2**40, 3, 4, 5) + rtcpwire.write_rr(1, [block])
    compound += rtcpwire.write_pli(1, 2) + rtcpwire.write_remb(1, 2_500_000, [21, 22])
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


def test_report_blocks_of_both_kinds_of_report_are_read() -> None:
    theirs = RtcpReceiverInfo(
        ssrc=5,
        fraction_lost=64,
        packets_lost=-3,
        highest_sequence=70_000,
        jitter=9,
        lsr=10,
        dlsr=11,
    )
    info = RtcpSenderInfo(ntp_timestamp=1, rtp_timestamp=2, packet_count=3, octet_count=4)
    compound = bytes(RtcpRrPacket(ssrc=1, reports=[theirs]))
    compound += bytes(RtcpSrPacket(ssrc=1, sender_info=info, reports=[theirs]))
    block = rtcpwire.ReportBlock(5, 64, -3, 70_000, 9, 10, 11)

    assert read(compound) == [block, rtcpwire.SenderReport(1, 1, 2), block]


def test_remb_and_bye_are_read() -> None:
    compound = bytes(RtcpByePacket(sources=[7, 8]))
    compound += bytes(
        RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=pack_remb_fci(512_000, [4, 5]))
    )

    assert read(compound) == [rtcpwire.Bye((7, 8)), rtcpwire.Remb(512_000, (4, 5))]


def test_padding_of_the_last_part_is_left_out_and_padding_that_lies_ends_the_reading() -> None:
    nack = rtcpwire.write_nack(1, 2, [5])
    padded = bytes([nack[0] | 0x20]) + nack[1:3] + bytes([4]) + nack[4:] + b"\0\0\0\x04"
    lies = padded[:-1] + b"\xff"

    assert read(padded) == [rtcpwire.Nacked(2, (5,))]
    assert read(lies) == []


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60, unique=True), st.integers(0, 65535))
def test_nacks_are_read_as_they_are_written_over_the_wrap(ahead: list[int], base: int) -> None:
    sequences = [(base + step) & 0xFFFF for step in sorted(ahead)]

    (nacked,) = read(rtcpwire.write_nack(1, 2, sequences))
    assert isinstance(nacked, rtcpwire.Nacked)
    assert list(nacked.sequences) == sequences


def test_a_nack_that_asks_for_everything_is_cut_short() -> None:
    body = b"".join(struct.pack("!HH", n, 0xFFFF) for n in range(0, 8192, 17))
    packet = struct.pack("!BBHII", 0x81, 205, 2 + len(body) // 4, 1, 2) + body

    (nacked,) = read(packet)
    assert isinstance(nacked, rtcpwire.Nacked)
    assert len(nacked.sequences) == rtcpwire.MAX_NACKED


def test_only_so_many_parts_of_one_datagram_are_read() -> None:
    assert len(read(rtcpwire.write_pli(1, 2) * 100)) == rtcpwire.MAX_PARTS


def test_more_blocks_than_one_report_holds_make_two() -> None:
    blocks = [rtcpwire.ReportBlock(n, 0, 0, 0, 0, 0, 0) for n in range(40)]

    assert read(rtcpwire.write_rr(1, blocks)) == blocks
    assert len(TheirRtcp.parse(rtcpwire.write_rr(1, blocks))) == 2
    assert len(TheirRtcp.parse(rtcpwire.write_rr(1, []))) == 1
