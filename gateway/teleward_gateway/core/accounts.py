"""What is counted of a visit, and when: so that nothing of a visit need outlive it for a report.

A visit has an *account* while it lasts. Whatever is counted is counted in the clinic, and on the day of that clinic's
wall clock, in which it happened. Of every visit that entered a clinic, or was transferred there, one outcome is counted
there at last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import dropwhile

from teleward_contract.placements import Record

from teleward_gateway.core.visits import OVER, Visit, VisitAction, VisitState

BOUNDS_S = (60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 14_400)
"""Upper bounds of the buckets in which waiting times and consultations are counted; what is longer is `MORE`."""
MORE = "more"
DAY_S = 86_400


class Came(StrEnum):
    """How a visit came into a clinic."""

    ENTERED = "entered"
    TRANSFERRED_HERE = "transferred_here"


class Outcome(StrEnum):
    """How a visit's stay in a clinic ended."""

    CONSULTED = "consulted"
    """It was in a consultation here, however it ended then."""
    UNSEEN = "unseen"
    """Staff ended it without a consultation."""
    REFUSED = "refused"
    LEFT = "left"
    VANISHED = "vanished"
    """Nothing was heard of its page for as long as a visit is kept."""
    TRANSFERRED = "transferred"
    """To another clinic, whatever happened here before."""


class Spread(StrEnum):
    """A time whose distribution is counted."""

    WAITED = "waited"
    """From entering, being sent back or transferred, until called in."""
    IN_VAIN = "waited_in_vain"
    """The same until a patient who was never seen left or vanished."""
    CONSULTATION = "consultation"
    """From the patient's page joining until the visit is over, sent back or transferred; on hold counts."""


ENDINGS = {
    VisitAction.END: Outcome.UNSEEN,
    VisitAction.REFUSE: Outcome.REFUSED,
    VisitAction.LEAVE: Outcome.LEFT,
}
"""What a visit that was never in a consultation comes to by the step that ends it."""
GAVE_UP = frozenset({Outcome.LEFT, Outcome.VANISHED})
WAITS_ANEW = frozenset({VisitAction.RETURN, VisitAction.TRANSFER})


class Account(Record):
    """What has to be known of a visit to count it."""

    since_ms: int
    """Store clock: since when it waits."""
    joined_ms: int = 0
    """Store clock: since when it is in consultation; 0: it is not."""
    is_consulted: bool = False
    """It was in a consultation in the clinic where it is."""


@dataclass(frozen=True, slots=True)
class Count:
    """One more of something in a clinic on a day."""

    clinic: str
    day: int
    """Days since 1970-01-01, on the clinic's wall clock."""
    what: str
    """A `Came`, an outcome, or a spread and the bucket: `waited:300`."""
    seconds: float | None = None
    """Of a spread."""


def opened(visit: Visit, now_ms: int) -> tuple[Account, list[Count]]:
    """Open the account of a visit that enters; one that is made again in its call is in consultation from now on."""
    is_in_call = visit.state is not VisitState.WAITING
    account = Account(
        since_ms=now_ms, joined_ms=now_ms if is_in_call else 0, is_consulted=is_in_call
    )
    return account, [_count(visit, Came.ENTERED, now_ms)]


def settle(
    account: Account, before: Visit, after: Visit, step: VisitAction, now_ms: int
) -> tuple[Account, list[Count]]:
    """Account for a step: the account after it, and what is counted."""
    counts = []
    if before.state is VisitState.WAITING and after.state is VisitState.CALLED:
        counts.append(_spread(before, Spread.WAITED, account.since_ms, now_ms))
    if step is VisitAction.JOIN and not account.joined_ms:
        account = account.model_copy(update={"joined_ms": now_ms, "is_consulted": True})
    if after.state in OVER:
        outcome = Outcome.CONSULTED if account.is_consulted else ENDINGS[step]
        return account, [*counts, *_close(account, before, outcome, now_ms)]
    if step is VisitAction.TRANSFER:
        counts += _close(account, before, Outcome.TRANSFERRED, now_ms)
        counts.append(_count(after, Came.TRANSFERRED_HERE, now_ms))
        return Account(since_ms=now_ms), counts
    if step in WAITS_ANEW:
        counts += _consultation(account, before, now_ms)
        account = account.model_copy(update={"since_ms": now_ms, "joined_ms": 0})
    return account, counts


def vanished(account: Account, visit: Visit, now_ms: int) -> list[Count]:
    """Account for a visit of which nothing was heard for too long."""
    outcome = Outcome.CONSULTED if account.is_consulted else Outcome.VANISHED
    return list(_close(account, visit, outcome, now_ms))


def _close(account: Account, visit: Visit, outcome: Outcome, now_ms: int) -> Iterator[Count]:
    yield from _consultation(account, visit, now_ms)
    if outcome in GAVE_UP and visit.state is VisitState.WAITING:
        yield _spread(visit, Spread.IN_VAIN, account.since_ms, now_ms)
    yield _count(visit, outcome, now_ms)


def _consultation(account: Account, visit: Visit, now_ms: int) -> Iterator[Count]:
    if account.joined_ms:
        yield _spread(visit, Spread.CONSULTATION, account.joined_ms, now_ms)


def _spread(visit: Visit, spread: Spread, since_ms: int, now_ms: int) -> Count:
    seconds = max(0, now_ms - since_ms) / 1000
    counted = _count(visit, f"{spread}:{bucket(seconds)}", now_ms)
    return Count(counted.clinic, counted.day, counted.what, seconds)


def bucket(seconds: float) -> str:
    """The bucket of a time: its upper bound in seconds."""
    return str(next(dropwhile(lambda bound: bound < seconds, BOUNDS_S), MORE))


def _count(visit: Visit, what: str, now_ms: int) -> Count:
    return Count(visit.clinic, (now_ms // 1000 + visit.utc_offset_s) // DAY_S, str(what))
