"""A participant may have two peers for a while: both receive, and the newer takes over without a seam."""

from itertools import pairwise

import pytest
from teleward_contract.units import Seconds
from teleward_media.core.estimate import PROBE_S, Probe
from teleward_media.core.forwarding import HIDDEN, Orders, Output
from teleward_media.packetpath import rtcpwire, rtpwire, twcc
from teleward_media.packetpath.repair import PADDING_BYTES
from teleward_testing.path_world import (
    ADA,
    BEN,
    CAM,
    CAMERA,
    DELTA,
    FRAME,
    OPUS,
    RTX,
    VOICE,
    World,
)
from teleward_testing.sdp import audio, video

ADAS_SECOND = (
    audio("mic", "sendonly", "a=ssrc:11 cname:x"), video("cam", "sendonly", "a=ssrc:21 cname:x"),
    audio("a0", "recvonly"), video("v0", "recvonly"),
)  # fmt: skip


@pytest.fixture
def world() -> World:
    return World()


def test_the_newer_peers_picture_takes_over_at_its_keyframe_and_not_before(world: World) -> None:
    world.show(BEN)
    world.send(1, 1000)
    world.join_beside(ADA, *ADAS_SECOND)
    world.send(70, 5000, ssrc=21, payload=DELTA)
    world.send(2, 4000, who=ADA, ssrc=20, payload=DELTA, peer=0)
    world.send(71, 8000, ssrc=21, payload=FRAME)
    world.send(3, 7000, ssrc=20, payload=DELTA, peer=0)

    media = world.media_for(BEN)
    assert [m[4] for m in media] == [FRAME, DELTA, FRAME]
    assert [(b[1] - a[1]) & 0xFFFF for a, b in pairwise(media)] == [1, 1]
    assert {m[3] for m in media} == {1001}


def test_the_newer_peers_voice_takes_over_at_once(world: World) -> None:
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS, payload=b"old")
    world.join_beside(ADA, *ADAS_SECOND)
    world.send(2, 960, ssrc=10, kind=OPUS, payload=b"still", peer=0)
    world.send(9, ssrc=11, kind=OPUS, payload=b"new")
    world.send(3, 1920, ssrc=10, kind=OPUS, payload=b"late", peer=0)

    assert [m[4] for m in world.media_for(BEN)] == [b"old", b"still", b"new"]


def test_both_peers_of_a_receiver_get_what_is_shown_to_it(world: World) -> None:
    world.join_beside(BEN, *ADAS_SECOND)
    world.show(BEN)
    world.send(1)

    assert [m[4] for m in world.media_for(BEN)] == [FRAME, FRAME]


def test_a_newer_peer_whose_sections_are_of_another_kind_is_not_shown_a_voice_as_a_picture(
    world: World,
) -> None:
    world.join_beside(BEN, video("a0", "recvonly"))
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS, payload=b"voice")

    assert len(world.media_for(BEN)) == 1


