"""Targets over STUN and ICE: what a stranger sends to the one UDP port before anything is believed.

aioice is the oracle: what it writes we read alike, and what we write it reads.
"""

import struct
from dataclasses import dataclass, field

from aioice import stun as theirs
from teleward_contract.units import Seconds
from teleward_media.core import stun
from teleward_media.core.ice import MAX_PATHS, Credentials, IceLite, Outcome, Source

PASSWORD, REMOTE_PASSWORD = b"our-password-of-22-chars", b"their-password-of-22"
OURS = Credentials("abcd", PASSWORD, "efgh", REMOTE_PASSWORD)
FRESH = Credentials("ijkl", b"fresh-password-of-22-c", "mnop", b"fresh-remote-password-")
_TRANSACTION = bytes(range(12))
SOURCES = tuple(Source(bytes([n]), 4, bytes([192, 0, 2, n]), 5000 + n) for n in range(8))
MOST_RECORDS = 60


def binding(data: bytes) -> None:
    """Any bytes are a binding, or none; a binding is authentic only for who knows the password."""
    found = stun.read_binding(data)
    assert found == stun.read_binding(memoryview(b"\0" + data + b"\0")[1:-1])
    _reads_as_aioice_does(data, found)
    if found is None:
        return
    assert stun.HEADER_BYTES <= found.integrity_at <= len(data) - 24 <= stun.MAX_BYTES
    assert len(found.transaction) == 12
    assert not stun.is_authentic(data, found, b"no such password")
    for address, family in ((bytes(4), 4), (data[:16], 6)):
        for at_most in (len(data), 0, 60, 1000):
            answer = stun.write_answer(found.transaction, family, 5004, address, PASSWORD, at_most)
            assert len(answer) <= at_most
            if answer:
                read = theirs.parse_message(answer)
                assert read.check_message_integrity(PASSWORD)
                assert read.transaction_id == found.transaction


def _reads_as_aioice_does(data: bytes, found: stun.Binding | None) -> None:
    try:
        read = theirs.parse_message(data)
    except (ValueError, struct.error, IndexError, KeyError):
        return
    is_request = (read.message_method, read.message_class) == (
        theirs.Method.BINDING, theirs.Class.REQUEST,
    )  # fmt: skip
    if is_request and read.check_message_integrity(PASSWORD):
        assert found is not None
        assert stun.is_authentic(data, found, PASSWORD)
        assert found.username == read.attributes.get("USERNAME", "")
        assert found.nominates == ("USE-CANDIDATE" in read.attributes)


def requests() -> list[bytes]:
    """Checks as browsers write them, one with more attributes than are known, and answers."""
    return [
        _check(OURS), _check(OURS, nominates=True), _check(FRESH),
        _check(OURS)[:-8], bytes(_response(OURS.remote_password)), b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12),
    ]  # fmt: skip


def _check(whose: Credentials, *, nominates: bool = False, is_short: bool = False) -> bytes:
    """Write a check as a browser does, or as short as one can be."""
    message = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, _TRANSACTION)
    message.attributes["USERNAME"] = f"{whose.ufrag}:{whose.remote_ufrag}"
    if not is_short:
        message.attributes["PRIORITY"] = 1
        message.attributes["ICE-CONTROLLING"] = 7
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(whose.password)
    if is_short:
        del message.attributes["FINGERPRINT"]
    return bytes(message)


def _response(password: bytes, transaction: bytes = _TRANSACTION) -> theirs.Message:
    message = theirs.Message(theirs.Method.BINDING, theirs.Class.RESPONSE, transaction)
    message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.9", 9)
    message.add_message_integrity(password)
    return message


HELLO_BYTES = 169
"""A ClientHello of aiortc's."""


