"""The packet path forwards what the plan says and nothing else, without a seam, decoding nothing."""

import struct
from itertools import pairwise

import pytest
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.forwarding import Orders, Output, SourceId
from teleward_media.core.keyframes import LOW_FLOOR_S
from teleward_media.packetpath import rtcpwire, rtpwire, twcc
from teleward_media.packetpath.casting import ALIVE_S
from teleward_media.packetpath.layer import MAX_TRIES, RING
from teleward_media.packetpath.peer_path import MAX_SSRCS
from teleward_media.packetpath.repair import COOLDOWN_S, LEAST_REPAIR_BPS, REPAIR_BURST_S
from teleward_testing.path_world import (
    ADA,
    BEN,
    CAM,
    DELTA,
    FRAME,
    OPUS,
    RTX,
    VOICE,
    VP8,
    World,
    named,
)
from teleward_testing.sdp import SIMULCAST, video


@pytest.fixture
def world() -> World:
    return World()


def test_a_packet_goes_to_those_in_the_plan_under_their_slots_ssrc(world: World) -> None:
    world.show(BEN, CAM)
    world.send(500, 9000)

    for who in (BEN, CAM):
        ((kind, _, _, ssrc, payload),) = world.media_for(who)
        assert (kind, ssrc, payload) == (VP8, 1001, FRAME)
    assert world.media_for(ADA) == []
    assert world.counted == {"received": 1, "switched": 2, "forwarded": 2, "keyframe_requests": 1}


def test_what_is_not_in_the_plan_reaches_nobody(world: World) -> None:
    world.show()
    world.send(500)

    assert world.wire.sent == []
    assert world.counted["drop_not_shown"] == 1


def test_numbering_and_time_go_on_without_a_seam_when_another_takes_the_slot_with_the_same_ssrc(
    world: World,
) -> None:
    world.show(CAM)
    for n in range(3):
        world.send(65534 + n, 2**32 - 3000 + 3000 * n)
    world.now = Seconds(world.now + 2)
    world.show(CAM, source=SourceId(BEN, "camera"))
    world.send(7, 123, who=BEN)

    numbers = [m[1] for m in world.media_for(CAM)]
    assert [(b - a) & 0xFFFF for a, b in pairwise(numbers)] == [1, 1, 1]
    times = [m[2] for m in world.media_for(CAM)]
    assert [(b - a) & 0xFFFFFFFF for a, b in pairwise(times)] == [
        3000,
        3000,
        180_000,
    ]


def test_the_first_sequence_number_is_below_half_of_the_range(world: World) -> None:
    world.show(BEN)
    world.send(65535)

    assert world.media_for(BEN)[0][1] < 0x8000


def test_a_gap_and_a_late_packet_keep_their_distance(world: World) -> None:
    world.show(BEN)
    for sequence in (10, 13, 11):
        world.send(sequence)

    first, gap, late = [m[1] for m in world.media_for(BEN)]
    assert ((gap - first) & 0xFFFF, (late - first) & 0xFFFF) == (3, 1)


