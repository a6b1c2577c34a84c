"""Sign-in at the issuers that organisations declare."""

from collections.abc import Awaitable, Callable, Mapping

from teleward_contract.projections import OrganisationProjection
from teleward_contract.units import Namespace

from teleward_gateway.core.staff import StaffSession
from teleward_gateway.errors import not_found
from teleward_gateway.ports.sign_in import Issuers, Offer

Organisations = Mapping[Namespace, OrganisationProjection]


class IssuerSignIn:
    """See `SignIn`: organisations with their issuers; a name alone proves nothing."""

    def __init__(self, organisations: Callable[[], Awaitable[Organisations]]) -> None:
        self._organisations = organisations

    async def offer(self) -> Offer:
        """See `SignIn`."""
        listed = (
            Issuers(one.namespace, one.display_name, tuple(issuer.name for issuer in one.issuers))
            for one in (await self._organisations()).values()
            if one.issuers
        )
        return Offer(
            "issuers", organisations=tuple(sorted(listed, key=lambda one: one.display_name))
        )

    async def prove(self, user: str, secret: str) -> StaffSession:
        """See `SignIn`."""
        raise not_found()
