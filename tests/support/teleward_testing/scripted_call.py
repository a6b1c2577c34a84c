"""Scripted peers in calls of a media node that runs as its own process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from teleward_contract.signalling import Join, Joined

from teleward_testing.media_node import Participant, RunningMediaNode, attach
from teleward_testing.scripted_peer import ScriptedPeer


@dataclass
class Scripted:
    """One person: its socket and its peer."""

    person: Participant
    peer: ScriptedPeer

    async def close(self) -> None:
        await self.peer.close()
        await self.person.socket.close()


async def enter(
    node: RunningMediaNode, who: str, call: str, peer: ScriptedPeer | None = None, *, cost: int = 2
) -> Scripted:
    """Join a call; media may flow when this returns."""
    peer = peer or ScriptedPeer()
    scripted = Scripted(await attach(node, who, call=call, cost=cost), peer)
    try:
        await scripted.person.send(Join(offer=peer.offer()))
        await peer.accept((await scripted.person.receive(Joined)).answer)
    except BaseException:
        await scripted.close()  # a socket that is left open fails the next test, not this one
        raise
    return scripted


@asynccontextmanager
async def call_of(node: RunningMediaNode, count: int, call: str) -> AsyncIterator[list[Scripted]]:
    """A call of so many, who all see and hear one another."""
    everybody: list[Scripted] = []
    try:
        for number in range(count):
            everybody.append(
                await enter(node, f"p{number}", call, ScriptedPeer(slots=count - 1), cost=count)
            )
        yield everybody
    finally:
        await asyncio.gather(*(one.close() for one in everybody))
