"""The media-node table: heartbeats, liveness and suspicion.

Liveness is judged on the store's own clock, and only over time in which the store answered:
every step (a beat, a reserve, a reap) notes when it ran; a gap longer than `STORE_GAP_S` between
two steps restarts the observation, so after any silence of the store every media node has
`SUSPECT_AFTER_S` to beat before anybody may call it dead.
"""

from enum import StrEnum
from typing import Protocol

from teleward_contract.placements import Record
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    LeaderEpoch,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
    Seconds,
)

HEARTBEAT_INTERVAL_S = Seconds(1)
"""A media node beats once in this time."""

SUSPECT_AFTER_S = Seconds(3)
"""Three missed beats: the media node is suspect and its calls may be re-placed."""

STORE_GAP_S = Seconds(1.5)
"""Steps further apart than this mean that the store (or everybody) was silent in between."""

RECOVERY_S = Seconds(2)
"""After the store was emptied, placing answers `Recovering` for two heartbeat intervals observed on end."""

FORGET_AFTER_S = Seconds(60)
"""A media node silent for this long leaves the table."""


class MediaNodeState(StrEnum):
    """What a media node takes on."""

    ACTIVE = "Active"
    CORDONED = "Cordoned"
    """No new calls; running ones go on and may be joined."""
    DRAINING = "Draining"
    """Cordoned, and the rest will migrate."""
    EMPTY = "Empty"
    """Drained; may be stopped."""


class LiveCall(Record):
    """One call a media node holds, as its heartbeat publishes it."""

    call: CallId
    epoch: PlacementEpoch
    cost: CapacityUnits
    participants: int = 0


class Heartbeat(Record):
    """What a media node says of itself once a second."""

    pool: PoolId
    media_node: MediaNodeId
    boot: BootId
    control_url: str
    udp: str
    """Advertised media address, `host:port`."""
    state: MediaNodeState = MediaNodeState.ACTIVE
    capacity: CapacityUnits
    loop_lag_ms: float = 0.0
    kernel_drops: int = 0
    """Datagrams that the kernel has dropped since the boot as the media port was not read in time."""
    calls: tuple[LiveCall, ...] = ()


class BeatAnswer(Record):
    """What the routing state tells the media node in return."""

    fenced: tuple[CallId, ...] = ()
    """Calls it must close: released, or placed elsewhere at a higher epoch."""
    cordoned: bool = False
    """Somebody cordoned this media node: it must not be given new calls."""


class MediaNodeView(Record):
    """A media node as the table shows it."""

    pool: PoolId
    media_node: MediaNodeId
    boot: BootId
    control_url: str
    udp: str
    state: MediaNodeState
    capacity: CapacityUnits
    used: CapacityUnits
    """Units charged by placements, reservations included."""
    calls: int
    loop_lag_ms: float
    kernel_drops: int = 0
    alive: bool


class MediaNodes(Protocol):
    """The table of media nodes. Written by heartbeats; `suspect` and `cordon` mark a row.

    Raises (every method): RoutingUnavailableError.
    """

    async def beat(self, heartbeat: Heartbeat) -> BeatAnswer:
        """Write the media node's record and settle its calls with the placements (atomic)."""
        ...

    async def views(self, pool: PoolId) -> tuple[MediaNodeView, ...]:
        """List the pool's media nodes, ordered by id."""
        ...

    async def suspect(self, pool: PoolId, media_node: MediaNodeId, boot: BootId) -> None:
        """Declare this boot dead at once: its control socket broke and a reconnect failed.

        A later beat of the same boot clears it: the suspicion was wrong.
        """
        ...

    async def cordon(
        self, pool: PoolId, media_node: MediaNodeId, leader: LeaderEpoch, *, cordoned: bool
    ) -> None:
        """Stop (or allow again) new calls on this media node; atomic with reserve.

        Raises:
            StaleLeaderError: A newer leader has projected the pool.
        """
        ...

    async def retire(self, pool: PoolId, media_node: MediaNodeId, boot: BootId) -> None:
        """Leave the table in an orderly stop; nothing happens if another boot lives."""
        ...
