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
from teleward_contract.units import BootId, CallId, CapacityUnits, MediaNodeId, PlacementEpoch
from teleward_testing.routing import LEADER, POOL, ClockedRouting, call, heartbeat, units
from teleward_testing.valkey import RunningValkey

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
STEPS = 180
"""60 histories of 180 steps: more than 10,000 steps."""
CAPACITY = 8
NODES, CALLS = 3, 6

COUNTED = {"steps": 0}

KINDS = {
    "reserve": 4, "second": 4, "beat": 2, "die": 1, "boot": 2, "suspect": 1, "cordon": 1, "retire": 0.5,
    "replace": 2, "release": 1, "resize": 1, "end": 1, "reap": 1, "silence": 0.4, "empty": 0.3,
}  # fmt: skip


def a_history(seed: int) -> list[tuple[str, int, int]]:
    """Draw a history; the seed alone tells it, so a failure is told by one number."""
    draw = random.Random(seed)
    history: list[tuple[str, int, int]] = []
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
    suspected: bool = False
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
        self.newest: dict[CallId, PlacementEpoch] = {}
        self.released: set[tuple[CallId, PlacementEpoch]] = set()

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
            await self.join(answer)

    async def do_replace(self, a: int, _: int) -> None:
        found = await self.find(a)
        if found is not None:
            answer = await self.ask("replace", POOL, call(a), found.epoch)
            if isinstance(answer, Placed):
                await self.join(answer)

    async def join(self, answer: Placed) -> None:
        """People join where the call is placed; the ticket's epoch fences the media node."""
        placement = answer.placement
        if not answer.existing:
            newest = self.newest.get(placement.call, 0)
            assert not self.is_live(placement.call), "a live call was placed twice"
            assert placement.epoch > newest, "the epoch did not rise"
            self.newest[placement.call] = placement.epoch
            await self.check_capacity(placement)
        node = next(n for n in self.nodes if n.id == placement.media_node)
        if node.up and node.boot == placement.boot:
            held = node.held.get(placement.call)
            if held is None or held.epoch < placement.epoch:
                node.held[placement.call] = LiveCall(
                    call=placement.call, epoch=placement.epoch, cost=placement.cost
                )

    def is_live(self, wanted: CallId) -> bool:
        """Whether an unsuspected media node holds the call at its newest epoch, and nobody ended it."""
        newest = self.newest.get(wanted)
        return (wanted, newest) not in self.released and any(
            node.up
            and not node.suspected
            and wanted in node.held
            and node.held[wanted].epoch == newest
            for node in self.nodes
        )

    async def find(self, a: int) -> Placement | None:
        found = await self.ask("find", POOL, call(a))
        assert found is None or isinstance(found, Placement)
        return found

    async def do_release(self, a: int, _: int) -> None:
        found = await self.find(a)
        if found is not None and await self.ask("release", POOL, call(a), found.epoch):
            self.released.add((call(a), found.epoch))

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
        node.suspected = False
        for fenced in answers[0].fenced:
            epoch = node.held.pop(fenced).epoch
            moved = self.newest[fenced] > epoch
            assert moved or (fenced, epoch) in self.released, "a live call was lost"

    async def do_die(self, a: int, _: int) -> None:
        self.nodes[a].up = False
        self.nodes[a].held.clear()

    async def do_retire(self, a: int, _: int) -> None:
        await self.do_die(a, 0)
        await self.ask("retire", POOL, self.nodes[a].id, self.nodes[a].boot)

    async def do_boot(self, a: int, _: int) -> None:
        if not self.nodes[a].up:
            self.nodes[a].up = True
            self.nodes[a].boots += 1

    async def do_suspect(self, a: int, _: int) -> None:
        await self.ask("suspect", POOL, self.nodes[a].id, self.nodes[a].boot)
        self.nodes[a].suspected = True

    async def do_cordon(self, a: int, on: int) -> None:
        await self.ask("cordon", POOL, self.nodes[a].id, LEADER, cordoned=bool(on))

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

    async def check_capacity(self, placed: Placement) -> None:
        """What placing charges fits; only calls that live already may be published beyond it."""
        placements = [await self.find(number) for number in range(CALLS)]
        used = sum(
            other.cost
            for other in placements
            if other and (other.media_node, other.boot) == (placed.media_node, placed.boot)
        )
        views = await self.both[0].ports.views(POOL)
        assert [v.used for v in views if v.media_node == placed.media_node] == [used]
        assert used <= CAPACITY, "over-committed"

    async def settle(self) -> None:
        """After a few seconds of peace each call lives on one media node: where it is placed."""
        for _ in range(5):
            await self.do_second()
        for number in range(CALLS):
            holders = [n for n in self.nodes if call(number) in n.held]
            assert len(holders) <= 1, "a live call is on two media nodes"
            placement = await self.find(number)
            if holders:
                assert placement is not None, "a live call was forgotten"
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
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def histories(seed: int) -> None:
        asyncio.run(live_through(valkey.url, seed))

    COUNTED["steps"] = 0
    histories()
    assert COUNTED["steps"] >= min(10_000, EXAMPLES * STEPS)
