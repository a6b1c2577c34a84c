"""The doors of the gateway's decisions to the outside."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from teleward_contract.placements import Placement
from teleward_contract.projections import Issuer
from teleward_contract.signalling import QualityView
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import CallId, Namespace, ParticipantId

from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.guests import Guest, GuestAction
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.tickets import Attempt, GuestPass, Pass, Ticket
from teleward_gateway.core.visits import (
    NOTHING_CARRIED,
    Carried,
    Personal,
    Visit,
    VisitAction,
    Waiting,
    Words,
)


class Visits(Protocol):
    """Visits, one step each; every implementation passes `tests/contract/test_gateway_visit*.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def life(self) -> str:
        """Name the present life of the store: another name after it was emptied."""
        ...

    async def enter(
        self, visit: Visit, personal: Personal, keep_s: int, at_most: int | None = None
    ) -> Visit:
        """Store a visit unless it is known already; answers what is stored (atomic, idempotent).

        Personal data are those of the last call: a patient who enters again may have corrected them. A visit
        that is over is answered as it is, without personal data. One without a time of arrival arrives now, by the
        store's clock. It is forgotten `keep_s` after it was last heard of.

        Raises:
            QueueFullError: It is new, and `at_most` visits or more of its clinic wait.
        """
        ...

    async def get(self, namespace: Namespace, visit: str) -> Visit | None:
        """Look up a visit; one that is over is remembered for the retention time."""
        ...

    async def personal(self, namespace: Namespace, visit: str) -> Personal | None:
        """What the patient said; None once the visit is over."""
        ...

    async def words(self, namespace: Namespace, visit: str) -> Words | None:
        """What staff wrote to the patient last; of a visit that is over, the words of its refusal alone."""
        ...

    async def change(
        self, namespace: Namespace, visit: str, action: VisitAction, by: str = "",
        carried: Carried = NOTHING_CARRIED,
    ) -> tuple[bool, Visit | None]:  # fmt: skip
        """Take a step atomically, as `core.visits.take` has it: whether it was allowed, and the visit as it is now.

        When the visit is over its personal data is gone with the same step. A visit that is transferred stands in the
        other clinic's queue, at its time of arrival, with the same step; what was written before is gone.

        An adding is not allowed unless the consultation runs still, as `core.visits.takes_in` has it.

        Raises:
            QueueFullError: It is a transfer, and as many visits as may wait there.
        """
        ...

    async def in_call(
        self, namespace: Namespace, clinic_uid: str, call: CallId
    ) -> tuple[Visit, ...]:
        """The visits of a clinic that are in this call: their patients are called, there, or on hold."""
        ...

    async def tell_all(self, namespace: Namespace, clinic_uid: str, words: Words) -> int:
        """Write to every patient of a clinic who may be written to, in one step; answers how many."""
        ...

    async def count_message(self, namespace: Namespace, clinic_uid: str, within_s: int) -> int:
        """Count a message of this clinic; answers how many, with this one, since the first of the last `within_s`."""
        ...


class Queues(Protocol):
    """Who waits where, and which of a patient's waiting sockets counts; same suite, same errors as `Visits`."""

    async def claim(
        self, namespace: Namespace, visit: str, socket: str, keep_s: int
    ) -> Visit | None:
        """Make `socket` the newest waiting socket of the visit, and note that it is there.

        Nothing changes for a visit that is over.
        """
        ...

    async def heard(self, namespace: Namespace, visit: str, socket: str, keep_s: int) -> bool:
        """Note that the waiting page is there; False when `socket` is not the newest any more."""
        ...

    async def report(
        self, namespace: Namespace, visit: str, clinic_uid: str, device: DeviceReport
    ) -> None:
        """Keep what the waiting page found out about its device, with what the patient said.

        Nothing changes for a visit that is over, or is not in this clinic.
        """
        ...

    async def waiting(
        self, namespace: Namespace, clinic_uid: str, stale_after_s: int | None = None
    ) -> tuple[Waiting, ...]:
        """List the visits of a clinic that are not over, in order of arrival.

        Who was not heard of for `stale_after_s`, by the store's clock, is silent; None: nobody is.
        """
        ...

    async def now_ms(self, namespace: Namespace) -> int:
        """Tell the store clock of an organisation, by which its visits arrive and its pages are heard."""
        ...

    async def sweep(self, namespace: Namespace) -> int:
        """Take vanished visits away and count each of them once, however many gateways sweep; answers how many.

        A visit has vanished when it was not heard of for as long as it is kept: nobody finds it from then on.
        """
        ...


class GuestLinks(Protocol):
    """Links for people from outside, and what became of each.

    Every implementation passes `tests/contract/test_gateway_guest_links.py`. Each method is one atomic step. Unknown,
    expired, revoked and used by somebody else are one answer.

    Raises (every method): RoutingUnavailableError.
    """

    async def invite(self, guest: Guest, good_s: int) -> bool:
        """Store a link that is good for so long; False when the clinic has as many as it may."""
        ...

    async def redeem(
        self, namespace: Namespace, clinic_uid: str, guest: str, claim: str,
        changed: Mapping[str, str | int | bool],
    ) -> Guest | None:  # fmt: skip
        """Use a link of this clinic up for whoever holds `claim`, who may ask again; None for everybody else."""
        ...

    async def get(self, namespace: Namespace, guest: str) -> Guest | None:
        """Look a link up."""
        ...

    async def change(
        self, namespace: Namespace, guest: str, action: GuestAction,
        changed: Mapping[str, str | int | bool],
    ) -> tuple[bool, Guest | None]:  # fmt: skip
        """Take a step of `GUEST_TRANSITIONS`: whether it was allowed, and the guest as it is now."""
        ...

    async def revoke(self, namespace: Namespace, clinic_uid: str, guest: str) -> Guest | None:
        """Take a link of this clinic away with all that is known of its guest; answers what it was."""
        ...

    async def claim(self, namespace: Namespace, guest: str, socket: str) -> Guest | None:
        """Make `socket` the guest's newest, and note that it is there."""
        ...

    async def heard(self, namespace: Namespace, guest: str, socket: str) -> bool:
        """Note that the guest's page is there; False when `socket` is not the newest any more."""
        ...

    async def of_clinic(self, namespace: Namespace, clinic_uid: str) -> tuple[Guest, ...]:
        """List the links of a clinic, the oldest first.

        A link whose visit is over, or has gone to another clinic, is taken away by this; who was not heard of for
        `GONE_S` has left, without a name.
        """
        ...


class Presence(Protocol):
    """Who is in which room, as far as call sockets tell; counts across all gateways.

    Every implementation passes `tests/contract/test_gateway_presence.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def seen(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId,
        name: str = "",
    ) -> None:  # fmt: skip
        """Note a participant, and what others see as the name; unless noted again gone after `PRESENT_S`."""
        ...

    async def gone(
        self, namespace: Namespace, clinic_uid: str, room_uid: str, participant: ParticipantId
    ) -> None:
        """Take a participant out at once (idempotent)."""
        ...

    async def present(
        self, namespace: Namespace, clinic_uid: str
    ) -> dict[str, dict[ParticipantId, str]]:
        """Who is in the rooms of a clinic: room uid → participant → name; empty rooms are left out."""
        ...


