"""While strangers flood the media port the kernel lets peers and STUN through, and nobody who comes is shut out."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from teleward_media.adapters import batches
from teleward_media.adapters.addresses import to_raw
from teleward_media.adapters.shutter import MOST, Shutter
from teleward_media.adapters.udp_port import BATCH, ROUNDS
from teleward_media.core.stun import write_check
from teleward_testing.media_transport import ADA, BEN, transport, until
from teleward_testing.scripted_peer import ScriptedPeer

RTP = b"\x80\x60" + bytes(50)
STUN = write_check(bytes(12), "a:b", bytes(8), b"secret")
pytestmark = pytest.mark.skipif(not batches.is_available(), reason="needs Linux on 64 bits")


@contextmanager
def wired(family: socket.AddressFamily, senders: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            for _ in range(senders + 1)
        ]
        for one in sockets:
            one.setblocking(False)
            one.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        yield sockets


def received(sock: socket.socket) -> list[bytes]:
    datagrams = []
    while True:
        try:
            datagrams.append(sock.recv(2048))
        except BlockingIOError:
            return datagrams


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_only_known_addresses_and_stun_pass_while_it_is_down(
    family: socket.AddressFamily,
) -> None:
    with wired(family, 3) as (port, ada, ben, stranger):
        shutter = Shutter(port)
        to = port.getsockname()
        assert shutter.lower([to_raw(ada.getsockname()), to_raw(ben.getsockname())])

        for datagram in (RTP, b"\x16\xfe\xff" + bytes(50), bytes(90), b"", b"\x00\x01", b"\x60"):
            stranger.sendto(datagram, to)
        assert received(port) == []
        stranger.sendto(STUN, to)
        ada.sendto(RTP, to)
        ben.sendto(RTP, to)
        assert received(port) == [STUN, RTP, RTP]

        shutter.lift()
        shutter.lift()
        stranger.sendto(RTP, to)
        assert received(port) == [RTP]


def test_with_more_addresses_than_a_program_holds_it_stays_up() -> None:
    with wired(socket.AF_INET, 1) as (port, stranger):
        shutter = Shutter(port)
        known = [to_raw((f"10.0.{n // 250}.{n % 250}", 9)) for n in range(MOST)]
        assert shutter.lower(known[: MOST - 10])

        assert not shutter.lower(known)

        stranger.sendto(RTP, port.getsockname())
        assert received(port) == [RTP], "and the smaller one is gone"


async def test_it_goes_down_in_a_flood_lets_a_newcomer_in_and_is_lifted_in_the_calm() -> None:
    async with transport() as node:
        ada = await node.join(ADA, ScriptedPeer())
        ben = ScriptedPeer()
        try:
            with wired(socket.AF_INET, 1) as (_, stranger):
                for _ in range(ROUNDS * BATCH):
                    stranger.sendto(RTP, ada.target)
            await until(lambda: node.count("shutter_lowered") == 1)
            await node.join(BEN, ben)
            node.connect_two()
            ada.publish("audio")
            await until(lambda: len(ben.received) == 1)
            assert "drop_shutter" not in node.counters.by_reason, "all that while it was down"

            await until(lambda: "drop_shutter" in node.counters.by_reason)
            with wired(socket.AF_INET, 1) as (_, stranger):
                before = node.count("drop_stranger")
                stranger.sendto(RTP, ada.target)
                await until(lambda: node.count("drop_stranger") == before + 1)
            assert node.port.kernel_drops() == 0
        finally:
            await ada.close()
            await ben.close()
