"""The figures of a call are what the samples say: rates, rests, recoveries, shares."""

from typing import Any

import pytest
from teleward_testing.call_samples import Series, heard, seen, sent, series


def steps(*values: float, every: float = 0.1) -> Series:
    """A counter sampled ten times a second."""
    return Series(tuple(n * every for n in range(len(values))), values)


def test_a_rate_is_what_was_gained_over_the_time_it_took() -> None:
    assert steps(0, 2, 4, 6).rate == pytest.approx(20)
    assert Series((), ()).rate == 0.0
    assert steps(7).rate == 0.0


def test_a_part_of_a_series_has_both_ends() -> None:
    assert steps(0, 1, 2, 3, 4).between(0.1, 0.31) == Series(
        (0.1, 0.2, 0.30000000000000004), (1, 2, 3)
    )


@pytest.mark.parametrize(
    ("values", "rest"),
    [((0, 1, 2, 3), 0.1), ((0, 1, 1, 1, 2), 0.3), ((0, 1, 1, 1, 1), 0.4), ((5, 5, 5), 0.2)],
)
def test_the_longest_rest_is_from_the_last_sample_before_it_to_the_step_or_the_end(
    values: tuple[float, ...], rest: float
) -> None:
    assert steps(*values).longest_rest() == pytest.approx(rest)


def test_a_picture_moves_again_from_the_first_frame_of_a_second_with_five() -> None:
    one_straggler = [0] * 5 + [1] * 15
    frames = steps(*one_straggler, *range(2, 30))

    assert frames.moves_again(0.2) == pytest.approx(1.8)
    assert steps(*one_straggler).moves_again(0.2) is None


def test_the_first_time_that_a_value_is_such_is_counted_from_the_begin() -> None:
    widths = steps(1280, 1280, 1280, 320, 320)

    assert widths.first(0.1, lambda width: width <= 320) == pytest.approx(0.2)
    assert widths.first(0.1, lambda width: width <= 100) is None


def rows(count: int, **growth: dict[str, float]) -> list[dict[str, Any]]:
    """Samples of one track of each kind whose counters grow evenly, from a second's start."""
    return [
        {
            "at": 100 + n * 0.1,
            "path": {"availableOutgoingBitrate": 900_000, "currentRoundTripTime": 0.02},
            **{
                kind: {"1": {name: each * n for name, each in growth.get(kind, {}).items()}}
                for kind in ("audio", "video", "sent")
            },
        }
        for n in range(count)
    ]


def test_what_was_seen_is_told_per_second_and_in_all() -> None:
    told = seen(
        rows(101, video={"framesDecoded": 2, "bytesReceived": 1250, "freezeCount": 0.05}), 100, 110
    )

    assert (told["frames_per_s"], told["kbit_per_s"], told["freezes"]) == (20.0, 100, 5)
    assert told["longest_still_s"] == pytest.approx(0.1)


def test_what_was_concealed_is_a_share_of_what_was_played() -> None:
    played = {"totalSamplesReceived": 4800, "concealedSamples": 480, "totalAudioEnergy": 0.1}
    told = heard(rows(101, audio=played), 100, 110)

    assert (told["played_share"], told["concealed_share"], told["silent_stretches"]) == (
        1.0,
        0.1,
        0,
    )


def test_a_voice_that_stops_is_neither_played_nor_free_of_silence() -> None:
    told = heard(rows(101, audio={"totalSamplesReceived": 0, "totalAudioEnergy": 0}), 100, 110)

    assert told["played_share"] == 0.0
    assert told["concealed_share"] == 1.0
    assert told["silent_stretches"] > 0


def test_what_is_sent_is_told_per_encoding_and_what_held_it_back_as_a_share() -> None:
    sample = rows(101, sent={"framesEncoded": 3, "bytesSent": 2500})
    for n, row in enumerate(sample):
        row["sent"]["1"]["qualityLimitationReason"] = "cpu" if n > 50 else "none"
    told = sent(sample, 100, 110)

    assert told["encodings"] == {"1": {"frames_per_s": 30.0, "kbit_per_s": 200, "width_last": 0}}
    assert told["limited_by_cpu_share"] == 0.5
    assert told["available_kbit_per_s_last"] == 900


def test_tracks_of_one_kind_are_summed_and_samples_before_the_first_are_left_out() -> None:
    sample = rows(3, video={"framesDecoded": 1})
    sample[0]["video"] = {}
    sample[2]["video"]["2"] = {"framesDecoded": 10}

    assert series(sample, "video", "framesDecoded").values == (1, 12)
