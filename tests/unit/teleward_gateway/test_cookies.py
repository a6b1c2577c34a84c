"""A sealed cookie opens for whoever holds the key; one that was changed, swapped or kept too long is no cookie."""

import base64
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from teleward_contract.units import Namespace
from teleward_gateway.adapters import cookies
from teleward_gateway.adapters.cookies import Sealer
from teleward_gateway.core.tickets import ATTEMPT_COOKIE, Attempt, Ticket, visit_cookie

NOW_S = 1_795_000_000
KEY = bytes(range(32))
SEALER = Sealer(KEY)
TICKET = Ticket(
    expires=NOW_S + 60, visit="visit-1", namespace=Namespace("harbour-health"),
    clinic="cardiology", clinic_uid="uid-1", arrived_ms=NOW_S * 1000, life="life-1",
)  # fmt: skip
ATTEMPT = Attempt(
    expires=NOW_S + 60, namespace=Namespace("harbour-health"), issuer="hospital", state="s",
    nonce="n", verifier="v", return_to="/staff/ünal-🙂",
)  # fmt: skip
CLINIC = ("harbour-health", "cardiology")
VISIT_COOKIE = visit_cookie(*CLINIC)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(autouse=True)
def wallclock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(s=float(NOW_S))
    monkeypatch.setattr(cookies, "time", SimpleNamespace(time=lambda: clock.s))
    return clock


def raw(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def opened(value: str) -> Ticket | None:
    return SEALER.ticket({VISIT_COOKIE: value}, *CLINIC)


def sealed_by_hand(document: bytes, name: str = VISIT_COOKIE) -> str:
    nonce = bytes(12)
    return text(nonce + AESGCM(KEY).encrypt(nonce, document, name.encode()))


def test_a_ticket_comes_back_as_it_was_sealed() -> None:
    assert opened(SEALER.seal(VISIT_COOKIE, TICKET)) == TICKET


def test_an_attempt_to_sign_in_comes_back_as_it_was_sealed() -> None:
    assert SEALER.attempt({ATTEMPT_COOKIE: SEALER.seal(ATTEMPT_COOKIE, ATTEMPT)}) == ATTEMPT


def test_a_ticket_of_one_clinic_opens_nothing_at_another() -> None:
    sealed = SEALER.seal(VISIT_COOKIE, TICKET)
    elsewhere = visit_cookie("harbour-health", "family-clinic")

    assert SEALER.ticket({VISIT_COOKIE: sealed}, "harbour-health", "family-clinic") is None
    assert SEALER.ticket({elsewhere: sealed}, "harbour-health", "family-clinic") is None


def test_both_cookies_and_foreign_ones_live_beside_each_other() -> None:
    jar = {
        "theme": "dark",
        VISIT_COOKIE: SEALER.seal(VISIT_COOKIE, TICKET),
        ATTEMPT_COOKIE: SEALER.seal(ATTEMPT_COOKIE, ATTEMPT),
    }

    assert (SEALER.ticket(jar, *CLINIC), SEALER.attempt(jar)) == (TICKET, ATTEMPT)


def test_every_gateway_with_the_key_opens_it() -> None:
    assert Sealer(KEY).ticket({VISIT_COOKIE: SEALER.seal(VISIT_COOKIE, TICKET)}, *CLINIC) == TICKET


def test_a_sealed_value_needs_no_quoting_in_a_cookie_and_tells_nothing() -> None:
    sealed = SEALER.seal(VISIT_COOKIE, TICKET)

    assert set(sealed) <= set(ALPHABET)
    assert b"visit-1" not in raw(sealed)
    assert b"harbour" not in raw(sealed)


def test_no_two_seals_of_one_value_are_alike() -> None:
    seals = {SEALER.seal(VISIT_COOKIE, TICKET) for _ in range(50)}

    assert len(seals) == 50
    assert len({raw(seal)[:12] for seal in seals}) == 50


def test_without_a_cookie_there_is_none() -> None:
    assert SEALER.ticket({}, *CLINIC) is None
    assert SEALER.attempt({}) is None


def test_one_changed_bit_anywhere_closes_it() -> None:
    sealed = raw(SEALER.seal(VISIT_COOKIE, TICKET))
    changed = [
        sealed[:at] + bytes([sealed[at] ^ (1 << bit)]) + sealed[at + 1 :]
        for at in range(len(sealed))
        for bit in range(8)
    ]

    assert [opened(text(value)) for value in changed] == [None] * (8 * len(sealed))


def test_one_exchanged_character_anywhere_closes_it() -> None:
    """The exchange is of the character's highest bit: the lowest of the last one may carry nothing."""
    sealed = SEALER.seal(VISIT_COOKIE, TICKET)
    changed = [
        sealed[:at] + ALPHABET[ALPHABET.index(sealed[at]) ^ 32] + sealed[at + 1 :]
        for at in range(len(sealed))
    ]

    assert [opened(value) for value in changed] == [None] * len(sealed)


def test_a_value_that_is_cut_anywhere_is_closed() -> None:
    sealed = raw(SEALER.seal(VISIT_COOKIE, TICKET))

    assert [opened(text(sealed[:end])) for end in range(len(sealed))] == [None] * len(sealed)
    assert [opened(text(sealed[begin:])) for begin in range(1, 40)] == [None] * 39


def _exchanged_parts(one: bytes, other: bytes) -> dict[str, bytes]:
    return {
        "a byte more at the end": one + b"\0",
        "a byte more at the beginning": b"\0" + one,
        "twice": one + one,
        "the nonce of another seal": other[:12] + one[12:],
        "the tag of another seal": one[:-16] + other[-16:],
        "the text of another seal": one[:12] + other[12:-16] + one[-16:],
        "backwards": one[::-1],
        "two bytes swapped": one[:20] + one[21:22] + one[20:21] + one[22:],
        "nothing but zeros": bytes(len(one)),
        "the document itself": TICKET.model_dump_json().encode(),
        "a nonce and the document itself": bytes(12) + TICKET.model_dump_json().encode(),
    }


@pytest.mark.parametrize("change", _exchanged_parts(b"", b""))
def test_a_value_with_other_parts_is_closed(change: str) -> None:
    other = TICKET.model_copy(update={"visit": "visit-2"})
    one_sealed = raw(SEALER.seal(VISIT_COOKIE, TICKET))
    while one_sealed[20] == one_sealed[21]:  # swapping these would change nothing
        one_sealed = raw(SEALER.seal(VISIT_COOKIE, TICKET))
    other_sealed = raw(SEALER.seal(VISIT_COOKIE, other))

    assert opened(text(_exchanged_parts(one_sealed, other_sealed)[change])) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "=",
        "====",
        "A",
        "AAAA",
        "A" * 16,
        "A" * 4096,
        "null",
        "{}",
        "ä",
        "🙂",
        "\0",
        " ",
        "%00",
    ],
)
def test_what_was_never_sealed_is_closed(value: str) -> None:
    assert opened(value) is None
    assert SEALER.attempt({ATTEMPT_COOKIE: value}) is None


