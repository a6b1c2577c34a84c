"""Media tickets: a signed pass for one participant into one call on one media node.

Ed25519 signatures (RFC 8037, RFC 9864) in JWS compact form (RFC 7515). The gateway signs with the
private key; a media node holds public keys only. A ticket is good for one control socket: it carries the
nonce that the media node sent on that very socket, so no two clocks are compared.
"""

import json
from collections.abc import Iterable

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import Field, ValidationError

from teleward_contract.errors import TicketRefusedError
from teleward_contract.placements import Record
from teleward_contract.signalling import MAX_NAME, ParticipantRole, Right
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PlacementEpoch,
)

_ALGORITHMS = ["Ed25519"]


class MediaTicket(Record):
    """The claims. The name is a patient's data: it lives in the memory of two processes only."""

    nonce: str
    media_node: MediaNodeId
    boot: BootId
    call: CallId
    epoch: PlacementEpoch
    cost: CapacityUnits
    max_participants: int
    participant: ParticipantId | None
    """None: a socket of the gateway itself, which may act by `rights` and cannot join."""
    name: str = Field(default="", max_length=MAX_NAME)
    role: ParticipantRole = ParticipantRole.GUEST
    rights: frozenset[Right] = frozenset()


class TicketSigner:
    """Signs media tickets with one private Ed25519 key (JWK)."""

    def __init__(self, private_jwk: str) -> None:
        self._key = OKPKey.import_key(json.loads(private_jwk))

    @staticmethod
    def generate() -> str:
        """Make a new private key, as JWK text with a `kid` (RFC 7638 thumbprint)."""
        key = OKPKey.generate_key("Ed25519", auto_kid=True)
        return json.dumps(key.as_dict(private=True))

    def public_jwk(self) -> str:
        """The public half, as JWK text, for the media nodes."""
        return json.dumps(self._key.as_dict(private=False))

    def sign(self, ticket: MediaTicket) -> str:
        """Sign one ticket."""
        header = {"alg": "Ed25519", "kid": self._key.kid or self._key.thumbprint()}
        return jws.serialize_compact(
            header, ticket.model_dump_json().encode(), self._key, algorithms=_ALGORITHMS
        )


class TicketVerifier:
    """Checks media tickets against one or more public keys (more than one while keys rotate)."""

    def __init__(self, public_jwks: Iterable[str]) -> None:
        self._keys = KeySet([OKPKey.import_key(json.loads(jwk)) for jwk in public_jwks])

    def verify(
        self, ticket: str, *, nonce: str, media_node: MediaNodeId, boot: BootId
    ) -> MediaTicket:
        """Check signature, nonce and audience.

        Raises:
            TicketRefusedError: Any of them does not hold.
        """
        try:
            signed = jws.deserialize_compact(ticket, self._keys, algorithms=_ALGORITHMS)
            claims = MediaTicket.model_validate_json(signed.payload)
        except (JoseError, ValidationError, ValueError) as err:
            raise TicketRefusedError("not a ticket signed by a known key") from err
        if claims.nonce != nonce:
            raise TicketRefusedError("the nonce is not the one of this socket")
        if (claims.media_node, claims.boot) != (media_node, boot):
            raise TicketRefusedError("issued for another media node or another boot")
        return claims
