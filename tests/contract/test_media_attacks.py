"""What an attacker tries on the media port and the control port is refused, each row of the table n of n.

The rows are classes of published weaknesses in other systems; the reference stands at each test.
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from teleward_contract import signalling
from teleward_contract.signalling import (
    MAX_FRAME_BYTES,
    Closed,
    Error,
    ErrorCode,
    Join,
    Joined,
    Leave,
    Media,
    Participants,
)
from teleward_contract.tickets import TicketSigner
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.adapters import batches
from teleward_media.adapters.control_port import MAX_SEND_QUEUE, POLICY_VIOLATION, Socket
from teleward_media.adapters.expected import PEER_BURST, PEER_RATE
from teleward_media.core.offer import parse_offer
from teleward_testing.destinations import watched
from teleward_testing.dtls_records import client_hello
from teleward_testing.media_node import RunningMediaNode, attach
from teleward_testing.media_transport import (
    ADA,
    BEN,
    NewPeer,
    Transport,
    hears,
    two_who_hear,
    until,
)
from teleward_testing.scripted_call import Scripted, enter
from teleward_testing.scripted_peer import ScriptedPeer

Record: TypeAlias = Callable[[str, object], None]
SET_UPS = 100
TRIES = 200


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


async def test_nobody_is_kept_present_by_media_that_somebody_else_wrote(
    port: Transport, two: tuple[ScriptedPeer, ScriptedPeer], record_property: Record
) -> None:
    """RFC 7675: what only comes from an address is no consent to send to it."""
    _, ben = two
    port.path.look()
    heard, before = port.peers.heard_at(BEN), port.count("drop_srtp")
    for _ in range(TRIES):
        ben.send(ben.rtp("audio") + os.urandom(16))
    await until(lambda: port.count("drop_srtp") == before + TRIES)

    record_property("refused", f"{TRIES} of {TRIES} packets")
    assert port.path.look().alive == set()
    assert port.peers.heard_at(BEN) == heard

    ben.send(ben.protect(ben.rtp("audio")))
    alive: set[int] = set()

    def is_seen() -> bool:
        alive.update(port.path.look().alive)
        return bool(alive)

    await until(is_seen)
    port.peers.note_alive(alive, Seconds(1e9))
    assert port.peers.heard_at(BEN) == 1e9


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


def misshapen(offer: str) -> Iterator[str]:
    """Offers in which a line is left out, doubled, cut, blown up or made strange."""
    lines = offer.split("\r\n")
    for n, line in enumerate(lines):
        for changed in (
            [],
            [line, line],
            [line[: len(line) // 2]],
            [line + "9" * 20_000],
            [line[:2] + "\x00é"],
        ):
            yield "\r\n".join([*lines[:n], *changed, *lines[n + 1 :]])


async def test_no_sdp_does_anything_but_be_answered_or_refused(
    node: RunningMediaNode, peer: NewPeer, record_property: Record
) -> None:
    """ES2018-02 and -03 (Asterisk): an SDP that crashes. Who is answered disturbs nobody, who is refused is not in."""
    call, tried, refused = "visit:sdp", 0, 0
    ada = await enter(node, "ada", call, peer(slots=3))
    await asyncio.sleep(0.5)  # what its joining began has ended
    resting = node.metric("teleward_media_tasks")

    def rests() -> bool:
        return node.metric("teleward_media_tasks") <= resting

    for tried, offer in enumerate(misshapen(peer().offer()), 1):
        odd = await attach(node, f"odd{tried}", call=call)
        await odd.send(Join(offer=offer))
        answer = signalling.parse_server_frame(await odd.receive_text())
        others = [ada.person.ticket.participant]
        if isinstance(answer, Joined):
            others.append(ParticipantId(answer.you))
        else:
            assert isinstance(answer, Error)
            assert answer.code is ErrorCode.BAD_OFFER
            refused += 1
            await until(rests)
        if isinstance(answer, Joined) or refused % 10 == 1:
            await joins_and_leaves(node, f"ben{tried}", call, peer(slots=2), ada, others)
        if isinstance(answer, Joined):
            await odd.send(Leave())
            await odd.receive(Closed)
        await odd.close()
    await until(rests)
    await ada.close()

    record_property("refused", f"{refused} of {tried} offers, the others answered")
    assert tried / 4 < refused < tried


async def joins_and_leaves(
    node: RunningMediaNode, who: str, call: str, peer: ScriptedPeer, ada: Scripted,
    others: list[ParticipantId | None],
) -> None:  # fmt: skip
    """A normal peer finds these in the call, and Ada and it hear each other."""
    person = await attach(node, who, call=call)
    await person.send(Join(offer=peer.offer()))
    joined = await person.receive(Joined)
    assert [one.id for one in joined.participants] == [*others, joined.you]
    await peer.accept(joined.answer)
    await hears(ada.peer, peer)
    await hears(peer, ada.peer)
    await person.send(Leave())
    await person.receive(Closed)
    await Scripted(person, peer).close()


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
    "host",
    [
        "127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1",
        "192.168.1.1", "fe80::1", "inside.local",
    ],
)  # fmt: skip
async def test_a_candidate_that_a_client_names_is_never_sent_anything(
    host: str, port: Transport, peer: NewPeer, stranger: socket.socket
) -> None:
    """CVE-2020-26262 (coturn), the Slack report: reaching inside hosts through a media server."""
    ada, ben = peer(), peer()
    number = stranger.getsockname()[1]
    line = f"a=candidate:1 1 udp 2130706431 {host} {number} typ host\r\n"
    plain = ada.offer
    ada.offer = lambda: plain() + line * 1000  # type: ignore[method-assign]  # this one names candidates
    with watched(port.port) as told:
        await port.join(ADA, ada)
        await port.join(BEN, ben)
        port.connect_two()
        for _ in range(10):  # enough at once for every way of sending
            for one in (ada, ben):
                one.publish("audio")
                one.publish("video")
        await hears(ada, ben)
        await hears(ben, ada)
        await asyncio.sleep(0.2)  # time enough to send something

    assert told.all == {ada.socket.getsockname(), ben.socket.getsockname()}
    assert "sendmmsg" in told.by_call or not batches.is_available()
    assert host not in repr(parse_offer(ada.offer()))
    assert got(stranger) == 0
    assert [path.source.port for path in port.port._by_number[1].ice.paths.values()] == [
        ada.socket.getsockname()[1]
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
