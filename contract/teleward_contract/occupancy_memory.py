"""Occupancy counts in memory."""

from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.units import Namespace


class MemoryOccupancy:
    """See `Occupancy`; nothing expires here."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Namespace, str], ClinicOccupancy] = {}

    async def publish(self, counts: ClinicOccupancy) -> None:
        """See `Occupancy`."""
        self._counts[counts.namespace, counts.clinic] = counts

    async def read(self, namespace: Namespace, clinic: str) -> ClinicOccupancy | None:
        """See `Occupancy`."""
        return self._counts.get((namespace, clinic))
