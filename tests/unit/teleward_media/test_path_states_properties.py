"""Whatever peers do in whatever order, the packet path keeps its promises.

Three people and their clients come, go and misbehave; after every step nobody has got what the plan does not show
them, no packet number has served twice, no publisher was asked for keyframes too often, nothing has outgrown its bound.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from teleward_media.core.forwarding import HIDDEN
from teleward_testing.fuzzing.states import (
    HEADS,
    MIDS,
    PEOPLE,
    SHAPES,
    SIZES,
    STEPS,
    WAITS_S,
    Peers,
)

people = st.sampled_from(PEOPLE)
mids = st.sampled_from(MIDS)
heads = st.integers(0, len(HEADS) - 1)
streams = st.sampled_from([0, 0, 0, 1, 2, 3])
steps = st.sampled_from(STEPS)
behind = st.one_of(st.integers(1, 9), st.integers(1, 9), st.integers(-3, 700))


class Rules(RuleBasedStateMachine):
    """Draws the moves; where several stand in one rule, they are the rarer ones."""

    def __init__(self) -> None:
        super().__init__()
        self.peers = Peers()

    @rule(name=people, shape=st.sampled_from([None, *range(len(SHAPES))]))
    def come_or_go(self, name: str, shape: int | None) -> None:
        self.peers.come_or_go(name, shape)

    @rule(publisher=people, receiver=people, mid=mids)
    def turn(self, publisher: str, receiver: str, mid: str) -> None:
        self.peers.turn(publisher, receiver, mid)

    @rule(publisher=st.sampled_from([*PEOPLE, None]), receiver=people, mid=mids)
    def show(self, publisher: str | None, receiver: str, mid: str) -> None:
        self.peers.show(publisher, receiver, mid)

    @rule(receiver=people, mid=mids, index=st.sampled_from([None, None, HIDDEN, 0, 1, 2]))
    def steer(self, receiver: str, mid: str, index: int | None) -> None:
        self.peers.steer(receiver, mid, index)

    @rule(
        name=people, which=streams, head=heads, ahead=st.lists(steps, min_size=1, max_size=4),
        times=st.sampled_from([1, 1, 30]), size=st.sampled_from(SIZES),
    )  # fmt: skip
    def publish(
        self, name: str, which: int, head: int, ahead: list[int], times: int, size: int
    ) -> None:
        self.peers.publish(name, which, head, ahead, times, size)

    @rule(name=people, which=streams, head=heads, count=st.integers(1, 20))
    def publish_late(self, name: str, which: int, head: int, count: int) -> None:
        self.peers.publish_late(name, which, head, count)

    @rule(
        name=people,
        which=streams,
        step=steps,
        then=st.one_of(st.none(), heads),
        original=st.integers(0, 65535),
    )
    def pad_or_break(
        self, name: str, which: int, step: int, then: int | None, original: int
    ) -> None:
        self.peers.pad(name, which, step, then)
        if original & 1:
            self.peers.break_payload(name, step, original)

    @rule(
        name=people,
        mid=mids,
        back=st.lists(behind, min_size=1, max_size=8),
        times=st.sampled_from([1, 1, 20]),
    )
    def ask(self, name: str, mid: str, back: list[int], times: int) -> None:
        self.peers.ask_again(name, mid, back, times)
        self.peers.ask_keyframe(name, mid, times)

    @rule(
        name=people, base=st.integers(0, 65535), ntp=st.integers(0, 2**64 - 1), word=st.integers(0, 2**32 - 1),
        ticks=st.lists(st.one_of(st.none(), st.integers(0, 1 << 40)), max_size=20),
        ssrc=st.sampled_from([10, 20, 31, 1001]),
    )  # fmt: skip
    def claim(
        self, name: str, base: int, ntp: int, word: int, ticks: list[int | None], ssrc: int
    ) -> None:
        self.peers.claim_arrivals(name, base, ticks)
        self.peers.report(name, ntp, word, ssrc)

    @rule(
        name=people,
        rid=st.sampled_from(["h", "x", "hm"]),
        mid=st.sampled_from(["cam", "v0", "no"]),
        data=st.binary(max_size=60),
    )
    def talk_nonsense(self, name: str, rid: str, mid: str, data: bytes) -> None:
        self.peers.claim_names(name, rid, mid)
        self.peers.send_anything(name, data)

    @rule(seconds=st.sampled_from(WAITS_S), ticks=st.integers(1, 4))
    def pass_time(self, seconds: float, ticks: int) -> None:
        self.peers.pass_time(seconds, ticks)

    @invariant()
    def the_promises_hold(self) -> None:
        self.peers.check()


TestRules: Any = Rules.TestCase
TestRules.settings = settings(settings(), stateful_step_count=50)
