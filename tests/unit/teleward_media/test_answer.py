"""The answer takes what this media node forwards, rejects the rest in place, and says so in SDP."""

from collections.abc import Callable
from itertools import count

import pytest
from aiortc.sdp import SessionDescription
from teleward_media.core.answer import (
    AUDIO_LEVEL,
    MID,
    LocalTransport,
    Negotiated,
    negotiate,
    write_answer,
)
from teleward_media.core.offer import Offer, parse_offer
from teleward_testing.sdp import FINGERPRINT, SIMULCAST, audio, offer, video

LOCAL = LocalTransport("ufrag", "p" * 22, FINGERPRINT, "192.0.2.1", 50000)
DATA = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:d", "a=sctp-port:5000")


def numbers() -> Callable[[], int]:
    return count(1000).__next__


def negotiated(*sections: tuple[str, ...]) -> tuple[Offer, Negotiated]:
    read = parse_offer(offer(*sections))
    return read, negotiate(read, numbers())


def answer(*sections: tuple[str, ...]) -> str:
    return write_answer(*negotiated(*sections), LOCAL)


def part(text: str, mid: str) -> list[str]:
    """The lines of one section of an answer."""
    return next(
        lines
        for block in text.split("\r\nm=")[1:]
        if f"a=mid:{mid}" in (lines := f"m={block}".split("\r\n"))
    )


def test_the_first_audio_is_the_microphone_the_first_two_videos_camera_and_screen() -> None:
    _, found = negotiated(
        audio("0"), video("1"), video("2", "sendonly"), video("3", "sendonly"), audio("4", "sendonly")
    )  # fmt: skip

    assert [(s.kind, s.mid) for s in found.sources] == [
        ("microphone", "0"),
        ("camera", "1"),
        ("screen", "2"),
    ]
    assert [(s.kind, s.mid) for s in found.slots] == [("audio", "0"), ("video", "1")]


def test_a_slot_has_an_ssrc_of_its_own_and_one_for_retransmission_where_it_was_offered() -> None:
    _, found = negotiated(audio("0", "recvonly"), video("1", "recvonly"))

    assert [slot.view(None, None).mid for slot in found.slots] == ["0", "1"]
    assert [(s.ssrc, s.rtx_ssrc) for s in found.slots] == [(1000, None), (1001, 1002)]


def test_opus_vp8_and_one_kind_of_h264_are_taken_with_the_retransmission_that_fits() -> None:
    _, found = negotiated(video("0", "sendonly"))

    assert [c.payload_type for c in found.sources[0].codecs] == [96, 102, 97]


@pytest.mark.parametrize(
    "line", ["a=rtpmap:111 opus/16000/2", "a=rtpmap:111 opus/48000", "a=rtpmap:111 L16/48000/2"]
)
def test_another_shape_of_audio_is_not_taken(line: str) -> None:
    section = (
        "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=rtcp-mux", line, "a=sendrecv",
    )  # fmt: skip
    _, found = negotiated(section)

    assert found == Negotiated((), ())


@pytest.mark.parametrize("apt", ["a=fmtp:97 rate=96", "a=fmtp:97 apt=x", "a=fmtp:97 apt=٣"])
def test_a_retransmission_of_nothing_is_not_taken(apt: str) -> None:
    section = (
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "a=mid:0", "a=rtcp-mux", "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 rtx/90000", apt, "a=rtpmap:98 VP8/8000",
    )  # fmt: skip

    assert [c.payload_type for c in negotiated(section)[1].sources[0].codecs] == [96]


def test_only_extensions_that_are_forwarded_are_negotiated() -> None:
    _, found = negotiated(audio("0"))

    assert found.sources[0].extensions == {AUDIO_LEVEL: 1, MID: 4}


def test_media_without_srtp_is_rejected() -> None:
    section = tuple(line.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP") for line in audio("0"))
    text = answer(section, video("1"))

    assert part(text, "0")[0] == "m=audio 0 RTP/AVP 111"
    assert "a=group:BUNDLE 1" in text


def test_the_answer_says_ice_lite_passive_and_one_host_candidate_in_every_section() -> None:
    text = answer(audio("0"), video("1", "sendonly", *SIMULCAST), DATA)

    assert "a=ice-lite" in text
    for mid in "01":
        lines = part(text, mid)
        assert "a=setup:passive" in lines
        assert [line for line in lines if line.startswith("a=candidate")] == [
            "a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host"
        ]
    assert part(text, "d")[0] == "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"


def test_directions_mirror_what_was_taken() -> None:
    text = answer(
        audio("0"), video("1", "sendonly"), video("2", "recvonly"), audio("3", "inactive")
    )

    directions = [
        line[2:]
        for mid in "0123"
        for line in part(text, mid)
        if line.startswith(("a=send", "a=recv", "a=inact"))
    ]
    assert directions == ["sendrecv", "recvonly", "sendonly", "inactive"]


def test_codecs_are_spelt_as_browsers_know_them_with_the_feedback_we_give() -> None:
    lines = part(answer(video("0")), "0")

    assert "a=rtpmap:96 VP8/90000" in lines
    assert "a=rtpmap:102 H264/90000" in lines
    assert "a=rtcp-fb:96 nack pli" in lines
    assert "a=rtcp-fb:96 transport-cc" in lines


def test_simulcast_is_received_as_offered() -> None:
    lines = part(answer(video("0", "sendrecv", *SIMULCAST)), "0")

    assert "a=simulcast:recv h;m;l" in lines
    assert "a=rid:h recv" in lines


def test_another_implementation_reads_the_answer() -> None:
    read = SessionDescription.parse(answer(audio("0"), video("1", "sendrecv", *SIMULCAST)))

    assert [(m.kind, m.rtp.muxId, m.port) for m in read.media] == [
        ("audio", "0", 50000),
        ("video", "1", 50000),
    ]
    assert [s.ssrc for s in read.media[1].ssrc] == [1001, 1002]
    assert read.media[1].ssrc_group[0].items == [1001, 1002]
    assert [m.ice and m.ice.usernameFragment for m in read.media] == ["ufrag", "ufrag"]
