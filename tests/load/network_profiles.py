"""Calls through every bad network, each once on one person's uplink and once on the downlink.

Prints one JSON object on standard output; progress and a table on standard error. Chromium is at both ends, in
the product's own pages, on the same machine as everything else: `limited_by_cpu_share` says when that was too little.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from playwright.async_api import async_playwright
from teleward_testing.browser import open_chromium
from teleward_testing.builders import build_house
from teleward_testing.impaired_call import Way
from teleward_testing.network_profiles import PROFILES, Run, run
from teleward_testing.running import running


def wanted(arguments: argparse.Namespace) -> list[tuple[str, Way]]:
    """Which runs, in order."""
    return [
        (name, way)
        for name in PROFILES
        if any(part in name for part in arguments.only.split(";"))
        for way in get_args(Way)
        if way in arguments.way
    ]


async def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run all that is wanted."""
    told: dict[str, Any] = {"runs": []}
    with running(folder / "data") as teleward:
        house = build_house(teleward, "profiles")
        async with async_playwright() as playwright:
            browser = await open_chromium(playwright)
            told["chromium"] = browser.version
            chosen = wanted(arguments)
            for number, (name, way) in enumerate(chosen, 1):
                say(f"profiles: {number}/{len(chosen)}: {name}, {way}")
                begun = time.monotonic()
                done = await run(
                    browser,
                    house,
                    PROFILES[name],
                    way,
                    for_s=arguments.seconds,
                    seed=arguments.seed,
                )
                told["runs"].append(done.figures())
                keep(arguments, done)
                say(f"          {time.monotonic() - begun:.0f} s; {brief(told['runs'][-1])}")
            await browser.close()
    return told


def keep(arguments: argparse.Namespace, done: Run) -> None:
    """Write every sample of a run into a folder, if one is given."""
    if arguments.samples:
        name = f"{done.profile} {done.way}".replace("/", " per ")
        folder = Path(arguments.samples)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(
            json.dumps({"phases": done.phases, "watcher": done.watcher, "watched": done.watched})
        )


def brief(told: dict[str, Any]) -> str:
    """One line about a run."""
    parts = []
    for name, phase in told["phases"].items():
        picture, voice = phase["picture"], phase["voice"]
        parts.append(
            f"{name}: {picture['frames_per_s']:4.1f} frames/s, {picture['kbit_per_s']:4.0f} kbit/s, "
            f"{picture['width_last']:.0f} px, {picture['freezes']:.0f} freezes {picture['frozen_s']:.1f} s, "
            f"still {picture['longest_still_s']:.1f} s, concealed {voice['concealed_share']:.1%}"
        )
    after = [
        f"{k.removesuffix('_after_s')} after {v} s"
        for k, v in told.items()
        if k.endswith("_after_s")
    ]
    return "; ".join(parts + after)


def table(runs: list[dict[str, Any]]) -> str:
    """All runs, a line for each phase."""
    lines = [
        f"{'profile':32} {'way':8} {'phase':9} {'fps':>5} {'kbit/s':>6} {'px':>5} {'frz':>3} {'frozen':>6} "
        f"{'still':>5} {'conceal':>7} {'plays':>5} {'cpu':>4}  after"
    ]
    for told in runs:
        for name, phase in told["phases"].items():
            picture, voice, sender = phase["picture"], phase["voice"], phase["sender"]
            lines.append(
                f"{told['profile']:32} {told['way']:8} {name:9} {picture['frames_per_s']:5.1f} "
                f"{picture['kbit_per_s']:6.0f} {picture['width_last']:5.0f} {picture['freezes']:3.0f} "
                f"{picture['frozen_s']:6.2f} {picture['longest_still_s']:5.2f} {voice['concealed_share']:7.1%} "
                f"{voice['played_share']:5.2f} {sender.get('limited_by_cpu_share', 0):4.0%}"
            )
        after = [
            f"{k.removesuffix('_after_s')} {v} s"
            for k, v in told.items()
            if k.endswith("_after_s")
        ]
        lines[-1] += "  " + ", ".join(after)
    return "\n".join(lines)


def say(text: str) -> None:
    """Tell a person."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of each phase that has no length of its own"
    )
    parser.add_argument(
        "--only", default="", help="parts of names of profiles, with ; between them"
    )
    parser.add_argument("--way", default="uplink downlink", help="uplink, downlink or both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", help="a folder for every sample of every run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measure(arguments, Path(folder)))
    told = {
        "command": " ".join(["make profiles", *sys.argv[1:]]),
        "machine": {"processors": os.cpu_count(), "system": platform.platform(), "load": os.getloadavg()},
        "versions": {"chromium": told.pop("chromium"), "python": platform.python_version(),
                     **{name: version(name) for name in ("aiortc", "pylibsrtp", "playwright")}},
    } | told  # fmt: skip
    say(table(told["runs"]))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
