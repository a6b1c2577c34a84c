"""Follow one guest: what their page is told, and nothing of the room or of anybody else who knocks."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.signalling import WaitReason

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.frames import ReplacedFrame, UnknownFrame, WaitFrame
from teleward_gateway.core.guest_frames import (
    GuestFrame,
    GuestHello,
    GuestPageFrame,
    guest_frame,
)
from teleward_gateway.core.guests import Guest, GuestState, is_there
from teleward_gateway.core.tickets import GuestPass
from teleward_gateway.errors import RefusedError, not_found, one_moment
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.host_guests import Hosting
from teleward_gateway.usecases.watch_clinics import ClinicView, ClinicWatches

HEARD_EVERY_S = 15.0
"""A guest's page is noted as there four times in `core.guests.CONNECTED_S`."""
RETRY_S = 1.0

_UNAVAILABLE = WaitFrame(reason=WaitReason.UNAVAILABLE)


class GuestFollower:
    """Follows guests for their sockets; one instance for the process."""

    def __init__(self, hosting: Hosting, watches: ClinicWatches) -> None:
        self._hosting = hosting
        self._watches = watches

    async def admitted(self, guest: GuestPass, action: Action) -> tuple[Found, Guest]:
        """The clinic and the link of a pass, if it permits this.

        Raises:
            RefusedError: 404 for one that was revoked, has expired, or leads nowhere any more; 503.
        """
        found = await self._hosting.clinics.get(guest.namespace, guest.clinic)
        standings = admission.standings_of_guest(guest.clinic_uid, found[0])
        known = await self._hosting.guests.get(guest.namespace, guest.guest)
        if known is None or not admission.is_permitted(standings, action):
            raise not_found()
        if not is_there(known, found[0], await self._hosting.visit_of(known)):
            raise not_found()
        return found, known

    async def frames(
        self, guest: GuestPass, knocks: asyncio.Event, hello: GuestHello
    ) -> AsyncIterator[GuestPageFrame]:
        """Yield what the page must be told, each time it differs from before.

        Args:
            guest: What the page holds.
            knocks: Set when the guest knocks again.
            hello: What the page said; its name knocks.

        Ends after `replaced` or `unknown`.
        """
        following = _Following(self._hosting, self, guest, is_in=hello.is_in)
        told: GuestPageFrame | None = None
        async with self._watches.watching(guest.namespace, guest.clinic) as watch:
            with watch.following(None) as changed:
                while True:
                    changed.clear()
                    if knocks.is_set():
                        knocks.clear()
                        await following.knock(hello.name)
                        watch.nudge()
                    frame = await following.frame(watch.view)
                    if frame != told:
                        told = frame
                        yield frame
                    if isinstance(frame, ReplacedFrame | UnknownFrame):
                        return
                    pause_s = HEARD_EVERY_S if isinstance(frame, GuestFrame) else RETRY_S
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause_s):
                            await _first(changed, knocks)


class _Following:
    """One socket's view of one guest."""

    def __init__(
        self, hosting: Hosting, follower: GuestFollower, guest: GuestPass, *, is_in: bool
    ) -> None:
        self._hosting = hosting
        self._follower = follower
        self._pass = guest
        self._socket = secrets.token_urlsafe(8)
        self._is_claimed = False
        self._is_in = is_in
        self._heard_at = 0.0

    async def knock(self, name: str) -> None:
        """Knock again; nothing happens when that is not possible."""
        with contextlib.suppress(RefusedError, RoutingUnavailableError):
            found, guest = await self._follower.admitted(self._pass, Action.KNOCK)
            await self._hosting.knock(found, guest, name)

    async def frame(self, view: ClinicView) -> GuestPageFrame:
        """What the page must be told now; the store is asked, for a view may be older than this socket."""
        try:
            if not view.is_available:
                raise one_moment()
            found, known = await self._follower.admitted(self._pass, Action.KNOCK)
            guest = await self._note(known)
            if guest is None:
                raise not_found()
            if guest.socket != self._socket:
                return ReplacedFrame()
            frame = guest_frame(guest, *found, await self._hosting.visit_of(guest))
            self._is_in = frame.state is GuestState.ADMITTED
            return frame
        except RoutingUnavailableError:
            return _UNAVAILABLE
        except RefusedError as err:
            if err.is_temporary or await self._is_forgotten_in_a_call():
                return _UNAVAILABLE
            return UnknownFrame()

    async def _is_forgotten_in_a_call(self) -> bool:
        """Whether the store was emptied while the guest was in a call, which goes on."""
        try:
            return self._is_in and self._pass.life != await self._hosting.visits.life()
        except RoutingUnavailableError:
            return True

    async def _note(self, guest: Guest) -> Guest | None:
        """Say at first, and from time to time, that the page is there; answers the guest, None if revoked meanwhile."""
        guests, now = self._hosting.guests, time.monotonic()
        if not self._is_claimed:
            claimed = await guests.claim(guest.namespace, guest.id, self._socket)
            self._is_claimed, self._heard_at = claimed is not None, now
            return claimed
        if now - self._heard_at >= HEARD_EVERY_S:
            await guests.heard(guest.namespace, guest.id, self._socket)
            self._heard_at = now
        return guest


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
