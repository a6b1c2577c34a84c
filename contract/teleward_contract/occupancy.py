"""How full the doors are, in numbers: written by the gateway, read by the operator for status.

Counts only; who it is that waits is the gateway's own and never stands here.
"""

from typing import Protocol

from teleward_contract.placements import Record
from teleward_contract.units import Namespace

OCCUPANCY_TTL_S = 60
"""Counts that nobody has refreshed for this long are gone."""


class ClinicOccupancy(Record):
    """One clinic's counts at one moment."""

    namespace: Namespace
    clinic: str
    waiting: int = 0
    longest_waiting_since: str | None = None
    """RFC 3339 wallclock of the earliest arrival still waiting, or None."""
    in_consultation: int = 0
    rooms: dict[str, int] = {}
    """Participants per room, uid → count; rooms with nobody are left out."""


class Occupancy(Protocol):
    """The counts.

    Raises: RoutingUnavailableError.
    """

    async def publish(self, counts: ClinicOccupancy) -> None:
        """Replace one clinic's counts; they expire after `OCCUPANCY_TTL_S`."""
        ...

    async def read(self, namespace: Namespace, clinic: str) -> ClinicOccupancy | None:
        """The last counts of one clinic, or None."""
        ...
