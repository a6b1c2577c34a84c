"""Who is there and which layer each slot carries: the plan and the wanted layers, applied to peers that come and go.

A participant may have two peers for a while (it changes networks or media nodes): both receive the same, and what the
newer one sends takes over at its first keyframe.
"""

from collections.abc import Callable, Iterable, Iterator

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.forwarding import HIDDEN, ForwardingPlan, Output, SourceId
from teleward_media.packetpath.layer import Layer
from teleward_media.packetpath.peer_path import PeerPath
from teleward_media.packetpath.slot import Slot

ALIVE_S = Seconds(0.5)
"""A layer that has ended no frame for longer is not chosen if another has: a browser that must send less stops its
higher encodings at once, but what its pacer holds trickles out for seconds. Ours: ten of the pauses between
two pictures of a camera in the dark (`core/member.STALLED_S`)."""


class Casting:
    """All peers of one media node and what their slots carry. `ask(layer, now)` asks for a keyframe."""

    def __init__(self, ask: Callable[[Layer, Seconds], None]) -> None:
        self._ask = ask
        self.peers: dict[int, PeerPath] = {}
        """By number."""
        self._of: dict[ParticipantId, list[PeerPath]] = {}
        """Oldest first."""
        self._shown: dict[Output, SourceId] = {}
        self._appears: ForwardingPlan = {}
        self._wanted: dict[Output, int] = {}

    def of(self, participant: ParticipantId) -> list[PeerPath]:
        """The participant's peers, oldest first."""
        return self._of.get(participant, [])

    def add(self, path: PeerPath, now: Seconds) -> None:
        """Take in a peer beside what the participant has."""
        self.peers[path.number] = path
        self._of.setdefault(path.id, []).append(path)
        for mid, slot in path.slots.items():
            output = Output(path.id, mid)
            slot.source = self._fitting(slot, self._shown.get(output))
            slot.wanted_index = self._wanted.get(output, 0)
            self.aim(slot, now)

    def remove(self, number: int) -> None:
        """Forget a peer, its keys and its rings."""
        path = self.peers.pop(number, None)
        if path is None:
            return
        path.pending.clear()
        path.queue.clear()
        for layer in path.layers.values():
            layer.empty()  # a slot may remember what it carried last
        beside = self._of[path.id]
        beside.remove(path)
        if not beside:
            del self._of[path.id]
        for slot in path.slots.values():
            slot.wait_for(None)
            slot.stop()
        for other in self.peers.values():
            for slot in other.slots.values():
                slot.forget(number)

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Replace the forwarding plan."""
        shown = {output: source for source, outputs in plan.items() for output in outputs}
        changed = [
            o for o in self._shown.keys() | shown.keys() if self._shown.get(o) != shown.get(o)
        ]
        self._shown, self._appears = shown, plan
        self._wanted = {o: index for o, index in self._wanted.items() if o in shown}
        for output in changed:
            for slot in self._slots(output):
                slot.source = self._fitting(slot, shown.get(output))
                slot.wanted_index = self._wanted.get(output, 0)
                self.aim(slot, now)

    def steer(self, layers: Iterable[tuple[Output, int]], now: Seconds) -> None:
        """Say which layer each output should carry; without a word it is the lowest."""
        for output, index in layers:
            self._wanted[output] = index
            for slot in self._slots(output):
                if slot.wanted_index != index:
                    slot.wanted_index = index
                    self.aim(slot, now)

    def _slots(self, output: Output) -> Iterator[Slot]:
        for path in self.of(output.participant):
            slot = path.slots.get(output.mid)
            if slot is not None:
                yield slot

    @staticmethod
    def _fitting(slot: Slot, source: SourceId | None) -> SourceId | None:
        """The source, if it is of the slot's kind: a newer peer's sections may be in another order."""
        if source is None or (source.kind == "microphone") != (slot.section.kind == "audio"):
            return None
        return source

    def aim(self, slot: Slot, now: Seconds) -> None:
        """Choose the layer that a slot should carry, and wait for its next keyframe."""
        layer = self._choose(slot, now)
        if slot.layer is not None and (layer is None or slot.layer.source != slot.source):
            slot.stop()
        if layer is None or layer is slot.layer:
            slot.wait_for(None)
            return
        if layer is slot.awaited:
            return
        slot.wait_for(layer)
        self._ask(layer, now)

    def aim_all(self, source: SourceId, now: Seconds) -> None:
        """Choose anew wherever a source appears: it has a layer more or less."""
        for output in self._appears.get(source, ()):
            for slot in self._slots(output):
                self.aim(slot, now)

    def aim_pictures(self, now: Seconds) -> None:
        """Choose anew for every picture, as layers may have fallen silent or come back, and where nothing is there."""
        for path in self.peers.values():
            for slot in path.slots.values():
                if slot.source is not None and (
                    slot.section.kind == "video" or slot.layer is None
                ):
                    self.aim(slot, now)

    def _choose(self, slot: Slot, now: Seconds) -> Layer | None:
        if slot.source is None or slot.wanted_index == HIDDEN:
            return None
        resort: list[Layer] = []
        for publisher in reversed(self.of(slot.source.participant)):
            layers = [
                one for one in publisher.layers_of(slot.source) if one.codec in slot.payload_types
            ]
            alive = [one for one in layers if now - one.framed_at < ALIVE_S]
            if alive:
                return _best(alive, slot.wanted_index)
            resort = resort or layers
        return _best(resort, slot.wanted_index) if resort else None


def _best(layers: list[Layer], wanted_index: int) -> Layer:
    """The highest that is wanted, else the lowest there is; `layers` ascend."""
    fitting = [one for one in layers if one.index <= wanted_index]
    return fitting[-1] if fitting else layers[0]
