"""The bad network is as bad as it says: each setting is measured, on the decisions and on real datagrams."""

import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from teleward_testing.impairment import (
    HELD_BACK_S,
    PERFECT,
    QUEUE_S,
    Conditions,
    Link,
    Relay,
    Tally,
    relay,
)

HOST = "127.0.0.1"
COUNT = 200
DATAGRAMS = 20_000


def carried(
    conditions: Conditions, *, seed: int = 7, every_s: float = 0.001
) -> list[float | None]:
    """Delays of many datagrams of 1,000 bytes."""
    link = Link(conditions, seed)
    found = []
    for n in range(DATAGRAMS):
        arrival = link.carry(1000, n * every_s)
        found.append(None if arrival is None else arrival - n * every_s)
    return found


def test_the_same_seed_makes_the_same_network() -> None:
    bad = Conditions(0.05, 0.02, 0.1, 0.1)

    assert carried(bad) == carried(bad)
    assert carried(bad) != carried(bad, seed=8)


def test_a_perfect_link_changes_nothing() -> None:
    assert set(carried(PERFECT)) == {0.0}


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.2])
def test_the_share_that_is_lost_is_the_one_asked_for(loss: float) -> None:
    lost = carried(Conditions(loss=loss)).count(None) / DATAGRAMS

    assert lost == pytest.approx(loss, rel=0.15)


def test_delay_and_jitter_stay_in_their_range_and_keep_the_order() -> None:
    delays = [d for d in carried(Conditions(delay_s=0.1, jitter_s=0.03)) if d is not None]

    assert min(delays) >= 0.1
    assert max(delays) <= 0.13 + 1e-9
    assert max(delays) - min(delays) > 0.02
    arrivals = [n * 0.001 + d for n, d in enumerate(delays)]
    assert all(a <= b + 1e-9 for a, b in pairwise(arrivals))


def test_a_tenth_is_reordered_when_a_tenth_is_asked_for() -> None:
    delays = [d for d in carried(Conditions(reorder=0.1)) if d is not None]
    late = [d for d in delays if d == pytest.approx(HELD_BACK_S)]

    assert len(late) / len(delays) == pytest.approx(0.1, rel=0.15)


def test_a_rate_is_held_and_its_queue_holds_its_milliseconds() -> None:
    rate = 400_000
    link = Link(Conditions(rate_bps=rate), 1)
    delays = [
        arrival - n * 0.001
        for n in range(DATAGRAMS)
        if (arrival := link.carry(1000, n * 0.001)) is not None
    ]

    assert link.tally.passed * 8000 / (DATAGRAMS * 0.001 + QUEUE_S) == pytest.approx(
        rate, rel=0.02
    )
    assert max(delays) <= QUEUE_S + 1e-9
    assert link.tally.overflowed == DATAGRAMS - link.tally.passed


def test_below_the_rate_nothing_overflows() -> None:
    link = Link(Conditions(rate_bps=2_000_000), 1)

    assert all(link.carry(1000, n * 0.005) is not None for n in range(1000))


def test_in_an_outage_nothing_passes_and_afterwards_all_does() -> None:
    link = Link(Conditions(is_out=True), 1)
    assert link.carry(100, 1.0) is None

    link.conditions = PERFECT
    assert link.carry(100, 2.0) == 2.0


def test_reordered_datagrams_really_come_behind_later_ones() -> None:
    link = Link(Conditions(reorder=0.1), 7)
    arrivals = [link.carry(1000, n * 0.005) or 0.0 for n in range(DATAGRAMS)]
    overtaken = sum(b < a for a, b in pairwise(arrivals))

    assert overtaken / DATAGRAMS == pytest.approx(0.09, rel=0.15), "one in ten, runs count once"


def test_a_rate_that_falls_is_held_from_the_next_datagram_on_and_one_that_rises_too() -> None:
    link = Link(Conditions(rate_bps=2_000_000), 1)
    passed = []
    for second, rate in enumerate([2_000_000, 300_000, 2_000_000]):
        link.conditions = Conditions(rate_bps=rate)
        before = link.tally.passed
        for n in range(250):  # 2 Mbit/s are sent all the time
            link.carry(1000, second + n / 250)
        passed.append((link.tally.passed - before) * 8000)

    assert passed[0] == 2_000_000
    assert passed[1] == pytest.approx(300_000 * (1 + QUEUE_S), rel=0.05)
    assert passed[2] == pytest.approx(2_000_000 - 300_000 * QUEUE_S, rel=0.1)


@pytest.fixture
def echo() -> Iterator[socket.socket]:
    """A socket for the far side of a relay."""
    with client() as sock:
        sock.bind((HOST, 0))
        yield sock


def client() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    return sock


