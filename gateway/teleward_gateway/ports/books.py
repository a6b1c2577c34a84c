"""What is written down of steps, without anybody's name."""

from collections.abc import Iterable
from typing import Protocol

from teleward_contract.units import Namespace

from teleward_gateway.core.audit import Event, Recorded
from teleward_gateway.core.reports import ClinicDay

TAKEN_S = 60
"""How long a gateway has to ship what it took, before another one may take it."""


class Pseudonyms(Protocol):
    """Names for the audit that nobody can lead back without this gateway's key."""

    def staff(self, namespace: Namespace, user: str) -> str:
        """Name a member of staff by user or identity, at whichever issuer: another name in each organisation."""
        ...

    def visit(self, namespace: Namespace, visit: str) -> str:
        """Name a visit."""
        ...

    def address(self, address: str) -> str:
        """Name an address."""
        ...


class Audit(Protocol):
    """The audit of each organisation, append-only; the steps of visits write theirs themselves (`Visits`).

    Every implementation passes `tests/contract/test_gateway_books.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def note(self, namespace: Namespace, event: Event) -> None:
        """Record an event; of refusals, `MOST_REFUSALS_A_MINUTE` and a mark that there were more."""
        ...

    async def page(
        self, namespace: Namespace, at_most: int, before: str = ""
    ) -> tuple[Recorded, ...]:
        """Read records, newest first, those before the record `before` (an id); none is older than the retention."""
        ...

    async def take(self, namespace: Namespace, at_most: int) -> tuple[Recorded, ...]:
        """Take records to be shipped, oldest first: each once, and again when nobody said within `TAKEN_S` it is."""
        ...

    async def shipped(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """Say that records are shipped (idempotent)."""
        ...


class AuditSink(Protocol):
    """Where the audit is shipped to."""

    async def is_open(self) -> bool:
        """Whether it would take anything now."""
        ...

    async def write(self, lines: Iterable[str]) -> bool:
        """Write lines, each whole; False when it did not take all of them."""
        ...


class Tally(Protocol):
    """What the books tell the metrics."""

    def counted(self, what: str, seconds: float) -> None:
        """A `Came`, an `Outcome` or a `Spread` was counted; of a spread, so many seconds."""
        ...

    def audit_lost(self) -> None:
        """An event was lost: the store is away, and too many wait for it."""
        ...


class Reports(Protocol):
    """What was counted, by clinic and day; same suite, same errors as `Audit`."""

    async def clinics(self, namespace: Namespace) -> frozenset[str]:
        """Name the clinics of which anything is counted, those that are gone as well."""
        ...

    async def days(
        self, namespace: Namespace, clinics: Iterable[str], first: int, last: int
    ) -> tuple[ClinicDay, ...]:
        """What was counted in these clinics from `first` to `last` (days since 1970), by day and clinic."""
        ...