def test_a_value_sealed_with_a_foreign_key_is_closed() -> None:
    foreign = Sealer(bytes(32))

    assert opened(foreign.seal(VISIT_COOKIE, TICKET)) is None
    assert SEALER.attempt({ATTEMPT_COOKIE: foreign.seal(ATTEMPT_COOKIE, ATTEMPT)}) is None


def test_a_value_is_good_until_it_expires_and_not_a_moment_longer(
    wallclock: SimpleNamespace,
) -> None:
    ticket = SEALER.seal(VISIT_COOKIE, TICKET)
    attempt = SEALER.seal(ATTEMPT_COOKIE, ATTEMPT)

    wallclock.s = TICKET.expires - 0.001
    assert opened(ticket) == TICKET
    assert SEALER.attempt({ATTEMPT_COOKIE: attempt}) == ATTEMPT
    wallclock.s = TICKET.expires
    assert opened(ticket) is None
    assert SEALER.attempt({ATTEMPT_COOKIE: attempt}) is None


def test_a_value_under_another_cookies_name_is_closed() -> None:
    ticket = SEALER.seal(VISIT_COOKIE, TICKET)
    attempt = SEALER.seal(ATTEMPT_COOKIE, ATTEMPT)

    assert SEALER.ticket({ATTEMPT_COOKIE: ticket, "teleward-visit": ticket}, *CLINIC) is None
    assert SEALER.attempt({VISIT_COOKIE: attempt, "teleward-sign-in": attempt}) is None


def test_a_value_sealed_for_one_cookie_is_closed_in_the_other() -> None:
    """The name is bound to the value: a ticket is no attempt nor the other way round, even where both would read."""
    both = TICKET.model_dump_json()[:-1] + "," + ATTEMPT.model_dump_json()[1:]
    for_visits, for_attempts = (
        sealed_by_hand(both.encode(), name) for name in (VISIT_COOKIE, ATTEMPT_COOKIE)
    )

    assert (opened(for_visits), SEALER.attempt({ATTEMPT_COOKIE: for_attempts})) == (
        TICKET,
        ATTEMPT,
    )
    assert opened(for_attempts) is None
    assert SEALER.attempt({ATTEMPT_COOKIE: for_visits}) is None


def test_a_value_of_the_other_kind_under_the_right_name_is_closed() -> None:
    assert opened(SEALER.seal(VISIT_COOKIE, ATTEMPT)) is None
    assert SEALER.attempt({ATTEMPT_COOKIE: SEALER.seal(ATTEMPT_COOKIE, TICKET)}) is None


@pytest.mark.parametrize("document", [b"", b"null", b"[]", b"{}", b'{"expires": 9e99}', b"\xff"])
def test_a_value_that_holds_no_ticket_is_closed(document: bytes) -> None:
    assert opened(sealed_by_hand(TICKET.model_dump_json().encode())) == TICKET
    assert opened(sealed_by_hand(document)) is None
