"""While much comes, one wake-up serves many packets; none is lost over it, and a quiet port wakes for each again."""

import asyncio
import socket

from teleward_media.adapters.udp_port import BUSY_WAKEUPS, GATHER_S, IDLE_READS
from teleward_testing.media_transport import transport, until

STRANGER = b"\x80" + bytes(40)
"""Media from an address that nobody knows: dropped and counted, one by one."""


async def test_a_busy_port_gathers_and_loses_nothing_and_a_quiet_one_stops_to() -> None:
    async with transport() as ours:
        counted = ours.counters.by_reason
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", ours.port.number))
            sent = 0
            async with asyncio.timeout(20):
                while counted.get("gathering_begun", 0) == 0:
                    stranger.send(STRANGER)
                    sent += 1
                    await asyncio.sleep(0)  # each may wake the port by itself
            for _ in range(500):
                stranger.send(STRANGER)
                sent += 1
            await until(lambda: counted.get("drop_stranger", 0) == sent)
            assert sent >= BUSY_WAKEUPS

            await until(lambda: not ours.port.is_gathering, 50 * IDLE_READS * GATHER_S)
            stranger.send(STRANGER)
            await until(lambda: counted.get("drop_stranger", 0) == sent + 1)
            assert counted["gathering_begun"] == 1


async def test_a_fault_while_it_gathers_does_not_make_the_port_deaf() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told))
    async with transport() as ours:
        counted = ours.counters.by_reason
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", ours.port.number))
            async with asyncio.timeout(20):
                while not ours.port.is_gathering:
                    stranger.send(STRANGER)
                    await asyncio.sleep(0)
            read = ours.port._read

            def fail() -> tuple[list[int], list[bytes]]:
                ours.port._read = read
                raise RuntimeError("a fault of ours")

            ours.port._read = fail
            await until(lambda: len(faults) == 1)
            before = counted["drop_stranger"]
            stranger.send(STRANGER)
            await until(lambda: counted["drop_stranger"] > before)