PRESENT_S = 15
"""How long a participant counts as present after it was noted; call sockets note theirs three times as often."""


class Qualities(Protocol):
    """How the patients of running consultations are heard and seen, as their media nodes told last.

    Every implementation passes `tests/contract/test_gateway_qualities.py`.

    Raises (every method): RoutingUnavailableError.
    """

    async def note(self, namespace: Namespace, visit: str, quality: QualityView) -> None:
        """Note the newest report of a visit; it is forgotten after `QUALITY_S`."""
        ...

    async def newest(self, namespace: Namespace, visits: Iterable[str]) -> dict[str, QualityView]:
        """The reports of these visits: visit → report; those without one are left out."""
        ...


QUALITY_S = 15
"""How long a report counts: three times the interval in which media nodes send them."""


class Hints(Protocol):
    """Changes of visits, heard from all gateways: hints to look again, which may get lost."""

    def listen(self) -> AsyncIterator[str]:
        """Yield the clinic uid of each change, for ever; while the store is away, nothing."""
        ...


class Control(Protocol):
    """An authenticated control socket to a media node; text frames."""

    resumable: bool

    async def send(self, frame: str) -> None:
        """Send one frame. Raises ControlLostError."""
        ...

    def frames(self) -> AsyncIterator[str]:
        """Receive frames until the socket breaks, which raises ControlLostError."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class ControlPorts(Protocol):
    """Opens control sockets."""

    async def open(self, placement: Placement, ticket: MediaTicket) -> Control:
        """Open and authenticate; nonce, media node and boot of `ticket` are filled in.

        Raises:
            ControlLostError: The media node does not answer.
            ControlRefusedError: It refused.
        """
        ...


class BrowserSocket(Protocol):
    """The browser's side of a call socket; text frames."""

    async def send_text(self, text: str) -> None:
        """Send one frame. Raises BrowserGoneError, also for a browser that does not read."""
        ...

    async def receive_text(self) -> str:
        """Receive one frame of legal size.

        Raises:
            BrowserGoneError: There will be no more.
            FrameRefusedError: It is no text, or too large.
        """
        ...


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


class Meter(Protocol):
    """What is counted. Labels are bounded: never a person, a visit or a clinic."""

    def entered(self, outcome: str) -> None:
        """An attempt to enter came to this."""
        ...

    def signed_in(self, outcome: str) -> None:
        """A sign-in came to this."""
        ...

    def called_in(self, outcome: str) -> None:
        """A call-in came to this."""
        ...

    def webhook(self, outcome: str) -> None:
        """A webhook came to this."""
        ...

    def frame_refused(self, code: str) -> None:
        """A browser's frame was refused."""
        ...

    def refused(self, code: str) -> None:
        """A request or a socket was refused."""
        ...

    def moved(self, what: str) -> None:
        """A media node was `suspected`, or a call `replaced`."""
        ...

    def answered(self, route: str, elapsed_s: float) -> None:
        """A request was answered."""
        ...

    def socket(self, kind: str) -> AbstractContextManager[None]:
        """A socket is open for as long as this lasts."""
        ...
