"""What leaves a media node is what Wireshark's dissector reads: RTP with its stamp, and every kind of RTCP.

It judges what aiortc does not know: two-byte header extensions and transport-wide feedback.
"""

import random
import struct
from pathlib import Path

import pytest
from teleward_media.packetpath import rtcpwire, rtpwire, twcc
from teleward_testing.wireshark import dissect

MANY = 200


@pytest.fixture
def chance() -> random.Random:
    return random.Random(2026)


def numbers(values: list[str]) -> list[int]:
    return [int(value, 0) for value in values]


def test_stamped_and_padded_packets_are_read_as_they_were_meant(
    tshark: str, tmp_path: Path, chance: random.Random
) -> None:
    meant, datagrams = [], []
    for _ in range(MANY):
        number, stamp, sequence = (
            chance.randint(1, 14),
            chance.getrandbits(16),
            chance.getrandbits(16),
        )
        timestamp, ssrc, marked = (
            chance.getrandbits(32),
            chance.getrandbits(32),
            chance.getrandbits(1),
        )
        payload, more = chance.randbytes(chance.randint(1, 60)), chance.choice([0, 1, 32, 200])
        out = bytearray(400)
        start = rtpwire.write_stamped(
            out, 0, marked << 7 | 96, sequence, timestamp, ssrc, number, stamp
        )
        end = start + len(payload)
        out[start:end] = payload
        if more:
            rtpwire.pad(out, 0, end, end + more)
        datagrams.append(bytes(out[: end + more]))
        meant.append((sequence, timestamp, ssrc, marked, 96, number, 2, stamp, payload, more))

    fields = (
        "rtp.seq", "rtp.timestamp", "rtp.ssrc", "rtp.marker", "rtp.p_type", "rtp.ext.rfc5285.id",
        "rtp.ext.rfc5285.len", "rtp.ext.rfc5285.data", "rtp.payload", "rtp.padding.count",
    )  # fmt: skip
    found = []
    for packet in dissect(tshark, tmp_path, datagrams, "rtp", fields):
        assert packet["_ws.malformed"] == []
        seq, timestamp, ssrc, kind, identifier, length = (
            int(packet[f][0], 0)
            for f in (*fields[:3], "rtp.p_type", "rtp.ext.rfc5285.id", "rtp.ext.rfc5285.len")
        )
        stamp = int(packet["rtp.ext.rfc5285.data"][0].replace(":", ""), 16)
        payload = bytes.fromhex(packet["rtp.payload"][0].replace(":", ""))
        marker = packet["rtp.marker"][0].lower() in ("1", "true")
        more = numbers(packet["rtp.padding.count"])[0] if packet["rtp.padding.count"] else 0
        found.append(
            (seq, timestamp, ssrc, marker, kind, identifier, length, stamp, payload, more)
        )
    assert found == meant


