"""One peer as ICE-lite sees it: who it says it is, where it was heard, and where it is sent to.

We answer checks, and we ask: an address is sent to only after it has answered a check of ours, and until then gets
fewer bytes than came from it. Who knows a peer's password cannot turn its handshake or its media onto somebody else.
An address that a client merely names, as a candidate, is never sent anything.

What a first address sends must pay for our check. Its first check pays for an answer, its second or its ClientHello
for ours: the handshake waits for at most one round trip, and for less where that is long, since clients check every
50 ms until they are answered.

Events and time in; what to send and to note out. Source: RFC 8445 §2.5, §7.3 (lite), §7.2.2 (our check), §9 (restart).
"""

from dataclasses import dataclass, field

from teleward_contract.units import Seconds

from teleward_media.core.stun import Binding, is_authentic, write_answer, write_check

MAX_PATHS = 4
"""Addresses known of one peer: a device has Wi-Fi, mobile, and each by IPv4 and IPv6."""
CHECK_EVERY_S = Seconds(0.02)
"""Least time between two checks of ours to one peer: as often as a client may send its own (RFC 8445 §14.2, Ta is 50
ms, two addresses at once)."""
CHECK_LIVES_S = Seconds(10)
"""An answer that comes later proves nothing; nor does one to a question that was asked before the last move. Ours."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Both sides' names and passwords (RFC 8445 §5.3)."""

    ufrag: str
    password: bytes
    remote_ufrag: str
    remote_password: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """Where a datagram came from: `raw` is the key, the rest is what an answer tells."""

    raw: bytes
    family: int
    """4 or 6."""
    address: bytes
    port: int


@dataclass(slots=True, eq=False)
class Path:
    """An address that a peer was heard at."""

    source: Source
    heard_at: Seconds = Seconds(float("-inf"))
    """When a check last came from there that wanted the peer to be sent to."""
    received: int = 0
    sent: int = 0
    """Bytes, while it is not where the peer is sent to."""
    transaction: bytes = b""
    """Of the check that waits for its answer."""
    asked_at: Seconds = Seconds(float("-inf"))
    owed: bytes = b""
    """Transaction of the peer's own check, answered when the address has answered ours."""
    credentials: Credentials | None = None


@dataclass(slots=True)
class Outcome:
    """What follows from a message."""

    event: str = ""
    """To be counted; a `drop_` says why the message changed nothing."""
    replies: tuple[bytes, ...] = ()
    """To be sent to where the message came from."""
    learned: Path | None = None
    """Now known: what comes from there is this peer's."""
    forgotten: Path | None = None
    """Not known any more."""


