"""What people are called in one call: opaque names, the same at each reconnect, telling nothing."""

import hashlib
import hmac

from teleward_contract.units import CallId, ParticipantId

from teleward_gateway.core.guests import Guest
from teleward_gateway.core.visits import Visit


class Participants:
    """Names participants with one secret key, the same for every replica."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def staff(self, call: CallId, identity: str) -> ParticipantId:
        """A member of staff."""
        return self._name(call, f"staff\0{identity}")

    def patient(self, visit: Visit) -> ParticipantId:
        """The patient of a visit, in the call that they were called into."""
        return self._name(visit.call, f"patient\0{visit.id}")

    def guest(self, call: CallId, guest: Guest) -> ParticipantId:
        """A guest."""
        return self._name(call, f"guest\0{guest.id}")

    def _name(self, call: CallId, subject: str) -> ParticipantId:
        digest = hmac.new(self._key, f"{call}\0{subject}".encode(), hashlib.sha256)
        return ParticipantId(digest.hexdigest()[:24])
