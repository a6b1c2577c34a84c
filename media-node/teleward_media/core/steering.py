"""From what was seen to what is sent: one estimate per receiver, one choice of layers per receiver.

Feed it what receivers tell as it comes, and what the packet path observed some ten times a second; it answers with
what is to change. A publisher whose picture has one layer only is told what its receivers' paths carry, as there is no
lower layer to give them.
"""

from dataclasses import dataclass, field

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.allocate import UPGRADE_MARGIN, VOICE_BPS, Demand, allocate
from teleward_media.core.estimate import MOST_BPS, MUCH_LOSS, Estimator
from teleward_media.core.forwarding import (
    ForwardingPlan,
    Heard,
    Interest,
    Interests,
    Observed,
    Orders,
    Output,
    SourceId,
)

EVERY_S = 0.1
"""Between two decisions: two feedbacks of a browser, and a fraction of the second in which a fall must be answered."""
URGENT = 0.8
"""An estimate that falls to less than this share at once is answered at once: a queue grows meanwhile. Ours:
below `estimate.DECREASE`, so that a plain decrease waits its turn."""
MEASURE_S = 1.0
"""Over which a layer's bitrate is taken: a picture's frames differ by a factor of ten. Ours."""
PICTURE_BPS = 2_000_000
"""What a picture of one layer could use if it were allowed to: the pages' highest encoding
(`frontend/src/call/encodings.ts`, 1.7 Mbit/s), with headers and some room."""
CHANGE = 0.03
"""A cap that differs by less than this share is not told anew (libwebrtc's kSendThresholdPercent, by which it sends a
REMB at once)."""
UNKNOWN = float("inf")
"""To who never told anything everything is sent; who told, and has fallen silent, gets less (`Estimator.unheard`)."""


@dataclass(slots=True)
class _Wants:
    """What one receiver is to get."""

    pictures: list[Demand] = field(default_factory=list)
    voices_bps: float = 0.0

    def enough_bps(self, loss: float) -> float:
        """The estimate at which all that it could use is chosen, when this share of it is lost."""
        pictures = sum(
            max(PICTURE_BPS, d.layers_bps[0]) if len(d.layers_bps) < 2
            else UPGRADE_MARGIN * d.layers_bps[min(d.most, len(d.layers_bps) - 1)]
            for d in self.pictures if d.layers_bps and d.most >= 0
        )  # fmt: skip
        return self.voices_bps + pictures / (1 - min(loss, MUCH_LOSS))

    @property
    def is_sent_anything(self) -> bool:
        """Whether pictures come to it that it would tell of."""
        return any(d.most >= 0 and max(d.layers_bps, default=0.0) > 0 for d in self.pictures)


