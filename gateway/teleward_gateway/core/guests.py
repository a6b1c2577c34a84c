"""A guest: one link, one person from outside, one place. What may happen to it is a table.

The link is known by the hash of its secret; nothing here leads back to the secret.
"""

from enum import StrEnum
from hashlib import blake2b

from teleward_contract.placements import Record
from teleward_contract.projections import ClinicProjection, RoomKind, RoomProjection
from teleward_contract.units import CallId, Namespace

from teleward_gateway.core.queue import rfc3339
from teleward_gateway.core.visits import CALL_GOES_ON, Visit, call_of_room

SECRET_BYTES = 24
"""Of a link's secret: 192 random bits, which no limiter has to protect."""
MIN_MINUTES, DEFAULT_MINUTES = 5, 120
MAX_MINUTES = 7 * 24 * 60
"""How long a link is good. Ours: long enough to invite somebody next week, short enough not to be forgotten."""
MAX_LINKS = 200
"""As many links of one clinic are good at once. Ours: as many as patients wait by default."""
MAX_LABEL = 80
GONE_S = 600
"""A guest whose page was not heard of for so long has left, and the name is forgotten."""
CONNECTED_S = 60
"""A guest not heard of for so long is shown as not connected."""


class GuestPlace(StrEnum):
    """What a link leads to."""

    MEETING = "meeting"
    USER = "user"
    VISIT = "visit"
    """A consultation, for as long as it runs."""


PLACE_OF = {RoomKind.MEETING_ROOM: GuestPlace.MEETING, RoomKind.USER_ROOM: GuestPlace.USER}


class GuestState(StrEnum):
    """Where a guest is."""

    INVITED = "invited"
    """The link was not used yet."""
    KNOCKING = "knocking"
    ADMITTED = "admitted"
    REFUSED = "refused"
    REMOVED = "removed"
    """Put out of the call; may knock again."""
    LEFT = "left"


class GuestAction(StrEnum):
    """What can happen to a guest; revoking and expiring take the whole record away."""

    REDEEM = "redeem"
    KNOCK = "knock"
    ADMIT = "admit"
    REFUSE = "refuse"
    REMOVE = "remove"
    LEAVE = "leave"


GUEST_TRANSITIONS: dict[GuestAction, dict[GuestState, GuestState]] = {
    GuestAction.REDEEM: {GuestState.INVITED: GuestState.KNOCKING},
    GuestAction.KNOCK: {
        GuestState.REMOVED: GuestState.KNOCKING,
        GuestState.LEFT: GuestState.KNOCKING,
    },
    GuestAction.ADMIT: {
        GuestState.KNOCKING: GuestState.ADMITTED,
        GuestState.ADMITTED: GuestState.ADMITTED,
    },
    GuestAction.REFUSE: {GuestState.KNOCKING: GuestState.REFUSED},
    GuestAction.REMOVE: {GuestState.ADMITTED: GuestState.REMOVED},
    GuestAction.LEAVE: {
        GuestState.KNOCKING: GuestState.LEFT,
        GuestState.ADMITTED: GuestState.LEFT,
    },
}

KNOCKS = frozenset({GuestAction.REDEEM, GuestAction.KNOCK})
"""Steps by which a guest is heard, and begins to knock."""
_NAMELESS = frozenset({GuestAction.REFUSE, GuestAction.LEAVE})
"""Steps after which nobody needs the guest's name."""


def guest_id(secret: str) -> str:
    """Name a link by the hash of its secret."""
    return blake2b(secret.encode(errors="replace"), digest_size=18).hexdigest()


