"""The bad network is as bad as it says: each setting is measured, on the decisions and on real datagrams."""

import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest
from teleward_testing.impairment import (
    HELD_BACK_S,
    PERFECT,
    QUEUE_S,
    Conditions,
    Link,
    relay,
)

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


@pytest.fixture
def echo() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def test_datagrams_pass_both_ways_each_client_from_a_port_of_its_own(echo: socket.socket) -> None:
    with (
        relay(echo.getsockname()[1]) as running,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ann,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ben,
    ):
        ports = []
        for client, word in ((ann, b"ann"), (ben, b"ben")):
            client.settimeout(5)
            client.sendto(word, ("127.0.0.1", running.port))
            data, behind = echo.recvfrom(100)
            echo.sendto(data.upper(), behind)
            ports.append(behind[1])
            assert client.recvfrom(100) == (word.upper(), ("127.0.0.1", running.port))
        assert len({*ports, running.port}) == 3


def test_after_a_rebinding_a_client_comes_from_another_port(echo: socket.socket) -> None:
    with (
        relay(echo.getsockname()[1]) as running,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.sendto(b"one", ("127.0.0.1", running.port))
        before = echo.recvfrom(100)[1]
        running.rebind()
        while True:  # the old port is given up within one wake-up
            client.sendto(b"two", ("127.0.0.1", running.port))
            after = echo.recvfrom(100)[1]
            if after != before:
                break

    assert after[0] == before[0]


def test_what_is_lost_on_the_way_up_does_not_arrive(echo: socket.socket) -> None:
    with (
        relay(echo.getsockname()[1], up=Conditions(loss=0.5), seed=3) as running,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        for n in range(100):
            client.sendto(bytes([n]), ("127.0.0.1", running.port))
        twin = Link(Conditions(loss=0.5), 3)
        passed = [n for n in range(100) if twin.carry(1, 0.0) is not None]
        assert [echo.recvfrom(100)[0][0] for _ in passed] == passed
