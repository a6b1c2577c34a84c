"""One running Teleward for the tier, one Chromium, and a context for each person."""

import inspect
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    ViewportSize,
    async_playwright,
)
from teleward_cli.demo.client import Visitor
from teleward_testing.browser import open_chromium
from teleward_testing.builders import House, build_house
from teleward_testing.families.call import Someone
from teleward_testing.families.firefox import Firefox
from teleward_testing.families.seen import AnyPeer
from teleward_testing.media_node import RunningMediaNode, running_media_node
from teleward_testing.pages import Guest, Patient, Staff
from teleward_testing.recording import Recording
from teleward_testing.running import Running, running
from teleward_testing.valkey import RunningValkey

HERE = Path(__file__).parent

WINDOW: ViewportSize = {"width": 640, "height": 480}
"""Small: without a graphics card, painting is what a test with many people costs most."""

RETENTION_S = 4
"""Instead of ten minutes, so that a test can wait for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        is_async = inspect.iscoroutinefunction(getattr(item, "function", None))
        if is_async and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def teleward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The instance that tests share; a test that kills something starts its own."""
    root = tmp_path_factory.mktemp("teleward")
    with running(root / "data", environment={"TELEWARD_RETENTION_S": str(RETENTION_S)}) as one:
        yield one


@pytest.fixture(scope="module")
def house(teleward: Running) -> House:
    """An organisation of the module's own, with one clinic, in the shared instance."""
    return build_house(teleward, f"org-{uuid.uuid4().hex[:6]}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await open_chromium(playwright)
    yield browser
    await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def firefox(
    firefox_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Firefox]:
    """One Firefox with one window for the tests that need another browser."""
    async with Firefox(tmp_path_factory.mktemp("firefox")) as started:
        yield started


@pytest.fixture(scope="module")
def media_node() -> Iterator[RunningMediaNode]:
    """A media node alone, for peers that speak to it without pages."""
    with RunningValkey() as valkey, running_media_node(valkey.url) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def empty_page(chromium: Browser, media_node: RunningMediaNode) -> AsyncIterator[Page]:
    """A page without content on loopback, where devices may be opened."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{media_node.port}/healthz")
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def come_in(
    media_node: RunningMediaNode, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[str, AnyPeer], Awaitable[Someone]]]:
    """Let somebody with a peer of any family into a call of this test's own."""
    people: list[Someone] = []

    async def one(name: str, peer: AnyPeer) -> Someone:
        people.append(await Someone.join(media_node, f"visit:{request.node.name}", name, peer))
        return people[-1]

    yield one
    for person in people:
        await person.close()


@pytest_asyncio.fixture(loop_scope="session")
async def patient(chromium: Browser) -> AsyncIterator[Callable[[str], Awaitable[Patient]]]:
    """Make a patient with a browser context of their own."""
    contexts: list[BrowserContext] = []

    async def arrive(who: str) -> Patient:
        contexts.append(await chromium.new_context(locale="en-AU", viewport=WINDOW))
        return await Patient.arrive(contexts[-1], who)

    yield arrive
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def guest(chromium: Browser) -> AsyncIterator[Callable[[str], Awaitable[Guest]]]:
    """Make a guest with a browser context of their own."""
    contexts: list[BrowserContext] = []

    async def arrive(who: str) -> Guest:
        contexts.append(await chromium.new_context(locale="en-AU", viewport=WINDOW))
        return await Guest.arrive(contexts[-1], who)

    yield arrive
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def staff(chromium: Browser) -> AsyncIterator[Callable[[str], Awaitable[Staff]]]:
    """Make a member of staff with a browser context of their own."""
    contexts: list[BrowserContext] = []

    async def arrive(who: str) -> Staff:
        contexts.append(await chromium.new_context(locale="en-AU", viewport=WINDOW))
        return await Staff.arrive(contexts[-1], who)

    yield arrive
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(
    teleward: Running,
) -> AsyncIterator[Callable[[Recording | None], Visitor]]:
    """Make a person without a browser, who is cheaper and can misbehave."""
    made: list[Visitor] = []

    def arrive(recording: Recording | None = None) -> Visitor:
        heard = recording.hear if recording else lambda where, text: None
        made.append(Visitor(teleward.gateway, heard=heard))
        return made[-1]

    yield arrive
    for one in made:
        await one.__aexit__(None, None, None)
