"""Debian's Firefox ESR, headless with fake devices, spoken to over its own protocol: no driver program is needed.

Source: Firefox source documentation, "Marionette protocol": `LENGTH:JSON` over TCP, `[0, id, command, parameters]` to
the browser and `[1, id, error, result]` back; the port stands in `MarionetteActivePort` of the profile.
"""

import asyncio
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

FIREFOX = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or "/usr/bin/firefox-esr"

START_S = 60.0
"""A cold start on a machine with two busy cores takes some ten seconds."""

PREFERENCES: dict[str, object] = {
    "marionette.port": 0,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "permissions.default.camera": 1,
    "permissions.default.microphone": 1,
    "media.peerconnection.ice.loopback": True,
    "media.autoplay.default": 0,
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.server": "",
    "app.normandy.enabled": False,
    "services.settings.server": "data:,",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
"""Fake devices without a question, loopback as a network, sound without a click; and nothing asked of the internet.

The two permissions matter beyond the question: without them Firefox uses the address of the default route alone, which
never reaches a media node on loopback."""


class FirefoxError(Exception):
    """A command that Firefox refused."""


class Firefox:
    """One Firefox with one window; `evaluate` runs in its page."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._lock = asyncio.Lock()
        self._count = 0

    async def __aenter__(self) -> Self:
        """Start it and open a session."""
        self._profile.mkdir(parents=True, exist_ok=True)
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        (self._profile / "user.js").write_text("\n".join(lines))
        self._process = await asyncio.create_subprocess_exec(
            FIREFOX, "--headless", "--no-remote", "--marionette", "--profile", str(self._profile),
            "about:blank", env={**os.environ, "HOME": str(self._profile)},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", await self._port())
        await self._read()  # it says who it is
        await self.command("WebDriver:NewSession", capabilities={})
        await self.command(
            "WebDriver:SetTimeouts", script=30_000, pageLoad=30_000, implicit=15_000
        )
        return self

    async def _port(self) -> int:
        file, deadline = self._profile / "MarionetteActivePort", time.monotonic() + START_S
        while not (file.exists() and file.read_text()):
            assert self._process is not None
            assert self._process.returncode is None, "Firefox ended at its start"
            assert time.monotonic() < deadline, f"Firefox did not start within {START_S:g} s"
            await asyncio.sleep(0.05)
        return int(file.read_text())

    async def __aexit__(self, *_: object) -> None:
        """End it, and wait until it is gone."""
        assert self._process is not None
        if self._writer is not None:
            with suppress(FirefoxError, OSError, asyncio.IncompleteReadError):
                await self.command("Marionette:Quit", flags=["eForceQuit"])
            self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def goto(self, url: str) -> None:
        """Open a page and wait until it has loaded."""
        await self.command("WebDriver:Navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """Run an expression in the page, or call it if it is a function; wait for its promise, hand over its value."""
        script = f"""
            const done = arguments[arguments.length - 1];
            Promise.resolve().then(() => {expression.strip().removesuffix(";")}).then(
              (value) => (typeof value === "function" ? value() : value)).then(
              (value) => done({{ value: value ?? null }}), (error) => done({{ error: String(error) }}));
        """
        answer = await self.command(
            "WebDriver:ExecuteAsyncScript", script=script, args=[], sandbox=None
        )
        if "error" in answer["value"]:
            raise FirefoxError(answer["value"]["error"])
        return answer["value"]["value"]

    async def click(self, xpath: str) -> None:
        """Click the first element that a path finds, as a person would."""
        await self.command("WebDriver:ElementClick", id=await self._find(xpath))

    async def fill(self, xpath: str, text: str) -> None:
        """Type into the first element that a path finds."""
        await self.command("WebDriver:ElementSendKeys", id=await self._find(xpath), text=text)

    async def _find(self, xpath: str) -> str:
        found = await self.command("WebDriver:FindElement", using="xpath", value=xpath)
        return str(next(iter(found["value"].values())))

    async def command(self, name: str, **parameters: object) -> Any:
        """Send one command and wait for its answer."""
        async with self._lock:
            assert self._writer is not None
            self._count += 1
            body = json.dumps([0, self._count, name, parameters]).encode()
            self._writer.write(f"{len(body)}:".encode() + body)
            await self._writer.drain()
            _, number, error, result = await self._read()
        assert number == self._count
        if error is not None:
            raise FirefoxError(f"{name}: {error['error']}: {error['message']}")
        return result

    async def _read(self) -> Any:
        assert self._reader is not None
        length = await self._reader.readuntil(b":")
        return json.loads(await self._reader.readexactly(int(length[:-1])))
