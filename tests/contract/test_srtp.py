"""What the packet path relies on in pylibsrtp's binding, which is not its public interface."""

import pytest
from pylibsrtp import Policy, Session
from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.packetpath.srtp import REFUSED, SrtpContext

PROFILES = {
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM: (28, 16),
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: (44, 16),
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: (30, 10),
}
"""Bytes of key and salt, and of the tag."""
RTP = bytes([0x80, 96, 0, 1]) + bytes(4) + b"\0\0\0\x07" + b"payload"
RTCP = bytes([0x81, 206, 0, 2]) + bytes(8)


class Pair:
    """Both ends of one direction, in blocks of their own."""

    def __init__(self, profile: int) -> None:
        key = bytes(range(PROFILES[profile][0]))
        self.out, self.back = Datagrams(4), Datagrams(4)
        sending = Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        receiving = Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        self.session = Session(sending)
        self.sender = SrtpContext(self.session, self.out)
        self.receiver = SrtpContext(Session(receiving), self.back)

    def put(self, packet: bytes, at: int = STRIDE) -> int:
        self.out.buffer[at : at + len(packet)] = packet
        return len(packet)

    def carry(self, length: int, at: int = STRIDE) -> None:
        self.back.buffer[at : at + length] = self.out.buffer[at : at + length]


@pytest.fixture(params=PROFILES)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)


def test_a_packet_is_protected_where_it_stands_and_comes_back(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    length = pair.sender.protect(STRIDE, pair.put(RTP))
    assert length == len(RTP) + next(
        t for p, (_, t) in PROFILES.items() if f"[{p}]" in request.node.name
    )
    assert pair.out.buffer[STRIDE : STRIDE + 12] == RTP[:12]
    assert pair.out.buffer[STRIDE + 12 : STRIDE + len(RTP)] != RTP[12:]
    assert not any(pair.out.buffer[:STRIDE]), "a neighbour was touched"

    pair.carry(length)
    assert pair.receiver.unprotect(STRIDE, length) == len(RTP)
    assert pair.back.buffer[STRIDE : STRIDE + len(RTP)] == RTP


@pytest.mark.parametrize("profile", PROFILES)
def test_the_bytes_are_those_of_the_public_interface(profile: int) -> None:
    ours, theirs = Pair(profile), Pair(profile)
    length = ours.sender.protect(0, ours.put(RTP, 0))

    assert bytes(ours.out.buffer[:length]) == theirs.session.protect(RTP)


def test_control_packets_go_the_same_way(pair: Pair) -> None:
    length = pair.sender.protect_rtcp(STRIDE, pair.put(RTCP))
    pair.carry(length)

    assert pair.receiver.unprotect_rtcp(STRIDE, length) == len(RTCP)
    assert pair.back.buffer[STRIDE : STRIDE + len(RTCP)] == RTCP


def test_what_is_forged_replayed_or_cut_short_is_refused(pair: Pair) -> None:
    length = pair.sender.protect(STRIDE, pair.put(RTP))
    pair.carry(length)
    pair.back.buffer[STRIDE + 14] ^= 1
    assert pair.receiver.unprotect(STRIDE, length) == REFUSED
    assert pair.receiver.unprotect(STRIDE, 12) == REFUSED

    pair.carry(length)
    assert pair.receiver.unprotect(STRIDE, length) == len(RTP)
    pair.carry(length)
    assert pair.receiver.unprotect(STRIDE, length) == REFUSED
    assert pair.receiver.unprotect_rtcp(STRIDE, length) == REFUSED


def test_the_same_number_is_not_protected_twice(pair: Pair) -> None:
    pair.sender.protect(STRIDE, pair.put(RTP))

    assert pair.sender.protect(STRIDE, pair.put(RTP)) == REFUSED
