"""Projections in memory."""

from teleward_contract.errors import StaleLeaderError
from teleward_contract.projections import (
    ClinicProjection,
    OrganisationProjection,
    PoolProjection,
    Projection,
    ProjectionKind,
    Stored,
)
from teleward_contract.units import LeaderEpoch, Namespace

Key = tuple[ProjectionKind, Namespace, str]


def key_of(document: Projection) -> Key:
    """The document's (kind, namespace, name)."""
    match document:
        case OrganisationProjection():
            return ProjectionKind.ORGANISATION, document.namespace, "organisation"
        case ClinicProjection():
            return ProjectionKind.CLINIC, document.namespace, document.name
        case PoolProjection():
            namespace, _, name = document.pool.partition("/")
            return ProjectionKind.POOL, Namespace(namespace), name


class MemoryProjections:
    """Both sides, `ProjectionWriter` and `Projections`."""

    def __init__(self) -> None:
        self._documents: dict[Key, Projection] = {}
        self._leader = LeaderEpoch(0)
        self._marked = False

    def empty(self) -> None:
        """Lose everything."""
        self.__init__()  # type: ignore[misc]  # a new store is what an emptied store is

    def _fence(self, leader: LeaderEpoch) -> None:
        if leader < self._leader:
            raise StaleLeaderError("a newer leader has written")
        self._leader = leader

    async def put(self, document: Projection, leader: LeaderEpoch) -> None:
        """See `ProjectionWriter`."""
        self._fence(leader)
        self._documents[key_of(document)] = document

    async def remove(
        self, kind: ProjectionKind, namespace: Namespace, name: str, uid: str, leader: LeaderEpoch
    ) -> None:
        """See `ProjectionWriter`."""
        self._fence(leader)
        document = self._documents.get((kind, namespace, name))
        if document is not None and document.uid == uid:
            del self._documents[kind, namespace, name]

    async def stored(self) -> dict[Key, Stored]:
        """See `ProjectionWriter`."""
        return {key: Stored(document.uid, document) for key, document in self._documents.items()}

    async def mark(self, leader: LeaderEpoch) -> None:
        """See `ProjectionWriter`."""
        self._fence(leader)
        self._marked = True

    async def is_marked(self) -> bool:
        """See `ProjectionWriter`."""
        return self._marked

    async def organisation(self, namespace: Namespace) -> OrganisationProjection | None:
        """See `Projections`."""
        document = self._documents.get((ProjectionKind.ORGANISATION, namespace, "organisation"))
        return document if isinstance(document, OrganisationProjection) else None

    async def clinic(self, namespace: Namespace, name: str) -> ClinicProjection | None:
        """See `Projections`."""
        document = self._documents.get((ProjectionKind.CLINIC, namespace, name))
        return document if isinstance(document, ClinicProjection) else None

    async def clinics(self) -> tuple[ClinicProjection, ...]:
        """See `Projections`."""
        found = [d for d in self._documents.values() if isinstance(d, ClinicProjection)]
        return tuple(sorted(found, key=lambda clinic: (clinic.namespace, clinic.name)))

    async def pools(self) -> tuple[PoolProjection, ...]:
        """See `Projections`."""
        found = [d for d in self._documents.values() if isinstance(d, PoolProjection)]
        return tuple(sorted(found, key=lambda pool: pool.pool))

    async def is_complete(self) -> bool:
        """See `Projections`."""
        return self._marked
