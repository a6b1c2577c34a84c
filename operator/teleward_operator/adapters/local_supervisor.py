"""`PoolRuntime` on one machine: the supervisor of `teleward up`, over loopback HTTP."""

import aiohttp
from teleward_contract.units import CapacityUnits, MediaNodeId, PoolId

from teleward_operator.errors import RuntimeUnavailableError

TIMEOUT_S = 5.0


class LocalSupervisor:
    """See `PoolRuntime`."""

    def __init__(self, url: str, token: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = session

    async def running(self, pool: PoolId) -> tuple[MediaNodeId, ...]:
        """See `PoolRuntime`."""
        answer = await self._ask("GET", pool, None)
        return tuple(MediaNodeId(node["id"]) for node in answer["media_nodes"])

    async def run(
        self, pool: PoolId, media_nodes: tuple[MediaNodeId, ...], capacity: CapacityUnits
    ) -> None:
        """See `PoolRuntime`."""
        wanted = [{"id": node, "capacity_units": capacity} for node in media_nodes]
        await self._ask("PUT", pool, {"media_nodes": wanted})

    async def _ask(
        self, method: str, pool: PoolId, body: dict[str, list[dict[str, object]]] | None
    ) -> dict[str, list[dict[str, str]]]:
        try:
            async with self._session.request(
                method, f"{self._url}/v1/pools/{pool}", json=body, headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:  # fmt: skip
                response.raise_for_status()
                answer: dict[str, list[dict[str, str]]] = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError) as err:
            raise RuntimeUnavailableError(f"supervisor: {type(err).__name__}") from err


class NoRuntime:
    """Where media nodes cannot be run yet."""

    async def running(self, pool: PoolId) -> tuple[MediaNodeId, ...]:
        """See `PoolRuntime`."""
        raise RuntimeUnavailableError(f"no runtime for {pool}")

    async def run(
        self, pool: PoolId, media_nodes: tuple[MediaNodeId, ...], capacity: CapacityUnits
    ) -> None:
        """See `PoolRuntime`."""
        raise RuntimeUnavailableError(f"no runtime for {pool}")
