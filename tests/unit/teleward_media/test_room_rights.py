"""A room is locked, somebody is muted, people write to one another: by right, and each told what is theirs."""

from collections.abc import Callable

import pytest
from teleward_contract.signalling import CloseReason, ErrorCode, Right
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core import chat
from teleward_media.core.forwarding import SourceId
from teleward_media.core.room import (
    REMEMBERED,
    ClosePeer,
    Effect,
    Replan,
    Room,
    TellChat,
    TellMuted,
    TellParticipants,
)
from teleward_media.errors import CallRefusedError
from teleward_testing.members import peer, person, room_of

CHANGED = [TellParticipants(), Replan()]
ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))
HOST = person("ada", *Right)
NOW = Seconds(100)


def refusal(act: Callable[[], list[Effect]]) -> tuple[ErrorCode, bool]:
    with pytest.raises(CallRefusedError) as refused:
        act()
    return refused.value.code, refused.value.fatal


def written(room: Room, participant: ParticipantId) -> list[str]:
    return [message.text for message in room.missed(participant)]


def test_a_locked_call_admits_nobody_new() -> None:
    room = room_of("ada", "ben")

    assert room.lock(HOST, on=True) == [TellParticipants()]
    assert room.is_locked
    assert refusal(lambda: room.join(person("cam"), peer())) == (ErrorCode.CALL_LOCKED, True)
    assert room.lock(HOST, on=True) == []

    room.lock(HOST, on=False)
    assert room.join(person("cam"), peer()) == CHANGED


def test_who_was_in_a_locked_call_may_return_and_who_was_removed_may_not() -> None:
    room = room_of("ada", "ben", "cam")
    room.lock(HOST, on=True)
    room.leave(BEN, CloseReason.GONE, NOW)
    room.remove(HOST, CAM, NOW)

    assert room.join(person("ben"), peer()) == CHANGED
    assert room.join(person("ben"), peer()) == CHANGED
    assert refusal(lambda: room.join(person("cam"), peer()))[0] is ErrorCode.CALL_LOCKED


def test_who_is_removed_while_away_may_not_return_either() -> None:
    room = room_of("ada", "ben")
    room.leave(BEN, CloseReason.GONE, NOW)
    room.remove(HOST, BEN, NOW)
    room.lock(HOST, on=True)

    assert refusal(lambda: room.join(person("ben"), peer()))[0] is ErrorCode.CALL_LOCKED


def test_who_is_taken_out_for_a_while_comes_back_as_a_newcomer_whom_no_lock_keeps_out() -> None:
    room = room_of("ada", "ben")
    room.lock(HOST, on=True)

    effects = room.take_out(HOST, BEN, NOW)
    room.say(ADA, "between us", NOW)

    assert ClosePeer(BEN, CloseReason.REMOVED) in effects
    assert room.join(person("ben"), peer()) == CHANGED
    assert written(room, BEN) == []
    room.remove(HOST, BEN, NOW)
    assert refusal(lambda: room.join(person("ben"), peer()))[0] is ErrorCode.CALL_LOCKED


def test_taking_out_takes_the_right_to_remove() -> None:
    room = room_of("ada", "ben")

    assert refusal(lambda: room.take_out(person("ada"), BEN, NOW))[0] is ErrorCode.NOT_PERMITTED
    assert BEN in room


def test_who_returns_finds_the_call_full_like_anybody_else() -> None:
    room = room_of("ada", "ben", size=2)
    room.leave(BEN, CloseReason.GONE, NOW)
    room.join(person("cam"), peer())

    assert refusal(lambda: room.join(person("ben"), peer()))[0] is ErrorCode.CALL_FULL


def test_a_call_that_is_empty_is_locked_no_more() -> None:
    room = room_of("ada")
    room.lock(HOST, on=True)
    room.leave(ADA, CloseReason.LEFT, NOW)

    assert room.join(person("ben"), peer()) == CHANGED


def test_only_so_many_who_left_are_remembered() -> None:
    room = room_of("ada")
    for n in range(REMEMBERED + 1):
        room.join(person(f"p{n}"), peer())
        room.leave(ParticipantId(f"p{n}"), CloseReason.LEFT, NOW)
    room.lock(HOST, on=True)

    assert refusal(lambda: room.join(person("p0"), peer()))[0] is ErrorCode.CALL_LOCKED
    assert room.join(person("p1"), peer()) == CHANGED


