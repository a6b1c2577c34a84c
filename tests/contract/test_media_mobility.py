"""A participant keeps its media when its address, its ICE names or its whole connection change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import TypeAlias

import pytest
from aiortc.rtcdtlstransport import RTCCertificate
from teleward_testing.media_transport import (
    ADA,
    BEN,
    NewPeer,
    Transport,
    hears,
    transport,
    two_who_hear,
    until,
)
from teleward_testing.scripted_peer import ScriptedPeer

Record: TypeAlias = Callable[[str, object], None]
RESTART_S, REBINDING_S, GAP_S = 1.0, 0.3, 0.2
"""What the work was asked for."""
FRAME_S = 0.02


@pytest.fixture
async def node() -> AsyncIterator[Transport]:
    async with transport() as running:
        yield running


@pytest.fixture
async def two(node: Transport, peer: NewPeer) -> tuple[ScriptedPeer, ScriptedPeer]:
    return await two_who_hear(node, peer)


async def test_a_new_port_of_the_same_client_has_its_media_within_300_ms(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer], record_property: Record
) -> None:
    ada, ben = two
    done, asked = node.count("handshake_done"), ada.asked
    ada.rebind()
    ada.check()

    took = await hears(ada, ben)
    await hears(ben, ada)

    record_property("rebinding_ms", round(took * 1000))
    assert took <= REBINDING_S
    assert (node.count("moved"), ada.asked) == (1, asked + 1)
    assert node.count("handshake_done") == done


async def test_a_sender_that_answers_nothing_gets_no_media_and_little_else(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer]
) -> None:
    """Who knows its own password and forges its sender's address does not flood whoever lives there."""
    ada, ben = two
    victim = ada._open()
    asyncio.get_running_loop().remove_reader(victim.fileno())
    sent = got = 0
    for _ in range(50):
        sent += len(ada.check(sock=victim))
        ben.publish("audio")
        await asyncio.sleep(0.01)
        while True:
            try:
                datagram = victim.recv(2048)
            except BlockingIOError:
                break
            got += len(datagram)
            assert datagram[0] <= 3, "nothing but checks goes there"
    victim.close()

    assert 0 < got < sent
    assert node.count("moved") == 0
    await hears(ada, ben)


async def test_ice_restarts_by_signalling_within_a_second_on_the_same_handshake(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer], record_property: Record
) -> None:
    ada, ben = two
    done, old = node.count("handshake_done"), (ada.remote_ufrag, ada.remote_password, ada.ufrag)
    ada.rename()
    begun = asyncio.get_running_loop().time()
    assert node.restart(ADA, ada)
    ada.rebind()
    await ada.check_until_answered()
    await hears(ada, ben)
    took = asyncio.get_running_loop().time() - begun

    record_property("ice_restart_ms", round(took * 1000))
    assert took <= RESTART_S
    assert (node.count("handshake_done"), node.count("ice_restarted")) == (done, 1)
    ada.remote_ufrag, ada.remote_password, ada.ufrag = old
    unknown = node.count("drop_stun_unknown")
    ada.check()
    await until(lambda: node.count("drop_stun_unknown") == unknown + 1)


async def test_until_a_restart_is_used_the_old_names_hold(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer]
) -> None:
    ada, ben = two
    old = (ada.ufrag, ada.password)
    ada.rename()
    new = (ada.ufrag, ada.password)
    remote = (ada.remote_ufrag, ada.remote_password)
    assert node.restart(ADA, ada)
    renamed = (ada.remote_ufrag, ada.remote_password)

    (ada.ufrag, ada.password), (ada.remote_ufrag, ada.remote_password) = old, remote
    await asyncio.wait_for(ada.check_until_answered(), 1)
    (ada.ufrag, ada.password), (ada.remote_ufrag, ada.remote_password) = new, renamed
    await asyncio.wait_for(ada.check_until_answered(), 1)
    await hears(ada, ben)


async def test_a_restart_with_another_certificate_is_another_peer(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer], peer: NewPeer
) -> None:
    stranger = peer(certificate=RTCCertificate.generateCertificate())

    assert not node.restart(ADA, stranger)


async def test_a_second_connection_replaces_the_first_with_no_audio_lost(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer], peer: NewPeer, record_property: Record
) -> None:
    ada, ben = two
    heard_before = len(ada.received)

    async def talk() -> None:
        while True:
            ben.publish("audio")
            await asyncio.sleep(FRAME_S)

    talking = asyncio.create_task(talk())
    try:
        second = await node.join(ADA, peer())
        await until(lambda: len(second.received) > 10)
        await ada.goodbye()
        await until(lambda: len(second.received) > 60)
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    overlap = [at for _, _, at in ada.received[heard_before:]]
    after = [at for _, _, at in second.received]
    times = sorted({*overlap, *after})
    gap = max(b - a for a, b in pairwise(times))
    numbers = [sequence for _, sequence, _ in second.received]

    record_property("second_connection_gap_ms", round(gap * 1000))
    assert overlap[-1] >= after[0], "the first hears until the second does"
    assert gap <= GAP_S
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert node.closed == [], "the first one's end is not the participant's"
    await hears(ben, second)


async def test_the_first_connection_is_closed_after_the_overlap_and_its_client_is_told(
    peer: NewPeer,
) -> None:
    async with transport(overlap_s=0.1) as node:
        ada, ben = await node.join(ADA, peer()), await node.join(BEN, peer())
        node.connect_two()
        second = await node.join(ADA, peer())

        await until(lambda: not ada.is_connected)

        assert node.closed == []
        await hears(second, ben)


async def test_a_second_connection_that_fails_leaves_the_first_alone(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer], peer: NewPeer
) -> None:
    ada, ben = two
    await node.join(ADA, second := peer())
    await second.goodbye()
    await until(lambda: len(node.path._casting.of(ADA)) == 1)

    assert node.closed == []
    await hears(ada, ben)


async def test_the_end_of_the_last_connection_is_the_participants(
    node: Transport, two: tuple[ScriptedPeer, ScriptedPeer]
) -> None:
    await two[0].goodbye()

    await until(lambda: node.closed == [ADA])
    assert node.peers.heard_at(ADA) is None


async def test_a_thousand_opened_are_two(node: Transport, peer: NewPeer) -> None:
    one = peer()
    for _ in range(1000):
        node.answer(ADA, one)
        await asyncio.sleep(0)  # others have their turn between two frames
    await until(lambda: len(node.port._by_ufrag) == 2, seconds=20)

    assert len(node.port._by_number) == 2
    await one.accept(node.answer(ADA, one))
    assert node.peers.heard_at(ADA) is not None
