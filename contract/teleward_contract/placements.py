"""Which media node holds which call: the port, its records and its answers.

The rules (every implementation passes `tests/contract/test_placements.py`):

- A call has at most one live placement. Its *placement epoch* is the store's clock in
  milliseconds, or one more than the call's last epoch if that is higher: it rises with each
  placing, also after the store was emptied, so an old media node can always be told from a new.
- `reserve` charges capacity and writes the placement in one step. A reservation that no media node
  confirms within `RESERVATION_TTL_S` is freed. What is freed because nobody spoke of it, and not
  released, comes back as soon as a media node publishes it.
- Media nodes are the truth about live calls: their heartbeats (`media_nodes.py`) confirm, refresh
  and, after the store was emptied, restore placements. The higher epoch wins; the media node that
  holds the lower one is told to close the call.
- A dead media node's calls become orphans; `replace` moves one to another media node.
"""

from enum import StrEnum
from typing import Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
    Seconds,
)

RESERVATION_TTL_S = Seconds(20)
"""A reservation not confirmed by its media node within this time is freed."""

TOMBSTONE_TTL_S = Seconds(60)
"""How long a released call is remembered, so that a late heartbeat cannot bring it back."""


class Record(BaseModel):
    """A record of the routing state: frozen, versioned, tolerant of newer writers' fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1


class Placement(Record):
    """One call on one media node."""

    call: CallId
    pool: PoolId
    media_node: MediaNodeId
    boot: BootId
    epoch: PlacementEpoch
    cost: CapacityUnits
    control_url: str
    """WebSocket address of the media node's control port, `ws://host:port/v1/control`."""
    confirmed: bool = False


class FullReason(StrEnum):
    """Why no media node could take a call."""

    NO_MEDIA_NODES = "NoMediaNodes"
    """The pool has no media node that is alive and serving."""
    NO_CAPACITY = "NoCapacity"
    """Media nodes serve, but none has room for this cost."""


class Placed(Record):
    """The call has this placement now; `existing` when it had it before."""

    placement: Placement
    existing: bool = False


class Full(Record):
    """No media node can take the call; a demand mark was left for the autoscaler."""

    reason: FullReason


class Recovering(Record):
    """The store was emptied a moment ago; live calls are still being re-published: try again."""

    retry_after_s: float


class Gone(Record):
    """There is no such placement at that epoch (released, expired, or moved on)."""


ReserveAnswer: TypeAlias = Placed | Full | Recovering
ReplaceAnswer: TypeAlias = Placed | Full | Recovering | Gone
ResizeAnswer: TypeAlias = Placed | Full | Gone


class Reaped(Record):
    """What one reaping pass found in a pool."""

    expired: tuple[CallId, ...] = ()
    """Reservations freed because nobody confirmed them."""
    orphaned: tuple[Placement, ...] = ()
    """Placements on a dead boot, still to be re-placed."""


class Placements(Protocol):
    """The call table of every pool. Each method is one atomic step of the store.

    Raises (every method): RoutingUnavailableError.
    """

    async def reserve(self, pool: PoolId, call: CallId, cost: CapacityUnits) -> ReserveAnswer:
        """Place `call`, or answer the live placement that it has already (idempotent).

        A placement whose media node is dead is re-placed. The pool's policy (`Pack`, `Spread`,
        `TwoChoices`; `Pack` when unknown) is read from the projection in the store. `Full` leaves
        a demand mark.
        """
        ...

    async def find(self, pool: PoolId, call: CallId) -> Placement | None:
        """Look up the placement of `call` without placing it."""
        ...

    async def confirm(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> bool:
        """Say that the call is live at `epoch`; False when the placement has moved or gone."""
        ...

    async def resize(
        self, pool: PoolId, call: CallId, epoch: PlacementEpoch, cost: CapacityUnits
    ) -> ResizeAnswer:
        """Change what the call costs on the media node that holds it; `Full` changes nothing."""
        ...

    async def release(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> bool:
        """End the call's placement; False when it is not placed at `epoch` (idempotent).

        What was released stays so: a media node that publishes the call at `epoch` or below within
        `TOMBSTONE_TTL_S` is told to close it, also if the store, just emptied, did not know the call.
        """
        ...

    async def replace(self, pool: PoolId, call: CallId, epoch: PlacementEpoch) -> ReplaceAnswer:
        """Move the call off the media node it has at `epoch` if that node is dead or suspect.

        The first caller moves it; every other caller with the old epoch gets the new placement.
        While the media node at `epoch` is alive the answer is that very placement. While the store
        recovers, a call that it does not know is `Recovering`, not `Gone`: it may be published yet.
        """
        ...

    async def reap(self, pool: PoolId) -> Reaped:
        """Free what expired and list orphans; any process may run it, about once a second."""
        ...
