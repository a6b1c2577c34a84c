"""Guests from outside: staff make and revoke links, admit and refuse; a guest uses a link up and knocks."""

import asyncio
import secrets
import time
from hashlib import blake2b

import structlog
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import RoomProjection
from teleward_contract.units import CallId

from teleward_gateway.core.guests import (
    GUEST_TRANSITIONS,
    SECRET_BYTES,
    Guest,
    GuestAction,
    GuestPlace,
    GuestState,
    call_for,
    guest_changes,
    guest_id,
    is_there,
    room_of,
    runs,
    state_now,
    walks_in,
)
from teleward_gateway.core.participants import Participants
from teleward_gateway.core.team import name_of
from teleward_gateway.core.tickets import GuestPass
from teleward_gateway.core.visits import CALL_GOES_ON, Visit, VisitState
from teleward_gateway.errors import RefusedError, not_found, too_late
from teleward_gateway.ports.visits import GuestLinks, Presence, Queues, Visits
from teleward_gateway.usecases.clinics import Clinics, Found
from teleward_gateway.usecases.consult import Consulting, not_running
from teleward_gateway.usecases.place_calls import Calls

log = structlog.get_logger()

REFUSED_AFTER_S = 0.25
"""A link that opens nothing is told so after this, whatever it lacked: the answer's time says nothing."""
REFUSING_AT_ONCE = 64
"""So many hear that at the same time at most; more are sent away before anything is looked up.

It bounds guessing to 256 a second and replica; a link has 192 random bits. Whoever has a good one tries again.
"""


