"""Strangers make a media node work only so much: each source, and all together; memory has a bound."""

from teleward_contract.units import Seconds
from teleward_media.core.strangers import (
    MAX_SOURCES,
    SOURCE_BURST,
    SOURCE_RATE,
    TOTAL_BURST,
    Strangers,
)

EVE, MOB = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
NOW = Seconds(1000)


def test_one_source_has_its_own_limit_and_another_is_not_touched_by_it() -> None:
    strangers = Strangers()

    assert sum(strangers.allow(EVE, NOW) for _ in range(5000)) == SOURCE_BURST
    assert strangers.allow(MOB, NOW)
    later = Seconds(NOW + 1)
    assert sum(strangers.allow(EVE, later) for _ in range(5000)) == SOURCE_RATE


def test_all_together_have_a_limit() -> None:
    strangers = Strangers()

    allowed = sum(strangers.allow(n.to_bytes(4, "big"), NOW) for n in range(10_000))

    assert allowed == TOTAL_BURST


def test_no_more_sources_are_remembered_than_the_bound_and_the_quietest_go_first() -> None:
    strangers = Strangers()
    for _ in range(int(SOURCE_BURST)):
        strangers.allow(EVE, NOW)
    for n in range(MAX_SOURCES - 1):
        strangers.allow(n.to_bytes(4, "big"), NOW)
    assert not strangers.allow(EVE, NOW)

    for n in range(MAX_SOURCES - 1):
        strangers.allow((1 << 24 | n).to_bytes(4, "big"), NOW)

    assert len(strangers) == MAX_SOURCES
    assert not strangers.allow(EVE, NOW), "who is heard last is forgotten last"
