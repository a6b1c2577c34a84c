"""Prometheus metrics of the gateway; labels are bounded, never a person, never a visit."""

from prometheus_client import Counter, Gauge, Histogram

ENTRIES = Counter("teleward_gateway_entries_total", "Attempts to enter.", ["outcome"])
CALL_INS = Counter("teleward_gateway_call_ins_total", "Call-ins.", ["outcome"])
SOCKETS = Gauge("teleward_gateway_sockets", "Open sockets.", ["kind"])
FRAMES_REFUSED = Counter("teleward_gateway_frames_refused_total", "Frames refused.", ["code"])
REFUSALS = Counter("teleward_gateway_refusals_total", "Requests refused.", ["code"])
MOVES = Counter(
    "teleward_gateway_call_moves_total", "Media nodes suspected and calls re-placed.", ["what"]
)
REAPED = Counter("teleward_gateway_reaped_total", "Placements freed by the reaper.")
ROUTING_AVAILABLE = Gauge("teleward_gateway_routing_available", "1 while Redis answers.")
REQUEST_SECONDS = Histogram(
    "teleward_gateway_request_seconds", "Time to answer a request.", ["route"]
)
