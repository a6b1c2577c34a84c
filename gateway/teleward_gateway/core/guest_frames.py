"""The frames of the guest socket, as `docs/wire.md` tells them."""

from typing import Literal

from pydantic import Field
from teleward_contract.projections import ClinicProjection, OrganisationProjection
from teleward_contract.signalling import Frame

from teleward_gateway.core.frames import ReplacedFrame, UnknownFrame, WaitFrame
from teleward_gateway.core.guests import (
    Guest,
    GuestPlace,
    GuestState,
    room_of,
    state_now,
)
from teleward_gateway.core.team import title_of
from teleward_gateway.core.visits import Visit


class GuestHello(Frame):
    """First frame of a guest's page."""

    type: Literal["hello"]
    name: str = Field(max_length=400)
    is_in: bool = False
    """It was let in when last heard of: a store that forgot that ends no call. Gives no right."""


class GuestFrame(Frame):
    """Where the guest is; nothing in it tells of anybody else."""

    type: Literal["guest"] = "guest"
    state: GuestState
    place: GuestPlace
    room: str
    """What the room is called; empty: a consultation."""
    clinic: str
    """What the clinic is called."""


GuestPageFrame = GuestFrame | WaitFrame | ReplacedFrame | UnknownFrame


def guest_frame(
    guest: Guest, clinic: ClinicProjection, organisation: OrganisationProjection | None,
    visit: Visit | None,
) -> GuestFrame:  # fmt: skip
    """Tell a guest where they are."""
    room = room_of(guest, clinic)
    return GuestFrame(
        state=state_now(guest, visit), place=guest.place, room=title_of(room, clinic, organisation) if room else "",
        clinic=clinic.display_name,
    )  # fmt: skip
