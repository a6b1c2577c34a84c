"""The gateway bench's load, small: everybody is shown at every dashboard of the clinic, and told once.

So the bench cannot rot unseen; it proves nothing about speed.
"""

from pathlib import Path

import pytest
from teleward_testing.gateway_load.measure import Window, measure, results
from teleward_testing.gateway_load.shapes import Shape

FOUR = Shape(
    "four clinics", clinics=4, waiting=20, dashboards=1, fill_s=0, arrivals=20, over_s=2,
    rest_s=1, settle_s=1,
)  # fmt: skip
ONE = Shape(
    "one clinic", clinics=1, waiting=50, dashboards=4, fill_s=3, arrivals=10, over_s=2,
    rest_s=1, settle_s=1,
)  # fmt: skip
ROW_BYTES = 450
"""A row with a name, an answer of fifty letters, and what is around them."""


@pytest.mark.parametrize("shape", [FOUR, ONE], ids=lambda shape: shape.name)
async def test_nobody_is_lost_and_an_update_holds_what_changed_alone(
    shape: Shape, tmp_path: Path
) -> None:
    window = await measure(shape, tmp_path)

    meetings = shape.arrivals * shape.dashboards
    assert (window.lost, window.untold, window.sockets_lost) == (0, 0, 0)
    assert len(window.arriving_ms) == meetings
    assert window.delta_rows == meetings
    assert window.deltas <= meetings
    assert window.delta_bytes < ROW_BYTES * meetings
    assert window.snapshots == shape.clinics * shape.dashboards


def test_every_figure_of_a_window_is_told() -> None:
    window = Window(
        shape=ONE, filling_ms=[1.0, 2.0], arriving_ms=[3.0, 5.0], lost=1, sockets_lost=2, untold=3, retries=6,
        cpu_share=0.5, busy_share=0.75, store_share=0.25, load_share=0.1, others_share=0.2,
        grown_bytes=2**20, deltas=4, delta_bytes=1000, delta_rows=8, snapshots=4,
    )  # fmt: skip

    told = {one.name.removeprefix("one clinic: "): one.value for one in results(window)}

    assert told["50 entries in 3 s until shown"] == 1.5
    assert told["10 arrivals in 2 s until shown"] == 4.0
    assert told["CPU at rest per 1,000 waiting"] == 1000.0
    assert told["RSS per 1,000 waiting"] == 20.0
    assert told["bytes per dashboard update"] == 250.0
    assert told["rows per update"] == 2.0
    assert (told["never shown"], told["sockets lost"]) == (1, 2)
    assert told["waiting pages told nothing"] == 3
