"""What a slot's sender reports say keeps lips with voices, over changes of layer and of person.

A receiver plays a packet at the time of our clock that the newest report of its slot gives its RTP timestamp (RFC 3550
§6.4.1). That time minus the time of capture must be the same for the picture and the voice of one person, to 1 ms.
"""

import random
import struct
from dataclasses import dataclass, field

import pytest
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.forwarding import Orders, Output, SourceId
from teleward_media.packetpath import rtcpwire
from teleward_testing.path_world import ADA, BEN, CAM, DELTA, FRAME, OPUS, World, named
from teleward_testing.sdp import SIMULCAST, audio, video

WITHIN_S = 0.001
PICTURE, VOICE = 1001, 1000
"""SSRCs of the receiver's two slots."""
RATES = {PICTURE: 90_000, VOICE: 48_000}
LOW, HIGH = 300, 301
"""SSRCs of two layers of one camera."""


@dataclass
class Publisher:
    """Somebody whose clock, RTP offsets and way through the network are their own."""

    world: World
    who: ParticipantId
    ahead_s: float
    """Their wallclock minus ours."""
    chance: random.Random
    sequences: dict[int, int] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)
    captured: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    """SSRC of the slot → (timestamp on the wire, time of capture by our clock)."""

    def rtp(self, ssrc: int, at_s: float) -> int:
        rate = 48_000 if ssrc < LOW else 90_000
        offset = self.offsets.setdefault(ssrc, self.chance.randrange(1 << 32))
        return (offset + int(at_s * rate)) & 0xFFFFFFFF

    def send(self, ssrc: int, *, keyframe: bool = False, rid: bytes = b"") -> None:
        """Send what was captured 5 to 60 ms ago, and note what of it leaves towards Cam."""
        at_s = self.world.now - self.chance.uniform(0.005, 0.06)
        sequence = self.sequences[ssrc] = self.sequences.get(ssrc, 100) + 1
        extension = named(b"cam", rid) if rid else b""
        before = len(self.world.media_for(CAM))
        self.world.send(
            sequence, self.rtp(ssrc, at_s), ssrc=ssrc, kind=OPUS if ssrc < LOW else 96,
            who=self.who, payload=extension + (FRAME if keyframe else DELTA),
            first=0x90 if extension else 0x80,
        )  # fmt: skip
        for _, _, timestamp, slot, _ in self.world.media_for(CAM)[before:]:
            self.captured.setdefault(slot, []).append((timestamp, at_s))

    def report(self, ssrc: int) -> None:
        """Send a sender report that was written 5 to 40 ms ago."""
        at_s = self.world.now - self.chance.uniform(0.005, 0.04)
        clock = int((at_s + self.ahead_s) * 2**32)
        packet = rtcpwire.write_sr(ssrc, clock, self.rtp(ssrc, at_s), 1, 1)
        self.world.control(self.who, packet)


def playout_delays_s(publisher: Publisher, slot: int, newest: int = 1) -> list[float]:
    """When the newest packets are to be played, minus when they were captured."""
    reports = {
        part.ssrc: part
        for part in publisher.world.control_for(CAM)
        if isinstance(part, rtcpwire.SenderReport)
    }
    report, found = reports[slot], []
    for timestamp, at_s in publisher.captured[slot][-newest:]:
        (since,) = struct.unpack("!i", struct.pack("!I", (timestamp - report.rtp) & 0xFFFFFFFF))
        found.append(report.ntp / 2**32 + since / RATES[slot] - at_s)
    return found


@pytest.fixture
def people() -> tuple[World, Publisher, Publisher]:
    """Ada and Ben with two layers each; Cam, who receives one picture and one voice."""
    world = World(now=Seconds(5000))
    sections = (
        audio("mic", "sendonly", "a=ssrc:10 cname:x"),
        video("cam", "sendonly", *SIMULCAST),
    )
    for who in (ADA, BEN):
        world.join(who, *sections)
    world.join(CAM, audio("a0", "recvonly"), video("v0", "recvonly"))
    chance = random.Random(7)
    return world, Publisher(world, ADA, 1.7e9, chance), Publisher(world, BEN, -300.0, chance)


def show(world: World, who: ParticipantId) -> None:
    world.path.set_plan(
        {
            SourceId(who, "camera"): (Output(CAM, "v0"),),
            SourceId(who, "microphone"): (Output(CAM, "a0"),),
        },
        world.now,
    )


def talk(publisher: Publisher, seconds: float) -> None:
    """Voice and both layers for a while, a report a second, as browsers send it."""
    world = publisher.world
    for step in range(int(seconds * 50)):
        for ssrc, turn in ((10, 10), (LOW, 25), (HIGH, 40)):
            if step % 50 == turn:
                publisher.report(ssrc)
        publisher.send(10)
        if step % 2 == 0:
            publisher.send(LOW, rid=b"h", keyframe=step == 0)
            publisher.send(HIGH, rid=b"m", keyframe=step == 0)
        world.wait(0.02)


def test_picture_and_voice_of_one_person_are_told_one_clock(
    people: tuple[World, Publisher, Publisher],
) -> None:
    world, ada, _ = people
    show(world, ADA)
    talk(ada, 4)

    (picture,), (voice,) = playout_delays_s(ada, PICTURE), playout_delays_s(ada, VOICE)
    assert abs(picture - voice) < WITHIN_S


def test_a_change_of_layer_is_not_felt_even_before_the_next_report(
    people: tuple[World, Publisher, Publisher],
) -> None:
    world, ada, _ = people
    show(world, ADA)
    talk(ada, 4)
    before = playout_delays_s(ada, PICTURE)[0]

    for layer, ssrc, rid in ((1, HIGH, b"m"), (0, LOW, b"h"), (1, HIGH, b"m")):
        world.path.steer(Orders([(Output(CAM, "v0"), layer)]), world.now)
        for number in range(4):
            world.now = Seconds(world.now + 0.07)  # later than any capture before
            ada.send(ssrc, rid=rid, keyframe=number == 0)

    seams = [abs(one - before) for one in playout_delays_s(ada, PICTURE, newest=12)]
    assert len(seams) == 12
    assert max(seams) < WITHIN_S


def test_after_a_change_of_person_the_next_reports_tell_the_others_clock(
    people: tuple[World, Publisher, Publisher],
) -> None:
    world, ada, ben = people
    show(world, ADA)
    talk(ada, 3)
    talk(ben, 2)
    show(world, BEN)
    talk(ben, 3)

    (picture,), (voice,) = playout_delays_s(ben, PICTURE), playout_delays_s(ben, VOICE)
    assert abs(picture - voice) < WITHIN_S
    world.path.steer(Orders([(Output(CAM, "v0"), 1)]), world.now)
    talk(ben, 2)
    (picture,), (voice,) = playout_delays_s(ben, PICTURE), playout_delays_s(ben, VOICE)
    assert abs(picture - voice) < WITHIN_S
