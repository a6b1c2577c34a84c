"""Everything that the use cases reach for, wired by `main`."""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_contract.media_nodes import MediaNodes
from teleward_contract.occupancy import Occupancy
from teleward_contract.projections import ProjectionWriter

from teleward_operator.ports import Clock, Cluster, Counting, Leadership, PoolRuntime


@dataclass(frozen=True, slots=True)
class Outside:
    """Ports, clocks and the one setting that statuses need."""

    cluster: Cluster
    runtime: PoolRuntime
    projections: ProjectionWriter
    media_nodes: MediaNodes
    occupancy: Occupancy
    leadership: Leadership
    counting: Counting
    public_url: str
    """Base of the links in status, without a slash at its end."""
    monotonic: Clock
    wallclock: Callable[[], str]
    """RFC 3339, UTC."""
