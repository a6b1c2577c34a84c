"""A target over the calls of a media node: frames of people with and without rights, who come, go and misbehave.

The bytes are a script of records: an operation, a person, a body that is a frame's JSON or chooses one.
"""

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from teleward_contract.errors import FrameRefusedError
from teleward_contract.signalling import (
    Closed,
    Frame,
    ParticipantRole,
    ParticipantView,
    Right,
    encode,
    parse_client_frame,
    parse_server_frame,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PlacementEpoch,
    Seconds,
)
from teleward_media.core.answer import LocalTransport, Negotiated
from teleward_media.core.forwarding import ForwardingPlan, Quality
from teleward_media.core.offer import Offer
from teleward_media.errors import CallRefusedError
from teleward_media.usecases.run_calls import Calls

from teleward_testing.sdp import SIMULCAST, audio, offer, video

PEOPLE: tuple[tuple[str, frozenset[Right]], ...] = (
    ("ada", frozenset(Right)), ("ben", frozenset()), ("eve", frozenset()), ("gus", frozenset()),
)  # fmt: skip
"""Ada hosts; the others may do nothing to anybody."""
SEATS = 3
MOST_RECORDS = 40
MOST_TOLD = 12
"""Frames that one person gets of one event: list, slots, encodings, and what a new socket is told."""
_LOCAL = LocalTransport("ufrag", "password", "AB:CD", "192.0.2.1", 50000)


@dataclass
class Line:
    """A socket of somebody, and what it was told."""

    name: str
    told: list[Frame] = field(default_factory=list)
    is_over: bool = False

    def tell(self, frame: Frame, *, last: bool = False) -> None:
        """Take a frame; what is told can be read again, and nothing follows the last."""
        assert not self.is_over, "a frame after the last"
        assert parse_server_frame(encode(frame)) == frame
        self.told.append(frame)
        self.is_over = last


@dataclass
class Wires:
    """Transports that are there when they are said to be."""

    peers: dict[ParticipantId, Callable[[], None]] = field(default_factory=dict)
    now: Seconds = Seconds(100.0)

    def open(
        self, participant: ParticipantId, offer: Offer, negotiated: Negotiated,
        on_closed: Callable[[], None],
    ) -> LocalTransport:  # fmt: skip
        """Expect a peer."""
        self.peers[participant] = on_closed
        return _LOCAL

    def restart(self, participant: ParticipantId, offer: Offer) -> LocalTransport | None:
        """Give new credentials."""
        return _LOCAL if participant in self.peers else None

    def close(self, participant: ParticipantId) -> None:
        """Forget a peer."""
        self.peers.pop(participant, None)

    def heard_at(self, participant: ParticipantId) -> Seconds | None:
        """Say that a peer is heard as long as it is there."""
        return self.now if participant in self.peers else None

    def note_alive(self, numbers: Iterable[int], now: Seconds) -> None:
        """Know it already."""

    def path_kind(self, participant: ParticipantId) -> str | None:
        """Say that a peer is reached as long as it is there."""
        return "udp4" if participant in self.peers else None


class Plans:
    """A packet path that keeps the plan."""

    def __init__(self) -> None:
        self.plan: ForwardingPlan = {}

    def set_plan(self, plan: ForwardingPlan, now: Seconds) -> None:
        """Keep the plan."""
        self.plan = plan

    def qualities(self, now: Seconds) -> dict[ParticipantId, Quality]:
        """Say that every path is good."""
        return {}


