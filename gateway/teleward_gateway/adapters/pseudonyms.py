"""Pseudonyms for the audit: keyed hashes, others in each organisation."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from teleward_contract.units import Namespace

from teleward_gateway.core.audit import STAFF
from teleward_gateway.core.staff import fold_user, read_identity

LENGTH = 24
"""Hexadecimal digits kept: 96 bits, so that no two of an organisation are ever the same."""


@dataclass(frozen=True, slots=True)
class KeyedPseudonyms:
    """See `Pseudonyms`."""

    key: bytes

    def staff(self, namespace: Namespace, user: str) -> str:
        """See `Pseudonyms`."""
        return STAFF + self._hash("staff", namespace, fold_user(read_identity(user)[0]))

    def visit(self, namespace: Namespace, visit: str) -> str:
        """See `Pseudonyms`."""
        return self._hash("visit", namespace, visit)

    def address(self, address: str) -> str:
        """See `Pseudonyms`."""
        return self._hash("address", "", address)

    def _hash(self, kind: str, namespace: str, value: str) -> str:
        words = "\0".join((kind, namespace, value)).encode(errors="replace")
        return hmac.new(self.key, words, sha256).hexdigest()[:LENGTH]
