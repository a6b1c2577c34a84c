"""Look clinics up, with a short memory, so that a silent routing state closes no door."""

import time
from dataclasses import dataclass, field

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Projections,
)
from teleward_contract.units import Namespace

from teleward_gateway.errors import RefusedError

REMEMBERED_S = 1.0
"""A projection is read again after this; with Redis away the last good one is used."""

Found = tuple[ClinicProjection, OrganisationProjection | None]


@dataclass(slots=True)
class Clinics:
    """Clinics as projected."""

    projections: Projections
    _memory: dict[tuple[str, str], tuple[float, Found]] = field(default_factory=dict)

    async def get(self, namespace: str, name: str) -> Found:
        """Look up a clinic and its organisation.

        Raises:
            RefusedError: 404 when there is none, 503 while that cannot be known.
        """
        key = (namespace, name)
        remembered = self._memory.get(key)
        if remembered and time.monotonic() - remembered[0] < REMEMBERED_S:
            return remembered[1]
        try:
            clinic = await self.projections.clinic(Namespace(namespace), name)
            if clinic is None:
                if not await self.projections.is_complete():
                    raise one_moment()
                self._memory.pop(key, None)
                raise RefusedError(404, "unknown_clinic", "Check the link with your clinic.")
            found = (clinic, await self.projections.organisation(Namespace(namespace)))
        except RoutingUnavailableError:
            if remembered is None:
                raise one_moment() from None
            return remembered[1]
        self._memory[key] = (time.monotonic(), found)
        return found

    async def every(self) -> list[Found]:
        """List every clinic with its organisation."""
        try:
            clinics = await self.projections.clinics()
            organisations = {
                namespace: await self.projections.organisation(namespace)
                for namespace in {clinic.namespace for clinic in clinics}
            }
        except RoutingUnavailableError:
            raise one_moment() from None
        return [(clinic, organisations[clinic.namespace]) for clinic in clinics]


def one_moment() -> RefusedError:
    """What everybody hears while the routing state does not answer."""
    return RefusedError(503, "one_moment", "One moment, please; trying again by itself.")
