"""Prometheus metrics of the operator."""

from prometheus_client import Counter, Gauge, Histogram

from teleward_operator.core.cache import Unit

API_CALLS = Histogram(
    "teleward_operator_api_call_seconds",
    "Requests to the API server, watches excepted; code `none` means no answer.",
    ["verb", "code"],
)
_EVENTS = Counter("teleward_operator_events_seen_total", "Watch events.", ["kind"])
_RECONCILES = Counter(
    "teleward_operator_reconciles_total",
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
_OBJECTS = Gauge("teleward_operator_objects", "Objects known.")
_WATCH_AGE = Gauge(
    "teleward_operator_watch_age_seconds",
    "Since the last watch event, or the last sweep that found nothing new.",
)
_LOOP_LAG = Gauge("teleward_operator_loop_lag_seconds", "How late the event loop is.")
_LEADS = Gauge("teleward_operator_leader", "1 while this replica leads.")


class PrometheusCounting:
    """See `Counting`."""

    def seen(self, kind: str) -> None:
        """See `Counting`."""
        _EVENTS.labels(kind=kind).inc()

    def reconciled(self, unit: Unit, outcome: str) -> None:
        """See `Counting`."""
        _RECONCILES.labels(kind=unit.value, outcome=outcome).inc()

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

    def leads(self, *, leads: bool) -> None:
        """See `Counting`."""
        _LEADS.set(leads)

    def measured(self, loop_lag_s: float, watch_age_s: float, depth: int, objects: int) -> None:
        """See `Counting`."""
        _LOOP_LAG.set(loop_lag_s)
        _WATCH_AGE.set(watch_age_s)
        _DEPTH.set(depth)
        _OBJECTS.set(objects)
