"""A media node drains once, to the end, and stops when it is empty or out of time."""

from teleward_contract.media_nodes import MediaNodeState
from teleward_contract.units import Seconds
from teleward_media.core.lifecycle import Lifecycle


def test_a_cordon_comes_and_goes() -> None:
    life = Lifecycle()
    assert life.accepts_new

    life.cordon(cordoned=True)
    assert (life.state, life.accepts_new) == (MediaNodeState.CORDONED, False)
    life.cordon(cordoned=True)
    assert life.state is MediaNodeState.CORDONED
    life.cordon(cordoned=False)
    assert life.accepts_new


def test_draining_is_never_taken_back_and_its_deadline_not_extended() -> None:
    life = Lifecycle()
    life.drain(Seconds(10), Seconds(60))
    life.drain(Seconds(50), Seconds(60))
    life.cordon(cordoned=False)

    assert (life.state, life.deadline) == (MediaNodeState.DRAINING, Seconds(70))


def test_it_stops_when_the_last_call_has_ended() -> None:
    life = Lifecycle()
    assert life.settle(0, Seconds(0)) is False

    life.drain(Seconds(0), Seconds(60))
    assert life.settle(1, Seconds(1)) is False
    assert life.settle(0, Seconds(2)) is True
    assert life.state is MediaNodeState.EMPTY


def test_it_stops_at_the_deadline_with_calls() -> None:
    life = Lifecycle()
    life.drain(Seconds(0), Seconds(60))

    assert life.settle(3, Seconds(59)) is False
    assert life.settle(3, Seconds(60)) is True
