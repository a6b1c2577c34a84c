"""One call: who is in it, who may do what, who appears in which slot. Events in, effects out.

The room knows participants, not sockets and not packets. Time comes in as a number.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from teleward_contract.signalling import (
    CloseReason,
    ErrorCode,
    ParticipantView,
    Right,
    ShownSlot,
    SlotView,
)
from teleward_contract.units import ParticipantId, Seconds

from teleward_media.core.answer import Negotiated
from teleward_media.core.chat import Chat, Message
from teleward_media.core.forwarding import (
    ForwardingPlan,
    Interest,
    Interests,
    Observed,
    Output,
    SourceId,
)
from teleward_media.core.member import Member, Person
from teleward_media.core.slots import assign, interest
from teleward_media.core.speaker import Speakers
from teleward_media.errors import CallRefusedError

EMPTY_AFTER_S = Seconds(5)
"""A call nobody is in for this long is closed; long enough for a reload of the page. Ours."""
REMEMBERED = 100
"""Participants who left and are remembered, and those who may be held at once: five times the largest call. Ours."""
CROWD = 3
"""From this many on it matters who speaks and which layers there are: of two, each sees the other, whole."""


@dataclass(frozen=True, slots=True)
class TellParticipants:
    """Everybody's list has changed."""


@dataclass(frozen=True, slots=True)
class Replan:
    """Slots or media have changed: compute the plan anew and tell each peer its slots."""


@dataclass(frozen=True, slots=True)
class Reweigh:
    """Receivers care for other pictures than before; who is shown where stays."""


@dataclass(frozen=True, slots=True)
class TellSpeaker:
    """Somebody else speaks now, or nobody."""


@dataclass(frozen=True, slots=True)
class TellChat:
    """Somebody said something in writing."""

    message: Message


@dataclass(frozen=True, slots=True)
class TellMuted:
    """This participant was muted by another."""

    participant: ParticipantId
    by: ParticipantId


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """This participant is out."""

    participant: ParticipantId
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class CloseCall:
    """The call is over here; who has a socket and has not joined hears why, too."""

    reason: CloseReason


Effect: TypeAlias = (
    TellParticipants
    | Replan
    | Reweigh
    | TellSpeaker
    | TellChat
    | TellMuted
    | ClosePeer
    | CloseCall
)


