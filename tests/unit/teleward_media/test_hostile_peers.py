"""What one peer sends cannot cost the others: work, memory and numbering stay within bounds."""

import struct
from collections.abc import Callable
from itertools import pairwise

import pytest
from teleward_media.core.allocate import VOICE_BPS
from teleward_media.core.estimate import MAX_ACKED, Estimator
from teleward_media.core.keyframes import LOW_FLOOR_S
from teleward_media.core.trend import Sent
from teleward_media.packetpath import rtcpwire, twcc
from teleward_media.packetpath.layer import BURST_S, PICTURE_MOST_BPS, VOICE_MOST_BPS
from teleward_media.packetpath.learning import TAKEN_OVER_AFTER_S
from teleward_media.packetpath.peer_path import MAX_FEEDBACKS, WISH_BURST, WISH_RATE
from teleward_media.packetpath.repair import MAX_QUEUE
from teleward_testing.packet_call import (
    CAMERA_RTX_SSRC,
    CAMERA_SSRC,
    DELTA,
    KEY,
    LEVEL_ID,
    MIC_SSRC,
    OPUS,
    RTX,
    SIMULCAST_SECTIONS,
    STAMP_ID,
    VP8,
    PacketCall,
    named,
    padding_only,
    rtp,
)

SLOT = 1001
"""SSRC of the first slot for a picture."""


def call_of(*people: str) -> PacketCall:
    call = PacketCall()
    for name in people:
        call.join(name)
    return call


def test_a_packet_is_stamped_once_however_often_it_says_so() -> None:
    call = call_of("eve")
    stamps = [(STAMP_ID, struct.pack("!H", n * 3000 & 0xFFFF)) for n in range(300)]
    call.send("eve", rtp(1, KEY, elements=stamps))
    call.wait(0.1)

    (feedback,) = [p for p in call.control_for("eve") if isinstance(p, twcc.Feedback)]
    assert [ticks is not None for ticks in feedback.arrivals] == [True]


def test_stamps_that_leap_about_are_answered_with_few_feedbacks() -> None:
    call = call_of("eve")
    for n in range(900):
        stamp = (STAMP_ID, struct.pack("!H", n * 30_000 & 0xFFFF))
        call.put("eve", rtp(n, KEY, elements=[stamp]))
    call.take()
    before = len(call.wire.sent)
    call.wait(0.1)

    feedbacks = [p for p in call.control_for("eve") if isinstance(p, twcc.Feedback)]
    assert 0 < len(feedbacks) <= MAX_FEEDBACKS
    assert len(call.wire.sent) - before <= MAX_FEEDBACKS + 1


def test_the_longest_feedback_fits_a_datagram() -> None:
    ticks: list[int | None] = []
    for n in range(500):  # each step back takes two bytes, between those that are lost
        ticks += [100_000 - 300 * n, None, None, None]
    packet, told = twcc.write(1, 2, 0, 0, ticks)

    assert len(packet) <= 1452
    assert told > 1000


def test_an_element_of_number_nought_ends_the_extension() -> None:
    call = call_of("eve")
    call.join("ada", (("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:mic", "a=rtcp-mux", "a=sendonly",
                       "a=rtpmap:111 opus/48000/2", "a=ssrc:10 x"),))  # fmt: skip
    call.send("ada", rtp(1, b"voice", ssrc=MIC_SSRC, kind=OPUS, elements=[(0, b"\0\x01")]))
    call.wait(0.1)

    assert not [p for p in call.control_for("ada") if isinstance(p, twcc.Feedback)], (
        "nobody agreed on stamps"
    )


def test_arrival_times_of_the_far_future_are_forgotten() -> None:
    estimator = Estimator()
    estimator.heard(Sent([0.0], [500_000.0], [1000]), 0.0, 0.1)  # type: ignore[arg-type, list-item]  # plain numbers do
    for n in range(1000):
        now = n / 10
        estimator.heard(Sent([now] * 20, [now] * 20, [1000] * 20), now, 0.1)  # type: ignore[arg-type, list-item]

    assert len(estimator._acked) <= MAX_ACKED
    assert estimator.acked_bps < 2e6, "200 packets of 1,000 bytes a second"


def test_arrival_times_that_stand_still_do_not_pile_up() -> None:
    estimator = Estimator()
    for n in range(1000):
        estimator.heard(Sent([n / 10] * 20, [7.0] * 20, [1000] * 20), n / 10, 0.1)  # type: ignore[arg-type, list-item]

    assert len(estimator._acked) <= MAX_ACKED