def test_padding_alone_is_not_forwarded_and_leaves_no_gap(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.send(2, first=0xA0, payload=b"\0\0\0\x04")
    world.send(3)

    one, two = [m[1] for m in world.media_for(BEN)]
    assert (two - one) & 0xFFFF == 1


def test_a_new_appearance_asks_for_a_keyframe_and_the_floor_holds_the_rest_back(
    world: World,
) -> None:
    world.send(1, payload=DELTA)
    world.show(BEN)
    assert world.keyframes_asked() == 1

    world.send(2, payload=FRAME)
    world.show(BEN, CAM)
    assert world.keyframes_asked() == 1

    world.send(3, payload=DELTA)
    world.wait(LOW_FLOOR_S)
    assert world.keyframes_asked() == 2, "what came too soon was forgotten"


def test_a_receivers_wish_for_a_keyframe_is_passed_on_once(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.now = Seconds(world.now + LOW_FLOOR_S)
    before = world.keyframes_asked()
    for _ in range(20):
        world.control(BEN, rtcpwire.write_pli(1, 1001))

    assert world.keyframes_asked() == before + 1


def test_a_wish_for_somebody_elses_slot_or_for_sound_asks_nobody(world: World) -> None:
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS)
    world.control(BEN, rtcpwire.write_pli(1, 1000))
    world.control(CAM, rtcpwire.write_pli(1, 1001))
    world.control(CAM, rtcpwire.write_pli(1, 4242))

    assert world.keyframes_asked() == 0


def test_a_lost_packet_is_sent_again_as_rtx_with_its_own_numbering(world: World) -> None:
    world.show(BEN)
    world.send(1, 900, payload=FRAME)
    sequence = world.media_for(BEN)[0][1]
    nack = rtcpwire.write_nack(1, 1001, [sequence])
    world.control(BEN, nack)
    world.control(BEN, nack)
    assert len(world.media_for(BEN)) == 2, "an answer is on its way"
    world.wait(2 * COOLDOWN_S)
    world.control(BEN, nack)

    _, first, second = world.media_for(BEN)
    assert first[0] == RTX
    assert first[3] == 1002
    assert first[4] == struct.pack("!H", sequence) + FRAME
    assert second[1] - first[1] == 1


def test_what_is_too_old_or_never_was_is_not_sent_again(world: World) -> None:
    world.show(BEN)
    for n in range(RING + 1):
        world.send(n)
    oldest = world.media_for(BEN)[0][1]
    for sequence in (oldest, (oldest - 100) & 0xFFFF):
        world.control(BEN, rtcpwire.write_nack(1, 1001, [sequence]))

    assert "retransmitted" not in world.counted


def test_a_storm_of_nacks_is_bounded_over_all_messages_and_parts(world: World) -> None:
    world.show(BEN)
    for n in range(50):
        world.send(n)
    sequences = [m[1] for m in world.media_for(BEN)]
    storm = rtcpwire.write_nack(1, 1001, sequences) * 20
    for _ in range(40):
        world.control(BEN, storm)

    budget = int(LEAST_REPAIR_BPS / 8 * REPAIR_BURST_S / len(FRAME))
    assert world.counted["retransmitted"] <= budget


def test_without_rtx_nothing_is_sent_again_since_a_nonce_may_serve_but_once(world: World) -> None:
    section = tuple(line for line in video("v0", "recvonly") if "rtx" not in line)
    world.join(BEN, section)
    world.show(BEN)
    world.send(1)
    ((_, sequence, _, ssrc, _),) = world.media_for(BEN)
    world.control(BEN, rtcpwire.write_nack(1, ssrc, [sequence]))

    assert len(world.media_for(BEN)) == 1


def test_a_senders_clock_is_passed_on_in_the_slots_time_and_in_ours(world: World) -> None:
    world.show(BEN)
    world.send(1, 5000)
    shown = world.media_for(BEN)[0][2]
    world.control(ADA, rtcpwire.write_sr(20, 7 << 32, 5900, 1, 5))
    world.wait(0.5)

    (report,) = [p for p in world.control_for(BEN) if isinstance(p, rtcpwire.SenderReport)]
    assert (report.ssrc, report.ntp) == (1001, int(world.now * 2**32))
    assert (report.rtp - shown) & 0xFFFFFFFF == 900 + 45_000


def test_publishers_are_told_what_arrived_and_what_they_may_send(world: World) -> None:
    world.show(BEN)
    for sequence in (1, 2, 5):
        world.send(sequence, sequence * 3000)
    world.wait(1)

    blocks = [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.ReportBlock)]
    assert [(b.ssrc, b.highest & 0xFFFF, b.fraction_lost, b.lost) for b in blocks] == [
        (20, 5, 2 * 256 // 5, 2)
    ]
    assert any(isinstance(p, rtcpwire.Remb) for p in world.control_for(ADA))
    assert not any(isinstance(p, rtcpwire.ReportBlock) for p in world.control_for(BEN))


def test_a_voices_sender_hears_of_the_worst_loss_behind_us(world: World) -> None:
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS)
    lossy = rtcpwire.ReportBlock(1000, 77, 9, 1, 0, 0, 0)
    world.control(BEN, rtcpwire.write_rr(1, [lossy]))
    world.wait(1)

    (block,) = [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.ReportBlock)]
    assert (block.ssrc, block.fraction_lost) == (10, 77)


