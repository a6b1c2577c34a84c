"""A capture of headers, for debugging: what passed, when, how long it was, as pcapng that Wireshark and tshark read.

Payloads are never written, and no addresses: a peer appears as 10.x.y.z by its number, the media node as
10.255.255.254. It is off unless the media node's settings allow it, one at a time, and bounded in time and bytes.

Source: draft-ietf-opsawg-pcapng-03 §4 (blocks); LINKTYPE_RAW.
"""

import asyncio
import struct
import time

from teleward_media.adapters.udp_port import UdpPort
from teleward_media.core.headers import header_bytes

AT_MOST_S = 60.0
"""Of one capture. Ours: a person who debugs sees a join and a change of networks in it."""
AT_MOST_BYTES = 8 * 1024 * 1024
"""Held in memory until it is handed over: some 100,000 packets of 80 bytes. Ours."""
NODE_ADDRESS, NODE_PORT, PEER_PORT = bytes([10, 255, 255, 254]), 5004, 40000
"""What stands in a capture in place of the true ones; 5004 is RTP's (RFC 3551 §8), the others are ours."""
_RAW = 101
_IP_UDP_BYTES = 28


class CaptureBusyError(Exception):
    """Another capture runs."""


class Capture:
    """What is written while one runs."""

    def __init__(self) -> None:
        self.bytes = bytearray(
            struct.pack("=IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
            + struct.pack("=IIHHII", 1, 20, _RAW, 0, 0, 20)
        )
        self.is_full = asyncio.Event()

    def see(self, peer: int, datagram: memoryview, *, leaves: bool) -> None:
        """Write a datagram's header."""
        kept = bytes(datagram[: header_bytes(datagram)])
        who = b"\x0a" + (peer & 0xFFFFFF).to_bytes(3, "big")
        length = len(datagram)
        if leaves:
            source, target, ports = NODE_ADDRESS, who, (NODE_PORT, PEER_PORT)
        else:
            source, target, ports = who, NODE_ADDRESS, (PEER_PORT, NODE_PORT)
        packet = struct.pack("!BBHIBBH", 0x45, 0, _IP_UDP_BYTES + length, 0, 64, 17, 0)
        packet += source + target + struct.pack("!HHHH", *ports, 8 + length, 0) + kept
        padding = bytes(-len(packet) % 4)
        total = 32 + len(packet) + len(padding)
        if len(self.bytes) + total > AT_MOST_BYTES:
            self.is_full.set()
            return
        now_us = time.time_ns() // 1000
        self.bytes += struct.pack(
            "=IIIIIII", 6, total, 0, now_us >> 32, now_us & 0xFFFFFFFF,
            len(packet), _IP_UDP_BYTES + length,
        )  # fmt: skip
        self.bytes += packet + padding + struct.pack("=I", total)


async def capture(port: UdpPort, seconds: float) -> bytes:
    """Write the headers of what passes the media port for a while.

    Raises:
        CaptureBusyError: Another capture runs.
    """
    if port.tap is not None:
        raise CaptureBusyError
    running = port.tap = Capture()
    try:
        async with asyncio.timeout(min(seconds, AT_MOST_S)):
            await running.is_full.wait()
    except TimeoutError:
        pass
    finally:
        port.tap = None
    return bytes(running.bytes)