def test_a_datagram_full_of_feedback_is_read_up_to_a_bound() -> None:
    body = struct.pack("!IIHH", 1, 2, 0, 2048) + bytes(4) + struct.pack("!HH", 2048, 0)
    part = struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body
    read = list(rtcpwire.read_rtcp(part * 32, 0, len(part) * 32))

    assert len(read) == rtcpwire.MAX_ITEMS // 2048


def test_a_datagram_full_of_nacks_is_read_up_to_a_bound() -> None:
    pairs = b"".join(struct.pack("!HH", n, 0xFFFF) for n in range(0, 31 * 17, 17))
    nack = struct.pack("!BBHII", 0x81, 205, 2 + 31, 1, 2) + pairs
    read = list(rtcpwire.read_rtcp(nack * 11, 0, len(nack) * 11))

    asked = sum(len(p.sequences) for p in read if isinstance(p, rtcpwire.Nacked))
    assert 0 < asked <= rtcpwire.MAX_ITEMS


def test_asking_for_what_a_keyframe_has_made_worthless_waits_in_no_queue() -> None:
    call = call_of("ada", "eve")
    call.plan(("ada", "camera", "eve", "v0"))
    call.send("ada", rtp(1, KEY))
    ((_, sequence, _),) = call.media_for("eve")
    for first in range(0, 1000, 100):
        missing = sorted((sequence - 1 - first - n) & 0xFFFF for n in range(100))
        call.send("eve", rtcpwire.write_nack(1, SLOT, missing))
    call.send("eve", rtcpwire.write_nack(1, SLOT, [sequence]))

    assert call.counted["retransmitted"] == 1
    assert "drop_nack_rate" not in call.counted
    assert len(call.peer("eve").queue) <= MAX_QUEUE


def keyframes_asked(call: PacketCall, storm: Callable[[], bytes]) -> int:
    """Let Eve send a storm each half second of fifty, to which Ada answers with keyframes at once."""
    call.plan(("ada", "camera", "eve", "v0"))
    sequence = 0
    for _ in range(100):
        call.put("ada", rtp(sequence, KEY))
        for n in range(1, 100):
            call.put("ada", rtp(sequence + n, DELTA + bytes(1000)))
        call.send("eve", storm())
        call.send("ada", rtp(sequence + 100, KEY))
        call.send("eve", storm())  # within the floor
        call.wait(LOW_FLOOR_S)
        sequence += 101
    return call.counted["keyframe_requests"]


def test_a_storm_of_nacks_costs_no_more_keyframes_than_wishes_do() -> None:
    call = call_of("ada", "eve")

    def nacks() -> bytes:
        call.take()
        newest = call.peer("eve").slots["v0"].next - 1
        return rtcpwire.write_nack(1, SLOT, [newest - n & 0xFFFF for n in range(98, 0, -1)])

    assert keyframes_asked(call, nacks) <= WISH_BURST + WISH_RATE * 50 + 2


def test_wishes_within_the_floor_are_wishes_too() -> None:
    call = call_of("ada", "eve")

    assert (
        keyframes_asked(call, lambda: rtcpwire.write_pli(1, SLOT))
        <= WISH_BURST + WISH_RATE * 50 + 2
    )


def test_a_receiver_that_claims_to_take_nothing_leaves_its_publisher_a_voice() -> None:
    call = call_of("ada", "eve")
    call.plan(("ada", "camera", "eve", "v0"), ("ada", "microphone", "eve", "a0"))
    call.send("ada", rtp(1, KEY))
    call.send("eve", rtcpwire.write_remb(1, 0, [SLOT]))
    call.steer()

    (cap,) = [p for p in call.control_for("ada") if isinstance(p, rtcpwire.Remb)]
    assert cap.bitrate_bps == VOICE_BPS


def test_after_a_fault_of_ours_the_block_is_empty_and_packets_flow_again() -> None:
    call = call_of("ada", "ben")
    call.plan(("ada", "camera", "ben", "v0"))
    broken = call.peer("ada")
    receive, broken.receive = broken.receive, None  # type: ignore[assignment]  # the fault
    try:
        call.send("ada", rtp(1, KEY))
    except AttributeError:
        broken.receive = receive
    call.send("ada", rtp(2, KEY))

    assert [payload for _, _, payload in call.media_for("ben")] == [KEY]