def test_when_the_older_peer_ends_the_newer_carries_on(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.join_beside(ADA, *ADAS_SECOND)
    world.send(71, 8000, ssrc=21)
    world.path.remove_peer(0)
    world.send(72, 9000, ssrc=21, payload=DELTA)
    world.send(4, ssrc=20, peer=0)

    assert [m[4] for m in world.media_for(BEN)] == [FRAME, FRAME, DELTA]
    world.path.remove_peer(0)


def test_when_the_newer_peer_ends_first_the_older_is_shown_again_from_its_next_keyframe(
    world: World,
) -> None:
    world.show(BEN)
    world.send(1)
    world.join_beside(ADA, *ADAS_SECOND)
    world.send(71, 8000, ssrc=21)
    world.path.remove_peer(3)
    world.wait(0.5)
    world.send(4, 9000, ssrc=20, payload=DELTA, peer=0)
    world.send(5, 12000, ssrc=20, payload=FRAME, peer=0)

    assert [m[4] for m in world.media_for(BEN)] == [FRAME, FRAME, FRAME]


def test_who_is_held_gets_no_repair_of_what_it_was_sent_before(world: World) -> None:
    world.show(BEN)
    world.send(1)
    ((_, sequence, *_),) = world.media_for(BEN)
    nack = rtcpwire.write_nack(1, 1001, [sequence])
    world.show()
    world.control(BEN, nack)
    assert len(world.media_for(BEN)) == 1

    world.show(BEN)
    world.control(BEN, nack)
    assert len(world.media_for(BEN)) == 2, "shown again, it is mended as before"


def test_who_comes_into_a_plan_has_its_keyframe_asked_for_at_once(world: World) -> None:
    world.leave(BEN)
    world.show(BEN)
    world.send(1)
    world.join(BEN, video("v0", "recvonly"))

    assert rtcpwire.KeyframeAsked(20) in world.control_for(ADA)


def test_a_voice_goes_on_when_the_newer_of_two_peers_ends(world: World) -> None:
    world.show(BEN, source=VOICE, mid="a0")
    world.join_beside(ADA)
    newer = len(world.wire.people) - 1
    world.send(1, ssrc=10, kind=OPUS, peer=0)
    world.send(1, ssrc=10, kind=OPUS, peer=newer)
    world.path.remove_peer(newer)
    world.wait(0.5)
    before = len(world.media_for(BEN))
    world.send(2, 960, ssrc=10, kind=OPUS, peer=0)

    assert len(world.media_for(BEN)) == before + 1


def test_what_a_layer_brings_is_counted_on_when_one_peer_follows_another(world: World) -> None:
    world.show(BEN)
    for n in range(1, 20):
        world.send(n, payload=FRAME + bytes(500), peer=0)
    first = world.path.look().octets[CAMERA, 0]
    world.join_beside(ADA)
    world.send(1, payload=FRAME + bytes(500), peer=len(world.wire.people) - 1)
    both = world.path.look().octets[CAMERA, 0]
    world.path.remove_peer(0)

    assert first < both
    assert world.path.look().octets[CAMERA, 0] == both


def test_what_is_hidden_is_not_sent_and_comes_back_with_a_keyframe(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.path.steer(Orders([(Output(BEN, "v0"), HIDDEN)]), world.now)
    world.send(2, payload=FRAME)
    assert len(world.media_for(BEN)) == 1
    world.path.steer(Orders([(Output(BEN, "v0"), 0)]), world.now)
    world.send(3, payload=DELTA)
    world.send(4, payload=FRAME)

    assert [m[4] for m in world.media_for(BEN)] == [FRAME, FRAME]


def probed(world: World) -> list[tuple[int, int, int, int, bytes]]:
    """What a probe of 800 kbit/s of ben's path brings it."""
    world.path.steer(Orders(probes={BEN: Probe(world.now, 800_000)}), world.now)
    for _ in range(10):
        world.wait(0.01)
    return [m for m in world.media_for(BEN) if m[0] == RTX]


def test_a_probe_sends_recent_packets_again_at_its_rate_and_ends(world: World) -> None:
    world.show(BEN)
    world.send(1)
    for n in range(2, 60):
        world.send(n, 3000 * n, payload=DELTA + bytes(1000))
    repairs = probed(world)

    sent_bytes = sum(len(m[4]) for m in repairs)
    assert 0.6 < sent_bytes / (800_000 / 8 * PROBE_S) < 1.6
    assert len({m[1] for m in repairs}) == len(repairs), "each under a number of its own"
    assert len({m[4] for m in repairs}) > 3, "not one packet again and again"
    assert world.counted["probes"] == 1


def test_where_there_is_nothing_to_send_again_a_probe_is_padding(world: World) -> None:
    world.show(BEN)
    world.send(1, payload=FRAME)
    world.wait(0.5)
    for n in range(600):
        world.send(2 + n, payload=b"")  # padding-only: no payload to keep
    world.wire.sent.clear()
    world.path.steer(Orders(probes={BEN: Probe(world.now, 400_000)}), world.now)
    world.wait(0.01)

    padding = [d for who, d in world.wire.sent if who == BEN and d[0] & 0x20]
    assert padding
    for packet in padding:
        found = rtpwire.bounds(packet, 0, len(packet))
        assert found is not None
        assert found[1] == found[2], "no payload"
        assert packet[-1] >= PADDING_BYTES


def test_nobody_to_probe_is_no_fault(world: World) -> None:
    assert probed(world) == []


def test_a_cap_is_told_at_once_and_with_every_report(world: World) -> None:
    world.send(1)
    world.path.steer(Orders(caps={ADA: 321_000}), world.now)
    world.wait(1)
    world.path.steer(Orders(caps={BEN: 5_000}), world.now)

    told = [p for p in world.control_for(ADA) if isinstance(p, rtcpwire.Remb)]
    assert [p.ssrcs for p in told] == [(20,), (20,)]
    assert all(abs(p.bitrate_bps - 321_000) < 1000 for p in told)
    assert not [p for p in world.control_for(BEN) if isinstance(p, rtcpwire.Remb)], "sends nothing"


def test_quality_says_nothing_of_what_nobody_has_told() -> None:
    world = World()
    world.show(BEN)
    unknown = world.path.qualities(world.now)[BEN]
    assert (unknown.round_trip_s, unknown.up_loss, unknown.down_loss) == (None, None, None)

    world.send(1)
    world.control(BEN, rtcpwire.write_rr(1, [rtcpwire.ReportBlock(1001, 64, 0, 0, 0, 0, 0)]))
    assert world.path.qualities(world.now)[BEN].down_loss == 0.25


def test_quality_is_told_of_the_time_since_it_was_last_asked() -> None:
    world = World(stamped=True)
    world.show(BEN)
    for n in (1, 2, 4, 5):
        world.send(n, 3000 * n, payload=(FRAME if n == 1 else DELTA) + bytes(93))
    feedback, _ = twcc.write(1, 2, 1, 0, [100, None, 110, 120])
    world.control(BEN, feedback)
    world.control(BEN, rtcpwire.write_rr(1, [rtcpwire.ReportBlock(1001, 0, 0, 0, 900, 0, 0)]))
    world.now = Seconds(world.now + 2)
    told = world.path.qualities(world.now)

    assert told[ADA].up_loss == pytest.approx(1 / 5)
    assert told[ADA].up_bps == pytest.approx(4 * (12 + 100) * 8 / 2)
    assert told[BEN].down_jitter_s == pytest.approx(0.01)
    assert told[BEN].down_bps == pytest.approx(4 * 100 * 8 / 2)
    world.now = Seconds(world.now + 2)
    quiet = world.path.qualities(world.now)
    assert (quiet[ADA].up_loss, quiet[ADA].up_bps) == (None, 0)
    assert (quiet[BEN].down_loss, quiet[BEN].down_bps) == (0, 0), "its report said so"
    assert told[CAM].up_bps == 0
