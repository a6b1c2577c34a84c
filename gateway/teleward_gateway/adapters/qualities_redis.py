"""Reports on patients' paths in Redis: one key a visit, which expires by itself."""

from collections.abc import Iterable

from redis.exceptions import RedisError
from teleward_contract.redis_store import Store, unavailable
from teleward_contract.signalling import QualityView
from teleward_contract.units import Namespace

from teleward_gateway.adapters import keys
from teleward_gateway.ports.calls import QUALITY_S


class RedisQualities:
    """See `Qualities`."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    async def note(self, namespace: Namespace, visit: str, quality: QualityView) -> None:
        """See `Qualities`."""
        try:
            await self._redis.set(
                keys.quality(namespace, visit), quality.model_dump_json(), ex=QUALITY_S
            )
        except (RedisError, OSError) as err:
            raise unavailable(err) from err

    async def newest(self, namespace: Namespace, visits: Iterable[str]) -> dict[str, QualityView]:
        """See `Qualities`."""
        asked = list(visits)
        if not asked:
            return {}
        try:
            found = await self._redis.mget([keys.quality(namespace, visit) for visit in asked])
        except (RedisError, OSError) as err:
            raise unavailable(err) from err
        return {
            visit: QualityView.model_validate_json(text)
            for visit, text in zip(asked, found, strict=True)
            if text
        }
