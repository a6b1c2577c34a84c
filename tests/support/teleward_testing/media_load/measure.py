"""One server under one shape: what it cost, what arrived, and when."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from teleward_testing.media_load.generator import Counted, Generator
from teleward_testing.media_load.servers import Kind
from teleward_testing.media_load.shapes import Shape

SERVER_CORE, LOAD_CORE = 0, 1
STEADY_WITHIN_S = 12.0
"""Until every receiver has the encoding that the shape wants: servers that probe for bandwidth need some seconds."""
STEADY_SHARE = 0.98
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window."""

    counted: Counted
    server_cpu_s: float
    """User and system time of the server's process."""
    generator_cpu_s: float
    others_cpu_s: float
    """Time that the server's core was busy with anything else."""
    grown_bytes: int
    """What the server's resident memory grew by, from before anybody joined."""
    kernel_drops: int
    """Datagrams that found a socket's buffer full, in the whole network namespace."""
    participants: int
    layer_share: float
    """Of the pictures' packets, those of the encoding that the shape wants."""

    @property
    def cpu_us_per_packet(self) -> float:
        """What a forwarded packet costs the server."""
        return 1e6 * self.server_cpu_s / max(1, self.counted.packets)

    @property
    def loss_percent(self) -> float:
        """Of the packets that receivers should have read."""
        return 100 * self.counted.lost / max(1, self.counted.packets + self.counted.lost)

    @property
    def extra_percent(self) -> float:
        """Padding, probes and packets that were read before, beside those that count."""
        return 100 * (self.counted.other + self.counted.repeated) / max(1, self.counted.packets)


class StarvedError(Exception):
    """Not every receiver got every track: there is nothing to compare."""


async def measure(
    kind: Kind, shape: Shape, address: str, warm_up_s: float, window_s: float
) -> Window:
    """Start the server, fill it, let it warm up, and take one window.

    Raises:
        StarvedError: Not every receiver got every track.
    """
    async with (
        kind.start(address, _on_core(SERVER_CORE)) as server,
        Generator.running(address, _on_core(LOAD_CORE)) as generator,
    ):
        empty = server.process.memory_info().rss
        await server.fill(generator, shape)
        await generator.publish()
        await asyncio.sleep(warm_up_s)
        await _steady(generator, shape)
        drops, cpu, own = _kernel_drops(), _cpu_s(server.process), _cpu_s(generator.process)
        busy = _busy_s(SERVER_CORE)
        await generator.mark()
        await asyncio.sleep(window_s)
        counted = await generator.count()
        spent = _cpu_s(server.process) - cpu
        window = Window(
            counted=counted,
            server_cpu_s=spent,
            generator_cpu_s=_cpu_s(generator.process) - own,
            others_cpu_s=max(0.0, _busy_s(SERVER_CORE) - busy - spent),
            grown_bytes=server.process.memory_info().rss - empty,
            kernel_drops=_kernel_drops() - drops,
            participants=shape.participants,
            layer_share=_layer_share(counted, shape),
        )
    if lacks := _starved(counted, shape):
        raise StarvedError(", ".join(lacks))
    return window


async def _steady(generator: Generator, shape: Shape) -> None:
    """Wait until receivers have every track in the encoding that the shape wants, or for so long that they will not."""
    deadline = time.monotonic() + STEADY_WITHIN_S
    while time.monotonic() < deadline:
        await generator.mark()
        await asyncio.sleep(LOOK_EVERY_S)
        seen = await generator.count()
        if not _starved(seen, shape) and _layer_share(seen, shape) > STEADY_SHARE:
            return


def _starved(counted: Counted, shape: Shape) -> list[str]:
    """The kinds of tracks that some receiver lacks."""
    return [
        f"{kind} on {got} of {shape.streams(kind)} tracks"
        for kind in ("audio", "video")
        if (got := counted.streams.get(kind, 0)) != shape.streams(kind)
    ]


def _layer_share(counted: Counted, shape: Shape) -> float:
    pictures = sum(counted.video_layers.values())
    return counted.video_layers.get(shape.layer, 0) / max(1, pictures)


def _on_core(core: int) -> Sequence[str]:
    """Begin a command that stays on one core; with one core alone there is no choice."""
    return ("taskset", "-c", str(core)) if (psutil.cpu_count() or 1) > 1 else ()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _busy_s(core: int) -> float:
    times = psutil.cpu_times(percpu=True)[core]
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _kernel_drops() -> int:
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines()
        if line.startswith("Udp:")
    )  # fmt: skip
    return int(values[names.index("RcvbufErrors")])
