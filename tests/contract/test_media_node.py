"""A media node forwards between the participants of a call, decodes nothing, and obeys rights and holds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest
from teleward_cli.people.peer import Peer
from teleward_contract.signalling import (
    Closed,
    CloseReason,
    End,
    Error,
    ErrorCode,
    Frame,
    Hold,
    Join,
    Joined,
    Leave,
    Lock,
    Media,
    Participants,
    Remove,
    Resume,
    Resumed,
    Right,
    Slots,
)
from teleward_testing.media_node import (
    ALL_RIGHTS,
    Participant,
    RunningMediaNode,
    attach,
    running_media_node,
)
from teleward_testing.valkey import RunningValkey

Come: TypeAlias = Callable[..., Awaitable[Participant]]


@pytest.fixture
async def come(node: RunningMediaNode, request: pytest.FixtureRequest) -> AsyncIterator[Come]:
    """Attach people to a call of this test's own."""
    people: list[Participant] = []

    async def one(who: str | None, **ticket: object) -> Participant:
        chosen = {"call": f"visit:{request.node.name}", **ticket}
        people.append(await attach(node, who, **chosen))  # type: ignore[arg-type]  # as attach has it
        return people[-1]

    yield one
    for person in people:
        await person.close()


async def test_two_see_and_hear_each_other_over_aes_gcm_and_nothing_is_decoded(
    node: RunningMediaNode, come: Come
) -> None:
    threads = node.threads()
    ann, ben = await come("ann"), await come("ben")
    await ann.join(Peer())
    await ben.join(Peer())

    assert await ann.sees_more()
    assert await ben.sees_more()
    assert await ann.sees_more(pictures=False)
    assert ann.peer is not None
    assert ann.peer.cipher == "SRTP_AEAD_AES_128_GCM"
    assert node.threads() == threads, "a decoder or jitter buffer thread was started"


