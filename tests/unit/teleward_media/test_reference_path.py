"""The packet path forwards what the plan says and nothing else, without a seam, decoding nothing."""

import struct
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from pylibsrtp import Error as SrtpError
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.answer import negotiate
from teleward_media.core.forwarding import Output, SourceId
from teleward_media.core.offer import parse_offer
from teleward_media.packetpath import rtpwire
from teleward_media.packetpath.reference import (
    KEYFRAME_FLOOR_S,
    REPAIR_BURST,
    RING_PACKETS,
    ReferencePath,
)
from teleward_testing.sdp import SIMULCAST, audio, offer, video

ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))
CAMERA, VOICE = SourceId(ADA, "camera"), SourceId(ADA, "microphone")
VP8, OPUS, RTX = 96, 111, 97


class Plain:
    """An SRTP session that changes nothing; bytes that begin with `forged` are refused."""

    def unprotect(self, data: bytes) -> bytes:
        if data[12:18] == b"forged":
            raise SrtpError(7)
        return data

    unprotect_rtcp = unprotect

    def protect(self, data: bytes) -> bytes:
        return data

    protect_rtcp = protect


@dataclass
class World:
    sent: list[tuple[ParticipantId, bytes]] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    now: Seconds = Seconds(100)

    def __post_init__(self) -> None:
        self.path = ReferencePath(lambda who, data: self.sent.append((who, data)), self._count)
        for who in (ADA, BEN, CAM):
            self.join(who)

    def _count(self, what: str, n: int) -> None:
        self.counted[what] = self.counted.get(what, 0) + n

    def join(self, who: ParticipantId) -> None:
        sections = (
            audio("mic", "sendonly", "a=ssrc:10 cname:x"),
            video("cam", "sendonly", "a=ssrc:20 cname:x"),
            audio("a0", "recvonly"),
            video("v0", "recvonly"),
        )
        numbers = iter(range(1000, 1010))
        negotiated = negotiate(parse_offer(offer(*sections)), lambda: next(numbers))
        self.path.add_peer(who, Plain(), Plain(), negotiated)

    def show(self, *who: ParticipantId, source: SourceId = CAMERA, mid: str = "v0") -> None:
        plan = {source: tuple(Output(one, mid) for one in who)} if who else {}
        self.path.set_plan(plan, self.now)

    def send(self, sequence: int, timestamp: int = 0, *, ssrc: int = 20, kind: int = VP8,
             who: ParticipantId = ADA, payload: bytes = b"frame", first: int = 0x80) -> None:  # fmt: skip
        packet = struct.pack(
            "!BBHII", first, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
        )
        self.path.receive([(who, packet + payload)], self.now)

    def control(self, who: ParticipantId, packet: bytes) -> None:
        self.path.receive([(who, packet)], self.now)

    def media_for(self, who: ParticipantId) -> list[tuple[int, int, int, int, bytes]]:
        """(payload type, sequence, timestamp, ssrc, payload) of the RTP that somebody got."""
        found = []
        for receiver, data in self.sent:
            if receiver == who and not rtpwire.is_rtcp(data):
                _, kind, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
                found.append((kind & 0x7F, sequence, timestamp, ssrc, data[12:]))
        return found

    def keyframes_asked(self) -> int:
        return sum(
            data[1] == rtpwire.PSFB and data[0] & 31 == rtpwire.FMT_PLI
            for who, data in self.sent
            if who == ADA
        )


@pytest.fixture
def world() -> World:
    return World()


def test_a_packet_goes_to_those_in_the_plan_under_their_slots_ssrc(world: World) -> None:
    world.show(BEN, CAM)
    world.send(500, 9000)

    for who in (BEN, CAM):
        ((kind, _, _, ssrc, payload),) = world.media_for(who)
        assert (kind, ssrc, payload) == (VP8, 1001, b"frame")
    assert world.media_for(ADA) == []
    assert world.counted == {"received": 1, "forwarded": 2, "keyframe_requests": 1}


def test_what_is_not_in_the_plan_reaches_nobody(world: World) -> None:
    world.show()
    world.send(500)

    assert world.sent == []
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
    world.send(1)
    world.show(BEN)
    assert world.keyframes_asked() == 1

    world.show(BEN, CAM)
    world.send(2)
    assert world.keyframes_asked() == 1

    world.now = Seconds(world.now + KEYFRAME_FLOOR_S)
    world.send(3)
    assert world.keyframes_asked() == 2, "what came too soon was forgotten"


def test_a_receivers_wish_for_a_keyframe_is_passed_on_once(world: World) -> None:
    world.show(BEN)
    world.send(1)
    world.now = Seconds(world.now + KEYFRAME_FLOOR_S)
    before = world.keyframes_asked()
    for _ in range(20):
        world.control(BEN, rtpwire.write_pli(1, 1001))

    assert world.keyframes_asked() == before + 1


def test_a_wish_for_somebody_elses_slot_or_for_sound_asks_nobody(world: World) -> None:
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS)
    world.control(BEN, rtpwire.write_pli(1, 1000))
    world.control(CAM, rtpwire.write_pli(1, 1001))
    world.control(CAM, rtpwire.write_pli(1, 4242))

    assert world.keyframes_asked() == 0


def test_a_lost_packet_is_sent_again_as_rtx_with_its_own_numbering(world: World) -> None:
    world.show(BEN)
    world.send(1, 900, payload=b"frame")
    sequence = world.media_for(BEN)[0][1]
    nack = struct.pack("!BBHIIHH", 0x81, rtpwire.RTPFB, 3, 1, 1001, sequence, 0)
    world.control(BEN, nack)
    world.control(BEN, nack)

    _, first, second = world.media_for(BEN)
    assert first[0] == RTX
    assert first[3] == 1002
    assert first[4] == struct.pack("!H", sequence) + b"frame"
    assert second[1] - first[1] == 1


