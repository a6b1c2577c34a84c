"""Nothing that one event or one document does ends the keeping of books, and what ends unasked is told."""

import asyncio

import pytest
from structlog.testing import capture_logs
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import ClinicProjection
from teleward_contract.units import Namespace
from teleward_gateway.adapters.books_memory import MemoryBooks
from teleward_gateway.adapters.pseudonyms import KeyedPseudonyms
from teleward_gateway.adapters.visits_memory import MemoryVisits
from teleward_gateway.core.audit import Event
from teleward_gateway.main import _background
from teleward_gateway.usecases import keep_books
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.keep_books import Auditing, Houses, sweep_visits
from teleward_testing.routing import Clock

HARBOUR = Namespace("harbour")
CLINIC = ClinicProjection(
    namespace=HARBOUR, name="cardiology", uid="uid-1", generation=1, display_name="Cardiology"
)


class Picky(MemoryBooks):
    """Fails at one event."""

    async def note(self, namespace: Namespace, event: Event) -> None:
        if event.what == "odd":
            raise LookupError
        await super().note(namespace, event)


class Lost:
    """Counts what the audit lacks."""

    count = 0

    def counted(self, what: str, seconds: float) -> None: ...

    def audit_lost(self) -> None:
        self.count += 1


class OddClinics:
    """Lists clinics the second time, and fails at first."""

    asked = 0

    def __init__(self) -> None:
        self.found: list[Found] = [(CLINIC, None)]

    async def every(self) -> list[Found]:
        self.asked += 1
        if self.asked == 1:
            raise LookupError
        return self.found


async def test_an_event_that_cannot_be_recorded_is_lost_and_counted_and_the_next_is_recorded() -> (
    None
):
    books, lost = Picky(Clock()), Lost()
    auditing = Auditing(books, KeyedPseudonyms(b""), lost)
    auditing.note(HARBOUR, Event("odd", "gateway"))
    auditing.note(HARBOUR, Event("even", "gateway"))

    assert await auditing.write()

    assert [one.event.what for one in await books.page(HARBOUR, 9)] == ["even"]
    assert lost.count == 1


async def test_organisations_that_cannot_be_listed_are_listed_at_the_next_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keep_books, "SWEEP_EVERY_S", 0.0)
    swept = asyncio.Event()

    class Queues(MemoryVisits):
        async def sweep(self, namespace: Namespace) -> int:
            swept.set()
            return await super().sweep(namespace)

    houses = Houses(OddClinics())  # type: ignore[arg-type]  # all that is asked of them
    async with _background(sweep_visits(houses, Queues(Clock(), 600))):
        await asyncio.wait_for(swept.wait(), 10)


async def test_an_organisation_whose_store_is_away_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keep_books, "SWEEP_EVERY_S", 0.0)
    swept: asyncio.Queue[Namespace] = asyncio.Queue()

    class Queues(MemoryVisits):
        async def sweep(self, namespace: Namespace) -> int:
            if namespace == HARBOUR:
                raise RoutingUnavailableError
            swept.put_nowait(namespace)
            return 0

    clinics = OddClinics()
    clinics.asked = 1
    hills = CLINIC.model_copy(update={"namespace": Namespace("hills")})
    clinics.found.append((hills, None))
    async with _background(sweep_visits(Houses(clinics), Queues(Clock(), 600))):  # type: ignore[arg-type]  # as above
        assert await asyncio.wait_for(swept.get(), 5) == "hills"


async def test_work_that_ends_by_a_fault_is_told() -> None:
    async def fails() -> None:
        raise LookupError

    with capture_logs() as told:
        async with _background(fails()):
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    assert [one["event"] for one in told] == ["background.ended"]
