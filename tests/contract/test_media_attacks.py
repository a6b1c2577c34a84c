"""What an attacker tries on the media port and the control port is refused, each row of the table n of n.

The rows are classes of published weaknesses in other systems; the reference stands at each test.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeAlias

import pytest
from OpenSSL import SSL
from teleward_contract.signalling import (
    MAX_FRAME_BYTES,
    Error,
    ErrorCode,
    Media,
    Participants,
)
from teleward_contract.tickets import TicketSigner
from teleward_contract.units import ParticipantId
from teleward_media.adapters.control_port import MAX_SEND_QUEUE, POLICY_VIOLATION, Socket
from teleward_media.adapters.dtls import MAX_QUEUE
from teleward_media.adapters.expected import PEER_BURST, PEER_RATE
from teleward_media.core.offer import parse_offer
from teleward_media.errors import OfferRefusedError
from teleward_testing.media_node import RunningMediaNode, attach
from teleward_testing.media_transport import (
    ADA,
    BEN,
    NewPeer,
    Transport,
    hears,
    scripted_peers,
    transport,
    two_who_hear,
    until,
)
from teleward_testing.scripted_call import enter
from teleward_testing.scripted_peer import ScriptedPeer

Record: TypeAlias = Callable[[str, object], None]
SET_UPS = 100
TRIES = 200


@pytest.fixture
async def port() -> AsyncIterator[Transport]:
    async with transport() as running:
        yield running


@pytest.fixture
async def peer() -> AsyncIterator[NewPeer]:
    async with scripted_peers() as new:
        yield new


@pytest.fixture
async def two(port: Transport, peer: NewPeer) -> tuple[ScriptedPeer, ScriptedPeer]:
    return await two_who_hear(port, peer)


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        yield sock


def got(sock: socket.socket) -> int:
    """Bytes that came to a socket."""
    total = 0
    while True:
        try:
            total += len(sock.recv(2048))
        except BlockingIOError:
            return total


def client_hello() -> bytes:
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return bytes(connection.bio_read(1500))


def zero_length_fragments(count: int) -> list[bytes]:
    """ClientHellos of 100 bytes, of which each record brings none."""
    fragment = struct.pack("!B3sHH2s3s", 1, bytes([0, 0, 100]), 0, 0, bytes(2), bytes(3))[:12]
    return [
        struct.pack("!BHHH4sH", 22, 0xFEFD, 0, 0, n.to_bytes(4, "big"), len(fragment)) + fragment
        for n in range(count)
    ]


async def test_client_hellos_from_strangers_stop_no_handshake(
    port: Transport, stranger: socket.socket, record_property: Record
) -> None:
    """ES2023-01 to -03: whoever's ClientHello came first had the association."""
    hello, target = client_hello(), ("127.0.0.1", 0)

    async def spray() -> None:
        while True:
            for _ in range(20):
                if target[1]:
                    stranger.sendto(hello, target)
            await asyncio.sleep(0.001)

    spraying = asyncio.create_task(spray())
    connected = 0
    try:
        for n in range(SET_UPS):
            one, who = ScriptedPeer(), ParticipantId(f"p{n}")
            answer = port.answer(who, one)
            one.read_answer(answer)
            target = one.target
            await one.accept(answer)
            connected += one.is_connected
            port.peers.close(who)
            await one.close()
    finally:
        spraying.cancel()
        await asyncio.gather(spraying, return_exceptions=True)

    record_property(
        "refused", f"{port.count('drop_stranger')} hellos, {connected} of {SET_UPS} connected"
    )
    assert connected == SET_UPS
    assert port.count("drop_stranger") > SET_UPS
    assert got(stranger) == 0


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


@pytest.mark.parametrize("when", ["before the handshake", "in the call"])
async def test_fragments_of_no_length_stop_nothing(
    when: str, port: Transport, peer: NewPeer, record_property: Record
) -> None:
    """CVE-2022-29190 (Pion): an endless loop."""
    one = peer()
    answer = port.answer(ADA, one)
    if when == "in the call":
        await one.accept(answer)
    else:
        one.read_answer(answer)
        one.check()
    await until(lambda: one.arrived > 0)
    for fragment in zero_length_fragments(TRIES):
        one.send(fragment)
        await asyncio.sleep(0)

    other = await port.join(BEN, peer())

    record_property("refused", f"{TRIES} of {TRIES} fragments")
    assert other.is_connected
    if when == "in the call":
        assert one.is_connected


