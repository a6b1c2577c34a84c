"""Occupancy counts in Redis.

`tw:{org:NS}:occupancy:<clinic>`, string, JSON: one clinic's counts; the gateways write, `OCCUPANCY_TTL_S`.
"""

from redis.exceptions import RedisError

from teleward_contract.occupancy import OCCUPANCY_TTL_S, ClinicOccupancy
from teleward_contract.redis_store import Store, unavailable
from teleward_contract.units import Namespace


def _key(namespace: Namespace, clinic: str) -> str:
    return f"tw:{{org:{namespace}}}:occupancy:{clinic}"


class RedisOccupancy:
    """See `Occupancy`."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def publish(self, counts: ClinicOccupancy) -> None:
        """See `Occupancy`."""
        key = _key(counts.namespace, counts.clinic)
        try:
            await self._redis.set(key, counts.model_dump_json(), ex=OCCUPANCY_TTL_S)
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def read(self, namespace: Namespace, clinic: str) -> ClinicOccupancy | None:
        """See `Occupancy`."""
        try:
            raw = await self._redis.get(_key(namespace, clinic))
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        return ClinicOccupancy.model_validate_json(raw) if raw else None
