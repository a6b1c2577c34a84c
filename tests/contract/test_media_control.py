"""Hold, mute, remove and lock hold on the wire, also for a client that goes on sending; chat goes to whom it is said.

Packets are counted as they arrive at each peer, after SRTP and before anything is made of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest
from aiortc.rtp import RtcpPacket, RtcpSrPacket
from teleward_cli.people.peer import Peer
from teleward_contract.signalling import (
    Chat,
    Closed,
    CloseReason,
    Error,
    ErrorCode,
    Frame,
    Hold,
    Join,
    Leave,
    Lock,
    Media,
    Mute,
    Muted,
    Participants,
    ParticipantView,
    Quality,
    Remove,
    Right,
    Said,
    View,
)
from teleward_testing.dtls_records import ALERT
from teleward_testing.media_node import (
    ALL_RIGHTS,
    Participant,
    RunningMediaNode,
    attach,
)
from teleward_testing.media_transport import NewPeer, until
from teleward_testing.scripted_call import enter
from teleward_testing.scripted_peer import ScriptedPeer

UNDER_WAY_S = 0.5
"""What was on its way, repairs included, has arrived after this."""
WATCHED_S = 2.0
"""Time in which nothing may come: a hundred voice packets, and two sender reports of every slot."""

Come: TypeAlias = Callable[..., Awaitable["Watched"]]


@dataclass(slots=True)
class Watched:
    """Somebody in a call, with what arrived at the peer, packet by packet."""

    at: Participant
    rtp: int = 0
    reports: int = 0
    """Sender reports: they tell of media, so they are media's."""
    sources: set[int] = field(default_factory=set)
    """SSRCs of what arrived since they were last cleared."""

    @property
    def id(self) -> str:
        return self.at.ticket.participant or ""

    async def join(self) -> None:
        """Join, and count from the first packet on."""
        peer = Peer(slots=2)
        await self.at.join(peer)
        dtls = peer._pc.getTransceivers()[0].sender.transport
        take_rtcp = dtls._handle_rtcp_data

        async def count_rtp(data: bytes, arrival_time_ms: int) -> None:
            self.rtp += 1
            self.sources.add(int.from_bytes(data[8:12], "big"))

        async def count_rtcp(data: bytes) -> None:
            self.reports += sum(isinstance(one, RtcpSrPacket) for one in RtcpPacket.parse(data))
            await take_rtcp(data)  # a keyframe may be asked for

        dtls._handle_rtp_data = count_rtp  # type: ignore[method-assign]  # there is no public way
        dtls._handle_rtcp_data = count_rtcp  # type: ignore[method-assign]  # there is no public way

    async def receives(self) -> None:
        """Wait until more media arrives."""
        before, deadline = self.rtp, time.monotonic() + 8
        while self.rtp <= before + 10:
            assert time.monotonic() < deadline, "nothing arrives"
            await asyncio.sleep(0.05)

    def sent(self) -> int:
        """Packets that this peer's own senders have sent so far."""
        assert self.at.peer is not None
        return sum(
            sender._RTCRtpSender__packet_count  # type: ignore[attr-defined]  # there is no public way
            for sender in self.at.peer._pc.getSenders()
        )


@pytest.fixture
async def come(node: RunningMediaNode, request: pytest.FixtureRequest) -> AsyncIterator[Come]:
    """Let people join a call of this test's own."""
    people: list[Watched] = []

    async def one(who: str, *, joins: bool = True, **ticket: object) -> Watched:
        person = Watched(await attach(node, who, call=f"visit:{request.node.name}", **ticket))  # type: ignore[arg-type]  # as attach has it
        people.append(person)
        if joins:
            await person.join()
        return person

    yield one
    for person in people:
        await person.at.close()


async def passes(*people: Watched) -> list[tuple[int, int]]:
    """What arrives at each while nothing is done: packets and sender reports."""
    await asyncio.sleep(UNDER_WAY_S)
    before = [(person.rtp, person.reports) for person in people]
    for person in people:
        person.sources.clear()
    await asyncio.sleep(WATCHED_S)
    return [
        (person.rtp - rtp, person.reports - reports)
        for person, (rtp, reports) in zip(people, before, strict=True)
    ]


