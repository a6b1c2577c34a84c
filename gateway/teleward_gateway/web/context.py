"""What every route needs, put together by `main`; and the one check that stands in front of every door."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Response
from starlette.requests import HTTPConnection
from teleward_contract.projections import RoomProjection

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.door import DoorState, door_state
from teleward_gateway.core.participants import Participants
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.core.team import colleagues
from teleward_gateway.core.tickets import STAFF_COOKIE
from teleward_gateway.errors import RefusedError, not_found, one_moment
from teleward_gateway.ports.alerts import AtWork
from teleward_gateway.ports.books import Audit, Reports
from teleward_gateway.ports.calls import Qualities
from teleward_gateway.ports.doors import Meter
from teleward_gateway.ports.sign_in import Seals, SignIn
from teleward_gateway.ports.visits import Presence, Visits
from teleward_gateway.usecases.carry_call import CallCarrier
from teleward_gateway.usecases.clinics import Clinics, Found
from teleward_gateway.usecases.consult import Consulting
from teleward_gateway.usecases.follow_guest import GuestFollower
from teleward_gateway.usecases.follow_visit import VisitFollower
from teleward_gateway.usecases.host_guests import Hosting
from teleward_gateway.usecases.keep_books import Auditing
from teleward_gateway.usecases.limit_doors import DoorLimits
from teleward_gateway.usecases.place_calls import Calls
from teleward_gateway.usecases.sign_in import SigningIn
from teleward_gateway.usecases.staff_sessions import StaffSessions
from teleward_gateway.usecases.tell_arrivals import Arrivals
from teleward_gateway.usecases.watch_clinics import ClinicWatches
from teleward_gateway.usecases.write_to_patients import Writing

SIGNED_IN_STILL_S = 10.0
"""A dashboard whose person was signed out is open for so long at most. Ours: one read of Redis for each, this often."""


@dataclass(frozen=True, slots=True)
class Context:
    """The parts behind the routes."""

    public_url: str
    """Without a slash at its end."""
    static: Path
    seals: Seals
    sign_in: SignIn
    signing_in: SigningIn
    sessions: StaffSessions
    session_lifetime_s: int
    session_idle_s: int
    clinics: Clinics
    visits: Visits
    presence: Presence
    at_work: AtWork
    qualities: Qualities
    consulting: Consulting
    writing: Writing
    follower: VisitFollower
    carrier: CallCarrier
    watches: ClinicWatches
    arrivals: Arrivals
    meter: Meter
    limits: DoorLimits
    connects: Callable[[str], float]
    """Counts a socket or stream of an address, in this process alone; how many seconds to wait, 0 for none."""
    trusts_proxies: bool
    """Whether there is any whose word on addresses is believed."""
    auditing: Auditing
    audit: Audit
    reports: Reports
    reports_least: int
    people: Participants
    hosting: Hosting
    guest_follower: GuestFollower
    calls: Calls

    @property
    def use_every_s(self) -> float:
        """How often an open dashboard or call looks whether its person is still signed in, which is use."""
        return min(SIGNED_IN_STILL_S, self.session_idle_s / 3)

    async def colleagues(self, found: Found, action: Action) -> dict[str, str]:
        """Everybody who may do this in a clinic, as far as they are named or at work: identity → name.

        Raises:
            RoutingUnavailableError: Who is at work cannot be known.
        """
        clinic = found[0]
        return colleagues(action, *found, await self.at_work.lately(clinic.namespace, clinic.uid))

    @property
    def origin(self) -> str:
        """The only Origin that is accepted (RFC 6454): compared exactly, so `null` and look-alikes are not it."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    async def staff(self, connection: HTTPConnection) -> StaffSession:
        """Who is signed in, now; raises RefusedError 401, 503."""
        session = await self.sessions.find(connection.cookies.get(STAFF_COOKIE, ""))
        if session is None:
            raise RefusedError(401, "sign_in", "Sign in first.")
        return session

    async def admit(
        self, connection: HTTPConnection, namespace: str, clinic: str, action: Action
    ) -> tuple[StaffSession, Found]:
        """Admit whoever is signed in to an action in a clinic.

        Raises:
            RefusedError: 401 when nobody is signed in, 404 when it is not permitted or not there, 503.
        """
        session = await self.staff(connection)
        found = await self.clinic(namespace, clinic)
        self.check(session, found, action)
        return session, found

    def check(
        self, who: StaffSession, found: Found, action: Action, room: RoomProjection | None = None
    ) -> None:
        """Refuse (404) what `who` may not do in a clinic, or in one of its rooms, and have that recorded."""
        try:
            check(who, found, action, room)
        except RefusedError:
            self.auditing.refused(found, action, who.user)
            raise

    async def door(self, found: Found) -> DoorState:
        """What the door of a clinic says now; raises RefusedError 503 while that cannot be known."""
        view = await self.watches.look(found[0].namespace, found[0].name)
        if not view.is_available:
            raise one_moment()
        return door_state(found[0], view.waiting, datetime.now(UTC))

    async def clinic(self, namespace: str, clinic: str) -> Found:
        """A clinic as staff may hear of it: unknown and forbidden look alike. Raises RefusedError 404, 503."""
        try:
            return await self.clinics.get(namespace, clinic)
        except RefusedError as err:
            raise (err if err.is_temporary else not_found()) from None


def check(
    who: StaffSession, found: Found, action: Action, room: RoomProjection | None = None
) -> None:
    """Refuse (404) what `who` may not do in a clinic, or in one of its rooms."""
    standings = admission.standings_of(who, *found, room)
    if not admission.is_permitted(standings, action):
        raise not_found()


async def parts_of(connection: HTTPConnection) -> Context:
    """The parts behind the routes; asynchronous, or each request would wait for a thread."""
    parts: Context = connection.app.state.context
    return parts


Parts = Annotated[Context, Depends(parts_of)]


def host_of(connection: HTTPConnection) -> str:
    """The address that somebody comes from, as far as trusted proxies tell."""
    return connection.client.host if connection.client else ""


def set_cookie(response: Response, name: str, value: str, max_age_s: int) -> None:
    """Set a `__Host-` cookie (RFC 6265bis §4.1.3.2); an age of 0 takes it away."""
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="lax"
    )
