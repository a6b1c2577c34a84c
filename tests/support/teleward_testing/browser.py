"""Debian's Chromium with fake devices, and what a test can see of a call from inside a page.

Nothing here knows the pages' markup beyond accessible names: connections are found by wrapping
`RTCPeerConnection` before any script of the page runs, remote pictures by the tracks of their receivers.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from playwright.async_api import Browser, Playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
"""Debian's; Playwright's own download is never used."""

FAKE_DEVICES = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]

NEEDED_HERE = ["--headless", "--no-sandbox"]
"""There is no display, and containers have no user namespaces for the sandbox."""

CHANGED_LEVELS = 12
"""A colour value that differs by more than this has changed; less may be noise of the codec."""

WATCH = """
(() => {
  const Native = window.RTCPeerConnection;
  const made = (window.telewardTestConnections = []);
  window.RTCPeerConnection = class extends Native {
    constructor(...args) { super(...args); made.push(this); }
  };
})();
"""

_LOOK = """
async () => {
  const live = (window.telewardTestConnections ?? []).filter((c) => c.connectionState !== "closed");
  const seen = { pairs: [], ciphers: [], energy: 0, decoded: {}, pictures: {}, audible: 0, states: [] };
  const tracks = new Map();
  for (const connection of live) {
    seen.states.push(connection.connectionState);
    for (const receiver of connection.getReceivers()) tracks.set(receiver.track.id, receiver.track);
    const rows = await connection.getStats();
    const byId = new Map();
    rows.forEach((row) => byId.set(row.id, row));
    for (const row of byId.values()) {
      if (row.type === "transport") {
        if (row.srtpCipher) seen.ciphers.push(row.srtpCipher);
        const pair = byId.get(row.selectedCandidatePairId);
        const remote = pair && byId.get(pair.remoteCandidateId);
        if (remote) seen.pairs.push({ host: remote.address ?? remote.ip, port: remote.port,
                                      protocol: remote.protocol });
      }
      if (row.type === "inbound-rtp" && row.kind === "audio") seen.energy += row.totalAudioEnergy ?? 0;
      if (row.type === "inbound-rtp" && row.kind === "video" && row.framesDecoded > 0)
        seen.decoded[row.trackIdentifier] = row.framesDecoded;
    }
  }
  for (const element of document.querySelectorAll("video, audio")) {
    const stream = element.srcObject;
    if (!stream || element.paused) continue;
    if (!element.muted && stream.getAudioTracks().some((t) => tracks.has(t.id) && t.enabled))
      seen.audible += 1;
    const track = stream.getVideoTracks().find((t) => tracks.has(t.id));
    if (!track || element.tagName !== "VIDEO" || element.videoWidth === 0) continue;
    if (element.getClientRects().length === 0) continue;
    const canvas = new OffscreenCanvas(64, 48);
    const pen = canvas.getContext("2d");
    pen.drawImage(element, 0, 0, 64, 48);
    seen.pictures[track.id] = Array.from(pen.getImageData(0, 0, 64, 48).data);
  }
  return seen;
}
"""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the calls of a page."""

    states: list[str]
    """Connection state of every peer connection that is not closed."""
    pairs: list[tuple[str, int, str]]
    """Remote host, port and protocol of each selected candidate pair."""
    ciphers: list[str]
    energy: float
    """Sum of `totalAudioEnergy` over everything received."""
    decoded: dict[str, int]
    """Frames decoded per received video track; tracks without any are left out."""
    pictures: dict[str, list[int]]
    """64 × 48 RGBA values of every remote picture that is visible and playing, by track."""
    audible: int
    """Playing, unmuted media elements with a received voice."""


class Evaluates(Protocol):
    """A page of any browser: what a look at it needs."""

    async def evaluate(self, expression: str) -> Any: ...


async def look(page: Evaluates) -> Look:
    """Look at the calls of a page."""
    seen = cast(dict[str, object], await page.evaluate(_LOOK))
    pairs = cast(list[dict[str, object]], seen["pairs"])
    return Look(
        states=cast(list[str], seen["states"]),
        pairs=[(str(p["host"]), int(str(p["port"])), str(p["protocol"])) for p in pairs],
        ciphers=cast(list[str], seen["ciphers"]),
        energy=float(str(seen["energy"])),
        decoded=cast(dict[str, int], seen["decoded"]),
        pictures=cast(dict[str, list[int]], seen["pictures"]),
        audible=int(str(seen["audible"])),
    )


def moved(before: Look, after: Look) -> dict[str, int]:
    """Per remote picture in both looks: how many of its colour values have changed."""
    return {
        track: sum(
            abs(old - new) > CHANGED_LEVELS
            for old, new in zip(before.pictures[track], after.pictures[track], strict=True)
        )
        for track in before.pictures.keys() & after.pictures.keys()
    }


async def until(
    what: str, is_so: Callable[[], Awaitable[bool]], *, seconds: float, every: float = 0.25
) -> None:
    """Wait until `is_so` answers True; fails with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not await is_so():
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what}"
        await asyncio.sleep(every)


async def sees_and_hears(page: Evaluates, others: int, *, seconds: float) -> None:
    """Wait until the page shows `others` moving remote pictures and receives sound."""
    first = await look(page)

    async def so() -> bool:
        nonlocal first
        now = await look(page)
        moving = sum(count > 0 for count in moved(first, now).values())
        if moving >= others and now.energy > first.energy:
            return True
        if not first.pictures.keys() >= now.pictures.keys() or now.energy < first.energy:
            first = now
        return False

    await until(f"{others} moving picture(s) and sound", so, seconds=seconds)


async def open_chromium(playwright: Playwright, *flags: str) -> Browser:
    """Start Chromium as the tests use it: fake devices, and Playwright's defaults."""
    return await playwright.chromium.launch(
        executable_path=CHROMIUM, headless=True, args=["--no-sandbox", *FAKE_DEVICES, *flags]
    )


@dataclass(slots=True)
class PlainChromium:
    """A Chromium that got no flags but the fake devices and what a machine without a display needs."""

    browser: Browser
    process: asyncio.subprocess.Process

    async def close(self) -> None:
        """End it."""
        await self.browser.close()
        if self.process.returncode is None:
            self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 10)


async def open_plain_chromium(playwright: Playwright, profile: Path) -> PlainChromium:
    """Start Chromium by hand, so that none of Playwright's flags are in play."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *NEEDED_HERE,
        *FAKE_DEVICES,
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    port_file = profile / "DevToolsActivePort"

    async def listens() -> bool:
        assert process.returncode is None, "Chromium ended at its start"
        return port_file.exists() and "\n" in port_file.read_text()

    await until("Chromium listens", listens, seconds=20, every=0.1)
    port = port_file.read_text().splitlines()[0]
    browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
    return PlainChromium(browser, process)
