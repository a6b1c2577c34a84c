"""A status as it should be, and whether it has to be written. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from teleward_contract.resources import Seen, Unreadable

from teleward_operator.core.conditions import (
    ConditionType,
    Reason,
    Verdict,
    conditions,
    is_programmed,
    refuse,
    summarise,
)

COUNTERS = frozenset(
    {
        "waiting", "longestWaitingSince", "inConsultation", "participants",
        "usedUnits", "calls", "units",
    }
)  # fmt: skip
"""Fast fields of a status: no reason for a write more than every 15 s."""

FAULTS_NAMED = 3
"""More would not be read."""


@dataclass(frozen=True, slots=True)
class StatusWrite:
    """The whole status an object should have."""

    resource: Seen
    status: dict[str, object]


def compose(
    resource: Seen, wrong: tuple[Verdict, ...], extra: Mapping[str, object], now: str
) -> StatusWrite:
    """Make a status from what is wrong and the fields of its kind.

    Args:
        resource: As last seen.
        wrong: What keeps it from being ready; nothing means all is well.
        extra: The fields beside observedGeneration and conditions.
        now: RFC 3339 wallclock, for conditions that change.
    """
    generation = resource.metadata.generation
    before = resource.status.get("conditions")
    written = conditions(summarise(wrong), generation, before, now)
    return StatusWrite(
        resource, {"observedGeneration": generation, "conditions": written, **extra}
    )


def plan_unreadable(found: Unreadable, now: str) -> StatusWrite:
    """Say what is not understood; everything else that the status says stays."""
    named = "; ".join(found.faults[:FAULTS_NAMED])
    wrong = (
        refuse(
            ConditionType.ACCEPTED, Reason.INVALID_SPEC,
            f"This release does not understand it: {named}. What was declared before stays in force. "
            "Correct it, or apply the crds/ of the release that runs.",
        ),
        refuse(ConditionType.PROGRAMMED, Reason.NOT_PROGRAMMED, "See Accepted."),
    )  # fmt: skip
    kept = {k: v for k, v in found.status.items() if k not in ("conditions", "observedGeneration")}
    return compose(found, wrong, kept, now)


def unanswered(writes: tuple[StatusWrite, ...]) -> tuple[StatusWrite, ...]:
    """What may be written while the routing state is silent: only what was never programmed.

    A short silence changes nothing that stands, so that conditions do not flap.
    """
    return tuple(
        write
        for write in writes
        if not is_programmed(write.resource.status, write.resource.metadata.generation)
    )


def difference(write: StatusWrite, *, are_counters_due: bool) -> dict[str, object] | None:
    """The status to write if it differs from what stands, else None.

    Counters alone are no reason to write before they are due; with anything else they go along.
    """
    stands, wanted = write.resource.status, write.status
    if wanted == stands:
        return None
    if are_counters_due or _without_counters(wanted) != _without_counters(stands):
        return wanted
    return None


def _without_counters(status: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in status.items() if key not in COUNTERS}
