"""Put documents into the routing state, only when they changed; take out those whose object is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from teleward_contract.projections import Projection, ProjectionKind, Stored
from teleward_contract.units import Namespace

from teleward_operator.core.cache import DirtyKey, stored_key
from teleward_operator.usecases.outside import Outside

log = structlog.get_logger()


@dataclass(slots=True)
class Projector:
    """Remembers what it wrote; what it did not write itself is only removed when it is told to."""

    outside: Outside
    _written: dict[DirtyKey, Projection] = field(default_factory=dict)
    _condemned: dict[DirtyKey, str] = field(default_factory=dict)
    """Documents of nobody's making whose object is surely gone: key → uid."""

    async def put(self, key: DirtyKey, document: Projection) -> None:
        """Write one document, unless it stands as it is.

        Raises: StaleLeaderError, RoutingUnavailableError.
        """
        if self._written.get(key) == document:
            return
        await self.outside.projections.put(document, self.outside.leadership.epoch())
        self._written[key] = document
        self.outside.counting.projected("put")
        log.info(
            "projection.written", kind=key[0].value, namespace=key[1], name_of_object=key[2],
            uid=document.uid, generation=document.generation,
        )  # fmt: skip

    async def remove(self, key: DirtyKey) -> None:
        """Remove the document of an object that was deleted, if one stands.

        Raises: StaleLeaderError, RoutingUnavailableError.
        """
        written = self._written.get(key)
        uid = written.uid if written else self._condemned.get(key)
        if uid is None:
            return
        unit, namespace, name = key
        await self.outside.projections.remove(
            ProjectionKind(unit.value), Namespace(namespace), name, uid,
            self.outside.leadership.epoch(),
        )  # fmt: skip
        self._written.pop(key, None)
        self._condemned.pop(key, None)
        self.outside.counting.projected("removed")
        log.info("projection.removed", kind=unit.value, namespace=namespace, name_of_object=name)

    async def stored(self) -> dict[DirtyKey, Stored]:
        """List what stands.

        Raises: RoutingUnavailableError.
        """
        found = await self.outside.projections.stored()
        return {stored_key(*key): what for key, what in found.items()}

    def repair(
        self, expected: Iterable[DirtyKey], stored: Mapping[DirtyKey, Stored]
    ) -> list[DirtyKey]:
        """Tell which of these do not stand as they were written; they are written anew at the next `put`."""
        drifted = [
            key
            for key in expected
            if key not in stored or stored[key].document != self._written.get(key)
        ]
        for key in drifted:
            self._written.pop(key, None)
        return drifted

    def condemn(self, documents: Mapping[DirtyKey, str]) -> None:
        """Allow these to be removed though another leader wrote them."""
        self._condemned.update(documents)
