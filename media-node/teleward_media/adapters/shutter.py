"""What the kernel lets through to the media port while strangers flood it: peers' addresses, and what looks like STUN.

A flood is refused cheaply by us, but a process that waits for its core refuses nothing, and the kernel's buffer
fills. With the shutter down a stranger's datagram costs nobody but its sender: the kernel drops it before it is
queued. It is a classic BPF program, which needs no rights; it compares one number for each known address, and a
stranger whose number happens to be a peer's comes through to us and is refused as before.

Source: linux/filter.h (instructions; the datagram begins with its UDP header), RFC 8489 §5 (STUN's cookie).
"""

import socket
import struct
import sys
from collections.abc import Iterable

from teleward_media.adapters.batches import address_of

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
"""Socket options (asm-generic/socket.h)."""
MOST = 2000
"""Addresses; with more the shutter stays up: a program has at most 4,096 instructions (BPF_MAXINSNS)."""
_COOKIE = 0x2112A442
_NETWORK_HEADER = 0xFFF00000
"""Loads from here on are counted from the IP header (SKF_NET_OFF)."""
_SOURCE = {16: 12, 28: 20}
"""Where the last four bytes of the sender's address are in it, by the length of a socket address."""
_INSTRUCTION = struct.Struct("=HBBI")
_BYTE, _HALF, _WORD, _STORE, _LOAD_X, _XOR_X = 0x30, 0x28, 0x20, 0x02, 0x61, 0xAC
_GREATER, _EQUAL, _RETURN = 0x25, 0x15, 0x06
_PASS, _DROP = 0xFFFFFFFF, 0


def program(known: Iterable[bytes], name_bytes: int) -> bytes:
    """Write the program that passes these socket addresses, of so many bytes each, and STUN."""
    steps = [
        (_BYTE, 0, 0, 8), (_GREATER, 4, 0, 3),  # the first byte behind the UDP header: STUN?
        (_WORD, 0, 0, 12), (_EQUAL, 0, 1, _COOKIE), (_RETURN, 0, 0, _PASS), (_RETURN, 0, 0, _DROP),
        (_HALF, 0, 0, 0), (_STORE, 0, 0, 0), (_WORD, 0, 0, _NETWORK_HEADER + _SOURCE[name_bytes]),
        (_LOAD_X, 0, 0, 0), (_XOR_X, 0, 0, 0),
    ]  # fmt: skip
    for raw in known:
        steps += [(_EQUAL, 0, 1, _number(raw)), (_RETURN, 0, 0, _PASS)]
    steps.append((_RETURN, 0, 0, _DROP))
    return b"".join(_INSTRUCTION.pack(*step) for step in steps)


def _number(raw: bytes) -> int:
    address = raw[4:8] if len(raw) == 16 else raw[20:24]
    return int.from_bytes(address, "big") ^ (raw[2] << 8 | raw[3])


class Shutter:
    """Of one socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._name_bytes = 28 if sock.family == socket.AF_INET6 else 16
        self.is_down = False

    def lower(self, known: Iterable[bytes]) -> bool:
        """Let only these addresses and STUN through; False where the kernel does not do that."""
        written = bytearray(program(known, self._name_bytes))
        count = len(written) // _INSTRUCTION.size
        if not sys.platform.startswith("linux") or count > 2 * MOST:
            self.lift()
            return False
        try:
            told = struct.pack("@HP", count, address_of(written))
            self._sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, told)
        except OSError:
            self.lift()
            return False
        self.is_down = True
        return True

    def lift(self) -> None:
        """Let everything through."""
        if self.is_down:
            self.is_down = False
            self._sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