def test_what_is_too_old_or_never_was_is_not_sent_again(world: World) -> None:
    world.show(BEN)
    for n in range(RING_PACKETS + 1):
        world.send(n)
    oldest = world.media_for(BEN)[0][1]
    for sequence in (oldest, (oldest - 100) & 0xFFFF):
        world.control(BEN, struct.pack("!BBHIIHH", 0x81, rtpwire.RTPFB, 3, 1, 1001, sequence, 0))

    assert "retransmitted" not in world.counted


def test_a_storm_of_nacks_is_bounded_over_all_messages_and_parts(world: World) -> None:
    world.show(BEN)
    world.send(1)
    sequence = world.media_for(BEN)[0][1]
    many = struct.pack("!HH", sequence, 0) * 5
    part = struct.pack("!BBHII", 0x81, rtpwire.RTPFB, 2 + len(many) // 4, 1, 1001) + many
    for _ in range(40):
        world.control(BEN, part * 40)

    assert world.counted["retransmitted"] == REPAIR_BURST
    world.now = Seconds(world.now + 1)
    world.control(BEN, part)
    assert world.counted["retransmitted"] == REPAIR_BURST + 5


def test_a_senders_clock_is_passed_on_in_the_slots_time(world: World) -> None:
    world.show(BEN)
    world.send(1, 5000)
    shown = world.media_for(BEN)[0][2]
    world.control(ADA, rtpwire.write_sr(20, 2**40, 5900, 1, 5))

    (report,) = [data for who, data in world.sent if who == BEN and rtpwire.is_rtcp(data)]
    ssrc, ntp, rtp, packets, octets = struct.unpack_from("!IQIII", report, 4)
    assert (ssrc, ntp, packets, octets) == (1001, 2**40, 1, 5)
    assert (rtp - shown) & 0xFFFFFFFF == 900


def test_publishers_are_told_what_arrived_and_what_they_may_send(world: World) -> None:
    world.show(BEN)
    for sequence in (1, 2, 5):
        world.send(sequence, sequence * 3000)
    world.path.report(world.now)

    (report,) = [data for who, data in world.sent if who == ADA and data[1] == rtpwire.RR]
    ssrc, loss, highest = struct.unpack_from("!III", report, 8)
    assert (ssrc, highest & 0xFFFF) == (20, 5)
    assert (loss >> 24, loss & 0xFFFFFF) == (2 * 256 // 5, 2)
    assert b"REMB" in report
    assert [who for who, data in world.sent if data[1] == rtpwire.RR] == [ADA]


def test_what_is_bad_is_dropped_and_counted(world: World) -> None:
    world.show(BEN)
    stranger = ParticipantId("stranger")
    world.send(1, who=stranger)
    world.path.receive([(ADA, b"short")], world.now)
    world.send(1, payload=b"forged")
    world.send(1, first=0x8F)
    world.send(1, ssrc=999)
    world.control(ADA, rtpwire.write_pli(1, 2) + b"forged")

    assert world.media_for(BEN) == []
    assert world.counted == {
        "drop_early": 1, "drop_short": 1, "drop_srtp": 2, "drop_malformed": 1, "drop_unknown_ssrc": 1,
    }  # fmt: skip


def test_a_flood_of_new_ssrcs_makes_no_new_streams(world: World) -> None:
    world.show(BEN)
    for ssrc in range(100_000, 100_200):
        world.send(1, ssrc=ssrc)

    assert world.counted == {"drop_unknown_ssrc": 200}


def test_simulcast_is_told_by_mid_and_rid() -> None:
    world = World()
    numbers = iter(range(2000, 2010))
    sections = (video("cam", "sendonly", *SIMULCAST),)
    negotiated = negotiate(parse_offer(offer(*sections)), lambda: next(numbers))
    world.path.add_peer(ADA, Plain(), Plain(), negotiated)
    world.show(BEN)
    for number, (mid, rid) in enumerate([(b"cam", b"h"), (b"cam", b"x"), (b"scr", b"h")]):
        body = bytes([0x42]) + mid + bytes([0xA0]) + rid + bytes(2)
        extension = struct.pack("!HH", 0xBEDE, len(body) // 4) + body
        world.send(1, ssrc=300 + number, first=0x90, payload=extension + b"frame")

    assert [m[4] for m in world.media_for(BEN)] == [b"frame"]
    assert world.counted["drop_unknown_ssrc"] == 2


def test_a_slot_whose_receiver_has_gone_or_lacks_the_codec_gets_nothing(world: World) -> None:
    world.show(BEN, CAM)
    world.path.remove_peer(BEN)
    world.send(1, kind=98)
    world.send(2)

    assert world.media_for(BEN) == []
    assert len(world.media_for(CAM)) == 1


def test_the_others_notice_nothing_of_a_receiver_that_cannot_be_protected_for(
    world: World,
) -> None:
    class Exhausted(Plain):
        def protect(self, data: bytes) -> bytes:
            raise SrtpError(1)

    numbers = iter(range(1000, 1010))
    negotiated = negotiate(parse_offer(offer(video("v0", "recvonly"))), lambda: next(numbers))
    world.path.add_peer(BEN, Plain(), Exhausted(), negotiated)
    world.show(BEN, CAM)
    world.send(1)

    assert len(world.media_for(CAM)) == 1
    assert world.counted["drop_protect"] == 1
