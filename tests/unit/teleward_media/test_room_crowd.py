"""In a crowd it matters who speaks, who is pinned and how large; of two it does not, and nothing is spent on it."""

import itertools

import pytest
from teleward_contract.signalling import CloseReason, Right, ShownSlot
from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.forwarding import HIDDEN, Interest, Observed, Output, SourceId
from teleward_media.core.member import STALLED_S
from teleward_media.core.room import Effect, Replan, Reweigh, Room, TellParticipants, TellSpeaker
from teleward_testing.members import peer, person, room_of, shown

ADA, BEN, CAM, DAN, EVE = (ParticipantId(name) for name in ("ada", "ben", "cam", "dan", "eve"))
HOST = person("ada", *Right)
TOLD = [TellSpeaker(), Reweigh()]
_looks = itertools.count(1000)


def speak(room: Room, who: ParticipantId, looks: int = 15) -> list[Effect]:
    """Let one speak for so many tenths of a second; all effects."""
    effects: list[Effect] = []
    for _ in range(looks):
        seen = Observed(levels={who: [20] * 5})
        effects += room.listen(seen, Seconds(next(_looks) / 10))
    return effects


def cameras(room: Room, receiver: ParticipantId) -> dict[str, str]:
    return {mid: who.split()[0] for mid, who in shown(room, receiver).items() if "camera" in who}


def test_of_three_one_is_the_speaker_and_all_are_told_once() -> None:
    room = room_of("ada", "ben", "cam")

    assert speak(room, BEN, 30) == TOLD
    assert room.speaker == BEN


def test_of_two_there_is_no_speaker() -> None:
    room = room_of("ada", "ben", "cam")
    speak(room, BEN)
    room.leave(CAM, CloseReason.LEFT, Seconds(0))

    assert speak(room, BEN, 30) == TOLD
    assert room.speaker is None


def test_who_is_muted_or_held_is_not_the_speaker() -> None:
    for stop in ("mute", "hold"):
        room = room_of("ada", "ben", "cam")
        speak(room, BEN)
        if stop == "mute":
            room.media(BEN, audio=False, video=True, screen=False)
        else:
            room.hold(HOST, BEN, on=True)

        assert speak(room, BEN, 30) == TOLD
        assert room.speaker is None


def test_where_slots_suffice_nobody_moves_for_a_speaker() -> None:
    room = room_of("ada", "ben", "cam", "dan", voices=3, pictures=3)
    before = shown(room, ADA)

    assert Replan() not in speak(room, DAN)
    assert shown(room, ADA) == before


def test_who_speaks_is_shown_instead_of_who_spoke_least_lately() -> None:
    room = room_of("ada", "ben", "cam", "dan", "eve", pictures=2)
    assert cameras(room, ADA) == {"v0": "ben", "v1": "cam"}

    assert Replan() in speak(room, CAM)
    room.plan()
    assert cameras(room, ADA) == {"v0": "ben", "v1": "cam"}, "who is shown already stays"
    speak(room, EVE)
    room.plan()
    assert cameras(room, ADA) == {"v0": "eve", "v1": "cam"}
    speak(room, DAN)
    room.plan()
    assert cameras(room, ADA) == {"v0": "eve", "v1": "dan"}


def test_the_loudest_voices_are_carried() -> None:
    names = [f"p{n}" for n in range(8)]
    room = room_of(*names, size=8, voices=5)
    last = ParticipantId("p7")
    assert (
        Output(ParticipantId("p0"), "a0")
        in room.plan()[SourceId(ParticipantId("p1"), "microphone")]
    )
    assert SourceId(last, "microphone") not in room.plan()

    assert Replan() in speak(room, last, 3)

    assert SourceId(last, "microphone") in room.plan()


def test_who_is_pinned_has_a_slot_whoever_speaks() -> None:
    room = room_of("ada", "ben", "cam", "dan", pictures=2)
    pin = [ShownSlot(mid="v0", height=100, pinned=True)]
    assert room.shows(ADA, pin) == [Replan()]
    assert room.shows(ADA, pin) == [Reweigh()]

    speak(room, CAM)
    speak(room, DAN)
    room.plan()

    assert cameras(room, ADA) == {"v0": "ben", "v1": "dan"}


