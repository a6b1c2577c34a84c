"""A call over a bad network goes on. `make profiles` measures all of them; these three are held here."""

from dataclasses import replace

from playwright.async_api import Browser
from teleward_testing.builders import House
from teleward_testing.network_profiles import PROFILES, Phase, Profile, Run, run

SETTLE_S = 4.0
BACK_S, LOWEST_S, RATE_BACK_S = 2.0, 1.0, 15.0
"""What the product promises."""
TRIES = 2
"""Half a second of the one is the keyframe behind the queue; two processors that others use need a second chance."""


def shortened(name: str, **lengths_s: float) -> Profile:
    """A profile whose phases of these names are shorter."""
    profile = PROFILES[name]
    phases = (
        Phase(one.name, one.conditions, lengths_s.get(one.name, one.for_s))
        for one in profile.phases
    )
    return replace(profile, phases=tuple(phases))


SLOW_KBIT = 300


async def through(chromium: Browser, house: House, profile: Profile, for_s: float) -> Run:
    return await run(chromium, house, profile, "downlink", for_s=for_s, settle_s=SETTLE_S)


async def test_at_twenty_percent_loss_a_voice_goes_on_and_a_picture_moves(
    chromium: Browser, house: House
) -> None:
    done = await through(chromium, house, PROFILES["20 % loss"], 10)
    told = done.figures()["phases"]["all along"]

    assert done.network["lost"] > 0.1 * done.network["passed"], "the network was not bad"
    assert told["voice"]["played_share"] > 0.95
    assert told["voice"]["silent_stretches"] == 0
    assert told["voice"]["concealed_share"] < 0.2
    assert told["picture"]["frames_per_s"] > 5


async def test_after_three_seconds_without_a_network_the_picture_is_back_within_two(
    chromium: Browser, house: House
) -> None:
    done = await through(chromium, house, shortened("3 s outage", before=2), 4)

    assert done.figures()["phases"]["out"]["picture"]["frames_per_s"] < 1, "there was no outage"
    back_s = done.picture_back_s()
    assert back_s is not None
    assert back_s <= BACK_S


async def test_a_slow_downlink_gets_the_lowest_layer_at_once_and_the_highest_when_it_is_fast_again(
    chromium: Browser, house: House
) -> None:
    profile = shortened("2 Mbit/s, 300 kbit/s, 2 Mbit/s", before=4, again=RATE_BACK_S)
    for _ in range(TRIES):
        done = await through(chromium, house, profile, 5)
        lowest_s, back_s = done.lowest_flows_s(), done.rate_back_s()
        if lowest_s is not None and lowest_s <= LOWEST_S and back_s is not None:
            break

    phases = done.figures()["phases"]
    before, slow = (phases[name]["picture"]["kbit_per_s"] for name in ("before", "slow"))
    assert slow < SLOW_KBIT < before, "the path was not slow for what was shown before"
    assert lowest_s is not None
    assert lowest_s <= LOWEST_S
    assert back_s is not None
    assert back_s <= RATE_BACK_S
