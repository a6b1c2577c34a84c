"""Any bytes of a stranger become a value or one typed error, and leave the others' call as it was.

atheris runs the same targets (`tests/contract/test_fuzzing.py`, `make fuzz`); what either finds is kept in `FOUND`.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_testing.fuzzing.targets import TARGETS, Target

_LATE_WISH = (
    b"\x05\x00\x00\x01" + b"\xa2" * 6 + b"\xcf\xcf\xff\xff\xa2\xff\xff\xff\x00" + b"\xff" * 4
)
"""Who came was to be shown a picture; the request for its keyframe left with whatever was sent next."""
FOUND: dict[str, list[bytes]] = {name: [] for name in TARGETS} | {"states": [_LATE_WISH]}
"""Inputs that broke a target once."""


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Bytes by chance, and good inputs with some places overwritten, cut out or repeated."""
    place = st.tuples(
        st.integers(0, 400), st.integers(0, 40), st.binary(max_size=8), st.integers(1, 3)
    )
    mended = st.tuples(st.sampled_from(target.seeds()), st.lists(place, max_size=5)).map(
        lambda drawn: _mutate(*drawn)[: target.most_bytes]
    )
    return st.one_of(st.binary(max_size=min(300, target.most_bytes)), mended)


def _mutate(data: bytes, places: list[tuple[int, int, bytes, int]]) -> bytes:
    for at, length, instead, times in places:
        data = data[:at] + instead * times + data[at + length :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_taken_or_refused(name: str) -> None:
    target = TARGETS[name]

    @given(inputs(target))
    def holds(data: bytes) -> None:
        target.run(data)

    holds()


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_or_begun_with_stays_found(name: str) -> None:
    target = TARGETS[name]
    inputs_of_old = [*FOUND[name], *target.seeds()]
    assert inputs_of_old

    for data in inputs_of_old:
        target.run(data)
