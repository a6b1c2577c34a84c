"""Every picture has its lowest layer; what is left goes by rank, one layer at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_contract.units import ParticipantId
from teleward_media.core.allocate import UPGRADE_MARGIN, Demand, allocate
from teleward_media.core.forwarding import Output

LADDER = (150_000.0, 500_000.0, 1_700_000.0)


def output(n: int) -> Output:
    return Output(ParticipantId("ann"), f"v{n}")


def chosen(budget: float, *demands: Demand, present: tuple[int, ...] = ()) -> list[int]:
    before = {output(n): index for n, index in enumerate(present)}
    return list(allocate(budget, demands, before).values())


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (0, [0, 0]), (-1e6, [0, 0]), (300_000, [0, 0]), (1_002_501, [1, 0]), (1_200_000, [1, 1]),
        (2_000_000, [1, 1]), (2_700_000, [2, 1]), (1e9, [2, 2]),
    ],
)  # fmt: skip
def test_layers_go_to_pictures_of_one_rank_in_turn(budget: float, expected: list[int]) -> None:
    assert chosen(budget, Demand(output(0), LADDER), Demand(output(1), LADDER)) == expected


def test_a_better_rank_has_all_it_can_use_first() -> None:
    first = Demand(output(0), LADDER, rank=1)
    pinned = Demand(output(1), LADDER, rank=0)

    assert chosen(2_200_000, first, pinned) == [0, 2]


def test_no_layer_is_sent_that_nobody_can_see() -> None:
    assert chosen(1e9, Demand(output(0), LADDER, most=1)) == [1]


def test_a_picture_with_one_layer_and_one_not_yet_heard_have_the_lowest() -> None:
    assert chosen(1e9, Demand(output(0), (90_000.0,)), Demand(output(1), ())) == [0, 0]
    assert chosen(1e9) == []


def test_what_is_shown_needs_no_margin_and_what_would_be_new_does() -> None:
    budget = 150_000 + 350_000 * (1 + UPGRADE_MARGIN) / 2

    assert chosen(budget, Demand(output(0), LADDER), present=(0,)) == [0]
    assert chosen(budget, Demand(output(0), LADDER), present=(1,)) == [1]


@given(
    st.floats(-1e6, 1e7),
    st.lists(
        st.tuples(
            st.lists(st.floats(1e4, 3e6), max_size=3).map(sorted),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        max_size=6,
    ),
)
def test_properties_of_any_choice(
    budget: float, wishes: list[tuple[list[float], int, int]]
) -> None:
    demands = [Demand(output(n), tuple(w[0]), w[1], w[2]) for n, w in enumerate(wishes)]
    found = allocate(budget, demands, {})

    assert found.keys() == {demand.output for demand in demands}
    cost = sum(d.layers_bps[found[d.output]] for d in demands if d.layers_bps)
    least = sum(d.layers_bps[0] for d in demands if d.layers_bps)
    assert cost <= max(budget, least) + 1
    assert all(found[d.output] <= max(0, min(d.most, len(d.layers_bps) - 1)) for d in demands)
