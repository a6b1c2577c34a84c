"""The queue as staff see it: rows, snapshots and deltas."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import Field
from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.placements import Record
from teleward_contract.projections import WaitingAreaProjection
from teleward_contract.signalling import QualityView
from teleward_contract.units import Namespace

from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.visits import Speaker, VisitState, Waiting, room_uid

Order: TypeAlias = Literal["Arrival", "Priority"]
"""What a queue goes by, as the waiting area says."""


class QueueRules(NamedTuple):
    """How a clinic's queue is shown; by default as where no waiting area says it."""

    order: Order = "Arrival"
    long_after_minutes: int = 15
    very_long_after_minutes: int = 30


def rules_of(area: WaitingAreaProjection | None) -> QueueRules:
    """How the queue before this door is shown."""
    if area is None:
        return QueueRules()
    return QueueRules(area.order, area.long_after_minutes, area.very_long_after_minutes)


def _unless(usual: object) -> Any:
    """A field that is told only if it is not as usual: a row is sent to every dashboard."""
    return Field(default=usual, exclude_if=lambda value: value == usual)


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
    noticed: bool = _unless(True)
    """Whether anybody has reacted to the arrival."""
    confirmed: bool = _unless(False)
    """Whether who called in confirmed whom they call."""
    speaker: Speaker | None = _unless(None)
    """Who speaks for the patient."""
    appointment: str = _unless("")
    device: DeviceReport | None = _unless(None)
    """What the waiting page found out about its device."""
    priority: int = 0
    came_from: str = _unless("")
    consultation: str = _unless("")
    """The same for all whose patients share a call; tells nothing else."""
    room: str = _unless("")
    """Uid of the user room that the patient was called into."""
    quality: QualityView | None = _unless(None)
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
    queue: Iterable[Waiting], qualities: Mapping[str, QualityView],
    order: Order = "Arrival", name_of: Callable[[str], str] = str,
    was: Mapping[str, Waiting] = {}, shown: Mapping[str, Entry] = {},
) -> Rows:  # fmt: skip
    """Make the rows of a queue; a patient who is silent is shown as not connected.

    Args:
        queue: Who waits or is in a call.
        qualities: Visit → newest report.
        order: What the queue goes by.
        name_of: What colleagues call a member of staff.
        was: Visit → what `shown` was made of. A row that is as it was stays the same object, so that a reading of
            a long queue costs what changed in it.
        shown: The rows of the reading before.
    """
    made: Rows = {}
    for item in in_order(queue, order):
        visit = item.visit
        quality, owner = qualities.get(visit.id), name_of(visit.called_by)
        last = shown.get(visit.id)
        if (
            last is not None and was.get(visit.id) is item and last.called_by_name == owner
            and last.quality == quality
        ):  # fmt: skip
            made[visit.id] = last
            continue
        row = Entry(
            visit=visit.id, name=item.personal.name, arrived_at=rfc3339(visit.arrived_ms),
            state=visit.state, fields=item.personal.fields, locale=item.personal.locale,
            connected=not item.is_silent, called_by=visit.called_by, called_by_name=owner,
            noticed=visit.is_noticed, confirmed=visit.is_confirmed, speaker=item.personal.speaker,
            appointment=item.personal.appointment, device=item.personal.device,
            priority=visit.priority, came_from=visit.came_from, quality=quality,
            consultation=visit.consultation, room=room_uid(visit.into),
        )  # fmt: skip
        made[visit.id] = last if last is not None and last == row else row
    return made


def difference(before: Rows, after: Rows) -> tuple[list[Entry], list[str]]:
    """Tell which rows are new or changed, and which visits are gone."""
    changed = [
        row
        for visit, row in after.items()
        if (last := before.get(visit)) is not row and last != row
    ]
    gone = [visit for visit in before if visit not in after]
    return changed, gone


def positions(queue: Iterable[Waiting], order: Order = "Arrival") -> dict[str, int]:
    """Number those who wait in the order of the queue, from 1: visit → position."""
    waiting = (item for item in queue if item.visit.state is VisitState.WAITING)
    return {item.visit.id: n for n, item in enumerate(in_order(waiting, order), start=1)}


def unanswered(queue: Iterable[Waiting], shown: Mapping[str, Entry]) -> tuple[str, ...]:
    """Those who wait, to whose arrival nobody has reacted, and whose page is there; in order of arrival."""
    return tuple(
        item.visit.id
        for item in queue
        if item.visit.state is VisitState.WAITING
        and not item.visit.is_noticed
        and shown[item.visit.id].connected
    )


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
