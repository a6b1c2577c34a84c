"""What a call costs is what is sent for it; a room of twenty fits a media node of the default size."""

from teleward_contract.resources import Capacity
from teleward_contract.units import call_cost


def test_everybody_is_sent_every_other_and_in_large_rooms_nine_of_them() -> None:
    assert [call_cost(n) for n in (1, 2, 3, 6, 10, 20)] == [0, 2, 6, 30, 90, 180]


def test_a_room_of_twenty_fits_a_media_node_of_the_default_size() -> None:
    assert call_cost(20) <= Capacity().units_per_media_node
