"""Datagrams nobody asked for are dropped and counted, and what must not be forwarded is not."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from functools import partial

import pytest
from teleward_cli.demo.client import CallSocket, Visitor
from teleward_cli.people.peer import Peer
from teleward_contract.signalling import Hold, Join, Joined, Leave, Media, Ready
from teleward_testing.browser import until
from teleward_testing.builders import House
from teleward_testing.doors import first
from teleward_testing.recording import Recording

NewVisitor = Callable[[Recording | None], Visitor]

SET_UPS = 100
"""Handshakes during the spray; none may fail."""

SPRAY_EVERY_S = 0.005
"""Pause of the sprayer between bursts, so that it does not take the machine from the set-ups."""

BINDING_REQUEST = bytes.fromhex("000100002112a442")
DTLS_HANDSHAKE = bytes.fromhex("16fefd000000000000000000")
RTP = bytes.fromhex("806f0001")


async def test_what_strangers_throw_at_the_udp_port_is_counted_and_fails_no_set_up(
    house: House, visitor: NewVisitor
) -> None:
    member = visitor(None)
    await member.sign_in(house.clinician)
    before = house.media_metric("teleward_media_drops_total")

    spray = asyncio.create_task(_spray(house))
    try:
        for _ in range(SET_UPS):
            async with asyncio.timeout(15), await member.call(house.meeting_room_path) as call:
                peer, _ = await _join(call)
                await until("media may flow", partial(_is_up, peer), seconds=10, every=0.02)
                await peer.close()
                await call.send(Leave())
    finally:
        spray.cancel()
        await asyncio.gather(spray, return_exceptions=True)

    dropped = house.media_metric("teleward_media_drops_total") - before
    assert dropped > SET_UPS


@pytest.mark.parametrize("after", ["mute", "hold", "leave"])
async def test_media_that_is_sent_on_after_this_reaches_nobody(
    after: str, house: House, visitor: NewVisitor
) -> None:
    sender, watcher = visitor(None), visitor(None)
    await sender.sign_in(house.colleague)
    await watcher.sign_in(house.clinician)
    path = house.meeting_room_path
    async with (
        asyncio.timeout(60),
        await sender.call(path) as sending,
        await watcher.call(path) as watching,
    ):
        loud, its_id = await _join(sending)
        seeing, _ = await _join(watching)
        try:
            await until("a picture", partial(_sees_and_hears, seeing), seconds=15)
            match after:
                case "mute":
                    await sending.send(Media(audio=False, video=False))
                case "hold":
                    await watching.send(Hold(participant=its_id, on=True))
                case _:
                    await sending.send(Leave())
            await asyncio.sleep(1)  # what was under way has arrived
            frames, energy = seeing.frames_decoded, seeing.audio_energy
            dropped = house.media_metric("teleward_media_drops_total", reason="not_shown")
            await asyncio.sleep(2)

            assert (seeing.frames_decoded, seeing.audio_energy) == (frames, energy)
            if after != "leave":  # who has left hears a DTLS goodbye, and this sender obeys it
                withheld = house.media_metric("teleward_media_drops_total", reason="not_shown")
                assert withheld - dropped > 10
        finally:
            await loud.close()
            await seeing.close()


async def _join(call: CallSocket) -> tuple[Peer, str]:
    """Join with a sending peer; the answer is the peer and its id in the call."""
    await first(call, Ready)
    peer = Peer()
    await call.send(Join(offer=await peer.offer()))
    joined = await first(call, Joined)
    await peer.accept(joined.answer)
    return peer, joined.you


async def _is_up(peer: Peer) -> bool:
    return peer.cipher is not None


async def _sees_and_hears(peer: Peer) -> bool:
    return peer.frames_decoded > 0 and peer.audio_energy > 0


async def _spray(house: House) -> None:
    """Throw everything at the port that is not ours to send, from ever new addresses."""
    host, port = house.media_nodes[0].udp.rsplit(":", 1)
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            for datagram in _nonsense():
                with contextlib.suppress(OSError):  # the kernel's buffer is full
                    stranger.sendto(datagram, (host, int(port)))
        await asyncio.sleep(SPRAY_EVERY_S)


def _nonsense() -> list[bytes]:
    noise = os.urandom(64)
    return [
        b"",
        noise,
        BINDING_REQUEST,
        BINDING_REQUEST + noise[:12],
        BINDING_REQUEST + noise,
        DTLS_HANDSHAKE,
        DTLS_HANDSHAKE + noise,
        RTP,
        RTP + noise,
    ]
