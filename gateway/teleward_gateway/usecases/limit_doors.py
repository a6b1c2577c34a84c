"""Limit how often an address, a browser and a clinic are at a public door."""

import math

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.units import Namespace

from teleward_gateway.core.limits import (
    BY_ADDRESS,
    BY_BROWSER,
    BY_CLINIC,
    WITHOUT_PASS,
    Bucket,
    Door,
    network_of,
)
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports.books import Pseudonyms
from teleward_gateway.ports.doors import Limits


class DoorLimits:
    """Limits at the public doors; addresses are kept as keyed hashes, for as long as their bucket is not full."""

    def __init__(self, limits: Limits, pseudonyms: Pseudonyms, factor: float) -> None:
        self._limits = limits
        self._pseudonyms = pseudonyms
        self._factor = factor

    async def pass_by(self, host: str, door: Door, browser: str = "") -> None:
        """Count somebody who comes to a door; `browser` is the pass, where there is one.

        Raises:
            RefusedError: 429; says when to try again.
        """
        wanted = [(door.value, BY_ADDRESS[door])]
        if door in BY_BROWSER:
            which = BY_BROWSER if browser else WITHOUT_PASS
            wanted.append((f"{door}:{browser}", which[door]))
        await self._take(f"address:{self._pseudonyms.address(network_of(host))}", wanted)

    async def pass_into(self, namespace: Namespace, clinic_uid: str, door: Door) -> None:
        """Count somebody who comes into a clinic; raises as `pass_by`."""
        await self._take(f"org:{namespace}", [(f"{door}:{clinic_uid}", BY_CLINIC[door])])

    async def _take(self, tag: str, wanted: list[tuple[str, Bucket]]) -> None:
        scaled = [(name, bucket.times(self._factor)) for name, bucket in wanted]
        try:
            wait_s = await self._limits.take(tag, scaled)
        except RoutingUnavailableError:
            return  # nobody comes in without the store either
        if wait_s > 0:
            raise too_many(wait_s)


def too_many(wait_s: float) -> RefusedError:
    """Word a refusal."""
    seconds = max(1, math.ceil(wait_s))
    return RefusedError(
        429, "too_many", "Too many come from this network just now. Wait a moment and try again.",
        {"retry_after_s": seconds},
    )  # fmt: skip
