"""Is the door open, and when does that change? For status alone: the gateway judges at its own second.

Both follow the same rules; `tests/contract/test_operator_opening.py` holds them together.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from teleward_contract.projections import OpeningHours, TimeRange

HORIZON_DAYS = 15
"""How far the next change is looked for: two weeks and the day before."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def is_time_zone(name: str) -> bool:
    """Whether the IANA time zone database knows this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of the database, or a path
        return False
    return True


def opening(hours: OpeningHours, now: datetime) -> tuple[bool, datetime | None]:
    """Whether `hours` are open at the aware moment `now`, and when that changes.

    Returns:
        Open or not; the moment of the next change in UTC, None when there is none in two weeks.
    """
    spans = _spans(hours, now)
    is_open = any(start <= now < end for start, end in spans)
    end = now
    for start, until in spans:
        if not is_open and start > now:
            return False, start
        if is_open and start <= end:
            end = max(end, until)
    has_end = is_open and end < now + timedelta(days=HORIZON_DAYS - 1)
    return is_open, end if has_end else None


def _spans(hours: OpeningHours, now: datetime) -> list[tuple[datetime, datetime]]:
    """Open spans in UTC from yesterday on, by start; yesterday's may run past midnight."""
    zone = ZoneInfo(hours.time_zone)
    first = now.astimezone(zone).date() - timedelta(days=1)
    days = (first + timedelta(days=n) for n in range(HORIZON_DAYS + 1))
    return sorted(_span(item, day, zone) for day in days for item in _ranges(hours, day))


def _ranges(hours: OpeningHours, day: date) -> Iterator[TimeRange]:
    for exception in hours.exceptions:
        if exception.date == day.isoformat():
            yield from exception.ranges
            return
    for entry in hours.weekly:
        if _DAYS[day.weekday()] in entry.days:
            yield from entry.ranges


def _span(item: TimeRange, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    is_midnight = item.end == "24:00"
    end_day = day if item.end > item.start and not is_midnight else day + timedelta(days=1)
    end = time() if is_midnight else time.fromisoformat(item.end)
    start = datetime.combine(day, time.fromisoformat(item.start), zone)
    return start.astimezone(UTC), datetime.combine(end_day, end, zone).astimezone(UTC)
