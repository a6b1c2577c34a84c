"""A media node is cordoned, drained and full as routing state and control port say, and shows its work."""

import asyncio
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from teleward_contract.media_nodes import MediaNodeState, MediaNodeView
from teleward_contract.redis_store import Store
from teleward_contract.routing_redis import RedisRouting
from teleward_contract.signalling import Error, ErrorCode, Leave
from teleward_contract.units import LeaderEpoch, MediaNodeId, PoolId
from teleward_testing.media_node import RunningMediaNode, attach, running_media_node
from teleward_testing.scripted_call import call_of, enter
from teleward_testing.valkey import RunningValkey

POOL, NODE, LEADER = PoolId("test/media"), MediaNodeId("media-0"), LeaderEpoch(1)


@pytest.fixture
def node(valkey: RunningValkey, store: Store) -> Iterator[RunningMediaNode]:
    with running_media_node(valkey.url, pool=POOL, capacity_units="6", capture="true") as running:
        yield running


@pytest.fixture
def routing(store: Store) -> RedisRouting:
    return RedisRouting(store)


async def seen(routing: RedisRouting, state: MediaNodeState) -> MediaNodeView:
    """Wait until the routing state shows the media node in a state."""
    async with asyncio.timeout(10):
        while True:
            for view in await routing.views(POOL):
                if view.state is state:
                    return view
            await asyncio.sleep(0.05)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await is_so():  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(0.05)


async def refused(node: RunningMediaNode, call: str, cost: int = 2) -> ErrorCode | None:
    """Try to begin a call; the code of the refusal, if it is one."""
    person = await attach(node, "eve", call=call, cost=cost)
    code = ErrorCode((await person.receive(Error)).code) if not person.admitted else None
    await person.close()
    return code


async def test_a_cordoned_media_node_refuses_new_calls_and_goes_on_with_those_it_has(
    node: RunningMediaNode, routing: RedisRouting
) -> None:
    await seen(routing, MediaNodeState.ACTIVE)
    one = await enter(node, "ada", "visit:1")
    await routing.cordon(POOL, NODE, LEADER, cordoned=True)
    await seen(routing, MediaNodeState.CORDONED)

    async def refuses() -> bool:
        return await refused(node, "visit:2") is ErrorCode.NO_CAPACITY

    await until(refuses)
    await (await enter(node, "ben", "visit:1")).close()

    await routing.cordon(POOL, NODE, LEADER, cordoned=False)
    await seen(routing, MediaNodeState.ACTIVE)

    async def accepts() -> bool:
        return await refused(node, "visit:3") is None

    await until(accepts)
    await one.close()


async def test_a_draining_media_node_is_empty_when_its_last_call_has_ended(
    valkey: RunningValkey, routing: RedisRouting
) -> None:
    with running_media_node(valkey.url, pool=POOL, drain_s="60") as node:
        one = await enter(node, "ada", "visit:1")

        draining = asyncio.create_task(asyncio.to_thread(post, node, "/v1/drain", 30))
        await seen(routing, MediaNodeState.DRAINING)
        assert await refused(node, "visit:2") is ErrorCode.NO_CAPACITY
        assert not draining.done()
        await one.person.send(Leave())
        await one.close()

        assert await draining == (200, b"empty\n")
        await seen(routing, MediaNodeState.EMPTY)


async def test_a_drain_whose_deadline_passes_answers_that_calls_are_left(
    valkey: RunningValkey, store: Store
) -> None:
    with running_media_node(valkey.url, pool=POOL, drain_s="1") as node:
        one = await enter(node, "ada", "visit:1")

        assert await asyncio.to_thread(post, node, "/v1/drain", 30) == (200, b"draining\n")
        await one.close()


async def test_a_call_for_which_there_is_no_room_is_refused_whatever_the_routing_state_thought(
    node: RunningMediaNode,
) -> None:
    one = await enter(node, "ada", "visit:1", cost=4)

    assert await refused(node, "visit:2", cost=3) is ErrorCode.NO_CAPACITY
    assert await refused(node, "visit:1", cost=7) is ErrorCode.NO_CAPACITY, (
        "it has grown too large"
    )
    assert await refused(node, "visit:3", cost=2) is None

    assert node.metric("teleward_media_capacity_units") == 6
    await one.close()


async def test_the_heartbeat_tells_how_late_the_loop_is_and_what_the_kernel_dropped(
    node: RunningMediaNode, routing: RedisRouting
) -> None:
    """A stopped process reads nothing, so the kernel has to drop."""
    one = await enter(node, "ada", "visit:1")
    view = await seen(routing, MediaNodeState.ACTIVE)
    assert view.kernel_drops == 0

    node.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(40_000):
            one.peer.send(bytes(1000))
    finally:
        node.process.send_signal(signal.SIGCONT)

    async def told() -> bool:
        (now,) = await routing.views(POOL)
        return now.kernel_drops > 0 and now.loop_lag_ms > 0

    await until(told)
    assert node.metric("teleward_media_kernel_drops_total") > 0
    await one.close()


async def test_a_capture_has_headers_and_lengths_and_neither_payloads_nor_addresses(
    node: RunningMediaNode, tmp_path: Path
) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("needs tshark (Debian package tshark)")
    async with call_of(node, 2, "visit:1") as (ada, ben):
        capturing = asyncio.create_task(asyncio.to_thread(post, node, "/v1/capture?seconds=1", 10))
        secret = b"\x10\x00" + b"a patient speaks" * 60
        while not capturing.done():
            ada.peer.send(ada.peer.protect(ada.peer.rtp("video")[:12] + secret))
            ada.peer.check()
            await asyncio.sleep(0.02)
        assert ben.peer.received
    status, written = await capturing
    file = tmp_path / "headers.pcapng"
    file.write_bytes(written)

    assert status == 200
    assert b"patient" not in written
    assert ada.peer.ufrag.encode() not in written
    assert bytes([127, 0, 0, 1]) not in written
    fields = ("ip.src", "udp.length", "rtp.ssrc", "rtp.p_type", "stun.type", "frame.cap_len")
    told = subprocess.run(  # noqa: ASYNC221  # nothing else runs here now
        ["tshark", "-r", str(file), "-d", "udp.port==5004,rtp", "-T", "fields",
         *(word for one in fields for word in ("-e", one))],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    rows = [line.split("\t") for line in told.splitlines()]
    media = [row for row in rows if row[2] == f"0x{ada.peer.ssrcs['video']:08x}"]
    assert len(media) > 10
    assert {int(row[1]) - 8 for row in media} == {12 + len(secret) + 16}
    assert {int(row[5]) for row in media} == {28 + 12}
    assert {row[3] for row in media} == {"96"}
    assert any(row[4] for row in rows), "checks are there, too"


async def test_a_capture_has_bounds_and_is_one_at_a_time(node: RunningMediaNode) -> None:
    for seconds in ("", "0", "61", "nan", "x"):
        assert post(node, f"/v1/capture?seconds={seconds}", 5)[0] == 400
    first = asyncio.create_task(asyncio.to_thread(post, node, "/v1/capture?seconds=1", 10))
    await asyncio.sleep(0.3)

    assert (await asyncio.to_thread(post, node, "/v1/capture?seconds=1", 5))[0] == 409
    assert (await first)[0] == 200


def test_nothing_is_captured_where_the_settings_do_not_allow_it(valkey: RunningValkey) -> None:
    with running_media_node(valkey.url) as node:
        assert post(node, "/v1/capture?seconds=1", 5)[0] == 404


def post(node: RunningMediaNode, path: str, seconds: float) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{node.port}{path}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        return err.code, err.read()
