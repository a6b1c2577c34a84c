"""Really encoded H.264 stays decodable over a change of layer, and when a keyframe's parameter sets came late."""

import re
from fractions import Fraction

from aiortc.codecs.h264 import H264Encoder, H264PayloadDescriptor
from av import Packet
from teleward_media.core.forwarding import Orders, Output
from teleward_testing.families import frames
from teleward_testing.path_world import ADA, BEN, World, named
from teleward_testing.sdp import SIMULCAST, video

H264 = 102
LOW, HIGH = 300, 301
WIDTHS = {LOW: 160, HIGH: 320}


class Camera:
    """Two encodings of one picture, cut into packets by aiortc; a keyframe every ten frames."""

    def __init__(self, world: World) -> None:
        self.world, self.sequences = world, dict.fromkeys(WIDTHS, 65_500)
        self.encoded = {
            ssrc: 3 * frames.encoded("h264", width=width, height=width * 3 // 4, frames=10)
            for ssrc, width in WIDTHS.items()
        }
        self.held_back: list[tuple[int, int, bytes, bool]] = []

    def send(
        self, ssrc: int, number: int, *, singly: bool = False, but_first: bool = False
    ) -> None:
        """Send a frame as aiortc cuts it, or each of its units by itself, and hold back the first packet."""
        packet = Packet(self.encoded[ssrc][number])
        packet.pts, packet.time_base = number, Fraction(1, 10)
        parts = H264Encoder().pack(packet)[0]
        if singly:
            units = re.split(b"\0*\0\0\1", self.encoded[ssrc][number])
            parts = [unit for unit in units if unit]
        for at, part in enumerate(parts):
            self.sequences[ssrc] += 1
            one = (self.sequences[ssrc], ssrc, part, at == len(parts) - 1)
            if but_first and at == 0:
                self.held_back.append(one)
            else:
                self._put(*one, number)

    def send_held_back(self, number: int) -> None:
        for one in self.held_back:
            self._put(*one, number)

    def _put(self, sequence: int, ssrc: int, part: bytes, last: bool, number: int) -> None:
        extension = named(b"cam", b"h" if ssrc == LOW else b"m")
        self.world.send(
            sequence, 9000 * number, ssrc=ssrc, kind=H264 | (0x80 if last else 0), first=0x90,
            payload=extension + part,
        )  # fmt: skip


def shown(world: World) -> list[int]:
    """Widths of the pictures that Ben's decoder makes of his slot; what it cannot decode raises."""
    packets = sorted(
        world.media_for(BEN), key=lambda one: (one[1] - world.media_for(BEN)[0][1]) & 0xFFFF
    )
    whole: dict[int, bytes] = {}
    for kind, _, timestamp, _, payload in packets:
        assert kind == H264
        whole[timestamp] = whole.get(timestamp, b"") + H264PayloadDescriptor.parse(payload)[1]
    return [picture.width for picture in frames.decoded("h264", list(whole.values()))]  # type: ignore[union-attr]  # pictures


def camera() -> Camera:
    world = World()
    world.join(ADA, video("cam", "sendonly", *SIMULCAST))
    world.show(BEN)
    return Camera(world)


def test_a_change_of_layer_begins_at_a_keyframe_that_decodes() -> None:
    ada = camera()
    for number in range(30):
        if number == 12:
            ada.world.path.steer(Orders([(Output(BEN, "v0"), 1)]), ada.world.now)
        for ssrc in WIDTHS:
            ada.send(ssrc, number)
        ada.world.wait(0.1)

    assert shown(ada.world) == 21 * [160] + 10 * [320], "at frame 20 one was sent already"


def test_a_keyframe_whose_parameter_sets_come_last_begins_with_them_all_the_same() -> None:
    ada = camera()
    ada.world.show()
    ada.send(LOW, 9)
    ada.world.show(BEN)
    ada.send(LOW, 10, singly=True, but_first=True)
    ada.send(LOW, 11)
    assert ada.world.media_for(BEN) == [], "a slice without parameter sets decodes nowhere"

    ada.send_held_back(10)
    ada.send(LOW, 12)

    assert shown(ada.world) == 3 * [160]
