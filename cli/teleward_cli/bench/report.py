"""The one shape of every measurement: `{bench, machine, versions, command, results}` as JSON."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles

from pydantic import BaseModel, ConfigDict


class Machine(BaseModel):
    """Where it was measured; no host name and no path."""

    model_config = ConfigDict(frozen=True)

    processor: str
    cores: int
    memory_mib: int
    system: str


class Result(BaseModel):
    """One figure; the percentiles are of `n` samples in the same unit, None when there is one value only.

    Of runs that are too few for percentiles, `value` is the median and `least` and `most` are the ends.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    value: float
    unit: str
    n: int = 1
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    least: float | None = None
    most: float | None = None


class Report(BaseModel):
    """One run of one bench."""

    model_config = ConfigDict(frozen=True)

    bench: str
    machine: Machine
    versions: dict[str, str]
    command: str
    results: tuple[Result, ...]

    def to_json(self) -> str:
        """Write the report as indented JSON."""
        return json.dumps(self.model_dump(), indent=2)


def make_report(
    bench: str, results: Sequence[Result], packages: Sequence[str], more: Mapping[str, str] = {}
) -> Report:
    """Put figures together with where and with what they were measured.

    Args:
        bench: Its name, as in `teleward bench <name>`.
        results: The figures, in order of reading.
        packages: Python distributions whose version matters here.
        more: Versions of what is no Python distribution.
    """
    versions = {"python": platform.python_version(), "teleward": metadata.version("teleward")}
    versions.update({package: metadata.version(package) for package in packages})
    return Report(
        bench=bench,
        machine=this_machine(),
        versions={**versions, **more},
        command=" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        results=tuple(results),
    )


def summarise(name: str, samples: Sequence[float], unit: str) -> Result:
    """Reduce at least two samples to percentiles; `value` is the median."""
    cuts = quantiles(samples, n=100, method="inclusive")
    p50, p95, p99 = (round(cuts[q - 1], 4) for q in (50, 95, 99))
    return Result(name=name, value=p50, unit=unit, n=len(samples), p50=p50, p95=p95, p99=p99)


def of_runs(name: str, samples: Sequence[float], unit: str) -> Result:
    """Reduce a few runs, one at least, to their median and ends."""
    middle, least, most = (round(f(samples), 4) for f in (median, min, max))
    return Result(name=name, value=middle, unit=unit, n=len(samples), least=least, most=most)


def this_machine() -> Machine:
    """Describe the machine."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=pages * page_bytes // 2**20,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
