"""The control loop on simulated bad downlinks: what a receiver sees of a picture and a voice, second by second."""

import pytest
from teleward_testing.impairment import Conditions
from teleward_testing.path_simulation import LADDER_BPS, Second, Simulation

DELAY_S = 0.02
WIDE, NARROW = 2_000_000.0, 300_000.0
ONE_LAYER = LADDER_BPS[-1:]


def down(**conditions: float) -> Conditions:
    return Conditions(delay_s=DELAY_S, **conditions)  # type: ignore[arg-type]  # of these fields none is a bool


def seen(conditions: Conditions, seconds: int = 15) -> list[Second]:
    simulation = Simulation(conditions)
    simulation.until(seconds + 0.001)
    return simulation.seconds


def test_a_wide_path_gets_the_highest_layer_within_two_seconds() -> None:
    assert all(second.layer == len(LADDER_BPS) - 1 for second in seen(down())[2:])


@pytest.mark.parametrize(
    ("ladder", "within_s"),
    [(LADDER_BPS, 1.0), (ONE_LAYER, 1.5)],
    ids=["three layers", "one layer, whose sender must lower it"],
)
def test_after_a_fall_pictures_soon_flow_and_the_estimate_is_back_within_fifteen_seconds(
    ladder: tuple[float, ...], within_s: float
) -> None:
    simulation = Simulation(down(rate_bps=WIDE), ladder_bps=ladder)
    simulation.until(10.001)
    simulation.down.conditions = down(rate_bps=NARROW)
    simulation.until(25.001)
    fell, settled = simulation.seconds[10:12], simulation.seconds[12:25]
    simulation.down.conditions = down(rate_bps=WIDE)
    simulation.until(40.001)

    assert max(second.longest_gap_s for second in fell) < within_s
    assert all(second.frames >= 25 for second in settled)
    assert all(second.longest_gap_s < 0.3 for second in settled)
    assert max(second.estimate_bps for second in simulation.seconds[25:40]) > 0.85 * WIDE


@pytest.mark.parametrize("rate", [NARROW, 400_000.0])
def test_a_path_that_is_narrow_from_the_first_carries_the_lowest_layer_and_the_voice(
    rate: float,
) -> None:
    for second in seen(down(rate_bps=rate))[3:]:
        assert second.frames >= 25
        assert second.voices >= 40


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.1])
def test_a_picture_survives_loss(loss: float) -> None:
    seconds = seen(down(loss=loss), 30)[2:]

    assert sum(second.frames for second in seconds) / len(seconds) > 25
    assert max(second.longest_gap_s for second in seconds) < 1.5


def test_at_one_packet_in_five_lost_a_picture_goes_on_and_no_more_voice_is_lost_than_that() -> (
    None
):
    seconds = seen(down(loss=0.2), 30)[2:]

    assert sum(second.frames for second in seconds) / len(seconds) > 18
    assert sum(second.voices for second in seconds) / len(seconds) > 0.75 * 50


@pytest.mark.parametrize(
    "conditions",
    [Conditions(delay_s=0.3), down(jitter_s=0.03), down(reorder=0.1)],
    ids=["300 ms away", "30 ms of jitter", "one in ten overtaken"],
)
def test_delay_jitter_and_disorder_are_not_taken_for_a_narrow_path(conditions: Conditions) -> None:
    seconds = seen(conditions)[4:]

    assert all(second.layer >= 1 for second in seconds)
    assert all(second.frames >= 27 for second in seconds)


@pytest.mark.parametrize("delay_s", [0.15, 0.3])
def test_a_route_that_becomes_longer_is_not_taken_for_a_queue(delay_s: float) -> None:
    simulation = Simulation(down())
    simulation.until(8.001)
    simulation.down.conditions = Conditions(delay_s=delay_s)
    simulation.until(16.001)

    assert all(second.layer == len(LADDER_BPS) - 1 for second in simulation.seconds[9:])


def test_jitter_of_a_tenth_of_a_second_costs_layers_and_not_the_picture() -> None:
    seconds = seen(down(jitter_s=0.1), 30)[2:]

    assert all(second.frames >= 27 for second in seconds)
    assert all(second.longest_gap_s < 0.15 for second in seconds)


def test_after_an_outage_of_three_seconds_pictures_are_back_within_two() -> None:
    simulation = Simulation(down(rate_bps=WIDE))
    simulation.until(8.001)
    simulation.down.conditions = down(is_out=True)
    simulation.until(11.001)
    simulation.down.conditions = down(rate_bps=WIDE)
    simulation.until(16.001)

    assert [second.frames for second in simulation.seconds[9:11]] == [0, 0]
    assert all(second.frames >= 25 for second in simulation.seconds[13:16])
