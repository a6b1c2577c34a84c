"""The wire code agrees with aiortc on generated packets, in both directions.

aiortc knows RTP with both kinds of header extension, reports, NACK, PLI, REMB and the payloads of VP8 and H.264; what
it lacks is judged by Wireshark and Pion in `test_wire_by_wireshark.py` and `test_wire_by_pion.py`.
"""

import struct
from fractions import Fraction
from itertools import pairwise

import pytest
from aiortc.codecs.h264 import H264Encoder, H264PayloadDescriptor
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
    unpack_remb_fci,
)
from aiortc.rtp import RtcpPacket as TheirRtcp
from av import Packet
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.core.answer import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_SEQUENCE,
)
from teleward_media.packetpath import payloads, rtcpwire, rtpwire
from teleward_testing.families import frames
from teleward_testing.sdp import ABS_SEND_TIME

WORD = st.integers(0, 2**32 - 1)
SHORT = st.integers(0, 2**16 - 1)
TOKEN = st.text("abcxyz019", min_size=1, max_size=30)
URIS = (MID, RID, REPAIRED_RID, ABS_SEND_TIME, AUDIO_LEVEL, TRANSPORT_SEQUENCE)


@st.composite
def extended(draw: st.DrawFn) -> tuple[HeaderExtensionsMap, HeaderExtensions, dict[int, bytes]]:
    """Header extensions as aiortc has them, and what stands behind each number on the wire."""
    numbers = draw(st.lists(st.integers(1, 255), min_size=6, max_size=6, unique=True))
    known = dict(zip(URIS, numbers, strict=True))
    mapping, values, wire = HeaderExtensionsMap(), HeaderExtensions(), {}
    mapping.configure(
        RTCRtpParameters(
            headerExtensions=[RTCRtpHeaderExtensionParameters(i, u) for u, i in known.items()]
        )
    )
    for uri, name in (
        (MID, "mid"),
        (RID, "rtp_stream_id"),
        (REPAIRED_RID, "repaired_rtp_stream_id"),
    ):
        if draw(st.booleans()):
            token = draw(TOKEN)
            setattr(values, name, token)
            wire[known[uri]] = token.encode()
    if draw(st.booleans()):
        values.abs_send_time = draw(st.integers(0, 2**24 - 1))
        wire[known[ABS_SEND_TIME]] = values.abs_send_time.to_bytes(3, "big")
    if draw(st.booleans()):
        values.audio_level = (draw(st.booleans()), draw(st.integers(0, 127)))
        wire[known[AUDIO_LEVEL]] = bytes([values.audio_level[0] << 7 | values.audio_level[1]])
    if draw(st.booleans()):
        values.transport_sequence_number = draw(SHORT)
        wire[known[TRANSPORT_SEQUENCE]] = values.transport_sequence_number.to_bytes(2, "big")
    return mapping, values, wire


@given(
    extended(), st.lists(WORD, max_size=15), st.integers(0, 255), st.binary(max_size=80), SHORT, WORD
)  # fmt: skip
def test_an_rtp_packet_of_theirs_is_found_with_its_extensions_and_its_payload(
    dressed: tuple[HeaderExtensionsMap, HeaderExtensions, dict[int, bytes]], csrc: list[int],
    padding: int, payload: bytes, sequence: int, timestamp: int,
) -> None:  # fmt: skip
    mapping, values, wire = dressed
    theirs = RtpPacket(96, 1, sequence, timestamp, 7, payload)
    theirs.csrc, theirs.extensions, theirs.padding_size = csrc, values, padding
    packet = theirs.serialize(mapping)

    bounds = rtpwire.bounds(packet, 0, len(packet))

    assert bounds is not None
    extension, start, end = bounds
    assert packet[start:end] == payload
    assert bool(extension) == bool(wire)
    if extension:
        found = rtpwire.extensions(packet, extension, start)
        assert {number: packet[at : at + size] for number, at, size in found} == wire


