"""The operator's own memory of what is declared, and which keys an object makes dirty. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from teleward_contract.resources import (
    ORGANISATION_NAME,
    AnyResource,
    Clinic,
    ClinicSpec,
    MediaPool,
    MediaPoolSpec,
    MeetingRoom,
    MeetingRoomSpec,
    Organisation,
    OrganisationSpec,
    UserRoom,
    UserRoomSpec,
    WaitingArea,
    WaitingAreaSpec,
)

from teleward_operator.core.clinics import pool_of

ObjectKey = tuple[str, str, str]
"""(kind, namespace, name)."""


class Unit(StrEnum):
    """What is reconciled as one."""

    ORGANISATION = "organisation"
    CLINIC = "clinic"
    POOL = "pool"


DirtyKey = tuple[Unit, str, str]
"""(unit, namespace, name)."""


@dataclass(slots=True)
class Cache:
    """Objects as last seen."""

    objects: dict[ObjectKey, AnyResource] = field(default_factory=dict)

    def apply(self, resource: AnyResource, *, deleted: bool) -> set[DirtyKey]:
        """Remember an object, or forget it; tells what is dirty now."""
        key = key_of(resource)
        before = self.objects.pop(key, None)
        if not deleted:
            self.objects[key] = resource
        dirty = self.touches(resource)
        return dirty | self.touches(before) if before is not None else dirty

    def touches(self, resource: AnyResource) -> set[DirtyKey]:
        """Tell which units look at this object."""
        meta, spec = resource.metadata, resource.spec
        match spec:
            case OrganisationSpec():
                own = {(Unit.ORGANISATION, meta.namespace, meta.name)}
                return own | {self._of(clinic) for clinic in self.clinics(meta.namespace)}
            case ClinicSpec():
                return {
                    (Unit.CLINIC, meta.namespace, meta.name),
                    (Unit.ORGANISATION, meta.namespace, ORGANISATION_NAME),
                }
            case MediaPoolSpec():
                pool = f"{meta.namespace}/{meta.name}"
                users = {self._of(c) for c in self.clinics() if pool_of(c) == pool}
                return users | {(Unit.POOL, meta.namespace, meta.name)}
            case WaitingAreaSpec() | MeetingRoomSpec() | UserRoomSpec():
                return {(Unit.CLINIC, meta.namespace, spec.clinic_ref.name)}
            case _:
                return set()

    @staticmethod
    def _of(clinic: Clinic) -> DirtyKey:
        return (Unit.CLINIC, clinic.metadata.namespace, clinic.metadata.name)

    def clinics(self, namespace: str | None = None) -> list[Clinic]:
        """List clinics, of one namespace or all."""
        return [
            item
            for (_, at, _), item in self.objects.items()
            if isinstance(item, Clinic) and namespace in (None, at)
        ]

    def clinic(self, namespace: str, name: str) -> Clinic | None:
        """Find a clinic."""
        found = self.objects.get(("Clinic", namespace, name))
        return found if isinstance(found, Clinic) else None

    def organisation(self, namespace: str) -> Organisation | None:
        """Find the organisation of a namespace."""
        found = self.objects.get(("Organisation", namespace, ORGANISATION_NAME))
        return found if isinstance(found, Organisation) else None

    def pool(self, namespace: str, name: str) -> MediaPool | None:
        """Find a media pool."""
        found = self.objects.get(("MediaPool", namespace, name))
        return found if isinstance(found, MediaPool) else None

    def waiting_area(self, namespace: str, clinic: str) -> WaitingArea | None:
        """Find the waiting area of a clinic."""
        found = self.objects.get(("WaitingArea", namespace, clinic))
        return found if isinstance(found, WaitingArea) else None

    def rooms(self, namespace: str, clinic: str) -> tuple[MeetingRoom | UserRoom, ...]:
        """List the rooms of a clinic, by kind and name."""
        return tuple(
            item
            for (_, at, _), item in sorted(self.objects.items())
            if at == namespace
            and isinstance(item, (MeetingRoom, UserRoom))
            and item.spec.clinic_ref.name == clinic
        )

    def every_key(self) -> set[DirtyKey]:
        """Everything that can be reconciled."""
        return {key for item in list(self.objects.values()) for key in self.touches(item)}


def key_of(resource: AnyResource) -> ObjectKey:
    """The object's key."""
    return resource.kind, resource.metadata.namespace, resource.metadata.name
