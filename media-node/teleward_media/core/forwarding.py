"""The forwarding plan: who is shown to whom, in which slot. Computed when membership changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import SourceKind
from teleward_media.core.estimate import Probe
from teleward_media.core.trend import Sent


class SourceId(NamedTuple):
    """One thing that a participant sends."""

    participant: ParticipantId
    kind: SourceKind


class Output(NamedTuple):
    """One slot of one receiver."""

    participant: ParticipantId
    mid: str


ForwardingPlan = dict[SourceId, tuple[Output, ...]]
"""source → the slots it appears in; a source that is not in the plan is not forwarded."""


@dataclass(frozen=True, slots=True)
class Interest:
    """How much a receiver cares for what one of its slots shows."""

    rank: int = 2
    """Lower comes first: 0 pinned, 1 who speaks, 2 the rest."""
    most: int = 2
    """The highest layer that is of use at the size shown; `HIDDEN`: nothing need be sent."""


HIDDEN = -1
"""A layer lower than all: not even the lowest."""

Interests = Mapping[Output, Interest]
"""What is not named is of middling interest at full size."""


Heard = dict[ParticipantId, tuple[Sent, float]]
"""By receiver: the fate of what was sent to it, and its round trip in seconds."""


@dataclass(slots=True)
class Observed:
    """What the packet path saw since it was last asked."""

    remb_bps: dict[ParticipantId, int] = field(default_factory=dict)
    """By receiver that sends no transport-wide feedback: what it says that it can take."""
    octets: dict[tuple[SourceId, int], int] = field(default_factory=dict)
    """By source and layer: bytes that have arrived in all."""
    heard_at: dict[SourceId, Seconds] = field(default_factory=dict)
    """When anything of a source last arrived."""
    alive: set[int] = field(default_factory=set)
    """Numbers of the peers from whom something came that their keys opened."""
    flooding: set[ParticipantId] = field(default_factory=set)
    """Who has sent far more than anybody needs for seconds."""
    levels: dict[ParticipantId, list[int]] = field(default_factory=dict)
    """By speaker: audio levels of the packets that arrived, in -dBov (RFC 6464: 0 is loudest, 127 silence)."""


@dataclass(slots=True)
class Orders:
    """What steering decided: by output and by receiver, only what is new."""

    layers: list[tuple[Output, int]] = field(default_factory=list)
    """The layer (0 is the lowest) that an output should carry from now on; `HIDDEN` for none."""
    estimates: dict[ParticipantId, float] = field(default_factory=dict)
    """By receiver: what its path carries, in bit/s; repairs keep within a share of it."""
    probes: dict[ParticipantId, Probe] = field(default_factory=dict)
    """By receiver: bursts to be sent now."""
    caps: dict[ParticipantId, float] = field(default_factory=dict)
    """By publisher: what it may send in all, in bit/s."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How the path to and from one participant did since it was last asked; None where nothing is known."""

    round_trip_s: float | None
    up_loss: float | None
    """Share of the packets it sent that did not arrive by themselves."""
    up_jitter_s: float
    up_bps: float
    down_loss: float | None
    """Share of the packets sent to it that it reported as lost; without transport-wide feedback, of its worst slot."""
    down_jitter_s: float
    down_bps: float