def test_a_camera_that_is_off_leaves_its_slot_to_one_that_is_on() -> None:
    room = room_of("ada", "ben", "cam", "dan", pictures=2)
    room.media(BEN, audio=True, video=False, screen=False)
    room.plan()

    assert cameras(room, ADA) == {"v0": "dan", "v1": "cam"}


def test_a_shared_screen_takes_the_slot_of_the_last_camera() -> None:
    room = room_of("ada", "ben", "cam", pictures=2)
    room.media(CAM, audio=True, video=True, screen=True)
    room.plan()

    assert shown(room, ADA) == {
        "a0": "ben microphone", "a1": "cam microphone", "v0": "ben camera", "v1": "cam screen",
    }  # fmt: skip


def test_who_returns_stands_where_it_stood() -> None:
    room = room_of("ada", "ben", "cam")
    before = shown(room, ADA)
    for away in (BEN, CAM):
        room.leave(away, CloseReason.GONE, Seconds(0))
        room.plan()
    for back in ("cam", "ben"):
        room.join(person(back), peer())
        room.plan()

    assert shown(room, ADA) == before


@pytest.mark.parametrize(
    ("reason", "sends"), [(CloseReason.LEFT, True), (CloseReason.GONE, False)]
)
def test_who_leaves_comes_again_unmuted_and_who_was_cut_off_as_it_was(
    reason: CloseReason, sends: bool
) -> None:
    room = room_of("ada", "ben")
    room.media(BEN, audio=False, video=False, screen=False)
    room.leave(BEN, reason, Seconds(0))
    room.join(person("ben"), peer())

    assert [(view.audio, view.video) for view in room.participants()][-1] == (sends, sends)


def test_a_new_peer_of_somebody_shows_the_others_where_they_were() -> None:
    room = room_of("ada", "ben", "cam")
    room.leave(BEN, CloseReason.LEFT, Seconds(0))
    room.plan()
    room.join(person("ada"), peer())
    room.plan()

    assert cameras(room, ADA) == {"v1": "cam"}


def test_only_the_newest_peer_of_somebody_is_theirs() -> None:
    room = Room(2)
    first, second = peer(), peer()
    room.join(person("ada"), first)
    room.join(person("ada"), second)

    assert (room.has_peer(ADA, first), room.has_peer(ADA, second)) == (False, True)
    assert room.negotiated(ADA) is second
    assert not room.has_peer(BEN, first)


def test_of_two_the_camera_sends_one_encoding_and_of_three_all() -> None:
    room = room_of("ada", "ben")
    assert room.encodings(ADA) == ("h",)

    room.join(person("cam"), peer())
    assert room.encodings(ADA) == ("h", "m", "l")

    room.leave(CAM, CloseReason.LEFT, Seconds(0))
    assert room.encodings(ADA) == ("h",)


def test_who_is_held_sends_no_encoding_and_does_not_make_a_crowd() -> None:
    room = room_of("ada", "ben", "cam")
    room.hold(HOST, CAM, on=True)

    assert room.encodings(CAM) == ()
    assert room.encodings(ADA) == ("h",)


def test_receivers_care_for_the_pinned_the_speaker_and_what_is_large() -> None:
    room = room_of("ada", "ben", "cam", "dan")
    assert room.interests() == {}

    speak(room, DAN)
    room.shows(
        ADA,
        [
            ShownSlot(mid="v0", height=720, pinned=True),
            ShownSlot(mid="v1", height=0),
            ShownSlot(mid="v2", height=150),
        ],
    )

    assert room.interests() == {
        Output(ADA, "v0"): Interest(0, 2),
        Output(ADA, "v1"): Interest(2, HIDDEN),
        Output(ADA, "v2"): Interest(1, 0),
        Output(BEN, "v2"): Interest(1, 2),
        Output(CAM, "v2"): Interest(1, 2),
    }


def test_what_stalls_is_told_to_all_once() -> None:
    room = room_of("ada", "ben")
    at = {
        SourceId(one, kind): Seconds(10) for one in (ADA, BEN) for kind in ("microphone", "camera")
    }

    assert room.stall(Observed(heard_at=at), Seconds(10)) == []
    late = Seconds(10.5 + STALLED_S)
    on = at | {SourceId(ADA, "microphone"): late, SourceId(ADA, "camera"): late}
    assert room.stall(Observed(heard_at=on), late) == [TellParticipants()]
    assert [view.stalled for view in room.participants()] == [False, True]
    assert room.stall(Observed(heard_at=on), late) == []