class Steering:
    """All receivers of one media node."""

    def __init__(self) -> None:
        self._estimators: dict[ParticipantId, Estimator] = {}
        self._remb: dict[ParticipantId, int] = {}
        self._costs: dict[SourceId, tuple[float, ...]] = {}
        """By source: bits a second of each of its layers, lowest first."""
        self._counted: dict[tuple[SourceId, int], int] = {}
        self._counted_at: Seconds | None = None
        self._present: dict[Output, int] = {}
        self._steered_plan: ForwardingPlan = {}
        self._caps: dict[ParticipantId, float] = {}
        self._known_wants: dict[ParticipantId, _Wants] = {}
        self._wants_of: tuple[ForwardingPlan, Interests, object] = {}, {}, None

    def estimate_bps(self, receiver: ParticipantId) -> float | None:
        """What the receiver's path is thought to carry; None while nothing is known."""
        estimator = self._estimators.get(receiver)
        return estimator.bps if estimator else None

    def hear(self, heard: Heard, now: Seconds) -> bool:
        """Take in feedback as it comes, so that it is not all worked off at once.

        Returns:
            Whether a path has become so much narrower that the next decision should not wait.
        """
        is_urgent = False
        for receiver, (told, round_trip_s) in heard.items():
            estimator = self._estimators.setdefault(receiver, Estimator())
            before = estimator.bps
            estimator.heard(told, now, round_trip_s)
            is_urgent = is_urgent or estimator.bps < URGENT * before
        return is_urgent

    def decide(
        self, seen: Observed, plan: ForwardingPlan, interests: Interests, now: Seconds
    ) -> Orders:
        """Choose the layer of every picture in the plan, and what receivers and publishers are told."""
        self._measure(seen, now)
        wants = self._wanted(plan, interests)
        orders = Orders()
        self._estimators = {r: e for r, e in self._estimators.items() if r in wants}
        self._remb = {r: b for r, b in (self._remb | seen.remb_bps).items() if r in wants}
        chosen: dict[Output, int] = {}
        for receiver, want in wants.items():
            chosen |= allocate(self._budget(receiver, want), want.pictures, self._present)
            estimator = self._estimators.get(receiver)
            if estimator is not None:
                if want.is_sent_anything:
                    estimator.unheard(now)
                orders.estimates[receiver] = estimator.bps
                probe = estimator.probe(want.enough_bps(estimator.loss), now)
                if probe is not None:
                    orders.probes[receiver] = probe
        is_other = plan is not self._steered_plan  # who went and came back has forgotten its layer
        orders.layers = [
            (o, index) for o, index in chosen.items() if is_other or self._present.get(o) != index
        ]
        self._present, self._steered_plan = chosen, plan
        self._cap(plan, wants, orders)
        return orders

    def _budget(self, receiver: ParticipantId, want: _Wants) -> float:
        """What is left for pictures when the voices have theirs, and what is lost is sent again."""
        estimator = self._estimators.get(receiver)
        if estimator is None:
            return self._remb.get(receiver, UNKNOWN) - want.voices_bps
        return (estimator.bps - want.voices_bps) * (1 - estimator.loss)

    def _cap(
        self, plan: ForwardingPlan, wants: dict[ParticipantId, _Wants], orders: Orders
    ) -> None:
        """Tell publishers of one layer what the best of their receivers can take."""
        caps: dict[ParticipantId, float] = {}
        for source, outputs in plan.items():
            if source.kind == "microphone" or not outputs:
                continue
            if sum(rate > 0 for rate in self._costs.get(source, ())) > 1:
                continue
            best = max(self._share(output.participant, wants) for output in outputs)
            cap = min(MOST_BPS, max(0.0, best) + VOICE_BPS)  # some claim to take nothing
            caps[source.participant] = max(cap, caps.get(source.participant, 0.0))
        for publisher in self._caps.keys() - caps.keys():
            caps[publisher] = MOST_BPS
        for publisher, cap in caps.items():
            before = self._caps.get(publisher, MOST_BPS)
            if abs(cap - before) > CHANGE * before:
                orders.caps[publisher] = self._caps[publisher] = cap
        self._caps = {p: cap for p, cap in self._caps.items() if p in caps}

    def _share(self, receiver: ParticipantId, wants: dict[ParticipantId, _Wants]) -> float:
        """What one picture may have of a receiver's path."""
        want = wants[receiver]
        return self._budget(receiver, want) / max(1, len(want.pictures))

    def _measure(self, seen: Observed, now: Seconds) -> None:
        if self._counted_at is None:
            self._counted, self._counted_at = seen.octets, now
        span = now - self._counted_at
        if span < MEASURE_S:
            return
        costs: dict[SourceId, list[float]] = {}
        for (source, index), octets in sorted(seen.octets.items()):
            layers = costs.setdefault(source, [])
            layers += [0.0] * (index + 1 - len(layers))
            before = self._counted.get((source, index), 0)
            layers[index] = (octets - before if octets >= before else octets) * 8 / span
        self._costs = {source: tuple(layers) for source, layers in costs.items()}
        self._counted, self._counted_at = seen.octets, now

    def _wanted(self, plan: ForwardingPlan, interests: Interests) -> dict[ParticipantId, _Wants]:
        """What each receiver is to get; put together anew only when plan, interests or costs are others."""
        known = self._wants_of
        if plan is not known[0] or interests is not known[1] or self._costs is not known[2]:
            self._wants_of = plan, interests, self._costs
            self._known_wants = self._wants(plan, interests)
        return self._known_wants

    def _wants(self, plan: ForwardingPlan, interests: Interests) -> dict[ParticipantId, _Wants]:
        wants: dict[ParticipantId, _Wants] = {}
        for source, outputs in plan.items():
            costs = self._costs.get(source, (0.0,))
            for output in outputs:
                want = wants.setdefault(output.participant, _Wants())
                if source.kind == "microphone":
                    want.voices_bps += max(VOICE_BPS, costs[0])
                else:
                    how = interests.get(output, Interest())
                    want.pictures.append(Demand(output, costs, how.rank, how.most))
        return wants
