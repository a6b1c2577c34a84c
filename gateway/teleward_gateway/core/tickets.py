"""What the two sealed cookies say; `adapters/cookies.py` seals and opens them."""

from teleward_contract.placements import Record
from teleward_contract.units import Namespace

STAFF_COOKIE = "__Host-teleward-staff"


def visit_cookie(namespace: str, clinic: str) -> str:
    """Name the cookie of a clinic's ticket: two people at one browser may wait at two clinics."""
    return f"__Host-teleward-visit.{namespace}.{clinic}"


class Sealed(Record):
    """What both say."""

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


class StaffSession(Sealed):
    """Who is signed in."""

    user: str
    display_name: str
