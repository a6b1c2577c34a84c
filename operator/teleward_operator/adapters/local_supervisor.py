"""`PoolRuntime` on one machine: the supervisor of `teleward up`, over loopback HTTP."""

import aiohttp
from pydantic import BaseModel, ValidationError
from teleward_contract.resources import MediaPool
from teleward_contract.units import MediaNodeId, PoolId

from teleward_operator.core.pools import RunningMediaNode, Runtime, pool_id
from teleward_operator.errors import RuntimeUnavailableError

TIMEOUT_S = 5.0


class _MediaNode(BaseModel):
    id: str
    state: str


class _Answer(BaseModel):
    media_nodes: tuple[_MediaNode, ...]


class LocalSupervisor:
    """See `PoolRuntime`."""

    def __init__(self, url: str, token: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = session

    async def look(self, pool: MediaPool, _: frozenset[MediaNodeId]) -> Runtime:
        """See `PoolRuntime`."""
        answer = await self._ask("GET", pool_id(pool), None)
        return Runtime(
            tuple(
                RunningMediaNode(MediaNodeId(node.id), is_stopping=node.state == "stopping")
                for node in answer.media_nodes
            )
        )

    async def run(
        self, pool: MediaPool, media_nodes: tuple[MediaNodeId, ...], _: frozenset[MediaNodeId]
    ) -> None:
        """See `PoolRuntime`."""
        capacity = pool.spec.capacity.units_per_media_node
        wanted = [{"id": node, "capacity_units": capacity} for node in media_nodes]
        await self._ask("PUT", pool_id(pool), {"media_nodes": wanted})

    async def forget(self, pool: PoolId) -> None:
        """See `PoolRuntime`."""
        if (await self._ask("GET", pool, None)).media_nodes:
            await self._ask("PUT", pool, {"media_nodes": []})

    async def _ask(self, method: str, pool: PoolId, body: object) -> _Answer:
        try:
            async with self._session.request(
                method, f"{self._url}/v1/pools/{pool}", json=body, headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:  # fmt: skip
                response.raise_for_status()
                return _Answer.model_validate_json(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValidationError) as err:
            raise RuntimeUnavailableError(
                f"The supervisor does not answer ({type(err).__name__}); look at its log."
            ) from err
