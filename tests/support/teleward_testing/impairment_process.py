"""The process of a relay: carries datagrams by what its two links decide, and takes orders on its standard input.

One JSON object a line each way; it ends when its standard input does, so it never outlives the test.
"""

import contextlib
import heapq
import itertools
import json
import os
import selectors
import socket
import sys
import time
from dataclasses import asdict

from teleward_testing.impairment import LATE_S, PERFECT, Conditions, Link

Address = tuple[str, int]

MOST_PER_TURN = 64
"""Datagrams read from one socket before those that are due leave."""
NICE = -5
"""Ahead of browsers that encode on all processors, where that is allowed: a network has no processor."""
_RECEIVE_BYTES = 2048
_SOCKET_BUFFER = 1 << 21


class Carrier:
    """The sockets of one relay."""

    def __init__(self, target: Address, seed: int) -> None:
        self.links = {"up": Link(PERFECT, seed), "down": Link(PERFECT, seed + 1)}
        self._target = target
        self._front = _open()
        self._behind: dict[Address, socket.socket] = {}
        self._stranded: set[Address] = set()
        self._selector = selectors.SelectSelector()  # waits by the microsecond, epoll by the ms
        self._selector.register(self._front, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._due: list[tuple[float, int, Link, socket.socket, bytes, Address]] = []
        self._order = itertools.count()

    def run(self) -> None:
        """Carry until standard input ends."""
        _say({"port": self._front.getsockname()[1]})
        orders = b""
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(wait):
                if isinstance(key.fileobj, socket.socket):
                    self._read(key.fileobj, key.data)
                    continue
                read = os.read(sys.stdin.fileno(), 4096)
                if not read:
                    return
                *lines, orders = (orders + read).split(b"\n")
                for line in lines:
                    self._obey(**json.loads(line))
            self._release()

    def _obey(self, what: str, conditions: dict[str, float] | None = None) -> None:
        if what == "strand":
            self._stranded |= self._behind.keys()
        if what in ("rebind", "strand"):
            for sock in self._behind.values():
                self._selector.unregister(sock)
                sock.close()
            self._behind.clear()
            _say({})
            return
        if conditions is not None:
            self.links[what].conditions = Conditions(**conditions)  # type: ignore[arg-type]  # as `asdict` wrote it
        _say(asdict(self.links[what].tally))

    def _read(self, sock: socket.socket, client: Address | None) -> None:
        with contextlib.suppress(OSError):  # read to its end; refused by the other; just closed
            for _ in range(MOST_PER_TURN):
                data, address = sock.recvfrom(_RECEIVE_BYTES)
                if client is not None:
                    self._hold(self.links["down"], self._front, data, client)
                elif address not in self._stranded:
                    self._hold(self.links["up"], self._towards(address), data, self._target)

    def _hold(self, link: Link, out: socket.socket, data: bytes, to: Address) -> None:
        arrival = link.carry(len(data), time.monotonic())
        if arrival is not None:
            heapq.heappush(self._due, (arrival, next(self._order), link, out, data, to))

    def _release(self) -> None:
        while self._due and self._due[0][0] <= (now := time.monotonic()):
            due, _, link, out, data, to = heapq.heappop(self._due)
            link.tally.late += now - due > LATE_S
            with contextlib.suppress(OSError):  # closed by a rebinding, or refused by the other
                if to not in self._stranded:
                    out.sendto(data, to)

    def _towards(self, client: Address) -> socket.socket:
        sock = self._behind.get(client)
        if sock is None:
            sock = self._behind[client] = _open()
            self._selector.register(sock, selectors.EVENT_READ, client)
        return sock


def _open() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def _say(what: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(PermissionError):
        os.nice(NICE)
    Carrier(("127.0.0.1", int(sys.argv[1])), int(sys.argv[2])).run()
