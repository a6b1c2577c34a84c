"""Opening the routing state: one client per process, short time-outs, scripts sent once.

Keys are spelt in the `*_redis.py` modules beside this one and nowhere else.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLostError
from redis.exceptions import NoScriptError, RedisClusterException, RedisError, SlotNotCoveredError

from teleward_contract.errors import RoutingUnavailableError, StaleLeaderError
from teleward_contract.redis_url import StoreAddress, StoreKind, parse_store_url

CONNECT_TIMEOUT_S = 1.0
CALL_TIMEOUT_S = 2.0
"""No step takes longer; beyond it the store counts as silent and nothing is assumed."""
MAX_CONNECTIONS = 64
"""Of one process. Who comes when all are taken waits for one, within `CALL_TIMEOUT_S`.

Source: `make bench WHAT=gateway`, 2026-11: redis-py's own pool refuses beyond a hundred, so that a busy moment of a
gateway with 2,500 waiting pages looked like a store that is away.
"""
CLUSTER_CONNECTIONS = 1000
"""To each node of a cluster, whose client refuses beyond and knows no waiting."""
CLUSTER_TRIES = 2
"""How often a step is tried anew after a node of a cluster was lost or a slot has moved."""
_WAITING: dict[str, Any] = {"max_connections": MAX_CONNECTIONS, "timeout": CALL_TIMEOUT_S}
_OPTIONS: dict[str, Any] = {
    "decode_responses": True,
    "socket_connect_timeout": CONNECT_TIMEOUT_S,
    "socket_timeout": CALL_TIMEOUT_S,
    "retry": Retry(NoBackoff(), 1, (ConnectionLostError,)),  # one cut while it lay idle
}


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


_C = TypeVar("_C", bound=AbstractConnection)


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the primary that the Sentinels name; who comes when all are taken waits for one."""


class _ClusterClient(RedisCluster):
    """A cluster of which no node answers, or none that holds a key, is a connection that is lost.

    redis-py tells both by errors that are no `RedisError`, so that nobody would take the store for silent.
    """

    async def initialize(self, *args: Any, **options: Any) -> RedisCluster:
        try:
            return await super().initialize(*args, **options)
        except RedisClusterException as err:
            raise ConnectionLostError("no node of the cluster answers") from err

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*args, **options)
        except SlotNotCoveredError as err:
            raise ConnectionLostError("no node of the cluster holds this key") from err


class Store:
    """Connections to one Redis or Valkey, to the primary that Sentinels name, or to a cluster; and its scripts."""

    def __init__(self, url: str) -> None:
        address = parse_store_url(url)
        self._cluster: RedisCluster | None = None
        self._sentinels: list[Redis] = []
        self.redis: Redis
        """A client; of a cluster, one with the same commands."""
        match address.kind:
            case StoreKind.ONE:
                self.redis = _client(BlockingConnectionPool.from_url(url, **_WAITING, **_OPTIONS))
            case StoreKind.SENTINEL:
                pool, self._sentinels = _sentinel_pool(address)
                self.redis = _client(pool)
            case StoreKind.CLUSTER:
                self._cluster = _cluster(address)
                self.redis = cast("Redis", self._cluster)

    async def close(self) -> None:
        """Close the connections."""
        for client in (self.redis, *self._sentinels):
            await client.aclose()

    async def replication_id(self, key: str) -> str:
        """Name the history of the server that holds `key`: a restart, a failover or another store has another one.

        Raises:
            RoutingUnavailableError: The store did not answer.
        """
        try:
            if self._cluster is not None:
                await self._cluster.initialize()
                node = self._cluster.get_node_from_key(key)
                told = await self._cluster.info("replication", target_nodes=node)
            else:
                told = await self.redis.info("replication")
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        return str(told.get("master_replid") or "")

    async def script(self, text: str, keys: list[str], args: list[str | int | float]) -> object:
        """Run a script atomically; it is sent again to a server that does not know it (any more).

        Raises:
            RoutingUnavailableError: The store did not answer.
            StaleLeaderError: The script refused a lower leader epoch.
        """
        try:
            try:
                return await self.redis.evalsha(_sha(text), len(keys), *keys, *args)
            except NoScriptError:
                return await self.redis.eval(text, len(keys), *keys, *args)
        except RedisError as err:
            if "STALE_LEADER" in str(err):
                raise StaleLeaderError("a newer leader has written") from err
            raise unavailable(err) from err
        except OSError as err:
            raise unavailable(err) from err


def _client(pool: ConnectionPool) -> Redis:
    pool.connection_class = _cancellable(pool.connection_class)
    return Redis.from_pool(pool)


def _cancellable(connection: type[_C]) -> type[_C]:
    return type("StoreConnection", (_CancellableSending, connection), {})


def _sentinel_pool(address: StoreAddress) -> tuple[ConnectionPool, list[Redis]]:
    """Sentinels are asked with the same name and password, over TLS if the store is."""
    people = {"username": address.username, "password": address.password, "ssl": address.is_tls}
    timeouts = {
        "socket_timeout": CONNECT_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
    }
    sentinels = Sentinel(  # type: ignore[no-untyped-call]  # redis-py's
        list(address.hosts), sentinel_kwargs={**people, **timeouts}
    )
    pool = _SentinelPool(  # type: ignore[no-untyped-call]  # redis-py's
        address.service, sentinels, db=address.database, **people, **_WAITING, **_OPTIONS
    )
    return pool, sentinels.sentinels


def _cluster(address: StoreAddress) -> RedisCluster:
    options = {**_OPTIONS, "retry": Retry(NoBackoff(), CLUSTER_TRIES)}
    cluster = _ClusterClient(
        startup_nodes=[ClusterNode(host, port) for host, port in address.hosts],
        username=address.username, password=address.password, ssl=address.is_tls,
        max_connections=CLUSTER_CONNECTIONS, **options,
    )  # fmt: skip
    made = _cancellable(cluster.connection_kwargs["connection_class"])
    cluster.connection_kwargs["connection_class"] = made
    for node in cluster.nodes_manager.startup_nodes.values():
        node.connection_class = made
    return cluster


@cache
def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


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
