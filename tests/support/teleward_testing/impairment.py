"""A bad network between a browser and a media node: a UDP relay with seeded loss, delay, jitter, reordering and rate.

`Link` decides what becomes of each datagram of one direction and is a function of its settings, its seed and the
times given to it. `Relay` is a port in front of a media node's port, kept by a process of its own
(`impairment_process.py`): a thread waits for the test's own Python, by 7 ms in the median when that is busy.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

QUEUE_S = 0.3
"""What the queue in front of a rate limit holds, in seconds of that rate: a home router without queue management."""
HELD_BACK_S = 0.03
"""How much later a reordered datagram arrives: behind the next frame at 30 a second."""
LATE_S = 0.005
"""A datagram that leaves this much after its time was delayed by the machine and not by the profile."""

_SUPPORT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Conditions:
    """One direction of a path."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Delay varies by up to this much; order is kept."""
    loss: float = 0.0
    """Share of datagrams lost, each for itself."""
    reorder: float = 0.0
    """Share of datagrams that arrive behind later ones."""
    rate_bps: float | None = None
    is_out: bool = False
    """Nothing passes."""


PERFECT = Conditions()


@dataclass(slots=True)
class Tally:
    """What became of the datagrams of a link."""

    passed: int = 0
    lost: int = 0
    overflowed: int = 0
    """Found the queue in front of the rate limit full."""
    reordered: int = 0
    late: int = 0
    """Of those that passed, how many left later than `LATE_S` after their time."""


class Link:
    """One direction. `conditions` may be changed at any time; what is under way already is not touched by it."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        self.conditions = conditions
        self.tally = Tally()
        self._random = random.Random(seed)  # a test's network, no secret
        self._free_at = 0.0
        self._last = 0.0

    def carry(self, size: int, now: float) -> float | None:
        """When a datagram of `size` bytes that is sent now arrives; None if it does not."""
        conditions, tally = self.conditions, self.tally
        if conditions.is_out or self._random.random() < conditions.loss:
            tally.lost += 1
            return None
        sent = now
        if conditions.rate_bps is not None:
            waiting = max(0.0, self._free_at - now)
            if waiting + size * 8 / conditions.rate_bps > QUEUE_S:
                tally.overflowed += 1
                return None
            self._free_at = sent = now + waiting + size * 8 / conditions.rate_bps
        arrival = sent + conditions.delay_s + self._random.random() * conditions.jitter_s
        tally.passed += 1
        if self._random.random() < conditions.reorder:
            tally.reordered += 1
            return arrival + HELD_BACK_S
        self._last = max(self._last, arrival)
        return self._last


@dataclass(slots=True)
class Direction:
    """One direction of a running relay."""

    _relay: "Relay"
    _name: str
    _conditions: Conditions

    @property
    def conditions(self) -> Conditions:
        """What the direction is like now."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        """Make it like this from now on; it is so when the assignment is done."""
        self._relay.tell(self._name, conditions=asdict(conditions))
        self._conditions = conditions

    @property
    def tally(self) -> Tally:
        """What became of its datagrams so far."""
        return Tally(**self._relay.tell(self._name))


@dataclass(slots=True)
class Relay:
    """A port in front of a media node's port. Each client has a port of its own towards the media node."""

    process: subprocess.Popen[bytes]
    port: int = field(init=False)
    up: Direction = field(init=False)
    down: Direction = field(init=False)

    def __post_init__(self) -> None:
        """Wait until the process says which port it has."""
        self.port = self._answer()["port"]
        self.up, self.down = Direction(self, "up", PERFECT), Direction(self, "down", PERFECT)

    def rebind(self) -> None:
        """Give every client a new port towards the media node, as a NAT does that forgot its mappings."""
        self.tell("rebind")

    def strand(self) -> None:
        """Carry nothing more for the addresses that clients have now, for good: they have left that network."""
        self.tell("strand")

    def tell(self, what: str, **arguments: object) -> dict[str, int]:
        """Give the process one order and wait until it has carried it out."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"what": what, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, int]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the relay has ended"
        answer: dict[str, int] = json.loads(line)
        return answer


@contextmanager
def relay(
    port: int, *, up: Conditions = PERFECT, down: Conditions = PERFECT, seed: int = 1
) -> Iterator[Relay]:
    """Carry datagrams to a port of this machine until the block ends."""
    command = [sys.executable, "-m", "teleward_testing.impairment_process", str(port), str(seed)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_SUPPORT
    )
    with process:  # its standard input closes at the end, and with it the process
        running = Relay(process)
        running.up.conditions, running.down.conditions = up, down
        yield running
