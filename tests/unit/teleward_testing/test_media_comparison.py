"""What the media bench tells: medians and ends of the runs, and how far Teleward is from the best of the others."""

import json

from teleward_cli.bench.report import make_report
from teleward_testing.media_load.comparison import CPU, results, table
from teleward_testing.media_load.generator import Counted
from teleward_testing.media_load.measure import Window
from teleward_testing.media_load.shapes import ONE_TO_TEN, ROOMS_OF_SIX, SHAPES

PROMISED = {
    CPU, "p95 forwarding delay", "loss", "memory per participant", "core in use",
    "generator's core in use",
}  # fmt: skip
ALL = ["teleward", "janus", "pion"]


def window(cpu_us: float) -> Window:
    packets = 10_000
    counted = Counted(
        seconds=5, sent=1000, packets=packets, bytes=1, other=0, repeated=0, lost=100,
        streams={"video": 10}, video_layers={0: packets}, delay_us={"p50": 20, "p95": 340, "p99": 900},
    )  # fmt: skip
    return Window(
        counted=counted, server_cpu_s=cpu_us * packets / 1e6, generator_cpu_s=1.0,
        others_cpu_s=0.0, grown_bytes=11 * 2**20, kernel_drops=0, participants=11, layer_share=1.0,
    )  # fmt: skip


CELLS = {
    ("one to ten", "teleward"): [window(9), window(12), window(10)],
    ("one to ten", "janus"): [window(11), window(15), window(16)],
    ("one to ten", "pion"): [window(8), window(7), window(9)],
}


def test_each_server_has_every_promised_figure_with_its_median_and_ends() -> None:
    told = {one.name: one for one in results([ONE_TO_TEN], ALL, CELLS)}

    for server in ALL:
        assert {f"one to ten: {server}: {name}" for name in PROMISED} <= told.keys()
    cost = told[f"one to ten: teleward: {CPU}"]
    assert (cost.least, cost.value, cost.most, cost.n, cost.unit) == (9, 10, 12, 3, "us")
    assert told["one to ten: janus: p95 forwarding delay"].value == 0.34
    assert told["one to ten: janus: memory per participant"].value == 1024
    assert told["one to ten: janus: loss"].value == round(100 * 100 / 10_100, 4)
    assert told["one to ten: janus: generator's core in use"].value == 20


def test_the_distance_is_taken_to_the_best_peer_and_to_half_of_it() -> None:
    told = {one.name: one.value for one in results([ONE_TO_TEN], ALL, CELLS)}

    assert told["one to ten: teleward over the best peer (pion)"] == 1.25
    assert told["one to ten: teleward over half of the best peer"] == 2.5


def test_without_ours_or_without_a_peer_there_is_no_distance() -> None:
    alone = {key: cell for key, cell in CELLS.items() if key[1] == "teleward"}
    others = {key: cell for key, cell in CELLS.items() if key[1] != "teleward"}

    for cells in (alone, others):
        assert not [one for one in results([ONE_TO_TEN], ALL, cells) if " over " in one.name]


def test_a_server_that_failed_has_no_figures_and_the_table_says_so() -> None:
    told = results(SHAPES, [*ALL, "livekit"], CELLS)

    assert not [one for one in told if "livekit" in one.name or ROOMS_OF_SIX.name in one.name]
    assert "livekit        failed" in table([ONE_TO_TEN], [*ALL, "livekit"], CELLS)


def test_the_report_says_machine_command_and_versions() -> None:
    report = make_report(
        "media", results([ONE_TO_TEN], ALL, CELLS), ("aiortc",), {"janus (server)": "1.1.2"}
    )

    told = json.loads(report.to_json())
    assert told["bench"] == "media"
    assert told["machine"]["cores"] >= 1
    assert told["command"]
    assert told["versions"]["janus (server)"] == "1.1.2"
    assert {"name", "value", "unit", "n", "least", "most"} <= told["results"][0].keys()


def test_the_shapes_are_those_that_are_promised() -> None:
    one, two, six = SHAPES

    assert (one.packets_in_per_s, one.streams("video"), one.slots(0, "video")) == (2000, 10, 0)
    assert (two.packets_in_per_s, two.participants, two.streams("audio")) == (16_000, 80, 80)
    assert (six.streams("video"), six.slots(3, "video"), six.rid) == (90, 5, "h")
