"""What a cookie says survives sealing, and a newer gateway's additions do no harm."""

from teleward_contract.units import Namespace
from teleward_gateway.core.tickets import STAFF_COOKIE, Ticket, guest_cookie, visit_cookie


def test_a_ticket_reads_back_as_it_was_written_and_ignores_what_it_does_not_know() -> None:
    ticket = Ticket(
        expires=9, visit="v", namespace=Namespace("n"), clinic="c", clinic_uid="u", arrived_ms=1,
        life="l",
    )  # fmt: skip
    newer = ticket.model_dump_json().replace("{", '{"novelty": 1, ', 1)

    assert Ticket.model_validate_json(newer) == ticket


def test_every_cookie_is_bound_to_this_host() -> None:
    """RFC 6265bis §4.1.3.2: `__Host-` needs Secure, Path=/ and no Domain."""
    assert visit_cookie("n", "c").startswith("__Host-")
    assert guest_cookie("n", "c").startswith("__Host-")
    assert STAFF_COOKIE.startswith("__Host-")