def test_what_is_missing_is_asked_for_and_its_repair_fills_the_gap_in_place(world: World) -> None:
    sections = (video("cam", "sendonly", "a=ssrc-group:FID 20 21", "a=ssrc:20 x", "a=ssrc:21 x"),)
    world.join(ADA, *sections)
    world.show(BEN)
    world.send(1)
    for sequence in (2, 5):
        world.send(sequence, sequence, payload=DELTA)
    assert not [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.Nacked)], "too soon"
    world.wait(0.02)

    assert [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.Nacked)] == [
        rtcpwire.Nacked(20, (3, 4))
    ]
    world.send(1, ssrc=21, kind=RTX, payload=b"lost while it was unknown")
    world.send(2, 3, ssrc=21, kind=RTX, payload=b"\0\x03" + DELTA)
    world.send(3, 3, ssrc=21, kind=RTX, payload=b"\0\x03" + DELTA)
    world.send(4, 0, ssrc=21, kind=RTX, payload=b"")
    numbers = [m[1] for m in world.media_for(BEN)]
    assert [(n - numbers[0]) & 0xFFFF for n in numbers] == [0, 1, 4, 2]
    assert world.media_for(BEN)[-1][4] == DELTA


def test_a_packet_is_asked_for_only_so_often_and_then_given_up(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.send(3, payload=DELTA)
    for _ in range(40):
        world.wait(0.2)

    asked = [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.Nacked)]
    assert asked == [rtcpwire.Nacked(20, (2,))] * MAX_TRIES


def test_a_keyframe_makes_what_was_missing_before_it_worthless(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.send(4, payload=FRAME)
    world.wait(0.5)

    assert not [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.Nacked)]


def test_too_much_missing_is_not_asked_for_but_a_keyframe_is(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.wait(LOW_FLOOR_S)
    before = world.keyframes_asked()
    world.send(1000, payload=DELTA)
    world.wait(0.02)

    assert world.keyframes_asked() == before + 1
    assert not [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.Nacked)]


def test_nothing_is_forwarded_before_the_first_keyframe_and_a_late_one_brings_its_followers(
    world: World,
) -> None:
    world.show(BEN)
    world.send(1, payload=DELTA)
    world.send(4, payload=b"second part")
    assert world.media_for(BEN) == []

    world.send(3, payload=FRAME)
    world.send(5, payload=DELTA)
    assert [m[4] for m in world.media_for(BEN)] == [FRAME, b"second part", DELTA]
    numbers = [m[1] for m in world.media_for(BEN)]
    assert [(b - a) & 0xFFFF for a, b in pairwise(numbers)] == [1, 1]


def test_packets_of_one_wake_up_leave_together_evened_out(world: World) -> None:
    world.show(BEN, CAM)
    for number, size in enumerate((1000, 1001, 990, 400, 1001)):
        header = struct.pack("!BBHII", 0x80, VP8, number, 7, 20)
        world.put(ADA, header + FRAME + bytes(size))
    world.take()

    longest = 12 + len(FRAME) + 1001
    assert [s for s in world.wire.sizes if s != [12]] == [
        [longest, longest, longest, 12 + len(FRAME) + 400],
        [longest],
    ] * 2
    assert [len(m[4]) - len(FRAME) for m in world.media_for(BEN)] == [1000, 1001, 990, 400, 1001]
    assert world.counted["padding_bytes"] == 2 * (1 + 11)


