"""The operator's own memory of what is declared, and which keys an object makes dirty. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from teleward_contract.projections import ProjectionKind
from teleward_contract.resources import (
    ORGANISATION_NAME,
    AnyResource,
    Clinic,
    MediaPool,
    MeetingRoom,
    Organisation,
    Seen,
    Unreadable,
    UserRoom,
    WaitingArea,
)
from teleward_contract.units import Namespace

from teleward_operator.core.inheritance import ClinicSettings, settle

ObjectKey: TypeAlias = tuple[str, str, str]
"""(kind, namespace, name)."""

Claim = Literal["slug", "hostname"]
"""What only one clinic of all can have."""

REMEMBERED_UIDS = 10_000
"""Deleted objects that are remembered, so that a LIST older than the deletion revives none."""


class Unit(StrEnum):
    """What is reconciled as one, and has one projection."""

    ORGANISATION = "organisation"
    CLINIC = "clinic"
    POOL = "pool"
    UNREADABLE = "unreadable"
    """An object that is not understood; its name is `Kind/name`. It has no projection of its own."""


DirtyKey: TypeAlias = tuple[Unit, str, str]
"""(unit, namespace, name)."""

_PROJECTED = {
    "Organisation": Unit.ORGANISATION,
    "Clinic": Unit.CLINIC,
    "MediaPool": Unit.POOL,
}
"""Kinds with a projection of their own."""


@dataclass(slots=True)
class Cache:
    """Objects as last seen."""

    objects: dict[ObjectKey, AnyResource] = field(default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Namespace → its labels."""
    unreadable: dict[ObjectKey, Unreadable] = field(default_factory=dict)
    """What is not understood as it is now; `objects` has what it last was."""
    _gone: dict[str, None] = field(default_factory=dict)
    """Uids of deleted objects, oldest first."""
    _rooms: dict[tuple[str, str], set[ObjectKey]] = field(default_factory=dict)
    """(namespace, clinic) → its rooms."""

    def apply(self, resource: Seen, *, deleted: bool) -> set[DirtyKey]:
        """Remember an object, or forget it; tells what is dirty now.

        News may come late: kopf keeps one queue per uid, and a LIST races with the watch. What is
        older than what is known changes nothing.
        """
        key, uid = key_of(resource), resource.metadata.uid
        before = self.objects.get(key)
        if uid in self._gone:
            return set()
        if deleted:
            self._bury(uid)
        if any(_is_older(resource, known) for known in self._known(key)):
            return set()
        self.unreadable.pop(key, None)
        if isinstance(resource, Unreadable):
            return self._set_aside(resource, before, deleted=deleted)
        self._drop(key)
        if not deleted:
            self._keep(key, resource)
        if before is None:
            return self.touches(resource)
        if not deleted and _declares_the_same(before, resource):
            return {unit_of(resource)}
        return self.touches(resource) | self.touches(before)

    def knows(self, key: ObjectKey, version: str) -> bool:
        """Whether this version of an object is the newest that is known."""
        known = self.unreadable.get(key) or self.objects.get(key)
        return known is not None and known.metadata.resource_version == version

    def is_news(self, resource: Seen) -> bool:
        """Whether this is newer than what is known."""
        known = self._known(key_of(resource))
        if not known:
            return resource.metadata.uid not in self._gone
        return all(_is_older(one, resource) for one in known)

    def replace(self, resource: Seen, by: Seen) -> None:
        """Note a write of our own, unless the watch brought something newer meanwhile."""
        key = key_of(resource)
        if self.objects.get(key) is resource and not isinstance(by, Unreadable):
            self.objects[key] = by
        elif self.unreadable.get(key) is resource and isinstance(by, Unreadable):
            self.unreadable[key] = by

    def label(self, namespace: str, labels: Mapping[str, str] | None) -> set[DirtyKey]:
        """Remember the labels of a namespace (None: it is gone); tells what is dirty now."""
        if self.labels.get(namespace) == labels:
            return set()
        if labels is None:
            self.labels.pop(namespace, None)
        else:
            self.labels[namespace] = labels
        return {unit_of(clinic) for clinic in self.clinics(namespace)}

    def touches(self, resource: AnyResource) -> set[DirtyKey]:
        """Tell which units look at what this object declares."""
        meta, own = resource.metadata, unit_of(resource)
        match resource:
            case Organisation():
                return {own} | {unit_of(clinic) for clinic in self.clinics(meta.namespace)}
            case Clinic():
                organisation = (Unit.ORGANISATION, meta.namespace, ORGANISATION_NAME)
                return {own, organisation} | {unit_of(c) for c in self._rivals(resource)}
            case MediaPool():
                pool = f"{meta.namespace}/{meta.name}"
                return {own} | {
                    unit_of(c) for c in self.clinics() if self.settings(c).pool == pool
                }
            case _:
                return {own}

    def clinics(self, namespace: str | None = None) -> list[Clinic]:
        """List clinics, of one namespace or all."""
        return [
            item
            for (kind, at, _), item in self.objects.items()
            if kind == "Clinic" and namespace in (None, at) and isinstance(item, Clinic)
        ]

    def clinic(self, namespace: str, name: str) -> Clinic | None:
        """Find a clinic."""
        found = self.objects.get(("Clinic", namespace, name))
        return found if isinstance(found, Clinic) else None

    def organisation(self, namespace: str) -> Organisation | None:
        """Find the organisation of a namespace."""
        found = self.objects.get(("Organisation", namespace, ORGANISATION_NAME))
        return found if isinstance(found, Organisation) else None

    def settings(self, clinic: Clinic) -> ClinicSettings:
        """What counts for a clinic."""
        return settle(clinic, self.organisation(clinic.metadata.namespace))

    def holder(self, clinic: Clinic, claim: Claim) -> str:
        """Name the other clinic, `namespace/name`, that has what this one claims; empty if none has.

        Of several the oldest has it, then the first by name, as in the Gateway API.
        """
        rivals = [other for other in self._rivals(clinic) if _same(claim, clinic, other)]
        first = min([clinic, *rivals], key=_seniority)
        return "" if first is clinic else f"{first.metadata.namespace}/{first.metadata.name}"

    def _rivals(self, clinic: Clinic) -> list[Clinic]:
        """The other clinics that claim a slug or host name of this one."""
        spec = clinic.spec
        if spec.slug is None and spec.hostname is None:
            return []
        return [
            other
            for other in self.clinics()
            if key_of(other) != key_of(clinic)
            and (_same("slug", clinic, other) or _same("hostname", clinic, other))
        ]

    def pool(self, namespace: str, name: str) -> MediaPool | None:
        """Find a media pool."""
        found = self.objects.get(("MediaPool", namespace, name))
        return found if isinstance(found, MediaPool) else None

    def pools(self) -> list[MediaPool]:
        """List every media pool."""
        return [item for item in self.objects.values() if isinstance(item, MediaPool)]

    def waiting_area(self, namespace: str, clinic: str) -> WaitingArea | None:
        """Find the waiting area of a clinic."""
        found = self.objects.get(("WaitingArea", namespace, clinic))
        return found if isinstance(found, WaitingArea) else None

    def rooms(self, namespace: str, clinic: str) -> tuple[MeetingRoom | UserRoom, ...]:
        """List the rooms of a clinic, by kind and name."""
        found = (self.objects[key] for key in sorted(self._rooms.get((namespace, clinic), ())))
        return tuple(item for item in found if isinstance(item, (MeetingRoom, UserRoom)))

    def every_unit(self) -> set[DirtyKey]:
        """Everything that can be reconciled."""
        return {unit_of(item) for item in self.every_object()}

    def projected(self) -> dict[DirtyKey, str]:
        """What must stand in the routing state: key → uid."""
        return {
            unit_of(item): item.metadata.uid
            for item in self.objects.values()
            if item.kind in _PROJECTED
        }

    def missing_from(self, uids: Iterable[str]) -> set[str]:
        """Uids that are known here and are not among `uids`."""
        return {item.metadata.uid for item in self.every_object()} - set(uids)

    def by_uid(self, uids: set[str]) -> list[Seen]:
        """Find objects by uid."""
        return [item for item in self.every_object() if item.metadata.uid in uids]

    def every_object(self) -> Iterator[Seen]:
        """Everything that is known, in its newest state."""
        yield from (one for key, one in self.objects.items() if key not in self.unreadable)
        yield from self.unreadable.values()

    def _known(self, key: ObjectKey) -> list[Seen]:
        return [one for one in (self.objects.get(key), self.unreadable.get(key)) if one]

    def _set_aside(
        self, resource: Unreadable, before: AnyResource | None, *, deleted: bool
    ) -> set[DirtyKey]:
        """Keep what it last declared, with its new metadata: it may be on its way out."""
        key = key_of(resource)
        if deleted:
            self._drop(key)
            return self.touches(before) if before is not None else set()
        self.unreadable[key] = resource
        if before is None or before.metadata.uid != resource.metadata.uid:
            return {unit_of(resource)}
        now = {"metadata": resource.metadata, "status": resource.status}
        self.objects[key] = before.model_copy(update=now)
        return {unit_of(resource), unit_of(before)}

    def _keep(self, key: ObjectKey, resource: AnyResource) -> None:
        self.objects[key] = resource
        if isinstance(resource, (MeetingRoom, UserRoom)):
            self._rooms.setdefault(_clinic_of(resource), set()).add(key)

    def _drop(self, key: ObjectKey) -> None:
        before = self.objects.pop(key, None)
        if isinstance(before, (MeetingRoom, UserRoom)):
            rooms = self._rooms[_clinic_of(before)]
            rooms.discard(key)
            if not rooms:
                del self._rooms[_clinic_of(before)]

    def _bury(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED_UIDS:
            del self._gone[next(iter(self._gone))]


def key_of(resource: Seen) -> ObjectKey:
    """The object's key."""
    return resource.kind, resource.metadata.namespace, resource.metadata.name


def unit_of(resource: Seen) -> DirtyKey:
    """The unit that writes this object's status."""
    meta = resource.metadata
    if isinstance(resource, Unreadable):
        return Unit.UNREADABLE, meta.namespace, f"{resource.kind}/{meta.name}"
    if isinstance(resource, (WaitingArea, MeetingRoom, UserRoom)):
        return Unit.CLINIC, meta.namespace, resource.spec.clinic_ref.name
    return _PROJECTED[resource.kind], meta.namespace, meta.name


def stored_key(kind: ProjectionKind, namespace: Namespace, name: str) -> DirtyKey:
    """The unit that a projection belongs to."""
    return Unit(kind.value), namespace, name


def _same(claim: Claim, one: Clinic, other: Clinic) -> bool:
    value = getattr(one.spec, claim)
    return value is not None and value == getattr(other.spec, claim)


def _seniority(clinic: Clinic) -> tuple[str, str, str]:
    meta = clinic.metadata
    return meta.creation_timestamp, meta.namespace, meta.name


def _clinic_of(room: MeetingRoom | UserRoom) -> tuple[str, str]:
    return room.metadata.namespace, room.spec.clinic_ref.name


def _is_older(news: Seen, known: Seen) -> bool:
    """Whether `known` was written after `news`; unknown counts as no.

    Source: resource versions may be compared as numbers, KEP-5504 (Kubernetes 1.35).
    """
    one, other = news.metadata.resource_version, known.metadata.resource_version
    return one.isdecimal() and other.isdecimal() and int(one) < int(other)


def _declares_the_same(before: AnyResource, after: AnyResource) -> bool:
    """Whether only the status differs."""
    one, other = before.metadata, after.metadata
    return (one.uid, one.generation, one.deletion_timestamp, one.finalizers) == (
        other.uid, other.generation, other.deletion_timestamp, other.finalizers,
    )  # fmt: skip
