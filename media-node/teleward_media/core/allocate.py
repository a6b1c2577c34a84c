"""Which layer of each picture a receiver gets, so that all of them together fit its path.

Every picture has its lowest layer, whatever the estimate: a small picture is better than none. What is left of the
budget goes to the pictures in order of rank, one layer at a time, so that no picture gets its third layer before
those of the same rank have their second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teleward_media.core.forwarding import Output

VOICE_BPS = 50_000
"""Set aside for each voice before any picture, at the least: Opus at its default 32 kbit/s, with headers and SRTP."""
UPGRADE_MARGIN = 1.15
"""A layer above the present one must fit with this much to spare, so that the choice does not swing. Ours; the Jitsi
Videobridge asks as much of a change of the estimate (bwe-change-threshold)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One picture that a receiver is to see."""

    output: Output
    layers_bps: tuple[float, ...]
    """What each layer costs, lowest first."""
    rank: int = 0
    """Lower comes first: pinned, then who speaks, then the rest."""
    most: int = 2
    """The highest layer that is of use at the size in which the picture is shown; below 0 when it is not shown."""


def allocate(
    budget_bps: float, demands: Sequence[Demand], present: Mapping[Output, int]
) -> dict[Output, int]:
    """Choose a layer for each picture; `present` is what was chosen last."""
    chosen = {demand.output: min(0, demand.most) for demand in demands}
    if all(len(demand.layers_bps) < 2 for demand in demands):
        return chosen  # the common call of two
    left = budget_bps - sum(d.layers_bps[0] for d in demands if d.layers_bps and d.most >= 0)
    for rank in sorted({demand.rank for demand in demands}):
        group = [demand for demand in demands if demand.rank == rank]
        for index in range(1, max(len(demand.layers_bps) for demand in group)):
            for demand in group:
                if chosen[demand.output] != index - 1 or index > demand.most:
                    continue
                if index >= len(demand.layers_bps):
                    continue
                more = demand.layers_bps[index] - demand.layers_bps[index - 1]
                margin = UPGRADE_MARGIN if index > present.get(demand.output, 0) else 1.0
                if more * margin <= left:
                    left -= more
                    chosen[demand.output] = index
    return chosen
