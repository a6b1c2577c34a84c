"""One participant of a call: what it may do, sends, sees, and what is kept of it when it goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from teleward_contract.signalling import ParticipantRole, ParticipantView, Right, ShownSlot
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core import chat
from teleward_media.core.answer import Negotiated, SourceKind
from teleward_media.core.forwarding import SourceId
from teleward_media.core.limiter import TokenBucket

STALLED_S = 2.0
"""What is sent and does not arrive for this long has stalled: a hundred voice packets, or forty times what Chromium
lets pass between two pictures of a camera in the dark."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the ticket says of a participant."""

    id: ParticipantId
    name: str
    role: ParticipantRole
    rights: frozenset[Right]


@dataclass(slots=True)
class Member:
    """A participant with a negotiated peer."""

    person: Person
    negotiated: Negotiated
    audio: bool = True
    video: bool = True
    screen: bool = False
    held: bool = False
    slots: dict[str, SourceId] = field(default_factory=dict)
    """mid → what is shown there."""
    last: dict[str, SourceId] = field(default_factory=dict)
    """mid → what was shown there last."""
    heights: dict[str, int] = field(default_factory=dict)
    """mid → device pixels at which its picture is shown, as far as the page said."""
    pins: frozenset[SourceId] = frozenset()
    """What this participant wants to see above all."""
    chat_since: int = 0
    """Number of the last chat message before this participant came first."""
    chat_budget: TokenBucket = field(
        default_factory=lambda: TokenBucket.full(chat.RATE, chat.BURST, Seconds(0.0))
    )
    stalled: bool = False
    expected_at: dict[SourceKind, Seconds] = field(default_factory=dict)
    """When each thing was last heard, or was first due."""

    def anew(self, person: Person, negotiated: Negotiated) -> Self:
        """The same participant with another peer: it stays as it was, and finds its places again."""
        return type(self)(
            person, negotiated, audio=self.audio, video=self.video, pins=self.pins,
            last=self.last | self.slots, chat_since=self.chat_since, chat_budget=self.chat_budget,
        )  # fmt: skip

    def begin_anew(self) -> None:
        """Forget what it sent: who leaves and comes again comes in as anybody does, who was cut off goes on."""
        self.audio, self.video, self.screen = True, True, False

    def view(self) -> ParticipantView:
        """Show this participant to the others."""
        return ParticipantView(
            id=self.person.id, name=self.person.name, role=self.person.role,
            audio=self.audio and self._has("microphone"), video=self.video and self._has("camera"),
            screen=self.screen and self._has("screen"), held=self.held, stalled=self.stalled,
        )  # fmt: skip

    def offers(self) -> list[SourceId]:
        """Sources that take a slot at the others, muted or not, so that unmuting moves nobody."""
        return [
            SourceId(self.person.id, source.kind)
            for source in self.negotiated.sources
            if source.kind != "screen" or self.screen
        ]

    def sends(self, kind: SourceKind) -> bool:
        """Whether this source is forwarded now."""
        if self.held:
            return False
        return {"microphone": self.audio, "camera": self.video, "screen": self.screen}[kind]

    def rids(self) -> tuple[str, ...]:
        """The camera's encodings, lowest layer first."""
        rids = [source.rids for source in self.negotiated.sources if source.kind == "camera"]
        return rids[0] if rids else ()

    def shows(self, slots: Iterable[ShownSlot]) -> bool:
        """Note what the page shows; whether another picture is pinned now."""
        mids = {slot.mid for slot in self.negotiated.slots if slot.kind == "video"}
        said = {slot.mid: slot for slot in slots if slot.mid in mids}
        self.heights = {mid: slot.height for mid, slot in said.items()}
        before, self.pins = self.pins, frozenset(
            self.slots[mid] for mid, slot in said.items() if slot.pinned and mid in self.slots
        )  # fmt: skip
        return self.pins != before

    def seats(self, given: dict[str, SourceId]) -> None:
        """Take a new slot table; what was said of a slot's size was said of who stood there."""
        for mid, source in given.items():
            if self.slots.get(mid) != source:
                self.heights.pop(mid, None)
        self.slots, self.last = given, self.last | self.slots | given

    def hears(self, heard_at: dict[SourceId, Seconds], now: Seconds) -> bool:
        """Take in when this participant's media last arrived; whether it has stalled, or goes on, since."""
        due = [
            source.kind
            for source in self.offers()
            if source.kind != "screen" and self.sends(source.kind)  # a screen may stand still
        ]
        self.expected_at = {
            kind: max(
                self.expected_at.get(kind, now),
                heard_at.get(SourceId(self.person.id, kind), Seconds(0.0)),
            )
            for kind in due
        }
        before = self.stalled
        self.stalled = any(now - at > STALLED_S for at in self.expected_at.values())
        return self.stalled != before

    def _has(self, kind: SourceKind) -> bool:
        return any(source.kind == kind for source in self.negotiated.sources)
