"""Look clinics up, with a short memory, so that a silent routing state closes no door."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    Projections,
)
from teleward_contract.units import Namespace

from teleward_gateway.errors import RefusedError, one_moment

REMEMBERED_S = 1.0
"""A projection is read again after this; while the store is away the last good one is used."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""RFC 1123 subdomain, as Kubernetes names objects: nothing else is worth a question to the store."""

Found = tuple[ClinicProjection, OrganisationProjection | None]
_T = TypeVar("_T")


class Clinics:
    """Clinics as projected."""

    def __init__(
        self, projections: Projections, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._projections = projections
        self._monotonic = monotonic
        self._one: dict[tuple[str, str], tuple[float, Found]] = {}
        self._every: tuple[float, list[Found]] | None = None

    def _is_fresh(self, read_at: float) -> bool:
        return self._monotonic() - read_at < REMEMBERED_S

    async def get(self, namespace: str, name: str) -> Found:
        """Look up a clinic and its organisation.

        Raises:
            RefusedError: 404 when there is none, 503 while that cannot be known.
        """
        if not (_NAME.fullmatch(namespace) and _NAME.fullmatch(name)):
            raise unknown_clinic()
        key = (namespace, name)
        remembered = self._one.get(key)
        if remembered and self._is_fresh(remembered[0]):
            return remembered[1]
        try:
            clinic, organisation = await self._read(Namespace(namespace), name)
            if clinic is None or organisation is None:
                if await self._projections.is_complete():
                    # What was not there before everything was projected may be there now.
                    clinic, organisation = await self._read(Namespace(namespace), name)
                else:
                    clinic, organisation = _last(remembered)
        except RoutingUnavailableError:
            clinic, organisation = _last(remembered)
        if clinic is None:
            self._one.pop(key, None)
            raise unknown_clinic()
        found = (clinic, organisation)
        self._one[key] = (self._monotonic(), found)
        return found

    async def _read(
        self, namespace: Namespace, name: str
    ) -> tuple[ClinicProjection | None, OrganisationProjection | None]:
        clinic = await self._projections.clinic(namespace, name)
        organisation = await self._projections.organisation(namespace) if clinic else None
        return clinic, organisation

    async def every(self) -> list[Found]:
        """List every clinic with its organisation; raises RefusedError 503 while that cannot be known."""
        if self._every and self._is_fresh(self._every[0]):
            return self._every[1]
        try:
            was_complete = await self._projections.is_complete()
            clinics = await self._projections.clinics()
            organisations = {
                namespace: await self._projections.organisation(namespace)
                for namespace in {clinic.namespace for clinic in clinics}
            }
            found = [(clinic, organisations[clinic.namespace]) for clinic in clinics]
            if not (was_complete and await self._projections.is_complete()):
                found = _last(self._every)
        except RoutingUnavailableError:
            found = _last(self._every)
        self._every = (self._monotonic(), found)
        return found

    async def organisations(self) -> dict[Namespace, OrganisationProjection]:
        """Every organisation that has a clinic; raises as `every`."""
        return {one.namespace: one for _, one in await self.every() if one is not None}


def _last(remembered: tuple[float, _T] | None) -> _T:
    if remembered is None:
        raise one_moment()
    return remembered[1]


def unknown_clinic() -> RefusedError:
    """There is no such clinic, or not any more."""
    return RefusedError(404, "unknown_clinic", "Check the link with your clinic.")
