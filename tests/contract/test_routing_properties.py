"""Whatever happens, no media node is over-committed, no live call is placed twice, and none is lost.

Random histories of reservations, heartbeats, deaths, wrong suspicions, silences and losses of the store run against
the scripts on a real store and, step by step, against the memory implementation, which must answer the same.
"""

import asyncio
import os
import random
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from teleward_contract.media_nodes import LiveCall
from teleward_contract.placements import Placed, Placement
from teleward_contract.redis_store import Store, open_store
from teleward_contract.units import BootId, CallId, CapacityUnits, MediaNodeId
from teleward_testing.routing import POOL, ClockedRouting, call, heartbeat, units
from teleward_testing.valkey import RunningValkey

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
STEPS = 180
"""60 histories of 180 steps: more than 10,000 steps."""
CAPACITY = 8
NODES, CALLS = 3, 6

COUNTED = {"steps": 0}

KINDS = {
    "reserve": 4, "second": 4, "beat": 2, "die": 1, "boot": 2, "suspect": 1, "cordon": 1,
    "replace": 2, "release": 1, "resize": 1, "end": 1, "reap": 1, "silence": 0.4, "empty": 0.3,
}  # fmt: skip


def a_history(seed: int) -> list[tuple[str, int, int]]:
    """Draw a history; the seed alone tells it, so a failure is told by one number."""
    draw = random.Random(seed)
    history = []
    for kind in draw.choices(list(KINDS), list(KINDS.values()), k=STEPS):
        match kind:
            case "reserve" | "resize":
                history.append((kind, draw.randrange(CALLS), draw.choice([2, 2, 6])))
            case "replace" | "release" | "end":
                history.append((kind, draw.randrange(CALLS), 0))
            case "silence":
                history.append((kind, draw.randint(4, 40), 0))
            case _:
                history.append((kind, draw.randrange(NODES), draw.randrange(2)))
    return history


@dataclass
class MediaNodeModel:
    """A media node's process: what it holds lives and dies with it."""

    number: int
    boots: int = 0
    up: bool = True
    held: dict[CallId, LiveCall] = field(default_factory=dict)

    @property
    def id(self) -> MediaNodeId:
        return MediaNodeId(f"default-{self.number}")

    @property
    def boot(self) -> BootId:
        return BootId(f"boot-{self.number}-{self.boots}")