def there(running: Relay, echo: socket.socket, who: socket.socket, word: bytes) -> int:
    """Send a word up; the port from which it came."""
    who.sendto(word, (HOST, running.port))
    data, behind = echo.recvfrom(2048)
    assert data == word
    return int(behind[1])


def test_datagrams_pass_both_ways_each_client_from_a_port_of_its_own(echo: socket.socket) -> None:
    with relay(echo.getsockname()[1]) as running, client() as ann, client() as ben:
        ports = []
        for who, word in ((ann, b"ann"), (ben, b"ben")):
            ports.append(there(running, echo, who, word))
            echo.sendto(word.upper(), (HOST, ports[-1]))
            assert who.recvfrom(100) == (word.upper(), (HOST, running.port))
        assert len({*ports, running.port}) == 3


def test_after_a_rebinding_a_client_comes_from_another_port_and_the_old_one_is_dead(
    echo: socket.socket,
) -> None:
    with relay(echo.getsockname()[1]) as running, client() as who:
        before = there(running, echo, who, b"one")
        running.rebind()
        after = there(running, echo, who, b"two")
        assert after != before

        echo.sendto(b"to nobody", (HOST, before))
        echo.sendto(b"to the client", (HOST, after))
        assert who.recv(100) == b"to the client"


def test_who_was_stranded_is_cut_off_for_good_and_a_new_address_is_not(
    echo: socket.socket,
) -> None:
    with relay(echo.getsockname()[1]) as running, client() as old, client() as new:
        before = there(running, echo, old, b"one")
        running.strand()
        old.sendto(b"lost", (HOST, running.port))
        there(running, echo, new, b"three")

        echo.sendto(b"lost", (HOST, before))
        old.settimeout(0)
        with pytest.raises(BlockingIOError):
            old.recv(100)


def test_what_is_lost_on_the_way_up_does_not_arrive(echo: socket.socket) -> None:
    with relay(echo.getsockname()[1], up=Conditions(loss=0.5), seed=3) as running, client() as who:
        for n in range(100):
            who.sendto(bytes([n]), (HOST, running.port))
        twin = Link(Conditions(loss=0.5), 3)
        passed = [n for n in range(100) if twin.carry(1, 0.0) is not None]
        assert [echo.recvfrom(100)[0][0] for _ in passed] == passed
        assert (running.up.tally.passed, running.up.tally.lost) == (len(passed), 100 - len(passed))
        assert running.down.tally == Tally()


def test_a_running_relay_is_made_worse_and_better_by_assignment_each_way_for_itself(
    echo: socket.socket,
) -> None:
    with relay(echo.getsockname()[1]) as running, client() as who:
        behind = there(running, echo, who, b"one")
        running.up.conditions = Conditions(is_out=True)
        who.sendto(b"lost", (HOST, running.port))
        echo.sendto(b"passes", (HOST, behind))
        assert who.recv(100) == b"passes"

        running.up.conditions = PERFECT
        assert there(running, echo, who, b"three") == behind
        assert running.up.tally.lost == 1


def test_delay_and_rate_are_those_of_the_clock(echo: socket.socket) -> None:
    rate, size, count = 400_000, 1000, 12
    slow = Conditions(delay_s=0.1, rate_bps=rate)
    with relay(echo.getsockname()[1], up=slow) as running, client() as who:
        begun = time.monotonic()
        for _ in range(count):
            who.sendto(bytes(size), (HOST, running.port))
        arrivals = []
        for _ in range(count):
            echo.recv(size)
            arrivals.append(time.monotonic() - begun)

    assert all(at >= 0.1 + n * size * 8 / rate - 0.001 for n, at in enumerate(arrivals, 1)), (
        "sooner than the link allows"
    )
    assert arrivals[-1] < 0.1 + count * size * 8 / rate + 1, "far later than it asks for"


def test_twice_two_megabits_pass_without_delay_while_the_tests_own_python_is_busy(
    echo: socket.socket,
) -> None:
    """1,200 bytes each 4.8 ms, both ways; the relay counts what it sent later than due."""
    done = threading.Event()

    def burn() -> None:
        while not done.is_set():
            sum(range(1000))

    with relay(echo.getsockname()[1]) as running, client() as who:
        behind = there(running, echo, who, b"one")
        threading.Thread(target=burn, daemon=True).start()
        begun = time.monotonic()
        for n in range(COUNT):
            who.sendto(bytes(1200), (HOST, running.port))
            echo.sendto(bytes(1200), (HOST, behind))
            done.wait(begun + n * 0.0048 - time.monotonic())
        done.set()
        for way, count in ((running.up, COUNT + 1), (running.down, COUNT)):
            while (tally := way.tally).passed < count:
                assert time.monotonic() < begun + 10, "datagrams are missing"
            assert tally.late < count / 2, "the median datagram was late"
