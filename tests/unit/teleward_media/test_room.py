"""A room decides who is in, who may do what and who appears where; slots stand still."""

from collections.abc import Callable

import pytest
from teleward_contract.signalling import CloseReason, ErrorCode, Right
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.forwarding import Output, SourceId
from teleward_media.core.room import (
    EMPTY_AFTER_S,
    CloseCall,
    ClosePeer,
    Effect,
    Replan,
    Room,
    TellParticipants,
)
from teleward_media.errors import CallRefusedError
from teleward_testing.members import peer, person, room_of, shown

CHANGED = [TellParticipants(), Replan()]
ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))


def test_who_joins_is_seen_and_planned() -> None:
    room = Room(2)

    assert room.join(person("ada"), peer()) == CHANGED
    assert len(room) == 1
    assert ADA in room
    assert room.ids() == (ADA,)
    assert [view.name for view in room.participants()] == ["Ada"]


def test_a_full_call_is_refused_and_a_second_peer_of_a_member_is_not() -> None:
    room = room_of("ada", "ben", size=2)

    with pytest.raises(CallRefusedError) as refused:
        room.join(person("cam"), peer())
    assert refused.value.code is ErrorCode.CALL_FULL
    assert room.join(person("ben"), peer()) == CHANGED
    assert len(room) == 2


def test_two_people_are_forwarded_to_one_another_and_not_to_themselves() -> None:
    room = room_of("ada", "ben")

    assert room.plan() == {
        SourceId(ADA, "microphone"): (Output(BEN, "a0"),),
        SourceId(ADA, "camera"): (Output(BEN, "v0"),),
        SourceId(BEN, "microphone"): (Output(ADA, "a0"),),
        SourceId(BEN, "camera"): (Output(ADA, "v0"),),
    }


def test_a_slot_keeps_its_source_while_others_come_and_go() -> None:
    room = room_of("ada", "ben", "cam")
    assert shown(room, CAM) == {
        "a0": "ada microphone",
        "v0": "ada camera",
        "a1": "ben microphone",
        "v1": "ben camera",
    }

    room.leave(ADA, CloseReason.LEFT, Seconds(0))
    room.plan()
    assert shown(room, CAM) == {"a1": "ben microphone", "v1": "ben camera"}

    room.join(person("dan"), peer())
    room.plan()
    assert shown(room, CAM) == {
        "a0": "dan microphone",
        "v0": "dan camera",
        "a1": "ben microphone",
        "v1": "ben camera",
    }


def test_who_finds_no_free_slot_is_not_shown() -> None:
    room = room_of("ada", "ben", "cam", "dan")

    assert [source for source in shown(room, CAM).values() if "microphone" in source] == [
        "ada microphone",
        "ben microphone",
    ]


def test_muting_stops_the_forwarding_and_moves_nobody() -> None:
    room = room_of("ada", "ben")
    before = shown(room, BEN)

    assert room.media(ADA, audio=False, video=True, screen=False) == CHANGED
    assert SourceId(ADA, "microphone") not in room.plan()
    assert shown(room, BEN) == before
    assert room.participants()[0].audio is False


def test_a_screen_takes_a_slot_only_while_it_is_shared() -> None:
    room = room_of("ada", "ben")

    room.media(ADA, audio=True, video=True, screen=True)
    assert room.plan()[SourceId(ADA, "screen")] == (Output(BEN, "v1"),)
    assert room.participants()[0].screen is True

    room.media(ADA, audio=True, video=True, screen=False)
    assert "v1" not in [output.mid for outputs in room.plan().values() for output in outputs]
    assert shown(room, BEN) == {"a0": "ada microphone", "v0": "ada camera"}


def test_what_somebody_has_no_source_for_is_not_claimed() -> None:
    room = Room(2)
    room.join(person("ada"), peer(sends=""))
    room.media(ADA, audio=True, video=True, screen=True)

    view = room.participants()[0]
    assert (view.audio, view.video, view.screen) == (False, False, False)
    assert room.encodings(ADA) == ()


