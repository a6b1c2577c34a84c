"""What leaves the media port arrives, whichever way the kernel lets it leave, and each way is counted."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from teleward_media.adapters import batches
from teleward_media.adapters.addresses import to_raw, to_tuple
from teleward_media.adapters.outlet import WORTH_A_BATCH, Outlet
from teleward_media.core.datagrams import STRIDE, Datagrams

SO_NO_CHECK = 11
"""Without checksums the kernel cuts nothing (net/ipv4/udp.c): a refusal that any Linux gives."""
RECEIVERS, FRAME = 10, 4
pytestmark = pytest.mark.skipif(not batches.is_available(), reason="needs Linux on 64 bits")


class Wire:
    """A sending socket, and receivers on loopback."""

    def __init__(self, family: socket.AddressFamily, count: int = RECEIVERS) -> None:
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.sender = socket.socket(family, socket.SOCK_DGRAM)
        self.receivers = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(count)]
        for one in (self.sender, *self.receivers):
            one.setblocking(False)
            one.bind((host, 0))
        self.raw = [to_raw(one.getsockname()) for one in self.receivers]
        self.block = Datagrams(512)
        self.counted: dict[str, int] = {}

    def count(self, event: str, number: int) -> None:
        self.counted[event] = self.counted.get(event, 0) + number

    def write(self, payload: bytes) -> int:
        index = self.block.count
        at = index * STRIDE
        self.block.buffer[at : at + len(payload)] = payload
        self.block.lengths[index] = len(payload)
        self.block.count += 1
        return index

    def frames(self, outlet: Outlet, last: int = 300) -> list[list[bytes]]:
        """A frame of four packets for each receiver, laid in the block in turns; what each must get."""
        sizes = [1000] * (FRAME - 1) + [last]
        packets = [
            [bytes([receiver, number]) * (size // 2) for number, size in enumerate(sizes)]
            for receiver in range(len(self.receivers))
        ]
        places: list[list[int]] = [[] for _ in packets]
        for number in range(FRAME):
            for receiver, mine in enumerate(packets):
                places[receiver].append(self.write(mine[number]))
        for receiver, indexes in enumerate(places):
            outlet.put(self.raw[receiver], indexes)
        return packets

    def arrived(self) -> list[list[bytes]]:
        return [list(self._drain(one)) for one in self.receivers]

    @staticmethod
    def _drain(sock: socket.socket) -> Iterator[bytes]:
        while True:
            try:
                yield sock.recv(2048)
            except BlockingIOError:
                return

    def close(self) -> None:
        for one in (self.sender, *self.receivers):
            one.close()


@contextmanager
def wired(family: socket.AddressFamily = socket.AF_INET, count: int = RECEIVERS) -> Iterator[Wire]:
    wire = Wire(family, count)
    try:
        yield wire
    finally:
        wire.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize(
    ("may_batch", "may_cut", "counted"),
    [
        (True, True, {"batched_sends": 1, "cut_sends": 10, "cut_segments": 40}),
        (True, False, {"batched_sends": 1}),
        (False, True, {"cut_sends": 10, "cut_segments": 40}),
        (False, False, {"single_sends": 40}),
    ],
    ids=["one call, cut by the kernel", "one call", "a call each, cut", "a call each"],
)
def test_the_same_datagrams_arrive_by_every_way(
    may_batch: bool, may_cut: bool, counted: dict[str, int], family: socket.AddressFamily
) -> None:
    with wired(family) as wire:
        outlet = Outlet(wire.sender, wire.block, wire.count, may_batch=may_batch, may_cut=may_cut)
        expected = wire.frames(outlet)
        assert wire.arrived() == [[]] * RECEIVERS, "nothing leaves before the flush"

        outlet.flush()

        assert wire.arrived() == expected
        assert wire.counted == counted


@pytest.mark.parametrize("count", [RECEIVERS, WORTH_A_BATCH - 1], ids=["many", "few"])
def test_what_the_kernel_will_not_cut_is_sent_whole_and_not_tried_again(count: int) -> None:
    with wired(count=count) as wire:
        wire.sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        outlet = Outlet(wire.sender, wire.block, wire.count)
        for _ in range(2):
            expected = wire.frames(outlet)
            outlet.flush()
            assert wire.arrived() == expected
            wire.block.count = 0

        assert wire.counted.pop("cut_refused") == count
        assert wire.counted.pop("single_sends") == count * FRAME
        assert not {"cut_sends", "send_error"} & wire.counted.keys()


def test_one_message_that_cannot_be_sent_costs_no_other() -> None:
    with wired() as wire:
        nowhere = to_raw(("127.0.0.1", 0))
        outlet = Outlet(wire.sender, wire.block, wire.count)
        for number, raw in enumerate(wire.raw):
            if number == 5:
                outlet.put(nowhere, [wire.write(b"lost")])
            outlet.put(raw, [wire.write(bytes([number]))])
        outlet.put(nowhere, [wire.write(b"lost")])

        outlet.flush()

        assert wire.arrived() == [[bytes([number])] for number in range(RECEIVERS)]
        assert wire.counted == {"send_error": 2, "batched_sends": 2}


@pytest.mark.parametrize("may_batch", [True, False])
def test_what_finds_the_sockets_buffer_full_is_counted_and_dropped(may_batch: bool) -> None:
    """On loopback nothing waits in the sender's buffer; a socket pair's does."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right, wired() as wire:
        left.setblocking(False)
        wire.sender.close()
        wire.sender = _Connected(left)  # type: ignore[assignment]  # sends to its other end, whatever the address
        outlet = Outlet(wire.sender, wire.block, wire.count, may_batch=may_batch, may_cut=False)
        to = b"" if may_batch else wire.raw[0]  # `sendmmsg` minds a name, our stand-in does not
        for _ in range(500):
            outlet.put(to, [wire.write(bytes(1000))])

        outlet.flush()

        received = len(list(wire._drain(_nonblocking(right))))
        assert 0 < received < 500
        assert wire.counted["send_would_block"] == 500 - received
        assert wire.counted.get("single_sends", 0) == (0 if may_batch else received)