class Hosting:
    """Links, and what staff decide about those who come by them."""

    def __init__(
        self, guests: GuestLinks, visits: Visits, queues: Queues, presence: Presence, clinics: Clinics,
        consulting: Consulting, calls: Calls, people: Participants,
    ) -> None:  # fmt: skip
        self.guests = guests
        self.visits = visits
        self.clinics = clinics
        self._queues = queues
        self._presence = presence
        self._consulting = consulting
        self._calls = calls
        self._people = people
        self._refusing = asyncio.Semaphore(REFUSING_AT_ONCE)

    # -- what staff do -------------------------------------------------------------------------

    async def invite(
        self, found: Found, place: GuestPlace, place_id: str, label: str, minutes: int, by: str
    ) -> tuple[Guest, str]:
        """Make a link: what is known of it, and its secret, which nobody is told again.

        Raises:
            RefusedError: 409 `too_many` when the clinic has as many links as it may.
        """
        clinic = found[0]
        secret = secrets.token_urlsafe(SECRET_BYTES)
        guest = Guest(
            id=guest_id(secret), namespace=clinic.namespace, clinic=clinic.name,
            clinic_uid=clinic.uid, place=place, place_id=place_id, label=label, made_by=by,
        )  # fmt: skip
        if not await self.guests.invite(guest, 60 * minutes):
            raise RefusedError(409, "too_many", "Revoke links that are not needed any more.")
        log.info("guest.invited", namespace=clinic.namespace, clinic=clinic.name, kind=place.value)
        return guest, secret

    async def admit(self, found: Found, guest: Guest, by: str) -> None:
        """Let a guest in who knocks, once there is room for them.

        Raises:
            RefusedError: 404, 409 `not_running`, `locked`, `full`, `taken`, 503.
        """
        visit = await self.visit_of(guest)
        room = room_of(guest, found[0])
        if guest.state not in GUEST_TRANSITIONS[GuestAction.ADMIT]:
            raise _too_late(found, guest)
        if not runs(guest, visit):
            raise not_running()
        await self._make_room(found, guest, visit, room)
        consultation = visit.consultation if visit else ""
        await self._decide(found, guest, GuestAction.ADMIT, by, consultation)

    async def _make_room(
        self, found: Found, guest: Guest, visit: Visit | None, room: RoomProjection | None
    ) -> None:
        call = call_for(guest, visit)
        if room is None:
            is_in = state_now(guest, visit) is GuestState.ADMITTED
            people = await self._consulting.people(found, call)
            await self._calls.widen(found, call, people + (not is_in))
            return
        if room.locked:
            raise RefusedError(409, "locked", "The room is locked: nobody new comes in.")
        present = await self._presence.present(found[0].namespace, found[0].uid)
        others = set(present.get(room.uid, {})) - {self._people.guest(call, guest)}
        await self._calls.widen(found, call, len(others) + 1)

    async def refuse(self, found: Found, guest: Guest, by: str) -> None:
        """Send a guest away who knocks; the link is used up. Raises RefusedError 404, 409 `taken`."""
        await self._decide(found, guest, GuestAction.REFUSE, by)

    async def revoke(self, found: Found, guest: Guest) -> None:
        """Take a link away; whoever came by it is out. Raises RefusedError 404."""
        clinic = found[0]
        revoked = await self.guests.revoke(clinic.namespace, clinic.uid, guest.id)
        if revoked is None:
            raise not_found()
        log.info("guest.revoked", namespace=clinic.namespace, clinic=clinic.name)

    async def remove(self, found: Found, call: CallId, participant: str, by: str) -> bool:
        """Note that somebody is removed from a call: they are to be admitted anew.

        A guest knocks again; a patient is on hold, out of the call already.

        Returns:
            Whether nothing is left to be done in the call.
        """
        clinic = found[0]
        for visit in await self.visits.in_call(clinic.namespace, clinic.uid, call):
            if self._people.patient(visit) == participant:
                if visit.state is VisitState.IN_CONSULTATION:
                    await self._consulting.hold(found, visit, by)
                return True
        for guest in await self.guests.of_clinic(clinic.namespace, clinic.uid):
            if self._people.guest(call, guest) == participant:
                changed = guest_changes(GuestAction.REMOVE, by)
                await self.guests.change(clinic.namespace, guest.id, GuestAction.REMOVE, changed)
                log.info("guest.removed", namespace=clinic.namespace, clinic=clinic.name)
        return False

    async def _decide(
        self, found: Found, guest: Guest, action: GuestAction, by: str, consultation: str = ""
    ) -> None:
        changed = guest_changes(action, by, consultation=consultation)
        allowed, now = await self.guests.change(guest.namespace, guest.id, action, changed)
        if now is None:
            raise not_found()
        if not allowed:
            raise _too_late(found, now)
        log.info(
            "guest.decided", namespace=guest.namespace, clinic=guest.clinic, state=now.state.value
        )

    # -- what guests do ------------------------------------------------------------------------

    async def redeem(self, found: Found, secret: str, claim: str, name: str) -> GuestPass | None:
        """Use a link up and knock; the pass is good for as long as the link is.

        None for a link that is unknown, expired, revoked, or used by another browser, always after the same time.

        Raises:
            RefusedError: 429 while too many hear that.
        """
        if self._refusing.locked():
            raise RefusedError(429, "too_fast", "One moment, please; trying again by itself.")
        until = time.monotonic() + REFUSED_AFTER_S
        async with self._refusing:
            redeemed = await self._redeem(found, secret, claim, name)
            if redeemed is None:
                await asyncio.sleep(until - time.monotonic())
        return redeemed

    async def _redeem(self, found: Found, secret: str, claim: str, name: str) -> GuestPass | None:
        clinic = found[0]
        life = await self.visits.life()
        changed = guest_changes(GuestAction.REDEEM, name=name)
        held = blake2b(claim.encode(errors="replace"), digest_size=18).hexdigest()
        guest = await self.guests.redeem(
            clinic.namespace, clinic.uid, guest_id(secret), held, changed
        )
        if guest is None:
            return None
        await self._answer_knock(found, guest)
        left_s = max(1, (guest.expires_ms - await self._queues.now_ms(clinic.namespace)) // 1000)
        log.info("guest.knocked", namespace=clinic.namespace, clinic=clinic.name)
        return GuestPass(
            namespace=clinic.namespace, clinic=clinic.name, clinic_uid=clinic.uid,
            guest=guest.id, life=life, expires=int(time.time()) + left_s,
        )  # fmt: skip

    async def knock(self, found: Found, guest: Guest, name: str) -> None:
        """Knock again, after having left or been removed."""
        changed = guest_changes(GuestAction.KNOCK, name=name)
        allowed, now = await self.guests.change(
            guest.namespace, guest.id, GuestAction.KNOCK, changed
        )
        if allowed and now is not None:
            await self._answer_knock(found, now)

    async def _answer_knock(self, found: Found, guest: Guest) -> None:
        """An open room lets in who knocks for the first time, unless it is full."""
        if not walks_in(guest, room_of(guest, found[0])):
            return
        try:
            await self.admit(found, guest, "")
        except RefusedError:
            return  # they wait, and somebody may let them in later

    async def leave(self, guest: GuestPass) -> None:
        """Go; the name is forgotten, and coming back takes another admission."""
        changed = guest_changes(GuestAction.LEAVE)
        await self.guests.change(guest.namespace, guest.guest, GuestAction.LEAVE, changed)

    async def visit_of(self, guest: Guest) -> Visit | None:
        """The visit that a link leads to, if it leads to one that is there."""
        if guest.place is not GuestPlace.VISIT:
            return None
        visit = await self.visits.get(guest.namespace, guest.place_id)
        return visit if visit is not None and visit.clinic_uid == guest.clinic_uid else None

    async def may_enter(self, found: Found, guest: Guest | None) -> bool:
        """Whether this guest may be in the call now."""
        if guest is None:
            return False
        visit = await self.visit_of(guest)
        return is_there(guest, found[0], visit) and state_now(guest, visit) is GuestState.ADMITTED

    async def is_to_stay(self, found: Found, guest: GuestPass) -> bool:
        """Whether a guest who is in a call may stay; what cannot be known, or was lost by the store, holds."""
        try:
            known = await self.guests.get(guest.namespace, guest.guest)
            if known is None and guest.life != await self.visits.life():
                return True
            return await self.may_enter(found, known)
        except RoutingUnavailableError:
            return True


def _too_late(found: Found, guest: Guest) -> RefusedError:
    return too_late(name_of(guest.decided_by, *found) if guest.decided_by else "")


def is_running(visit: Visit) -> bool:
    """Whether somebody can be invited to a consultation now."""
    return visit.state in CALL_GOES_ON