def test_two_byte_extensions_are_walked_as_wireshark_walks_them(
    tshark: str, tmp_path: Path, chance: random.Random
) -> None:
    datagrams = []
    for _ in range(MANY):
        body = b""
        sizes = [chance.choice([0, 1, 3, 17, 40]) for _ in range(chance.randint(0, 5))]
        for size in (*sizes, 2):  # Wireshark overlooks an empty one at the very end
            body += bytes([chance.randint(1, 255), size]) + chance.randbytes(size)
            body += bytes(chance.choice([0, 0, 2]))
        body += bytes(-len(body) % 4)
        profile = 0x1000 | chance.getrandbits(4)
        head = struct.pack("!BBHIIHH", 0x90, 96, 1, 2, 3, profile, len(body) // 4)
        datagrams.append(head + body + b"payload")

    fields = ("rtp.ext.rfc5285.id", "rtp.ext.rfc5285.len", "rtp.payload")
    for datagram, theirs in zip(
        datagrams, dissect(tshark, tmp_path, datagrams, "rtp", fields), strict=True
    ):
        bounds = rtpwire.bounds(datagram, 0, len(datagram))
        assert bounds is not None
        ours = [(i, size) for i, _, size in rtpwire.extensions(datagram, bounds[0], bounds[1])]
        assert ours == list(
            zip(
                numbers(theirs["rtp.ext.rfc5285.id"]),
                numbers(theirs["rtp.ext.rfc5285.len"]),
                strict=True,
            )
        )
        assert theirs["rtp.payload"] == [b"payload".hex()]


def test_compound_reports_and_requests_are_read_as_they_were_meant(
    tshark: str, tmp_path: Path, chance: random.Random
) -> None:
    datagrams, meant = [], []
    for _ in range(MANY):
        block = rtcpwire.ReportBlock(
            chance.getrandbits(32), chance.getrandbits(8), chance.randint(-(2**23), 2**23 - 1),
            chance.getrandbits(32), chance.getrandbits(32), chance.getrandbits(32),
            chance.getrandbits(32),
        )  # fmt: skip
        ssrc, ntp, rtp = chance.getrandbits(32), chance.getrandbits(64), chance.getrandbits(32)
        first = chance.randrange(60_000)
        lost = [first, first + 2, first + 13]
        media, bitrate = chance.getrandbits(32), chance.randint(1000, 2**34)
        datagrams.append(
            rtcpwire.write_sr(ssrc, ntp, rtp, 5, 6)
            + rtcpwire.write_rr(1, [block])
            + rtcpwire.write_pli(1, media)
            + rtcpwire.write_nack(1, media, lost)
            + rtcpwire.write_remb(1, bitrate, [media])
        )
        exponent = max(0, bitrate.bit_length() - 18)
        meant.append(
            {
                "rtcp.pt": [200, 201, 206, 205, 206], "rtcp.timestamp.ntp.msw": [ntp >> 32],
                "rtcp.timestamp.ntp.lsw": [ntp & 0xFFFFFFFF], "rtcp.timestamp.rtp": [rtp],
                "rtcp.sender.packetcount": [5], "rtcp.sender.octetcount": [6],
                "rtcp.ssrc.identifier": [block.ssrc], "rtcp.ssrc.fraction": [block.fraction_lost],
                "rtcp.ssrc.cum_nr": [block.lost], "rtcp.ssrc.ext_high": [block.highest],
                "rtcp.ssrc.jitter": [block.jitter], "rtcp.ssrc.lsr": [block.last_report],
                "rtcp.ssrc.dlsr": [block.delay], "rtcp.rtpfb.nack_pid": lost,
                "rtcp.rtpfb.nack_blp": [1 << 1 | 1 << 12], "rtcp.psfb.remb.fci.ssrc": [media],
                "rtcp.psfb.remb.fci.br_exp": [exponent],
                "rtcp.psfb.remb.fci.br_mantissa": [bitrate >> exponent],
            }
        )  # fmt: skip

    read = dissect(tshark, tmp_path, datagrams, "rtcp", tuple(meant[0]))

    assert [packet.pop("_ws.malformed") for packet in read] == [[]] * MANY
    assert [{name: numbers(values) for name, values in one.items()} for one in read] == meant


def test_transport_wide_feedback_is_read_as_it_was_meant(
    tshark: str, tmp_path: Path, chance: random.Random
) -> None:
    datagrams, meant = [], []
    for number in range(MANY):
        now = chance.getrandbits(30)
        arrivals: list[int | None] = []
        for _ in range(chance.randint(1, 60)):
            now += chance.choice([0, 3, 255, 256, 4000, -200])
            arrivals.append(None if arrivals and chance.random() < 0.3 else now)
        base = chance.getrandbits(16)
        packet, told = twcc.write(1, 77, base, number, arrivals)
        assert told == len(arrivals)
        datagrams.append(packet)
        assert arrivals[0] is not None
        reference = arrivals[0] // twcc.REFERENCE_TICKS
        last, deltas = reference * twcc.REFERENCE_TICKS, []
        for arrival in arrivals:
            if arrival is not None:
                deltas.append((arrival - last) & 0xFFFF)  # it shows no sign
                last = arrival
        meant.append((base, len(arrivals), number & 0xFF, reference, deltas))

    fields = (
        "rtcp.rtpfb.transportcc.baseseq", "rtcp.rtpfb.transportcc.statuscount",
        "rtcp.rtpfb.transportcc.pktcount", "rtcp.rtpfb.transportcc.reftime",
        "rtcp.rtpfb.transportcc.recv_delta",
    )  # fmt: skip
    read = dissect(tshark, tmp_path, datagrams, "rtcp", fields)

    assert [packet["_ws.malformed"] for packet in read] == [[]] * MANY
    assert [
        (
            *(numbers(one[field])[0] for field in fields[:4]),
            numbers(one["rtcp.rtpfb.transportcc.recv_delta"]),
        )
        for one in read
    ] == meant