class _Connected:
    """A socket that needs no address."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.family = sock.family
        self.fileno, self.close = sock.fileno, sock.close

    def sendto(self, data: bytes, _: object) -> int:
        return self._sock.send(data)


def _nonblocking(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    return sock


def test_more_messages_than_one_call_takes_leave_in_several() -> None:
    with wired(count=1) as wire:
        wire.receivers[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        wire.block = Datagrams(batches.MAX_MESSAGES + 1)
        outlet = Outlet(wire.sender, wire.block, wire.count)
        for number in range(batches.MAX_MESSAGES + 1):
            outlet.put(wire.raw[0], [wire.write(number.to_bytes(2, "big"))])

        outlet.flush()

        assert len(wire.arrived()[0]) == batches.MAX_MESSAGES + 1


@pytest.mark.parametrize("address", [("192.0.2.7", 4242), ("2001:db8::7", 4242, 0, 0)])
def test_an_address_is_the_same_after_the_kernels_form(address: tuple[str, int]) -> None:
    assert to_tuple(to_raw(address)) == address


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_block_is_filled_in_order_with_the_senders_addresses(
    family: socket.AddressFamily,
) -> None:
    with wired(family, count=1) as wire:
        reading = batches.Reading(wire.receivers[0], Datagrams(4))
        with pytest.raises(BlockingIOError):
            reading.read()
        for payload in (b"one", b"", bytes(STRIDE + 9), b"four", b"five"):
            wire.sender.sendto(payload, wire.receivers[0].getsockname())

        lengths, senders = reading.read()

        assert lengths == [3, 0, STRIDE, 4]
        assert senders == [to_raw(wire.sender.getsockname())] * 4
        assert bytes(reading._block.buffer[:3]) == b"one"
        assert reading.read()[0] == [4]


def test_addresses_of_one_batch_stay_where_it_points_though_no_more_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "MAX_NAMES", 4)
    block = Datagrams(8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        writing = batches.Writing(sock, block)
        names = [to_raw(("127.0.0.1", port)) for port in range(5000, 5006)]
        for batch in (names[:3], names[3:]):
            writing.lay_out([(name, [index], 0) for index, name in enumerate(batch)])
            assert set(batch) <= set(writing._names)
