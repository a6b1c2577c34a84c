"""What a clinic does not say itself: from its organisation, else a default. Pure."""

from dataclasses import dataclass
from typing import Literal, TypeVar

from teleward_contract import resources
from teleward_contract.resources import Clinic, Organisation
from teleward_contract.units import PoolId

from teleward_operator.core.opening import is_time_zone

DEFAULT_MAX_PARTICIPANTS = 6
DEFAULT_TIME_ZONE = "UTC"
DEFAULT_LOCALES = ("en",)

_T = TypeVar("_T")

Source = Literal["Clinic", "Organisation", "Default"]


@dataclass(frozen=True, slots=True)
class ClinicSettings:
    """The settings that count for a clinic."""

    time_zone: str
    locales: tuple[str, ...]
    max_participants: int
    pool: PoolId
    sources: tuple[tuple[str, str, Source], ...]
    """Name in the API, value as text, and who said so; in the order of names."""


def settle(clinic: Clinic, organisation: Organisation | None) -> ClinicSettings:
    """Settle what counts; a time zone that is not known counts as unsaid."""
    own, inherited = clinic.spec, resources.OrganisationDefaults()
    if organisation is not None:
        inherited = organisation.spec.defaults
    zone, zone_from = _first(_known(own.time_zone), _known(inherited.time_zone), DEFAULT_TIME_ZONE)
    locales, locales_from = _first(own.locales, inherited.locales, DEFAULT_LOCALES)
    size, size_from = _first(
        own.defaults.max_participants, inherited.max_participants, DEFAULT_MAX_PARTICIPANTS
    )
    unsaid = resources.Reference(name=resources.DEFAULT_POOL)
    pool_ref, pool_from = _first(own.media_pool_ref, inherited.media_pool_ref, unsaid)
    pool = PoolId(f"{pool_ref.namespace or clinic.metadata.namespace}/{pool_ref.name}")
    return ClinicSettings(
        zone, locales, size, pool,
        (
            ("locales", ",".join(locales), locales_from),
            ("maxParticipants", str(size), size_from),
            ("mediaPoolRef", pool, pool_from),
            ("timeZone", zone, zone_from),
        ),
    )  # fmt: skip


def _known(zone: str | None) -> str | None:
    return zone if zone is not None and is_time_zone(zone) else None


def _first(own: _T | None, inherited: _T | None, default: _T) -> tuple[_T, Source]:
    if own:
        return own, "Clinic"
    return (inherited, "Organisation") if inherited else (default, "Default")
