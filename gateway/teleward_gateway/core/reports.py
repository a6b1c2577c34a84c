"""Reports: what was counted in clinics, as rows of a table. Nothing here is about one patient."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from teleward_gateway.core.accounts import BOUNDS_S, MORE, Came, Outcome, Spread

_EPOCH = date(1970, 1, 1)
MAX_DAYS = 400
"""Longest range of one report. Ours: a year and a month to compare it with."""
BUCKETS = (*map(str, BOUNDS_S), MORE)
LEAST = 5
"""A distribution of fewer is withheld: it would tell how long one person waited.

Source: the smallest count that statistical offices of health services commonly publish.
"""


@dataclass(frozen=True, slots=True)
class ClinicDay:
    """What was counted in a clinic on a day."""

    clinic: str
    day: int
    counts: Mapping[str, int]


Cell: TypeAlias = str | int | None
Row: TypeAlias = dict[str, Cell]
"""A row by the names of its columns; None is withheld."""


def day_of(moment: date) -> int:
    """Number a day since 1970-01-01."""
    return (moment - _EPOCH).days


def date_of(day: int) -> date:
    """The day of a number."""
    return _EPOCH + timedelta(days=day)


def columns() -> list[str]:
    """The columns of a report, in order."""
    spread = [f"{spread}_{name}" for spread in Spread for name in map(_bucket_word, BUCKETS)]
    return ["from", "to", "clinic", *Came, *Outcome, "consultations", *spread]


def rows(days: Iterable[ClinicDay], by: str, least: int = LEAST) -> list[Row]:
    """Make rows, one for each clinic and day, or (`by` is `month` or `range`) for what is summed up.

    Args:
        days: What was counted.
        by: `day`, `month` or `range`.
        least: Distributions of fewer are withheld.
    """
    sums: dict[tuple[str, str], Counter[str]] = {}
    spans: dict[tuple[str, str], list[int]] = {}
    for one in days:
        key = (_period(one.day, by), one.clinic)
        sums.setdefault(key, Counter()).update(one.counts)
        spans.setdefault(key, []).append(one.day)
    return [
        _row(clinic, spans[period, clinic], counts, least)
        for (period, clinic), counts in sorted(sums.items(), key=lambda item: item[0])
    ]


def _period(day: int, by: str) -> str:
    text = date_of(day).isoformat()
    return {"day": text, "month": text[:7]}.get(by, "")


def _row(clinic: str, span: Sequence[int], counts: Counter[str], least: int) -> Row:
    row: Row = {
        "from": date_of(min(span)).isoformat(), "to": date_of(max(span)).isoformat(), "clinic": clinic,
    }  # fmt: skip
    row |= {what.value: counts[what] for what in (*Came, *Outcome)}
    spreads = {spread: [counts[f"{spread}:{name}"] for name in BUCKETS] for spread in Spread}
    row["consultations"] = sum(spreads[Spread.CONSULTATION])
    for spread, numbers in spreads.items():
        is_told = sum(numbers) == 0 or sum(numbers) >= least
        for name, number in zip(BUCKETS, numbers, strict=True):
            row[f"{spread}_{_bucket_word(name)}"] = number if is_told else None
    return row


def _bucket_word(bucket: str) -> str:
    return f"over_{BOUNDS_S[-1]}_s" if bucket == MORE else f"to_{bucket}_s"


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(names: Sequence[str], table: Iterable[Mapping[str, Cell]]) -> str:
    """Write a table as RFC 4180 has it; no cell is a formula to a spreadsheet (OWASP, CSV injection)."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(names)
    for row in table:
        writer.writerow([_cell(row[name]) for name in names])
    return sink.getvalue()


def _cell(value: Cell) -> str | int:
    if value is None:
        return ""
    is_formula = isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA)
    return f"'{value}" if is_formula else value
