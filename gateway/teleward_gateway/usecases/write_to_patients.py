"""What staff write to those who wait: to one, or to everybody."""

import time

import structlog
from teleward_contract.projections import LocaleMap

from teleward_gateway.core.visits import Carried, Visit, VisitAction, Words
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports.visits import Visits
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.consult import came_too_late

log = structlog.get_logger()

MESSAGES = 30
COUNTED_S = 60
"""So often a clinic may write in this time, to one or to all: more than a desk types, less than a loop sends. Ours."""


def words_now(texts: LocaleMap) -> Words:
    """Date what is written."""
    return Words(texts=texts, at_ms=int(time.time() * 1000))


class Writing:
    """Messages to patients; their pages show the newest."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def to_one(self, found: Found, visit: Visit, texts: LocaleMap, by: str) -> None:
        """Write to one patient who waits.

        Raises:
            RefusedError: 404, 409 `taken` when the patient does not wait any more, 429 `too_fast`.
        """
        await self._count(found)
        carried = Carried(at=found[0].uid, words=words_now(texts))
        allowed, now = await self._visits.change(
            visit.namespace, visit.id, VisitAction.MESSAGE, by, carried
        )
        if not allowed:
            raise came_too_late(found, now)

    async def to_all(self, found: Found, texts: LocaleMap) -> int:
        """Write to every patient of the clinic who waits; answers how many. Raises RefusedError 429 `too_fast`."""
        await self._count(found)
        clinic = found[0]
        count = await self._visits.tell_all(clinic.namespace, clinic.uid, words_now(texts))
        log.info("visit.all_told", namespace=clinic.namespace, clinic=clinic.name, count=count)
        return count

    async def _count(self, found: Found) -> None:
        clinic = found[0]
        count = await self._visits.count_message(clinic.namespace, clinic.uid, COUNTED_S)
        if count > MESSAGES:
            raise RefusedError(
                429, "too_fast", "The clinic has written very often just now. Wait a minute."
            )
