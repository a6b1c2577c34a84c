"""What breaks under a small load costs nobody the place: order stays, nobody is called in twice, no other call is cut.

The same as `make bench WHAT=gateway ARGS="many --faults all"`, which tells how long it takes; here nothing is timed.
"""

from collections.abc import Callable

import pytest
import pytest_asyncio
from teleward_testing.gateway_load.faults import FAULTS, results, suffer
from teleward_testing.gateway_load.shapes import Shape
from teleward_testing.gateway_load.stage import Outcome

SHAPE = Shape("three clinics", 3, 10, 1, fill_s=0, arrivals=0, over_s=0, rest_s=0)
CALLS = 3
PAUSE_S = 7.0
"""A gateway waits two seconds for the clinic and two for its queue before it says so."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What became of everybody in each fault, one after the other."""
    return await suffer(SHAPE, list(FAULTS), tmp_path_factory.mktemp("faults"), CALLS, PAUSE_S)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FAULTS)
def test_what_breaks_costs_nobody_the_place(
    name: str, outcomes: dict[str, Outcome], record_property: Callable[[str, object], None]
) -> None:
    outcome = outcomes[name]

    record_property("pages disturbed", outcome.disturbed)
    record_property("seconds until the last was back", max(outcome.back_s, default=0.0))
    assert (outcome.places_lost, outcome.queues_out_of_order) == (0, 0)
    assert (outcome.double_admissions, outcome.never_back) == (0, 0)
    assert (outcome.entered_and_lost, outcome.calls_cut) == (0, 0)
    assert outcome.calls + outcome.calls_of_the_dead == CALLS
    assert len(outcome.calls_back_s) == outcome.calls_of_the_dead
    assert outcome.calls > 0, "no call that could be cut"
    assert outcome.entered_meanwhile > 0
    assert outcome.called_in_meanwhile > 0


def test_every_figure_of_a_fault_is_told() -> None:
    outcome = Outcome(
        fault="it rains", pages=9, places_lost=1, queues_out_of_order=2, entered_meanwhile=3,
        entered_and_lost=4, called_in_meanwhile=5, double_admissions=6, calls=7, calls_cut=8,
        calls_of_the_dead=2, disturbed=2, back_s=[1.0, 2.0], away_s=[3.0, 4.0], never_back=1,
        calls_back_s=[0.5, 1.5],
    )  # fmt: skip

    told = {one.name.removeprefix("it rains: "): one for one in results(outcome)}

    assert told["places lost"].value == 1
    assert told["double admissions"].value == 6
    assert (told["until a page was back"].p50, told["until a page was back"].most) == (1.5, 2.0)
    assert told["until a call of the dead media node was back"].value == 1.0
    assert told["how long a page was away or told to wait"].most == 4.0
