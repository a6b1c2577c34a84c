"""The rules of one pool's routing state as pure code: the memory stores run it, the Lua scripts mirror it.

Time comes in as milliseconds of the store's clock. See `placements.py` and `media_nodes.py` for the rules in words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from teleward_contract.media_nodes import (
    FORGET_AFTER_S,
    RECOVERY_S,
    STORE_GAP_S,
    SUSPECT_AFTER_S,
    BeatAnswer,
    Heartbeat,
    LiveCall,
    MediaNodeState,
    MediaNodeView,
)
from teleward_contract.placements import (
    RESERVATION_TTL_S,
    TOMBSTONE_TTL_S,
    Full,
    FullReason,
    Gone,
    Placed,
    Placement,
    Reaped,
    Recovering,
    ReplaceAnswer,
    ReserveAnswer,
    ResizeAnswer,
)
from teleward_contract.projections import PoolPolicy
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    PlacementEpoch,
    PoolId,
)

SOFT_LIMIT = 0.8
"""`Pack` fills media nodes up to this share, then spreads (research: packing a node to the brim hurts quality)."""


@dataclass(slots=True)
class _Node:
    heartbeat: Heartbeat
    beat_at: int
    suspect: bool = False
    cordoned: bool = False


@dataclass(slots=True)
class _Entry:
    placement: Placement
    at: int
    seen: int


@dataclass(slots=True)
class PoolTable:
    """One pool's media nodes and placements."""

    pool: PoolId
    choose: Callable[[int], int]
    """Draws a number below its argument; used by `TwoChoices` alone."""
    policy: PoolPolicy = PoolPolicy.PACK
    seen: bool = False
    recovered: bool = False
    """Whether live calls have had the time to be published again since the store was emptied."""
    since: int = 0
    last: int = 0
    nodes: dict[MediaNodeId, _Node] = field(default_factory=dict)
    entries: dict[CallId, _Entry] = field(default_factory=dict)
    tombstones: dict[CallId, tuple[PlacementEpoch, int]] = field(default_factory=dict)
    demand: int = 0

    def step(self, now: int) -> None:
        """Note that the store ran at `now`; a long silence restarts the observation."""
        if not self.seen:
            self.seen, self.since = True, now
        elif now - self.last > STORE_GAP_S * 1000:
            self.since = now
        self.last = now
        self.recovered = self.recovered or now - self.since >= RECOVERY_S * 1000

    # -- placements ----------------------------------------------------------------------------

    def reserve(self, call: CallId, cost: CapacityUnits, now: int) -> ReserveAnswer:
        """See `Placements.reserve`."""
        self.step(now)
        entry = self.entries.get(call)
        if entry is not None and self._holds(entry.placement, now):
            return Placed(placement=entry.placement, existing=True)
        return self._place(call, entry.placement.cost if entry else cost, now)

    def find(self, call: CallId) -> Placement | None:
        """See `Placements.find`."""
        entry = self.entries.get(call)
        return entry.placement if entry else None

    def confirm(self, call: CallId, epoch: PlacementEpoch, now: int) -> bool:
        """See `Placements.confirm`."""
        self.step(now)
        entry = self.entries.get(call)
        if entry is None or entry.placement.epoch != epoch:
            return False
        self._confirm(entry, now)
        return True

    def resize(
        self, call: CallId, epoch: PlacementEpoch, cost: CapacityUnits, now: int
    ) -> ResizeAnswer:
        """See `Placements.resize`."""
        self.step(now)
        entry = self.entries.get(call)
        if entry is None or entry.placement.epoch != epoch:
            return Gone()
        node = self.nodes.get(entry.placement.media_node)
        if node is None or not self._holds(entry.placement, now):
            return Gone()
        more = cost - entry.placement.cost
        if more > 0 and self._used(node) + more > node.heartbeat.capacity:
            return Full(reason=FullReason.NO_CAPACITY)
        entry.placement = entry.placement.model_copy(update={"cost": cost})
        return Placed(placement=entry.placement, existing=True)

    def release(self, call: CallId, epoch: PlacementEpoch, now: int) -> bool:
        """See `Placements.release`."""
        self.step(now)
        entry = self.entries.get(call)
        if entry is not None and entry.placement.epoch > epoch:
            return False
        self.entries.pop(call, None)
        buried, _ = self.tombstones.get(call, (epoch, 0))
        self.tombstones[call] = (max(epoch, buried), now + int(TOMBSTONE_TTL_S * 1000))
        return entry is not None and entry.placement.epoch == epoch

    def replace(self, call: CallId, epoch: PlacementEpoch, now: int) -> ReplaceAnswer:
        """See `Placements.replace`."""
        self.step(now)
        entry = self.entries.get(call)
        if entry is None or entry.placement.epoch < epoch:
            return Gone() if self.recovered else self._recovering(now)
        if self._holds(entry.placement, now):
            return Placed(placement=entry.placement, existing=True)
        return self._place(call, entry.placement.cost, now)

    def reap(self, now: int) -> Reaped:
        """See `Placements.reap`."""
        self.step(now)
        for media_node, node in list(self.nodes.items()):
            if now - max(node.beat_at, self.since) >= FORGET_AFTER_S * 1000:
                del self.nodes[media_node]
        expired: list[CallId] = []
        orphaned: list[Placement] = []
        for call, entry in list(self.entries.items()):
            age = now - max(entry.seen, self.since)
            if entry.placement.confirmed:
                if self._holds(entry.placement, now):
                    continue
                if age < FORGET_AFTER_S * 1000:
                    orphaned.append(entry.placement)
                    continue
            elif age < RESERVATION_TTL_S * 1000:
                continue
            del self.entries[call]
            expired.append(call)
        self.tombstones = {
            c: (e, until) for c, (e, until) in self.tombstones.items() if until > now
        }
        return Reaped(expired=tuple(sorted(expired)), orphaned=tuple(orphaned))

    # -- media nodes ---------------------------------------------------------------------------

    def beat(self, heartbeat: Heartbeat, now: int) -> BeatAnswer:
        """See `MediaNodes.beat`."""
        self.step(now)
        before = self.nodes.get(heartbeat.media_node)
        cordoned = before.cordoned if before else False
        self.nodes[heartbeat.media_node] = _Node(heartbeat, now, cordoned=cordoned)
        fenced = [live.call for live in heartbeat.calls if not self._settle(heartbeat, live, now)]
        listed = {live.call for live in heartbeat.calls}
        for call, entry in list(self.entries.items()):
            mine = (entry.placement.media_node, entry.placement.boot) == (
                heartbeat.media_node,
                heartbeat.boot,
            )
            stale = now - max(entry.seen, self.since) >= SUSPECT_AFTER_S * 1000
            if mine and entry.placement.confirmed and call not in listed and stale:
                del self.entries[call]
        return BeatAnswer(fenced=tuple(fenced), cordoned=cordoned)

    def _settle(self, heartbeat: Heartbeat, live: LiveCall, now: int) -> bool:
        """Agree on one live call; False when the media node must close it."""
        tombstone = self.tombstones.get(live.call)
        if tombstone is not None and tombstone[0] >= live.epoch:
            return False
        entry = self.entries.get(live.call)
        if entry is not None and entry.placement.epoch >= live.epoch:
            placement = entry.placement
            same = (placement.epoch, placement.media_node, placement.boot) == (
                live.epoch,
                heartbeat.media_node,
                heartbeat.boot,
            )
            if same:
                self._confirm(entry, now)
            return same
        restored = Placement(
            call=live.call, pool=self.pool, media_node=heartbeat.media_node, boot=heartbeat.boot,
            epoch=live.epoch, cost=live.cost, control_url=heartbeat.control_url, confirmed=True,
        )  # fmt: skip
        self.entries[live.call] = _Entry(restored, now, now)
        return True

    def views(self, now: int) -> tuple[MediaNodeView, ...]:
        """See `MediaNodes.views`."""
        self.step(now)
        return tuple(
            MediaNodeView(
                pool=self.pool, media_node=node.heartbeat.media_node, boot=node.heartbeat.boot,
                control_url=node.heartbeat.control_url, udp=node.heartbeat.udp,
                state=self._state(node), capacity=node.heartbeat.capacity, used=self._used(node),
                calls=len(node.heartbeat.calls), loop_lag_ms=node.heartbeat.loop_lag_ms,
                kernel_drops=node.heartbeat.kernel_drops, alive=self._alive(node, now),
            )
            for _, node in sorted(self.nodes.items())
        )  # fmt: skip

    def suspect(self, media_node: MediaNodeId, boot: BootId) -> None:
        """See `MediaNodes.suspect`."""
        node = self.nodes.get(media_node)
        if node is not None and node.heartbeat.boot == boot:
            node.suspect = True

    def cordon(self, media_node: MediaNodeId, *, cordoned: bool) -> None:
        """See `MediaNodes.cordon`."""
        node = self.nodes.get(media_node)
        if node is not None:
            node.cordoned = cordoned

    def retire(self, media_node: MediaNodeId, boot: BootId) -> None:
        """See `MediaNodes.retire`."""
        node = self.nodes.get(media_node)
        if node is not None and node.heartbeat.boot == boot:
            del self.nodes[media_node]

    # -- rules ---------------------------------------------------------------------------------

    def _alive(self, node: _Node, now: int) -> bool:
        quiet = now - max(node.beat_at, self.since)
        return not node.suspect and quiet < SUSPECT_AFTER_S * 1000

    def _holds(self, placement: Placement, now: int) -> bool:
        node = self.nodes.get(placement.media_node)
        return (
            node is not None and node.heartbeat.boot == placement.boot and self._alive(node, now)
        )

    @staticmethod
    def _state(node: _Node) -> MediaNodeState:
        if node.cordoned and node.heartbeat.state is MediaNodeState.ACTIVE:
            return MediaNodeState.CORDONED
        return node.heartbeat.state

    def _used(self, node: _Node) -> CapacityUnits:
        beat = node.heartbeat
        return CapacityUnits(
            sum(
                e.placement.cost
                for e in self.entries.values()
                if (e.placement.media_node, e.placement.boot) == (beat.media_node, beat.boot)
            )
        )

    @staticmethod
    def _confirm(entry: _Entry, now: int) -> None:
        entry.seen = now
        if not entry.placement.confirmed:
            entry.placement = entry.placement.model_copy(update={"confirmed": True})

    def _recovering(self, now: int) -> Recovering:
        return Recovering(retry_after_s=RECOVERY_S - (now - self.since) / 1000)

    def _place(self, call: CallId, cost: CapacityUnits, now: int) -> Placed | Full | Recovering:
        if not self.recovered:
            return self._recovering(now)
        serving = [
            node
            for _, node in sorted(self.nodes.items())
            if self._alive(node, now) and self._state(node) is MediaNodeState.ACTIVE
        ]
        fit = [node for node in serving if self._used(node) + cost <= node.heartbeat.capacity]
        if not fit:
            self.demand = now
            reason = FullReason.NO_CAPACITY if serving else FullReason.NO_MEDIA_NODES
            return Full(reason=reason)
        beat = self._pick(fit, cost).heartbeat
        placement = Placement(
            call=call, pool=self.pool, media_node=beat.media_node, boot=beat.boot,
            epoch=self._next_epoch(call, now), cost=cost, control_url=beat.control_url,
        )  # fmt: skip
        self.entries[call] = _Entry(placement, now, now)
        self.tombstones.pop(call, None)
        return Placed(placement=placement)

    def _next_epoch(self, call: CallId, now: int) -> PlacementEpoch:
        entry, tombstone = self.entries.get(call), self.tombstones.get(call)
        before = max(entry.placement.epoch if entry else 0, tombstone[0] if tombstone else 0)
        return PlacementEpoch(max(now, before + 1))

    def _pick(self, fit: list[_Node], cost: int) -> _Node:
        def share(node: _Node) -> float:
            return self._used(node) / max(node.heartbeat.capacity, 1)

        if self.policy is PoolPolicy.SPREAD:
            return min(fit, key=share)
        if self.policy is PoolPolicy.TWO_CHOICES:
            two = fit[self.choose(len(fit))], fit[self.choose(len(fit))]
            return min(two, key=share)
        below = [
            node for node in fit
            if self._used(node) + cost <= SOFT_LIMIT * node.heartbeat.capacity
        ]  # fmt: skip
        return max(below, key=share) if below else min(fit, key=share)
