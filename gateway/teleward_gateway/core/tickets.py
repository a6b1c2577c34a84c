"""What the sealed cookies say; `adapters/cookies.py` seals and opens them. The staff cookie is no sealed one."""

from teleward_contract.placements import Record
from teleward_contract.units import Namespace

STAFF_COOKIE = "__Host-teleward-staff"
"""Holds the secret name of a staff session and nothing else."""
ATTEMPT_COOKIE = "__Host-teleward-sign-in"
"""Holds the sign-in that this browser has begun at an issuer."""

PASS_COOKIE = "__Host-teleward-door"  # noqa: S105 - a name
"""Holds a random name that tells browsers apart at the door of a clinic, where a hospital is one address."""


def visit_cookie(namespace: str, clinic: str) -> str:
    """Name the cookie of a clinic's ticket: two people at one browser may wait at two clinics."""
    return f"__Host-teleward-visit.{namespace}.{clinic}"


def guest_cookie(namespace: str, clinic: str) -> str:
    """Name the cookie of a clinic's guest; a newer link takes the browser to the newer place."""
    return f"__Host-teleward-guest.{namespace}.{clinic}"


class Sealed(Record):
    """What each says."""

    expires: int
    """Wallclock, s since 1970."""


class Ticket(Sealed):
    """The patient's proof of a place in the queue."""

    visit: str
    namespace: Namespace
    clinic: str
    clinic_uid: str
    arrived_ms: int
    is_transferred: bool = False
    """Whether the visit entered elsewhere, and was asked that clinic's questions."""
    life: str
    """The store's life in which the visit was made: in it, a visit that is not there is over."""


class GuestPass(Sealed):
    """What a guest's browser holds after the link was used; what it is good for, the record of the link says."""

    namespace: Namespace
    clinic: str
    clinic_uid: str
    guest: str
    life: str
    """The store's life in which the link was used: in another one nothing is known of it."""


class Attempt(Sealed):
    """A sign-in that was begun at an issuer; binds the issuer's answer to this browser."""

    namespace: Namespace
    issuer: str
    state: str
    nonce: str
    verifier: str
    """PKCE (RFC 7636)."""
    return_to: str


class Pass(Sealed):
    """Left in a browser by the page of a clinic; says nothing of anybody."""

    name: str
