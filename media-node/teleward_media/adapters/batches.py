"""Many datagrams by one system call: `recvmmsg` into a block, `sendmmsg` out of one.

In Python a packet costs mostly the calls that it takes. Here a wake-up makes one call to read and one to send for all
receivers, and the structures that the kernel wants are bytes laid out once, of which a message changes a few. They are
Linux's on a 64-bit little-endian machine (`struct mmsghdr`, linux/socket.h); elsewhere `is_available` says no.

Measured beside one `recvfrom_into` and one `sendmsg` each: see media-node/README.md.
"""

import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import cffi  # type: ignore[import-untyped]  # two functions, declared below

from teleward_media.core.datagrams import STRIDE, Datagrams

MAX_MESSAGES = 512
"""Messages of one `sendmmsg`; the kernel takes 1,024 (UIO_MAXIOV)."""
UDP_SEGMENT = 103
"""Control message that lets the kernel cut one buffer into datagrams (linux/udp.h, since 4.18)."""
MAX_CUT = 64
"""Datagrams of one cut buffer, on the oldest kernels that cut (UDP_MAX_SEGMENTS)."""
_SOL_UDP = 17
MAX_NAMES = 4096
"""Receivers' addresses laid out; about 200 bytes each. When it is full they are laid out anew."""
_HEADER_BYTES, _VECTOR_BYTES, _CONTROL_BYTES = 64, 16, 24
_HEADER = struct.Struct("=QQQQQQ")
"""name, its length, vectors, their count, control, its length; flags and what the kernel did follow."""
_CONTROL = struct.Struct("=QiiH6x")
_VECTORS = [struct.Struct(f"={2 * n}Q") for n in range(MAX_CUT + 1)]

Message: TypeAlias = tuple[bytes, Sequence[int], int]
"""Socket address, places of the block, and the bytes that the kernel cuts it by; 0 for not at all."""

_ffi = cffi.FFI()
_ffi.cdef(
    "int recvmmsg(int, void *, unsigned int, int, void *);"
    "int sendmmsg(int, void *, unsigned int, int);"
)


def _functions() -> Any:
    if not sys.platform.startswith("linux") or sys.byteorder != "little" or sys.maxsize < 2**32:
        return None
    lib = _ffi.dlopen(None)
    try:
        lib.recvmmsg, lib.sendmmsg  # noqa: B018  # looked up here or never
    except AttributeError:
        return None
    return lib


_lib = _functions()


def is_available() -> bool:
    """Whether this machine has both calls in the layout that is written here."""
    return _lib is not None


def address_of(buffer: bytearray) -> int:
    """Tell where a buffer is in memory; it must neither grow nor go while that is used."""
    return int(_ffi.cast("uintptr_t", _ffi.from_buffer(buffer)))


class Reading:
    """Fills a block with what has arrived."""

    def __init__(self, sock: socket.socket, block: Datagrams) -> None:
        self._sock, self._block = sock, block
        size = 28 if sock.family == socket.AF_INET6 else 16
        self._names = bytearray(size * block.capacity)
        self._vectors = bytearray(_VECTOR_BYTES * block.capacity)
        self._headers = bytearray(_HEADER_BYTES * block.capacity)
        names, vectors = address_of(self._names), address_of(self._vectors)
        data = address_of(block.buffer)
        for n in range(block.capacity):
            _VECTORS[1].pack_into(self._vectors, n * _VECTOR_BYTES, data + n * STRIDE, STRIDE)
            _HEADER.pack_into(
                self._headers, n * _HEADER_BYTES,
                names + n * size, size, vectors + n * _VECTOR_BYTES, 1, 0, 0,
            )  # fmt: skip
        self._pointer = _ffi.from_buffer(self._headers)
        self._lengths = memoryview(self._headers).cast("I")
        self._name = struct.Struct(f"{size}s")
        self._view = memoryview(self._names)
        self._size = size

    def read(self) -> tuple[list[int], list[bytes]]:
        """Read what is there, at most a block: lengths, and senders' socket addresses, in order.

        One that was longer than a place in the block has the place's length.

        Raises:
            OSError: The kernel says no; BlockingIOError when nothing is there.
        """
        count = _lib.recvmmsg(
            self._sock.fileno(), self._pointer, self._block.capacity, socket.MSG_DONTWAIT, _ffi.NULL
        )  # fmt: skip
        if count < 0:
            raise OSError(_ffi.errno, "recvmmsg")
        lengths = self._lengths[14 : 16 * count : 16].tolist()
        names = self._name.iter_unpack(self._view[: count * self._size])
        return lengths, [name for (name,) in names]


