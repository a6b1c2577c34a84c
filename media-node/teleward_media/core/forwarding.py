"""The forwarding plan: who is shown to whom, in which slot. Computed when membership changes."""

from dataclasses import dataclass, field

from teleward_contract.units import ParticipantId

from teleward_media.core.answer import SourceKind
from teleward_media.core.estimate import Sent


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


@dataclass(slots=True)
class Observed:
    """What the packet path saw since it was last asked."""

    feedback: dict[ParticipantId, tuple[Sent, float]] = field(default_factory=dict)
    """By receiver: the fate of what was sent to it, and its round trip in seconds."""
    octets: dict[tuple[SourceId, int], int] = field(default_factory=dict)
    """By source and layer: bytes that have arrived in all."""