def test_a_number_that_another_layer_has_taken_is_not_filled_by_a_late_packet() -> None:
    call = call_of("ada", "cam", "ben")
    call.plan(("ada", "camera", "ben", "v0"))
    call.send("ada", rtp(1, KEY))
    call.send("ada", padding_only(5))
    call.plan(("cam", "camera", "ben", "v0"))
    for n in (1, 2, 3):
        call.send("cam", rtp(n, KEY))
    call.plan(("ada", "camera", "ben", "v0"))
    call.send("ada", rtp(6, KEY))
    for late in (2, 3, 4):
        call.send("ada", rtp(late, DELTA))

    numbers = [sequence for _, sequence, _ in call.media_for("ben")]
    assert len(set(numbers)) == len(numbers)


def test_a_publishers_leaps_do_not_make_the_slots_numbers_leap() -> None:
    call = call_of("eve", "ada", "ben")
    call.plan(("eve", "camera", "ben", "v0"))
    call.send("eve", rtp(1, KEY))
    for leap in (1, 2, 3):
        call.send("eve", padding_only(1 + 30_000 * leap))
    call.send("eve", rtp(1 + 30_000 * 3 + 1, KEY))
    call.plan(("ada", "camera", "ben", "v0"))
    call.send("ada", rtp(1, KEY))

    numbers = [sequence for _, sequence, _ in call.media_for("ben")]
    assert len(numbers) == 3
    assert all(0 < (b - a) & 0xFFFF <= 2 for a, b in pairwise(numbers))


def test_a_stream_that_another_has_taken_over_keeps_no_packets() -> None:
    call = call_of("ben")
    call.join("eve", SIMULCAST_SECTIONS)
    call.plan(("eve", "camera", "ben", "v0"))
    for turn in range(5):
        for n in range(20):
            call.send("eve", rtp(n, KEY, ssrc=500 + turn, elements=named("h")))
        call.wait(TAKEN_OVER_AFTER_S + 0.1)

    rings = {id(segment.layer): segment.layer for segment in call.peer("ben").slots["v0"].segments}
    assert len(rings) == 5
    assert [sum(kept is not None for kept in layer.payloads) for layer in rings.values()] == [
        0
    ] * 4 + [20]


def test_who_is_gone_leaves_no_packets_behind() -> None:
    call = call_of("ada", "ben")
    call.plan(("ada", "camera", "ben", "v0"))
    call.send("ada", rtp(1, b"\x90\x80\x07\x00" + KEY))
    (layer,) = call.peer("ada").layers.values()
    assert any(layer.payloads)
    call.leave("ada")

    assert not any(layer.payloads)


@pytest.mark.parametrize(
    ("kind", "ssrc", "payload_type", "slot", "most_bps"),
    [
        ("microphone", MIC_SSRC, OPUS, "a0", VOICE_MOST_BPS),
        ("camera", CAMERA_SSRC, VP8, "v0", PICTURE_MOST_BPS),
        ("camera", CAMERA_RTX_SSRC, RTX, "v0", PICTURE_MOST_BPS),
    ],
)  # fmt: skip
def test_a_flood_is_not_passed_on_to_receivers(
    kind: str, ssrc: int, payload_type: int, slot: str, most_bps: int
) -> None:
    call = call_of("eve", "ben")
    call.plan(("eve", kind, "ben", slot))
    call.send("eve", rtp(0, KEY))  # so that its repairs are known
    call.send("eve", rtp(0, b"\0\0", ssrc=CAMERA_RTX_SSRC, kind=RTX))
    for n in range(1, 8000):
        call.put(
            "eve", rtp(n, struct.pack("!H", n) + KEY + bytes(1300), ssrc=ssrc, kind=payload_type)
        )
        if n % 40 == 0:
            call.take()
            call.wait(0.01)

    passed_on = sum(len(payload) for _, _, payload in call.media_for("ben"))
    assert passed_on * 8 <= most_bps * (2 + BURST_S)
    assert call.counted["drop_stream_rate"] > 3000


def test_a_packet_tells_its_level_once() -> None:
    call = call_of("eve")
    call.send("eve", rtp(1, b"voice", ssrc=MIC_SSRC, kind=OPUS))
    loud = [(LEVEL_ID, b"\x05")] * 400
    call.send("eve", rtp(2, b"voice", ssrc=MIC_SSRC, kind=OPUS, elements=loud))

    layer = call.peer("eve").layers[MIC_SSRC]
    assert layer.levels == [5]
