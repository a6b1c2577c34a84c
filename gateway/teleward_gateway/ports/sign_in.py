"""Who staff are: providers, sessions, and what a browser carries sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from teleward_contract.projections import Issuer
from teleward_contract.units import Namespace

from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.tickets import Attempt, GuestPass, Pass, Ticket


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in, and what they are: (`namespace/clinic`, role)."""

    user: str
    display_name: str
    roles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Issuers:
    """An organisation, and the names of its issuers."""

    namespace: Namespace
    display_name: str
    issuers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """How staff can sign in here."""

    mode: str
    accounts: tuple[Account, ...] = ()
    secret_required: bool = False
    organisations: tuple[Issuers, ...] = ()


class SignIn(Protocol):
    """How staff prove who they are."""

    async def offer(self) -> Offer:
        """Tell what the sign-in page shows."""
        ...

    async def prove(self, user: str, secret: str) -> StaffSession:
        """Sign in by a name. Raises RefusedError: 403, or 404 where there is no such sign-in."""
        ...


@dataclass(frozen=True, slots=True)
class Client:
    """This gateway as an issuer of an organisation knows it."""

    namespace: Namespace
    issuer: Issuer
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What an issuer proved of somebody: the claims, `sub` among them, and its own session's id if it told one."""

    claims: Mapping[str, object]
    sub: str
    sid: str | None


@dataclass(frozen=True, slots=True)
class SignOut:
    """A provider's order to end sessions: one by `sid`, or all of a `sub`."""

    jti: str
    sub: str | None
    sid: str | None


class IdentityProviders(Protocol):
    """OpenID Connect providers, each bounded in time and size.

    Raises (every method): SignInError.
    """

    async def authorize(self, client: Client, attempt: Attempt, *, anew: bool) -> str:
        """Where the browser goes to sign in; `anew`: the person shall choose an account."""
        ...

    async def redeem(self, client: Client, attempt: Attempt, answer: Mapping[str, str]) -> Proof:
        """Check the answer that the browser brought, and exchange its code for claims that hold."""
        ...

    async def sign_out_page(self, client: Client, back_to: str) -> str | None:
        """Where the browser goes to end the provider's own session; None where there is no such page."""
        ...

    async def sign_out_order(self, client: Client, token: str) -> SignOut:
        """Check a logout token (OpenID Connect Back-Channel Logout §2.6)."""
        ...


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it stands."""

    session: StaffSession
    until_ms: int
    """Store clock: it ends then, however much it is used."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into the store found."""

    life: str
    """The store's present life: another after it was emptied."""
    stored: StoredSession | None


class Sessions(Protocol):
    """Sessions of staff; every implementation passes `tests/contract/test_gateway_sessions.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def begin(self, name: str, session: StaffSession, until_ms: int | None = None) -> Look:
        """Store a session, which ends after the lifetime or at `until_ms`, and when it is idle for too long."""
        ...

    async def find(self, name: str) -> Look:
        """Look a session up; that counts as use."""
        ...

    async def end(self, name: str) -> None:
        """Remove a session (idempotent)."""
        ...

    async def end_tied(self, tie: str, order: str) -> int | None:
        """Remove every session with this tie: how many; None when `order` was carried out before (atomic)."""
        ...


class Seals(Protocol):
    """Seals and opens the cookies; what does not open is no cookie."""

    def seal(self, name: str, value: Ticket | Attempt | GuestPass | Pass) -> str:
        """Seal a cookie's value."""
        ...

    def ticket(self, cookies: dict[str, str], namespace: str, clinic: str) -> Ticket | None:
        """Open a clinic's visit cookie; None when there is none, it is foreign, or it has expired."""
        ...

    def guest(self, cookies: dict[str, str], namespace: str, clinic: str) -> GuestPass | None:
        """Open a clinic's guest cookie; None as for `ticket`."""
        ...

    def attempt(self, cookies: dict[str, str]) -> Attempt | None:
        """Open the cookie of a sign-in that was begun; None as for `ticket`."""
        ...

    def door_pass(self, cookies: dict[str, str]) -> Pass | None:
        """Open the pass that a clinic's page has left; None as for `ticket`."""
        ...