class World:
    """The store under test, the model store, and the media nodes."""

    def __init__(self, store: Store) -> None:
        self.both = [ClockedRouting("redis", store), ClockedRouting("memory", None)]
        self.nodes = [MediaNodeModel(n) for n in range(NODES)]
        self.released: set[CallId] = set()

    async def ask(self, verb: str, *args: object, **named: object) -> object:
        """Ask both stores; they must agree."""
        answers = [await getattr(r.ports, verb)(*args, **named) for r in self.both]
        assert answers[0] == answers[1], verb
        return answers[0]

    async def run(self, action: str, a: int, b: int) -> None:
        COUNTED["steps"] += 1
        await getattr(self, f"do_{action}")(a, b)
        views = [await r.ports.views(POOL) for r in self.both]
        assert views[0] == views[1]

    async def do_reserve(self, a: int, cost: int) -> None:
        answer = await self.ask("reserve", POOL, call(a), units(cost))
        if isinstance(answer, Placed):
            self.released.discard(call(a))
            self.join(answer.placement)
            await self.check_capacity(answer)

    async def do_replace(self, a: int, _: int) -> None:
        found = await self.find(a)
        if found is not None:
            answer = await self.ask("replace", POOL, call(a), found.epoch)
            if isinstance(answer, Placed):
                self.join(answer.placement)
                await self.check_capacity(answer)

    def join(self, placement: Placement) -> None:
        """People join where the call is placed; the ticket's epoch fences the media node."""
        node = next(n for n in self.nodes if n.id == placement.media_node)
        if node.up and node.boot == placement.boot:
            held = node.held.get(placement.call)
            if held is None or held.epoch < placement.epoch:
                node.held[placement.call] = LiveCall(
                    call=placement.call, epoch=placement.epoch, cost=placement.cost
                )

    async def find(self, a: int) -> Placement | None:
        found = await self.ask("find", POOL, call(a))
        assert found is None or isinstance(found, Placement)
        return found

    async def do_release(self, a: int, _: int) -> None:
        found = await self.find(a)
        if found is not None and await self.ask("release", POOL, call(a), found.epoch):
            self.released.add(call(a))

    async def do_resize(self, a: int, cost: int) -> None:
        found = await self.find(a)
        if found is not None:
            answer = await self.ask("resize", POOL, call(a), found.epoch, units(cost))
            if isinstance(answer, Placed):
                for node in self.nodes:
                    held = node.held.get(call(a))
                    if held is not None and held.epoch == found.epoch:
                        node.held[call(a)] = held.model_copy(update={"cost": CapacityUnits(cost)})

    async def do_end(self, a: int, _: int) -> None:
        for node in self.nodes:
            node.held.pop(call(a), None)

    async def do_beat(self, a: int, _: int) -> None:
        node = self.nodes[a]
        if not node.up:
            return
        beat = heartbeat(node.id, node.boot, capacity=CAPACITY, calls=tuple(node.held.values()))
        answers = [await r.ports.beat(beat) for r in self.both]
        assert answers[0] == answers[1]
        for fenced in answers[0].fenced:
            node.held.pop(fenced)

    async def do_die(self, a: int, _: int) -> None:
        self.nodes[a].up = False
        self.nodes[a].held.clear()

    async def do_boot(self, a: int, _: int) -> None:
        if not self.nodes[a].up:
            self.nodes[a].up = True
            self.nodes[a].boots += 1

    async def do_suspect(self, a: int, _: int) -> None:
        await self.ask("suspect", POOL, self.nodes[a].id, self.nodes[a].boot)

    async def do_cordon(self, a: int, on: int) -> None:
        await self.ask("cordon", POOL, self.nodes[a].id, cordoned=bool(on))

    async def do_reap(self, *_: int) -> None:
        answers = [await r.ports.reap(POOL) for r in self.both]
        assert answers[0].expired == answers[1].expired
        assert sorted(o.call for o in answers[0].orphaned) == sorted(
            o.call for o in answers[1].orphaned
        )

    async def do_second(self, *_: int) -> None:
        """A second in which everybody who lives beats, as heartbeats do."""
        for routing in self.both:
            routing.pass_ms(1000)
        for node in self.nodes:
            await self.do_beat(node.number, 0)
        await self.do_reap()

    async def do_silence(self, seconds: int, _: int) -> None:
        """The store was silent; whoever runs first afterwards must not declare anybody dead."""
        alive = [v.media_node for v in await self.both[0].ports.views(POOL) if v.alive]
        for routing in self.both:
            routing.pass_ms(seconds * 1000)
        await self.do_reap()
        after = [v.media_node for v in await self.both[0].ports.views(POOL) if v.alive]
        assert set(alive) <= set(after)

    async def do_empty(self, *_: int) -> None:
        for routing in self.both:
            await routing.empty()
        self.released.clear()

    async def check_capacity(self, answer: Placed) -> None:
        """What placing charges fits; only calls that live already may be published beyond it."""
        for routing in self.both:
            views = {view.media_node: view for view in await routing.ports.views(POOL)}
            view = views[answer.placement.media_node]
            assert answer.existing or view.used <= view.capacity, "over-committed"

    async def settle(self) -> None:
        """After a few seconds of peace each call lives on one media node: where it is placed."""
        for _ in range(5):
            await self.do_second()
        for number in range(CALLS):
            holders = [n for n in self.nodes if call(number) in n.held]
            assert len(holders) <= 1, "a live call is on two media nodes"
            placement = await self.find(number)
            if holders:
                assert placement is not None, "a live call was lost"
                assert (placement.media_node, placement.boot) == (holders[0].id, holders[0].boot)


async def live_through(url: str, seed: int) -> None:
    async with open_store(url) as store:
        await store.redis.flushall()
        world = World(store)
        for routing in world.both:
            await routing.recovered()
        for index, (action, a, b) in enumerate(a_history(seed)):
            await world.run(action, a, b)
            if index % 40 == 39:
                await world.settle()
        await world.settle()


def test_random_histories_never_overcommit_never_double_and_never_lose(
    valkey: RunningValkey,
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def histories(seed: int) -> None:
        asyncio.run(live_through(valkey.url, seed))

    COUNTED["steps"] = 0
    histories()
    assert COUNTED["steps"] >= min(10_000, EXAMPLES * STEPS)
