"""Who a signed-in member of staff is: from an issuer's claims to a person, and whether a team means that person.

What issuers say is hostile until read here: of any type, of any length, and about anybody.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from teleward_contract.placements import Record
from teleward_contract.projections import Issuer, OrganisationProjection, TeamMember
from teleward_contract.units import Namespace

from teleward_gateway.errors import Fault

MAX_VALUE = 320
"""Longest user or group in characters, as in the definitions; a longer one is in no team."""
MAX_GROUPS = 1000
"""Most groups of one person. Ours: five times what Entra ID puts into a token (200)."""
MAX_NAME = 120
"""Longest display name in characters, as in the definitions."""
_EMAIL = "email"


class StaffSession(Record):
    """Who is signed in, as an issuer proved it. What they may do is judged anew at each door."""

    user: str
    display_name: str
    namespace: Namespace | None = None
    """The organisation whose issuer proved it, the only one in which it counts; None: in each."""
    issuer: str = ""
    """Name of the issuer; empty for the development sign-in, which stands for any."""
    issuer_url: str = ""
    groups: tuple[str, ...] = ()
    ties: tuple[str, ...] = ()
    """Opaque names under which a provider's sign-out finds the session."""

    @property
    def identity(self) -> str:
        """See `identity`."""
        return identity(self.user, self.issuer)


_AT = "\n"


def identity(user: str, issuer: str) -> str:
    """Name a person within an organisation: two issuers may know two people by one user.

    Without an issuer it is the user alone, at whichever issuer. Neither users nor names of issuers have line breaks.
    """
    return f"{user}{_AT}{issuer}" if issuer else user


def read_identity(named: str) -> tuple[str, str]:
    """User and issuer of an identity."""
    user, at, issuer = named.rpartition(_AT)
    return (user, issuer) if at else (named, "")


def is_named(named: str, who: StaffSession) -> bool:
    """Whether an identity is this person's."""
    user, issuer = read_identity(named)
    is_issuer = not (issuer and who.issuer) or issuer == who.issuer
    return is_issuer and fold_user(user) == fold_user(who.user)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the claims tell."""

    user: str
    name: str
    groups: tuple[str, ...]
    lacks_groups: bool
    """The provider left the groups out, because there are too many for a token."""


def read_claims(claims: Mapping[str, object], issuer: Issuer) -> Person | Fault:
    """Read user, name and groups as the issuer's declaration says; e-mail addresses must be verified."""
    user = _find(claims, issuer.user_claim)
    user = user.strip() if isinstance(user, str) and len(user) <= MAX_VALUE else ""
    if not user or _AT in user:
        return Fault.NO_USER
    if issuer.user_claim == _EMAIL and not _is_yes(claims.get("email_verified")):
        return Fault.EMAIL_UNVERIFIED
    groups = _texts(_find(claims, issuer.groups_claim))
    lacks = len(groups) > MAX_GROUPS or _is_overage(claims, issuer.groups_claim)
    name = _printable(claims.get("name")) or _printable(claims.get("preferred_username")) or user
    return Person(fold_user(user), name[:MAX_NAME], () if lacks else tuple(groups), lacks)


def _find(claims: Mapping[str, object], path: str) -> object:
    """A claim by its name, or by the path of its name through nested objects (`realm_access.roles`)."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _texts(value: object) -> list[str]:
    """The texts of a list, or the one text, in order and each once."""
    listed = value if isinstance(value, list) else [value]
    texts = (
        fold_group(one) for one in listed if isinstance(one, str) and 0 < len(one) <= MAX_VALUE
    )
    return list(dict.fromkeys(texts))


def _is_overage(claims: Mapping[str, object], groups_claim: str) -> bool:
    """Whether the groups are somewhere else (OpenID Connect Core §5.6.2; Entra ID's groups overage)."""
    elsewhere = claims.get("_claim_names")
    is_elsewhere = isinstance(elsewhere, Mapping) and groups_claim in elsewhere
    return is_elsewhere or _is_yes(claims.get("hasgroups"))


def _is_yes(value: object) -> bool:
    """Some providers write a word."""
    return value is True or value == "true"


def _printable(value: object) -> str:
    if not isinstance(value, str):
        return ""
    kept = (c for c in value[: 4 * MAX_NAME] if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return "".join(kept).strip()


def fold_user(value: str) -> str:
    """One spelling of a user: addresses without regard to case."""
    return value.casefold() if "@" in value else value


def fold_group(value: str) -> str:
    """One spelling of a group: Keycloak writes the path of a group with a slash before it, people often do not."""
    return value.removeprefix("/")


def is_meant(member: TeamMember, who: StaffSession) -> bool:
    """Whether an entry of a team means this person."""
    if who.issuer and member.issuer not in ("", who.issuer):
        return False
    if member.group is not None:
        return fold_group(member.group) in who.groups
    return member.user is not None and fold_user(member.user) == fold_user(who.user)


def is_owner(owner: str | None, owner_issuer: str, who: StaffSession) -> bool:
    """Whether a user room is this person's."""
    if owner is None or (who.issuer and owner_issuer not in ("", who.issuer)):
        return False
    return fold_user(owner) == fold_user(who.user)


def counts_in(
    who: StaffSession, organisation: OrganisationProjection | None, at: Namespace
) -> bool:
    """Whether the session counts in the organisation of a namespace, which still names its issuer."""
    if who.namespace is None:
        return True
    issuers = organisation.issuers if organisation else ()
    return who.namespace == at and any(
        (one.name, one.url) == (who.issuer, who.issuer_url) for one in issuers
    )


STAFF_PAGES = "/staff"
MAX_PATH = 600
"""Longest path to return to in characters: two names of Kubernetes objects (253 each) and a visit's id."""
_PATH = re.compile(rf"{STAFF_PAGES}(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def return_path(wanted: str) -> str:
    """Where to go after signing in: the wanted path if it is one of the staff pages, else the first of them.

    Nothing but plain segments passes: no host, no scheme, no query, nothing encoded, no way up.
    """
    is_ours = len(wanted) <= MAX_PATH and _PATH.fullmatch(wanted) is not None
    return wanted if is_ours else STAFF_PAGES
