"""The queue as staff see it: rows, snapshots and deltas."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.placements import Record
from teleward_contract.signalling import QualityView
from teleward_contract.units import Namespace

from teleward_gateway.core.visits import VisitState, Waiting


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
    quality: QualityView | None = None
    """How the patient of a running consultation is heard and seen; None when nothing was told lately."""


Rows = dict[str, Entry]
"""visit id → row, in order of arrival."""


def rows(
    queue: Iterable[Waiting], now_ms: int, stale_after_s: int, qualities: Mapping[str, QualityView],
    was: Mapping[str, Waiting] = {}, shown: Mapping[str, Entry] = {},
) -> Rows:  # fmt: skip
    """Make the rows of a queue; a patient not heard of for `stale_after_s` is shown as not connected.

    Args:
        queue: Who waits or is in a call.
        now_ms: Wallclock.
        stale_after_s: As the clinic declares.
        qualities: Visit → newest report.
        was: Visit → what `shown` was made of. A row that is as it was stays the same object, so that a reading of
            a long queue costs what changed in it.
        shown: The rows of the reading before.
    """
    made: Rows = {}
    for item in sorted(queue, key=lambda item: (item.visit.arrived_ms, item.visit.id)):
        visit = item.visit
        is_connected = now_ms - visit.seen_ms < stale_after_s * 1000
        quality = qualities.get(visit.id)
        last = shown.get(visit.id)
        if (
            last is not None and was.get(visit.id) is item
            and last.connected is is_connected and last.quality == quality
        ):  # fmt: skip
            made[visit.id] = last
            continue
        row = Entry(
            visit=visit.id, name=item.personal.name, arrived_at=rfc3339(visit.arrived_ms),
            state=visit.state, fields=item.personal.fields, locale=item.personal.locale,
            connected=is_connected, called_by=visit.called_by, quality=quality,
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


def positions(queue: Iterable[Waiting]) -> dict[str, int]:
    """Number those who wait in order of arrival, from 1: visit → position."""
    waiting = [item.visit for item in queue if item.visit.state is VisitState.WAITING]
    waiting.sort(key=lambda visit: (visit.arrived_ms, visit.id))
    return {visit.id: number for number, visit in enumerate(waiting, start=1)}


def occupancy(
    namespace: Namespace, clinic: str, queue: Iterable[Waiting], rooms: dict[str, int]
) -> ClinicOccupancy:
    """Count a clinic's doors."""
    visits = [item.visit for item in queue]
    waiting = [visit.arrived_ms for visit in visits if visit.state is VisitState.WAITING]
    return ClinicOccupancy(
        namespace=namespace, clinic=clinic, waiting=len(waiting),
        longest_waiting_since=rfc3339(min(waiting)) if waiting else None,
        in_consultation=sum(v.state is VisitState.IN_CONSULTATION for v in visits),
        rooms=rooms,
    )  # fmt: skip


def rfc3339(ms: int) -> str:
    """Write a wallclock in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(ms / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
