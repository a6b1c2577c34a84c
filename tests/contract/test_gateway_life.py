"""Days on which the store forgets everything, one at a time, at two real gateways with a real media node."""

import pytest
from teleward_testing.clinic_life.life import Life
from teleward_testing.clinic_life.model import StaffAct

BEN = "ben@x.org"


def test_who_was_in_the_consultation_is_in_it_again(life: Life) -> None:
    name = life.in_consultation(BEN)

    life.empty()

    assert life.stays[name].state == "in_consultation"


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_who_was_put_on_hold_stays_out_of_the_call_that_goes_on(
    life: Life, is_reloaded: bool
) -> None:
    name = life.in_consultation(BEN)
    life.at_once([(name, StaffAct(BEN, "cardiology", "hold", 0))])
    if is_reloaded:
        life.page(name, 1)

    life.empty()

    assert life.stays[name].state == "on_hold"


def test_who_was_called_in_and_has_not_come_waits_again_at_the_old_place(life: Life) -> None:
    life.enter([("cardiology", 0, True), ("cardiology", 1, True)])
    first, second = life.names
    life.at_once([(first, StaffAct(BEN, "cardiology", "call-in", 1))])

    life.empty()

    assert [life.stays[name].state for name in (first, second)] == ["waiting", "waiting"]


def test_whose_gateway_was_killed_before_is_back_as_well(life: Life) -> None:
    life.enter([("cardiology", 0, True)])
    (name,) = life.names
    life.kill(0)

    life.empty()

    assert life.stays[name].state == "waiting"


def test_who_was_put_on_hold_and_comes_back_by_a_new_page_is_in_no_call_that_goes_on(
    life: Life,
) -> None:
    name = life.in_consultation(BEN)
    life.at_once([(name, StaffAct(BEN, "cardiology", "hold", 0))])
    life.away(name)
    life.empty()

    life.page(name, 1)

    assert life.stays[name].state == "on_hold"
