"""A flood from strangers, on loopback, as fast as one process can send: `python -m teleward_testing.flooding PORT
SECONDS CORE [KIND]`.

It sends from ever new ports and prints how many datagrams it sent. It stops by itself. `anything` is what looks like
media, like DTLS, like STUN for somebody unknown, and nothing at all; `stun` is STUN for somebody unknown alone, which
a kernel that knows STUN by its cookie lets through.
"""

import os
import socket
import sys
import time

from teleward_media.adapters import batches
from teleward_media.adapters.addresses import to_raw
from teleward_media.core.datagrams import STRIDE, Datagrams
from teleward_media.core.stun import write_check

AT_MOST_S = 120.0
BATCH = 128
NEW_PORT_EVERY = 200


def datagrams(kind: str) -> list[bytes]:
    """What one flood is made of."""
    check = write_check(os.urandom(12), "nobody00:stranger", bytes(8), b"guessed")
    if kind == "stun":
        return [check]
    return [
        b"\x80\x60" + os.urandom(170), b"\x90\x6f" + os.urandom(1100), b"\x16\xfe\xff" + bytes(200),
        check, b"", b"\x80\xc9" + os.urandom(60), os.urandom(40), b"\x00\x01" + bytes(90),
    ]  # fmt: skip


def flood(port: int, seconds: float, kind: str) -> int:
    """Send until the time is over; how many."""
    block, to = Datagrams(BATCH), to_raw(("127.0.0.1", port))
    kinds = datagrams(kind)
    messages: list[batches.Message] = []
    for index in range(BATCH):
        datagram = kinds[index % len(kinds)]
        block.buffer[index * STRIDE : index * STRIDE + len(datagram)] = datagram
        block.lengths[index] = len(datagram)
        messages.append((to, (index,), 0))
    sent, end = 0, time.monotonic() + min(seconds, AT_MOST_S)
    while time.monotonic() < end:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            writing = batches.Writing(sock, block)
            writing.lay_out(messages)
            for _ in range(NEW_PORT_EVERY):
                try:
                    sent += writing.send(0, BATCH)
                except BlockingIOError:
                    continue
    return sent


if __name__ == "__main__":
    to_port, for_s, core, *kind = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    sys.stdout.write(f"{flood(int(to_port), float(for_s), *kind or ['anything'])}\n")