class Node:
    """The calls of one media node, with one call and the lines of its people."""

    def __init__(self) -> None:
        self.wires, self.path = Wires(), Plans()
        path: Any = self.path  # the calls use two of its methods
        self.calls = Calls(
            self.wires, path, lambda: self.wires.now, grace_s=15.0,
            accepts_new=lambda: True, changed=lambda: None,
        )  # fmt: skip
        self.lines: dict[str, Line] = {}
        self.held: set[str] = set()
        """Whom Ada holds, in the call or away."""

    def connect(self, name: str) -> None:
        """Open a socket; an earlier one of the same person is replaced."""
        line = Line(name)
        try:
            self.calls.attach(_ticket(name), line)
        except CallRefusedError:
            return
        self.lines[name] = line

    def disconnect(self, name: str) -> None:
        """Lose a socket."""
        line = self.lines.pop(name, None)
        if line is not None:
            self.calls.detach(_ticket(name), line)

    def say(self, name: str, text: bytes) -> None:
        """Send a frame on somebody's socket, as the control port takes it."""
        line = self.lines.get(name)
        if line is None or line.is_over:
            return
        try:
            frame = parse_client_frame(text)
            finished = _finish(self.calls.handle(_ticket(name), line, frame))
            assert finished, "a frame is handled at once"
        except (FrameRefusedError, CallRefusedError) as err:
            _says_little(err)

    def hang_up(self, name: str) -> None:
        """Let the transport of a peer end by itself."""
        closed = self.wires.peers.pop(ParticipantId(name), None)
        if closed is not None:
            closed()

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and tick."""
        self.wires.now = Seconds(self.wires.now + seconds)
        self.calls.tick()

    def check(self, acting: str, before: dict[str, int]) -> None:
        """Check what everybody was told, and the plan, after one act of somebody.

        Raises:
            AssertionError: Somebody was told too much, or is shown to whom, or by whom, it may not be.
        """
        for name, line in self.lines.items():
            fresh = line.told[before.get(name, 0) :]
            assert len(fresh) <= MOST_TOLD * len(PEOPLE)
            if acting != "ada" and name not in (acting, "ada"):
                reasons = [frame.reason for frame in fresh if isinstance(frame, Closed)]
                assert set(reasons) <= {"ended", "gone"}, (
                    "somebody without rights removed somebody"
                )
        views, held = self._views()
        if acting != "ada" and views:
            assert held == self.held, "somebody without rights holds or frees"
        self.held = held
        assert all(view.held == (view.id in held) for view in views.values())
        for source, outputs in self.path.plan.items():
            assert source.participant in views
            assert not views[source.participant].held, "one who is held is forwarded"
            for output in outputs:
                assert output.participant != source.participant
                assert not views[str(output.participant)].held, "one who is held receives"
        shown = [output for outputs in self.path.plan.values() for output in outputs]
        assert len(shown) == len(set(shown)), "a slot that shows two"

    def _views(self) -> tuple[dict[str, ParticipantView], set[str]]:
        """Who is in the call, and who is held, in or away."""
        for call in self.calls._calls.values():
            assert len(call.room) <= SEATS
            return {view.id: view for view in call.room.participants()}, set(call.room._held)
        return {}, set()


def calls(script: bytes) -> None:
    """Do what the bytes say, and check after each act."""
    node, at = Node(), 0
    for _ in range(MOST_RECORDS):
        if at + 3 > len(script):
            return
        operation, who, length = struct.unpack_from("!BBB", script, at)
        body = script[at + 3 : at + 3 + length]
        at += 3 + length
        name = PEOPLE[who % len(PEOPLE)][0]
        before = {one: len(line.told) for one, line in node.lines.items()}
        _act(node, name, operation, who, body)
        node.check(name, before)


def _act(node: Node, name: str, operation: int, who: int, body: bytes) -> None:
    match operation % 8:
        case 0:
            node.connect(name)
        case 1:
            node.disconnect(name)
        case 2:
            node.hang_up(name)
        case 3:
            node.pass_time((0.1, 1.0, 6.0, 20.0)[who >> 2 & 3])
        case 4:
            node.say(name, body)
        case 5:
            text = body.decode("utf-8", "replace")
            node.say(name, json.dumps({"type": "join", "offer": text}).encode())
        case _:
            ready = frames()
            node.say(name, ready[(body[0] if body else who) % len(ready)])


@cache
def frames() -> tuple[bytes, ...]:
    """Frames that make sense: an offer or two, and everything that people do to themselves and to others."""
    slots = (audio("a0", "recvonly"), video("v0", "recvonly"))
    sends = (audio("m"), video("c", "sendonly", *SIMULCAST))
    said: list[dict[str, object]] = [
        {"type": "join", "offer": offer(*sends, *slots)}, {"type": "join", "offer": offer(*slots)},
        {"type": "restart", "offer": offer(*sends, *slots)}, {"type": "resume"}, {"type": "leave"},
        {"type": "end"}, {"type": "chat", "text": "hello"}, {"type": "lock", "on": True},
        {"type": "lock", "on": False}, {"type": "media", "audio": True, "video": False, "screen": True},
        {"type": "media", "audio": False, "video": True},
        {"type": "view", "slots": [{"mid": "v0", "height": 90, "pinned": True}, {"mid": "x", "height": 0}]},
    ]  # fmt: skip
    for other in ("ben", "eve", "nobody"):
        said += [
            {"type": "hold", "participant": other, "on": True}, {"type": "remove", "participant": other},
            {"type": "hold", "participant": other, "on": False}, {"type": "mute", "participant": other},
        ]  # fmt: skip
    return tuple(json.dumps(one).encode() for one in said)


def scripts() -> list[bytes]:
    """Scripts to begin with: two join and one is held; a crowd; one who has no rights tries all."""
    joins = [(0, n, b"") for n in range(3)] + [(6, n, b"\0") for n in range(3)]
    return [
        _script(*joins, (6, 0, bytes([12])), (6, 0, bytes([14])), (3, 12, b"")),
        _script(*joins, (0, 3, b""), (6, 3, b"\0"), (2, 1, b""), (1, 2, b""), (3, 12, b"")),
        _script(*joins, *((6, 2, bytes([n])) for n in range(len(frames())))),
        _script(
            (0, 0, b""),
            (4, 0, b'{"type":"media"}'),
            (5, 0, b"v=0"),
            *joins,
            (0, 1, b""),
            (6, 1, b"\0"),
        ),
    ]


def _script(*steps: tuple[int, int, bytes]) -> bytes:
    return b"".join(struct.pack("!BBB", op, who, len(body)) + body for op, who, body in steps)


def _ticket(name: str) -> MediaTicket:
    rights = dict(PEOPLE)[name]
    return MediaTicket(
        nonce="n", media_node=MediaNodeId("m"), boot=BootId("b"), call=CallId("c"),
        epoch=PlacementEpoch(1), cost=CapacityUnits(2), max_participants=SEATS,
        participant=ParticipantId(name), name=name, role=ParticipantRole.GUEST, rights=rights,
    )  # fmt: skip


def _finish(handling: Any) -> bool:
    """Run a coroutine that waits for nothing to its end; whether it waited for nothing."""
    try:
        handling.send(None)
    except StopIteration:
        return True
    handling.close()
    return False


def _says_little(err: Exception) -> None:
    assert len(str(err)) < 200
