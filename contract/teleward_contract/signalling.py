"""The in-call signalling messages; `docs/wire.md` tells their story.

Every frame is one JSON object with a `type`. The gateway proxies frames of the call and adds its
own few. Frames never carry a patient's fields; names travel in `ParticipantView` alone.
"""

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from teleward_contract.errors import FrameRefusedError

MAX_FRAME_BYTES = 64 * 1024
"""The largest legal offer (20 people, 33 sections of about 1.4 KB), with room to spare."""

SUBPROTOCOL = "teleward.call.v1"
"""WebSocket subprotocol of the control port and the call socket."""


class ErrorCode(StrEnum):
    """Everything that can go wrong on a call socket, for the page to choose words by."""

    FRAME_TOO_LARGE = "frame_too_large"
    NOT_JSON = "not_json"
    UNKNOWN_TYPE = "unknown_type"
    BAD_FRAME = "bad_frame"
    OUT_OF_ORDER = "out_of_order"
    """A frame that is legal, but not now (two offers, something before `join`)."""
    BAD_OFFER = "bad_offer"
    NOT_PERMITTED = "not_permitted"
    CALL_FULL = "call_full"
    """The call has as many participants as it may have."""
    CALL_LOCKED = "call_locked"
    """The call admits nobody who was not in it already."""
    CANNOT_RESTART = "cannot_restart"
    """This peer's transport cannot be restarted: make a new peer."""
    NO_CAPACITY = "no_capacity"
    """The media node cannot take more."""
    TICKET_REFUSED = "ticket_refused"
    STALE_PLACEMENT = "stale_placement"
    """The call has moved to another media node."""
    NOTHING_TO_RESUME = "nothing_to_resume"
    NOT_FOUND = "not_found"
    """No such door for this person: unknown, ended and forbidden look alike."""
    TOO_FAST = "too_fast"


class CloseReason(StrEnum):
    """Why a call is over for this participant."""

    LEFT = "left"
    ENDED = "ended"
    REMOVED = "removed"
    REPLACED = "replaced"
    """The same participant has joined from elsewhere."""
    MOVED = "moved"
    """The call lives on another media node now."""
    SHUTDOWN = "shutdown"
    GONE = "gone"
    """Nothing was heard from this participant for the grace period."""
    FLOODING = "flooding"
    """This participant has sent far more than anybody needs, for seconds."""


class WaitReason(StrEnum):
    """Why the browser must wait a moment; it need do nothing."""

    RECOVERING = "recovering"
    UNAVAILABLE = "unavailable"
    NO_CAPACITY = "no_capacity"


class Right(StrEnum):
    """What a ticket lets its participant do to others."""

    HOLD = "hold"
    REMOVE = "remove"
    END = "end"
    LOCK = "lock"
    MUTE = "mute"


class ParticipantRole(StrEnum):
    """How a participant is shown to the others."""

    PATIENT = "patient"
    CLINICIAN = "clinician"
    STAFF = "staff"
    GUEST = "guest"


class Frame(BaseModel):
    """Any message: frozen; unknown fields are ignored so that old and new speak to each other."""

    model_config = ConfigDict(frozen=True, extra="ignore")


MAX_NAME = 120
"""Characters of a name that is shown."""
MAX_ID = 512
"""Characters of a participant's id: a call's, which names namespace, clinic and room (63 each), and a person's."""
MAX_CHAT = 2000
"""Characters of one chat message: a screenful, and at most an eighth of a frame in any script."""
MAX_VIEW = 64
"""Slots that one `view` speaks of: twice what the largest legal offer has sections."""


class ParticipantView(Frame):
    """A participant as the others see it."""

    id: str
    name: str = Field(max_length=MAX_NAME)
    role: ParticipantRole
    audio: bool = True
    """False: muted."""
    video: bool = True
    screen: bool = False
    held: bool = False
    stalled: bool = False
    """Something that this participant sends, neither muted nor held, has not arrived for a while."""


class SlotView(Frame):
    """Who appears in one receive slot of this peer."""

    mid: str
    kind: Literal["audio", "video"]
    participant: str | None
    source: Literal["microphone", "camera", "screen"] | None = None


# -- browser → media node -------------------------------------------------------------------------


class Join(Frame):
    """Begin: the one offer of this peer. A second `join` on a new socket replaces the peer."""

    type: Literal["join"] = "join"
    offer: str = Field(min_length=1)


