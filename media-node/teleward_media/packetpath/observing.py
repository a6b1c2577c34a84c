"""What the packet path tells of itself: some ten times a second for steering, every few seconds for people."""

from teleward_contract.units import Seconds

from teleward_media.core.forwarding import Observed, Quality, SourceId
from teleward_media.core.trend import Sent
from teleward_media.packetpath.peer_path import FLOODING_S, PeerPath, Tally


def take_heard(path: PeerPath) -> tuple[Sent, float]:
    """Hand over what one receiver told since the last time."""
    heard, path.feedback = path.feedback, Sent()
    return heard, path.round_trip_s


def look_at(path: PeerPath, seen: Observed, brought: dict[tuple[SourceId, int], int]) -> None:
    """Add what one peer showed since the last look; `brought` counts on where one peer follows another."""
    if path.is_alive:
        seen.alive.add(path.number)
        path.is_alive = False
    if path.over_s >= FLOODING_S:
        seen.flooding.add(path.id)
    if path.remb_bps is not None:
        seen.remb_bps[path.id] = path.remb_bps
    for layer in path.layers.values():
        key = layer.source, layer.index
        brought[key] = brought.get(key, 0) + layer.octets - layer.looked
        layer.looked = layer.octets
        seen.octets[key] = brought[key]
        seen.heard_at[layer.source] = max(
            layer.heard_at, seen.heard_at.get(layer.source, layer.heard_at)
        )
        if layer.levels:
            seen.levels[path.id] = seen.levels.get(path.id, []) + layer.levels
            layer.levels = []


def take_quality(path: PeerPath, now: Seconds) -> Quality:
    """Tell how one peer's path did since this was last asked."""
    before, layers, slots = path.tally, path.layers.values(), path.slots.values()
    after = path.tally = Tally(
        at=now,
        received=sum(layer.received for layer in layers),
        expected=sum(layer.expected for layer in layers),
        octets_in=sum(layer.octets for layer in layers),
        octets_out=sum(slot.octets for slot in slots),
    )
    span = now - before.at
    expected = after.expected - before.expected
    lost = expected - (after.received - before.received)
    reported = max((slot.fraction_lost / 256 for slot in slots if slot.is_reported), default=None)
    return Quality(
        round_trip_s=path.round_trip_s if path.has_round_trip else None,
        up_loss=max(0.0, lost / expected) if expected > 0 else None,
        up_jitter_s=max((layer.jitter / layer.clock_rate for layer in layers), default=0.0),
        up_bps=_rate(after.octets_in - before.octets_in, span),
        down_loss=before.told_lost / before.told if before.told else reported,
        down_jitter_s=max((slot.jitter / slot.clock_rate for slot in slots), default=0.0),
        down_bps=_rate(after.octets_out - before.octets_out, span),
    )


def _rate(octets: int, span_s: float) -> float:
    return max(0.0, octets * 8 / span_s) if span_s > 0 else 0.0
