"""What is told of many windows: figures of each server under each shape, and how far Teleward is from the best peer."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TypeAlias

from teleward_cli.bench.report import Result, of_runs

from teleward_testing.media_load.measure import Window
from teleward_testing.media_load.shapes import Shape

OURS = "teleward"
Cells: TypeAlias = "dict[tuple[str, str], list[Window]]"
"""(shape, server) → its windows, the first run's left out."""

CPU = "CPU per forwarded packet"
FIGURES: tuple[tuple[str, str, str, Callable[[Window], float]], ...] = (
    ("CPU", CPU, "us", lambda w: w.cpu_us_per_packet),
    ("delay", "p95 forwarding delay", "ms", lambda w: w.counted.delay_us["p95"] / 1000),
    ("lost", "loss", "%", lambda w: w.loss_percent),
    ("extra", "padding and repeats besides", "%", lambda w: w.extra_percent),
    ("memory", "memory per participant", "KiB", lambda w: w.grown_bytes / w.participants / 1024),
    ("core", "core in use", "%", lambda w: 100 * w.server_cpu_s / w.counted.seconds),
    ("load", "generator's core in use", "%", lambda w: 100 * w.generator_cpu_s / w.counted.seconds),
    ("others", "others on the server's core", "%", lambda w: 100 * w.others_cpu_s / w.counted.seconds),
    ("out", "forwarded", "packets/s", lambda w: w.counted.packets / w.counted.seconds),
    ("layer", "encoding wanted", "%", lambda w: 100 * w.layer_share),
    ("drops", "datagrams dropped by the kernel", "datagrams", lambda w: w.kernel_drops),
)  # fmt: skip
"""Head of its column, name, unit, and how it is read of one window."""


def results(shapes: Iterable[Shape], servers: Sequence[str], cells: Cells) -> list[Result]:
    """Every figure of every server under every shape, then the distances."""
    told: list[Result] = []
    for shape in shapes:
        for server in servers:
            windows = cells.get((shape.name, server), [])
            told += [
                of_runs(f"{shape.name}: {server}: {name}", [read(w) for w in windows], unit)
                for _, name, unit, read in FIGURES
                if windows
            ]
        told += _distances(shape, servers, cells)
    return told


def _distances(shape: Shape, servers: Sequence[str], cells: Cells) -> list[Result]:
    """How Teleward's cost compares with the least of the others', and with half of it."""
    costs = {
        server: median(w.cpu_us_per_packet for w in windows)
        for server in servers
        if (windows := cells.get((shape.name, server)))
    }
    ours = costs.pop(OURS, None)
    if ours is None or not costs:
        return []
    best = min(costs, key=costs.__getitem__)
    ratio = ours / costs[best]
    return [
        Result(name=f"{shape.name}: {OURS} over the best peer ({best})", value=round(ratio, 3), unit="x"),
        Result(name=f"{shape.name}: {OURS} over half of the best peer", value=round(2 * ratio, 3), unit="x"),
    ]  # fmt: skip


def table(shapes: Iterable[Shape], servers: Sequence[str], cells: Cells) -> str:
    """The medians, for reading: one block a shape, one line a server."""
    lines: list[str] = []
    for shape in shapes:
        lines += ["", f"{shape.name}: {shape.says}"]
        lines.append(_line("", (f"{head}, {unit}" for head, _, unit, _ in FIGURES)))
        for server in servers:
            windows = cells.get((shape.name, server), [])
            if not windows:
                lines.append(f"{server:14} failed")
                continue
            medians = (median(read(w) for w in windows) for _, _, _, read in FIGURES)
            lines.append(_line(server, (f"{value:,.2f}" for value in medians)))
        lines += [f"  {one.name}: {one.value:g}" for one in _distances(shape, servers, cells)]
    return "\n".join(lines)


def _line(first: str, others: Iterable[str]) -> str:
    return " ".join([f"{first:14}", *(f"{text:>16}" for text in others)])
