"""Is the door open? Rules come from the projection, the moment from the caller."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from teleward_contract.projections import OpeningHours, TimeRange

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def is_open(hours: OpeningHours | None, now: datetime) -> bool:
    """Whether `hours` are open at the aware moment `now`; no hours means always.

    Hours are read on the clinic's wall clock. A range that ends at or before its start runs past midnight, so
    yesterday's ranges count too. A time zone that nobody knows is never open: the page says whom to phone.
    """
    if hours is None:
        return True
    zone = _zone(hours.time_zone)
    if zone is None:
        return False
    wall = now.astimezone(zone).replace(tzinfo=None)
    days = (wall.date() - timedelta(days=1), wall.date())
    return any(_covers(item, day, wall) for day in days for item in _ranges(hours, day))


def utc_offset_s(time_zone: str, now: datetime) -> int:
    """How far the wall clock of a time zone is ahead of UTC at the aware moment `now`; 0 where nobody knows it."""
    zone = _zone(time_zone)
    offset = now.astimezone(zone).utcoffset() if zone else None
    return int(offset.total_seconds()) if offset else 0


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no path; a folder of the database
        return None


def _ranges(hours: OpeningHours, day: date) -> tuple[TimeRange, ...]:
    for exception in hours.exceptions:
        if exception.date == day.isoformat():
            return exception.ranges
    name = _DAYS[day.weekday()]
    return tuple(item for entry in hours.weekly if name in entry.days for item in entry.ranges)


def _covers(item: TimeRange, day: date, wall: datetime) -> bool:
    start = datetime.combine(day, time.fromisoformat(item.start))
    end = datetime.combine(day, time.fromisoformat(item.end.replace("24:00", "00:00")))
    if end <= start:
        end += timedelta(days=1)
    return start <= wall < end
