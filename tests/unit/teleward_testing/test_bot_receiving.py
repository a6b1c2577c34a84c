"""A bot's receiver tells a stream that goes on from one with a seam, a freeze or a loss."""

import struct

import pytest
from teleward_media.packetpath import rtcpwire, twcc
from teleward_testing.bots.receiving import Arrivals, SlotReceiver

INTERVAL_S = 1 / 15
SSRC, OWN = 77, 5


def frame(number: int, *, key: bool = False, height: int = 180, base: int | None = None) -> bytes:
    """One VP8 frame in one packet."""
    base = number & 0xFF if base is None else base
    descriptor = struct.pack("!BBHBB", 0x90, 0xE0, 0x8000 | number & 0x7FFF, base, 0)
    start = b"\x9d\x01\x2a" + struct.pack("<HH", height * 16 // 9, height)
    return descriptor + (b"\x10\0\0" + start if key else b"\x11\0\0") + bytes(20)


class Fed:
    """A receiver of pictures that gets one frame each interval."""

    def __init__(self, sequence: int = 65_530) -> None:
        self.slot = SlotReceiver("1", "video", SSRC)
        self.sequence, self.number, self.now = sequence, 32_760, 100.0
        self.feed(key=True)

    def feed(
        self, *, key: bool = False, height: int = 180, skip_numbers: int = 0, pause_s: float = 0.0,
        is_lost: bool = False,
    ) -> None:  # fmt: skip
        self.now += INTERVAL_S + pause_s
        self.number += 1 + skip_numbers
        self.sequence += 1
        if not is_lost:
            self.give(self.sequence, self.number, key=key, height=height)

    def give(
        self, sequence: int, number: int, *, key: bool = False, height: int = 180,
        is_repair: bool = False,
    ) -> None:  # fmt: skip
        self.slot.take(
            sequence & 0xFFFF, number * 6000 & 0xFFFFFFFF, marker=True,
            payload=frame(number, key=key, height=height), now=self.now, is_repair=is_repair,
        )  # fmt: skip

    def asks(self) -> list[rtcpwire.Part]:
        packet = b"".join(self.slot.ask(OWN, self.now, 0.1))
        return list(rtcpwire.read_rtcp(packet, 0, len(packet)))


@pytest.fixture
def fed() -> Fed:
    return Fed()


def test_a_stream_that_wraps_every_number_has_no_seam_and_no_freeze(fed: Fed) -> None:
    for _ in range(40):
        fed.feed()

    seen = fed.slot.seen
    assert (seen.frames, seen.seams, seen.freezes, seen.lost, seen.late) == (41, 0, 0, 0, 0)
    assert seen.longest_gap_s == pytest.approx(INTERVAL_S)


def test_a_keyframe_of_another_size_is_a_change_of_layer_and_no_seam(fed: Fed) -> None:
    fed.feed()
    fed.feed(key=True, height=720)
    fed.feed()

    assert fed.slot.seen.sizes == [180, 720]
    assert (fed.slot.seen.width, fed.slot.seen.seams) == (1280, 0)


def test_numbers_of_a_picture_that_do_not_go_on_are_a_seam(fed: Fed) -> None:
    fed.feed(skip_numbers=7)

    assert fed.slot.seen.seams == 1


def test_a_pause_beyond_the_standard_s_bound_is_a_freeze_and_a_shorter_one_is_not(
    fed: Fed,
) -> None:
    for _ in range(10):
        fed.feed()
    fed.feed(pause_s=0.1)
    assert fed.slot.seen.freezes == 0

    fed.feed(pause_s=0.2)

    assert fed.slot.seen.freezes == 1


def test_what_is_missing_is_asked_for_and_its_repair_makes_the_stream_whole(fed: Fed) -> None:
    fed.feed(is_lost=True)
    lost, number = fed.sequence, fed.number
    fed.feed()
    assert fed.slot.seen.frames == 1
    fed.now += 0.03

    assert fed.asks() == [rtcpwire.Nacked(SSRC, (lost & 0xFFFF,))]
    fed.give(lost, number, is_repair=True)
    fed.give(lost, number, is_repair=True)

    seen = fed.slot.seen
    assert (seen.frames, seen.repaired, seen.probes, seen.lost, seen.seams) == (3, 1, 1, 0, 0)


def test_what_never_comes_is_lost_and_nothing_counts_until_a_keyframe(fed: Fed) -> None:
    fed.feed(is_lost=True)
    for _ in range(9):
        fed.feed()

    assert fed.asks() == [rtcpwire.KeyframeAsked(SSRC)]

    before = fed.slot.seen.frames
    fed.feed()
    assert (fed.slot.seen.lost, fed.slot.seen.frames) == (1, before)
    fed.feed(key=True)
    assert fed.slot.seen.frames == before + 1


def test_loss_and_the_round_trip_s_other_half_stand_in_the_report(fed: Fed) -> None:
    for number in range(9):
        fed.feed(is_lost=number % 2 == 1)
    fed.slot.heard_report(0x1234_5678_9ABC_DEF0, fed.now - 0.5)

    block = fed.slot.block(fed.now)

    assert block is not None
    assert block.fraction_lost == 4 * 256 // 10
    assert (block.last_report, block.delay) == (0x5678_9ABC, 32768)


def test_feedback_tells_of_a_loss_between_two_feedbacks() -> None:
    arrivals = Arrivals()
    for number, at in ((65_534, 1.0), (65_535, 1.001), (1, 1.01), (2, 1.011)):
        arrivals.note(number, at)
        if number == 65_535:
            parts = arrivals.write(OWN, SSRC)
    parts += arrivals.write(OWN, SSRC)
    assert arrivals.write(OWN, SSRC) == []

    told = [part for one in parts for part in rtcpwire.read_rtcp(one, 0, len(one))]

    assert all(isinstance(part, twcc.Feedback) for part in told)
    assert [(part.base, [a is not None for a in part.arrivals]) for part in told] == [  # type: ignore[union-attr]  # as asserted
        (65_534, [True, True]), (65_535, [True, False, True, True]),
    ]  # fmt: skip
