"""The stand-in's metrics."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Requests, refusals and watches."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "teleward_apiserver_requests_total", "Requests answered, by verb and code.",
            ["method", "code"], registry=registry,
        )  # fmt: skip
        self._refused = Counter(
            "teleward_apiserver_refused_total", "Requests refused, by code and reason.",
            ["code", "reason"], registry=registry,
        )  # fmt: skip
        self._watches = Gauge(
            "teleward_apiserver_watches", "Watches that are open.", registry=registry
        )

    def answered(self, method: str, code: int) -> None:
        """Count an answer."""
        self._requests.labels(method, code).inc()

    def refused(self, code: int, reason: str) -> None:
        """Count a refusal."""
        self._refused.labels(code, reason).inc()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count a watch while it is open."""
        with self._watches.track_inprogress():
            yield
