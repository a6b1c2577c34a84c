"""Prometheus metrics of the gateway; labels are bounded, never a person, never a visit."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from teleward_gateway.core.accounts import BOUNDS_S, Outcome, Spread


class PrometheusMeter:
    """See `Meter`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"teleward_gateway_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"teleward_gateway_{name}", text, labels, registry=registry)

        self._entries = counter("entries_total", "Attempts to enter.", "outcome")
        self._sign_ins = counter("sign_ins_total", "Sign-ins of staff.", "outcome")
        self._call_ins = counter("call_ins_total", "Call-ins.", "outcome")
        self._frames_refused = counter("frames_refused_total", "Frames refused.", "code")
        self._refusals = counter("refusals_total", "Requests and sockets refused.", "code")
        self._moves = counter(
            "call_moves_total", "Media nodes suspected and calls re-placed.", "what"
        )
        self._reaped = counter("reaped_total", "Placements freed by the reaper.")
        self._sockets = gauge("sockets", "Open sockets.", "kind")
        self._available = gauge("routing_available", "1 while the routing state answers.")
        self._seconds = Histogram(
            "teleward_gateway_request_seconds", "Time to answer a request.", ["route"],
            registry=registry,
        )  # fmt: skip

        self._outcomes = counter("visit_outcomes_total", "Visits that are over.", "outcome")
        self._audit_lost = counter("audit_lost_total", "Events that the audit lacks.")
        self._spreads = {
            spread: Histogram(
                f"teleward_gateway_{spread}_seconds", text, buckets=BOUNDS_S, registry=registry
            )
            for spread, text in {
                Spread.WAITED: "Time until called in.",
                Spread.IN_VAIN: "Time until patients who were never seen left or vanished.",
                Spread.CONSULTATION: "Length of consultations.",
            }.items()
        }

    def counted(self, what: str, seconds: float) -> None:
        """See `Tally`."""
        if what in set(Spread):
            self._spreads[Spread(what)].observe(seconds)
        elif what in set(Outcome):
            self._outcomes.labels(outcome=what).inc()

    def audit_lost(self) -> None:
        """See `Tally`."""
        self._audit_lost.inc()

    def entered(self, outcome: str) -> None:
        """See `Meter`."""
        self._entries.labels(outcome=outcome).inc()

    def signed_in(self, outcome: str) -> None:
        """See `Meter`."""
        self._sign_ins.labels(outcome=outcome).inc()

    def called_in(self, outcome: str) -> None:
        """See `Meter`."""
        self._call_ins.labels(outcome=outcome).inc()

    def frame_refused(self, code: str) -> None:
        """See `Meter`."""
        self._frames_refused.labels(code=code).inc()

    def refused(self, code: str) -> None:
        """See `Meter`."""
        self._refusals.labels(code=code).inc()

    def moved(self, what: str) -> None:
        """See `Meter`."""
        self._moves.labels(what=what).inc()

    def answered(self, route: str, elapsed_s: float) -> None:
        """See `Meter`."""
        self._seconds.labels(route=route).observe(elapsed_s)

    @contextmanager
    def socket(self, kind: str) -> Iterator[None]:
        """See `Meter`."""
        with self._sockets.labels(kind=kind).track_inprogress():
            yield

    def reaped(self, count: int) -> None:
        """Placements were freed."""
        self._reaped.inc(count)

    def reached(self, *, is_available: bool) -> None:
        """Whether the routing state answered just now."""
        self._available.set(is_available)
