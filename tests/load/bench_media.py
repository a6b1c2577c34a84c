"""A media node beside other SFUs under the same load: what a forwarded packet costs each of them.

Prints the same JSON as `teleward bench` (standard output) and a table (standard error). Each server stands alone on
the first core and the native generator on the second; servers take turns, everything is started anew for each
window, and the first run is left out. Packets are those that receivers decrypted and read, never what the kernel
says was sent: it counts a send that it cuts into datagrams (UDP GSO) once.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from teleward_cli.bench.report import make_report
from teleward_testing.go_programs import BuildError
from teleward_testing.media_load import comparison, janus, livekit, network, servers
from teleward_testing.media_load.generator import GENERATOR, GeneratorError, pion_version
from teleward_testing.media_load.janus import JanusError
from teleward_testing.media_load.measure import StarvedError, measure
from teleward_testing.media_load.servers import Kind
from teleward_testing.media_load.shapes import SHAPES, Shape

KINDS = (servers.TELEWARD, servers.PION, *janus.KINDS, livekit.LIVEKIT)
FIRST_RUN_S = 2.0
WARM_UP_S = 2.0
PRIORITY = -15
"""So that little else disturbs, where the system allows it."""


def say(text: str) -> None:
    """Tell of the progress, beside the report."""
    sys.stderr.write(f"bench media: {text}\n")


def present(address: str, wanted: str) -> list[Kind]:
    """The servers that can run here."""
    found = []
    for kind in KINDS:
        if wanted and kind.name not in wanted.split(","):
            continue
        lack = kind.missing()
        if lack is None and kind.needs_network and address == network.LOOPBACK:
            lack = "no network of its own: needs root or user namespaces, and iproute2"
        if lack is None:
            found.append(kind)
        else:
            say(f"without {kind.name}: {lack}")
    return found


async def compare(
    kinds: list[Kind], shapes: list[Shape], address: str, runs: int, seconds: float
) -> comparison.Cells:
    """Take every window, `runs` of each after the first."""
    cells: comparison.Cells = {}
    for run in range(runs + 1):
        for shape in shapes:
            for kind in kinds[run % len(kinds) :] + kinds[: run % len(kinds)]:
                window_s = seconds if run else FIRST_RUN_S
                try:
                    window = await measure(kind, shape, address, WARM_UP_S, window_s)
                except (StarvedError, GeneratorError, JanusError, TimeoutError) as err:
                    say(f"run {run}, {shape.name}, {kind.name}: failed: {err}")
                    continue
                say(f"run {run}, {shape.name}, {kind.name}: {window.cpu_us_per_packet:.1f} us")
                if run:
                    cells.setdefault((shape.name, kind.name), []).append(window)
    return cells


@contextlib.contextmanager
def priority() -> Iterator[None]:
    """Go before others, and our session before theirs (sched(7), autogroup), where the system allows it."""
    session = Path("/proc/self/autogroup")
    try:
        before = session.read_text().rpartition(" ")[2]
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        session.write_text(str(PRIORITY))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        session.write_text(before)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=3, help="windows of each, besides the first")
    options.add_argument("--seconds", type=float, default=6.0, help="length of a window")
    options.add_argument("--shapes", default="", help="names with commas between; all if empty")
    options.add_argument("--servers", default="", help="names with commas between; all if empty")
    told = options.parse_args()
    try:
        for program in (GENERATOR, servers.SFU_PION):
            program.build(say)
    except BuildError as err:
        sys.exit(f"bench media: {err}")
    address = network.enter()
    kinds = present(address, told.servers)
    shapes = [one for one in SHAPES if not told.shapes or one.name in told.shapes.split(",")]
    with priority():
        cells = asyncio.run(compare(kinds, shapes, address, told.runs, told.seconds))
    names = [kind.name for kind in kinds]
    versions = {f"{kind.name} (server)": kind.version() for kind in kinds}
    versions["pion (generator)"] = pion_version(GENERATOR)
    results = comparison.results(shapes, names, cells)
    report = make_report("media", results, ("aiortc", "pylibsrtp"), versions)
    sys.stderr.write(comparison.table(shapes, names, cells) + "\n")
    sys.stdout.write(report.to_json() + "\n")


if __name__ == "__main__":
    main()
