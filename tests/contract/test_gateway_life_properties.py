"""Whatever patients and staff do at once, through whichever replica, whatever breaks: visits are as the model says.

Nobody is in a call without an act of staff, nobody's visit has two owners, none is without an outcome, none loses its
place, and store, dashboards of both replicas and waiting pages say the same after each step.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from teleward_testing.clinic_life.life import Counts, Life, thinned
from teleward_testing.clinic_life.model import (
    CLINICS,
    IN_CALL,
    OVER,
    ROLES,
    STEPS,
    Act,
    Clinic,
    PatientAct,
    PatientVerb,
    StaffAct,
    Stay,
)
from teleward_testing.clinic_life.world import World
from teleward_testing.valkey import RunningValkey

FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
STEPS_OF_AN_EXAMPLE = 30
EXAMPLES = FUZZ_EXAMPLES // 50 or 6
"""An example is thirty rounds, a hundred acts and seconds long: a fiftieth of what is asked of quick properties."""
BETWEEN_BAD_DAYS = 6
LEAST_STEPS_OF_AN_EXAMPLE = 50

replicas = st.integers(0, 1)
which = st.integers(0, 11)
PATIENTS_VERBS: list[PatientVerb] = ["join", "follow", "enter again", "enter again", "leave"]
clinics = st.sampled_from(CLINICS)
busy = ["ben@x.org", "ada@x.org", "dora@x.org", "ben@x.org", "olga@x.org"]
members = st.sampled_from([*busy, *busy, *ROLES])
VERBS = [
    "call-in", "call-in", "call-in", "hold", "hold", "resume", "resume", "return", "transfer", "hand-over",
    "hand-over", "end", "refuse", "message", "priority",
]  # fmt: skip
"""The more often the deeper they lead into a consultation: most visits must come that far."""
verbs = st.sampled_from(VERBS)
Making: TypeAlias = Callable[[Stay], Act]
"""Makes an act of what the visit is then."""


@st.composite
def staff_acts(draw: st.DrawFn) -> Making:
    """Somebody of staff: mostly who may, mostly what can be done, mostly where the visit is."""
    anybody, any_verb, replica, pick = draw(members), draw(verbs), draw(replicas), draw(which)
    is_able, is_sensible, is_elsewhere = (draw(st.integers(0, 7)) < n for n in (6, 6, 1))
    to = draw(st.sampled_from([*busy, "rita@x.org", "nobody@x.org"]))
    priority = draw(st.integers(0, 9))

    def on(stay: Stay) -> Act:
        other: Clinic = "urgent" if stay.at == "cardiology" else "cardiology"
        where, there = (other, stay.at) if is_elsewhere else (stay.at, other)
        verb, who = any_verb, anybody
        possible = [
            word for word in VERBS
            if stay.state in STEPS[word] and (word not in ("end", "refuse") or pick > 8)
        ]  # fmt: skip
        if is_sensible and possible:
            verb = possible[pick % len(possible)]
        able = [user for user in busy if verb in ROLES[user].get(where, ())]
        if is_able and able:
            who = able[pick % len(able)]
        target = there if verb == "transfer" else to
        return StaffAct(who, where, verb, replica, target, priority)

    return on


@st.composite
def patient_acts(draw: st.DrawFn) -> Making:
    """The patient, who mostly does what the page would do now."""
    any_verb, replica, is_sensible = (
        draw(st.sampled_from(PATIENTS_VERBS)), draw(replicas), draw(st.integers(0, 7)) < 6,
    )  # fmt: skip

    def on(stay: Stay) -> Act:
        verb = any_verb
        if is_sensible and stay.at != stay.ticket_at:
            verb = "follow"
        elif is_sensible and stay.state in IN_CALL:
            verb = "join"
        return PatientAct(verb, replica)

    return on


Drawn: TypeAlias = tuple[int, Making, bool]
"""Whose visit, what, and whether it is asked for once more at the same time, through the other replica."""
acts = st.lists(
    st.tuples(
        which, st.one_of(staff_acts(), staff_acts(), patient_acts()),
        st.integers(0, 7).map(lambda n: n == 1),
    ),
    min_size=1, max_size=9,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(valkey, tmp_path_factory.mktemp("life")) as running:
        yield running


def rules(world: World, counts: Counts) -> type[RuleBasedStateMachine]:  # noqa: C901  # a class
    """Draws the steps; where several stand in one rule, they are the rarer ones."""

    class Rules(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.life = Life(world, counts)
            self.quiet = 0

        def teardown(self) -> None:
            self.life.close()

        def drawn(self, acts: list[Drawn]) -> list[tuple[str, Act]]:
            """Give each act a visit, mostly one that staff see."""
            names = self.life.names
            going = [n for n in names if self.life.stays[n].is_listed] or names
            chosen = []
            for number, act, is_twice in acts:
                name = names[number % len(names)] if number == 11 else going[number % len(going)]
                made = act(self.life.stays[name])
                is_idle = isinstance(made, PatientAct) and not _makes_sense(self.life, name, made)
                if not is_idle:
                    chosen.append((name, made))
                if is_twice and isinstance(made, StaffAct):
                    chosen.append((name, replace(made, replica=1 - made.replica)))
            self.quiet += 1
            kept = thinned(chosen)
            note(f"at once: {kept}")
            return kept

        @initialize(
            entering=st.lists(st.tuples(clinics, replicas, st.booleans()), min_size=3, max_size=4)
        )
        def some_are_there(self, entering: list[tuple[Clinic, int, bool]]) -> None:
            self.life.enter(entering)

        @rule(
            entering=st.lists(st.tuples(clinics, replicas, st.booleans()), min_size=1, max_size=3)
        )
        def enter(self, entering: list[tuple[Clinic, int, bool]]) -> None:
            self.quiet += 1
            if self.life.has_room:  # no precondition: what is drawn must not depend on who won
                self.life.enter(entering)

        @rule(number=which, replica=replicas, is_going=st.booleans())
        def look_or_look_away(self, number: int, replica: int, is_going: bool) -> None:
            name = self.life.names[number % len(self.life.names)]
            self.quiet += 1
            if is_going:
                self.life.away(name)
            else:
                self.life.page(name, replica)

        @rule(acts=acts)
        def act(self, acts: list[Drawn]) -> None:
            self.life.at_once(self.drawn(acts))

        @rule(acts=acts)
        def act_more(self, acts: list[Drawn]) -> None:
            self.life.at_once(self.drawn(acts))

        @rule(acts=acts)
        def act_most(self, acts: list[Drawn]) -> None:
            self.life.at_once(self.drawn(acts))

        @precondition(lambda self: self.quiet >= BETWEEN_BAD_DAYS)
        @rule(
            kind=st.sampled_from(["kill", "pause", "long pause", "cut", "empty"]),
            replica=replicas, acts=acts,
        )  # fmt: skip
        def bad_day(self, kind: str, replica: int, acts: list[Drawn]) -> None:
            chosen = self.drawn(acts)
            self.quiet = 0
            match kind:
                case "kill":
                    self.life.kill(replica)
                case "empty":
                    self.life.empty()
                case "cut":
                    self.life.cut(chosen)
                case _:
                    self.life.pause(chosen, 2.5 if kind == "long pause" else 0.4)

    return Rules


def _makes_sense(life: Life, name: str, act: PatientAct) -> bool:
    """Whether a browser would do that: who has left has no ticket, and nobody enters again after the end."""
    stay = life.stays[name]
    if act.verb == "join":
        return not stay.is_forgotten and stay.state not in OVER
    return stay.state not in OVER


@pytest.mark.timeout(7200)
def test_whatever_happens_properties_of_every_visit_hold(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    counts = Counts()

    try:
        while counts.examples < EXAMPLES and not counts.failures:
            with contextlib.suppress(FlakyStrategyDefinition):
                run(world, counts, EXAMPLES - counts.examples)
    finally:
        print(counts)  # noqa: T201  # for who waits for hours
    assert counts.failures == []
    record_property("steps", counts.steps)
    record_property("answers", dict(counts.answers.most_common()))
    record_property("bad days", dict(counts.bad_days.most_common()))
    assert counts.steps >= LEAST_STEPS_OF_AN_EXAMPLE * EXAMPLES


def run(world: World, counts: Counts, examples: int) -> None:
    """Draw examples. Hypothesis gives up where it draws the same again and who won makes the difference."""
    run_state_machine_as_test(
        rules(world, counts),
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS_OF_AN_EXAMPLE, deadline=None,
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
            phases=[Phase.generate],  # a real system is not shrunk in minutes
        ),
    )  # fmt: skip
