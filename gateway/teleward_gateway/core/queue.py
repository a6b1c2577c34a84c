"""The queue as staff see it: rows, snapshots and deltas."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.placements import Record
from teleward_contract.signalling import QualityView
from teleward_contract.units import Namespace

from teleward_gateway.core.visits import VisitState, Waiting

Order: TypeAlias = Literal["Arrival", "Priority"]
"""What a queue goes by, as the waiting area says."""


class Entry(Record):
    """One row, as `docs/wire.md` tells it."""

    visit: str
    name: str
    arrived_at: str
    state: VisitState
    fields: dict[str, str]
    locale: str
    connected: bool
    called_by: str = ""
    called_by_name: str = ""
    priority: int = 0
    came_from: str = ""
    quality: QualityView | None = None
    """How the patient of a running consultation is heard and seen; None when nothing was told lately."""


Rows = dict[str, Entry]
"""visit id → row, in the order of the queue."""


_CONSULTATIONS = frozenset({VisitState.IN_CONSULTATION, VisitState.ON_HOLD})


def in_order(queue: Iterable[Waiting], order: Order) -> list[Waiting]:
    """Sort by arrival, or by priority and then by arrival."""
    by_priority = order == "Priority"

    def place(item: Waiting) -> tuple[int, int, str]:
        visit = item.visit
        return -visit.priority if by_priority else 0, visit.arrived_ms, visit.id

    return sorted(queue, key=place)


def rows(
    queue: Iterable[Waiting], now_ms: int, stale_after_s: int,
    qualities: Mapping[str, QualityView], order: Order = "Arrival",
    name_of: Callable[[str], str] = str,
) -> Rows:  # fmt: skip
    """Make the rows of a queue; a patient not heard of for `stale_after_s` is shown as not connected.

    `name_of` says what colleagues call a member of staff.
    """
    return {
        item.visit.id: Entry(
            visit=item.visit.id, name=item.personal.name,
            arrived_at=rfc3339(item.visit.arrived_ms), state=item.visit.state,
            fields=item.personal.fields, locale=item.personal.locale,
            connected=now_ms - item.visit.seen_ms < stale_after_s * 1000,
            called_by=item.visit.called_by, called_by_name=name_of(item.visit.called_by),
            priority=item.visit.priority, came_from=item.visit.came_from,
            quality=qualities.get(item.visit.id),
        )
        for item in in_order(queue, order)
    }  # fmt: skip


def difference(before: Rows, after: Rows) -> tuple[list[Entry], list[str]]:
    """Tell which rows are new or changed, and which visits are gone."""
    changed = [row for visit, row in after.items() if before.get(visit) != row]
    gone = [visit for visit in before if visit not in after]
    return changed, gone


def positions(queue: Iterable[Waiting], order: Order = "Arrival") -> dict[str, int]:
    """Number those who wait in the order of the queue, from 1: visit → position."""
    waiting = (item for item in queue if item.visit.state is VisitState.WAITING)
    return {item.visit.id: n for n, item in enumerate(in_order(waiting, order), start=1)}


def occupancy(
    namespace: Namespace, clinic: str, queue: Iterable[Waiting], rooms: dict[str, int]
) -> ClinicOccupancy:
    """Count a clinic's doors."""
    visits = [item.visit for item in queue]
    waiting = [visit.arrived_ms for visit in visits if visit.state is VisitState.WAITING]
    return ClinicOccupancy(
        namespace=namespace, clinic=clinic, waiting=len(waiting),
        longest_waiting_since=rfc3339(min(waiting)) if waiting else None,
        in_consultation=sum(v.state in _CONSULTATIONS for v in visits),
        rooms=rooms,
    )  # fmt: skip


def rfc3339(ms: int) -> str:
    """Write a wallclock in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(ms / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
