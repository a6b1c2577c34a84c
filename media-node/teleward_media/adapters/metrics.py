"""Prometheus metrics of the media node; labels are bounded, never a person and never a call."""

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client import Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from teleward_media.adapters.udp_port import Counters

REFUSALS = Counter("teleward_media_refusals_total", "Frames and tickets refused.", ["code"])
HEARTBEATS_FAILED = Counter(
    "teleward_media_heartbeats_failed_total", "Heartbeats that the routing state did not take."
)
CALLS = Gauge("teleward_media_calls", "Calls held now.")
PARTICIPANTS = Gauge("teleward_media_participants", "Participants held now.")
LOOP_LAG = Gauge("teleward_media_loop_lag_seconds", "How late the event loop woke the last time.")
CAPACITY = Gauge("teleward_media_capacity_units", "Units that this media node may hold.")
USED = Gauge("teleward_media_used_units", "Units that the calls held now cost.")
READY = Gauge("teleward_media_accepts_new_calls", "1 while new calls may be placed here.")


class PacketCounters(Collector):
    """Shows what is counted elsewhere: in plain integers for speed, by the kernel, by the event loop."""

    def __init__(self, counters: Counters, kernel_drops: Callable[[], int]) -> None:
        self._counters, self._kernel_drops = counters, kernel_drops

    def collect(self) -> Iterator[Metric]:
        """Read the counters."""
        yield GaugeMetricFamily(
            "teleward_media_tasks", "Tasks of the event loop now.", len(asyncio.all_tasks())
        )
        yield CounterMetricFamily(
            "teleward_media_kernel_drops",
            "Datagrams that the kernel dropped as the media port was not read in time.",
            self._kernel_drops(),
        )
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


def publish(counters: Counters, kernel_drops: Callable[[], int]) -> Callable[[], None]:
    """Register the counters, within the event loop; call the result to take them away again."""
    collector = PacketCounters(counters, kernel_drops)
    REGISTRY.register(collector)
    return lambda: REGISTRY.unregister(collector)
