"""A door is open when its clinic's wall clock says so: weekly ranges, breaks, exceptions, nights, summer time."""

from datetime import UTC, datetime
from typing import Literal

import pytest
from teleward_contract.projections import DateHours, DayHours, OpeningHours, TimeRange
from teleward_gateway.core.opening import is_open

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def hours(
    *ranges: str, days: tuple[Day, ...] = ("Mon",), zone: str = "UTC",
    exceptions: tuple[DateHours, ...] = (),
) -> OpeningHours:  # fmt: skip
    weekly = DayHours(days=days, ranges=tuple(span(text) for text in ranges))
    return OpeningHours(time_zone=zone, weekly=(weekly,), exceptions=exceptions)


def span(text: str) -> TimeRange:
    start, _, end = text.partition("-")
    return TimeRange(start=start, end=end)


def at(text: str) -> datetime:
    """A moment in UTC; 2026-11-23 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_hours_the_door_is_always_open() -> None:
    assert is_open(None, at("2026-11-23T03:00"))


def test_hours_without_a_range_are_never_open() -> None:
    assert not is_open(OpeningHours(time_zone="UTC"), at("2026-11-23T12:00"))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T11:59:59", True),
        ("2026-11-23T12:30:00", False),
        ("2026-11-23T13:00:00", True),
        ("2026-11-23T17:00:00", False),
        ("2026-11-24T10:00:00", False),
    ],
)
def test_a_range_begins_with_its_start_and_is_over_at_its_end_and_breaks_are_closed(
    moment: str, expected: bool
) -> None:
    assert is_open(hours("09:00-12:00", "13:00-17:00"), at(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T21:59", False),
        ("2026-11-23T22:00", True),
        ("2026-11-24T05:59", True),
        ("2026-11-24T06:00", False),
        ("2026-11-23T05:00", False),
    ],
)
def test_a_range_that_ends_before_it_starts_runs_past_midnight(
    moment: str, expected: bool
) -> None:
    assert is_open(hours("22:00-06:00"), at(moment)) is expected


@pytest.mark.parametrize("text", ["00:00-24:00", "00:00-00:00"])
def test_a_whole_day_is_open_from_midnight_to_midnight(text: str) -> None:
    assert is_open(hours(text), at("2026-11-23T00:00"))
    assert is_open(hours(text), at("2026-11-23T23:59:59"))
    assert not is_open(hours(text), at("2026-11-24T00:00"))
    assert not is_open(hours(text), at("2026-11-22T23:59"))


def test_an_exception_takes_the_place_of_the_day_and_of_the_night_it_would_have_begun() -> None:
    closed = DateHours(date="2026-11-23")
    short = DateHours(date="2026-11-24", ranges=(span("10:00-11:00"),))
    both = hours("22:00-06:00", days=("Mon", "Tue"), exceptions=(closed, short))

    assert not is_open(both, at("2026-11-23T23:00"))
    assert not is_open(both, at("2026-11-24T05:00"))
    assert is_open(both, at("2026-11-24T10:30"))
    assert not is_open(both, at("2026-11-24T22:30"))


def test_hours_are_read_on_the_clinics_own_clock() -> None:
    perth = hours("09:00-17:00", zone="Australia/Perth")

    assert is_open(perth, at("2026-11-23T01:00"))
    assert not is_open(perth, at("2026-11-23T09:00"))


def test_in_summer_time_the_wall_clock_stays_the_rule() -> None:
    """Vienna is at UTC+1 in winter and at UTC+2 in summer."""
    vienna = hours("09:00-10:00", days=("Mon",), zone="Europe/Vienna")

    assert is_open(vienna, at("2026-11-23T08:30"))
    assert is_open(vienna, at("2026-07-06T07:30"))
    assert not is_open(vienna, at("2026-07-06T08:30"))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-29T00:59", True),  # 01:59, the last minute of winter
        ("2026-03-29T01:00", False),  # 03:00: the hour from two to three is skipped
        ("2026-10-25T00:30", True),  # 02:30 for the first time
        ("2026-10-25T01:30", True),  # 02:30 for the second time
        ("2026-10-25T02:00", False),  # 03:00
    ],
)
def test_on_the_day_on_which_the_clocks_change_the_wall_clock_stays_the_rule(
    moment: str, expected: bool
) -> None:
    """Vienna skips the hour from two to three on the last Sunday of March, and repeats it in October."""
    night = hours("01:00-03:00", days=("Sun",), zone="Europe/Vienna")

    assert is_open(night, at(moment)) is expected


def test_a_break_and_an_exception_hold_on_the_day_on_which_the_clocks_change() -> None:
    """Sydney goes back an hour at three on 2026-04-05: nine o'clock comes at 23:00 UTC, the day before at 22:00."""
    breaks = hours("09:00-12:00", "13:00-17:00", days=("Sat", "Sun"), zone="Australia/Sydney")
    closed = hours(
        "09:00-17:00", days=("Sun",), zone="Australia/Sydney", exceptions=(DateHours(date="2026-04-05"),)
    )  # fmt: skip

    assert is_open(breaks, at("2026-04-03T22:00"))
    assert not is_open(breaks, at("2026-04-04T22:59"))
    assert is_open(breaks, at("2026-04-04T23:00"))
    assert not is_open(breaks, at("2026-04-05T02:30"))
    assert is_open(breaks, at("2026-04-05T03:00"))
    assert not is_open(closed, at("2026-04-05T00:00"))


@pytest.mark.parametrize("zone", ["Atlantis/Capital", "Europe", "x" * 300, "../../etc/passwd", ""])
def test_a_time_zone_that_nobody_knows_is_never_open(zone: str) -> None:
    assert not is_open(hours("00:00-24:00", zone=zone), at("2026-11-23T12:00"))
