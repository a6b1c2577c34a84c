"""Hints over Redis pub/sub: they reach those who listen at that moment, at most once."""

import asyncio
from collections.abc import AsyncIterator

from redis.exceptions import RedisError
from teleward_contract.redis_store import Store

from teleward_gateway.adapters import keys

RETRY_S = 1.0
POLL_S = 1.0
"""How long one read of the subscription lasts at most."""


class RedisHints:
    """See `Hints`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def listen(self) -> AsyncIterator[str]:
        """See `Hints`."""
        while True:
            try:
                # A subscription does not ask which nodes a cluster has, as every other command does.
                await self._store.redis.initialize()
                async with self._store.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(keys.CHANGED)
                    while True:
                        message = await pubsub.get_message(timeout=POLL_S)
                        if message is not None:
                            yield str(message["data"])
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_S)
