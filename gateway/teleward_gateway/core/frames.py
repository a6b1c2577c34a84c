"""The frames of the waiting socket and of the queue socket, as `docs/wire.md` tells them."""

from typing import Literal

from pydantic import Field
from teleward_contract.projections import ClinicProjection
from teleward_contract.signalling import Frame, WaitReason

from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.door import text_for
from teleward_gateway.core.entry import Said
from teleward_gateway.core.guests import GuestEntry
from teleward_gateway.core.queue import Entry, Order, rfc3339
from teleward_gateway.core.visits import Visit, VisitState, Words


class Hello(Frame, Said):
    """First frame of a waiting page: what it needs to rebuild the visit."""

    type: Literal["hello"]
    state: VisitState | None = None
    """Where the visit stood when the page was told last; None: it has been told nothing yet."""


class Report(Frame, DeviceReport):
    """What the page found out about its device."""

    type: Literal["report"]


class Probe(Frame):
    """The page measures the round trip."""

    type: Literal["probe"]
    number: int = Field(ge=0, le=1_000_000, strict=True)


class Probed(Frame):
    """The answer to a probe."""

    type: Literal["probed"] = "probed"
    number: int


class ClinicShown(Frame):
    """What the waiting page shows of the clinic."""

    display_name: str = ""
    notice: str = ""
    phone: str = ""


class MessageShown(Frame):
    """What staff wrote to the patient last, in the patient's language if it is a ready-made text."""

    text: str
    at: str


class ClosingShown(Frame):
    """What follows a consultation."""

    message: str = ""
    link: str = ""


class VisitFrame(Frame):
    """The patient's own visit; nothing in it depends on other patients, but for the position if it is switched on."""

    type: Literal["visit"] = "visit"
    state: VisitState
    arrived_at: str
    clinic: ClinicShown = ClinicShown()
    position: int | None = None
    message: MessageShown | None = None
    delayed: bool = False
    """Somebody wanted to call in, and there was no place for the call."""
    closing: ClosingShown | None = None
    """Once it has ended, if the clinic has anything to say."""


class WaitFrame(Frame):
    """One moment; nothing to do."""

    type: Literal["wait"] = "wait"
    reason: WaitReason


class ReplacedFrame(Frame):
    """Another tab has taken over."""

    type: Literal["replaced"] = "replaced"


class UnknownFrame(Frame):
    """There is no such visit."""

    type: Literal["unknown"] = "unknown"


class TransferredFrame(Frame):
    """The visit waits in another clinic of the organisation; the page posts its ticket to be given that clinic's."""

    type: Literal["transferred"] = "transferred"
    clinic: str
    display_name: str


class RoomCount(Frame):
    """How many are in a room, and who, as far as this member of staff may know."""

    uid: str
    participants: int
    names: tuple[str, ...] = ()


class Arrived(Frame):
    """Those who have come to a clinic and whom nobody has seen yet."""

    namespace: str
    clinic: str
    display_name: str
    repeat_s: int
    visits: tuple[str, ...]


class ArrivalsFrame(Frame):
    """All of them, of every clinic in which this person is told; no name of a patient."""

    type: Literal["arrivals"] = "arrivals"
    clinics: tuple[Arrived, ...]


class QueueFrame(Frame):
    """The whole queue."""

    type: Literal["queue"] = "queue"
    version: int
    order: Order
    long_after_minutes: int
    """From when on a wait is shown as long."""
    very_long_after_minutes: int
    now: str | None = None
    """By the clock that arrivals are told in; None while that is not known."""
    visits: tuple[Entry, ...]
    rooms: tuple[RoomCount, ...]
    guests: tuple[GuestEntry, ...] = ()


class QueueDelta(Frame):
    """What changed since the version before; `rooms` and `guests` are whole, and None when they are as before."""

    type: Literal["queue_delta"] = "queue_delta"
    version: int
    upsert: tuple[Entry, ...]
    remove: tuple[str, ...]
    rooms: tuple[RoomCount, ...] | None = None
    guests: tuple[GuestEntry, ...] | None = None


PatientFrame = VisitFrame | WaitFrame | ReplacedFrame | TransferredFrame | UnknownFrame
StaffFrame = QueueFrame | QueueDelta | WaitFrame


def visit_frame(
    clinic: ClinicProjection, visit: Visit, locale: str, position: int | None = None,
    words: Words | None = None,
) -> VisitFrame:  # fmt: skip
    """Tell a patient about their visit, in their language."""
    area = clinic.waiting_area
    return VisitFrame(
        state=visit.state,
        arrived_at=rfc3339(visit.arrived_ms),
        clinic=ClinicShown(
            display_name=clinic.display_name,
            notice=text_for(area.notice, locale) if area else "",
            phone=area.fallback_phone if area else "",
        ),
        position=position if area and area.show_position else None,
        message=_shown(words, locale),
        delayed=visit.is_delayed and visit.state in (VisitState.WAITING, VisitState.ON_HOLD),
    )


def over_frame(
    visit: Visit, locale: str, words: Words | None = None, clinic: ClinicProjection | None = None
) -> VisitFrame:
    """Tell a patient that the visit is over: what is left are the words of a refusal, and the clinic's last ones."""
    return VisitFrame(
        state=visit.state, arrived_at=rfc3339(visit.arrived_ms), message=_shown(words, locale),
        closing=_closing(clinic, locale) if clinic and visit.state is VisitState.ENDED else None,
    )  # fmt: skip


def _closing(clinic: ClinicProjection, locale: str) -> ClosingShown | None:
    area = clinic.waiting_area
    if area is None or not (area.closing_message or area.closing_link):
        return None
    link = area.closing_link if area.closing_link.startswith("https://") else ""
    return ClosingShown(message=text_for(area.closing_message, locale), link=link)


def _shown(words: Words | None, locale: str) -> MessageShown | None:
    if words is None:
        return None
    return MessageShown(text=text_for(words.texts, locale), at=rfc3339(words.at_ms))