async def seen(person: Watched, where: Callable[[ParticipantView], bool]) -> None:
    """Wait until a participant is listed like this."""
    while not any(map(where, (await person.at.receive(Participants)).participants)):
        pass


async def test_nothing_of_who_is_held_is_forwarded_and_nothing_is_sent_there(come: Come) -> None:
    ann, ben, cem = await come("ann", rights=ALL_RIGHTS), await come("ben"), await come("cem")
    for person in (ann, ben, cem):
        await person.receives()
    await ann.at.send(Hold(participant=ben.id, on=True))
    await seen(ann, lambda one: one.id == ben.id and one.held)

    sent = ben.sent()
    at_ann, at_ben, at_cem = await passes(ann, ben, cem)

    assert ben.sent() - sent > 50, "the held client went on sending"
    assert at_ben == (0, 0)
    assert at_ann[0] > 50, "the others go on"
    assert at_cem[0] > 50
    assert (len(ann.sources), len(cem.sources)) == (2, 2), "one voice and one picture each"

    await ann.at.send(Hold(participant=ben.id, on=False))
    await ben.receives()


async def test_of_two_who_are_held_neither_gets_anything_of_the_other(come: Come) -> None:
    ann, ben, cem = await come("ann", rights=ALL_RIGHTS), await come("ben"), await come("cem")
    await ann.receives()
    for held in (ben, cem):
        await ann.at.send(Hold(participant=held.id, on=True))
        await seen(ann, lambda one, held=held: one.id == held.id and one.held)  # type: ignore[misc]  # bound now

    assert await passes(ann, ben, cem) == [(0, 0)] * 3


async def test_nothing_of_who_was_removed_is_forwarded_and_nothing_is_sent_there(
    come: Come, node: RunningMediaNode, peer: NewPeer
) -> None:
    """Its client heeds neither the frame nor close_notify, and goes on."""
    ann, cem = await come("ann", rights=ALL_RIGHTS), await come("cem")
    ben = await enter(node, "ben", ann.at.ticket.call, peer(slots=2, obeys=False))
    sending = asyncio.create_task(goes_on(ben.peer))
    try:
        await until(lambda: min(len(ann.sources), len(cem.sources)) == 4)
        await until(lambda: len({ssrc for ssrc, _, _ in ben.peer.received}) == 4)
        await ann.at.send(Remove(participant=ben.person.ticket.participant or ""))
        assert (await ben.person.receive(Closed)).reason is CloseReason.REMOVED
        await asyncio.sleep(UNDER_WAY_S)
        arrived, refused = ben.peer.arrived, strangers(node)

        at_ann, at_cem = await passes(ann, cem)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await ben.person.socket.close()

    assert (len(ann.sources), len(cem.sources)) == (2, 2), "one voice and one picture each"
    assert min(at_ann[0], at_cem[0]) > 50, "the others go on"
    assert ben.peer.arrived == arrived
    assert any(datagram[0] == ALERT for datagram in ben.peer.raw), "it was told"
    assert strangers(node) - refused > 100, "and went on"


async def goes_on(peer: ScriptedPeer) -> None:
    """Speak and show oneself, whatever happens."""
    while True:
        peer.publish("audio")
        peer.publish("video")
        await asyncio.sleep(0.02)


def strangers(node: RunningMediaNode) -> float:
    """Datagrams that came from nobody whom the media node knows."""
    return node.metric("teleward_media_drops_total", reason="stranger")


async def test_a_locked_call_gives_nothing_to_who_comes_then_and_takes_nothing(
    come: Come,
) -> None:
    ann, ben = await come("ann", rights=ALL_RIGHTS), await come("ben")
    await ann.at.send(Lock(on=True))
    while not (await ben.at.receive(Participants)).locked:
        pass
    eve = await come("eve", joins=False)
    peer = eve.at.peer = Peer()

    await eve.at.send(Join(offer=await peer.offer()))

    refusal = await eve.at.receive(Error)
    assert (refusal.code, refusal.fatal) == (ErrorCode.CALL_LOCKED, True)
    assert await eve.at.closed() == 1008
    await ann.receives()
    await ben.receives()
    await passes(ann, ben)
    assert (len(ann.sources), len(ben.sources)) == (2, 2)


