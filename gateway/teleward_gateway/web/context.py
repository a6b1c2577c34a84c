"""What every route needs, put together by `main`; and the checks that stand in front of all of them."""

import hashlib
import hmac
from collections import Counter as Tally
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import HTTPConnection
from teleward_contract.projections import Role
from teleward_contract.units import ParticipantId

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.errors import RefusedError
from teleward_gateway.ports import Visits
from teleward_gateway.usecases.carry_call import CallCarrier
from teleward_gateway.usecases.clinics import Clinics, Found
from teleward_gateway.usecases.consult import Consulting, not_found
from teleward_gateway.usecases.watch_clinics import ClinicWatches
from teleward_gateway.web.cookies import Sealer, StaffSession


@dataclass(frozen=True, slots=True)
class SignIn:
    """The development sign-in: who may, and the secret if there is one. Off when not enabled."""

    enabled: bool
    secret: str = ""


@dataclass(slots=True)
class Context:
    """The parts behind the routes."""

    public_url: str
    static: Path
    sealer: Sealer
    sign_in: SignIn
    clinics: Clinics
    visits: Visits
    consulting: Consulting
    carrier: CallCarrier
    watches: ClinicWatches
    participant_key: bytes
    in_rooms: Tally[str] = field(default_factory=Tally)
    """Call sockets of this process per room uid."""

    def participant(self, call: str, subject: str) -> ParticipantId:
        """Name a person in one call: the same at each reconnect, telling nothing."""
        digest = hmac.new(self.participant_key, f"{call}\0{subject}".encode(), hashlib.sha256)
        return ParticipantId(digest.hexdigest()[:24])

    def has_right_origin(self, connection: HTTPConnection) -> bool:
        """Whether the request comes from our own pages: exact match, `null` and none refused."""
        return connection.headers.get("origin") == self.public_url

    def staff(self, connection: HTTPConnection) -> StaffSession:
        """Who is signed in; raises RefusedError 401."""
        session = self.sealer.staff(connection.cookies)
        if session is None:
            raise RefusedError(401, "sign_in", "Sign in first.")
        return session

    async def admit(
        self, connection: HTTPConnection, namespace: str, clinic: str, action: Action
    ) -> tuple[StaffSession, Found, frozenset[Role]]:
        """Admit a member of staff to an action in a clinic.

        Raises:
            RefusedError: 401 when nobody is signed in, 404 when it is not permitted or not there.
        """
        session = self.staff(connection)
        try:
            found = await self.clinics.get(namespace, clinic)
        except RefusedError as err:
            raise (not_found() if err.status == 404 else err) from None
        roles = admission.roles_of(session.user, *found)
        if not admission.is_permitted(roles, action):
            raise not_found()
        return session, found, roles
