"""What was seen becomes the layer of each output: by measured rates and each receiver's own estimate."""

from teleward_contract.units import ParticipantId, Seconds
from teleward_media.core.estimate import Sent
from teleward_media.core.forwarding import ForwardingPlan, Observed, Output, SourceId
from teleward_media.core.steering import Steering
from teleward_media.usecases.run_path import RunningPath

ADA, BEN, CAM = (ParticipantId(name) for name in ("ada", "ben", "cam"))
CAMERA, VOICE = SourceId(ADA, "camera"), SourceId(ADA, "microphone")
TO_BEN, TO_CAM = Output(BEN, "v"), Output(CAM, "v")
PLAN: ForwardingPlan = {
    CAMERA: (TO_BEN, TO_CAM), VOICE: (Output(BEN, "a"),),
}  # fmt: skip
BYTES_A_SECOND = (20_000, 60_000, 200_000)


def seen(at: float, **feedback: Sent) -> Observed:
    octets = {(CAMERA, index): int(rate * at) for index, rate in enumerate(BYTES_A_SECOND)}
    return Observed({ParticipantId(who): (told, 0.05) for who, told in feedback.items()}, octets)


def lossy(at: float) -> Sent:
    """Every other packet of the last tenth of a second is lost."""
    sent = [Seconds(at - 0.1 + n / 500) for n in range(50)]
    return Sent(sent, [s if n % 2 else None for n, s in enumerate(sent)], [1000] * 50)


def test_everything_is_sent_until_something_is_known_against_it() -> None:
    steering = Steering()

    assert steering.decide(seen(0), PLAN, Seconds(0)) == [(TO_BEN, 0), (TO_CAM, 0)]
    assert steering.decide(seen(1), PLAN, Seconds(1)) == [(TO_BEN, 2), (TO_CAM, 2)]
    assert steering.decide(seen(2), PLAN, Seconds(2)) == []
    assert steering.estimate_bps(BEN) is None


def test_one_receivers_bad_path_changes_nothing_for_the_other() -> None:
    steering = Steering()
    for at in (0.0, 1.0):
        steering.decide(seen(at), PLAN, Seconds(at))
    changed: dict[Output, int] = {}
    for step in range(40):
        at = 2 + step / 10
        changed |= steering.decide(seen(at, ben=lossy(at)), PLAN, Seconds(at))

    assert changed == {TO_BEN: 0}
    assert (steering.estimate_bps(BEN) or 0) < 200_000


def test_who_is_not_shown_anything_any_more_is_forgotten() -> None:
    steering = Steering()
    steering.decide(seen(1, ben=lossy(1)), PLAN, Seconds(1))
    assert steering.estimate_bps(BEN) is not None

    assert steering.decide(seen(2), {}, Seconds(2)) == []
    assert steering.estimate_bps(BEN) is None


class Path:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.ticks = 0
        self.steered: list[tuple[Output, int]] = []

    def tick(self, now: Seconds) -> None:
        self.ticks += 1

    def look(self) -> Observed:
        return seen(0)

    def steer(self, wanted: list[tuple[Output, int]], now: Seconds) -> None:
        self.steered += wanted


def test_the_path_ticks_each_time_and_is_steered_ten_times_a_second() -> None:
    path, now = Path(), [0.0]
    running = RunningPath(path, lambda: PLAN, lambda: Seconds(now[0]))  # type: ignore[arg-type]  # what is used of it
    for step in range(1, 11):
        now[0] = step / 100
        running.once()
        assert bool(path.steered) == (step == 10)

    assert path.ticks == 10
    assert path.steered == [(TO_BEN, 0), (TO_CAM, 0)]
