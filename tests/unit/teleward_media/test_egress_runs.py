"""Packets leave in runs that the kernel can cut apart: in order, bounded, with little padding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.packetpath.egress import EVEN_WITHIN, MAX_BYTES, MAX_SEGMENTS, runs


@given(st.lists(st.integers(12, 1500) | st.integers(1195, 1200), max_size=80))
def test_runs_hold_every_packet_in_order_within_their_bounds(sizes: list[int]) -> None:
    expected = 0
    for first, end, size in runs(sizes):
        assert first == expected < end
        expected = end
        assert end - first <= MAX_SEGMENTS
        assert end - first == 1 or size * (end - first) <= MAX_BYTES
        assert all(0 <= size - one <= EVEN_WITHIN for one in sizes[first : end - 1])
        assert sizes[end - 1] <= size
    assert expected == len(sizes)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []), ([100], [(0, 1, 100)]), ([1159, 1160, 1160], [(0, 3, 1160)]),
        ([1160, 1160, 300], [(0, 3, 1160)]), ([300, 1160], [(0, 1, 300), (1, 2, 1160)]),
        ([1160, 300, 300], [(0, 2, 1160), (2, 3, 300)]),
        ([100] * 20, [(0, 16, 100), (16, 20, 100)]),
        ([1500] * 15, [(0, 13, 1500), (13, 15, 1500)]),
    ],
)  # fmt: skip
def test_where_a_run_ends(sizes: list[int], expected: list[tuple[int, int, int]]) -> None:
    assert list(runs(sizes)) == expected
