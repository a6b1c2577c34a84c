"""A media node as its own process, and people who speak to its control port as the gateway does."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from teleward_cli.people.peer import Peer
from teleward_contract import signalling
from teleward_contract.signalling import (
    Admitted,
    Authenticate,
    Challenge,
    Frame,
    Join,
    Joined,
    ParticipantRole,
    Right,
    ServerFrame,
)
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
from websockets.exceptions import ConnectionClosed

_F = TypeVar("_F", bound=Frame)
ALL_RIGHTS = frozenset(Right)


class RunningMediaNode:
    """The process, its control port and its metrics."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, signer: TicketSigner) -> None:
        self.process = process
        self.port = port
        self.signer = signer

    def metric(self, name: str, **labels: str) -> float:
        """Read one sample; 0 when it is not there."""
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        start = f"{name}{{{wanted}}} " if wanted else f"{name} "
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(start):
                    return float(line.rpartition(" ")[2])
        return 0.0

    def threads(self) -> int:
        """Threads of the process now."""
        return self._status("Threads:")

    def memory_bytes(self) -> int:
        """Resident memory of the process now."""
        return self._status("VmRSS:") * 1024

    def open_files(self) -> int:
        """File descriptors of the process now."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def _status(self, what: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(what)[2].split()[0])


def write_public_key(signer: TicketSigner, path: Path) -> None:
    """Write the JWK Set by which media nodes know a signer's tickets."""
    path.write_text(json.dumps({"keys": [json.loads(signer.public_jwk())]}))


@contextmanager
def running_media_node(
    redis_url: str, *, prefix: Sequence[str] = (), **settings: str
) -> Iterator[RunningMediaNode]:
    """Start one media node in a pool of its own, with some settings, and stop it.

    `prefix` goes before its command, such as `taskset -c 0`.
    """
    signer = TicketSigner(TicketSigner.generate())
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys.json")
        write_public_key(signer, keys)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TELEWARD_")} | {
            "TELEWARD_REDIS_URL": redis_url, "TELEWARD_POOL": f"test/{secrets.token_hex(4)}",
            "TELEWARD_MEDIA_NODE": "media-0", "TELEWARD_CAPACITY_UNITS": "100",
            "TELEWARD_TICKET_PUBLIC_KEYS_FILE": str(keys), "TELEWARD_DRAIN_S": "0",
            "TELEWARD_PARTICIPANT_GRACE_S": "2",
        } | {f"TELEWARD_{name.upper()}": value for name, value in settings.items()}  # fmt: skip
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "teleward_media.main"],
            env=environment,
            stdout=subprocess.PIPE,
        )
        try:
            yield RunningMediaNode(process, _port(process), signer)
        finally:
            process.terminate()
            process.wait(timeout=15)
            assert process.stdout is not None
            process.stdout.close()


def _port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "process.started":
            return int(event["port"])
    raise AssertionError("the media node ended before it started")


class Participant:
    """One person at the control port."""

    def __init__(self, socket: ClientConnection, ticket: MediaTicket, *, resumable: bool) -> None:
        self.socket = socket
        self.ticket = ticket
        self.resumable = resumable
        self.peer: Peer | None = None
        self.admitted = True

    async def send(self, frame: Frame) -> None:
        await self.socket.send(signalling.encode(frame))

    async def send_text(self, text: str) -> None:
        await self.socket.send(text)

    async def receive_text(self) -> str:
        return str(await self.socket.recv())

    async def receive(self, kind: type[_F]) -> _F:
        """Wait for the next frame of this kind; others are passed over."""
        async with asyncio.timeout(10):
            while True:
                frame: ServerFrame = signalling.parse_server_frame(await self.socket.recv())
                if isinstance(frame, kind):
                    return frame

    async def closed(self) -> int:
        """Wait until the socket closes; its close code."""
        try:
            async with asyncio.timeout(10):
                while True:
                    await self.socket.recv()
        except ConnectionClosed:
            return int(self.socket.close_code or 0)

    async def join(self, peer: Peer) -> Joined:
        self.peer = peer
        await self.send(Join(offer=await peer.offer()))
        joined = await self.receive(Joined)
        await peer.accept(joined.answer)
        return joined

    async def sees_more(self, *, pictures: bool = True) -> bool:
        """Whether more pictures (or more sound) arrive within a few seconds."""
        assert self.peer is not None
        before = self.peer.frames_decoded if pictures else self.peer.audio_energy
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            now = self.peer.frames_decoded if pictures else self.peer.audio_energy
            if now > before:
                return True
        return False

    async def close(self) -> None:
        if self.peer is not None:
            await self.peer.close()
        await self.socket.close()


async def attach(
    node: RunningMediaNode, who: str | None, *, call: str = "visit:1", epoch: int = 1,
    rights: frozenset[Right] = frozenset(), max_participants: int = 6, cost: int = 2,
) -> Participant:  # fmt: skip
    """Open a control socket with a ticket; the first frame after it tells whether it was admitted."""
    socket = await connect(  # a bounded queue that nobody reads would hold up the close
        f"ws://127.0.0.1:{node.port}/v1/control", max_size=None, max_queue=None, proxy=None
    )
    challenge = signalling.parse_control_frame(await socket.recv())
    assert isinstance(challenge, Challenge)
    ticket = MediaTicket(
        nonce=challenge.nonce, media_node=MediaNodeId(challenge.media_node),
        boot=BootId(challenge.boot), call=CallId(call), epoch=PlacementEpoch(epoch),
        cost=CapacityUnits(cost), max_participants=max_participants,
        participant=ParticipantId(f"{call}/{who}") if who else None, name=who or "",
        role=ParticipantRole.GUEST, rights=rights,
    )  # fmt: skip
    await socket.send(signalling.encode(Authenticate(ticket=node.signer.sign(ticket))))
    text = await socket.recv()
    if '"admitted"' not in str(text):
        refused = Participant(_Replayed(socket, text), ticket, resumable=False)  # type: ignore[arg-type]  # reads like a connection
        refused.admitted = False
        return refused
    admitted = signalling.parse_control_frame(text)
    assert isinstance(admitted, Admitted)
    return Participant(socket, ticket, resumable=admitted.resumable)


class _Replayed:
    """A connection whose first message has been read already."""

    def __init__(self, socket: ClientConnection, first: str | bytes) -> None:
        self._socket = socket
        self._first: str | bytes | None = first

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    async def recv(self) -> str | bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await self._socket.recv()

    async def send(self, text: str) -> None:
        await self._socket.send(text)

    async def close(self) -> None:
        await self._socket.close()