async def test_who_was_in_a_locked_call_returns_and_who_was_removed_does_not(come: Come) -> None:
    ann, ben = await come("ann", rights=ALL_RIGHTS), await come("ben")
    await ann.at.send(Lock(on=True))
    await ann.at.receive(Participants)
    await ben.at.send(Leave())
    await ben.at.receive(Closed)

    again = await come("ben")
    await again.receives()
    await ann.at.send(Remove(participant=again.id))
    await again.at.receive(Closed)
    third = await come("ben", joins=False)
    third.at.peer = Peer()
    await third.at.send(Join(offer=await third.at.peer.offer()))

    assert (await third.at.receive(Error)).code is ErrorCode.CALL_LOCKED


async def test_who_is_muted_by_another_is_told_and_not_heard_until_it_says_so_itself(
    come: Come,
) -> None:
    ann, ben = await come("ann", rights=ALL_RIGHTS), await come("ben")
    await ann.receives()
    await ann.at.send(Mute(participant=ben.id))
    assert (await ben.at.receive(Muted)).by == ann.id
    await seen(ann, lambda one: one.id == ben.id and not one.audio)

    await passes(ann)
    assert len(ann.sources) == 1, "the picture alone"

    await ben.at.send(Media(audio=True, video=True))
    await seen(ann, lambda one: one.id == ben.id and one.audio)
    await passes(ann)
    assert len(ann.sources) == 2


@pytest.mark.parametrize("act", [Lock(on=True), Mute(participant="x")], ids=["lock", "mute"])
async def test_locking_and_muting_need_their_rights(come: Come, act: Frame) -> None:
    others = ALL_RIGHTS - {Right.LOCK, Right.MUTE}
    ann = await come("ann", rights=others)

    await ann.at.send(act)

    refusal = await ann.at.receive(Error)
    assert (refusal.code, refusal.fatal) == (ErrorCode.NOT_PERMITTED, False)


async def test_what_is_written_reaches_all_and_who_returns_and_no_newcomer(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.at.send(Chat(text="one"))
    heard = [await person.at.receive(Said) for person in (ann, ben)]
    assert heard == [Said(number=1, participant=ann.id, text="one")] * 2
    await ben.at.close()
    await ann.at.send(Chat(text="two"))
    await ann.at.receive(Said)

    again, cem = await come("ben"), await come("cem")

    assert [(await again.at.receive(Said)).text for _ in range(2)] == ["one", "two"]
    await ann.at.send(Chat(text="three"))
    assert (await cem.at.receive(Said)).text == "three"


async def test_a_flood_of_writing_is_refused_and_the_writer_stays(come: Come) -> None:
    ann = await come("ann")
    for n in range(12):
        await ann.at.send(Chat(text=str(n)))

    refusal = await ann.at.receive(Error)
    assert (refusal.code, refusal.fatal) == (ErrorCode.TOO_FAST, False)


async def test_a_picture_that_is_hidden_is_not_sent_and_is_back_when_it_is_shown(
    come: Come,
) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.receives()
    slots = {"slots": [{"mid": str(mid), "height": 0} for mid in range(10)]}
    await ann.at.send(View.model_validate(slots))

    await passes(ann)
    assert len(ann.sources) == 1, "the voice alone"

    await ann.at.send(View(slots=()))
    await passes(ann)
    assert len(ann.sources) == 2
    assert ben.rtp > 0


async def test_everybody_is_told_how_the_own_path_does(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")

    for person in (ann, ben):
        quality = await person.at.receive(Quality)
        while not (quality.up_bps and quality.down_bps):  # the first may be without media
            quality = await person.at.receive(Quality)
        assert (quality.up_loss, quality.path) == (0, "udp4")
        unknown = quality.down_loss, quality.round_trip_ms
        assert unknown == (None, None), "aiortc reports nothing of what it only receives"
