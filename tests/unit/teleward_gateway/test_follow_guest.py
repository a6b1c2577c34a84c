"""A guest's page is told what became of the link, also by what happens while it is asked about."""

from typing import Any

from teleward_contract.projections import ClinicProjection, RoomKind, RoomProjection
from teleward_contract.units import Namespace
from teleward_gateway.adapters.guests_memory import MemoryGuestLinks
from teleward_gateway.adapters.visits_memory import MemoryVisits
from teleward_gateway.core.frames import ReplacedFrame, UnknownFrame
from teleward_gateway.core.guest_frames import GuestFrame
from teleward_gateway.core.guests import Guest, GuestPlace
from teleward_gateway.core.tickets import GuestPass
from teleward_gateway.usecases.clinics import Found
from teleward_gateway.usecases.follow_guest import GuestFollower, _Following
from teleward_gateway.usecases.host_guests import Hosting
from teleward_gateway.usecases.watch_clinics import ClinicView
from teleward_testing.routing import Clock

HARBOUR = Namespace("harbour")
WARD = RoomProjection(
    uid="ward", name="ward", generation=1, kind=RoomKind.MEETING_ROOM, display_name="Ward",
    max_participants=6,
)  # fmt: skip
CLINIC = ClinicProjection(
    namespace=HARBOUR, name="cardiology", uid="uid-1", generation=1, display_name="Cardiology",
    rooms=(WARD,),
)  # fmt: skip
VIEW = ClinicView(found=(CLINIC, None), is_available=True)


class OneClinic:
    async def get(self, namespace: str, name: str) -> Found:
        return CLINIC, None


class RevokedMeanwhile(MemoryGuestLinks):
    """A link that is revoked between being looked up and being claimed."""

    async def claim(self, namespace: Namespace, guest: str, socket: str) -> Guest | None:
        await self.revoke(namespace, CLINIC.uid, guest)
        return await super().claim(namespace, guest, socket)


async def _page(links: type[MemoryGuestLinks]) -> tuple[Hosting, GuestPass]:
    clock, unused = Clock(), None
    visits: Any = MemoryVisits(clock, 600)
    parts: list[Any] = [unused, OneClinic(), unused, unused, unused]
    hosting = Hosting(links(clock, visits), visits, visits, *parts)
    guest, _ = await hosting.invite((CLINIC, None), GuestPlace.MEETING, "ward", "", 60, "grace")
    held = GuestPass(
        namespace=HARBOUR, clinic="cardiology", clinic_uid="uid-1", guest=guest.id,
        life=await visits.life(), expires=2**33,
    )  # fmt: skip
    return hosting, held


def _following(hosting: Hosting, held: GuestPass) -> _Following:
    follower = GuestFollower(hosting, None)  # type: ignore[arg-type]  # nothing is watched here
    return _Following(hosting, follower, held, is_in=False)


async def test_the_newest_page_counts_and_the_one_before_is_told_so() -> None:
    hosting, held = await _page(MemoryGuestLinks)
    before, newest = _following(hosting, held), _following(hosting, held)

    assert isinstance(await before.frame(VIEW), GuestFrame)
    assert isinstance(await newest.frame(VIEW), GuestFrame)
    assert await before.frame(VIEW) == ReplacedFrame()
    assert isinstance(await newest.frame(VIEW), GuestFrame)


async def test_a_link_that_is_revoked_meanwhile_is_unknown_and_not_replaced() -> None:
    hosting, held = await _page(RevokedMeanwhile)

    assert await _following(hosting, held).frame(VIEW) == UnknownFrame()
