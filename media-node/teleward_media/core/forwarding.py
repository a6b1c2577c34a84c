"""The forwarding plan: who is shown to whom, in which slot. Computed when membership changes."""

from dataclasses import dataclass

from teleward_contract.units import ParticipantId

from teleward_media.core.answer import SourceKind


@dataclass(frozen=True, slots=True)
class SourceId:
    """One thing that a participant sends."""

    participant: ParticipantId
    kind: SourceKind


@dataclass(frozen=True, slots=True)
class Output:
    """One slot of one receiver."""

    participant: ParticipantId
    mid: str


ForwardingPlan = dict[SourceId, tuple[Output, ...]]
"""source → the slots it appears in; a source that is not in the plan is not forwarded."""