def test_a_stamped_packet_carries_the_transports_number_and_feedback_tells_its_fate() -> None:
    world = World(stamped=True)
    world.show(BEN)
    for n in range(4):
        world.send(n, n)
    stamps = []
    for who, data in world.wire.sent:
        if who == BEN and not rtpwire.is_rtcp(data[1]):
            ((identifier, at, _),) = rtpwire.extensions(data, 12, 20)
            assert identifier == 5
            stamps.append(int.from_bytes(data[at : at + 2], "big"))
    assert stamps == [0, 1, 2, 3]

    packet, _ = twcc.write(1, 2, 1, 0, [4000, None, 4004, 4008, 4012])
    world.control(BEN, packet)
    world.control(BEN, packet)
    told, _ = world.path.hear()[BEN]
    assert world.path.hear() == {}
    assert told.arrived_at == [4000 * twcc.TICK_S, None, 4004 * twcc.TICK_S], (
        "a packet that was never sent or is known counts not"
    )


def test_publishers_that_stamp_are_told_when_their_packets_arrived() -> None:
    world = World(stamped=True)
    for n in (65534, 65535, 1):
        extension = struct.pack("!HHBHB", 0xBEDE, 1, 5 << 4 | 1, n, 0)
        world.send(n, first=0x90, payload=extension + FRAME)
        world.now = Seconds(world.now + 0.001)
    world.wait(0.1)

    (feedback,) = [p for p in world.control_for(ADA) if isinstance(p, twcc.Feedback)]
    assert feedback.base == 65534
    ticks = list(feedback.arrivals)
    assert [t is None for t in ticks] == [False, False, True, False]
    assert (ticks[3] or 0) - (ticks[0] or 0) == 8
    assert not any(isinstance(p, rtcpwire.Remb) for p in world.control_for(ADA))


def test_what_is_bad_is_dropped_and_counted(world: World) -> None:
    world.show(BEN)
    stranger = ParticipantId("stranger")
    world.send(1, who=stranger)
    world.control(ADA, b"short")
    world.send(1, payload=b"forged")
    world.send(1, first=0x8F)
    world.send(1, ssrc=999)
    world.control(ADA, rtcpwire.write_pli(1, 2) + b"forged")
    world.send(1, payload=b"\x90")
    world.send(2, kind=98)

    assert world.media_for(BEN) == []
    assert world.counted == {
        "drop_early": 1, "drop_short": 1, "drop_srtp": 2, "drop_malformed": 2,
        "drop_unknown_ssrc": 1, "received": 2, "drop_payload_type": 1, "keyframe_requests": 1,
    }  # fmt: skip


def test_a_flood_of_new_ssrcs_makes_no_new_streams(world: World) -> None:
    world.show(BEN)
    for ssrc in range(100_000, 100_200):
        world.send(1, ssrc=ssrc)

    assert world.counted == {"drop_unknown_ssrc": MAX_SSRCS, "drop_srtp": 200 - MAX_SSRCS}
    assert len(world.path._peers[0].ssrcs) == MAX_SSRCS, "libsrtp keeps a stream for each"


@pytest.fixture
def simulcast(world: World) -> World:
    """Ada sends h, m, l; h is the first and so the lowest."""
    world.join(ADA, video("cam", "sendonly", *SIMULCAST))
    world.show(BEN)
    return world


def picture(number: int, *, key: bool = True) -> bytes:
    """A VP8 payload with PictureID, TL0PICIDX and KEYIDX."""
    numbering = struct.pack("!BHBB", 0xF0, 0x8000 | number, number & 0xFF, number & 0x1F)
    return b"\x90" + numbering + bytes([0 if key else 1])


def test_simulcast_is_told_by_mid_and_rid(simulcast: World) -> None:
    for number, (mid, rid) in enumerate([(b"cam", b"h"), (b"cam", b"x"), (b"scr", b"h")]):
        simulcast.send(1, ssrc=300 + number, first=0x90, payload=named(mid, rid) + FRAME)

    assert [m[4] for m in simulcast.media_for(BEN)] == [FRAME]
    assert simulcast.counted["drop_unknown_ssrc"] == 2


