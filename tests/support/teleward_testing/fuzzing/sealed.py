"""Targets over what is sealed by a key: what strangers make of it is refused, and nothing beside it is touched."""

import base64
import json
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pylibsrtp import Policy, Session
from teleward_contract.errors import TicketRefusedError
from teleward_contract.tickets import MediaTicket, TicketSigner, TicketVerifier
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PlacementEpoch,
)
from teleward_media.core.datagrams import LONGEST, STRIDE, Datagrams
from teleward_media.packetpath import rtcpwire
from teleward_media.packetpath.srtp import REFUSED, SrtpContext

from teleward_testing.packet_call import KEY, rtp

_PROFILES = {Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28, Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30}
"""Bytes of key and salt: the profile that we choose, and the one that everybody has."""
_CANARY = b"\xa5" * STRIDE


def srtp(data: bytes) -> None:
    """No datagram but one sealed with the key is taken, and none makes libsrtp write beside it."""
    data = data[:LONGEST]
    for profile in _PROFILES:
        for is_rtcp in (False, True):
            block = Datagrams(3)
            block.buffer[:] = _CANARY * 3
            block.buffer[STRIDE : STRIDE + len(data)] = data
            keys = SrtpContext(_session(profile, Policy.SSRC_ANY_INBOUND), block)
            opened = keys.unprotect_rtcp if is_rtcp else keys.unprotect
            length = opened(STRIDE, len(data)) if len(data) >= 12 else REFUSED
            assert length == REFUSED or data in sealed(), "a forged packet was taken"
            assert length == REFUSED or length < len(data)
            end = STRIDE + len(data)
            assert block.buffer[:STRIDE] == _CANARY
            assert block.buffer[end:] == (_CANARY * 2)[len(data) :]


def _session(profile: int, direction: int) -> Session:
    key = bytes(range(_PROFILES[profile]))
    return Session(Policy(key, direction, srtp_profile=profile))


@cache
def sealed() -> tuple[bytes, ...]:
    """Packets as who has the key seals them."""
    packets = []
    for profile in _PROFILES:
        session = _session(profile, Policy.SSRC_ANY_OUTBOUND)
        packets.append(session.protect(rtp(1, KEY, elements=[(1, b"\5")])))
        packets.append(session.protect_rtcp(rtcpwire.write_pli(1, 2)))
    return tuple(packets)


def srtp_seeds() -> list[bytes]:
    """Sealed packets, and one that was never sealed."""
    return [*sealed(), rtp(1, KEY, first=0x9F)]


def _key_of_nothing() -> str:
    """Make a key that is the same in every run, so that an input that breaks one run breaks the next."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = private.public_key().public_bytes_raw()
    return json.dumps(
        {"kty": "OKP", "crv": "Ed25519", "kid": "0", "x": _text(public), "d": _text(bytes(32))}
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_SIGNER = TicketSigner(_key_of_nothing())
_VERIFIER = TicketVerifier([_SIGNER.public_jwk()])
_TICKET = MediaTicket(
    nonce="n", media_node=MediaNodeId("m"), boot=BootId("b"), call=CallId("c"),
    epoch=PlacementEpoch(1), cost=CapacityUnits(2), max_participants=3, participant=ParticipantId("p"),
)  # fmt: skip
_SIGNED = _SIGNER.sign(_TICKET)


def tickets(data: bytes) -> None:
    """No text but the signed one is a ticket; everything else is refused with one error."""
    text = data.decode("utf-8", "replace")
    try:
        ticket = _VERIFIER.verify(text, nonce="n", media_node=MediaNodeId("m"), boot=BootId("b"))
    except TicketRefusedError:
        return
    assert ticket == _TICKET


def ticket_seeds() -> list[bytes]:
    """The ticket, one without a signature, one of no algorithm (RFC 8725 §2.1)."""
    head, claims, signature = _SIGNED.split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    return [
        one.encode()
        for one in (_SIGNED, f"{head}.{claims}.", f"{none}.{claims}.", f"{head}..{signature}")
    ]
