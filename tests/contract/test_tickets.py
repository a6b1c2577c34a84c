"""A media ticket admits one participant to one call on one boot of one media node, on one socket."""

import json

import pytest
from joserfc import jws
from joserfc.jwk import OctKey
from teleward_contract.errors import TicketRefusedError
from teleward_contract.signalling import ParticipantRole, Right
from teleward_contract.tickets import MediaTicket, TicketSigner, TicketVerifier
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PlacementEpoch,
)

OLD_KEY, KEY, STRANGERS_KEY = (TicketSigner.generate() for _ in range(3))
SIGNER = TicketSigner(KEY)
VERIFIER = TicketVerifier([TicketSigner(OLD_KEY).public_jwk(), SIGNER.public_jwk()])
NONCE, NODE, BOOT = "nonce-1", MediaNodeId("default-0"), BootId("boot-0")
TICKET = MediaTicket(
    nonce=NONCE,
    media_node=NODE,
    boot=BOOT,
    call=CallId("visit:1"),
    epoch=PlacementEpoch(7),
    cost=CapacityUnits(2),
    max_participants=6,
    participant=ParticipantId("p1"),
    name="Ada Lovelace",
    role=ParticipantRole.PATIENT,
    rights=frozenset({Right.HOLD}),
)


def with_other_claims(signed: str) -> str:
    header, _, signature = signed.split(".")
    _, claims, _ = SIGNER.sign(TICKET.model_copy(update={"name": "Eve"})).split(".")
    return f"{header}.{claims}.{signature}"


def signed_with_the_public_key_as_a_secret() -> str:
    public = json.loads(SIGNER.public_jwk())
    key = OctKey.import_key(public["x"], {"kid": public["kid"]})
    header = {"alg": "HS256", "kid": public["kid"]}
    claims = TICKET.model_dump_json().encode()
    return jws.serialize_compact(header, claims, key, algorithms=["HS256"])


def unsigned() -> str:
    _, claims, _ = SIGNER.sign(TICKET).split(".")
    return f"eyJhbGciOiJub25lIn0.{claims}."


REFUSED = {
    "signed by a stranger": TicketSigner(STRANGERS_KEY).sign(TICKET),
    "claims changed after signing": with_other_claims(SIGNER.sign(TICKET)),
    "the public key used as a shared secret": signed_with_the_public_key_as_a_secret(),
    "algorithm none": unsigned(),
    "another socket's nonce": SIGNER.sign(TICKET.model_copy(update={"nonce": "nonce-2"})),
    "another media node": SIGNER.sign(TICKET.model_copy(update={"media_node": "default-1"})),
    "an earlier boot": SIGNER.sign(TICKET.model_copy(update={"boot": "boot-9"})),
    "claims missing": SIGNER.sign(TICKET.model_copy(update={"call": None})),
    "empty": "",
    "not a JWS": "a.b.c",
    "not ASCII": "é.é.é",
    "no key id": "eyJhbGciOiJFZDI1NTE5In0.e30.AA",
}


@pytest.mark.parametrize("key", [OLD_KEY, KEY], ids=["the old key", "the new key"])
def test_a_ticket_signed_by_a_known_key_is_accepted(key: str) -> None:
    signed = TicketSigner(key).sign(TICKET)

    assert VERIFIER.verify(signed, nonce=NONCE, media_node=NODE, boot=BOOT) == TICKET


def test_a_ticket_without_a_participant_belongs_to_the_gateway() -> None:
    ticket = TICKET.model_copy(update={"participant": None, "rights": frozenset({Right.END})})

    assert VERIFIER.verify(SIGNER.sign(ticket), nonce=NONCE, media_node=NODE, boot=BOOT) == ticket


@pytest.mark.parametrize("ticket", REFUSED.values(), ids=REFUSED.keys())
def test_a_ticket_is_refused(ticket: str) -> None:
    with pytest.raises(TicketRefusedError) as refusal:
        VERIFIER.verify(ticket, nonce=NONCE, media_node=NODE, boot=BOOT)

    assert "Ada" not in str(refusal.value)


def test_a_public_key_cannot_sign_and_holds_no_private_part() -> None:
    assert "d" not in json.loads(SIGNER.public_jwk())
