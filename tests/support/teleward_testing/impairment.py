"""A bad network between a browser and a media node: a UDP relay with seeded loss, delay, jitter, reordering and rate.

`Link` decides what becomes of each datagram of one direction and is a function of its settings, its seed and the
times given to it. `Relay` carries real datagrams through two links, in a thread of its own, on loopback.
"""

import contextlib
import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

QUEUE_S = 0.3
"""What the queue in front of a rate limit holds, in seconds of that rate: a home router without queue management."""
HELD_BACK_S = 0.03
"""How much later a reordered datagram arrives: behind the next frame at 30 a second."""
LIFETIME_S = 600.0
"""A relay that nobody closes stops by itself."""
_RECEIVE_BYTES = 2048
_SOCKET_BUFFER = 1 << 21


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


class Link:
    """One direction. `conditions` may be changed at any time."""

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


class Relay:
    """A port in front of a media node's port. Each client has a port of its own towards the media node."""

    def __init__(
        self, target: tuple[str, int], up: Conditions, down: Conditions, seed: int
    ) -> None:
        self.up, self.down = Link(up, seed), Link(down, seed + 1)
        self._target = target
        self._front = _open()
        self.port = int(self._front.getsockname()[1])
        self._behind: dict[tuple[str, int], socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._front, selectors.EVENT_READ)
        self._due: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self._order = itertools.count()
        self._rebind = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def rebind(self) -> None:
        """Give every client a new port towards the media node, as a NAT does that forgot its mappings."""
        self._rebind.set()

    def close(self) -> None:
        """Stop carrying."""
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        deadline = time.monotonic() + LIFETIME_S
        while not self._stop.is_set() and time.monotonic() < deadline:
            if self._rebind.is_set():
                self._rebind.clear()
                self._forget()
            now = time.monotonic()
            wait = min(0.05, max(0.0, self._due[0][0] - now)) if self._due else 0.05
            for key, _ in self._selector.select(wait):
                self._read(key.fileobj, key.data)  # type: ignore[arg-type]  # only sockets are registered
            self._release(time.monotonic())
        self._forget()
        self._selector.close()
        self._front.close()

    def _read(self, sock: socket.socket, client: tuple[str, int] | None) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data, address = sock.recvfrom(_RECEIVE_BYTES)
                now = time.monotonic()
                if client is None:
                    self._hold(self.up, now, self._towards(address), data, self._target)
                else:
                    self._hold(self.down, now, self._front, data, client)

    def _hold(
        self, link: Link, now: float, out: socket.socket, data: bytes, to: tuple[str, int]
    ) -> None:
        arrival = link.carry(len(data), now)
        if arrival is not None:
            heapq.heappush(self._due, (arrival, next(self._order), out, data, to))

    def _release(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, _, out, data, to = heapq.heappop(self._due)
            with contextlib.suppress(
                OSError
            ):  # closed by a rebinding, or refused by the other end
                out.sendto(data, to)

    def _towards(self, client: tuple[str, int]) -> socket.socket:
        sock = self._behind.get(client)
        if sock is None:
            sock = self._behind[client] = _open()
            self._selector.register(sock, selectors.EVENT_READ, client)
        return sock

    def _forget(self) -> None:
        for sock in self._behind.values():
            self._selector.unregister(sock)
            sock.close()
        self._behind.clear()


def _open() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


@contextmanager
def relay(
    port: int, *, up: Conditions = PERFECT, down: Conditions = PERFECT, seed: int = 1
) -> Iterator[Relay]:
    """Carry datagrams to a port of this machine until the block ends."""
    running = Relay(("127.0.0.1", port), up, down, seed)
    try:
        yield running
    finally:
        running.close()