def test_only_so_many_may_be_held_at_once() -> None:
    room = room_of("ada", "ben")
    for n in range(REMEMBERED):
        room.hold(HOST, ParticipantId(f"p{n}"), on=True)

    assert refusal(lambda: room.hold(HOST, BEN, on=True)) == (ErrorCode.NOT_PERMITTED, False)
    assert room.hold(HOST, ParticipantId("p1"), on=True) == []
    room.hold(HOST, ParticipantId("p0"), on=False)
    assert room.hold(HOST, BEN, on=True) == CHANGED


def test_who_is_muted_is_heard_by_nobody_until_it_says_that_it_sends() -> None:
    room = room_of("ada", "ben")

    assert room.mute(HOST, BEN) == [TellMuted(BEN, ADA), *CHANGED]
    assert SourceId(BEN, "microphone") not in room.plan()
    assert SourceId(BEN, "camera") in room.plan()
    assert [view.audio for view in room.participants()] == [True, False]
    assert room.mute(HOST, BEN) == []
    assert room.mute(HOST, ParticipantId("nobody")) == []

    room.media(BEN, audio=True, video=True, screen=False)
    assert SourceId(BEN, "microphone") in room.plan()


def test_who_is_muted_stays_so_with_a_new_peer() -> None:
    room = room_of("ada", "ben")
    room.mute(HOST, BEN)
    room.join(person("ben"), peer())

    assert SourceId(BEN, "microphone") not in room.plan()


def test_nothing_of_this_is_done_without_the_right() -> None:
    room = room_of("ada", "ben")
    by = person("ben")

    acts: list[Callable[[], list[Effect]]] = [
        lambda: room.lock(by, on=True),
        lambda: room.mute(by, ADA),
    ]
    assert [refusal(act) for act in acts] == [(ErrorCode.NOT_PERMITTED, False)] * 2
    assert not room.is_locked


def test_what_is_written_is_told_with_its_number() -> None:
    room = room_of("ada", "ben")

    (first,) = room.say(ADA, "hello", NOW)
    (second,) = room.say(BEN, "hello you", NOW)

    assert isinstance(first, TellChat)
    assert isinstance(second, TellChat)
    assert (first.message.number, first.message.by, first.message.text) == (1, ADA, "hello")
    assert second.message.number == 2


def test_a_newcomer_is_told_nothing_of_the_past_and_who_returns_what_was_missed() -> None:
    room = room_of("ada", "ben")
    room.say(ADA, "one", NOW)
    room.leave(BEN, CloseReason.GONE, NOW)
    room.say(ADA, "two", NOW)
    room.join(person("cam"), peer())
    room.say(ADA, "three", NOW)
    room.join(person("ben"), peer())

    assert written(room, BEN) == ["one", "two", "three"]
    assert written(room, CAM) == ["three"]


def test_who_was_removed_comes_back_as_a_newcomer() -> None:
    room = room_of("ada", "ben")
    room.say(ADA, "one", NOW)
    room.remove(HOST, BEN, NOW)
    room.join(person("ben"), peer())

    assert written(room, BEN) == []


def test_who_is_held_neither_writes_nor_reads() -> None:
    room = room_of("ada", "ben")
    room.hold(HOST, BEN, on=True)

    assert refusal(lambda: room.say(BEN, "hello?", NOW)) == (ErrorCode.NOT_PERMITTED, False)
    (told,) = room.say(ADA, "of ben", NOW)
    assert isinstance(told, TellChat)
    assert told.message.unseen_by == {BEN}
    room.hold(HOST, BEN, on=False)
    room.say(ADA, "to ben", NOW)
    assert written(room, BEN) == ["to ben"]


def test_who_writes_without_end_is_refused_and_not_thrown_out_and_a_new_peer_does_not_help() -> (
    None
):
    room = room_of("ada", "ben")
    for _ in range(int(chat.BURST)):
        room.say(BEN, "x", NOW)
    room.join(person("ben"), peer())

    assert refusal(lambda: room.say(BEN, "x", NOW)) == (ErrorCode.TOO_FAST, False)
    assert room.say(BEN, "x", Seconds(NOW + 1 / chat.RATE)) != []
