"""A flood from strangers at full speed costs a call of six next to nothing, and the media node no memory."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeAlias

import psutil
from teleward_testing.house_rules import ROOT
from teleward_testing.media_node import RunningMediaNode, running_media_node
from teleward_testing.media_transport import scripted_peers
from teleward_testing.scripted_call import Scripted, call_of, enter
from teleward_testing.valkey import RunningValkey

Record: TypeAlias = Callable[[str, object], None]
SECONDS = float(os.environ.get("FLOOD_S", "10"))
"""The figure that the work was asked for is of 60."""
STUN_SECONDS = 3.0
LOSS_AT_MOST = 0.005
MEMORY_AT_MOST = 16 * 1024 * 1024
"""What may be held for strangers is 1.2 MB (`core/strangers.py`); the rest is the allocator's."""
PEOPLE, VOICE_S, PICTURE_S = 6, 0.02, 1 / 30


async def test_a_call_of_six_stays_whole_under_a_flood(
    valkey: RunningValkey, record_property: Record
) -> None:
    with running_media_node(valkey.url) as node:
        cores = sorted(psutil.Process().cpu_affinity())
        psutil.Process(node.process.pid).cpu_affinity([cores[0]])
        async with call_of(node, PEOPLE, "visit:flood") as everybody:
            talking = asyncio.create_task(talk(everybody))
            await asyncio.sleep(2)  # the call warms up
            memory = node.memory_bytes()
            flooder = await flooding(everybody, SECONDS, cores[-1], "anything")
            for one in everybody:
                one.peer.received.clear()
            sent, _ = await flooder.communicate()
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            await asyncio.sleep(0.5)  # what is on its way arrives
            grown = node.memory_bytes() - memory
            refused = node.metric("teleward_media_drops_total", reason="stranger")
            shut_out = node.metric("teleward_media_drops_total", reason="shutter")
            unread = node.metric("teleward_media_kernel_drops_total")
            arrived, lost, streams = count(everybody)

    record_property("flood_datagrams_per_s", round(int(sent) / SECONDS))
    record_property("refused", round(refused))
    record_property("shut_out", round(shut_out))
    record_property("unread", round(unread))
    record_property("loss_percent", round(100 * lost / (arrived + lost), 3))
    record_property("memory_grown_kib", grown // 1024)
    assert streams == PEOPLE * (PEOPLE - 1) * 2
    assert int(sent) > 20_000 * SECONDS
    assert lost / (arrived + lost) < LOSS_AT_MOST
    assert grown < MEMORY_AT_MOST


async def test_somebody_joins_a_call_while_what_looks_like_stun_floods_it(
    valkey: RunningValkey, record_property: Record
) -> None:
    """The kernel lets such a flood through, and each of it has to be told from a check that is expected."""
    with running_media_node(valkey.url) as node:
        cores = sorted(psutil.Process().cpu_affinity())
        psutil.Process(node.process.pid).cpu_affinity([cores[0]])
        async with call_of(node, 2, "visit:stun") as two, scripted_peers() as peer:
            talking = asyncio.create_task(talk(two))
            await asyncio.sleep(1)  # the call warms up
            for one in two:
                one.peer.received.clear()
            flooder = await flooding(two, STUN_SECONDS, cores[-1], "stun")
            try:
                while not await asyncio.to_thread(refused_as_stun, node):  # noqa: ASYNC110  # another process's state
                    await asyncio.sleep(0.05)
                begun, late = time.monotonic(), peer(slots=2)
                third = await enter(node, "late", "visit:stun", late, cost=3)
                joined_after_s = time.monotonic() - begun
                was_flooded = flooder.returncode is None
            finally:
                sent, _ = await flooder.communicate()
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)
            await asyncio.sleep(0.5)  # what is on its way arrives
            unknown = refused_as_stun(node)
            unlooked = node.metric("teleward_media_drops_total", reason="stranger_busy")
            unread = node.metric("teleward_media_kernel_drops_total")
            arrived, lost, streams = count(two)
            await third.close()

    record_property("flood_datagrams_per_s", round(int(sent) / STUN_SECONDS))
    record_property("unknown", round(unknown))
    record_property("not_looked_at", round(unlooked))
    record_property("unread", round(unread))
    record_property("joined_after_s", joined_after_s)
    record_property("loss_percent", round(100 * lost / (arrived + lost), 3))
    assert int(sent) > 20_000 * STUN_SECONDS
    assert was_flooded, "it joined when the flood was over"
    assert len({ssrc for ssrc, _, _ in late.received}) == 4
    assert streams == 4
    assert lost / (arrived + lost) < LOSS_AT_MOST


def refused_as_stun(node: RunningMediaNode) -> float:
    """Checks from strangers for nobody so far."""
    return node.metric("teleward_media_drops_total", reason="stun_unknown")


async def flooding(
    everybody: list[Scripted], seconds: float, core: int, kind: str
) -> asyncio.subprocess.Process:
    """Begin to flood the port of a call."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "teleward_testing.flooding", str(everybody[0].peer.target[1]),
        str(seconds), str(core), kind, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests/support")},
    )  # fmt: skip


async def talk(everybody: list[Scripted]) -> None:
    """All speak and show themselves at once."""
    loop = asyncio.get_running_loop()
    voice = picture = loop.time()
    while True:
        now = loop.time()
        if now >= voice:
            voice += VOICE_S
            for one in everybody:
                one.peer.publish("audio")
        if now >= picture:
            picture += PICTURE_S
            for one in everybody:
                one.peer.publish("video")
        await asyncio.sleep(max(0.0, min(voice, picture) - loop.time()))


def count(everybody: list[Scripted]) -> tuple[int, int, int]:
    """Packets that arrived, packets missing between the first and the last of their stream, streams."""
    arrived = lost = streams = 0
    for one in everybody:
        by_ssrc: dict[int, set[int]] = {}
        for ssrc, sequence, _ in one.peer.received:
            by_ssrc.setdefault(ssrc, set()).add(sequence)
        for numbers in by_ssrc.values():
            first = min(numbers) if max(numbers) - min(numbers) < 0x8000 else None
            assert first is not None, "a sequence number wrapped: shorten the test"
            arrived += len(numbers)
            lost += max(numbers) - first + 1 - len(numbers)
            streams += 1
    return arrived, lost, streams