@given(
    st.integers(1, 14), SHORT, SHORT, WORD, WORD, st.integers(0, 255),
    st.binary(min_size=1, max_size=90), st.integers(0, 200),
)  # fmt: skip
def test_an_rtp_packet_of_ours_is_read_by_them(
    number: int, stamp: int, sequence: int, timestamp: int, ssrc: int, marked: int,
    payload: bytes, more: int,
) -> None:  # fmt: skip
    out = bytearray(400)
    start = rtpwire.write_stamped(out, 3, marked, sequence, timestamp, ssrc, number, stamp)
    out[start : start + len(payload)] = payload
    end = start + len(payload)
    if more:
        rtpwire.pad(out, 3, end, end - 3 + more)
    mapping = HeaderExtensionsMap()
    mapping.configure(
        RTCRtpParameters(
            headerExtensions=[RTCRtpHeaderExtensionParameters(number, TRANSPORT_SEQUENCE)]
        )
    )

    theirs = RtpPacket.parse(bytes(out[3 : end + more]), mapping)

    assert (theirs.marker, theirs.payload_type) == (marked >> 7, marked & 127)
    assert (theirs.sequence_number, theirs.timestamp, theirs.ssrc) == (sequence, timestamp, ssrc)
    assert theirs.extensions.transport_sequence_number == stamp
    assert (theirs.payload, theirs.padding_size) == (payload, more)


BLOCKS = st.lists(
    st.builds(
        rtcpwire.ReportBlock, WORD, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), WORD,
        WORD, WORD, WORD,
    ),
    max_size=31,
)  # fmt: skip


def theirs_of(block: rtcpwire.ReportBlock) -> RtcpReceiverInfo:
    return RtcpReceiverInfo(
        ssrc=block.ssrc, fraction_lost=block.fraction_lost, packets_lost=block.lost,
        highest_sequence=block.highest, jitter=block.jitter, lsr=block.last_report,
        dlsr=block.delay,
    )  # fmt: skip


def read(packet: bytes) -> list[rtcpwire.Part]:
    return list(rtcpwire.read_rtcp(packet, 0, len(packet)))


@given(WORD, st.integers(0, 2**64 - 1), WORD, WORD, WORD, BLOCKS)
def test_reports_are_the_same_in_both_directions(
    ssrc: int, ntp: int, rtp: int, packets: int, octets: int, blocks: list[rtcpwire.ReportBlock]
) -> None:
    info = RtcpSenderInfo(
        ntp_timestamp=ntp, rtp_timestamp=rtp, packet_count=packets, octet_count=octets
    )
    sender = RtcpSrPacket(ssrc=ssrc, sender_info=info, reports=[theirs_of(b) for b in blocks])
    receiver = RtcpRrPacket(ssrc=ssrc, reports=[theirs_of(b) for b in blocks])

    assert rtcpwire.write_sr(ssrc, ntp, rtp, packets, octets, blocks) == bytes(sender)
    assert rtcpwire.write_rr(ssrc, blocks) == bytes(receiver)
    assert read(bytes(sender)) == [rtcpwire.SenderReport(ssrc, ntp, rtp), *blocks]
    assert read(bytes(receiver)) == blocks


@given(WORD, WORD, st.lists(st.integers(0, 300), min_size=1, max_size=40, unique=True), SHORT)
def test_requests_are_the_same_in_both_directions(
    sender: int, media: int, steps: list[int], base: int
) -> None:
    lost = [(base + step) & 0xFFFF for step in sorted(steps)]
    ours, theirs = (
        rtcpwire.write_nack(sender, media, lost),
        bytes(RtcpRtpfbPacket(fmt=1, ssrc=sender, media_ssrc=media, lost=lost)),
    )
    for packet in (ours, theirs):
        assert read(packet) == [rtcpwire.Nacked(media, tuple(lost))]
        (parsed,) = TheirRtcp.parse(packet)
        assert isinstance(parsed, RtcpRtpfbPacket)
        assert (parsed.ssrc, parsed.media_ssrc, parsed.lost) == (sender, media, lost)

    pli = bytes(RtcpPsfbPacket(fmt=1, ssrc=sender, media_ssrc=media))
    assert rtcpwire.write_pli(sender, media) == pli
    assert read(pli) == [rtcpwire.KeyframeAsked(media)]


