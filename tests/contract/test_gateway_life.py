"""Days on which the store forgets everything, one at a time, at two real gateways with a real media node."""

from collections.abc import Iterator

import pytest
from teleward_testing.clinic_life.life import Counts, Life
from teleward_testing.clinic_life.model import PatientAct, StaffAct
from teleward_testing.clinic_life.world import World
from teleward_testing.valkey import RunningValkey

BEN = "ben@x.org"


@pytest.fixture(scope="module")
def world(valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(valkey, tmp_path_factory.mktemp("life")) as running:
        yield running


@pytest.fixture
def life(world: World) -> Iterator[Life]:
    made = Life(world, Counts())
    yield made
    made.close()


def in_consultation(life: Life) -> str:
    """A patient whose page is open and who is in the call, and Ben in it, too."""
    life.enter([("cardiology", 0, True)])
    (name,) = life.names
    life.at_once([(name, StaffAct(BEN, "cardiology", "call-in", 1))])
    life.at_once([(name, PatientAct("join", 1))])
    life.world.run(life.world.join_as_staff(BEN, name))
    return name


def test_who_was_in_the_consultation_is_in_it_again(life: Life) -> None:
    name = in_consultation(life)

    life.empty()

    assert life.stays[name].state == "in_consultation"


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_who_was_put_on_hold_stays_out_of_the_call_that_goes_on(
    life: Life, is_reloaded: bool
) -> None:
    name = in_consultation(life)
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