class Resume(Frame):
    """A new socket for a peer whose media still flows (the gateway was restarted)."""

    type: Literal["resume"] = "resume"


class Restart(Frame):
    """A new offer of the same peer with new ICE credentials (RFC 8445 §9), fingerprint and sections unchanged."""

    type: Literal["restart"] = "restart"
    offer: str = Field(min_length=1)


class Media(Frame):
    """What this participant sends now. Muted media is not forwarded, whatever arrives."""

    type: Literal["media"] = "media"
    audio: bool
    video: bool
    screen: bool = False


class Hold(Frame):
    """Hold or take back a participant; held, it neither sends nor receives. Needs `Right.HOLD`."""

    type: Literal["hold"] = "hold"
    participant: str = Field(max_length=MAX_ID)
    on: bool


class Remove(Frame):
    """Remove a participant. Needs `Right.REMOVE`."""

    type: Literal["remove"] = "remove"
    participant: str = Field(max_length=MAX_ID)


class End(Frame):
    """End the call for all. Needs `Right.END`."""

    type: Literal["end"] = "end"


class Leave(Frame):
    """Leave the call."""

    type: Literal["leave"] = "leave"


class Lock(Frame):
    """Admit nobody new; who was in may return. Needs `Right.LOCK`."""

    type: Literal["lock"] = "lock"
    on: bool


class Mute(Frame):
    """Turn a participant's microphone off for all, until it says `media` itself. Needs `Right.MUTE`."""

    type: Literal["mute"] = "mute"
    participant: str = Field(max_length=MAX_ID)


class Chat(Frame):
    """Say something in writing to everybody in the call. No control characters."""

    type: Literal["chat"] = "chat"
    text: str = Field(min_length=1, max_length=MAX_CHAT, pattern=r"^\P{Cc}+$")


class ShownSlot(Frame):
    """How one picture slot of this peer is shown."""

    mid: str = Field(max_length=32)
    height: int = Field(ge=0, le=10_000)
    """Device pixels; 0: hidden."""
    pinned: bool = False


class View(Frame):
    """What the page shows, whole, after any change; mids that are no picture slots are passed over."""

    type: Literal["view"] = "view"
    slots: tuple[ShownSlot, ...] = Field(max_length=MAX_VIEW)


# -- media node → browser -------------------------------------------------------------------------


class Joined(Frame):
    """Answer to `join`."""

    type: Literal["joined"] = "joined"
    answer: str
    you: str
    participants: tuple[ParticipantView, ...]
    slots: tuple[SlotView, ...]
    encodings: tuple[str, ...]
    """RIDs of the camera's encodings that must be active; all others inactive."""
    locked: bool = False


class Resumed(Frame):
    """Answer to `resume`."""

    type: Literal["resumed"] = "resumed"
    you: str
    participants: tuple[ParticipantView, ...]
    slots: tuple[SlotView, ...]
    encodings: tuple[str, ...]
    locked: bool = False


class Restarted(Frame):
    """Answer to `restart`."""

    type: Literal["restarted"] = "restarted"
    answer: str


class Participants(Frame):
    """The whole list after any change, the receiver included."""

    type: Literal["participants"] = "participants"
    participants: tuple[ParticipantView, ...]
    locked: bool = False
    """Whether the call admits nobody new."""


class Slots(Frame):
    """The whole slot table of this peer after any change."""

    type: Literal["slots"] = "slots"
    slots: tuple[SlotView, ...]


class Encodings(Frame):
    """Which of the camera's encodings must be active now (`RTCRtpSender.setParameters`)."""

    type: Literal["encodings"] = "encodings"
    active: tuple[str, ...]


class Speaker(Frame):
    """Who speaks now, in a call of three or more; nobody: null."""

    type: Literal["speaker"] = "speaker"
    participant: str | None


class Said(Frame):
    """One chat message. Numbers rise by the call; a page that has a number already passes it over."""

    type: Literal["chat"] = "chat"
    number: int
    participant: str
    text: str


class Muted(Frame):
    """Somebody turned this participant's microphone off."""

    type: Literal["muted"] = "muted"
    by: str


class QualityView(Frame):
    """How a participant's path has been; `up` is from it to the media node. Null: not known."""

    round_trip_ms: float | None = None
    up_loss: float | None = None
    """Share of the packets, 0 to 1."""
    up_jitter_ms: float | None = None
    up_bps: int | None = None
    down_loss: float | None = None
    down_jitter_ms: float | None = None
    down_bps: int | None = None
    path: str | None = Field(default=None, max_length=32)
    """Kind of path, never an address: `udp4` or `udp6`."""