@dataclass(slots=True, eq=False)
class IceLite:
    """Our agent for one peer."""

    credentials: Credentials
    tie_breaker: bytes
    """8 bytes."""
    heard_at: Seconds
    fresh: Credentials | None = None
    """Those of a restart, until the first check that uses them."""
    paths: dict[bytes, Path] = field(default_factory=dict)
    selected: Path | None = None
    """Where the peer is sent to: an address that has answered."""
    _checked_at: Seconds = Seconds(float("-inf"))

    def restart(self, credentials: Credentials) -> str | None:
        """Take new credentials beside the old ones, which hold until a check comes with the new.

        Returns:
            The ufrag of an earlier restart that nobody followed and that is forgotten, if there was one.
        """
        before, self.fresh = self.fresh, credentials
        return before.ufrag if before else None

    def credentials_of(self, binding: Binding) -> Credentials | None:
        """Whose request this claims to be."""
        for one in (self.credentials, self.fresh):
            if one is not None and binding.username == f"{one.ufrag}:{one.remote_ufrag}":
                return one
        return None

    def request(
        self, datagram: bytes, binding: Binding, source: Source, transaction: bytes, now: Seconds,
        *, is_free: bool,
    ) -> Outcome:  # fmt: skip
        """Take in a check.

        Args:
            datagram: Its bytes.
            binding: The same, read.
            source: Where it came from.
            transaction: 12 unguessable bytes, for a check of our own.
            now: Now.
            is_free: Whether that address is nobody else's.
        """
        credentials = self.credentials_of(binding)
        if credentials is None:
            return Outcome("drop_stun_unknown")
        if not is_authentic(datagram, binding, credentials.password):
            return Outcome("drop_stun_integrity")
        self.heard_at = now
        if credentials is self.fresh:
            self.credentials, self.fresh = self.fresh, None
        path = self.paths.get(source.raw)
        if path is None and not is_free:
            return Outcome("drop_taken_address")
        if self.selected is not None and (path is self.selected or not binding.nominates):
            at_most = len(datagram) - (path is not self.selected)
            return Outcome("", _answer(binding.transaction, source, credentials, at_most))
        outcome = Outcome()
        if path is None:
            outcome.forgotten = self._make_room()
            path = outcome.learned = self.paths[source.raw] = Path(source)
        has_waited, path.owed = bool(path.owed), binding.transaction
        path.received += len(datagram)
        if binding.nominates:
            path.heard_at = now
        self._reply(path, credentials, transaction, now, outcome, has_waited=has_waited)
        return outcome

    def _reply(
        self, path: Path, credentials: Credentials, transaction: bytes, now: Seconds,
        outcome: Outcome, *, has_waited: bool,
    ) -> None:  # fmt: skip
        """Ask and answer: a first address is answered first when it is new or an answer is overdue."""
        is_first, is_new = self.selected is None, outcome.learned is not None
        if is_first and (is_new or has_waited):
            self._settle(path, credentials, outcome)
        if not (is_first and is_new):
            self._ask(path, credentials, transaction, now, outcome)
        if is_first and path.owed:
            self._settle(path, credentials, outcome)
        if not outcome.replies:
            outcome.event = "drop_check_rate"

    def came(self, source: Source, size: int, transaction: bytes, now: Seconds) -> Outcome:
        """Take in so many bytes that are no check and came from a known address before any has answered."""
        path, outcome = self.paths[source.raw], Outcome()
        path.received += size
        self._ask(path, self.credentials, transaction, now, outcome)
        return outcome

    def _settle(self, path: Path, credentials: Credentials, outcome: Outcome) -> None:
        """Answer the address's own check, if it pays for that."""
        answer = _answer(path.owed, path.source, credentials, path.received - path.sent - 1)
        if answer:
            path.owed, path.sent = b"", path.sent + len(answer[0])
            outcome.replies += answer

    def _ask(
        self, path: Path, credentials: Credentials, transaction: bytes, now: Seconds,
        outcome: Outcome,
    ) -> None:  # fmt: skip
        """Ask an address to answer, if it pays for that."""
        if now - path.asked_at > CHECK_LIVES_S or path.credentials is not credentials:
            path.transaction, path.credentials = transaction, credentials
        name = f"{credentials.remote_ufrag}:{credentials.ufrag}"
        check = write_check(path.transaction, name, self.tie_breaker, credentials.remote_password)
        if now - self._checked_at >= CHECK_EVERY_S and path.sent + len(check) < path.received:
            path.sent += len(check)
            path.asked_at = self._checked_at = now
            outcome.event = "checks_sent"
            outcome.replies += (check,)

    def answer(self, datagram: bytes, binding: Binding, source: Source, now: Seconds) -> Outcome:
        """Take in an answer to a check of ours: from now on the peer is sent to where it came from."""
        path = self.paths.get(source.raw)
        credentials = path.credentials if path else None
        if path is None or credentials is None or binding.transaction != path.transaction:
            return Outcome("drop_stun_other")
        if now - path.asked_at > CHECK_LIVES_S or path is self.selected:
            return Outcome("drop_stun_other")
        if not is_authentic(datagram, binding, credentials.remote_password):
            return Outcome("drop_stun_integrity")
        self.heard_at = now
        before = self.selected
        if before is not None:
            before.received = before.sent = 0
        for other in self.paths.values():  # what was asked before a move proves nothing after it
            other.transaction, other.credentials = b"", None
        self._checked_at = Seconds(float("-inf"))  # the rate is for questions that nobody answers
        self.selected = path
        owed, path.owed = path.owed, b""
        replies = _answer(owed, source, credentials, len(datagram)) if owed else ()
        return Outcome("moved", replies) if before is not None else Outcome("proved", replies)

    def lose(self, raw: bytes) -> None:
        """Give an address up: another peer has it now."""
        path = self.paths.pop(raw, None)
        if path is not None and path is self.selected:
            self.selected = None

    def _make_room(self) -> Path | None:
        if len(self.paths) < MAX_PATHS:
            return None
        idle = (path for path in self.paths.values() if path is not self.selected)
        oldest = min(idle, key=lambda path: path.heard_at)
        del self.paths[oldest.source.raw]
        return oldest


def _answer(
    transaction: bytes, source: Source, credentials: Credentials, at_most: int
) -> tuple[bytes, ...]:
    answer = write_answer(
        transaction, source.family, source.port, source.address, credentials.password, at_most
    )
    return (answer,) if answer else ()
