"""What the gateway's documents say it sends: answers and the frames of its two own sockets."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from teleward_contract.signalling import WaitReason


class Answer(BaseModel):
    """Read-only; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ErrorBody(Answer):
    """Why a request was refused."""

    code: str
    message: str = ""
    by: str = ""


class ErrorAnswer(Answer):
    """The body of every error."""

    error: ErrorBody


class FieldAsked(Answer):
    """A question on the entry form."""

    name: str
    label: str
    kind: Literal["Text", "Phone", "Date", "Choice", "Consent"]
    required: bool
    choices: tuple[str, ...] = ()


class ClinicDoor(Answer):
    """A clinic as a patient sees it before entering."""

    namespace: str
    clinic: str
    display_name: str
    locales: tuple[str, ...]
    state: Literal["open", "closed", "suspended", "full"]
    message: str | None = None
    phone: str | None = None
    entry_fields: tuple[FieldAsked, ...] = ()
    visit: bool = False


class RoomOffered(Answer):
    """A room of a clinic, for a member of its team."""

    kind: Literal["meeting", "user"]
    name: str
    display_name: str
    max_participants: int
    mine: bool


class ClinicOffered(Answer):
    """A clinic of the signed-in person."""

    namespace: str
    name: str
    display_name: str
    role: str
    patient_url: str
    suspended: str | None = None
    rooms: tuple[RoomOffered, ...] = ()


class Me(Answer):
    """The signed-in person."""

    user: str
    display_name: str
    clinics: tuple[ClinicOffered, ...]


# -- the waiting socket ---------------------------------------------------------------------------


class VisitState(StrEnum):
    """Where a visit stands."""

    WAITING = "waiting"
    CALLED = "called"
    IN_CONSULTATION = "in_consultation"
    ON_HOLD = "on_hold"
    ENDED = "ended"
    REFUSED = "refused"


class ClinicShown(Answer):
    """What the waiting page shows of the clinic."""

    display_name: str
    notice: str | None = None
    phone: str | None = None


class MessageShown(Answer):
    """What staff wrote to the patient last."""

    text: str
    at: str


class ClosingShown(Answer):
    """What follows a consultation."""

    message: str = ""
    link: str = ""


class Hello(Answer):
    """First frame of the waiting socket, from the page."""

    type: Literal["hello"] = "hello"
    name: str
    fields: dict[str, str]
    locale: str
    state: VisitState | None = None


class Visit(Answer):
    """The state of the patient's own visit."""

    type: Literal["visit"]
    state: VisitState
    arrived_at: str
    clinic: ClinicShown
    position: int | None = None
    message: MessageShown | None = None
    delayed: bool = False
    closing: ClosingShown | None = None


class OneMoment(Answer):
    """The gateway goes on trying; nothing to do."""

    type: Literal["wait"]
    reason: WaitReason


class Followed(Answer):
    """Where the visit waits now, and this person with it."""

    clinic: str


class Replaced(Answer):
    """Another tab has taken over."""

    type: Literal["replaced"]


class Transferred(Answer):
    """The visit waits in another clinic of the organisation."""

    type: Literal["transferred"]
    clinic: str
    display_name: str


class Unknown(Answer):
    """There is no such visit."""

    type: Literal["unknown"]


class Refusal(Answer):
    """A frame was refused."""

    type: Literal["error"]
    code: str
    message: str = ""
    fatal: bool = True


VisitFrame = Annotated[
    Visit | OneMoment | Replaced | Transferred | Unknown | Refusal, Field(discriminator="type")
]
VISIT_FRAME: TypeAdapter[VisitFrame] = TypeAdapter(VisitFrame)


# -- the guest socket -----------------------------------------------------------------------------


class Invited(Answer):
    """A guest link as it was made."""

    guest: str
    url: str

    @property
    def secret(self) -> str:
        """What stands behind the `#`."""
        return self.url.partition("#")[2]


class Guest(Answer):
    """Where a guest is."""

    type: Literal["guest"]
    state: Literal["knocking", "admitted", "refused", "removed", "left"]
    place: Literal["meeting", "user", "visit"]
    room: str
    clinic: str


GuestFrame = Annotated[
    Guest | OneMoment | Replaced | Unknown | Refusal, Field(discriminator="type")
]
GUEST_FRAME: TypeAdapter[GuestFrame] = TypeAdapter(GuestFrame)


# -- the queue socket -----------------------------------------------------------------------------


class SpeakerShown(Answer):
    """Who speaks for the patient."""

    name: str
    role: str


class DeviceShown(Answer):
    """What the waiting page found out about its device."""

    device: str
    browser: str
    camera: str
    microphone: str
    calls: str
    network: str


class Arrived(Answer):
    """Those who have come to a clinic and whom nobody has seen yet."""

    namespace: str
    clinic: str
    display_name: str
    repeat_s: int
    visits: tuple[str, ...]


class Arrivals(Answer):
    """All of them, in every clinic of the signed-in person."""

    type: Literal["arrivals"]
    clinics: tuple[Arrived, ...]


class Entry(Answer):
    """One visit in the queue, for staff."""

    visit: str
    name: str
    arrived_at: str
    state: VisitState
    fields: dict[str, str] = {}
    locale: str = "en"
    connected: bool = True
    called_by: str | None = None
    called_by_name: str = ""
    came_from: str = ""
    priority: int = 0
    noticed: bool = True
    confirmed: bool = False
    speaker: SpeakerShown | None = None
    appointment: str = ""
    device: DeviceShown | None = None
    consultation: str = ""
    room: str = ""


class GuestEntry(Answer):
    """A guest link, for staff."""

    guest: str
    state: Literal["invited", "knocking", "admitted", "refused", "removed", "left"]
    place: Literal["meeting", "user", "visit"]
    place_id: str
    label: str
    name: str
    made_by_name: str
    connected: bool


class RoomCount(Answer):
    """Who is in a room."""

    uid: str
    participants: int
    names: tuple[str, ...] = ()


class Queue(Answer):
    """The whole queue."""

    type: Literal["queue"]
    version: int
    order: Literal["Arrival", "Priority"] = "Arrival"
    long_after_minutes: int = 15
    very_long_after_minutes: int = 30
    visits: tuple[Entry, ...]
    rooms: tuple[RoomCount, ...] = ()
    guests: tuple[GuestEntry, ...] = ()


class QueueDelta(Answer):
    """What changed since the version before."""

    type: Literal["queue_delta"]
    version: int
    upsert: tuple[Entry, ...] = ()
    remove: tuple[str, ...] = ()
    rooms: tuple[RoomCount, ...] | None = None
    guests: tuple[GuestEntry, ...] | None = None


QueueFrame = Annotated[Queue | QueueDelta | OneMoment | Refusal, Field(discriminator="type")]
QUEUE_FRAME: TypeAdapter[QueueFrame] = TypeAdapter(QueueFrame)
