"""Opening the routing state: one client per process, short time-outs, scripts loaded once.

Keys are spelt in the `*_redis.py` modules beside this one and nowhere else.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLostError
from redis.exceptions import NoScriptError, RedisError

from teleward_contract.errors import RoutingUnavailableError, StaleLeaderError

CONNECT_TIMEOUT_S = 1.0
CALL_TIMEOUT_S = 2.0
"""No step takes longer; beyond it the store counts as silent and nothing is assumed."""
MAX_CONNECTIONS = 64
"""Of one process. Who comes when all are taken waits for one, within `CALL_TIMEOUT_S`.

Source: `make bench WHAT=gateway`, 2026-11: redis-py's own pool refuses beyond a hundred, so that a busy moment of a
gateway with 2,500 waiting pages looked like a store that is away.
"""


class _CancellableSending(AbstractConnection):
    """A connection that loses no cancellation.

    redis-py sends under `asyncio.wait_for`, which until Python 3.12 drops a cancellation that
    arrives in the turn in which the bytes are away (python/cpython#86296): the task would go on
    and its process never stop. Goes when Python 3.12 is the oldest one supported.
    """

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > cancels:
            await self.disconnect(nowait=True)  # its answer will not be read
            raise asyncio.CancelledError


class Store:
    """A connection pool to one Redis or Valkey, and its scripts."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=CALL_TIMEOUT_S,
            decode_responses=True,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CALL_TIMEOUT_S,
            retry=Retry(
                NoBackoff(), 1, (ConnectionLostError,)
            ),  # a connection cut while it lay idle
        )
        self.redis: Redis = Redis.from_pool(pool)
        pool.connection_class = type(
            "StoreConnection", (_CancellableSending, pool.connection_class), {}
        )
        self._sha: dict[str, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def script(self, text: str, keys: list[str], args: list[str | int | float]) -> object:
        """Run a script atomically; it is loaded again after the store was restarted.

        Raises:
            RoutingUnavailableError: The store did not answer.
            StaleLeaderError: The script refused a lower leader epoch.
        """
        try:
            try:
                sha = self._sha.get(text) or await self._load(text)
                return await self.redis.evalsha(sha, len(keys), *keys, *args)
            except NoScriptError:
                return await self.redis.evalsha(await self._load(text), len(keys), *keys, *args)
        except RedisError as err:
            if "STALE_LEADER" in str(err):
                raise StaleLeaderError("a newer leader has written") from err
            raise unavailable(err) from err
        except OSError as err:
            raise unavailable(err) from err

    async def _load(self, text: str) -> str:
        self._sha[text] = str(await self.redis.script_load(text))
        return self._sha[text]


def unavailable(err: Exception) -> RoutingUnavailableError:
    """Word a failure of the store; its own text may quote data and is left out."""
    return RoutingUnavailableError(f"the routing state did not answer ({type(err).__name__})")


def read_script(name: str) -> str:
    """Read one Lua script of the contract."""
    return (files("teleward_contract") / "scripts" / f"{name}.lua").read_text()


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open the routing state at `url`; nothing is sent before the first call."""
    store = Store(url)
    try:
        yield store
    finally:
        await store.close()
