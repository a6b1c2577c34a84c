"""What fuzzing begins with: small inputs that are good, so that mutation starts behind the first checks."""

import json
import re
import struct

from teleward_media.core.answer import TRANSPORT_SEQUENCE
from teleward_media.packetpath import rtcpwire, twcc

from teleward_testing.packet_call import (
    CAMERA_RTX_SSRC,
    KEY,
    MIC_SSRC,
    OPUS,
    RED,
    RTX,
    STAMP_ID,
    named,
    padding_only,
    red,
    rtp,
)
from teleward_testing.sdp import SIMULCAST, audio, offer, video

_VP8_NUMBERED = bytes([0x90, 0xF0, 0x81, 0x02, 0x07, 0x25, 0x00]) + b"frame"
_STAP_A = b"\x18\x00\x02\x67\x42\x00\x03\x65\x88\x80"


def rtp_packets() -> list[bytes]:
    """Media, padding, repairs, numbered VP8, H.264 of each kind, extensions of both kinds."""
    two_byte = struct.pack("!HH", 0x1000, 2) + bytes([7, 0, 0, 9, 2]) + b"ab\0"
    return [
        rtp(1, KEY), rtp(2, _VP8_NUMBERED, first=0xB1), rtp(3, _STAP_A), rtp(4, b"\x7c\x85slice"),
        rtp(5, KEY, elements=[*named("h"), (STAMP_ID, b"\0\x07"), (1, b"\x05")]),
        rtp(6, two_byte + KEY, first=0x90), padding_only(7), rtp(8, ssrc=MIC_SSRC, kind=OPUS),
        rtp(13, red(b"before", b"newest"), ssrc=MIC_SSRC, kind=RED),
        rtp(9, b"\0\x01" + KEY, ssrc=CAMERA_RTX_SSRC, kind=RTX), rtp(10, b""),
        rtp(11, struct.pack("!HH", 0xBEDE, 1) + b"\x1f\0\0\0", first=0x90),  # an element that ends too late
        rtp(12, b"\0\x09", first=0xA0),  # padding that begins too early
    ]  # fmt: skip


def rtcp_packets() -> list[bytes]:
    """Reports, requests and feedback of each kind, alone and compound."""
    block = rtcpwire.ReportBlock(1001, 3, -1, 70_000, 9, 10, 11)
    told, _ = twcc.write(1, 2, 65530, 3, [4000, None, 4004, 3000, *[4100] * 40, None, 9000])
    one = [
        rtcpwire.write_sr(20, 7 << 32, 9, 1, 5, [block]), rtcpwire.write_rr(1, [block]),
        rtcpwire.write_pli(1, 1001), rtcpwire.write_nack(1, 1001, [7, 8, 30, 65535]),
        rtcpwire.write_remb(1, 1_000_000, [20, 30]), told,
        struct.pack("!BBHIIIB3x", 0x84, 206, 4, 1, 0, 1001, 1),
        struct.pack("!BBHI", 0x81, 203, 1, 20),
    ]  # fmt: skip
    lost = struct.pack("!BBHIIHHIHH", 0x8F, 205, 5, 1, 2, 0, 2048, 0, 2048, 0)
    pairs = b"".join(struct.pack("!HH", n, 0xFFFF) for n in range(0, 31 * 17, 17))
    many = struct.pack("!BBHII", 0x81, 205, 2 + 31, 1, 2) + pairs
    return [*one, b"".join(one), lost * 32, many * 11]


def arrivals() -> list[bytes]:
    """Steps between arrivals, as `parsers.feedback` reads them."""
    scattered = struct.pack("!4h", -600, 1, 1, 1) * 270
    return [bytes(40), struct.pack("!6h", 4, -8, 1, 1, 300, 30_000), scattered]


def offers() -> list[bytes]:
    """What browsers offer: sound, a picture in three encodings, slots, announced SSRCs, a data channel."""
    stamp = f"a=extmap:5 {TRANSPORT_SEQUENCE}"
    data = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:d", "a=sctp-port:5000")
    fid = ("a=ssrc-group:FID 20 21", "a=ssrc:20 cname:x", "a=ssrc:21 cname:x")
    texts = [
        offer(audio("0", "sendrecv", stamp)),
        offer(audio("0"), video("1", "sendonly", *SIMULCAST, stamp), video("2", "recvonly")),
        offer(video("1", "sendrecv", *fid), data),
        offer(video("1", "inactive"), session=("v=0", "a=ice-ufrag:abcd")),
        offer(video("1", "recvonly"), audio("1", "recvonly")),
    ]
    return [text.encode() for text in texts]


def frames() -> list[bytes]:
    """Frames of each side."""
    said: list[dict[str, object]] = [
        {"type": "join", "offer": "v=0"}, {"type": "resume"}, {"type": "leave"}, {"type": "end"},
        {"type": "media", "audio": True, "video": False, "screen": True},
        {"type": "hold", "participant": "ben", "on": True}, {"type": "remove", "participant": "ben"},
        {"type": "challenge", "nonce": "n", "media_node": "m", "boot": "b"},
        {"type": "authenticate", "ticket": "t"}, {"type": "closed", "reason": "left"},
        {"type": "slots", "slots": [{"mid": "0", "kind": "audio", "participant": None}]},
        {"type": "ready", "resumable": True, "call": "c", "epoch": 1, "media_node": "m"},
    ]  # fmt: skip
    return [json.dumps(one).encode() for one in said]


def words(texts: list[bytes]) -> tuple[bytes, ...]:
    """List the lines, names and numbers that texts are made of."""
    found = {word for text in texts for word in re.findall(rb"[^\r\n]+|[\w./-]+", text)}
    found |= {word for text in texts for word in re.findall(rb"[\w./-]+|\"\w+\": ?", text)}
    return tuple(sorted(word for word in found if 1 < len(word) <= 64))
