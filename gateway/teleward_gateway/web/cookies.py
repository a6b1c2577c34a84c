"""Sealed cookies: AES-256-GCM over JSON, bound to the cookie's name. What does not open is no cookie.

Source: NIST SP 800-38D (GCM, 96-bit random nonce: good for 2^32 seals with one key).
"""

import base64
import json
import secrets
import time
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from teleward_contract.placements import Record
from teleward_contract.units import Namespace

VISIT_COOKIE = "__Host-teleward-visit"
STAFF_COOKIE = "__Host-teleward-staff"
_NONCE_BYTES = 12
_R = TypeVar("_R", bound="_Sealed")


class _Sealed(Record):
    expires: int
    """Wallclock, s since 1970."""


class Ticket(_Sealed):
    """The patient's proof of a place in the queue."""

    visit: str
    namespace: Namespace
    clinic: str
    clinic_uid: str
    arrived_ms: int
    life: str
    """The store's life in which the visit was made: in it, a visit that is not there is over."""


class StaffSession(_Sealed):
    """Who is signed in."""

    user: str
    display_name: str


class Sealer:
    """Seals and opens cookies with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, name: str, value: Ticket | StaffSession) -> str:
        """Seal a cookie's value."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, value.model_dump_json().encode(), name.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def ticket(self, cookies: dict[str, str]) -> Ticket | None:
        """Open the visit cookie; None when there is none, it is foreign, or it has expired."""
        return self._open(VISIT_COOKIE, cookies, Ticket)

    def staff(self, cookies: dict[str, str]) -> StaffSession | None:
        """Open the staff cookie; None as for `ticket`."""
        return self._open(STAFF_COOKIE, cookies, StaffSession)

    def _open(self, name: str, cookies: dict[str, str], kind: type[_R]) -> _R | None:
        try:
            raw = base64.urlsafe_b64decode(cookies.get(name, "") + "===")
            text = self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())
            content: Any = json.loads(text)
        except (ValueError, InvalidTag):
            return None
        sealed = kind.model_validate(content)
        return sealed if sealed.expires > time.time() else None
