"""One shape on two replicas and a store of their own: what it cost, what came when, and what did not."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
from teleward_cli.bench.report import Result, summarise

from teleward_testing.gateway_load.people import Crowd
from teleward_testing.gateway_load.shapes import Shape
from teleward_testing.gateways import project, running_gateway
from teleward_testing.valkey import RunningValkey

REPLICAS = 2
AT_ONCE = 32
SHOWN_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted; latencies in ms, one for each patient and dashboard."""

    shape: Shape
    filling_ms: list[float]
    arriving_ms: list[float]
    lost: int
    """Pairs of patient and dashboard of the same clinic that never met."""
    sockets_lost: int
    untold: int
    """Waiting pages that were told nothing."""
    retries: int
    """Requests that were answered 503 and made again."""
    cpu_share: float
    """Of one core, all replicas together, while nothing happens."""
    busy_share: float
    """The same while patients come."""
    store_share: float
    load_share: float
    """Of one core: the load's own process while patients come."""
    others_share: float
    """The same of whatever else the machine did: figures of a busy machine say little."""
    grown_bytes: int
    deltas: int
    delta_bytes: int
    delta_rows: int
    snapshots: int
    """Of all dashboards, from their first frame on."""


@dataclass(frozen=True, slots=True)
class _Cost:
    at: float
    replicas: float
    store: float
    load: float
    machine: float


async def measure(shape: Shape, folder: Path) -> Window:
    """Start everything, fill it, rest, let patients come, and count."""
    with RunningValkey() as valkey, _replicas(valkey, folder) as (processes, urls, origin):
        await project(valkey.url, *shape.projections())
        crowd = Crowd(urls, origin)
        store = psutil.Process(valkey.pid)

        def cost() -> _Cost:
            return _Cost(
                time.monotonic(), _cpu_s(processes), _cpu_s([store]), _cpu_s([psutil.Process()]),
                _machine_s(),
            )  # fmt: skip

        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
                await _look_on(crowd, http, shape)
                empty = sum(one.memory_info().rss for one in processes)
                await _let_come(crowd, http, shape, shape.clinics * shape.waiting, shape.fill_s)
                await _shown(crowd)
                filling = list(_latencies_ms(crowd, 0)) if shape.fill_s else []
                await asyncio.sleep(shape.settle_s)
                rest_from = cost()
                await asyncio.sleep(shape.rest_s)
                rest_to = cost()
                grown = sum(one.memory_info().rss for one in processes) - empty
                before, counted = len(crowd.patients), _counted(crowd)
                busy_from = cost()
                await _let_come(crowd, http, shape, shape.arrivals, shape.over_s)
                busy_to = cost()
                await _shown(crowd)
                arriving = list(_latencies_ms(crowd, before))
            deltas, sent, rows = (
                now - then for now, then in zip(_counted(crowd), counted, strict=True)
            )
            return Window(
                shape=shape, filling_ms=filling, arriving_ms=arriving, lost=_lost(crowd),
                sockets_lost=sum(not socket.is_open for socket in crowd.sockets()),
                untold=sum(not p.frames for p in crowd.patients),
                retries=crowd.retries,
                cpu_share=_share(rest_from, rest_to, lambda c: c.replicas),
                busy_share=_share(busy_from, busy_to, lambda c: c.replicas),
                store_share=_share(busy_from, busy_to, lambda c: c.store),
                load_share=_share(busy_from, busy_to, lambda c: c.load),
                others_share=_share(
                    busy_from, busy_to, lambda c: c.machine - c.replicas - c.store - c.load
                ),
                grown_bytes=grown, deltas=deltas, delta_bytes=sent, delta_rows=rows,
                snapshots=sum(d.snapshots for d in crowd.dashboards),
            )  # fmt: skip
        finally:
            crowd.close()


@contextlib.contextmanager
def _replicas(
    valkey: RunningValkey, folder: Path
) -> Iterator[tuple[list[psutil.Process], list[str], str]]:
    with contextlib.ExitStack() as stack:
        origin = "http://clinic.test"
        made = [
            stack.enter_context(running_gateway(valkey.url, folder, public_url=origin))
            for _ in range(REPLICAS)
        ]
        processes = [psutil.Process(one.process.pid) for one in made]
        yield processes, [one.url for one in made], origin


async def _look_on(crowd: Crowd, http: aiohttp.ClientSession, shape: Shape) -> None:
    async def one(address: tuple[str, str]) -> None:
        await crowd.look_on(http, *address)

    await _at_once(one, (a for _ in range(shape.dashboards) for a in shape.addresses()))


