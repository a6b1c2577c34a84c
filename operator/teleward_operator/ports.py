"""The doors of the operator's decisions to the outside."""

from typing import Protocol

from teleward_contract.resources import AnyResource
from teleward_contract.units import CapacityUnits, MediaNodeId, PoolId


class Cluster(Protocol):
    """Writes to the Kubernetes API.

    Raises (every method): ClusterUnavailableError, StaleObjectError.
    """

    async def write_status(self, resource: AnyResource, status: dict[str, object]) -> None:
        """Replace the status, on the version of the object that was read."""
        ...

    async def set_finalizers(self, resource: AnyResource, finalizers: tuple[str, ...]) -> None:
        """Replace the finalizers, on the version of the object that was read."""
        ...

    async def tell(self, resource: AnyResource, reason: str, message: str, *, good: bool) -> None:
        """Post an Event about the object."""
        ...

    async def list_all(self) -> tuple[AnyResource, ...]:
        """List every object of our kinds, completely."""
        ...


class PoolRuntime(Protocol):
    """Starts and stops media nodes.

    Raises (every method): RuntimeUnavailableError.
    """

    async def running(self, pool: PoolId) -> tuple[MediaNodeId, ...]:
        """List the media nodes that shall run and those still stopping."""
        ...

    async def run(
        self, pool: PoolId, media_nodes: tuple[MediaNodeId, ...], capacity: CapacityUnits
    ) -> None:
        """Run exactly these (idempotent); others are stopped in good order."""
        ...
