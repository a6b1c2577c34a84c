"""Names for identifiers and units, so that mypy tells a pool from a call."""

from typing import NewType

Seconds = NewType("Seconds", float)
"""Monotonic or store seconds; never a wallclock unless the name says so."""

CapacityUnits = NewType("CapacityUnits", int)
"""Capacity of a media node or cost of a call: one unit is one person's media sent to one other."""

Namespace = NewType("Namespace", str)
"""A Kubernetes namespace; it holds one organisation."""

PoolId = NewType("PoolId", str)
"""A MediaPool as `namespace/name`."""

MediaNodeId = NewType("MediaNodeId", str)
"""A media node's stable name, unique in its pool."""

BootId = NewType("BootId", str)
"""One life of a media node's process: random, new at every start."""

CallId = NewType("CallId", str)
"""A call: `visit:<visit id>` or `room:<uid of the room>`."""

ParticipantId = NewType("ParticipantId", str)
"""A person in one call; opaque, stable across that person's reconnects."""

PlacementEpoch = NewType("PlacementEpoch", int)
"""Rises each time a call is placed; fences media nodes."""

LeaderEpoch = NewType("LeaderEpoch", int)
"""Rises each time the operator's leadership moves; fences the operator's writes."""


MOST_SHOWN = 9
"""Others whose pictures one participant of a large call is sent at a time; pages offer no more receive slots."""


def call_cost(participants: int) -> CapacityUnits:
    """Cost of a call of `participants`: everybody is sent the media of every other, of nine others at the most."""
    return CapacityUnits(participants * min(participants - 1, MOST_SHOWN))
