"""What is promised of a bad network is read off the samples as it is meant."""

import pytest
from teleward_testing.call_samples import Row
from teleward_testing.network_profiles import PROFILES, Run

PER_S = 10
Picture = dict[str, float]


def ran(phases: dict[str, list[Picture]]) -> Run:
    """A run whose watcher saw, tenth of a second by tenth, so much more (or this width) in each phase."""
    rows: list[Row] = []
    spans = {}
    at, sums = 0.0, {"framesDecoded": 0.0, "bytesReceived": 0.0, "retransmittedBytesReceived": 0.0}
    for name, pictures in phases.items():
        begin = at
        for picture in pictures:
            at += 1 / PER_S
            sums = {key: value + picture.get(key, 0) for key, value in sums.items()}
            track = sums | {"frameWidth": picture.get("frameWidth", 1280)}
            rows.append({"at": at, "video": {"1": track}, "audio": {}, "sent": {}, "path": {}})
        spans[name] = (begin, at)
    return Run("made up", "downlink", spans, rows, [], 1.0, {}, {})


MOVING: Picture = {"framesDecoded": 3, "bytesReceived": 1000}
SMALL: Picture = {"framesDecoded": 3, "bytesReceived": 200, "frameWidth": 320}
STILL: Picture = {}


def test_a_picture_is_back_when_it_goes_on_after_the_outage() -> None:
    run = ran({"before": [MOVING] * 20, "out": [STILL] * 30, "after": [STILL] * 6 + [MOVING] * 20})

    assert run.picture_back_s() == pytest.approx(0.7)
    assert ran({"out": [STILL] * 30, "after": [STILL] * 30}).picture_back_s() is None


def test_the_lowest_layer_flows_from_its_first_frame_on() -> None:
    run = ran({"before": [MOVING] * 20, "slow": [STILL] * 5 + [SMALL] * 20})

    assert run.lowest_flows_s() == pytest.approx(0.6)
    assert ran({"slow": [MOVING] * 20}).lowest_flows_s() is None


def test_the_rate_is_back_after_the_first_second_that_brings_as_much_as_before() -> None:
    run = ran(
        {"before": [MOVING] * 30, "slow": [SMALL] * 20, "again": [SMALL] * 20 + [MOVING] * 30}
    )

    assert run.rate_back_s() == pytest.approx(3, abs=0.3)


def test_probes_bring_no_rate_back() -> None:
    probed = SMALL | {"bytesReceived": 1000, "retransmittedBytesReceived": 800}
    run = ran({"before": [MOVING] * 30, "slow": [SMALL] * 20, "again": [probed] * 40})

    assert run.rate_back_s() is None


def test_every_network_of_the_promise_is_there() -> None:
    """Loss, delay, jitter, reordering, a low rate, a rate that falls and returns, an outage."""
    assert len(PROFILES) == 15
    steps = PROFILES["2 Mbit/s, 300 kbit/s, 2 Mbit/s"]
    assert [p.conditions.rate_bps for p in steps.phases] == [2_000_000, 300_000, 2_000_000]
    assert PROFILES["20 % loss"].before.loss == 0.2
    assert [p.for_s for p in PROFILES["3 s outage"].phases if p.conditions.is_out] == [3.0]