async def test_media_from_a_third_port_reaches_nobody_and_draws_nothing_there(
    port: Transport, two: tuple[ScriptedPeer, ScriptedPeer], stranger: socket.socket,
    record_property: Record,
) -> None:  # fmt: skip
    """ES2017-04 (RTP bleed), CVE-2025-53399 (RTPEngine): media goes where the last packet came from."""
    ada, ben = two
    heard = len(ada.received)
    before = port.count("drop_stranger")
    for n in range(TRIES):
        packet = ben.rtp("audio")
        stranger.sendto(ben.protect(packet) if n % 2 else packet, ben.target)
    await until(lambda: port.count("drop_stranger") == before + TRIES)

    record_property("refused", f"{TRIES} of {TRIES} packets")
    assert len(ada.received) == heard
    await hears(ada, ben)
    assert got(stranger) == 0


async def test_media_that_is_not_encrypted_by_its_peer_is_not_forwarded(
    port: Transport, two: tuple[ScriptedPeer, ScriptedPeer], record_property: Record
) -> None:
    ada, ben = two
    heard, before = len(ada.received), port.count("drop_srtp")
    for n in range(TRIES):
        packet = ben.rtp("audio")
        ben.send([packet, packet + os.urandom(16), ada.protect(packet)][n % 3])
    await until(lambda: port.count("drop_srtp") == before + TRIES)

    record_property("refused", f"{TRIES} of {TRIES} packets")
    assert len(ada.received) == heard
    await hears(ada, ben)


async def test_a_packet_that_is_sent_again_and_again_is_forwarded_once(
    port: Transport, two: tuple[ScriptedPeer, ScriptedPeer], record_property: Record
) -> None:
    ada, ben = two
    heard, before = len(ada.received), port.count("drop_srtp")
    packet = ben.protect(ben.rtp("audio"))
    for _ in range(TRIES + 1):
        ben.send(packet)
    await until(lambda: port.count("drop_srtp") == before + TRIES)
    await until(lambda: len(ada.received) == heard + 1)

    record_property("refused", f"{TRIES} of {TRIES} replays")


async def test_two_with_the_same_ssrc_are_both_heard(port: Transport, peer: NewPeer) -> None:
    """RFC 3550 §8.2 between peers: an SSRC means something only together with who sent it."""
    ada, ben = peer(), peer()
    ben.ssrcs = dict(ada.ssrcs)
    await port.join(ADA, ada)
    await port.join(BEN, ben)
    port.connect_two()

    await hears(ada, ben)
    await hears(ben, ada)
    heard = {ssrc for one in (ada, ben) for ssrc, _, _ in one.received}

    assert len(heard) == 2
    assert not heard & set(ada.ssrcs.values())