class Guest(Record):
    """A link, and what became of it."""

    id: str
    namespace: Namespace
    clinic: str
    clinic_uid: str
    place: GuestPlace
    place_id: str
    """Uid of the room, or the visit."""
    label: str
    """What staff wrote to know it by."""
    made_by: str
    made_ms: int = 0
    """Store clock, ms since 1970, as all of these; the store sets them."""
    expires_ms: int = 0
    state: GuestState = GuestState.INVITED
    claim: str = ""
    """Hash of what the browser holds that used the link; empty: it was not used."""
    name: str = ""
    """As the guest gave it; forgotten when the guest is refused or gone."""
    consultation: str = ""
    """The consultation that the guest was admitted to: another one takes another admission."""
    was_removed: bool = False
    """Since the last admission by somebody: an open door is none for this guest."""
    decided_by: str = ""
    """The member of staff who admitted, refused or removed; empty: the room did."""
    knocked_ms: int = 0
    socket: str = ""
    """Which of the guest's sockets is the newest."""
    seen_ms: int = 0
    """When the guest's page was last heard."""
    is_silent: bool = False
    """The page was not heard of for `CONNECTED_S` when the list was read; never stored."""


def guest_changes(
    action: GuestAction, by: str = "", *, name: str = "", consultation: str = ""
) -> dict[str, str | int | bool]:
    """What a step that is allowed writes beside the state, and beside the time of a knock."""
    changed: dict[str, str | int | bool] = {"name": ""} if action in _NAMELESS else {}
    match action:
        case _ if action in KNOCKS:
            changed |= {"name": name}
        case GuestAction.ADMIT:
            changed |= {"decided_by": by, "consultation": consultation, "was_removed": False}
        case GuestAction.REFUSE:
            changed |= {"decided_by": by}
        case GuestAction.REMOVE:
            changed |= {"decided_by": by, "was_removed": True}
        case _:
            pass
    return changed


def room_of(guest: Guest, clinic: ClinicProjection) -> RoomProjection | None:
    """The room that a link leads to; None: it is gone, or the link leads to a consultation."""
    for room in clinic.rooms:
        if (PLACE_OF[room.kind], room.uid) == (guest.place, guest.place_id):
            return room
    return None


def call_for(guest: Guest, visit: Visit | None) -> CallId:
    """The call that a link leads to; a consultation's is the visit's, whichever that is."""
    return visit.call if visit else call_of_room(guest.place_id)


def is_there(guest: Guest, clinic: ClinicProjection, visit: Visit | None) -> bool:
    """Whether there still is what the link leads to."""
    if guest.clinic_uid != clinic.uid:
        return False
    if guest.place is GuestPlace.VISIT:
        return visit is not None and visit.clinic_uid == clinic.uid
    return room_of(guest, clinic) is not None


def runs(guest: Guest, visit: Visit | None) -> bool:
    """Whether somebody can be admitted now: a room always stands, a consultation runs or does not."""
    return guest.place is not GuestPlace.VISIT or (
        visit is not None and visit.state in CALL_GOES_ON
    )


def state_now(guest: Guest, visit: Visit | None) -> GuestState:
    """The state that counts: who was admitted to a consultation that is over knocks at the next one."""
    if guest.state is not GuestState.ADMITTED or guest.place is not GuestPlace.VISIT:
        return guest.state
    is_same = visit is not None and visit.consultation == guest.consultation
    return GuestState.ADMITTED if is_same and runs(guest, visit) else GuestState.KNOCKING


def walks_in(guest: Guest, room: RoomProjection | None) -> bool:
    """Whether a knock is answered by the room itself."""
    is_open = room is not None and room.guest_entry == "Open" and not room.locked
    return is_open and guest.state is GuestState.KNOCKING and not guest.was_removed


class GuestEntry(Record):
    """One link as staff see it."""

    guest: str
    state: GuestState
    place: GuestPlace
    place_id: str
    label: str
    name: str
    made_by_name: str
    made_at: str
    expires_at: str
    knocked_at: str | None
    connected: bool


def guest_entry(guest: Guest, visit: Visit | None, made_by_name: str) -> GuestEntry:
    """Tell staff of a guest."""
    return GuestEntry(
        guest=guest.id, state=state_now(guest, visit), place=guest.place, place_id=guest.place_id,
        label=guest.label, name=guest.name, made_by_name=made_by_name,
        made_at=rfc3339(guest.made_ms), expires_at=rfc3339(guest.expires_ms),
        knocked_at=rfc3339(guest.knocked_ms) if guest.knocked_ms else None,
        connected=not guest.is_silent,
    )  # fmt: skip
