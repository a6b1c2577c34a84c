"""Prometheus metrics of the operator."""

from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from teleward_contract.units import LeaderEpoch

from teleward_operator.core.cache import Cache, Unit
from teleward_operator.core.conditions import told

API_CALLS = Histogram(
    "teleward_operator_api_call_seconds",
    "Requests to the API server, watches excepted; code `none` means no answer.",
    ["verb", "code"],
)
_EVENTS = Counter("teleward_operator_events_seen_total", "Watch events.", ["kind"])
_RECONCILES = Histogram(
    "teleward_operator_reconcile_seconds",
    "Reconciles; outcome `Done`, or the error that had it tried again.",
    ["kind", "outcome"],
)
_STATUSES = Counter("teleward_operator_status_writes_total", "Statuses written.", ["kind"])
_PROJECTIONS = Counter(
    "teleward_operator_projection_writes_total", "Documents put or removed.", ["what"]
)
_DRIFT = Counter(
    "teleward_operator_drift_total", "Changes that a sweep found before the watch brought them."
)
_SWEEPS = Counter("teleward_operator_sweeps_total", "Complete LISTs compared with the cache.")
_DEPTH = Gauge("teleward_operator_dirty_keys", "Units that wait for a reconcile or are in one.")
_WATCH_AGE = Gauge(
    "teleward_operator_watch_age_seconds",
    "Since the last watch event, or the last sweep that found nothing new.",
)
_LOOP_LAG = Gauge("teleward_operator_loop_lag_seconds", "How late the event loop is.")
_LEADS = Gauge("teleward_operator_leader", "1 while this replica leads.")
_EPOCH = Gauge("teleward_operator_leader_epoch", "Epoch of the last leadership of this replica.")


class _Objects(Collector):
    """Objects per kind and what their conditions say, counted when somebody asks."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See `Collector`."""
        kinds: Tally[str] = Tally()
        conditions: Tally[tuple[str, str, str]] = Tally()
        for (kind, _, _), resource in self._cache.objects.items():
            kinds[kind] += 1
            conditions.update((kind, *one) for one in told(resource.status))
        known = GaugeMetricFamily("teleward_operator_objects", "Objects known.", labels=["kind"])
        for kind, count in kinds.items():
            known.add_metric([kind], count)
        yield known
        judged = GaugeMetricFamily(
            "teleward_operator_object_conditions",
            "Objects whose condition has this status, as last written.",
            labels=["kind", "condition", "status"],
        )
        for labels, count in conditions.items():
            judged.add_metric(labels, count)
        yield judged


class PrometheusCounting:
    """See `Counting`."""

    def __init__(self, cache: Cache) -> None:
        REGISTRY.register(_Objects(cache))

    def seen(self, kind: str) -> None:
        """See `Counting`."""
        _EVENTS.labels(kind=kind).inc()

    def reconciled(self, unit: Unit, outcome: str, seconds: float) -> None:
        """See `Counting`."""
        _RECONCILES.labels(kind=unit.value, outcome=outcome).observe(seconds)

    def wrote_status(self, kind: str) -> None:
        """See `Counting`."""
        _STATUSES.labels(kind=kind).inc()

    def projected(self, what: str) -> None:
        """See `Counting`."""
        _PROJECTIONS.labels(what=what).inc()

    def swept(self, drift: int) -> None:
        """See `Counting`."""
        _SWEEPS.inc()
        _DRIFT.inc(drift)

    def leads(self, epoch: LeaderEpoch | None) -> None:
        """See `Counting`."""
        _LEADS.set(epoch is not None)
        if epoch is not None:
            _EPOCH.set(epoch)

    def measured(self, loop_lag_s: float, watch_age_s: float, depth: int) -> None:
        """See `Counting`."""
        _LOOP_LAG.set(loop_lag_s)
        _WATCH_AGE.set(watch_age_s)
        _DEPTH.set(depth)