async def test_no_sdp_does_anything_but_be_answered_or_refused(
    port: Transport, peer: NewPeer, record_property: Record
) -> None:
    """ES2018-02 and -03 (Asterisk): an SDP that crashes. Each line is left out, doubled, cut and blown up."""
    lines = peer().offer().split("\r\n")
    tried = refused = 0
    for n, line in enumerate(lines):
        for changed in (
            [],
            [line, line],
            [line[: len(line) // 2]],
            [line + "9" * 20_000],
            [line[:2] + "\x00é"],
        ):
            tried += 1
            try:
                parse_offer("\r\n".join([*lines[:n], *changed, *lines[n + 1 :]]))
            except OfferRefusedError:
                refused += 1

    record_property("refused", f"{refused} of {tried} offers, the others answered")
    assert refused > tried / 4
    assert port.port._by_number == {}


async def test_who_fails_to_sign_in_as_somebody_hurts_nobody(
    node: RunningMediaNode, record_property: Record
) -> None:
    """CVE-2022-41960 (BigBlueButton): a bad token with a victim's name threw the victim out."""
    victim = await enter(node, "ada", "visit:victim")
    real, node.signer = node.signer, TicketSigner(TicketSigner.generate())
    refused = 0
    for _ in range(10):
        eve = await attach(node, "ada", call="visit:victim")
        refused += (await eve.receive(Error)).code is ErrorCode.TICKET_REFUSED
        await eve.close()
    node.signer = real

    record_property("refused", f"{refused} of 10 tickets")
    assert refused == 10
    await victim.person.send(Media(audio=False, video=True))
    assert (await victim.person.receive(Participants)).participants
    assert victim.peer.is_connected
    await victim.close()


async def test_checks_with_a_victims_name_and_another_password_move_nobody(
    port: Transport, two: tuple[ScriptedPeer, ScriptedPeer], stranger: socket.socket,
    record_property: Record,
) -> None:  # fmt: skip
    ada, ben = two
    before, password = port.count("drop_stun_integrity"), ada.remote_password
    ada.remote_password = b"guessed"
    for _ in range(50):
        ada.check(sock=stranger)
    ada.remote_password = password
    await until(lambda: port.count("drop_stun_integrity") == before + 50)

    record_property("refused", "50 of 50 checks")
    assert got(stranger) == 0
    await hears(ada, ben)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1", "inside.local"]
)  # fmt: skip
async def test_a_candidate_that_a_client_names_is_never_sent_anything(
    host: str, port: Transport, peer: NewPeer, stranger: socket.socket
) -> None:
    """CVE-2020-26262 (coturn), the Slack report: reaching inside hosts through a media server."""
    one = peer()
    number = stranger.getsockname()[1]
    line = f"a=candidate:1 1 udp 2130706431 {host} {number} typ host\r\n"
    plain = one.offer
    one.offer = lambda: plain() + line * 1000  # type: ignore[method-assign]  # this one names candidates
    await port.join(ADA, one)
    await asyncio.sleep(0.2)  # time enough to send something

    assert host not in repr(parse_offer(one.offer()))
    assert got(stranger) == 0
    assert [path.source.port for path in port.port._by_number[1].ice.paths.values()] == [
        one.socket.getsockname()[1]
    ]


async def test_a_stranger_gets_not_one_byte_and_a_participant_reflects_less_than_it_sends(
    port: Transport, peer: NewPeer, stranger: socket.socket, record_property: Record
) -> None:
    """Amplification: what comes out at a forged sender's address, for each byte that its forger sent."""
    one = peer()
    one.read_answer(port.answer(ADA, one))
    nonsense = [client_hello(), b"\x00\x01" + bytes(18), one.rtp("video"), b"", os.urandom(500)]
    for datagram in nonsense * 40:
        stranger.sendto(datagram, one.target)
    await asyncio.sleep(0.1)
    assert got(stranger) == 0

    sent = came = most = 0.0
    for datagram in [b"", client_hello()] * 100:
        if datagram:
            stranger.sendto(datagram, one.target)
        sent += len(datagram or one.check(sock=stranger))
        await asyncio.sleep(0.002)
        came += got(stranger)
        most = max(most, came / sent)
    await asyncio.sleep(1.5)  # OpenSSL would send a flight again after a second
    came += got(stranger)

    record_property("amplification", f"at most {most:.2f} at any time, {came / sent:.2f} in all")
    assert max(most, came / sent) < 1
    assert port.port._by_number[1].ice.selected is None, "nobody has answered from there"


async def test_a_participant_that_floods_with_checks_and_dtls_is_cut_off_and_the_call_goes_on(
    port: Transport, two: tuple[ScriptedPeer, ScriptedPeer], record_property: Record
) -> None:
    ada, ben = two
    check, hello = ada.check(), client_hello()
    before = len(ben.raw)
    for _ in range(2 * TRIES):
        for _ in range(5):
            ada.send(check)
            ada.send(hello)
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    cut_off = port.count("drop_peer_rate")

    record_property(
        "refused", f"{cut_off} of {20 * TRIES} checks and ClientHellos of a participant"
    )
    assert cut_off > 20 * TRIES - 2 * (PEER_BURST + 5 * PEER_RATE)
    assert len(ben.raw) == before
    await hears(ada, ben)
    await hears(ben, ada)


class _Deaf:
    """A WebSocket whose reader does not read."""

    def __init__(self) -> None:
        self.code = 0

    async def send_str(self, _: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int) -> bool:
        self.code = code
        return True


async def test_who_does_not_read_is_closed_with_a_bounded_queue() -> None:
    deaf = _Deaf()
    slow = Socket(deaf)  # type: ignore[arg-type]  # all of it that is used
    frame = Participants(participants=())
    for _ in range(MAX_SEND_QUEUE + 10):
        slow.tell(frame)
        await asyncio.sleep(0)

    await until(lambda: deaf.code == POLICY_VIOLATION)
    await slow.finish()


async def test_a_flood_of_frames_and_a_giant_frame_end_their_own_socket_only(
    node: RunningMediaNode, record_property: Record
) -> None:
    victim = await enter(node, "ada", "visit:flood")
    eve = await enter(node, "eve", "visit:flood")
    for n in range(500):
        await eve.person.send(Media(audio=n % 2 == 0, video=True))
    giant = await attach(node, "mob", call="visit:flood")
    await giant.socket.send(json.dumps({"type": "join", "offer": "x" * 3 * MAX_FRAME_BYTES}))

    assert (await eve.person.receive(Error)).code is ErrorCode.TOO_FAST
    assert await eve.person.closed() == POLICY_VIOLATION
    assert await giant.closed() == 1009
    record_property("refused", "2 of 2 sockets")
    await victim.person.send(Media(audio=False, video=True))
    assert (await victim.person.receive(Participants)).participants
    assert victim.peer.is_connected
    for one in (eve, giant, victim):
        await one.close()
