"""Audit and reports in memory: the model of the real ones. Time is a number in ms."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from teleward_contract.units import Namespace

from teleward_gateway.adapters.books import BookKeeping
from teleward_gateway.core.accounts import Count
from teleward_gateway.core.audit import (
    DONE,
    MOST_REFUSALS_A_MINUTE,
    TOO_MANY,
    Event,
    Recorded,
    is_staff,
)
from teleward_gateway.core.reports import ClinicDay
from teleward_gateway.ports.books import TAKEN_S

_MINUTE_MS = 60_000


class MemoryBooks:
    """Both ports, `Audit` and `Reports`."""

    def __init__(self, now_ms: Callable[[], int], books: BookKeeping | None = None) -> None:
        self._now = now_ms
        self.keeping = books or BookKeeping()
        self._records: dict[Namespace, list[Recorded]] = {}
        self._refusals: dict[tuple[Namespace, bool], tuple[int, int]] = {}
        """Organisation, whether of staff → since when they are counted, how many."""
        self._taken: dict[tuple[Namespace, str], int | None] = {}
        """Record → when it was taken; None: shipped."""
        self._counts: dict[tuple[Namespace, str, int], tuple[int, Counter[str]]] = {}
        """Organisation, clinic, day → when was counted last, and what."""

    def empty(self) -> None:
        """Lose everything."""
        for held in (self._records, self._refusals, self._taken, self._counts):
            held.clear()

    async def note(self, namespace: Namespace, event: Event) -> None:
        """See `Audit`."""
        self.record(namespace, event)

    def record(self, namespace: Namespace, event: Event) -> None:
        """As `note`."""
        if event.outcome != DONE:
            refusals = self._refuse(namespace, is_staff(event.who))
            if refusals > MOST_REFUSALS_A_MINUTE + 1:
                return
            if refusals > MOST_REFUSALS_A_MINUTE:
                event = replace(event, outcome=TOO_MANY)
        held = self._kept(namespace)
        last = held[-1].id.split("-") if held else ["0", "0"]
        at = max(self._now(), int(last[0]))
        number = int(last[1]) + 1 if at == int(last[0]) else 0
        held.append(Recorded(f"{at}-{number}", event))

    def _refuse(self, namespace: Namespace, of_staff: bool) -> int:
        since, count = self._refusals.get((namespace, of_staff), (0, 0))
        if self._now() - since >= _MINUTE_MS:
            since, count = self._now(), 0
        self._refusals[namespace, of_staff] = (since, count + 1)
        return count + 1

    def _kept(self, namespace: Namespace) -> list[Recorded]:
        oldest = self._now() - self.keeping.audit_keep_s * 1000
        kept = [one for one in self._records.get(namespace, []) if one.at_ms >= oldest]
        self._records[namespace] = kept
        return kept

    async def page(
        self, namespace: Namespace, at_most: int, before: str = ""
    ) -> tuple[Recorded, ...]:
        """See `Audit`."""
        found = [one for one in self._kept(namespace) if not before or _key(one.id) < _key(before)]
        return tuple(found[::-1][:at_most])

    async def take(self, namespace: Namespace, at_most: int) -> tuple[Recorded, ...]:
        """See `Audit`."""
        free = [one for one in self._kept(namespace) if self._is_free(namespace, one.id)]
        for one in free[:at_most]:
            self._taken[namespace, one.id] = self._now()
        return tuple(free[:at_most])

    def _is_free(self, namespace: Namespace, id_: str) -> bool:
        taken = self._taken.get((namespace, id_), 0)
        return taken is not None and self._now() - taken >= TAKEN_S * 1000

    async def shipped(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """See `Audit`."""
        self._taken.update({(namespace, id_): None for id_ in ids})

    def count(self, namespace: Namespace, counts: Iterable[Count]) -> None:
        """Count."""
        for one in counts:
            key = (namespace, one.clinic, one.day)
            _, held = self._counts.get(key, (0, Counter[str]()))
            held[one.what] += 1
            self._counts[key] = (self._now(), held)

    def _live(self, namespace: Namespace) -> dict[tuple[str, int], Counter[str]]:
        oldest = self._now() - self.keeping.report_keep_s * 1000
        return {
            (clinic, day): held
            for (of, clinic, day), (at, held) in self._counts.items()
            if of == namespace and at > oldest
        }

    async def clinics(self, namespace: Namespace) -> frozenset[str]:
        """See `Reports`."""
        return frozenset(clinic for clinic, _ in self._live(namespace))

    async def days(
        self, namespace: Namespace, clinics: Iterable[str], first: int, last: int
    ) -> tuple[ClinicDay, ...]:
        """See `Reports`."""
        wanted = set(clinics)
        found = [
            ClinicDay(clinic, day, dict(held))
            for (clinic, day), held in self._live(namespace).items()
            if clinic in wanted and first <= day <= last
        ]
        return tuple(sorted(found, key=lambda one: (one.day, one.clinic)))


def _key(id_: str) -> tuple[int, int]:
    at, _, number = id_.partition("-")
    return int(at), int(number)
