"""A call in the product's own pages in which one person has a bad network: Ann is direct, Ben is behind a relay.

Ann and Ben are two of a clinic's team in its meeting room. Whoever is watched sends the whole picture, the other
a small one, so that two processors suffice.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Literal

from playwright.async_api import Browser, BrowserContext, ViewportSize
from teleward_cli.demo.client import SocketEndedError, Visitor
from teleward_cli.people.peer import Peer
from teleward_contract.signalling import Join, Joined, Media, Ready

from teleward_testing.browser import look, until
from teleward_testing.builders import House
from teleward_testing.call_samples import SAMPLE, Row, samples
from teleward_testing.impairment import PERFECT, Conditions, Direction, Relay, relay
from teleward_testing.pages import SMALL, Staff

Way = Literal["uplink", "downlink"]
"""Of Ben. On the uplink Ann watches Ben, on the downlink Ben watches Ann."""

WINDOW: ViewportSize = {"width": 640, "height": 480}
TOGETHER_WITHIN_S = 40.0

_THROUGH = """
(() => {
  const native = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(/^(a=candidate:\\S+ 1 udp \\d+ \\S+) \\d+/gim, "$1 " + PORT);
    return native.call(this, { type: description.type, sdp });
  };
})();
"""


@dataclass(slots=True)
class ImpairedCall:
    """Both people are in it, and see and hear one another."""

    way: Way
    ann: Staff
    ben: Staff
    relay: Relay
    together_s: float = 0.0
    """From the second one's joining until both saw and heard one another."""

    @property
    def path(self) -> Direction:
        """The direction that is made bad."""
        return self.relay.up if self.way == "uplink" else self.relay.down

    @property
    def watcher(self) -> Staff:
        """Who watches and listens over the bad path."""
        return self.ann if self.way == "uplink" else self.ben

    @property
    def watched(self) -> Staff:
        """Who is seen and heard over it."""
        return self.ben if self.way == "uplink" else self.ann

    async def together(self) -> None:
        """Wait until both see and hear one another."""

        async def decode() -> bool:
            seen = [await look(person.page) for person in (self.ann, self.ben)]
            return all(one.decoded and one.energy > 0 for one in seen)

        await until("both see and hear one another", decode, seconds=TOGETHER_WITHIN_S)
        pairs = (await look(self.ben.page)).pairs
        assert [port for _, port, _ in pairs] == [self.relay.port], "Ben is not behind the relay"

    async def rows(self) -> tuple[list[Row], list[Row]]:
        """Samples of the watcher and of the watched."""
        return await samples(self.watcher.page), await samples(self.watched.page)


@asynccontextmanager
async def impaired_call(
    browser: Browser, house: House, way: Way, before: Conditions = PERFECT, *,
    seed: int = 1, third: bool = False,
) -> AsyncIterator[ImpairedCall]:  # fmt: skip
    """Put two people into the clinic's meeting room; with a third, the camera's encodings are all on."""
    (node,) = house.media_nodes
    gateway = house.teleward.gateway
    room = f"{gateway}/staff/{house.namespace}/{house.clinic}/meeting/{house.meeting_room}"
    contexts: list[BrowserContext] = []
    with relay(int(node.udp.rpartition(":")[2]), seed=seed) as network:
        try:
            people = []
            for who, user in zip(("ann", "ben"), house.team(2), strict=True):
                contexts.append(await browser.new_context(locale="en-AU", viewport=WINDOW))
                person = await Staff.arrive(contexts[-1], who)
                await person.page.add_init_script(SAMPLE)
                if who == "ben":
                    script = _THROUGH.replace("PORT", str(network.port))
                    await person.page.add_init_script(script)
                await person.sign_in(gateway, user)
                people.append(person)
            ann, ben = people
            call = ImpairedCall(way, ann, ben, network)
            call.path.conditions = before
            async with listening(house) if third else nullcontext():
                # The first to open the fake camera decides its size for all pages of a browser.
                for person, options in ((call.watched, ""), (call.watcher, SMALL)):
                    await person.page.goto(room + options)
                    await person.sees("call")
                    joined = time.monotonic()
                await call.together()
                call.together_s = time.monotonic() - joined
                yield call
        finally:
            for context in contexts:
                await context.close()


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[None]:
    """A third person, muted and without eyes, so that nothing of theirs shares the bad path."""
    async with Visitor(house.teleward.gateway) as person:
        await person.sign_in(house.team(3)[-1])
        async with await person.call(house.meeting_room_path) as socket:
            peer = Peer(sends=frozenset({"audio"}), slots=0)
            async with asyncio.timeout(TOGETHER_WITHIN_S):
                while not isinstance(frame := await socket.receive(), Ready):
                    pass
                await socket.send(Join(offer=await peer.offer()))
                while not isinstance(frame, Joined):
                    frame = await socket.receive()
            await peer.accept(frame.answer)
            await socket.send(Media(audio=False, video=False, screen=False))

            async def read() -> None:
                with suppress(SocketEndedError):
                    while True:
                        await socket.receive()

            reading = asyncio.create_task(read())
            try:
                yield
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                await peer.close()
