"""What an attacker tries on a handshake, before it and behind it, stops neither it nor the call.

The rows are classes of published weaknesses in other systems; the reference stands at each test. What strangers try
is in `test_media_attacks.py`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from teleward_media.adapters.dtls import MAX_QUEUE
from teleward_testing.dtls_records import empty_fragments, in_pieces, is_client_hello, is_dtls
from teleward_testing.media_transport import (
    ADA,
    BEN,
    NewPeer,
    Transport,
    hears,
    two_who_hear,
    until,
)

Record: TypeAlias = Callable[[str, object], None]
TRIES = 200


async def taken(
    port: Transport, send: Callable[[bytes], None], datagrams: Sequence[bytes]
) -> None:
    """Send DTLS datagrams of a peer's, no more at once than are held, and wait until each was looked at."""
    came = 0

    class Looking:
        def see(self, _: int, datagram: memoryview, *, leaves: bool) -> None:
            nonlocal came
            came += not leaves and is_dtls(datagram)

    port.port.tap = Looking()
    for number, datagram in enumerate(datagrams, 1):
        send(datagram)
        if number % (MAX_QUEUE // 2) == 0 or number == len(datagrams):
            await until(lambda number=number: came >= number)  # type: ignore[misc]  # bound now
    port.port.tap = None
    assert port.count("drop_dtls_queue") == 0


async def test_what_comes_before_a_handshake_is_held_within_a_bound(
    port: Transport, peer: NewPeer, record_property: Record
) -> None:
    """CVE-2022-29189 (Pion): an unbounded buffer."""
    one = peer()
    one.read_answer(port.answer(ADA, one))
    one.check()
    await until(lambda: one.arrived > 0)
    for _ in range(3):
        for _ in range(500):
            one.send(bytes([23]) + bytes(1400))
        await asyncio.sleep(0.01)
    dropped = port.count("drop_dtls_queue") + port.count("drop_peer_rate")

    record_property("refused", f"{dropped} of 1500 datagrams")
    sink = port.port._by_number[1].sink
    assert sink._ice._queue.maxsize == MAX_QUEUE  # type: ignore[attr-defined]  # what bounds it
    assert dropped > 1000
    other = await port.join(BEN, peer())
    assert other.is_connected


async def test_fragments_of_no_length_before_a_handshake_cost_their_sender_that_one_alone(
    port: Transport, peer: NewPeer
) -> None:
    """CVE-2022-29190 (Pion): an endless loop."""
    one = peer()
    one.read_answer(port.answer(ADA, one))
    one.check()
    await until(lambda: one.arrived > 0)
    for fragment in empty_fragments(TRIES):
        one.send(fragment)
        await asyncio.sleep(0)
    await until(lambda: port.count("handshake_failed") == 1)  # OpenSSL takes it for the message

    ben, again = await port.join(BEN, peer()), await port.join(ADA, peer())
    port.connect_two()

    await hears(ben, again)
    await hears(again, ben)


async def test_fragments_of_no_length_in_a_call_stop_nothing(
    port: Transport, peer: NewPeer, record_property: Record
) -> None:
    """CVE-2022-29190 (Pion): an endless loop."""
    ada, ben = await two_who_hear(port, peer)
    await taken(port, ada.send, empty_fragments(TRIES))

    record_property("refused", f"{TRIES} of {TRIES} fragments")
    await hears(ben, ada)
    await hears(ada, ben)
    assert ada.is_connected


async def test_a_client_hello_in_pieces_that_overlap_and_come_out_of_order_is_answered(
    port: Transport, peer: NewPeer
) -> None:
    """RFC 6347 §4.2.3; CVE-2014-0195 (OpenSSL): fragments that contradict one another overran a buffer."""
    ada, pieces = peer(), list[bytes]()
    whole = ada.send

    def send(datagram: bytes) -> None:
        cut = list(in_pieces(datagram)) if is_client_hello(datagram) else []
        pieces.extend(cut)
        for one in cut or [datagram]:
            whole(one)

    ada.send = send  # type: ignore[method-assign]  # it cuts what the other one writes whole
    await port.join(ADA, ada)
    ben = await port.join(BEN, peer())
    port.connect_two()

    await hears(ben, ada)
    await hears(ada, ben)
    assert len(pieces) >= 5
    assert port.count("handshake_done") == 2


async def test_a_handshake_that_is_said_again_in_the_call_is_not_shaken_again(
    port: Transport, peer: NewPeer, record_property: Record
) -> None:
    """Whoever recorded it sends it from the peer's own address, where DTLS alone tells the two apart."""
    ada, said = peer(), list[bytes]()
    plain = ada.send

    def send(datagram: bytes) -> None:
        said.extend([datagram] if is_dtls(datagram) else [])
        plain(datagram)

    ada.send = send  # type: ignore[method-assign]  # it remembers what the other one only sends
    await port.join(ADA, ada)
    ben = await port.join(BEN, peer())
    port.connect_two()
    replayed = said * (TRIES // len(said))
    await taken(port, plain, replayed)

    record_property("refused", f"{len(replayed)} of {len(replayed)} datagrams")
    assert any(map(is_client_hello, said))
    await hears(ben, ada)
    await hears(ada, ben)
    assert (port.count("handshake_done"), port.count("handshake_failed")) == (2, 0)
    assert ada.is_connected
    assert port.closed == []
