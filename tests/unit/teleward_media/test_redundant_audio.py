"""A voice with redundancy reaches who loses packets as it is, and the others without it (RFC 2198)."""

import pytest
from teleward_contract.units import Seconds
from teleward_media.core.answer import LocalTransport, accepted_codecs, negotiate, write_answer
from teleward_media.core.offer import parse_offer
from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.payloads import find_primary
from teleward_media.packetpath.slot import REPEAT_FROM, REPEAT_S
from teleward_testing.path_world import ADA, BEN, CAM, OPUS, VOICE, World
from teleward_testing.sdp import audio, offer

RED = 63
WITH_RED = ("a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111")


def talkative(mid: str, direction: str, *more: str) -> tuple[str, ...]:
    """An audio section whose first choice is redundancy."""
    first, *rest = audio(mid, direction, *WITH_RED, *more)
    return (first.replace("111 0", "63 111 0"), *rest)


def redundant(before: bytes, voice: bytes, payload_type: int = OPUS) -> bytes:
    """One block of what came before (20 ms ago), and the newest."""
    head = (0x80 | payload_type) << 24 | 960 << 10 | len(before)
    return head.to_bytes(4, "big") + bytes([payload_type]) + before + voice


@pytest.fixture
def world() -> World:
    world = World()
    world.join(ADA, talkative("mic", "sendonly", "a=ssrc:10 cname:x"))
    world.join(BEN, talkative("a0", "recvonly"))
    world.show(BEN, CAM, source=VOICE, mid="a0")
    return world


def said(world: World, who: object) -> list[tuple[int, bytes]]:
    return [(m[0], m[4]) for m in world.media_for(who)]  # type: ignore[arg-type]  # ids are strings


def test_who_takes_redundancy_gets_it_and_who_does_not_gets_the_voice_alone(world: World) -> None:
    world.send(1, ssrc=10, kind=OPUS, payload=b"one")
    world.send(2, 960, ssrc=10, kind=RED, payload=redundant(b"one", b"two"))

    assert said(world, BEN) == [(OPUS, b"one"), (RED, redundant(b"one", b"two"))]
    assert said(world, CAM) == [(OPUS, b"one"), (OPUS, b"two")]


def test_a_voice_that_begins_with_redundancy_is_known_as_opus(world: World) -> None:
    world.send(1, ssrc=10, kind=RED, payload=redundant(b"", b"one"))
    world.send(2, 960, ssrc=10, kind=RED, payload=redundant(b"one", b"two"))

    assert said(world, BEN)[-1] == (RED, redundant(b"one", b"two"))
    assert said(world, CAM) == [(OPUS, b"one"), (OPUS, b"two")]


def report(world: World, lost: int) -> None:
    ssrc = world.media_for(BEN)[0][3]
    world.control(BEN, rtcpwire.write_rr(1, [rtcpwire.ReportBlock(ssrc, lost, 0, 0, 0, 0, 0)]))


def test_who_loses_nothing_is_spared_the_redundancy_and_who_loses_gets_it_for_a_while(
    world: World,
) -> None:
    kinds: list[int] = []
    world.send(0, ssrc=10, kind=OPUS, payload=b"zero")
    for step, lost in enumerate([0, REPEAT_FROM, REPEAT_FROM + 1, 0]):
        report(world, lost)
        world.send(step + 1, ssrc=10, kind=RED, payload=redundant(b"a", b"b"))
        kinds.append(world.media_for(BEN)[-1][0])
    world.now = Seconds(world.now + REPEAT_S + 1)
    world.send(9, ssrc=10, kind=RED, payload=redundant(b"a", b"b"))

    assert kinds == [OPUS, OPUS, RED, RED]
    assert world.media_for(BEN)[-1][0] == OPUS


def test_redundancy_that_names_another_type_inside_is_taken_apart(world: World) -> None:
    first, *rest = talkative("a0", "recvonly")
    moved = (first, *(line.replace("111", "109") for line in rest))
    world.join(BEN, (moved[0].replace("111", "109"), *moved[1:]))
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS, payload=b"one")
    world.send(2, 960, ssrc=10, kind=RED, payload=redundant(b"one", b"two"))

    assert said(world, BEN) == [(109, b"one"), (109, b"two")]


def test_a_malformed_redundant_payload_and_a_stranger_in_it_are_dropped(world: World) -> None:
    world.send(1, ssrc=10, kind=OPUS, payload=b"one")
    for number, payload in enumerate(
        [redundant(b"one", b""), redundant(b"a", b"b", 0), b"\xef\x0f", b"\xef\x0f\x03\xff" * 3]
    ):
        world.send(2 + number, ssrc=10, kind=RED, payload=payload)
    world.send(9, ssrc=10, kind=RED, payload=b"")

    assert world.counted["drop_malformed"] == 4
    assert len(world.media_for(BEN)) == 1


def test_the_primary_is_found_behind_any_number_of_blocks() -> None:
    blocks = [b"first", b"second"]
    heads = b"".join(((0x80 | OPUS) << 24 | 960 << 10 | len(b)).to_bytes(4, "big") for b in blocks)
    payload = heads + bytes([OPUS]) + b"".join(blocks) + b"voice"

    start = find_primary(payload, 0, len(payload), OPUS)
    assert start is not None
    assert payload[start:] == b"voice"
    assert find_primary(payload, 0, len(payload), 0) is None
    assert find_primary(b"", 0, 0, OPUS) is None


def test_redundancy_is_answered_where_it_is_of_opus_and_not_where_it_is_of_something_else() -> (
    None
):
    taken = parse_offer(offer(talkative("mic", "sendonly")))
    negotiated = negotiate(taken, lambda: 7)
    answer = write_answer(taken, negotiated, LocalTransport("u", "p", "AB", "127.0.0.1", 9))

    assert "m=audio 9 UDP/TLS/RTP/SAVPF 63 111" in answer
    assert "a=rtpmap:63 red/48000/2" in answer
    assert "a=fmtp:63 111/111" in answer
    for parameters in ("111/0", "0/0", ""):
        lines = tuple(line.replace("111/111", parameters) for line in talkative("m", "sendonly"))
        section = parse_offer(offer(lines)).sections[0]
        assert [codec.name for codec in accepted_codecs(section)] == ["opus"]


def test_who_begins_to_listen_takes_no_redundancy_from_who_listens_already(world: World) -> None:
    world.show(BEN, source=VOICE, mid="a0")
    world.send(1, ssrc=10, kind=OPUS, payload=b"one")
    world.show(BEN, CAM, source=VOICE, mid="a0")
    world.send(2, 960, ssrc=10, kind=RED, payload=redundant(b"one", b"two"))

    assert said(world, BEN)[-1] == (RED, redundant(b"one", b"two"))
    assert said(world, CAM) == [(OPUS, b"two")]
