"""What a forwarded packet costs a media node, and how long joining takes.

The media node runs alone on the first core, the load on the second. Packets are those that receivers
read; CPU is the process's own user and system time. Peers here encrypt real RTP over a real DTLS
handshake and decode nothing, so that one core can load another.

It needs nothing but Teleward. Beside other SFUs, under a native load, it is `make bench WHAT=media`.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from teleward_contract import signalling
from teleward_contract.signalling import Authenticate, Challenge, Join, Joined
from teleward_contract.tickets import MediaTicket, TicketSigner
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PlacementEpoch,
)
from websockets.asyncio.client import ClientConnection, connect

from teleward_cli.bench.report import Report, Result, make_report, summarise
from teleward_cli.bench.routing import running_store

SECONDS = 8.0
WARM_UP_S = 1.0
JOIN_WITHIN_S = 10.0
PAYLOAD_BYTES = 1100
PACKETS_PER_FRAME = 4
VIDEO, SSRC = 96, 0x1000


@dataclass(frozen=True, slots=True)
class Load:
    """`calls` calls; in each, `publishers` of the `participants` send `frames_per_s` frames."""

    name: str
    calls: int
    participants: int
    publishers: int
    frames_per_s: int


LOADS = (
    Load("one publisher, ten receivers", 1, 11, 1, 100),
    Load("ten two-party calls", 10, 2, 2, 30),
)


def run() -> Report:
    """Measure and report; takes about half a minute."""
    return asyncio.run(bench_media())


async def bench_media() -> Report:
    """Run every load against one media node."""
    results: list[Result] = []
    joins: list[float] = []
    async with running_store() as (_, url):
        with contextlib.ExitStack() as stack:
            node = stack.enter_context(_media_node(url))
            if (os.cpu_count() or 1) > 1:
                os.sched_setaffinity(node.process.pid, {0})
                os.sched_setaffinity(0, {1})
            for number, load in enumerate(LOADS):
                results += await _measure(node, load, number, joins)
    results.append(
        summarise("join: offer sent to DTLS connected", [1000 * s for s in joins], "ms")
    )
    return make_report("media", results, ["aiortc", "pylibsrtp"], {"packet path": "python"})


@dataclass(frozen=True, slots=True)
class _Node:
    process: psutil.Process
    port: int
    signer: TicketSigner


@contextlib.contextmanager
def _media_node(redis_url: str) -> Iterator[_Node]:
    signer = TicketSigner(TicketSigner.generate())
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys.json")
        keys.write_text(json.dumps({"keys": [json.loads(signer.public_jwk())]}))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TELEWARD_")} | {
            "TELEWARD_REDIS_URL": redis_url, "TELEWARD_POOL": "bench/media",
            "TELEWARD_MEDIA_NODE": "media-0", "TELEWARD_CAPACITY_UNITS": "10000",
            "TELEWARD_TICKET_PUBLIC_KEYS_FILE": str(keys), "TELEWARD_DRAIN_S": "0",
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "teleward_media.main"],
            env=environment,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            events = (json.loads(line) for line in process.stdout)
            port = next(e["port"] for e in events if e["event"] == "process.started")
            yield _Node(psutil.Process(process.pid), port, signer)
        finally:
            process.terminate()
            process.wait(timeout=15)
            process.stdout.close()


async def _measure(node: _Node, load: Load, number: int, joins: list[float]) -> list[Result]:
    peers = [
        _RawPeer(f"{number}-{call}", person, load.participants - 1)
        for call in range(load.calls)
        for person in range(load.participants)
    ]
    for peer in peers:
        async with asyncio.timeout(JOIN_WITHIN_S):
            joins.append(await peer.join(node, load.participants))
    senders = [peer for peer in peers if peer.person < load.publishers]
    tasks = [asyncio.create_task(peer.publish(load.frames_per_s)) for peer in senders]
    await asyncio.sleep(WARM_UP_S)
    received, cpu, begun = _received(peers), _cpu_s(node.process), time.monotonic()
    await asyncio.sleep(SECONDS)
    packets, spent = _received(peers) - received, _cpu_s(node.process) - cpu
    elapsed = time.monotonic() - begun
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for peer in peers:
        await peer.close()
    return [
        Result(name=f"{load.name}: CPU per forwarded packet", value=1e6 * spent / max(1, packets),
               unit="us", n=packets),
        Result(name=f"{load.name}: forwarded", value=packets / elapsed, unit="packets/s"),
        Result(name=f"{load.name}: core in use", value=100 * spent / elapsed, unit="%"),
        Result(name=f"{load.name}: participants", value=len(peers), unit="people"),
    ]  # fmt: skip


def _received(peers: "list[_RawPeer]") -> int:
    return sum(peer.received for peer in peers)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass(slots=True)
class _RawPeer:
    call: str
    person: int
    slots: int
    received: int = 0
    _ice: RTCIceTransport = field(init=False)
    _dtls: RTCDtlsTransport = field(init=False)
    _socket: ClientConnection = field(init=False)

    async def join(self, node: _Node, participants: int) -> float:
        """Join; seconds from the offer sent to DTLS connected."""
        gatherer = RTCIceGatherer(iceServers=[])
        await gatherer.gather()
        self._ice = RTCIceTransport(gatherer)
        gatherer._connection.ice_controlling = True  # a media node is ICE-lite: it never nominates
        self._dtls = RTCDtlsTransport(self._ice, [RTCCertificate.generateCertificate()])
        self._dtls._handle_rtp_data = self._count  # type: ignore[method-assign]  # counts, decodes nothing
        self._dtls._set_role("client")
        self._socket = await connect(
            f"ws://127.0.0.1:{node.port}/v1/control", max_size=None, max_queue=None, proxy=None
        )  # nobody reads after the join: a bounded queue would hold up the close
        await self._authenticate(node, participants)
        begun = time.monotonic()
        await self._socket.send(signalling.encode(Join(offer=self._offer(gatherer))))
        await self._start((await self._joined()).answer)
        return time.monotonic() - begun

    async def _authenticate(self, node: _Node, participants: int) -> None:
        challenge = signalling.parse_control_frame(await self._socket.recv())
        assert isinstance(challenge, Challenge)
        ticket = MediaTicket(
            nonce=challenge.nonce, media_node=MediaNodeId(challenge.media_node),
            boot=BootId(challenge.boot), call=CallId(f"visit:{self.call}"),
            epoch=PlacementEpoch(1), cost=CapacityUnits(2), max_participants=participants,
            participant=ParticipantId(f"{self.call}/{self.person}"),
        )  # fmt: skip
        await self._socket.send(signalling.encode(Authenticate(ticket=node.signer.sign(ticket))))
        await self._socket.recv()

    async def _joined(self) -> Joined:
        while True:
            frame = signalling.parse_server_frame(await self._socket.recv())
            if isinstance(frame, Joined):
                return frame

    def _offer(self, gatherer: RTCIceGatherer) -> str:
        ice = gatherer.getLocalParameters()
        print_ = self._dtls.getLocalParameters().fingerprints[0]
        head = (
            f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:{ice.usernameFragment}\r\n"
            f"a=ice-pwd:{ice.password}\r\na=fingerprint:{print_.algorithm} {print_.value}\r\na=setup:active\r\n"
        )
        section = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
        sections = [f"{section}a=mid:0\r\na=sendonly\r\na=ssrc:{SSRC} cname:bench\r\n"]
        sections += [f"{section}a=mid:{n}\r\na=recvonly\r\n" for n in range(1, self.slots + 1)]
        return head + "".join(sections)

    async def _start(self, answer: str) -> None:
        def one(pattern: str) -> tuple[str, ...]:
            found = re.search(pattern, answer)
            assert found is not None
            return found.groups()

        (ufrag,), (password,) = one(r"a=ice-ufrag:(\S+)"), one(r"a=ice-pwd:(\S+)")
        algorithm, value = one(r"a=fingerprint:(\S+) (\S+)")
        host, port = one(r"a=candidate:1 1 udp \d+ (\S+) (\d+)")
        await self._ice.addRemoteCandidate(
            RTCIceCandidate(
                component=1, foundation="1", ip=host, port=int(port), priority=1, protocol="udp",
                type="host",
            )
        )  # fmt: skip
        await self._ice.addRemoteCandidate(None)
        await self._ice.start(
            RTCIceParameters(usernameFragment=ufrag, password=password, iceLite=True)
        )
        fingerprint = RTCDtlsFingerprint(algorithm=algorithm, value=value)
        await self._dtls.start(RTCDtlsParameters(fingerprints=[fingerprint]))

    async def _count(self, data: bytes, arrival_time_ms: int) -> None:
        self.received += 1

    async def publish(self, frames_per_s: int) -> None:
        """Send frames of equal packets at an even pace until cancelled."""
        sequence, timestamp, frames = random.randrange(2**15), 0, 0  # noqa: S311  # no secret
        body = bytes(PAYLOAD_BYTES - 2)
        due = time.monotonic()
        while True:
            for number in range(PACKETS_PER_FRAME):
                marker = 0x80 if number == PACKETS_PER_FRAME - 1 else 0
                header = struct.pack("!BBHII", 0x80, marker | VIDEO, sequence, timestamp, SSRC)
                sequence = (sequence + 1) & 0xFFFF
                start = _start(number, is_keyframe=frames % frames_per_s == 0)
                await self._dtls._send_rtp(header + start + body)  # raw RTP
            frames += 1
            timestamp = (timestamp + 90_000 // frames_per_s) & 0xFFFFFFFF
            due += 1 / frames_per_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()
        await self._dtls.stop()
        await self._ice.stop()


def _start(number: int, *, is_keyframe: bool) -> bytes:
    """How the payload of a frame's packet begins: VP8 descriptor and the bit that says what frame it is."""
    if number > 0:
        return b"\x00\x00"
    return b"\x10\x00" if is_keyframe else b"\x10\x01"