class Writing:
    """Sends messages out of one block together.

    What does not change from message to message is laid out once: where each place of the block begins, one control
    message for each size that may be cut to, and each receiver's address.
    """

    def __init__(self, sock: socket.socket, block: Datagrams) -> None:
        self._sock, self._lengths = sock, block.lengths
        self._headers = bytearray(_HEADER_BYTES * MAX_MESSAGES)
        self._controls = bytearray(_CONTROL_BYTES * (STRIDE + 1))
        for size in range(STRIDE + 1):
            _CONTROL.pack_into(
                self._controls, size * _CONTROL_BYTES, 18, _SOL_UDP, UDP_SEGMENT, size
            )
        self._starts = [address_of(block.buffer) + n * STRIDE for n in range(block.capacity)]
        self._vectors = bytearray(_VECTOR_BYTES * block.capacity)
        for n, start in enumerate(self._starts):
            _VECTORS[1].pack_into(self._vectors, n * _VECTOR_BYTES, start, 0)
        self._sizes = memoryview(self._vectors).cast("Q")
        self._gathered = bytearray(_VECTOR_BYTES * block.capacity)
        self._pointer = _ffi.from_buffer(self._headers)
        self._vector_at, self._gathered_at, self._control_at = map(
            address_of, (self._vectors, self._gathered, self._controls)
        )
        self._names: dict[bytes, tuple[int, bytearray]] = {}

    def lay_out(self, queue: Sequence[Message]) -> None:
        """Write the headers of at most `MAX_MESSAGES` messages, which together have each place of the block once."""
        if len(self._names) + len(queue) > MAX_NAMES:
            self._names.clear()  # never in between: what is laid out points at them
        headers, sizes, lengths, starts = self._headers, self._sizes, self._lengths, self._starts
        vector_at, gathered_at, used = self._vector_at, self._gathered_at, 0
        names, at = self._names, 0
        for to, indexes, cut in queue:
            name = names.get(to)
            if name is None:
                name = self._name(to)
            parts = len(indexes)
            if parts == 1:
                index = indexes[0]
                sizes[2 * index + 1] = lengths[index]
                vectors = vector_at + _VECTOR_BYTES * index
            else:
                pairs = [n for index in indexes for n in (starts[index], lengths[index])]
                _VECTORS[parts].pack_into(self._gathered, used, *pairs)
                vectors = gathered_at + used
                used += _VECTOR_BYTES * parts
            if cut:
                control = self._control_at + cut * _CONTROL_BYTES
                _HEADER.pack_into(
                    headers, at, name[0], len(to), vectors, parts, control, _CONTROL_BYTES
                )
            else:
                _HEADER.pack_into(headers, at, name[0], len(to), vectors, parts, 0, 0)
            at += _HEADER_BYTES

    def _name(self, to: bytes) -> tuple[int, bytearray]:
        kept = bytearray(to)
        found = self._names[to] = (address_of(kept), kept)
        return found

    def send(self, first: int, count: int) -> int:
        """Send laid-out messages from one on; how many the kernel took, which is at least one.

        Raises:
            OSError: It did not take the first one.
        """
        sent = _lib.sendmmsg(
            self._sock.fileno(), self._pointer + first * _HEADER_BYTES, count - first, socket.MSG_DONTWAIT
        )  # fmt: skip
        if sent < 0:
            raise OSError(_ffi.errno, "sendmmsg")
        return int(sent)
