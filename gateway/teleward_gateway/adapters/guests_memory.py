"""Guest links in memory: for tests, and as the model of the real store."""

from collections.abc import Callable, Mapping

from teleward_contract.units import Namespace

from teleward_gateway.core.guests import (
    CONNECTED_S,
    GONE_S,
    GUEST_TRANSITIONS,
    KNOCKS,
    MAX_LINKS,
    Guest,
    GuestAction,
    GuestPlace,
    GuestState,
    guest_changes,
)
from teleward_gateway.core.visits import OVER
from teleward_gateway.ports.visits import Visits

_Key = tuple[Namespace, str]


class MemoryGuestLinks:
    """See `GuestLinks`."""

    def __init__(self, now_ms: Callable[[], int], visits: Visits) -> None:
        self._now = now_ms
        self._visits = visits
        self._guests: dict[_Key, tuple[Guest, int]] = {}
        """Link → what it is, and until when it is good."""

    def _live(self, key: _Key) -> Guest | None:
        guest, until = self._guests.get(key, (None, 0))
        if guest is None or until <= self._now():
            self._guests.pop(key, None)
            return None
        return guest

    def _keep(self, key: _Key, guest: Guest) -> Guest:
        self._guests[key] = (guest, self._guests[key][1])
        return guest

    def empty(self) -> None:
        """Lose everything."""
        self._guests.clear()

    async def invite(self, guest: Guest, good_s: int) -> bool:
        """See `GuestLinks`."""
        if len(await self.of_clinic(guest.namespace, guest.clinic_uid)) >= MAX_LINKS:
            return False
        now, until = self._now(), self._now() + good_s * 1000
        made = guest.model_copy(update={"made_ms": now, "expires_ms": until})
        self._guests[guest.namespace, guest.id] = (made, until)
        return True

    async def redeem(
        self, namespace: Namespace, clinic_uid: str, guest: str, claim: str,
        changed: Mapping[str, str | int | bool],
    ) -> Guest | None:  # fmt: skip
        """See `GuestLinks`."""
        known = self._live((namespace, guest))
        if known is None or known.clinic_uid != clinic_uid or known.claim not in ("", claim):
            return None
        if known.claim:
            return known
        update = {**changed, **self._knock(), "claim": claim, "state": GuestState.KNOCKING}
        return self._keep((namespace, guest), known.model_copy(update=update))

    def _knock(self) -> dict[str, int]:
        return {"knocked_ms": self._now(), "seen_ms": self._now()}

    async def get(self, namespace: Namespace, guest: str) -> Guest | None:
        """See `GuestLinks`."""
        return self._live((namespace, guest))

    async def change(
        self, namespace: Namespace, guest: str, action: GuestAction,
        changed: Mapping[str, str | int | bool],
    ) -> tuple[bool, Guest | None]:  # fmt: skip
        """See `GuestLinks`."""
        known = self._live((namespace, guest))
        state = GUEST_TRANSITIONS[action].get(known.state) if known else None
        if known is None or state is None:
            return False, known
        knock = self._knock() if action in KNOCKS else {}
        after = known.model_copy(update={**changed, **knock, "state": state})
        return True, self._keep((namespace, guest), after)

    async def revoke(self, namespace: Namespace, clinic_uid: str, guest: str) -> Guest | None:
        """See `GuestLinks`."""
        known = self._live((namespace, guest))
        if known is None or known.clinic_uid != clinic_uid:
            return None
        del self._guests[namespace, guest]
        return known

    async def claim(self, namespace: Namespace, guest: str, socket: str) -> Guest | None:
        """See `GuestLinks`."""
        known = self._live((namespace, guest))
        if known is None:
            return None
        update = {"socket": socket, "seen_ms": self._now()}
        return self._keep((namespace, guest), known.model_copy(update=update))

    async def heard(self, namespace: Namespace, guest: str, socket: str) -> bool:
        """See `GuestLinks`."""
        known = self._live((namespace, guest))
        if known is None or known.socket != socket:
            return False
        self._keep((namespace, guest), known.model_copy(update={"seen_ms": self._now()}))
        return True

    async def of_clinic(self, namespace: Namespace, clinic_uid: str) -> tuple[Guest, ...]:
        """See `GuestLinks`."""
        found = []
        for key in [key for key in self._guests if key[0] == namespace]:
            guest = self._live(key)
            if guest is None or guest.clinic_uid != clinic_uid:
                continue
            if not await self._is_there(guest):
                del self._guests[key]
                continue
            if guest.name and self._now() - guest.seen_ms > GONE_S * 1000:
                left = GUEST_TRANSITIONS[GuestAction.LEAVE].get(guest.state, guest.state)
                update = {**guest_changes(GuestAction.LEAVE), "state": left}
                guest = self._keep(key, guest.model_copy(update=update))
            is_silent = self._now() - guest.seen_ms >= CONNECTED_S * 1000
            found.append(guest.model_copy(update={"is_silent": is_silent}))
        return tuple(sorted(found, key=lambda one: (one.made_ms, one.id)))

    async def _is_there(self, guest: Guest) -> bool:
        if guest.place is not GuestPlace.VISIT:
            return True
        visit = await self._visits.get(guest.namespace, guest.place_id)
        return (
            visit is not None and visit.state not in OVER and visit.clinic_uid == guest.clinic_uid
        )
