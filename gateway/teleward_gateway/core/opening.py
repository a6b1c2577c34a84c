"""Is the door open? Rules come from the projection, the moment from the caller."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from teleward_contract.projections import OpeningHours, TimeRange

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def is_open(hours: OpeningHours | None, now: datetime) -> bool:
    """Whether `hours` are open at the aware moment `now`; no hours means always.

    A range that ends at or before its start runs past midnight, so yesterday's ranges count too.
    """
    if hours is None:
        return True
    local = now.astimezone(ZoneInfo(hours.time_zone))
    today = local.date()
    return any(
        _covers(item, day, local) for day in (today - timedelta(days=1), today)
        for item in _ranges(hours, day)
    )  # fmt: skip


def _ranges(hours: OpeningHours, day: date) -> tuple[TimeRange, ...]:
    for exception in hours.exceptions:
        if exception.date == day.isoformat():
            return exception.ranges
    name = _DAYS[day.weekday()]
    return tuple(item for entry in hours.weekly if name in entry.days for item in entry.ranges)


def _covers(item: TimeRange, day: date, local: datetime) -> bool:
    start = datetime.combine(day, time.fromisoformat(item.start), local.tzinfo)
    end_day = day if item.end > item.start else day + timedelta(days=1)
    end = datetime.combine(end_day, _end(item.end), local.tzinfo)
    if item.end == "24:00":
        end = datetime.combine(day + timedelta(days=1), time(), local.tzinfo)
    return start <= local < end


def _end(text: str) -> time:
    return time() if text == "24:00" else time.fromisoformat(text)
