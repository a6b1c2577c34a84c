"""A status shows whether the door is open and when that changes."""

from datetime import UTC, datetime, timedelta

import pytest
from teleward_contract.projections import DateHours, DayHours, OpeningHours, TimeRange
from teleward_operator.core.opening import is_time_zone, opening

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def span(start: str, end: str) -> TimeRange:
    return TimeRange(start=start, end=end)


def hours(*weekly: DayHours, exceptions: tuple[DateHours, ...] = ()) -> OpeningHours:
    return OpeningHours(time_zone="Australia/Sydney", weekly=weekly, exceptions=exceptions)


OFFICE = DayHours(days=WEEKDAYS, ranges=(span("09:00", "12:30"), span("13:30", "17:00")))
NIGHT = DayHours(days=("Mon",), ranges=(span("22:00", "06:00"),))
ALWAYS = DayHours(days=(*WEEKDAYS, "Sat", "Sun"), ranges=(span("00:00", "24:00"),))


def sydney(text: str) -> datetime:
    """Daylight saving time in Sydney, eleven hours ahead of UTC."""
    return datetime.fromisoformat(f"{text}+11:00")


@pytest.mark.parametrize(
    ("what", "rules", "now", "is_open", "change"),
    [
        ("before the first range", hours(OFFICE), "2026-11-24T08:59", False, "2026-11-24T09:00"),
        ("at its start", hours(OFFICE), "2026-11-24T09:00", True, "2026-11-24T12:30"),
        ("at its end", hours(OFFICE), "2026-11-24T12:30", False, "2026-11-24T13:30"),
        ("after the last", hours(OFFICE), "2026-11-24T17:00", False, "2026-11-25T09:00"),
        ("on Friday evening", hours(OFFICE), "2026-11-27T18:00", False, "2026-11-30T09:00"),
        ("past midnight", hours(NIGHT), "2026-11-24T02:00", True, "2026-11-24T06:00"),
        ("after the night", hours(NIGHT), "2026-11-24T06:00", False, "2026-11-30T22:00"),
        ("with no change in sight", hours(ALWAYS), "2026-11-24T02:00", True, None),
        ("with no range at all", hours(), "2026-11-24T02:00", False, None),
        (
            "with two ranges that touch",
            hours(DayHours(days=("Tue",), ranges=(span("09:00", "12:00"), span("12:00", "13:00")))),
            "2026-11-24T10:00", True, "2026-11-24T13:00",
        ),
        (
            "with two ranges that overlap",
            hours(DayHours(days=("Tue",), ranges=(span("09:00", "12:00"), span("10:00", "11:00")))),
            "2026-11-24T10:30", True, "2026-11-24T12:00",
        ),
        (
            "on a holiday",
            hours(OFFICE, exceptions=(DateHours(date="2026-11-24"),)),
            "2026-11-24T10:00", False, "2026-11-25T09:00",
        ),
        (
            "on a date with hours of its own",
            hours(exceptions=(DateHours(date="2026-11-28", ranges=(span("10:00", "11:00"),)),)),
            "2026-11-28T10:30", True, "2026-11-28T11:00",
        ),
    ],
)  # fmt: skip
def test_the_door_and_its_next_change(
    what: str, rules: OpeningHours, now: str, is_open: bool, change: str | None
) -> None:
    expected = sydney(change) if change else None

    assert opening(rules, sydney(now)) == (is_open, expected), what


def test_the_hour_that_summer_time_skips_opens_nothing_for_longer() -> None:
    rules = OpeningHours(
        time_zone="Europe/Berlin", weekly=(DayHours(days=("Sun",), ranges=(span("01:00", "04:00"),)),)
    )  # fmt: skip
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)

    assert opening(rules, start) == (True, start + timedelta(hours=2))


@pytest.mark.parametrize(
    ("name", "is_so"),
    [
        ("Australia/Sydney", True),
        ("UTC", True),
        ("Australia", False),
        ("Atlantis/Capital", False),
        ("../etc/passwd", False),
        ("", False),
    ],
)
def test_a_time_zone_is_one_of_the_database(name: str, is_so: bool) -> None:
    assert is_time_zone(name) is is_so
