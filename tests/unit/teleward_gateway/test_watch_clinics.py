"""A clinic that cannot be read hides none of the others, and is read again for who looks at it."""

import asyncio
from typing import Any

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.projections import ClinicProjection
from teleward_contract.units import Namespace
from teleward_gateway.adapters.guests_memory import MemoryGuestLinks
from teleward_gateway.adapters.presence_memory import MemoryPresence
from teleward_gateway.adapters.qualities_memory import MemoryQualities
from teleward_gateway.adapters.visits_memory import MemoryVisits
from teleward_gateway.core.visits import Waiting
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.watch_clinics import ClinicWatches
from teleward_testing.routing import Clock

HARBOUR = Namespace("harbour")
CLINICS = {
    name: ClinicProjection(
        namespace=HARBOUR, name=name, uid=name, generation=1, display_name=name
    )
    for name in ("cardiology", "eyes", "ward")
}  # fmt: skip


class ThreeClinics:
    async def every(self) -> list[Found]:
        return [(clinic, None) for clinic in CLINICS.values()]

    async def get(self, namespace: str, name: str) -> Found:
        return CLINICS[name], None


class OneUnreadable(MemoryVisits):
    """Who waits for the eyes cannot be read."""

    async def waiting(
        self, namespace: Namespace, clinic_uid: str, stale_after_s: int | None = None
    ) -> tuple[Waiting, ...]:
        if clinic_uid == "eyes":
            raise LookupError
        return await super().waiting(namespace, clinic_uid, stale_after_s)


class Counts:
    def __init__(self) -> None:
        self.published: list[str] = []
        self.has_ward = asyncio.Event()

    async def publish(self, counts: ClinicOccupancy) -> None:
        self.published.append(counts.clinic)
        if counts.clinic == "ward":
            self.has_ward.set()


def watches_of(visits: MemoryVisits, counts: Counts) -> ClinicWatches:
    clock = Clock()
    clinics: Any = ThreeClinics()
    published: Any = counts
    return ClinicWatches(
        clinics, visits, MemoryPresence(clock), MemoryQualities(clock), MemoryGuestLinks(clock, visits),
        published,
    )  # fmt: skip


async def test_the_clinics_after_one_that_cannot_be_read_are_counted() -> None:
    counts = Counts()
    watches = watches_of(OneUnreadable(Clock(), 600), counts)

    sweeping = asyncio.create_task(watches.sweep())
    try:
        await asyncio.wait_for(counts.has_ward.wait(), 5)
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)

    assert counts.published == ["cardiology", "ward"]


class Away(MemoryVisits):
    """A store that is away for as long as a test says."""

    is_away = True
    reads = 0

    async def waiting(
        self, namespace: Namespace, clinic_uid: str, stale_after_s: int | None = None
    ) -> tuple[Waiting, ...]:
        self.reads += 1
        if self.is_away:
            raise RoutingUnavailableError
        return await super().waiting(namespace, clinic_uid, stale_after_s)


async def test_who_looks_when_the_store_is_back_is_not_told_that_it_was_away() -> None:
    store = Away(Clock(), 600)
    watches = watches_of(store, Counts())
    async with watches.watching(HARBOUR, "eyes") as watch:
        assert not watch.view.is_available
        assert not (await watches.look(HARBOUR, "eyes")).is_available

        store.is_away = False

        assert (await watches.look(HARBOUR, "eyes")).is_available


async def test_who_looks_shares_what_was_read() -> None:
    store = Away(Clock(), 600)
    store.is_away = False
    watches = watches_of(store, Counts())
    async with watches.watching(HARBOUR, "eyes") as watch:
        assert await watches.look(HARBOUR, "eyes") is watch.view
        assert store.reads == 1
