"""Sealed cookies: AES-256-GCM over JSON, bound to the cookie's name. What does not open is no cookie.

Source: NIST SP 800-38D (GCM, 96-bit random nonce: good for 2^32 seals with one key).
"""

import base64
import secrets
import time
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from teleward_gateway.core.tickets import (
    ATTEMPT_COOKIE,
    PASS_COOKIE,
    Attempt,
    GuestPass,
    Pass,
    Sealed,
    Ticket,
    guest_cookie,
    visit_cookie,
)

_NONCE_BYTES = 12
_R = TypeVar("_R", bound=Sealed)


class Sealer:
    """See `Seals`; one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, name: str, value: Ticket | Attempt | GuestPass | Pass) -> str:
        """See `Seals`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, value.model_dump_json().encode(), name.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def ticket(self, cookies: dict[str, str], namespace: str, clinic: str) -> Ticket | None:
        """See `Seals`."""
        return self._open(visit_cookie(namespace, clinic), cookies, Ticket)

    def guest(self, cookies: dict[str, str], namespace: str, clinic: str) -> GuestPass | None:
        """See `Seals`."""
        return self._open(guest_cookie(namespace, clinic), cookies, GuestPass)

    def attempt(self, cookies: dict[str, str]) -> Attempt | None:
        """See `Seals`."""
        return self._open(ATTEMPT_COOKIE, cookies, Attempt)

    def door_pass(self, cookies: dict[str, str]) -> Pass | None:
        """See `Seals`."""
        return self._open(PASS_COOKIE, cookies, Pass)

    def _open(self, name: str, cookies: dict[str, str], kind: type[_R]) -> _R | None:
        try:
            raw = base64.urlsafe_b64decode(cookies.get(name, "") + "===")
            text = self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())
            sealed = kind.model_validate_json(text)
        except (ValueError, InvalidTag):  # pydantic's ValidationError is a ValueError
            return None
        return sealed if sealed.expires > time.time() else None
