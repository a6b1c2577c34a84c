"""The media bench's load is taken by a media node without loss, and every figure of it can be read.

So the bench cannot rot unseen; it proves nothing about speed.
"""

from teleward_testing.media_load import network
from teleward_testing.media_load.comparison import FIGURES, results
from teleward_testing.media_load.measure import Window, measure
from teleward_testing.media_load.servers import TELEWARD
from teleward_testing.media_load.shapes import CAMERA, SIMULCAST, VOICE, Shape

TWO = Shape("two", "one call of two", 1, 2, 2, (VOICE, CAMERA))
THREE = Shape("three", "one call of three, with simulcast", 1, 3, 3, (VOICE, SIMULCAST), layer=1)
WARM_UP_S, WINDOW_S = 0.5, 2.0


async def window_of(shape: Shape) -> Window:
    return await measure(TELEWARD, shape, network.LOOPBACK, WARM_UP_S, WINDOW_S)


async def test_a_call_of_two_reads_all_that_is_sent(load_generator: None) -> None:
    window = await window_of(TWO)

    counted = window.counted
    assert counted.streams == {"audio": 2, "video": 2}
    assert counted.lost == 0
    assert counted.packets > 0.9 * TWO.packets_in_per_s * WINDOW_S
    assert window.server_cpu_s > 0
    assert window.generator_cpu_s > 0
    assert 0 < counted.delay_us["p50"] <= counted.delay_us["p95"]


async def test_of_three_encodings_every_receiver_reads_the_one_that_it_is_to_get(
    load_generator: None,
) -> None:
    window = await window_of(THREE)

    assert window.counted.streams == {"audio": 6, "video": 6}
    assert window.counted.lost == 0
    assert window.layer_share > 0.5  # a busy machine looks like a narrow path now and then


async def test_every_figure_of_a_window_is_told(load_generator: None) -> None:
    window = await window_of(TWO)

    told = results([TWO], ["teleward"], {("two", "teleward"): [window]})

    assert [one.name for one in told] == [f"two: teleward: {name}" for _, name, _, _ in FIGURES]
