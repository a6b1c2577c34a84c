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
    try:
        zone = ZoneInfo(hours.time_zone)
    except (KeyError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        return False
    wall = now.astimezone(zone).replace(tzinfo=None)
    days = (wall.date() - timedelta(days=1), wall.date())
    return any(_covers(item, day, wall) for day in days for item in _ranges(hours, day))


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