@given(WORD, st.lists(st.tuples(WORD, st.integers(0, 255)), min_size=1, max_size=10))
def test_a_full_intra_request_of_theirs_is_read(
    sender: int, wanted: list[tuple[int, int]]
) -> None:
    body = b"".join(struct.pack("!IB3x", ssrc, count) for ssrc, count in wanted)
    packet = bytes(RtcpPsfbPacket(fmt=4, ssrc=sender, media_ssrc=0, fci=body))

    assert read(packet) == [rtcpwire.KeyframeAsked(ssrc) for ssrc, _ in wanted]


@given(WORD, st.integers(1, 2**40), st.lists(WORD, max_size=20))
def test_a_bitrate_is_told_the_same_in_both_directions_to_a_part_in_100_000(
    sender: int, bitrate: int, ssrcs: list[int]
) -> None:
    fci = pack_remb_fci(bitrate, ssrcs)
    theirs = bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=sender, media_ssrc=0, fci=fci))
    ours = rtcpwire.write_remb(sender, bitrate, ssrcs)

    assert read(theirs) == read(ours)
    (parsed,) = TheirRtcp.parse(ours)
    assert isinstance(parsed, RtcpPsfbPacket)
    told, named = unpack_remb_fci(parsed.fci)
    assert named == ssrcs
    assert 0 <= bitrate - told <= bitrate / 100_000


@given(st.lists(WORD, max_size=31))
def test_a_goodbye_of_theirs_is_read(ssrcs: list[int]) -> None:
    assert read(bytes(RtcpByePacket(sources=ssrcs))) == [rtcpwire.Bye(tuple(ssrcs))]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_of_really_encoded_frames_the_keyframes_beginning_is_found_and_no_other(
    codec: str,
) -> None:
    encoder = Vp8Encoder() if codec == "vp8" else H264Encoder()
    reader = payloads.READERS[codec]
    found = []
    whole = frames.encoded(codec, width=640, height=480, bit_rate=3_000_000, frames=12)
    for number, frame in enumerate(whole + whole):
        packet = Packet(frame)
        packet.pts, packet.time_base = number, Fraction(1, 30)
        parts, _ = encoder.pack(packet)
        read_parts = [reader(b"#" + part, 1, 1 + len(part)) for part in parts]
        assert None not in read_parts
        found.append([bool(one and one.keyframe) for one in read_parts])

    assert [any(frame) for frame in found] == 2 * ([True] + [False] * (len(whole) - 1))
    assert all(frame[0] for frame in found if any(frame)), "it begins with its first packet"


def test_really_encoded_vp8_is_numbered_as_aiortc_numbers_it() -> None:
    encoder, pictures = Vp8Encoder(), []
    for number, frame in enumerate(frames.encoded("vp8")):
        packet = Packet(frame)
        packet.pts, packet.time_base = number, Fraction(1, 30)
        for at, part in enumerate(encoder.pack(packet)[0]):
            read_part = payloads.read_vp8(part, 0, len(part))
            theirs, _ = VpxPayloadDescriptor.parse(part)
            assert read_part is not None
            assert (read_part.picture, read_part.starts_frame) == (theirs.picture_id, at == 0)
            if at == 0:
                pictures.append(read_part.picture)

    assert {(b - a) & 0x7FFF for a, b in pairwise(pictures)} == {1}


@given(st.binary(min_size=2, max_size=80))
def test_an_h264_payload_begins_a_frame_where_theirs_begins_a_unit(data: bytes) -> None:
    ours = payloads.read_h264(data, 0, len(data))
    try:
        theirs, _ = H264PayloadDescriptor.parse(data)
    except ValueError:
        return
    if ours is not None:
        assert ours.starts_frame == theirs.first_fragment
