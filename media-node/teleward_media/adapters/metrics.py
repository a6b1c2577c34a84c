"""Prometheus metrics of the media node; labels are bounded, never a person and never a call."""

from collections.abc import Callable, Iterator

from prometheus_client import Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from teleward_media.adapters.udp_port import Counters

REFUSALS = Counter("teleward_media_refusals_total", "Frames and tickets refused.", ["code"])
HEARTBEATS_FAILED = Counter(
    "teleward_media_heartbeats_failed_total", "Heartbeats that the routing state did not take."
)
CALLS = Gauge("teleward_media_calls", "Calls held now.")
PARTICIPANTS = Gauge("teleward_media_participants", "Participants held now.")
LOOP_LAG = Gauge("teleward_media_loop_lag_seconds", "How late the event loop woke the last time.")
READY = Gauge("teleward_media_accepts_new_calls", "1 while new calls may be placed here.")


class PacketCounters(Collector):
    """Shows the packet path's counters, which are plain integers for speed."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read the counters."""
        packets = CounterMetricFamily(
            "teleward_media_packets", "Packets by what became of them.", labels=["event"]
        )
        drops = CounterMetricFamily(
            "teleward_media_drops", "Datagrams dropped, by reason.", labels=["reason"]
        )
        for reason, count in self._counters.by_reason.items():
            if reason.startswith("drop_"):
                drops.add_metric([reason.removeprefix("drop_")], count)
            else:
                packets.add_metric([reason], count)
        yield packets
        yield drops


def publish(counters: Counters) -> Callable[[], None]:
    """Register the packet counters; call the result to take them away again."""
    collector = PacketCounters(counters)
    REGISTRY.register(collector)
    return lambda: REGISTRY.unregister(collector)
