"""One peer as ICE-lite sees it: who it says it is, where it was heard, and where it is sent to.

We answer checks. We ask, too, in one case: when a peer wants to be sent to at another address, that address must
first answer a check of ours. Who only knows a peer's password cannot turn its media onto somebody else. The first
address needs no such question, since DTLS asks it; until DTLS has ended it is sent little (`Path.may_send`). An
address that a client merely names, as a candidate, is never sent anything.

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
"""An answer that comes later proves nothing; nor does one to a question that was asked before the last move."""
FIRST_FLIGHT_BYTES = 1200
"""Sent to a first address at once: our DTLS flight is 780 bytes (aiortc 1.16, P-256), measured."""
UNPROVED_FACTOR, UNPROVED_MOST_BYTES = 3, 16_384
"""And then three times what came from it (RFC 9000 §8.1), but no more than twenty of our flights in all."""


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
    is_proved: bool = False
    """Whoever we send to there answers."""
    received: int = 0
    sent: int = 0
    """Bytes, while it is not proved."""
    transaction: bytes = b""
    """Of the check that waits for its answer."""
    asked_at: Seconds = Seconds(float("-inf"))
    owed: bytes = b""
    """Transaction of the peer's own check, answered when the path is proved."""
    credentials: Credentials | None = None

    def may_send(self, size: int) -> bool:
        """Whether so many bytes may go there now; counts them."""
        if self.is_proved:
            return True
        allowed = min(UNPROVED_MOST_BYTES, FIRST_FLIGHT_BYTES + UNPROVED_FACTOR * self.received)
        if self.sent + size > allowed:
            return False
        self.sent += size
        return True


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
    is_established: bool = False
    """DTLS has ended: media flows, and goes to no address that has not answered."""
    fresh: Credentials | None = None
    """Those of a restart, until the first check that uses them."""
    paths: dict[bytes, Path] = field(default_factory=dict)
    selected: Path | None = None
    """Where the peer is sent to."""
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
        path, size = self.paths.get(source.raw), len(datagram)
        if path is None and not is_free:
            return Outcome("drop_taken_address")
        if path is not None and not path.is_proved:
            path.received += size
        is_first = self.selected is None and not self.is_established
        if not is_first and binding.nominates and (path is None or path is not self.selected):
            return self._ask(path, size, binding, source, credentials, transaction, now)
        learned = None
        if is_first:
            path = learned = self.selected = self.paths[source.raw] = Path(source, received=size)
        return Outcome("", _answer(binding.transaction, source, credentials, size), learned)

    def established(self) -> None:
        """Note that DTLS has ended: whoever we sent to has answered with what only its receiver knows."""
        self.is_established = True
        if self.selected is not None:
            self.selected.is_proved = True

    def _ask(
        self, path: Path | None, size: int, binding: Binding, source: Source,
        credentials: Credentials, transaction: bytes, now: Seconds,
    ) -> Outcome:  # fmt: skip
        """Ask an address to answer before the peer moves there: never more bytes than came from it."""
        outcome = Outcome("checks_sent")
        if path is None:
            outcome.forgotten = self._make_room()
            path = outcome.learned = self.paths[source.raw] = Path(source, received=size)
        path.owed = binding.transaction
        if now - path.asked_at > CHECK_LIVES_S or path.credentials is not credentials:
            path.transaction, path.credentials = transaction, credentials
        name = f"{credentials.remote_ufrag}:{credentials.ufrag}"
        check = write_check(path.transaction, name, self.tie_breaker, credentials.remote_password)
        if now - self._checked_at < CHECK_EVERY_S or path.sent + len(check) > path.received:
            outcome.event = "drop_check_rate"
            return outcome
        path.sent += len(check)
        path.asked_at = self._checked_at = now
        outcome.replies = (check,)
        return outcome

    def answer(self, datagram: bytes, binding: Binding, source: Source, now: Seconds) -> Outcome:
        """Take in an answer to a check of ours: the peer moves to where it came from."""
        path = self.paths.get(source.raw)
        credentials = path.credentials if path else None
        if path is None or credentials is None or binding.transaction != path.transaction:
            return Outcome("drop_stun_other")
        if now - path.asked_at > CHECK_LIVES_S or path is self.selected:
            return Outcome("drop_stun_other")
        if not is_authentic(datagram, binding, credentials.remote_password):
            return Outcome("drop_stun_integrity")
        self.heard_at = now
        if self.selected is not None:
            self.selected.is_proved = False
            self.selected.received = self.selected.sent = 0
        path.is_proved, path.transaction, path.credentials = True, b"", None
        self.selected = path
        return Outcome("moved", _answer(path.owed, source, credentials, len(datagram)))

    def lose(self, raw: bytes) -> None:
        """Give an address up: another peer has it now."""
        path = self.paths.pop(raw, None)
        if path is not None and path is self.selected:
            self.selected = None

    def _make_room(self) -> Path | None:
        if len(self.paths) < MAX_PATHS:
            return None
        oldest = next(path for path in self.paths.values() if path is not self.selected)
        del self.paths[oldest.source.raw]
        return oldest


def _answer(
    transaction: bytes, source: Source, credentials: Credentials, at_most: int
) -> tuple[bytes, ...]:
    answer = write_answer(
        transaction, source.family, source.port, source.address, credentials.password, at_most
    )
    return (answer,) if answer else ()
