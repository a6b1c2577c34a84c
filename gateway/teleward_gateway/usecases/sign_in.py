"""Sign staff in and out by the issuers of their organisation."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping

import structlog
from teleward_contract.projections import Issuer, OrganisationProjection, TeamMember
from teleward_contract.units import Namespace

from teleward_gateway.core.staff import (
    Person,
    StaffSession,
    is_meant,
    read_claims,
    return_path,
)
from teleward_gateway.core.tickets import Attempt
from teleward_gateway.errors import Fault, SignInError, not_found
from teleward_gateway.ports.sign_in import Client, IdentityProviders, Proof, Sessions
from teleward_gateway.usecases.clinics import Clinics, Found

ATTEMPT_S = 600
"""How long a sign-in that was begun may take, in seconds. Ours: time to find a second factor, not to leave a desk."""
SECRET_BYTES = 32
"""Length of state, nonce and PKCE verifier: 256 random bits (RFC 7636 §7.1)."""

log = structlog.get_logger()


def callback_path(namespace: str, issuer: str) -> str:
    """Where an issuer sends browsers back to; one for each, which is the defence of RFC 9700 §4.4.2 against mix-up."""
    return f"/sign-in/at/{namespace}/{issuer}/callback"


class SigningIn:
    """Sign-in and sign-out at issuers. Where there is no such sign-in no issuer is known."""

    def __init__(
        self,
        providers: IdentityProviders,
        sessions: Sessions,
        clinics: Clinics,
        public_url: str,
        *,
        is_on: bool,
        wallclock: Callable[[], float] = time.time,
    ) -> None:
        self._providers = providers
        self._sessions = sessions
        self._clinics = clinics
        self._public_url = public_url
        self._is_on = is_on
        self._wallclock = wallclock

    async def begin(
        self, namespace: str, issuer: str, return_to: str, *, anew: bool
    ) -> tuple[str, Attempt]:
        """Begin to sign in: where the browser goes, and what it keeps.

        Raises:
            RefusedError: 404 for an issuer that is not declared, 503.
            SignInError: The provider does not answer, or is not what was declared.
        """
        client = await self._client(namespace, issuer)
        state, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(3))
        attempt = Attempt(
            expires=int(self._wallclock()) + ATTEMPT_S, namespace=client.namespace, issuer=issuer,
            state=state, nonce=nonce, verifier=verifier, return_to=return_path(return_to),
        )  # fmt: skip
        return await self._providers.authorize(client, attempt, anew=anew), attempt

    async def finish(
        self, attempt: Attempt | None, namespace: str, issuer: str, answer: Mapping[str, str]
    ) -> StaffSession:
        """Take in what the browser brought back from an issuer: who it is, if they are of the organisation.

        Raises:
            RefusedError: 404 for an issuer that is not declared, 503.
            SignInError: Nobody is signed in.
        """
        client = await self._client(namespace, issuer)
        if attempt is None or (attempt.namespace, attempt.issuer) != (namespace, issuer):
            raise SignInError(Fault.EXPIRED, "no attempt of this browser at this issuer")
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInError(Fault.EXPIRED, "another state than this browser's")
        proof = await self._providers.redeem(client, attempt, answer)
        person = read_claims(proof.claims, client.issuer)
        if isinstance(person, Fault):
            raise SignInError(person)
        return await self._member(client, person, proof)

    async def sign_out_page(self, session: StaffSession) -> str | None:
        """Where the browser goes to end the provider's session too; None where there is no such page."""
        if session.namespace is None:
            return None
        client = await self._client(session.namespace, session.issuer)
        return await self._providers.sign_out_page(client, f"{self._public_url}/sign-in")

    async def obey(self, namespace: str, issuer: str, token: str) -> None:
        """Carry out a provider's order to end sessions, in every organisation with the same client.

        Raises:
            RefusedError: 404 for an issuer that is not declared, 503.
            SignInError: The order does not hold, or was carried out before.
            RoutingUnavailableError: It was not carried out.
        """
        client = await self._client(namespace, issuer)
        order = await self._providers.sign_out_order(client, token)
        kind, value = ("sub", order.sub or "") if order.sid is None else ("sid", order.sid)
        ended = await self._sessions.end_tied(
            _tie(client.issuer, kind, value), _tie(client.issuer, "jti", order.jti)
        )
        if ended is None:
            raise SignInError(Fault.REFUSED, "the logout token was used before")
        log.info("sessions.ended", namespace=namespace, name_of_object=issuer, count=ended)

    async def _client(self, namespace: str, issuer: str) -> Client:
        organisation = (await self._clinics.organisations()).get(Namespace(namespace))
        for one in organisation.issuers if organisation and self._is_on else ():
            if one.name == issuer:
                back = f"{self._public_url}{callback_path(namespace, issuer)}"
                return Client(Namespace(namespace), one, back)
        raise not_found()

    async def _member(self, client: Client, person: Person, proof: Proof) -> StaffSession:
        ties = [_tie(client.issuer, "sub", proof.sub)]
        if proof.sid is not None:
            ties.append(_tie(client.issuer, "sid", proof.sid))
        session = StaffSession(
            user=person.user, display_name=person.name, namespace=client.namespace,
            issuer=client.issuer.name, issuer_url=client.issuer.url, groups=person.groups,
            ties=tuple(ties),
        )  # fmt: skip
        found = [
            one for one in await self._clinics.every() if one[0].namespace == client.namespace
        ]
        entries = [entry for entry in _entries(found) if is_meant(entry, session)]
        if not entries:
            fault = Fault.TOO_MANY_GROUPS if person.lacks_groups else Fault.NOT_A_MEMBER
            raise SignInError(fault)
        if person.lacks_groups:
            log.warning(
                "groups.omitted", namespace=client.namespace, name_of_object=client.issuer.name
            )
        names = [one.display_name for one in entries if one.user is not None and one.display_name]
        return session.model_copy(update={"display_name": (names or [person.name])[0]})


def _entries(found: list[Found]) -> list[TeamMember]:
    """Everybody whom the teams of an organisation name."""
    above: list[OrganisationProjection] = [one for _, one in found[:1] if one is not None]
    teams = [clinic.team for clinic, _ in found] + [one.team for one in above]
    return [entry for team in teams for entry in team]


def _tie(issuer: Issuer, kind: str, value: str) -> str:
    """An opaque name for what a provider calls a person, a session or an order."""
    words = "\0".join((issuer.url, issuer.client_id, kind, value))
    return hashlib.sha256(words.encode(errors="replace")).hexdigest()
