"""The speaker is who speaks, not who coughs; the voices carried are the loudest, and none moves without need."""

from collections.abc import Mapping

from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.speaker import KEEP_S, LOUD, RECENT, TAKEOVER_S, VOICES, Speakers

LOOK_S = 0.1
ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))
SPEECH, SOFT, NOISE = 25, 30, LOUD + 15
"""Levels in -dBov: at the microphone, at the same table, an empty room."""


class Talk:
    """A call in which time passes in looks of 100 ms."""

    def __init__(self, *names: ParticipantId) -> None:
        self.speakers = Speakers()
        self.names = list(names)
        self.at = 1000.0

    def hear(self, seconds: float, levels: Mapping[ParticipantId, int]) -> ParticipantId | None:
        """Let those speak at these levels (packets of 20 ms), and the others send noise; the speaker after it."""
        for _ in range(round(seconds / LOOK_S)):
            self.at += LOOK_S
            sent = {name: [levels.get(name, NOISE)] * 5 for name in self.names}
            self.speakers.observe(sent, self.names, Seconds(self.at))
        return self.speakers.speaker


def test_who_speaks_for_a_second_is_the_speaker() -> None:
    talk = Talk(ADA, BEN)

    assert talk.hear(0.5, {BEN: SPEECH}) is None
    assert talk.hear(1.0, {BEN: SPEECH}) == BEN
    assert talk.speakers.recent == [BEN]


def test_nobody_is_the_speaker_while_all_are_quiet() -> None:
    assert Talk(ADA, BEN).hear(5, {}) is None


def test_silence_suppressed_is_silence() -> None:
    talk = Talk(ADA)
    for n in range(50):
        talk.speakers.observe({}, [ADA], Seconds(n * LOOK_S))

    assert talk.speakers.speaker is None


def test_packets_of_sixty_milliseconds_are_heard_like_those_of_twenty() -> None:
    speakers = Speakers()
    for n in range(20):
        speakers.observe({ADA: [SPEECH] * (1 if n % 2 else 2)}, [ADA], Seconds(n * LOOK_S))

    assert speakers.speaker == ADA


def test_a_cough_does_not_take_over() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(2, {ADA: SPEECH})

    for loudest in (0, 10):
        assert talk.hear(0.5, {ADA: SPEECH, BEN: loudest}) == ADA
        assert talk.hear(1.5, {ADA: SPEECH}) == ADA


def test_a_cough_into_silence_makes_no_speaker() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(1, {})

    assert talk.hear(0.5, {BEN: 5}) is None
    assert talk.hear(1, {}) is None


def test_a_turn_is_taken_when_the_speaker_stops() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(2, {ADA: SPEECH})

    assert talk.hear(TAKEOVER_S / 2, {BEN: SPEECH}) == ADA
    assert talk.hear(1.0, {BEN: SPEECH}) == BEN
    assert talk.speakers.recent == [BEN, ADA]


def test_two_at_once_do_not_swing() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(2, {ADA: SOFT})

    changes = {talk.hear(LOOK_S, {ADA: SOFT, BEN: SPEECH + n % 8}) for n in range(100)}

    assert changes == {ADA}


def test_who_is_plainly_louder_takes_over_from_who_goes_on() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(2, {ADA: SOFT})

    assert talk.hear(3, {ADA: SOFT, BEN: SOFT - 10}) == BEN


def test_a_pause_for_breath_keeps_the_speaker_and_a_long_silence_does_not() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(2, {ADA: SPEECH})

    assert talk.hear(KEEP_S - 0.5, {}) == ADA
    assert talk.hear(1, {}) is None
    assert talk.speakers.recent == [ADA]


def test_who_is_not_heard_any_more_is_not_the_speaker() -> None:
    talk = Talk(ADA, BEN)
    talk.hear(2, {ADA: SPEECH})
    talk.names.remove(ADA)

    assert talk.hear(LOOK_S, {ADA: SPEECH}) is None


def test_a_long_sleep_of_the_process_is_no_speech() -> None:
    talk = Talk(ADA)
    talk.hear(0.2, {})
    talk.at += 60

    assert talk.hear(LOOK_S, {ADA: SPEECH}) is None


def test_the_voices_stand_in_order_of_arrival_until_somebody_else_speaks() -> None:
    names = [ParticipantId(f"p{n}") for n in range(VOICES + 3)]
    talk = Talk(*names)
    talk.hear(1, {})
    assert talk.speakers.voices == names

    talk.hear(0.5, {names[0]: SPEECH, names[-1]: SPEECH})

    carried = talk.speakers.order()[0]
    assert names[-1] in carried
    assert carried[0] == names[0], "who speaks keeps the place"
    assert sum(new != old for new, old in zip(carried, names, strict=False)) == 1


def test_one_more_who_speaks_no_louder_displaces_nobody() -> None:
    names = [ParticipantId(f"p{n}") for n in range(VOICES + 1)]
    talk = Talk(*names)
    talk.hear(2, dict.fromkeys(names[:VOICES], SPEECH))

    talk.hear(3, dict.fromkeys(names, SPEECH))
    assert talk.speakers.order()[0] == tuple(names[:VOICES])

    talk.hear(3, {**dict.fromkeys(names, SPEECH), names[-1]: SPEECH - 12})
    assert names[-1] in talk.speakers.order()[0]


def test_only_so_many_speakers_are_remembered() -> None:
    names = [ParticipantId(f"p{n}") for n in range(RECENT + 5)]
    talk = Talk(*names)
    for name in names:
        talk.hear(2, {name: SPEECH})

    assert talk.speakers.recent == names[: -RECENT - 1 : -1]