def test_who_receives_nothing_still_sends() -> None:
    room = room_of("ada")
    room.join(person("ben"), peer(receives=False))

    assert set(room.plan()) == {SourceId(BEN, "microphone"), SourceId(BEN, "camera")}


def test_a_held_participant_neither_sends_nor_receives() -> None:
    room = room_of("ada", "ben", "cam")
    by = person("ada", Right.HOLD)

    assert room.hold(by, BEN, on=True) == CHANGED
    plan = room.plan()
    assert {source.participant for source in plan} == {ADA, CAM}
    assert BEN not in {output.participant for outputs in plan.values() for output in outputs}
    assert room.participants()[1].held is True
    assert room.hold(by, BEN, on=True) == []
    assert room.hold(by, ParticipantId("nobody"), on=True) == []

    room.hold(by, BEN, on=False)
    assert BEN in {source.participant for source in room.plan()}


def test_who_is_held_stays_held_with_a_new_peer() -> None:
    room = room_of("ada", "ben")
    room.hold(person("ada", Right.HOLD), BEN, on=True)
    room.join(person("ben"), peer())

    assert room.participants()[1].held is True


def test_who_is_held_does_not_escape_by_leaving_and_coming_back() -> None:
    room = room_of("ada", "ben")
    room.hold(person("ada", Right.HOLD), BEN, on=True)
    room.leave(BEN, CloseReason.LEFT, Seconds(1))
    room.join(person("ben"), peer())

    assert room.participants()[1].held is True
    assert BEN not in {source.participant for source in room.plan()}


def test_an_empty_room_holds_nobody() -> None:
    room = room_of("ada", "ben")
    room.hold(person("ada", Right.HOLD), BEN, on=True)
    for one in (ADA, BEN):
        room.leave(one, CloseReason.LEFT, Seconds(1))
    room.join(person("ben"), peer())

    assert room.participants()[0].held is False


def test_somebody_may_be_held_before_they_come_back() -> None:
    room = room_of("ada")
    room.hold(person("ada", Right.HOLD), BEN, on=True)
    room.join(person("ben"), peer())

    assert [view.held for view in room.participants()] == [False, True]


def test_saying_the_same_again_changes_nothing() -> None:
    assert room_of("ada").media(ADA, audio=True, video=True, screen=False) == []


def test_nothing_is_done_without_the_right() -> None:
    room = room_of("ada", "ben")
    by = person("ada")

    acts: list[Callable[[], list[Effect]]] = [
        lambda: room.hold(by, BEN, on=True),
        lambda: room.remove(by, BEN, Seconds(0)),
        lambda: room.end(by),
    ]
    for act in acts:
        with pytest.raises(CallRefusedError) as refused:
            act()
        assert refused.value.code is ErrorCode.NOT_PERMITTED
    assert len(room) == 2


def test_who_is_removed_is_out_and_told_why() -> None:
    room = room_of("ada", "ben")

    effects = room.remove(person("ada", Right.REMOVE), BEN, Seconds(1))
    assert effects == [ClosePeer(BEN, CloseReason.REMOVED), *CHANGED]
    assert room.leave(BEN, CloseReason.LEFT, Seconds(2)) == []
    assert room.empty_since is None


def test_the_end_takes_everybody_out() -> None:
    room = room_of("ada", "ben")

    assert room.end(person("ada", Right.END)) == [
        ClosePeer(ADA, CloseReason.ENDED), ClosePeer(BEN, CloseReason.ENDED), CloseCall(CloseReason.ENDED),
    ]  # fmt: skip
    assert len(room) == 0


def test_an_empty_call_closes_after_a_while_unless_somebody_returns() -> None:
    room = room_of("ada")
    assert room.tick(Seconds(100)) == []
    room.leave(ADA, CloseReason.LEFT, Seconds(10))

    assert room.tick(Seconds(10 + EMPTY_AFTER_S - 0.1)) == []
    assert room.tick(Seconds(10 + EMPTY_AFTER_S)) == [CloseCall(CloseReason.ENDED)]
    room.join(person("ada"), peer())
    assert room.tick(Seconds(1000)) == []
