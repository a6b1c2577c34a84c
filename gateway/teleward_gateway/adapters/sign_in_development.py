"""Sign-in on one machine: choose who to be, among the people of the projected teams."""

import hmac
from collections.abc import Awaitable, Callable, Iterable

from teleward_contract.projections import ClinicProjection, OrganisationProjection

from teleward_gateway.core.staff import StaffSession, fold_user
from teleward_gateway.errors import RefusedError, not_found
from teleward_gateway.ports.sign_in import Account, Offer

Found = tuple[ClinicProjection, OrganisationProjection | None]


class NoSignIn:
    """See `SignIn`: nobody can sign in here."""

    async def offer(self) -> Offer:
        """See `SignIn`."""
        return Offer("none")

    async def prove(self, user: str, secret: str) -> StaffSession:
        """See `SignIn`."""
        raise not_found()


class DevelopmentSignIn:
    """See `SignIn`; with a secret, whoever knows it may be anybody."""

    def __init__(self, clinics: Callable[[], Awaitable[Iterable[Found]]], secret: str) -> None:
        self._clinics = clinics
        self._secret = secret

    async def offer(self) -> Offer:
        """See `SignIn`."""
        names: dict[str, str] = {}
        roles: dict[str, list[tuple[str, str]]] = {}
        for clinic, organisation in await self._clinics():
            for member in (*clinic.team, *(organisation.team if organisation else ())):
                if member.user is None:
                    continue
                names.setdefault(member.user, member.display_name or member.user)
                role = (f"{clinic.namespace}/{clinic.name}", member.role.value)
                roles.setdefault(member.user, []).append(role)
        accounts = (Account(user, names[user], tuple(roles[user])) for user in sorted(names))
        return Offer("development", tuple(accounts), bool(self._secret))

    async def prove(self, user: str, secret: str) -> StaffSession:
        """See `SignIn`."""
        accounts = {account.user: account for account in (await self.offer()).accounts}
        is_right = hmac.compare_digest(secret.encode(), self._secret.encode())
        if not is_right or user not in accounts:
            raise RefusedError(403, "sign_in_refused", "Check the name and the secret.")
        return StaffSession(user=fold_user(user), display_name=accounts[user].display_name)
