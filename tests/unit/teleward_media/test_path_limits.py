"""One peer cannot make the packet path work for it alone: what it sends, asks for and reports is bounded."""

import struct

import pytest
from teleward_media.core.forwarding import Output
from teleward_media.core.keyframes import LOW_FLOOR_S
from teleward_media.packetpath import rtcpwire, twcc
from teleward_media.packetpath.layer import MAX_LEVELS
from teleward_media.packetpath.learning import TAKEN_OVER_AFTER_S
from teleward_media.packetpath.peer_path import CONTROL_BURST, FLOODING_S, MEDIA_BURST, WISH_BURST
from teleward_media.packetpath.reference import REFILL_EVERY_S
from teleward_media.packetpath.reports import MOST_BYTES
from teleward_testing.path_world import ADA, BEN, CAM, CAMERA, DELTA, FRAME, OPUS, World
from teleward_testing.sdp import audio, video

SENDER_REPORT_BYTES = 28


@pytest.fixture
def world() -> World:
    return World()


def test_who_floods_is_cut_off_until_the_next_tick_and_nobody_else_is(world: World) -> None:
    world.show(CAM)
    for n in range(MEDIA_BURST + 50):
        world.send(n, payload=FRAME if n == 0 else DELTA)
    world.send(1, who=BEN)

    assert world.counted["drop_media_rate"] == 50
    assert world.counted["received"] == MEDIA_BURST + 1
    world.wait(REFILL_EVERY_S)
    world.send(MEDIA_BURST, payload=DELTA)
    assert world.counted["received"] == MEDIA_BURST + 2


def test_who_floods_for_ten_seconds_is_named_and_a_burst_is_not(world: World) -> None:
    named: list[float] = []
    for step in range(105):
        for n in range(MEDIA_BURST if step < 103 else 1):
            world.send(n, payload=FRAME)
        world.wait(1.01 * REFILL_EVERY_S)
        if world.path.look().flooding:
            named.append(step / 10)

    assert named[0] == pytest.approx(FLOODING_S, abs=0.3)
    assert named[-1] < 10.4, "forgiven when it ends"


def test_a_flood_in_somebodys_name_does_not_throw_them_out(world: World) -> None:
    world.show(CAM)
    world.send(0)
    for step in range(120):
        for n in range(MEDIA_BURST):
            world.send(n, payload=b"forged")
        world.wait(1.01 * REFILL_EVERY_S)
        world.send(step + 1, payload=DELTA)
        assert not world.path.look().flooding

    assert world.counted["drop_srtp"] > 10 * MEDIA_BURST
    assert world.counted["received"] == 121


def test_control_packets_have_a_bound_of_their_own(world: World) -> None:
    for _ in range(CONTROL_BURST + 5):
        world.control(BEN, rtcpwire.write_pli(1, 1))

    assert world.counted["drop_control_rate"] == 5
    world.send(1, who=BEN)
    assert world.counted["received"] == 1


def test_a_receiver_that_asks_for_keyframes_for_ever_costs_the_publisher_one_each_two_seconds(
    world: World,
) -> None:
    world.show(BEN)
    world.send(1)
    before = world.keyframes_asked()
    seconds = 60
    for n in range(int(seconds / LOW_FLOOR_S)):
        world.wait(LOW_FLOOR_S)
        world.control(BEN, rtcpwire.write_pli(1, 1001))
        world.send(2 + n)

    assert world.keyframes_asked() - before == WISH_BURST + seconds / 2 - 1
    assert world.counted["drop_keyframe_rate"] > 0


def test_levels_that_nobody_looks_at_do_not_pile_up(world: World) -> None:
    world.join(ADA, audio("mic", "sendonly", "a=ssrc:10 cname:x"))
    level = b"\xbe\xde\x00\x01\x10\x9e\x00\x00"
    for n in range(3 * MAX_LEVELS):
        world.send(n, ssrc=10, kind=OPUS, first=0x90, payload=level + b"voice")

    seen = world.path.look()
    assert seen.levels == {ADA: [0x1E] * MAX_LEVELS}
    assert world.path.look().levels == {}


def test_a_client_that_begins_anew_under_another_ssrc_is_heard_when_the_old_one_is_silent(
    world: World,
) -> None:
    world.join(ADA, video("cam", "sendonly"))
    world.show(BEN)
    world.send(1, ssrc=20)
    world.send(1, ssrc=21, payload=DELTA)
    assert world.counted["drop_unknown_ssrc"] == 1, "two that fight are one too many"
    world.wait(TAKEN_OVER_AFTER_S)
    world.send(2, ssrc=21)

    assert [m[4] for m in world.media_for(BEN)] == [FRAME, FRAME]


def test_reports_about_many_streams_leave_in_datagrams_that_no_path_splits(world: World) -> None:
    world.join(CAM, *(video(f"v{n}", "recvonly") for n in range(47)))
    outputs = tuple(Output(CAM, f"v{n}") for n in range(47))
    world.path.set_plan({CAMERA: outputs}, world.now)
    world.send(1)
    world.control(ADA, rtcpwire.write_sr(20, 7 << 32, 5900, 1, 5))
    world.wait(1)

    reports = [d for who, d in world.wire.sent if who == CAM and d[1] == rtcpwire.SR]
    told = [d[at : at + 4] for d in reports for at in range(4, len(d), SENDER_REPORT_BYTES)]
    assert len(told) == len(set(told)) == 47
    assert max(map(len, reports)) <= MOST_BYTES


def test_a_claimed_round_trip_is_believed_up_to_two_seconds(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.control(ADA, rtcpwire.write_sr(20, 7 << 32, 0, 1, 5))
    before = world.path.qualities(world.now)[BEN].round_trip_s
    nonsense = rtcpwire.ReportBlock(1001, 0, 0, 0, 0, last_report=1, delay=0)
    world.control(BEN, rtcpwire.write_rr(1, [nonsense]))

    assert world.path.qualities(world.now)[BEN].round_trip_s == before


def test_what_was_lost_between_two_feedbacks_is_told_with_the_second() -> None:
    world = World(stamped=True)
    for stamps in ([5, 6], [9, 10]):
        for stamp in stamps:
            stamped = struct.pack("!HHBHB", 0xBEDE, 1, 5 << 4 | 1, stamp, 0)
            world.send(stamp, first=0x90, payload=stamped + FRAME)
        world.wait(0.06)

    first, second = (p for p in world.control_for(ADA) if isinstance(p, twcc.Feedback))
    assert (first.base, len(first.arrivals)) == (5, 2)
    assert second.base == 7
    assert [one is None for one in second.arrivals] == [True, True, False, False]
