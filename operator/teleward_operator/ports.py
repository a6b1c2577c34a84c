"""The doors of the operator's decisions to the outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from teleward_contract.resources import AnyResource, MediaPool, Seen
from teleward_contract.units import LeaderEpoch, MediaNodeId, PoolId

from teleward_operator.core.cache import ObjectKey, Unit
from teleward_operator.core.conditions import Transition
from teleward_operator.core.pools import Runtime


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that the API server holds of our kinds, in one complete LIST of each."""

    objects: tuple[Seen, ...]
    uids: frozenset[str]
    labels: Mapping[str, Mapping[str, str]]
    """Namespace → its labels."""


class Cluster(Protocol):
    """The Kubernetes API, but for watching.

    Raises (every method): ClusterUnavailableError; the writes StaleObjectError too.
    """

    async def write_status(self, resource: Seen, status: dict[str, object]) -> Seen:
        """Replace the status, on the version of the object that was read; answers the new one."""
        ...

    async def set_finalizers(self, resource: AnyResource, finalizers: tuple[str, ...]) -> Seen:
        """Replace the finalizers, on the version of the object that was read; answers the new one."""
        ...

    async def tell(self, resource: Seen, transition: Transition) -> None:
        """Post an Event about the object."""
        ...

    async def list_all(self, known: Mapping[str, Seen]) -> Listing:
        """List every object of our kinds, completely.

        Args:
            known: Objects by uid; one whose version did not change is answered as it is.
        """
        ...


class Sink(Protocol):
    """Where a watch puts what it sees."""

    def heard(self, kind: str) -> None:
        """The watch of a kind is alive."""
        ...

    def knows(self, key: ObjectKey, version: str) -> bool:
        """Whether that version of an object is known: mostly a write of our own that comes back."""
        ...

    def object_seen(self, resource: Seen, *, deleted: bool) -> None:
        """One of our objects was added, changed or deleted."""
        ...

    def namespace_seen(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace has these labels; None: it is gone."""
        ...

    def history_lost(self) -> None:
        """A watch began from a LIST: what was deleted before it will not be told."""
        ...


class Watch(Protocol):
    """Sees every change of our kinds, from now on; reconnects by itself."""

    async def follow(self, sink: Sink) -> None:
        """Watch until cancelled; returning or raising means that the watch died."""
        ...


class PoolRuntime(Protocol):
    """Starts and stops media nodes.

    Raises (every method): RuntimeUnavailableError.
    """

    async def look(self, pool: MediaPool, busy: frozenset[MediaNodeId]) -> Runtime:
        """Tell what runs; `busy` media nodes carry calls."""
        ...

    async def run(
        self, pool: MediaPool, media_nodes: tuple[MediaNodeId, ...], busy: frozenset[MediaNodeId]
    ) -> None:
        """Run exactly these (idempotent); others are stopped in good order.

        A busy one that stays is left as it is, whatever else of it changed.
        """
        ...

    async def forget(self, pool: PoolId) -> None:
        """Stop whatever runs of a pool that is not declared any more (idempotent)."""
        ...


class Leadership(Protocol):
    """One operator of several acts; each acquisition raises the leader epoch."""

    async def acquire(self) -> None:
        """Wait until leadership is ours."""
        ...

    async def keep(self) -> None:
        """Renew until somebody else leads, then return."""
        ...

    async def release(self) -> None:
        """Let somebody else lead at once; the best that can be done in an orderly stop."""
        ...

    def stands_by(self) -> bool:
        """Whether another replica leads and this one would take over."""
        ...

    def epoch(self) -> LeaderEpoch:
        """The epoch to write with, asked for before each write.

        Raises:
            StaleLeaderError: Leadership is not surely ours, judged on the monotonic clock.
        """
        ...


class Counting(Protocol):
    """What is told to the metrics."""

    def seen(self, kind: str) -> None:
        """One watch event."""
        ...

    def reconciled(self, unit: Unit, outcome: str, seconds: float) -> None:
        """One reconcile ended."""
        ...

    def wrote_status(self, kind: str) -> None:
        """One status was written."""
        ...

    def projected(self, what: str) -> None:
        """One projection was written or removed."""
        ...

    def swept(self, drift: int) -> None:
        """A sweep ended and found so much that the watch had not brought."""
        ...

    def leads(self, epoch: LeaderEpoch | None) -> None:
        """This replica leads with this epoch, or does not."""
        ...

    def measured(self, loop_lag_s: float, watch_age_s: float, depth: int) -> None:
        """Once a second: how late the loop is, how old the watch, how much waits."""
        ...


Clock = Callable[[], float]
"""Monotonic seconds."""
