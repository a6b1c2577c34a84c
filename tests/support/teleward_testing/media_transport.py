"""The media node's transport without its calls: port, peers and packet path in this process, by a test's plan."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from teleward_contract.units import ParticipantId, Seconds
from teleward_media.adapters.peers import OVERLAP_S, Peers
from teleward_media.adapters.udp_port import BATCH, Counters, UdpPort
from teleward_media.core.answer import Negotiated, negotiate, write_answer
from teleward_media.core.datagrams import Datagrams
from teleward_media.core.forwarding import ForwardingPlan, Output, SourceId
from teleward_media.core.offer import parse_offer
from teleward_media.packetpath.reference import ReferencePath

from teleward_testing.scripted_peer import ScriptedPeer

NewPeer: TypeAlias = Callable[..., ScriptedPeer]
ADA, BEN = ParticipantId("ada"), ParticipantId("ben")


@dataclass
class Transport:
    """One port, and who is on it."""

    port: UdpPort
    path: ReferencePath
    peers: Peers
    counters: Counters
    closed: list[ParticipantId] = field(default_factory=list)
    _negotiated: dict[ParticipantId, Negotiated] = field(default_factory=dict)
    _ssrc: int = 1000

    def count(self, event: str) -> int:
        return self.counters.by_reason.get(event, 0)

    def answer(self, who: ParticipantId, peer: ScriptedPeer) -> str:
        """Open a peer for this one's offer."""
        offer = parse_offer(peer.offer())
        negotiated = self._negotiated[who] = negotiate(offer, self._new_ssrc)
        local = self.peers.open(who, offer, negotiated, lambda: self.closed.append(who))
        return write_answer(offer, negotiated, local)

    async def join(self, who: ParticipantId, peer: ScriptedPeer) -> ScriptedPeer:
        await peer.accept(self.answer(who, peer))
        await until(lambda: self._is_carried(who, peer))
        return peer

    def _is_carried(self, who: ParticipantId, peer: ScriptedPeer) -> bool:
        return peer.is_connected and bool(self.path._casting.of(who))

    def restart(self, who: ParticipantId, peer: ScriptedPeer) -> bool:
        """An ICE restart by signalling; whether it was taken."""
        offer = parse_offer(peer.offer())
        local = self.peers.restart(who, offer)
        if local is None:
            return False
        peer.read_answer(write_answer(offer, self._negotiated[who], local))
        return True

    def connect_two(self) -> None:
        """Show Ada and Ben to each other."""
        plan: ForwardingPlan = {}
        for sender, receiver in ((ADA, BEN), (BEN, ADA)):
            audio, video = (
                next(s.mid for s in self._negotiated[receiver].slots if s.kind == kind)
                for kind in ("audio", "video")
            )
            plan[SourceId(sender, "microphone")] = (Output(receiver, audio),)
            plan[SourceId(sender, "camera")] = (Output(receiver, video),)
        self.path.set_plan(plan, now())

    def _new_ssrc(self) -> int:
        self._ssrc += 1
        return self._ssrc


def now() -> Seconds:
    return Seconds(time.monotonic())


async def until(is_true: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for a condition; fail when it does not come."""
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110  # any condition, also one of another library
            await asyncio.sleep(0.005)


@asynccontextmanager
async def transport(
    *, host: str = "127.0.0.1", may_batch: bool = True, may_cut: bool = True,
    overlap_s: float = OVERLAP_S,
) -> AsyncIterator[Transport]:  # fmt: skip
    """Run a transport until the block ends."""
    ingress, counters = Datagrams(BATCH), Counters()
    port = UdpPort(
        ingress, lambda at: path.receive(at), counters, now, may_batch=may_batch, may_cut=may_cut
    )
    path = ReferencePath(ingress, port, counters.add)
    number = port.open(host, 0)
    peers = Peers(port, path, counters, host, number, overlap_s=overlap_s)

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.01)
            path.tick(now())

    ticking = asyncio.create_task(tick())
    try:
        yield Transport(port, path, peers, counters)
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await peers.close_all()
        port.close()


@asynccontextmanager
async def scripted_peers() -> AsyncIterator[NewPeer]:
    """Make scripted peers that are closed when the block ends."""
    made: list[ScriptedPeer] = []

    def new(**options: object) -> ScriptedPeer:
        made.append(ScriptedPeer(**options))  # type: ignore[arg-type]  # as it has them
        return made[-1]

    try:
        yield new
    finally:
        for one in made:
            await one.close()


async def two_who_hear(node: Transport, peer: NewPeer) -> tuple[ScriptedPeer, ScriptedPeer]:
    """Let Ada and Ben join, and wait until each hears the other."""
    ada, ben = await node.join(ADA, peer()), await node.join(BEN, peer())
    node.connect_two()
    await hears(ada, ben)
    await hears(ben, ada)
    return ada, ben


async def hears(receiver: ScriptedPeer, sender: ScriptedPeer, seconds: float = 5) -> float:
    """Let one talk until the other hears it; how long that took."""
    loop = asyncio.get_running_loop()
    begun, before = loop.time(), len(receiver.received)
    async with asyncio.timeout(seconds):
        while len(receiver.received) == before:
            sender.publish("audio")
            await asyncio.sleep(0.005)
    return loop.time() - begun
