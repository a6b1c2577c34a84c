"""Take the README's pictures from a running system: `make screenshots`."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, async_playwright
from teleward_testing.browser import open_chromium, sees_and_hears
from teleward_testing.pages import Patient, Staff
from teleward_testing.running import Running, running

NAMESPACE, CLINIC, ROOM = "harbour-health", "cardiology", "case-conference"
PATIENTS = ("Mira Lindqvist", "Tomás Aguilar", "Grace Adeyemi")
"""Invented people."""
STAFF = ("adler@example.org", "kim@example.org", "rossi@example.org")
WAITED_S = 65
"""So that the dashboard shows minutes."""


async def _at(browser: Browser, *, width: int = 1120, height: int = 640) -> BrowserContext:
    return await browser.new_context(
        locale="en-AU", viewport={"width": width, "height": height}, reduced_motion="reduce"
    )


async def dashboard(browser: Browser, teleward: Running, folder: Path) -> None:
    """Three patients wait; a clinician looks at the queue."""
    door = f"{teleward.gateway}/c/{NAMESPACE}/{CLINIC}"
    for name in PATIENTS:
        patient = await Patient.arrive(await _at(browser, width=400), name)
        await patient.enter(door, name)
        await asyncio.sleep(WAITED_S / len(PATIENTS))
    clinician = await Staff.arrive(await _at(browser), STAFF[0])
    await clinician.sign_in(teleward.gateway, STAFF[0])
    await clinician.open_dashboard(teleward.gateway, NAMESPACE, CLINIC)
    await clinician.sees_waiting(PATIENTS[-1])
    await clinician.page.screenshot(path=folder / "dashboard.png")


async def call(browser: Browser, teleward: Running, folder: Path) -> None:
    """Three members of staff meet in a meeting room."""
    people = []
    for user in STAFF:
        person = await Staff.arrive(await _at(browser), user)
        await person.sign_in(teleward.gateway, user)
        await person.page.goto(f"{teleward.gateway}/staff/{NAMESPACE}/{CLINIC}/meeting/{ROOM}")
        await person.sees("call")
        people.append(person)
    await sees_and_hears(people[0].page, 2, seconds=40)
    await people[0].page.screenshot(path=folder / "call.png")


async def take(folder: Path) -> None:
    """Take every picture."""
    with tempfile.TemporaryDirectory() as data, running(Path(data, "data")) as teleward:
        async with async_playwright() as playwright:
            for picture in (dashboard, call):
                browser = await open_chromium(playwright)
                await picture(browser, teleward, folder)
                await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args().folder
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(chosen))
