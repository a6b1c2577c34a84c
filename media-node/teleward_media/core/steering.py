"""From what was seen to what is sent: one estimate per receiver, one choice of layers per receiver.

Feed it what the packet path observed, some ten times a second; it answers with the layer of each output.
"""

from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.allocate import VOICE_BPS, Demand, allocate
from teleward_media.core.estimate import Estimator
from teleward_media.core.forwarding import ForwardingPlan, Observed, Output, SourceId

EVERY_S = 0.1
"""Between two decisions: two feedbacks of a browser, and a fraction of the second in which a fall must be answered."""
MEASURE_S = 1.0
"""Over which a layer's bitrate is taken: a picture's frames differ by a factor of ten."""


class Steering:
    """All receivers of one media node."""

    def __init__(self) -> None:
        self._estimators: dict[ParticipantId, Estimator] = {}
        self._rates: dict[tuple[SourceId, int], float] = {}
        self._counted: dict[tuple[SourceId, int], int] = {}
        self._counted_at: Seconds | None = None
        self._present: dict[Output, int] = {}

    def estimate_bps(self, receiver: ParticipantId) -> float | None:
        """What the receiver's path is thought to carry; None while nothing is known."""
        estimator = self._estimators.get(receiver)
        return estimator.bps if estimator else None

    def decide(
        self, seen: Observed, plan: ForwardingPlan, now: Seconds
    ) -> list[tuple[Output, int]]:
        """Choose the layer of every picture in the plan; what is not named stays as it was."""
        self._measure(seen, now)
        for receiver, (told, round_trip_s) in seen.feedback.items():
            self._estimators.setdefault(receiver, Estimator()).heard(told, now, round_trip_s)
        pictures, voices = self._demands(plan)
        self._estimators = {
            r: e for r, e in self._estimators.items() if r in pictures or r in voices
        }
        chosen: dict[Output, int] = {}
        for receiver, demands in pictures.items():
            estimator = self._estimators.get(receiver)
            # Nothing is ever concluded from silence: without feedback everything is sent.
            budget = (
                estimator.bps - VOICE_BPS * voices.get(receiver, 0) if estimator else float("inf")
            )
            chosen |= allocate(budget, demands, self._present)
        changed = [(o, index) for o, index in chosen.items() if self._present.get(o) != index]
        self._present = chosen
        return changed

    def _measure(self, seen: Observed, now: Seconds) -> None:
        if self._counted_at is None:
            self._counted, self._counted_at = seen.octets, now
        span = now - self._counted_at
        if span < MEASURE_S:
            return
        self._rates = {
            key: (octets - self._counted.get(key, 0)) * 8 / span
            for key, octets in seen.octets.items()
        }
        self._counted, self._counted_at = seen.octets, now

    def _demands(
        self, plan: ForwardingPlan
    ) -> tuple[dict[ParticipantId, list[Demand]], dict[ParticipantId, int]]:
        pictures: dict[ParticipantId, list[Demand]] = {}
        voices: dict[ParticipantId, int] = {}
        layers: dict[SourceId, dict[int, float]] = {}
        for (source, index), rate in self._rates.items():
            layers.setdefault(source, {})[index] = rate
        for source, outputs in plan.items():
            rates = layers.get(source, {})
            costs = tuple(rates.get(index, 0.0) for index in range(max(rates, default=0) + 1))
            for output in outputs:
                if source.kind == "microphone":
                    voices[output.participant] = voices.get(output.participant, 0) + 1
                else:
                    pictures.setdefault(output.participant, []).append(Demand(output, costs))
        return pictures, voices
