"""An offer becomes what the answer needs of it, or one typed error, whatever its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.core import offer as reading
from teleward_media.core.answer import MID
from teleward_media.core.offer import Codec, parse_offer
from teleward_media.errors import OfferRefusedError
from teleward_testing.sdp import (
    ABS_SEND_TIME,
    FINGERPRINT,
    SESSION,
    SIMULCAST,
    audio,
    offer,
    video,
)


def without(start: str) -> tuple[str, ...]:
    return tuple(line for line in SESSION if not line.startswith(start))


def test_what_the_answer_needs_is_read() -> None:
    read = parse_offer(offer(audio("0"), video("1", "sendonly", *SIMULCAST)))

    assert read.ufrag == "abcd"
    assert read.fingerprints == (("sha-256", FINGERPRINT),)
    first, second = read.sections
    assert (first.kind, first.mid, first.sends, first.receives) == ("audio", "0", True, True)
    assert (second.sends, second.receives) == (True, False)
    assert second.rids == ("h", "m", "l")
    assert second.extensions[MID] == 4
    assert second.extensions[ABS_SEND_TIME] == 2
    opus = first.codecs[0]
    assert (opus.payload_type, opus.name, opus.clock_rate, opus.channels) == (
        111,
        "opus",
        48000,
        2,
    )
    vp8, rtx = second.codecs[:2]
    assert vp8.feedback == ("nack", "nack pli", "transport-cc")
    assert (vp8.is_rtx, rtx.is_rtx, rtx.parameters) == (False, True, "apt=96")


def test_credentials_may_stand_in_the_section() -> None:
    session = without("a=ice")
    section = audio("0", "sendrecv", "a=ice-ufrag:wxyz", "a=ice-pwd:0123456789012345678901")

    assert parse_offer(offer(section, session=session)).ufrag == "wxyz"


def test_streams_named_by_ssrc_are_told_from_their_retransmissions() -> None:
    lines = (
        "a=ssrc-group:FID 11 12",
        "a=ssrc-group:SIM 1 2 3",
        "a=ssrc:11 cname:x",
        "a=ssrc:12 cname:x",
    )
    section = parse_offer(offer(video("0", "sendonly", *lines))).sections[0]

    assert section.ssrcs == (11,)
    assert section.rtx_ssrcs == {11: 12}


def test_no_direction_means_both() -> None:
    section = tuple(line for line in audio("0") if line != "a=sendrecv")

    assert parse_offer(offer(section)).sections[0].direction == "sendrecv"


def test_a_section_of_another_kind_is_kept_to_be_rejected() -> None:
    data = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:1", "a=sctp-port:5000")
    section = parse_offer(offer(audio("0"), data)).sections[1]

    assert (section.kind, section.direction, section.codecs) == ("application", "inactive", ())


def test_a_payload_type_that_the_m_line_does_not_name_is_not_a_codec() -> None:
    section = audio("0", "sendrecv", "a=rtpmap:50 opus/48000/2", "a=rtpmap:111 opus")

    assert [codec.payload_type for codec in parse_offer(offer(section)).sections[0].codecs] == [
        111,
        0,
    ]


def test_an_rid_that_the_client_wants_to_receive_is_no_encoding() -> None:
    assert parse_offer(offer(video("0", "sendrecv", "a=rid:x recv"))).sections[0].rids == ()


def test_an_extension_without_a_name_or_number_is_passed_over() -> None:
    section = parse_offer(
        offer(audio("0", "sendrecv", "a=extmap:0 urn:x", "a=extmap:7"))
    ).sections[0]

    assert "urn:x" not in section.extensions
    assert 7 not in section.extensions.values()


def test_a_payload_type_is_one_codec_however_often_it_is_named() -> None:
    section = audio("0", "sendrecv", *["a=rtpmap:111 opus/48000/2"] * 1000)

    assert [c.payload_type for c in parse_offer(offer(section)).sections[0].codecs] == [111, 0]


@pytest.mark.parametrize(
    ("parameters", "apt"),
    [("apt=96", 96), ("rate=1; apt=7", 7), ("apt=²;x=1", -1), ("apt=" + "9" * 5000, -1), ("", -1)],
)
def test_what_a_retransmission_belongs_to_is_a_payload_type_or_nothing(
    parameters: str, apt: int
) -> None:
    assert Codec(97, "rtx", 90000, parameters=parameters).apt == apt


def test_a_group_of_nothing_is_passed_over() -> None:
    section = parse_offer(
        offer(video("0", "sendonly", "a=ssrc-group:", "a=ssrc-group:FID 1"))
    ).sections[0]

    assert section.rtx_ssrcs == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with v=0"),
        ("\x00\xff", "begins with v=0"),
        ("v=0\n" * (reading.MAX_LINES + 1), "lines"),
        (offer(), "no section"),
        (offer(*[audio(str(n)) for n in range(reading.MAX_SECTIONS + 1)]), "sections"),
        (offer(("m=application 9 UDP/DTLS/SCTP x", "a=mid:0")), "no audio and no video"),
        (offer(audio("0"), audio("0")), "same mid"),
        (offer(audio("0"), session=(*without("a=setup"), "a=setup:passive")), "actpass"),
        (offer(audio("0", "sendrecv", "a=setup:holdconn")), "actpass"),
        (offer(audio("0"), session=without("a=ice-ufrag")), "ice-ufrag"),
        (offer(audio("0"), session=(*without("a=ice-pwd"), "a=ice-pwd:ü")), "ice-pwd"),
        (offer(audio("0"), session=without("a=fingerprint")), "sha-256"),
        (offer(audio("0"), session=(*without("a=fingerprint"), f"a=fingerprint:sha-1 {FINGERPRINT}")), "sha-256"),
        (offer(audio("0", "sendrecv", "a=fingerprint:sha-256 AB")), "fingerprint is malformed"),
        (offer(("m=audio 9 x",)), "m= line"),
        (offer(("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtcp-mux")), "mid"),
        (offer(audio("ü")), "mid"),
        (offer(("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0")), "rtcp-mux"),
        (offer(("m=audio 99999 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=rtcp-mux")), "number"),
        (offer(("m=audio ٣ UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=rtcp-mux")), "number"),
        (offer((f"m=audio 9 UDP/TLS/RTP/SAVPF {'1 ' * 65}", "a=mid:0", "a=rtcp-mux")), "payload types"),
        (offer(audio("0", "sendrecv", "a=ssrc:4294967296 cname:x")), "number"),
        (offer(audio("0", "sendrecv", *(f"a=ssrc:{n} x" for n in range(65)))), "SSRCs"),
        (offer(audio("0", "sendrecv", *(f"a=ssrc-group:FID {n} {n}" for n in range(65)))), "SSRCs"),
        (offer(audio("0", "sendrecv", f"a=fmtp:0 {'x' * 513}")), "fmtp"),
        (offer(video("0", "sendrecv", "a=rid:ü send")), "rid is malformed"),
        (offer(video("0", "sendrecv", f"a=rid:{'r' * 17} send")), "rid is malformed"),
        (offer(video("0", "sendrecv", *(f"a=rid:{n} send" for n in range(4)))), "three encodings"),
    ],
)  # fmt: skip
def test_a_bad_offer_is_refused_with_one_typed_error_that_says_why(text: str, why: str) -> None:
    with pytest.raises(OfferRefusedError, match=why):
        parse_offer(text)


def is_refused(text: str) -> bool:
    try:
        assert parse_offer(text).sections
    except OfferRefusedError:
        return True
    return False


@given(st.text())
def test_any_text_gives_an_offer_or_the_typed_error(text: str) -> None:
    assert is_refused(text), "it does not make an offer"
    assert is_refused("v=0\r\n" + text), "nor does it behind a beginning"
    says_something = any(line.partition("=")[0] in ("a", "m") for line in text.splitlines())
    assert says_something or not is_refused(offer(audio("0", "sendrecv", text), video("1")))


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("", False), ("b=AS:64", False), ("x", False), ("a=", False), ("a=unheard-of:1", False),
        ("a=mid", False), ("a=mid:2", False), ("a=ssrc:1", False), ("a=setup:passive", True),
        ("a=ssrc:x", True), ("a=extmap:x urn:y", True), ("a=rid:ü send", True), ("m=", True),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", True), ("a=fingerprint:sha-256 x", True),
    ],
)  # fmt: skip
def test_a_line_more_is_passed_over_unless_what_it_says_is_needed_and_wrong(
    line: str, refused: bool
) -> None:
    assert is_refused(offer(audio("0", "sendrecv", line), video("1"))) == refused


@given(st.data())
def test_any_cut_and_any_changed_character_gives_an_offer_or_the_typed_error(
    data: st.DataObject,
) -> None:
    whole = offer(audio("0"), video("1", "sendrecv", *SIMULCAST))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.characters()) + whole[at + 1 :]
    for candidate in (whole[:at], changed):
        try:
            assert parse_offer(candidate).sections
        except OfferRefusedError:
            continue
