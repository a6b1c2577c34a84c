"""Free what nobody needs, in every pool; any gateway does it, so that the operator is not needed for it."""

import asyncio
from typing import Protocol

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.placements import Placements
from teleward_contract.projections import PoolProjection, Projections

log = structlog.get_logger()

REAP_EVERY_S = 1.0


class ReapMeter(Protocol):
    """What is counted here."""

    def reaped(self, count: int) -> None:
        """Placements were freed."""
        ...

    def reached(self, *, is_available: bool) -> None:
        """Whether the routing state answered just now."""
        ...


async def reap_pools(placements: Placements, projections: Projections, meter: ReapMeter) -> None:
    """Reap every pool once a second, for ever; while the store is away, try on."""
    pools: tuple[PoolProjection, ...] = ()
    while True:
        try:
            pools = (
                await projections.pools() or pools
            )  # an emptied store has pools, not yet projected
            for pool in pools:
                meter.reaped(len((await placements.reap(pool.pool)).expired))
            meter.reached(is_available=True)
        except RoutingUnavailableError:
            meter.reached(is_available=False)
        except Exception as err:  # this task must outlive whatever one pool holds
            log.exception("pools.reaping_failed", exc_info=err)
        await asyncio.sleep(REAP_EVERY_S)
