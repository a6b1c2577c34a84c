"""Retransmissions (RFC 4588) agree with aiortc's wrapping and unwrapping, whatever else the packets carry."""

import random
from copy import copy
from dataclasses import dataclass

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, unwrap_rtx, wrap_rtx
from teleward_media.core.answer import MID, REPAIRED_RID, RID
from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.repair import COOLDOWN_S
from teleward_testing.path_world import ADA, BEN, DELTA, FRAME, RTX, VP8, World
from teleward_testing.sdp import SIMULCAST, video

MEDIA, REPAIR = 300, 400
"""SSRCs of Ada's one encoding and of its retransmissions."""
SLOT, SLOT_RTX = 1001, 1002


@dataclass(frozen=True, slots=True)
class Dress:
    """What a packet carries besides its payload."""

    csrc: tuple[int, ...] = ()
    padding: int = 0
    mid: str = "cam"
    """A longer name than 16 bytes needs two-byte extensions (RFC 8285 §4.3)."""


DRESSES = {
    "plain": Dress(),
    "with contributors": Dress(csrc=(1, 2, 3)),
    "padded": Dress(padding=7),
    "padded to the longest": Dress(padding=255),
    "with two-byte extensions": Dress(mid="camera-of-a-clinician"),
    "with all of it": Dress(csrc=tuple(range(15)), padding=33, mid="camera-of-a-clinician"),
}


class Sender:
    """Ada as aiortc would send: one encoding, named by MID and RID, with its retransmissions."""

    def __init__(self, dress: Dress) -> None:
        self.dress, self.repairs = dress, 900
        self.world = World()
        self.world.join(ADA, video(dress.mid, "sendonly", *SIMULCAST))
        self.world.show(BEN)
        self._map = HeaderExtensionsMap()
        extensions = [(4, MID), (10, RID), (11, REPAIRED_RID)]
        self._map.configure(
            RTCRtpParameters(
                headerExtensions=[RTCRtpHeaderExtensionParameters(i, u) for i, u in extensions]
            )
        )

    def packet(self, sequence: int, payload: bytes) -> RtpPacket:
        one = RtpPacket(
            payload_type=VP8, marker=sequence & 1, sequence_number=sequence & 0xFFFF,
            timestamp=3000 * sequence & 0xFFFFFFFF, ssrc=MEDIA, payload=payload,
        )  # fmt: skip
        one.csrc, one.padding_size = list(self.dress.csrc), self.dress.padding
        one.extensions.mid, one.extensions.rtp_stream_id = self.dress.mid, "h"
        return one

    def send(self, packet: RtpPacket) -> None:
        self._put(packet)

    def send_again(self, packet: RtpPacket) -> None:
        again = wrap_rtx(packet, RTX, self.repairs, REPAIR)
        again.extensions = copy(packet.extensions)
        again.extensions.repaired_rtp_stream_id, again.extensions.rtp_stream_id = "h", None
        again.padding_size = self.dress.padding
        self.repairs += 1
        self._put(again)

    def _put(self, packet: RtpPacket) -> None:
        self.world.put(ADA, packet.serialize(self._map))
        self.world.take()

    def received(self) -> list[RtpPacket]:
        """What Ben got, as aiortc reads it."""
        packets = [
            RtpPacket.parse(data) for who, data in self.world.wire.sent
            if who == BEN and not 192 <= data[1] <= 223
        ]  # fmt: skip
        return [one for one in packets if one.ssrc in (SLOT, SLOT_RTX)]


def story(one: RtpPacket, first: RtpPacket) -> tuple[int, int, int, int, bytes]:
    """A packet relative to the first of its stream."""
    return (
        (one.sequence_number - first.sequence_number) & 0xFFFF,
        (one.timestamp - first.timestamp) & 0xFFFFFFFF,
        one.marker, one.payload_type, one.payload,
    )  # fmt: skip


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("begin", [100, 65_530], ids=["in the middle", "over the wrap"])
def test_what_was_lost_on_the_way_in_is_forwarded_from_its_retransmission_as_if_it_had_come(
    dress: str, begin: int
) -> None:
    sender, chance = Sender(DRESSES[dress]), random.Random(begin)
    packets = [
        sender.packet(begin + n, FRAME if n == 0 else DELTA + bytes([n])) for n in range(20)
    ]
    lost = set(chance.sample(range(1, 19), 6))
    for n, packet in enumerate(packets):
        if n not in lost:
            sender.send(packet)
    sender.send_again(packets[0])  # the first of a repair stream only names it
    for n in sorted(lost, key=lambda _: chance.random()):
        sender.send_again(packets[n])

    got = sender.received()
    first = next(one for one in got if one.payload == FRAME)
    assert sorted(story(one, first) for one in got) == [
        story(packet, packets[0]) for packet in packets
    ]


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("begin", [100, 65_530], ids=["in the middle", "over the wrap"])
def test_what_was_lost_on_the_way_out_is_sent_again_so_that_aiortc_unwraps_it(
    dress: str, begin: int
) -> None:
    sender = Sender(DRESSES[dress])
    for n in range(20):
        sender.send(sender.packet(begin + n, FRAME if n == 0 else DELTA + bytes([n])))
    media = sender.received()
    assert len(media) == 20
    lost = [media[n] for n in (3, 4, 11, 19)]
    nack = rtcpwire.write_nack(1, SLOT, [one.sequence_number for one in lost])
    for _ in range(2):
        sender.world.control(BEN, nack)
        sender.world.wait(2 * COOLDOWN_S)

    again = sender.received()[20:]
    assert [(one.payload_type, one.ssrc) for one in again] == [(RTX, SLOT_RTX)] * 8
    numbers = [one.sequence_number for one in again]
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(8)], "a number served twice"
    unwrapped = [unwrap_rtx(one, VP8, SLOT) for one in again]
    assert [story(one, media[0]) for one in unwrapped] == 2 * [
        story(one, media[0]) for one in lost
    ]
