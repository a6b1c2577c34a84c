"""What must hold of a packet path whatever its peers sent: every list and dict within its stated bound, nobody lost."""

from teleward_media.core.estimate import MAX_ACKED
from teleward_media.core.steering import Steering
from teleward_media.core.trend import TREND_GROUPS
from teleward_media.packetpath.layer import MAX_LEVELS, MAX_MISSING, RING, Layer
from teleward_media.packetpath.learning import MAX_STREAMS
from teleward_media.packetpath.peer_path import HISTORY, MAX_UNREPORTED, PeerPath
from teleward_media.packetpath.repair import MAX_QUEUE
from teleward_media.packetpath.slot import MAX_SEGMENTS, Slot

from teleward_testing.packet_call import PacketCall


def check(call: PacketCall) -> None:
    """Check every peer of a call, and steering.

    Raises:
        AssertionError: A bound is exceeded, or a slot and its layer disagree.
    """
    peers = call.path._peers
    assert sorted(peers) == sorted(n for numbers in call.numbers.values() for n in numbers)
    for path in peers.values():
        _check_peer(path)
        for slot in path.slots.values():
            _check_slot(slot, call)
        for layer in path.layers.values():
            _check_layer(layer, call)
    assert call.ingress.count == 0
    assert not call.path._out._dirty, "something was written and not sent"
    _check_steering(call.steering)


def _check_peer(path: PeerPath) -> None:
    assert len(path.layers) + len(path.repairs) <= MAX_STREAMS
    assert len(path.arrived) <= MAX_UNREPORTED
    assert len(path.queue) <= MAX_QUEUE
    assert path.pending == []
    told = path.feedback
    assert len(told.sent_at) == len(told.arrived_at) == len(told.sizes) <= HISTORY
    assert len(path.sent_at) == len(path.sent_size) == HISTORY
    assert 0 <= path.round_trip_s <= 10
    assert path.repair.tokens <= path.repair.burst


def _check_slot(slot: Slot, call: PacketCall) -> None:
    assert len(slot.segments) <= MAX_SEGMENTS
    assert len(slot.resent) <= 2 * MAX_QUEUE
    for layer in (slot.layer, slot.awaited):
        assert layer is None or layer.peer in call.path._peers
    assert slot.layer is None or slot.layer.takers.count(slot) == 1
    assert slot.layer is None or slot.segments[-1].layer is slot.layer
    assert slot.awaited is None or slot.awaited.waiting.count(slot) == 1
    newest = slot.newest[0].layer if slot.newest else None
    assert newest is None or newest.peer in call.path._peers or not any(newest.payloads)
    for segment in slot.segments:
        layer = segment.layer
        assert layer.peer in call.path._peers, "a ring of somebody who is gone"
        is_live = call.path._peers[layer.peer].layers.get(layer.ssrc) is layer
        assert is_live or not any(layer.payloads), "a ring that nobody fills any more"


def _check_layer(layer: Layer, call: PacketCall) -> None:
    assert len(layer.payloads) == RING
    assert len(layer.missing) <= MAX_MISSING
    assert len(layer.levels) <= MAX_LEVELS
    for slot in (*layer.takers, *layer.waiting):
        assert slot.peer in call.path._peers
    assert all(slot.layer is layer for slot in layer.takers)
    assert all(slot.awaited is layer for slot in layer.waiting)


def _check_steering(steering: Steering) -> None:
    for estimator in steering._estimators.values():
        assert len(estimator._acked) <= MAX_ACKED
        assert len(estimator._trend._line._points) <= TREND_GROUPS
        assert len(estimator._probe_seen) <= HISTORY
        assert estimator.bps == estimator.bps, "not a number"