@dataclass
class Agent:
    """Our agent for one peer, with account of what each address sent and was sent."""

    ice: IceLite = field(default_factory=lambda: IceLite(OURS, bytes(8), Seconds(0.0)))
    now: Seconds = Seconds(0.0)
    received: dict[bytes, int] = field(default_factory=dict)
    sent: dict[bytes, int] = field(default_factory=dict)
    answered: set[bytes] = field(default_factory=set)
    """Addresses that have answered a check of ours."""
    asked: dict[bytes, tuple[bytes, Credentials]] = field(default_factory=dict)
    """Address → the last check that it was sent, and whose it was."""

    def take(self, source: Source, datagram: bytes, *, answers: bool = False) -> None:
        """Take in a datagram as the port does; `answers` when it is a true answer to a check of ours."""
        self.received[source.raw] = self.received.get(source.raw, 0) + len(datagram)
        found = stun.read_binding(datagram)
        before = self.ice.selected
        if found is None:
            return
        if found.kind == stun.SUCCESS:
            outcome = self.ice.answer(datagram, found, source, self.now)
            is_new = outcome.event in ("moved", "proved")
            assert answers or not is_new, "moved by an answer that proves nothing"
            if answers:
                self.answered.add(source.raw)
        else:
            outcome = self.ice.request(
                datagram, found, source, bytes([source.raw[0]]) * 12, self.now, is_free=True
            )
        self._check(source, before is not self.ice.selected, outcome)

    def hello(self, source: Source) -> None:
        """Take in a ClientHello as the port does while no address has answered."""
        self.received[source.raw] = self.received.get(source.raw, 0) + HELLO_BYTES
        outcome = self.ice.came(source, HELLO_BYTES, bytes([source.raw[0]]) * 12, self.now)
        self._check(source, False, outcome)

    def _check(self, source: Source, is_moved: bool, outcome: Outcome) -> None:
        assert len(self.ice.paths) <= MAX_PATHS
        selected = self.ice.selected
        assert selected is None or self.ice.paths[selected.source.raw] is selected
        for reply in outcome.replies:
            self.sent[source.raw] = self.sent.get(source.raw, 0) + len(reply)
            if (check := stun.read_binding(reply)) is not None and check.kind == stun.REQUEST:
                path = self.ice.paths[source.raw]
                assert path.credentials is not None
                self.asked[source.raw] = check.transaction, path.credentials
        sent, received = self.sent.get(source.raw, 0), self.received[source.raw]
        is_proved = source.raw in self.answered
        assert sent < received + is_proved, "an address was sent as much as it sent"
        if is_moved and selected is not None:
            assert source.raw in self.answered, "media moved to an address that never answered"


def ice(script: bytes) -> None:
    """However checks and answers come, media goes only where somebody answered, and nobody gets more than he sent."""
    agent, at = Agent(), 0
    for _ in range(MOST_RECORDS):
        if at + 3 > len(script):
            return
        operation, which, length = struct.unpack_from("!BBB", script, at)
        body = script[at + 3 : at + 3 + length]
        at += 3 + length
        _do(agent, operation, SOURCES[which & 7], which >> 3, body)


def _do(agent: Agent, operation: int, source: Source, choice: int, body: bytes) -> None:
    match operation % 8:
        case 0 | 1:
            is_short = operation % 8 == 1
            agent.take(source, _check(OURS, nominates=bool(choice & 1), is_short=is_short))
        case 2:
            agent.take(source, _check(FRESH, nominates=bool(choice & 1)))
        case 3:
            is_asked = source.raw in agent.asked
            transaction, whose = agent.asked.get(source.raw, (_TRANSACTION, OURS))
            password = b"guessed" if choice & 1 else whose.remote_password
            if choice & 2:  # an answer to nothing that was asked
                transaction, is_asked = _TRANSACTION, False
            answer = bytes(_response(password, transaction))
            agent.take(source, answer, answers=is_asked and not choice & 1)
        case 4:
            agent.take(source, body)
        case 5:
            if source.raw in agent.ice.paths and agent.ice.selected is None:
                agent.hello(source)
        case 6:
            agent.ice.restart(FRESH)
        case _:
            agent.now = Seconds(agent.now + (0.0, 0.03, 1.0, 30.0)[choice & 3])
            if choice & 4:
                agent.ice.lose(source.raw)


def scripts() -> list[bytes]:
    """Connect; move by nomination and answer; restart; too many addresses."""
    return [
        bytes([0, 0, 0, 5, 0, 0, 0, 9, 0, 7, 16, 0, 3, 1, 0]),
        bytes([0, 0, 0, 6, 0, 0, 2, 8, 0, 5, 0, 0, 2, 9, 0, 3, 1, 0]),
        bytes([byte for n in range(8) for byte in (0, n | 8, 0, 7, 16, 0)]),
        bytes([5, 0, 0, 0, 8, 0, 3, 0, 0, 7, 32, 0]),
    ]