class Quality(QualityView):
    """Every few seconds, to each participant about itself."""

    type: Literal["quality"] = "quality"


class Closed(Frame):
    """The call is over for this participant; the socket closes after it."""

    type: Literal["closed"] = "closed"
    reason: CloseReason


class Error(Frame):
    """A refusal; after a fatal one the socket closes."""

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    """For logs and developers, in English; the page words it by `code`."""
    fatal: bool = True


# -- gateway → browser ----------------------------------------------------------------------------


class Ready(Frame):
    """A media node is reached: send `join`, or `resume` if your peer connection still lives."""

    type: Literal["ready"] = "ready"
    resumable: bool
    call: str
    epoch: int
    """Changes when the call has moved: then build a new peer connection."""
    media_node: str
    max_participants: int = 6
    """How many the call may have: what a page offers receive slots for."""


class Wait(Frame):
    """One moment; the gateway goes on trying."""

    type: Literal["wait"] = "wait"
    reason: WaitReason


class Move(Frame):
    """The media node is gone or drained: `ready` with a new epoch follows; keep the page."""

    type: Literal["move"] = "move"


# -- gateway ↔ media node -------------------------------------------------------------------------


class Challenge(Frame):
    """First frame of the control port."""

    type: Literal["challenge"] = "challenge"
    v: int = 1
    nonce: str
    media_node: str
    boot: str


class Authenticate(Frame):
    """The gateway's answer: a media ticket that contains the nonce."""

    type: Literal["authenticate"] = "authenticate"
    ticket: str


class Admitted(Frame):
    """The ticket is good; frames of the participant follow."""

    type: Literal["admitted"] = "admitted"
    participant: str
    resumable: bool


ClientFrame = Annotated[
    Join | Resume | Restart | Media | Hold | Remove | End | Leave | Lock | Mute | Chat | View,
    Field(discriminator="type"),
]
MediaNodeFrame = Annotated[
    Joined | Resumed | Restarted | Participants | Slots | Encodings | Speaker | Said | Muted | Quality
    | Closed | Error,
    Field(discriminator="type"),
]  # fmt: skip
GatewayFrame = Annotated[Ready | Wait | Move, Field(discriminator="type")]
ServerFrame = Annotated[MediaNodeFrame | GatewayFrame, Field(discriminator="type")]
ControlFrame = Annotated[Challenge | Authenticate | Admitted, Field(discriminator="type")]

CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
CONTROL_FRAME: TypeAdapter[ControlFrame] = TypeAdapter(ControlFrame)

_T = TypeVar("_T")

_CODES = {
    "json_invalid": ErrorCode.NOT_JSON,
    "json_type": ErrorCode.NOT_JSON,
    "union_tag_invalid": ErrorCode.UNKNOWN_TYPE,
    "union_tag_not_found": ErrorCode.UNKNOWN_TYPE,
}


def encode(frame: Frame) -> str:
    """Write one frame as JSON text."""
    return frame.model_dump_json()


def parse_client_frame(data: str | bytes) -> ClientFrame:
    """Read a frame of a browser.

    Raises:
        FrameRefusedError: It is too large, not JSON, of unknown type, or of the wrong shape.
    """
    return _parse(CLIENT_FRAME, data)


def parse_server_frame(data: str | bytes) -> ServerFrame:
    """Read a frame for a browser; raises FrameRefusedError as `parse_client_frame`."""
    return _parse(SERVER_FRAME, data)


def parse_control_frame(data: str | bytes) -> ControlFrame:
    """Read a frame of the control port's opening; raises FrameRefusedError."""
    return _parse(CONTROL_FRAME, data)


def _parse(adapter: TypeAdapter[_T], data: str | bytes) -> _T:
    raw = data if isinstance(data, bytes) else data.encode(errors="surrogatepass")
    if len(raw) > MAX_FRAME_BYTES:
        raise FrameRefusedError(
            ErrorCode.FRAME_TOO_LARGE, f"frame of {len(raw)} bytes; at most {MAX_FRAME_BYTES}"
        )
    try:
        return adapter.validate_json(raw)
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False, include_context=False)[0]
        code = _CODES.get(first["type"], ErrorCode.BAD_FRAME)
        where = ".".join(str(part) for part in first["loc"]) or "frame"
        raise FrameRefusedError(code, f"{where}: {first['type']}") from None
