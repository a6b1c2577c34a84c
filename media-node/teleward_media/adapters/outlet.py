"""What leaves the media port: gathered over all receivers, sent at the end of a wake-up by the best means there is.

Where the kernel cuts one buffer into datagrams (UDP GSO), a receiver's packets of a frame are one message; where it
does not, or refuses, each is one. Many messages leave by one `sendmmsg`, where there is such a call; few, or else
all, by a call each. What was refused is sent again in the next lesser way, and each way is counted.
"""

import errno
import socket
import struct
from collections.abc import Callable, Sequence

from teleward_media.adapters import batches
from teleward_media.adapters.addresses import Address, to_tuple
from teleward_media.core.datagrams import STRIDE, Datagrams

NOT_CUT = frozenset({errno.EINVAL, errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP})
"""How kernels refuse to cut: no such message, no checksum offload on the route, a path whose MTU is below the size
(`udp_send_skb`, net/ipv4/udp.c). It is a matter of the route, so it is remembered for an address, not for all."""
NO_ROOM = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
MAX_REMEMBERED = 4096
"""Addresses remembered as refusing to be cut for, and as Python writes them; 200 bytes each. When it is full they are
forgotten."""
MAX_CARRIED_BYTES = 1452
"""What Ethernet carries in a datagram over IPv6. That a longer one is not cut says nothing about the next."""
WORTH_A_BATCH = 4
"""Messages from which on one `sendmmsg` costs less than a call each: its structures cost 1.4 us more for one message,
as much for five, and 0.1 us less each for twenty (loopback, 1160 bytes, 3.0 us each)."""
_SIZE = struct.Struct("=H")


class Outlet:
    """Sends out of one block, on one socket; the block must not change between `put` and `flush`."""

    def __init__(
        self, sock: socket.socket, block: Datagrams, count: Callable[[str, int], None],
        *, may_batch: bool = True, may_cut: bool = True,
    ) -> None:  # fmt: skip
        self._sock, self._block, self._count = sock, block, count
        self._writing = (
            batches.Writing(sock, block) if may_batch and batches.is_available() else None
        )
        self._cuts = may_cut and _can_cut(sock)
        self._uncut: set[bytes] = set()
        self._tuples: dict[bytes, Address] = {}
        self._queue: list[batches.Message] = []

    def put(self, to: bytes, indexes: Sequence[int]) -> None:
        """Gather datagrams of one size (the last may be shorter) for one address."""
        if len(indexes) == 1:
            self._queue.append((to, indexes, 0))
        elif self._cuts and to not in self._uncut:
            self._queue.append((to, indexes, self._block.lengths[indexes[0]]))
        else:
            self._queue += [(to, (index,), 0) for index in indexes]

    def flush(self) -> None:
        """Send what was gathered."""
        queue, self._queue = self._queue, []
        if self._writing is None or len(queue) < WORTH_A_BATCH:
            for message in queue:
                self._one(message)
            return
        for first in range(0, len(queue), batches.MAX_MESSAGES):
            self._batch(self._writing, queue[first : first + batches.MAX_MESSAGES])

    def _batch(self, writing: batches.Writing, queue: list[batches.Message]) -> None:
        writing.lay_out(queue)
        done = 0
        while done < len(queue):
            try:
                sent = writing.send(done, len(queue))
            except InterruptedError:
                continue
            except OSError as err:
                if err.errno in NO_ROOM:
                    self._count("send_would_block", sum(len(one) for _, one, _ in queue[done:]))
                    return
                self._refused(queue[done], err.errno)
                sent = 1
            else:
                self._count("batched_sends", 1)
                self._sent(queue[done : done + sent])
            done += sent

    def _one(self, message: batches.Message) -> None:
        to, indexes, size = message
        try:
            if size:
                control = [(socket.IPPROTO_UDP, batches.UDP_SEGMENT, _SIZE.pack(size))]
                views = [self._view(index) for index in indexes]
                self._sock.sendmsg(views, control, 0, self._tuple(to))
                self._sent((message,))
            else:
                at = indexes[0] * STRIDE
                view = self._block.view[at : at + self._block.lengths[indexes[0]]]
                self._sock.sendto(view, self._tuples.get(to) or self._tuple(to))
                self._count("single_sends", 1)
        except (BlockingIOError, InterruptedError):
            self._count("send_would_block", len(indexes))
        except OSError as err:
            self._refused(message, err.errno)

    def _sent(self, messages: Sequence[batches.Message]) -> None:
        cut = [len(indexes) for _, indexes, size in messages if size]
        if cut:
            self._count("cut_sends", len(cut))
            self._count("cut_segments", sum(cut))

    def _refused(self, message: batches.Message, error: int | None) -> None:
        """Take in that the kernel does not send a message: what it will not cut is sent whole, the rest is lost."""
        to, indexes, size = message
        if size and error in NOT_CUT:
            if size <= MAX_CARRIED_BYTES:
                if len(self._uncut) >= MAX_REMEMBERED:
                    self._uncut.clear()
                self._uncut.add(to)
            self._count("cut_refused", 1)
            for index in indexes:
                self._alone(to, self._view(index))
        else:
            self._count("send_error", len(indexes))

    def _view(self, index: int) -> memoryview:
        at = index * STRIDE
        return self._block.view[at : at + self._block.lengths[index]]

    def _tuple(self, to: bytes) -> Address:
        found = self._tuples.get(to)
        if found is None:
            if len(self._tuples) >= MAX_REMEMBERED:
                self._tuples.clear()
            found = self._tuples[to] = to_tuple(to)
        return found

    def _alone(self, to: bytes, datagram: memoryview) -> None:
        try:
            self._sock.sendto(datagram, self._tuple(to))
            self._count("single_sends", 1)
        except (BlockingIOError, InterruptedError):
            self._count("send_would_block", 1)
        except OSError:
            self._count("send_error", 1)


def _can_cut(sock: socket.socket) -> bool:
    try:
        sock.getsockopt(socket.IPPROTO_UDP, batches.UDP_SEGMENT)
    except OSError:
        return False
    return True
