"""Bots that a test lets join one call of a bare media node, one after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from teleward_testing.bots.bot import Bot
from teleward_testing.media_node import RunningMediaNode, attach

Come: TypeAlias = Callable[..., Awaitable[Bot]]
"""`await come("ann")`, or `come("ann", through=port)` by way of a relay's port."""


@asynccontextmanager
async def company(node: RunningMediaNode, call: str, *, slots: int) -> AsyncIterator[Come]:
    """Let bots with so many receive slots of each kind join the call; they leave when the block ends."""
    bots: list[Bot] = []

    async def come(who: str, *, through: int | None = None) -> Bot:
        socket = await attach(node, who, call=call)
        bots.append(Bot(socket, voices=slots, pictures=slots, seed=len(bots)))
        await bots[-1].join(through=through)
        return bots[-1]

    try:
        yield come
    finally:
        for bot in bots:
            await bot.leave()
