"""Reports are sums, distributions of few are withheld, and no cell of a table is a formula."""

import csv
import io
import json
from datetime import date

import pytest
from teleward_gateway.core.audit import FIELDS, Event, Recorded, is_id, line, told
from teleward_gateway.core.reports import (
    LEAST,
    ClinicDay,
    columns,
    date_of,
    day_of,
    rows,
    to_csv,
)

DAY = day_of(date(2026, 11, 28))


def test_a_day_has_a_number_and_a_number_a_day() -> None:
    assert (day_of(date(1970, 1, 2)), date_of(DAY)) == (1, date(2026, 11, 28))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", [("2026-11-28", "eyes", 1), ("2026-11-28", "skin", 4), ("2026-12-08", "eyes", 2)]),
        ("month", [("2026-11-28", "eyes", 1), ("2026-11-28", "skin", 4), ("2026-12-08", "eyes", 2)]),
        ("range", [("2026-11-28", "eyes", 3), ("2026-11-28", "skin", 4)]),
    ],
)  # fmt: skip
def test_a_row_sums_up_a_clinics_days(by: str, expected: list[tuple[str, str, int]]) -> None:
    days = [
        ClinicDay("eyes", DAY, {"entered": 1}), ClinicDay("skin", DAY, {"entered": 4}),
        ClinicDay("eyes", DAY + 10, {"entered": 2}),
    ]  # fmt: skip

    assert [(row["from"], row["clinic"], row["entered"]) for row in rows(days, by)] == expected


def test_a_row_has_every_column_and_says_from_when_to_when() -> None:
    days = [ClinicDay("eyes", DAY + n, {"consulted": 1}) for n in (2, 0)]
    (row,) = rows(days, "month")

    assert list(row) == columns()
    assert (row["from"], row["to"]) == ("2026-11-28", "2026-11-30")


@pytest.mark.parametrize(("count", "expected"), [(LEAST - 1, None), (LEAST, LEAST)])
def test_a_distribution_of_few_is_withheld_and_its_count_is_not(
    count: int, expected: int | None
) -> None:
    counts = {"consultation:300": count, "consulted": count}
    (row,) = rows([ClinicDay("eyes", DAY, counts)], "day")

    assert (row["consultation_to_300_s"], row["consultations"]) == (expected, count)
    assert row["waited_to_300_s"] == 0


def test_what_is_longer_than_the_last_bound_has_a_column_of_its_own() -> None:
    (row,) = rows([ClinicDay("eyes", DAY, {"waited:more": 9})], "day")

    assert row["waited_over_14400_s"] == 9


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    table = to_csv(["a", "b"], [{"a": text, "b": 1}])
    _, row = list(csv.reader(io.StringIO(table, newline="")))

    assert row == [f"'{text}", "1"]


def test_what_is_withheld_is_empty_and_a_comma_is_quoted() -> None:
    assert to_csv(["a", "b"], [{"a": None, "b": "x,y"}]) == 'a,b\r\n,"x,y"\r\n'


def test_a_record_is_told_in_the_same_words_in_every_form() -> None:
    record = Recorded("1700000000123-4", Event("call_in", "staff:ab", "eyes", "done", "v"))
    words = told(record, "harbour", "then")

    assert tuple(words) == FIELDS
    assert record.at_ms == 1_700_000_000_123
    assert json.loads(line(words)) == {"v": 1, "stream": "audit", **words}
    assert line(words).count("\n") == 1


@pytest.mark.parametrize(
    ("text", "expected"), [("1-0", True), ("", False), ("1", False), ("-", False), ("١-١", False)]
)
def test_an_id_is_two_numbers(text: str, expected: bool) -> None:
    assert is_id(text) is expected