async def test_a_joiner_is_told_who_is_there_and_who_stands_in_which_slot(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.join(Peer())

    joined = await ben.join(Peer())

    assert [person.name for person in joined.participants] == ["ann", "ben"]
    assert [slot.source for slot in joined.slots] == ["microphone", "camera"]
    assert [p.name for p in (await ann.receive(Participants)).participants] == ["ann", "ben"]
    slots = (await ann.receive(Slots)).slots
    assert {slot.participant for slot in slots} == {joined.you}


@pytest.mark.parametrize("change", ["mute", "hold", "leave"])
async def test_media_that_goes_on_after_this_reaches_nobody(come: Come, change: str) -> None:
    ann, ben = await come("ann", rights=ALL_RIGHTS), await come("ben")
    await ann.join(Peer())
    joined = await ben.join(Peer())
    assert await ann.sees_more()

    if change == "mute":
        await ben.send(Media(audio=False, video=False))
        await ann.receive(Participants)
    elif change == "hold":
        await ann.send(Hold(participant=joined.you, on=True))
        await ann.receive(Slots)
    else:
        await ben.send(Leave())
        assert (await ben.receive(Closed)).reason is CloseReason.LEFT
    await asyncio.sleep(0.5)  # what was on its way arrives
    assert ann.peer is not None
    before = (ann.peer.frames_decoded, ann.peer.audio_energy)
    await asyncio.sleep(1.0)

    assert (ann.peer.frames_decoded, ann.peer.audio_energy) == before


async def test_a_held_participant_receives_nothing_and_is_back_when_taken_back(come: Come) -> None:
    ann, ben = await come("ann", rights=ALL_RIGHTS), await come("ben")
    await ann.join(Peer())
    joined = await ben.join(Peer())
    assert await ben.sees_more()
    await ann.send(Hold(participant=joined.you, on=True))
    await ann.receive(Slots)
    await asyncio.sleep(0.5)  # what was on its way arrives
    assert ben.peer is not None
    before = ben.peer.frames_decoded
    await asyncio.sleep(1.0)
    assert ben.peer.frames_decoded == before

    await ann.send(Hold(participant=joined.you, on=False))

    assert await ben.sees_more()


async def test_holding_needs_the_right(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.join(Peer())
    joined = await ben.join(Peer())

    await ann.send(Hold(participant=joined.you, on=True))

    refusal = await ann.receive(Error)
    assert (refusal.code, refusal.fatal) == (ErrorCode.NOT_PERMITTED, False)


async def test_one_more_than_the_call_may_have_is_told_that_it_is_full(come: Come) -> None:
    for who in ("ann", "ben"):
        await (await come(who, max_participants=2)).join(Peer())
    cem = await come("cem", max_participants=2)
    peer = cem.peer = Peer()

    await cem.send(Join(offer=await peer.offer()))

    assert (await cem.receive(Error)).code is ErrorCode.CALL_FULL
    assert await cem.closed() == 1008


async def test_voice_only_and_receive_only_are_welcome(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.join(Peer(sends=frozenset({"audio"})))
    await ben.join(Peer(sends=frozenset()))

    assert await ben.sees_more(pictures=False)


@pytest.mark.parametrize(
    "offer", ["nonsense", "v=0\r\n", "v=0\r\nm=application 9 UDP/DTLS/SCTP x"]
)
async def test_an_offer_that_cannot_be_answered_is_one_typed_error(
    node: RunningMediaNode, come: Come, offer: str
) -> None:
    before = node.metric("teleward_media_refusals_total", code="bad_offer")
    ann = await come("ann")

    await ann.send(Join(offer=offer))

    assert (await ann.receive(Error)).code is ErrorCode.BAD_OFFER
    assert await ann.closed() == 1008
    assert node.metric("teleward_media_refusals_total", code="bad_offer") == before + 1


async def test_a_second_socket_replaces_the_first_and_resumes_its_peer(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.join(Peer())
    await ben.join(Peer())

    again = await come("ann")

    assert (await ann.receive(Closed)).reason is CloseReason.REPLACED
    assert again.resumable
    await again.send(Resume())
    resumed = await again.receive(Resumed)
    assert [person.name for person in resumed.participants] == ["ann", "ben"]
    assert await ann.sees_more()


async def test_a_placement_that_has_moved_on_is_refused(come: Come) -> None:
    await (await come("ann", epoch=2)).join(Peer())

    late = await come("ben", epoch=1)

    assert (await late.receive(Error)).code is ErrorCode.STALE_PLACEMENT


async def test_the_gateway_ends_a_call_for_everybody(come: Come) -> None:
    ann = await come("ann")
    await ann.join(Peer())
    gateway = await come(None, rights=ALL_RIGHTS)

    await gateway.send(End())

    assert (await ann.receive(Closed)).reason is CloseReason.ENDED
    assert await ann.closed() == 1000


async def test_the_gateway_takes_somebody_out_for_a_while_and_may_do_nothing_else(
    come: Come,
) -> None:
    ann, ben = await come("ann", rights=ALL_RIGHTS), await come("ben")
    await ann.join(Peer())
    joined = await ben.join(Peer())
    await ann.send(Lock(on=True))
    gateway = await come(None, rights=frozenset({Right.REMOVE}))

    await gateway.send(Remove(participant=joined.you))

    assert (await ben.receive(Closed)).reason is CloseReason.REMOVED
    assert (await gateway.receive(Closed)).reason is CloseReason.ENDED
    await (await come("ben")).join(Peer())  # though it is locked
    assert [await refusal(come, frame) for frame in (End(), Lock(on=False))] == [
        ErrorCode.NOT_PERMITTED
    ] * 2


async def refusal(come: Come, frame: Frame) -> ErrorCode:
    gateway = await come(None, rights=frozenset({Right.REMOVE}))
    await gateway.send(frame)
    return (await gateway.receive(Error)).code


async def test_a_ticket_signed_by_another_key_is_refused(
    node: RunningMediaNode, valkey: RunningValkey
) -> None:
    with running_media_node(valkey.url) as other:
        other.port = node.port
        stranger = await attach(other, "eve")

    assert (await stranger.receive(Error)).code is ErrorCode.TICKET_REFUSED
    await stranger.close()


async def test_somebody_nobody_hears_of_is_gone_after_the_grace_period(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await ann.join(Peer())
    joined: Joined = await ben.join(Peer())
    assert await ann.sees_more()

    await ben.close()

    async with asyncio.timeout(15):
        while True:
            people = (await ann.receive(Participants)).participants
            if joined.you not in {person.id for person in people}:
                break
