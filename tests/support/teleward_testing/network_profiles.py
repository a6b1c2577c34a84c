"""The bad networks that a call must bear, and one run of a call through one of them."""

import asyncio
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser
from prometheus_client.parser import text_string_to_metric_families

from teleward_testing import call_samples
from teleward_testing.builders import House
from teleward_testing.call_samples import Row, Series, series
from teleward_testing.impaired_call import ImpairedCall, Way, impaired_call
from teleward_testing.impairment import PERFECT, Conditions

SETTLE_S = 8.0
"""Before anything is measured: libwebrtc's sender climbs to the camera's bitrate in a few seconds."""
LOWEST_WIDTH = 1280 // 4
"""Of the camera's lowest encoding when all three are on (`gateway/frontend/src/call/encodings.ts`)."""
BACK_SHARE = 0.85
"""Of the bitrate before a drop; the encoder's own swings are the rest."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a profile."""

    name: str
    conditions: Conditions
    for_s: float | None = None
    """As long as the run is asked to last, when not given."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One bad network: what it is like when people join, and then, one phase after the other."""

    name: str
    phases: tuple[Phase, ...]
    before: Conditions = PERFECT
    third: bool = False
    """With a third person, so that all encodings are on and the media node chooses."""


def _all_along(name: str, conditions: Conditions) -> Profile:
    return Profile(name, (Phase("all along", conditions),), before=conditions)


FAST, SLOW = Conditions(rate_bps=2_000_000), Conditions(rate_bps=300_000)
AGAIN_S = 20.0
"""Watched after a rate returns: the issue's 15 s, and what shows that it stays."""

PROFILES = {
    profile.name: profile
    for profile in (
        *(_all_along(f"{share} % loss", Conditions(loss=share / 100)) for share in (0, 1, 5, 10, 20)),
        *(_all_along(f"{ms} ms delay", Conditions(delay_s=ms / 1000)) for ms in (50, 150, 300)),
        *(
            _all_along(f"{ms} ms jitter", Conditions(delay_s=0.02, jitter_s=ms / 1000))
            for ms in (30, 100)
        ),
        _all_along("10 % reorder", Conditions(delay_s=0.02, reorder=0.1)),
        _all_along("400 kbit/s", Conditions(rate_bps=400_000)),
        Profile(
            "2 Mbit/s, 300 kbit/s, 2 Mbit/s",
            (Phase("before", FAST, 5.0), Phase("slow", SLOW), Phase("again", FAST, AGAIN_S)),
            before=FAST,
            third=True,
        ),
        Profile(
            "20 ms, then 300 ms delay",
            (Phase("before", Conditions(delay_s=0.02), 5.0), Phase("longer", Conditions(delay_s=0.3))),
            before=Conditions(delay_s=0.02),
        ),
        Profile(
            "3 s outage",
            (Phase("before", PERFECT, 5.0), Phase("out", Conditions(is_out=True), 3.0),
             Phase("after", PERFECT)),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One call through one profile, over."""

    profile: str
    way: Way
    phases: dict[str, tuple[float, float]]
    """Phase → its begin and end, in seconds of the wallclock."""
    watcher: list[Row]
    watched: list[Row]
    together_s: float
    """From the second one's joining until both saw and heard one another."""
    network: dict[str, int]
    node: dict[str, float]
    """What the media node counted meanwhile."""

    def figures(self) -> dict[str, Any]:
        """All that is to be told of it."""
        phases = {
            name: {
                "seconds": round(end - begin, 1),
                "picture": call_samples.seen(self.watcher, begin, end),
                "voice": call_samples.heard(self.watcher, begin, end),
                "sender": call_samples.sent(self.watched, begin, end),
            }
            for name, (begin, end) in self.phases.items()
        }
        told: dict[str, Any] = {"profile": self.profile, "way": self.way, "phases": phases}
        told["together_after_s"] = _rounded(self.together_s)
        if "out" in self.phases:
            told["picture_back_after_s"] = _rounded(self.picture_back_s())
        if "slow" in self.phases:
            told["lowest_flows_after_s"] = _rounded(self.lowest_flows_s())
            told["rate_back_after_s"] = _rounded(self.rate_back_s())
        return told | {"network": self.network, "media_node": self.node}

    def picture_back_s(self) -> float | None:
        """Seconds from the end of the outage until the picture moves again."""
        return series(self.watcher, "video", "framesDecoded").moves_again(self.phases["out"][1])

    def lowest_flows_s(self) -> float | None:
        """Seconds from the fall of the rate until a frame of the lowest layer was decoded."""
        begin, end = self.phases["slow"]
        widths = series(self.watcher, "video", "frameWidth").between(begin, end)
        return widths.first(begin, lambda width: width <= LOWEST_WIDTH)

    def rate_back_s(self) -> float | None:
        """Seconds from the return of the rate until a second brings as much of the picture as before, or nearly."""
        before = self._new(*self.phases["before"]).rate
        begin, end = self.phases["again"]
        within = self._new(begin, end)
        for at in within.times:
            if at + 1 <= end and within.between(at, at + 1).rate >= BACK_SHARE * before:
                return at + 1 - begin
        return None

    def _new(self, begin: float, end: float) -> Series:
        """Bytes of the picture that were no repairs, and so no probes."""
        octets = series(self.watcher, "video", "bytesReceived")
        again = series(self.watcher, "video", "retransmittedBytesReceived").values
        new = tuple(all_ - old for all_, old in zip(octets.values, again, strict=True))
        return Series(octets.times, new).between(begin, end)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


async def run(
    browser: Browser, house: House, profile: Profile, way: Way, *, for_s: float, seed: int = 1,
    settle_s: float = SETTLE_S,
) -> Run:  # fmt: skip
    """Make a call, lead it through the profile, and end it."""
    async with impaired_call(
        browser, house, way, profile.before, seed=seed, third=profile.third
    ) as call:
        url = house.teleward.metrics_url(house.media_nodes[0].process)
        await asyncio.sleep(settle_s)
        counted = counters(url)
        phases = {}
        for phase in profile.phases:
            call.path.conditions = phase.conditions
            begin = time.time()
            await asyncio.sleep(phase.for_s or for_s)
            phases[phase.name] = (begin, time.time())
        return await _over(call, profile, way, phases, counted, url)


async def _over(
    call: ImpairedCall, profile: Profile, way: Way, phases: dict[str, tuple[float, float]],
    counted: dict[str, float], url: str,
) -> Run:  # fmt: skip
    watcher, watched = await call.rows()
    tally = call.path.tally
    network = {name: getattr(tally, name) for name in tally.__slots__}
    node = {
        name: value - counted.get(name, 0)
        for name, value in counters(url).items()
        if value != counted.get(name, 0)
    }
    return Run(profile.name, way, phases, watcher, watched, call.together_s, network, node)


def counters(url: str) -> dict[str, float]:
    """Every packet counter of a media node: event, or reason of a drop → count."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = str(answer.read().decode())
    return {
        "_".join([*(["drop"] if "drops" in one.name else []), *one.labels.values()]): one.value
        for family in text_string_to_metric_families(text)
        if family.name in ("teleward_media_packets", "teleward_media_drops")
        for one in family.samples
        if one.name.endswith("_total")
    }
