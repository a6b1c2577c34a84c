"""What breaks, and what became of everybody: one fault at a time, on a stage that is full."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from teleward_cli.bench.report import Result, summarise

from teleward_testing.gateway_load.shapes import Shape
from teleward_testing.gateway_load.stage import Outcome, Stage
from teleward_testing.gateways import project

PAUSE_S = 15.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of bad day."""

    name: str
    strike: Callable[[Stage], Awaitable[str]]
    """Answers which media node is dead, if one is; returns when the fault is over, or at once if it has no end."""
    needs_sentinels: bool = False
    empties: bool = False
    watched_s: float = 3.0
    """How long what may come later is waited for."""


async def _gateway_killed(stage: Stage) -> str:
    gateway, starting = stage.gateways[0]
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()

    async def again() -> None:
        await asyncio.to_thread(starting.close)
        stage.gateways[0] = await asyncio.to_thread(stage._start, 0)

    stage._tasks.append(asyncio.create_task(again()))
    return ""


async def _primary_killed(stage: Stage) -> str:
    assert stage.group is not None
    (primary,) = stage.group.primaries()
    primary.client.wait(1, 5000)
    primary.kill()
    return ""


async def _paused(stage: Stage) -> str:
    assert stage.valkey is not None
    stage.valkey.pause()
    await asyncio.sleep(stage.pause_s)
    stage.valkey.resume()
    return ""


async def _emptied(stage: Stage) -> str:
    assert stage.valkey is not None
    await asyncio.to_thread(stage.valkey.flush)
    await project(stage.url, *stage.documents())
    return ""


async def _both_restarted(stage: Stage) -> str:
    for number in range(2):
        _, starting = stage.gateways[number]
        await asyncio.to_thread(starting.close)
        stage.gateways[number] = await asyncio.to_thread(stage._start, number)
    return ""


async def _media_node_killed(stage: Stage) -> str:
    held = [caller.media_node for _, caller in stage.callers.values()]
    name = max(set(held), key=held.count)
    media_node, _ = stage.media_nodes[name]
    media_node.process.send_signal(signal.SIGKILL)
    return name


FAULTS = {
    "gateway": Fault("a gateway is killed", _gateway_killed),
    "pause": Fault("the store stands still", _paused),
    "empty": Fault("the store is emptied", _emptied, empties=True, watched_s=6),
    "restarts": Fault("both gateways are restarted, one after the other", _both_restarted),
    "primary": Fault("the store's primary is killed", _primary_killed, needs_sentinels=True),
    "media": Fault("a media node is killed while patients are called in", _media_node_killed),
}


async def suffer(
    shape: Shape, names: Sequence[str], folder: Path, calls: int, pause_s: float = PAUSE_S
) -> dict[str, Outcome]:
    """Go through these faults one after the other, on one stage for each kind of store."""
    told: dict[str, Outcome] = {}
    for with_sentinels in (False, True):
        faults = [name for name in names if FAULTS[name].needs_sentinels is with_sentinels]
        if not faults:
            continue
        made = Stage(shape, folder, calls, pause_s)
        async with made.running(with_sentinels=with_sentinels) as stage:
            for name in faults:
                told[name] = await stage.suffer(FAULTS[name])
    return told


def results(outcome: Outcome) -> list[Result]:
    """Every figure of a fault."""
    told: list[Result] = []

    def say(what: str, value: float, unit: str) -> None:
        told.append(Result(name=f"{outcome.fault}: {what}", value=round(value, 3), unit=unit))

    say("waiting pages", outcome.pages, "pages")
    say("places lost", outcome.places_lost, "visits")
    say("queues out of order", outcome.queues_out_of_order, "clinics")
    say("entered meanwhile", outcome.entered_meanwhile, "patients")
    say("entered meanwhile and lost", outcome.entered_and_lost, "patients")
    say("called in meanwhile", outcome.called_in_meanwhile, "visits")
    say("double admissions", outcome.double_admissions, "visits")
    say("calls of living media nodes", outcome.calls, "calls")
    say("of these cut", outcome.calls_cut, "calls")
    say("calls of the dead media node", outcome.calls_of_the_dead, "calls")
    say("pages disturbed", outcome.disturbed, "pages")
    say("pages never back", outcome.never_back, "pages")
    for what, samples in (
        ("until a page was back", outcome.back_s),
        ("how long a page was away or told to wait", outcome.away_s),
        ("until a call of the dead media node was back", outcome.calls_back_s),
    ):
        if len(samples) > 1:
            ends = {"least": round(min(samples), 3), "most": round(max(samples), 3)}
            told.append(
                summarise(f"{outcome.fault}: {what}", samples, "s").model_copy(update=ends)
            )
    return told
