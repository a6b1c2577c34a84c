"""What a patient and a member of staff do on the pages, in their words: labels, roles, headings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Page, expect

from teleward_testing.browser import WATCH
from teleward_testing.recording import Recording

ISOLATED = "\u2068{}\u2069"
"""As the pages put a name into a text: isolated from its direction."""

SMALL = "?video=small"
"""Small and slow pictures, so that many people fit on one test machine."""

PATIENCE_MS = 15_000
"""For everything that involves another process on a busy machine."""


@dataclass  # no slots: Playwright notes its handlers on their owner
class Person:
    """One person at one browser context: no cookie, storage or permission of anybody else."""

    page: Page
    recording: Recording
    complaints: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions of the page."""

    @classmethod
    async def arrive(cls, context: BrowserContext, who: str) -> Self:
        """Open an empty page that is recorded from its first byte."""
        page = await context.new_page()
        await page.add_init_script(WATCH)
        page.set_default_timeout(PATIENCE_MS)
        person = cls(page, Recording(who))
        person.recording.follow(page)
        page.on("pageerror", person._failed)
        page.on("console", person._said)
        return person

    def _failed(self, error: Error) -> None:
        self.complaints.append(error.message)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    async def sees(self, testid: str) -> None:
        """Wait until a part of the page is visible."""
        await expect(self.page.get_by_test_id(testid)).to_be_visible(timeout=PATIENCE_MS)

    async def reads(self, text: str) -> None:
        """Wait until a text is visible."""
        await expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)


class Patient(Person):
    """Somebody who was given a clinic's link."""

    async def enter(self, url: str, name: str, answers: Mapping[str, str] | None = None) -> None:
        """Open the link, fill in the form, enter, and wait until the waiting page is there."""
        await self.page.goto(url + SMALL)
        await self.page.get_by_label("Your name").fill(name)
        for label, answer in (answers or {}).items():
            await self.page.get_by_label(label).fill(answer)
        await self.page.get_by_role("button", name="Enter the waiting area").click()
        await self.waits()

    async def waits(self) -> None:
        """Wait until the page says that the clinic knows of this patient."""
        heading = self.page.get_by_role("heading", name="You are in the waiting area")
        await expect(heading).to_be_visible(timeout=PATIENCE_MS)
        await self.reads("The clinic knows that you are here.")


class Staff(Person):
    """A member of a clinic's team."""

    async def sign_in(self, gateway: str, user: str) -> None:
        """Choose an account of the development sign-in."""
        await self.page.goto(f"{gateway}/sign-in{SMALL}")
        await self.page.locator(f'[data-testid="account"][data-user="{user}"]').click()
        await self.page.wait_for_url(lambda url: urlsplit(url).path == "/staff")

    async def open_dashboard(self, gateway: str, namespace: str, clinic: str) -> None:
        """Look at a clinic's queue."""
        await self.page.goto(f"{gateway}/staff/{namespace}/{clinic}{SMALL}")
        await self.sees("dashboard")

    async def queue(self) -> list[str]:
        """The names in the queue, from top to bottom."""
        return await self.page.get_by_test_id("queue-name").all_inner_texts()

    async def sees_waiting(self, name: str) -> None:
        """Wait until the queue shows somebody of this name."""
        row = self.page.get_by_role("row").filter(has_text=name)
        await expect(row).to_be_visible(timeout=PATIENCE_MS)

    async def call_in(self, name: str) -> None:
        """Call somebody in; the page goes to the consultation."""
        row = self.page.get_by_role("row").filter(has_text=name)
        await row.get_by_role("button", name=re.compile("^Call in .*" + name)).click()

    async def invite(self, within: str = "call-steps") -> str:
        """Make a guest link where the page offers it; the link."""
        part = self.page.get_by_test_id(within)
        button = part.get_by_test_id("invite")
        if await button.get_attribute("aria-expanded") == "true":
            await button.click()  # the link of before
        await button.click()
        await part.get_by_label("What you know this link by").fill("Interpreter")
        await part.get_by_test_id("make-link").click()
        return await part.get_by_test_id("guest-url").input_value()

    async def let_in(self, name: str) -> None:
        """Let a guest in who knocks."""
        await self.page.get_by_role("button", name=f"Let {ISOLATED.format(name)} in").click()

    async def end_for_all(self) -> None:
        """End the call for all: the page asks once."""
        await self.page.get_by_role("button", name="End for all").click()
        await self.page.get_by_role("button", name="Really end?").click()


class Guest(Person):
    """Somebody from outside who was given a guest link."""

    async def open(self, url: str) -> None:
        """Open the link; that uses nothing up."""
        address, _, secret = url.partition("#")
        await self.page.goto(f"{address}{SMALL}#{secret}")

    async def knock(self, url: str, name: str) -> None:
        """Open the link, say who it is, and knock."""
        await self.open(url)
        await self.sees("guest-door")
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_role("button", name="Knock").click()
        await self.sees("guest-knocking")