class Room:
    """The members of one call."""

    def __init__(self, max_participants: int) -> None:
        self._max = max_participants
        self._members: dict[ParticipantId, Member] = {}
        self._away: dict[ParticipantId, Member] = {}
        """Who was in, was not removed, and may return."""
        self._awaited: set[ParticipantId] = set()
        """Who was taken out for a while, and comes back as a newcomer whom no lock keeps out."""
        self._held: set[ParticipantId] = set()
        """Outlives leaving, while anybody is in: who is held cannot come back as somebody who is not."""
        self._chat = Chat()
        self._speakers = Speakers()
        self._is_short_of_slots = False
        self.is_locked = False
        self.empty_since: Seconds | None = None

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, participant: ParticipantId) -> bool:
        return participant in self._members

    # -- coming and going ----------------------------------------------------------------------

    def join(self, person: Person, negotiated: Negotiated) -> list[Effect]:
        """Take in a participant, or replace its earlier peer.

        Raises:
            CallRefusedError: The call is locked, or full.
        """
        before = self._members.get(person.id) or self._away.get(person.id)
        if before is None and self.is_locked and person.id not in self._awaited:
            raise CallRefusedError(ErrorCode.CALL_LOCKED, "the call admits nobody new")
        if person.id not in self._members and len(self._members) >= self._max:
            raise CallRefusedError(
                ErrorCode.CALL_FULL, f"{self._max} participants are in the call"
            )
        self._away.pop(person.id, None)
        self._awaited.discard(person.id)
        member = (
            before.anew(person, negotiated)
            if before
            else Member(person, negotiated, chat_since=self._chat.last)
        )
        member.held = person.id in self._held
        self._members[person.id] = member
        self.empty_since = None
        return [TellParticipants(), Replan()]

    def leave(self, participant: ParticipantId, reason: CloseReason, now: Seconds) -> list[Effect]:
        """Take a participant out; nothing happens if it is not in."""
        member = self._members.pop(participant, None)
        if member is None:
            return []
        if reason is CloseReason.LEFT:
            member.begin_anew()
        self._away[participant] = member
        if len(self._away) > REMEMBERED:
            del self._away[next(iter(self._away))]
        if not self._members:  # nobody is left who could take back or unlock
            self.empty_since = now
            self._held.clear()
            self._awaited.clear()
            self.is_locked = False
        return [ClosePeer(participant, reason), TellParticipants(), Replan()]

    def has_peer(self, participant: ParticipantId, negotiated: Negotiated) -> bool:
        """Whether this is the participant's peer now, not an earlier one."""
        member = self._members.get(participant)
        return member is not None and member.negotiated is negotiated

    def negotiated(self, participant: ParticipantId) -> Negotiated:
        """What the participant's peer sends and receives."""
        return self._members[participant].negotiated

    # -- what participants do ------------------------------------------------------------------

    def media(
        self, participant: ParticipantId, *, audio: bool, video: bool, screen: bool
    ) -> list[Effect]:
        """Note what a participant sends now."""
        member = self._members[participant]
        if (member.audio, member.video, member.screen) == (audio, video, screen):
            return []
        member.audio, member.video, member.screen = audio, video, screen
        return [TellParticipants(), Replan()]

    def shows(self, participant: ParticipantId, slots: Iterable[ShownSlot]) -> list[Effect]:
        """Note what a participant's page shows."""
        return [Replan()] if self._members[participant].shows(slots) else [Reweigh()]

    def say(self, participant: ParticipantId, text: str, now: Seconds) -> list[Effect]:
        """Say something in writing; what is said while somebody is held is none of theirs.

        Raises:
            CallRefusedError: Too much, or by somebody who is held.
        """
        member = self._members[participant]
        if member.held:
            raise CallRefusedError(ErrorCode.NOT_PERMITTED, "you are on hold", fatal=False)
        if not member.chat_budget.allow(now):
            raise CallRefusedError(ErrorCode.TOO_FAST, "write more slowly", fatal=False)
        return [TellChat(self._chat.say(participant, text, frozenset(self._held)))]

    def missed(self, participant: ParticipantId) -> tuple[Message, ...]:
        """What was written since a participant came first."""
        return self._chat.since(self._members[participant].chat_since, participant)

    def hold(self, by: Person, participant: ParticipantId, *, on: bool) -> list[Effect]:
        """Hold a participant or take it back; also one who is away and may return."""
        _need(by, Right.HOLD)
        if on and participant not in self._held and len(self._held) >= REMEMBERED:
            raise CallRefusedError(ErrorCode.NOT_PERMITTED, "too many are held", fatal=False)
        if on:
            self._held.add(participant)
        else:
            self._held.discard(participant)
        member = self._members.get(participant)
        if member is None or member.held == on:
            return []
        member.held = on
        return [TellParticipants(), Replan()]

    def mute(self, by: Person, participant: ParticipantId) -> list[Effect]:
        """Turn a participant's microphone off, until it says itself that it sends again."""
        _need(by, Right.MUTE)
        member = self._members.get(participant)
        if member is None or not member.audio:
            return []
        member.audio = False
        return [TellMuted(participant, by.id), TellParticipants(), Replan()]

    def lock(self, by: Person, *, on: bool) -> list[Effect]:
        """Admit nobody new, or anybody again."""
        _need(by, Right.LOCK)
        if self.is_locked == on:
            return []
        self.is_locked = on
        return [TellParticipants()]

    def remove(self, by: Person, participant: ParticipantId, now: Seconds) -> list[Effect]:
        """Remove a participant; who comes back after that comes as somebody new."""
        _need(by, Right.REMOVE)
        effects = self.leave(participant, CloseReason.REMOVED, now)
        self._away.pop(participant, None)
        self._awaited.discard(participant)
        return effects

    def take_out(self, by: Person, participant: ParticipantId, now: Seconds) -> list[Effect]:
        """Remove a participant for a while: what is written meanwhile is not theirs, and no lock keeps them out."""
        effects = self.remove(by, participant, now)
        self._awaited.add(participant)
        return effects

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

    # -- what time and packets bring -----------------------------------------------------------

    def tick(self, now: Seconds) -> list[Effect]:
        """Close a call that has been empty for long enough."""
        if self.empty_since is not None and now - self.empty_since >= EMPTY_AFTER_S:
            return [CloseCall(CloseReason.ENDED)]
        return []

    def stall(self, seen: Observed, now: Seconds) -> list[Effect]:
        """Find whose media has stopped arriving, or arrives again; every second or so."""
        changed = [member.hears(seen.heard_at, now) for member in self._members.values()]
        return [TellParticipants()] if any(changed) else []

    def listen(self, seen: Observed, now: Seconds) -> list[Effect]:
        """Find who speaks; as often as the packet path is looked at. Only a crowd needs it."""
        if len(self._members) < CROWD:
            if self.speaker is None:
                return []
            self._speakers = Speakers()
            return [TellSpeaker(), Reweigh()]
        was, order = self.speaker, self._speakers.order()
        heard = [who for who, member in self._members.items() if member.sends("microphone")]
        self._speakers.observe(seen.levels, heard, now)
        if self._is_short_of_slots and self._speakers.order() != order:
            return [TellSpeaker(), Replan()] if self.speaker != was else [Replan()]
        return [TellSpeaker(), Reweigh()] if self.speaker != was else []

    # -- what is told --------------------------------------------------------------------------

    @property
    def speaker(self) -> ParticipantId | None:
        """Who speaks now."""
        return self._speakers.speaker

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
        """Name the camera encodings to be active: all in a crowd; of two, one, which carries the whole picture."""
        member = self._members[participant]
        if member.held:
            return ()
        present = sum(not one.held for one in self._members.values())
        return member.rids() if present >= CROWD else member.rids()[:1]

    # -- who is forwarded to whom --------------------------------------------------------------

    def plan(self) -> ForwardingPlan:
        """Assign slots (keeping what stands) and compute who is forwarded to whom."""
        plan: dict[SourceId, list[Output]] = {}
        self._is_short_of_slots = False
        for receiver in self._members.values():
            self._seat(receiver)
            if receiver.held:
                continue
            for mid, source in receiver.slots.items():
                if self._members[source.participant].sends(source.kind):
                    plan.setdefault(source, []).append(Output(receiver.person.id, mid))
        return {source: tuple(outputs) for source, outputs in plan.items()}

    def interests(self) -> Interests:
        """How much each receiver cares for the pictures in its slots, where that is not the usual."""
        return dict(self._interests())

    def _interests(self) -> Iterator[tuple[Output, Interest]]:
        usual = Interest()
        for receiver in self._members.values():
            for mid, source in receiver.slots.items():
                if source.kind == "microphone":
                    continue
                cares = interest(
                    source, receiver.heights.get(mid), pinned=source in receiver.pins,
                    speaks=source.participant == self.speaker,
                )  # fmt: skip
                if cares != usual:
                    yield Output(receiver.person.id, mid), cares

    def _seat(self, receiver: Member) -> None:
        offered = [
            source
            for member in self._members.values()
            if member is not receiver
            for source in member.offers()
        ]
        offered.sort(key=self._claim_on(receiver))  # of equal claims, who came first
        given = assign(receiver.negotiated.slots, receiver.slots, receiver.last, offered)
        receiver.seats(given)
        self._is_short_of_slots |= len(given) < len(offered)

    def _claim_on(self, receiver: Member) -> Callable[[SourceId], tuple[int, int]]:
        """How well a source deserves a slot of a receiver; less is better."""
        voices, pictures = map(_places, (self._speakers.voices, self._speakers.recent))

        def claim(source: SourceId) -> tuple[int, int]:
            if source in receiver.pins:
                return 0, 0
            places = voices if source.kind == "microphone" else pictures
            place = places.get(source.participant, len(places))
            is_sent = self._members[source.participant].sends(source.kind)
            return (1 if is_sent else 2), (-1 if source.kind == "screen" else place)

        return claim


def _places(order: list[ParticipantId]) -> dict[ParticipantId, int]:
    return {who: place for place, who in enumerate(order)}


def _need(person: Person, right: Right) -> None:
    if right not in person.rights:
        raise CallRefusedError(
            ErrorCode.NOT_PERMITTED, f"needs the right {right.value}", fatal=False
        )
