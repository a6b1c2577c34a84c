"""Offers of browsers that no test here can run are answered whole: Safari, an old Chromium, Firefox with a plugin.

Each `offers/NAME.sdp` holds the features of a public or own recording in their order; keys, fingerprints, SSRCs and
names are our own, and codecs that nobody takes are left out where they say nothing. `NAME.answer.sdp` is the answer.

Sources, and what each shows:
* `safari-14-macos`: github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c/issues/902 (November 2020): video
  first, H.264 high before constrained baseline, no packetization-mode 0, VP8 as 100, `/` in an ICE name, frame marking.
  github.com/ionorg/ion-sfu/issues/23 says the same of Safari 13.1.2.
* `safari-15-ios`: github.com/mpromonet/webrtc-streamer/issues/469: `extmap-allow-mixed`, RID extensions on audio,
  `mslabel` lines; its video part as Safari 14's with VP9, which Safari knows since 15
  (github.com/open-webrtc-toolkit/owt-client-javascript/issues/605).
* `safari-18-macos`: github.com/livekit/client-sdk-js/issues/1617 (the order of sections and of payload types) and
  github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c/pull/1965 (audio with RED, H.265 without parameters, an
  ICE name that begins with `//`).
* `safari-18-our-page`: the same extensions in the sections of our page, after its `setCodecPreferences`.
* `chrome-70-plan-b`: github.com/aws/amazon-chime-sdk-js, test/sdp/SDPMock.ts: sections named by kind, no MID
  extension, simulcast by SSRC, H.264 in four kinds, candidates in the offer.
* `firefox-153-linux`: recorded from Debian's Firefox ESR 153.8 with three encodings on 2026-11-27: RIDs and SSRCs at
  once, directions in `extmap`, attributes in alphabetical order, `bundle-only` with port 0.
* `firefox-openh264`: the same with H.264 as github.com/EricssonResearch/openwebrtc/issues/443 has it: the profile
  comes before the packetization mode, and mode 0 is not spelt out.
"""

from itertools import count
from pathlib import Path

import pytest
from teleward_media.core.answer import LocalTransport, Negotiated, negotiate, write_answer
from teleward_media.core.offer import Offer, parse_offer
from teleward_testing.sdp import FINGERPRINT

OFFERS = Path(__file__).parent / "offers"
LOCAL = LocalTransport("ufrag", "p" * 22, FINGERPRINT, "192.0.2.1", 50000)

TAKEN = {
    "safari-14-macos": (
        {"camera": "VP8 100, H264 98", "microphone": "OPUS 111"},
        {"0": "VP8 100, H264 98", "1": "OPUS 111"},
    ),
    "safari-15-ios": (
        {"microphone": "OPUS 111", "camera": "VP8 100, H264 98"},
        {"0": "OPUS 111", "1": "VP8 100, H264 98"},
    ),
    "safari-18-macos": (
        {"camera": "VP8 106, H264 98", "microphone": "OPUS 111, RED 63"},
        {"2": "OPUS 111, RED 63"},
    ),
    "safari-18-our-page": (
        {"microphone": "OPUS 111", "camera": "VP8 106, H264 98", "screen": "VP8 106, H264 98"},
        {"3": "OPUS 111", "4": "VP8 106, H264 98"},
    ),
    "chrome-70-plan-b": (
        {"microphone": "OPUS 111", "camera": "VP8 96, H264 125"},
        {"audio": "OPUS 111", "video": "VP8 96, H264 125"},
    ),
    "firefox-153-linux": (
        {"microphone": "OPUS 109", "camera": "VP8 120"},
        {"2": "OPUS 109", "3": "VP8 120"},
    ),
    "firefox-openh264": (
        {"microphone": "OPUS 109", "camera": "VP8 120, H264 126"},
        {"0": "OPUS 109", "1": "VP8 120, H264 126"},
    ),
}
"""By recording: what each source is taken as, and what each slot may carry; RTX goes without saying."""


def negotiated(name: str) -> tuple[Offer, Negotiated]:
    offer = parse_offer((OFFERS / f"{name}.sdp").read_text().replace("\n", "\r\n"))
    return offer, negotiate(offer, count(1000).__next__)


def spelt(codecs: object) -> str:
    return ", ".join(f"{c.name.upper()} {c.payload_type}" for c in codecs if not c.is_rtx)  # type: ignore[attr-defined]  # codecs


@pytest.mark.parametrize("name", TAKEN)
def test_what_can_be_forwarded_is_taken_and_vp8_is_named_first(name: str) -> None:
    _, found = negotiated(name)

    sources = {source.kind: spelt(source.codecs) for source in found.sources}
    slots = {slot.mid: spelt(slot.codecs) for slot in found.slots}
    assert (sources, slots) == TAKEN[name]


@pytest.mark.parametrize("name", TAKEN)
def test_the_whole_answer_is_as_written_down(name: str) -> None:
    answer = write_answer(*negotiated(name), LOCAL)

    assert answer.replace("\r\n", "\n") == (OFFERS / f"{name}.answer.sdp").read_text()


def test_each_recording_is_in_the_table() -> None:
    recorded = {path.name.removesuffix(".sdp") for path in OFFERS.glob("*.sdp")}

    assert {name for name in recorded if not name.endswith(".answer")} == set(TAKEN)
