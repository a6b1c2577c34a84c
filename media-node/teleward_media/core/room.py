"""One call: who is in it, who may do what, who appears in which slot. Events in, effects out.

The room knows participants, not sockets and not packets. Time comes in as a number.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from teleward_contract.signalling import (
    CloseReason,
    ErrorCode,
    ParticipantRole,
    ParticipantView,
    Right,
    SlotView,
)
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import Negotiated, SourceKind
from teleward_media.core.forwarding import ForwardingPlan, Output, SourceId
from teleward_media.errors import CallRefusedError

EMPTY_AFTER_S = Seconds(5)
"""A call nobody is in for this long is closed; long enough for a reload of the page."""

_SLOT_KINDS: dict[SourceKind, str] = {
    "microphone": "audio", "camera": "video", "screen": "video",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """What the ticket says of a participant."""

    id: ParticipantId
    name: str
    role: ParticipantRole
    rights: frozenset[Right]


@dataclass(frozen=True, slots=True)
class TellParticipants:
    """Everybody's list has changed."""


@dataclass(frozen=True, slots=True)
class Replan:
    """Slots or media have changed: compute the plan anew and tell each peer its slots."""


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """This participant is out."""

    participant: ParticipantId
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class CloseCall:
    """The call is over here; who has a socket and has not joined hears why, too."""

    reason: CloseReason


Effect: TypeAlias = TellParticipants | Replan | ClosePeer | CloseCall


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
    """mid → what is shown there; an assignment stays while its source stays."""

    def view(self) -> ParticipantView:
        """Show this participant to the others."""
        return ParticipantView(
            id=self.person.id, name=self.person.name, role=self.person.role,
            audio=self.audio and self._has("microphone"), video=self.video and self._has("camera"),
            screen=self.screen and self._has("screen"), held=self.held,
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

    def _has(self, kind: SourceKind) -> bool:
        return any(source.kind == kind for source in self.negotiated.sources)


class Room:
    """The members of one call."""

    def __init__(self, max_participants: int) -> None:
        self._max = max_participants
        self._members: dict[ParticipantId, Member] = {}
        self._held: set[ParticipantId] = set()
        """Outlives leaving, while anybody is in: who is held cannot come back as somebody who is not."""
        self.empty_since: Seconds | None = None

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, participant: ParticipantId) -> bool:
        return participant in self._members

    def join(self, person: Person, negotiated: Negotiated) -> list[Effect]:
        """Take in a participant, or replace its earlier peer.

        Raises:
            CallRefusedError: The call is full.
        """
        before = self._members.get(person.id)
        if before is None and len(self._members) >= self._max:
            raise CallRefusedError(
                ErrorCode.CALL_FULL, f"{self._max} participants are in the call"
            )
        self._members[person.id] = Member(person, negotiated, held=person.id in self._held)
        self.empty_since = None
        return [TellParticipants(), Replan()]

    def leave(self, participant: ParticipantId, reason: CloseReason, now: Seconds) -> list[Effect]:
        """Take a participant out; nothing happens if it is not in."""
        if self._members.pop(participant, None) is None:
            return []
        if not self._members:
            self.empty_since = now
            self._held.clear()
        return [ClosePeer(participant, reason), TellParticipants(), Replan()]

    def media(
        self, participant: ParticipantId, *, audio: bool, video: bool, screen: bool
    ) -> list[Effect]:
        """Note what a participant sends now."""
        member = self._members[participant]
        if (member.audio, member.video, member.screen) == (audio, video, screen):
            return []
        member.audio, member.video, member.screen = audio, video, screen
        return [TellParticipants(), Replan()]

    def hold(self, by: Person, participant: ParticipantId, *, on: bool) -> list[Effect]:
        """Hold a participant or take it back; also one who is away and may return."""
        _need(by, Right.HOLD)
        if on:
            self._held.add(participant)
        else:
            self._held.discard(participant)
        member = self._members.get(participant)
        if member is None or member.held == on:
            return []
        member.held = on
        return [TellParticipants(), Replan()]

    def remove(self, by: Person, participant: ParticipantId, now: Seconds) -> list[Effect]:
        """Remove a participant."""
        _need(by, Right.REMOVE)
        return self.leave(participant, CloseReason.REMOVED, now)

    def end(self, by: Person) -> list[Effect]:
        """End the call for all."""
        _need(by, Right.END)
        return self.close(CloseReason.ENDED)

    def close(self, reason: CloseReason) -> list[Effect]:
        """Take everybody out and close."""
        everybody = list(self._members)
        self._members.clear()
        return [
            *(ClosePeer(participant, reason) for participant in everybody),
            CloseCall(reason),
        ]

    def tick(self, now: Seconds) -> list[Effect]:
        """Close a call that has been empty for long enough."""
        if self.empty_since is not None and now - self.empty_since >= EMPTY_AFTER_S:
            return [CloseCall(CloseReason.ENDED)]
        return []

    def ids(self) -> tuple[ParticipantId, ...]:
        """Who is in, in order of arrival."""
        return tuple(self._members)

    def participants(self) -> tuple[ParticipantView, ...]:
        """List everybody, in order of arrival."""
        return tuple(member.view() for member in self._members.values())

    def slots(self, participant: ParticipantId) -> tuple[SlotView, ...]:
        """Show one peer's slot table."""
        member = self._members[participant]
        return tuple(
            slot.view(source.participant, source.kind)
            if (source := member.slots.get(slot.mid))
            else slot.view(None, None)
            for slot in member.negotiated.slots
        )

    def encodings(self, participant: ParticipantId) -> tuple[str, ...]:
        """Name the camera encodings to be active: one, the best, until layers are chosen here."""
        rids = [
            s.rids for s in self._members[participant].negotiated.sources if s.kind == "camera"
        ]
        return rids[0][:1] if rids else ()

    def plan(self) -> ForwardingPlan:
        """Assign slots (keeping what stands) and compute who is forwarded to whom."""
        plan: dict[SourceId, list[Output]] = {}
        for receiver in self._members.values():
            self._assign(receiver)
            if receiver.held:
                continue
            for mid, source in receiver.slots.items():
                if self._members[source.participant].sends(source.kind):
                    plan.setdefault(source, []).append(Output(receiver.person.id, mid))
        return {source: tuple(outputs) for source, outputs in plan.items()}

    def _assign(self, receiver: Member) -> None:
        offered = [
            source
            for member in self._members.values()
            if member is not receiver
            for source in member.offers()
        ]
        kept = {mid: source for mid, source in receiver.slots.items() if source in offered}
        free = [slot for slot in receiver.negotiated.slots if slot.mid not in kept]
        for source in offered:
            if source in kept.values():
                continue
            slot = next((s for s in free if s.kind == _SLOT_KINDS[source.kind]), None)
            if slot is not None:
                free.remove(slot)
                kept[slot.mid] = source
        receiver.slots = kept


def _need(person: Person, right: Right) -> None:
    if right not in person.rights:
        raise CallRefusedError(
            ErrorCode.NOT_PERMITTED, f"needs the right {right.value}", fatal=False
        )