def test_a_layer_is_changed_at_its_keyframe_without_a_seam_in_any_numbering(
    simulcast: World,
) -> None:
    for at in (0, 1, 2):
        simulcast.send(
            10 + at, 900 * at, ssrc=300, first=0x90, payload=named(b"cam", b"h") + picture(40 + at)
        )
        simulcast.send(
            99 + at, 5, ssrc=301, first=0x90, payload=named(b"cam", b"m") + picture(7 + at)
        )
    before = simulcast.keyframes_asked()
    simulcast.path.steer(Orders([(Output(BEN, "v0"), 1)]), simulcast.now)
    assert simulcast.keyframes_asked() == before + 1
    simulcast.now = Seconds(simulcast.now + 0.01)
    simulcast.send(102, 6, ssrc=301, payload=picture(10, key=False))
    simulcast.send(13, 2700, ssrc=300, payload=picture(43, key=False))
    simulcast.send(103, 6, ssrc=301, payload=picture(11))
    simulcast.send(14, 3600, ssrc=300, payload=picture(44))
    simulcast.send(104, 906, ssrc=301, payload=picture(12, key=False))

    media = simulcast.media_for(BEN)
    assert [(b[1] - a[1]) & 0xFFFF for a, b in pairwise(media)] == [1] * 5
    assert [m[4][2:6] for m in media] == [picture(40 + n)[2:6] for n in range(6)]
    assert all(0 < (b[2] - a[2]) & 0xFFFFFFFF <= 2700 for a, b in pairwise(media))

    lost = media[1][1], media[4][1]
    simulcast.control(BEN, rtcpwire.write_nack(1, 1001, lost))
    again = simulcast.media_for(BEN)[6:]
    assert [m[4][2:] for m in again] == [media[4][4]], "a keyframe has made the other worthless"


def test_a_layer_that_falls_silent_is_left_for_one_that_is_heard(simulcast: World) -> None:
    simulcast.path.steer(Orders([(Output(BEN, "v0"), 2)]), simulcast.now)
    simulcast.send(1, ssrc=300, first=0x90, payload=named(b"cam", b"h") + FRAME)
    simulcast.send(1, ssrc=301, first=0x90, payload=named(b"cam", b"m") + FRAME)
    simulcast.send(2, ssrc=301, payload=FRAME)
    simulcast.wire.sent.clear()
    simulcast.wait(ALIVE_S / 2)
    simulcast.send(2, ssrc=300, kind=0x80 | VP8, payload=DELTA)
    simulcast.send(3, ssrc=301, payload=DELTA)  # trickles, and ends no frame any more
    simulcast.wire.sent.clear()
    simulcast.wait(0.75 * ALIVE_S)
    simulcast.send(3, ssrc=300, payload=FRAME)

    assert [m[4] for m in simulcast.media_for(BEN)] == [FRAME]


def test_the_repair_of_a_layer_is_told_by_the_repaired_rid(simulcast: World) -> None:
    simulcast.send(1, ssrc=300, first=0x90, payload=named(b"cam", b"h") + FRAME)
    simulcast.send(3, ssrc=300, payload=DELTA)
    for number in (1, 2):
        extension = named(b"cam", b"h", number=11)
        simulcast.send(
            number, ssrc=400, kind=RTX, first=0x90, payload=extension + b"\0\x02" + DELTA
        )

    numbers = [m[1] for m in simulcast.media_for(BEN)]
    assert [(n - numbers[0]) & 0xFFFF for n in numbers] == [0, 2, 1]


def test_a_publisher_that_leaves_takes_its_rings_along(world: World) -> None:
    world.show(BEN)
    world.send(1)
    sequence = world.media_for(BEN)[0][1]
    world.leave(ADA)
    world.control(BEN, rtcpwire.write_nack(1, 1001, [sequence]))

    assert "retransmitted" not in world.counted


def test_a_slot_whose_receiver_has_gone_or_lacks_the_codec_gets_nothing(world: World) -> None:
    world.show(BEN, CAM)
    world.leave(BEN)
    world.send(1)

    assert world.media_for(BEN) == []
    assert len(world.media_for(CAM)) == 1


def test_the_others_notice_nothing_of_a_receiver_that_cannot_be_protected_for(
    world: World,
) -> None:
    world.join(BEN, video("v0", "recvonly"), transmit="exhausted")
    world.show(BEN, CAM)
    world.send(1)

    assert len(world.media_for(CAM)) == 1
    assert world.counted["drop_protect"] == 1
