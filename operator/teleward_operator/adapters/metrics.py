"""Prometheus metrics of the operator."""

from prometheus_client import Counter, Gauge, Histogram

API_CALLS = Histogram(
    "teleward_operator_api_call_seconds", "Requests to the API server.", ["verb", "code"]
)
RECONCILES = Counter("teleward_operator_reconciles_total", "Reconciles.", ["kind", "outcome"])
QUEUE_DEPTH = Gauge("teleward_operator_dirty_keys", "Keys waiting to be reconciled.")
EVENTS_SEEN = Counter("teleward_operator_events_seen_total", "Watch events.", ["kind"])
PROJECTIONS = Counter("teleward_operator_projection_writes_total", "Projections.", ["what"])
STATUS_WRITES = Counter("teleward_operator_status_writes_total", "Statuses written.", ["kind"])
OBJECTS = Gauge("teleward_operator_objects", "Objects known.")
IS_LEADER = Gauge("teleward_operator_is_leader", "1 while this replica leads.")