async def _let_come(
    crowd: Crowd, http: aiohttp.ClientSession, shape: Shape, patients: int, over_s: float
) -> None:
    """Let patients come to the clinics in turn, at even distances or as fast as they are let in."""
    clinics = list(shape.addresses())
    coming = [clinics[number % len(clinics)] for number in range(patients)]
    if not over_s:
        await _at_once(lambda address: crowd.enter(http, *address), coming)
        return
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, address in enumerate(coming):
            await asyncio.sleep(began + number * over_s / patients - time.monotonic())
            group.create_task(crowd.enter(http, *address))


async def _at_once(
    act: Callable[[tuple[str, str]], Awaitable[None]], each: Iterable[tuple[str, str]]
) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated(address: tuple[str, str]) -> None:
        async with gate:
            await act(address)

    async with asyncio.TaskGroup() as group:
        for address in each:
            group.create_task(gated(address))


async def _shown(crowd: Crowd) -> None:
    """Wait until everybody is shown, or for so long that they will not be."""
    deadline = time.monotonic() + SHOWN_WITHIN_S
    while (_lost(crowd) or _untold(crowd)) and time.monotonic() < deadline:  # noqa: ASYNC110  # many things are waited for
        await asyncio.sleep(0.2)


def _untold(crowd: Crowd) -> int:
    return sum(not one.frames for one in crowd.patients)


def _lost(crowd: Crowd) -> int:
    there: dict[str, int] = {}
    for one in crowd.patients:
        there[one.clinic] = there.get(one.clinic, 0) + 1
    return sum(there.get(d.clinic, 0) - len(d.shown_at) for d in crowd.dashboards)


def _latencies_ms(crowd: Crowd, since: int) -> Iterator[float]:
    for patient in crowd.patients[since:]:
        for one in crowd.dashboards:
            if one.clinic == patient.clinic and patient.name in one.shown_at:
                yield 1000 * (one.shown_at[patient.name] - patient.came_at)


def _counted(crowd: Crowd) -> tuple[int, int, int]:
    return (
        sum(one.deltas for one in crowd.dashboards),
        sum(one.delta_bytes for one in crowd.dashboards),
        sum(one.delta_rows for one in crowd.dashboards),
    )


def _cpu_s(processes: Iterable[psutil.Process]) -> float:
    times = [one.cpu_times() for one in processes]
    return float(sum(one.user + one.system for one in times))


def _machine_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _share(begun: _Cost, ended: _Cost, of: Callable[[_Cost], float]) -> float:
    return (of(ended) - of(begun)) / (ended.at - begun.at)


def results(window: Window) -> list[Result]:
    """Every figure of a window."""
    name, shape = window.shape.name, window.shape
    thousands = shape.clinics * shape.waiting / 1000
    told: list[Result] = []

    def say(what: str, value: float, unit: str) -> None:
        told.append(Result(name=f"{name}: {what}", value=round(value, 3), unit=unit))

    say("waiting", shape.clinics * shape.waiting, "patients")
    say("dashboards", shape.clinics * shape.dashboards, "dashboards")
    for what, samples in (
        (f"{shape.waiting} entries in {shape.fill_s:g} s until shown", window.filling_ms),
        (f"{shape.arrivals} arrivals in {shape.over_s:g} s until shown", window.arriving_ms),
    ):
        if samples:
            told.append(summarise(f"{name}: {what}", samples, "ms"))
    say("never shown", window.lost, "patients × dashboards")
    say("waiting pages told nothing", window.untold, "patients")
    say("sockets lost", window.sockets_lost, "sockets")
    say("requests made again after a 503", window.retries, "requests")
    say("CPU at rest per 1,000 waiting", 100 * window.cpu_share / thousands, "% of a core")
    say("CPU at rest, both replicas", 100 * window.cpu_share, "% of a core")
    say("CPU while patients come, both replicas", 100 * window.busy_share, "% of a core")
    say("store's CPU while patients come", 100 * window.store_share, "% of a core")
    say("the load's own CPU while patients come", 100 * window.load_share, "% of a core")
    say("other programs' CPU while patients come", 100 * window.others_share, "% of a core")
    say("RSS per 1,000 waiting", window.grown_bytes / 2**20 / thousands, "MiB")
    say("bytes per dashboard update", window.delta_bytes / max(1, window.deltas), "bytes")
    say("updates of dashboards", window.deltas, "frames")
    say("rows per update", window.delta_rows / max(1, window.deltas), "rows")
    return told
