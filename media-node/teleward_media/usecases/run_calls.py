"""Run the calls of this media node: sockets and time in, rooms decide, effects carried out."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from teleward_contract.media_nodes import LiveCall
from teleward_contract.signalling import (
    Chat,
    ClientFrame,
    Closed,
    CloseReason,
    Encodings,
    End,
    ErrorCode,
    Frame,
    Hold,
    Join,
    Joined,
    Leave,
    Lock,
    Media,
    Mute,
    Muted,
    Participants,
    Quality,
    Remove,
    Restart,
    Restarted,
    Resume,
    Resumed,
    Said,
    Slots,
    Speaker,
    View,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import CallId, CapacityUnits, ParticipantId, PlacementEpoch, Seconds

from teleward_media.core import forwarding
from teleward_media.core.answer import Negotiated, negotiate, write_answer
from teleward_media.core.chat import Message
from teleward_media.core.forwarding import ForwardingPlan, Interests, Observed
from teleward_media.core.limiter import TokenBucket
from teleward_media.core.member import Person
from teleward_media.core.offer import Offer, parse_offer
from teleward_media.core.room import (
    CloseCall,
    ClosePeer,
    Effect,
    Replan,
    Reweigh,
    Room,
    TellChat,
    TellMuted,
    TellParticipants,
    TellSpeaker,
)
from teleward_media.errors import CallRefusedError, OfferRefusedError
from teleward_media.ports import PacketPath, Socket, Transports

log = structlog.get_logger()

QUALITY_EVERY_S = 5.0
"""Between two reports on a path: often enough for a person who watches, and the usual interval of RTCP. Ours."""
STALLED_EVERY_S = 0.5
"""Between two looks for media that has stopped arriving, which takes seconds to tell. Ours."""
RESTART_RATE, RESTART_BURST = 0.2, 5.0
"""Restarts a second of one participant, and at once: a phone that walks along the edge of a Wi-Fi. Ours."""


@dataclass(slots=True)
class _Call:
    """One call held here."""

    id: CallId
    epoch: PlacementEpoch
    cost: int
    room: Room
    sockets: dict[ParticipantId, Socket] = field(default_factory=dict)
    socket_lost_at: dict[ParticipantId, Seconds] = field(default_factory=dict)
    offered_on: dict[ParticipantId, Socket] = field(default_factory=dict)
    """The socket on which a participant made the one offer that a socket may make."""
    offers: dict[ParticipantId, Offer] = field(default_factory=dict)
    """What each one's peer offered."""
    restarts: dict[ParticipantId, TokenBucket] = field(default_factory=dict)


class Calls:
    """Every call of this media node."""

    def __init__(
        self, transports: Transports, path: PacketPath, now: Callable[[], Seconds],
        *, grace_s: float, accepts_new: Callable[[], bool], changed: Callable[[], None],
        capacity: int | None = None,
    ) -> None:  # fmt: skip
        self._transports, self._path, self._now = transports, path, now
        self._grace_s = grace_s
        self._accepts_new = accepts_new
        self._changed = changed
        self._capacity = capacity
        self._calls: dict[CallId, _Call] = {}
        self._plans: dict[CallId, ForwardingPlan] = {}
        self._interests: dict[CallId, Interests] = {}
        self._whole_plan: ForwardingPlan = {}
        self._whole_interests: Interests = {}
        self._looked_for_stalls_at = self._told_quality_at = now()

    # -- what the heartbeat needs --------------------------------------------------------------

    def live(self) -> tuple[LiveCall, ...]:
        """List the calls held here."""
        return tuple(
            LiveCall(call=c.id, epoch=c.epoch, cost=c.cost, participants=len(c.room))
            for c in self._calls.values()
        )

    def used(self) -> int:
        """Units that the calls held here cost together."""
        return sum(call.cost for call in self._calls.values())

    def fence(self, given_away: tuple[LiveCall, ...]) -> None:
        """Close calls that the routing state gave away, unless they were placed here anew meanwhile."""
        for live in given_away:
            call = self._calls.get(live.call)
            if call is not None and call.epoch == live.epoch:
                self._carry_out(call, call.room.close(CloseReason.MOVED))

    def close_all(self) -> None:
        """Close everything: the process ends."""
        for call in list(self._calls.values()):
            self._carry_out(call, call.room.close(CloseReason.SHUTDOWN))

    # -- sockets -------------------------------------------------------------------------------

    def attach(self, ticket: MediaTicket, socket: Socket) -> bool:
        """Bind a socket to its participant.

        Returns:
            Whether the participant's peer still lives and may be resumed.

        Raises:
            CallRefusedError: The placement is stale, or this media node takes no new call or has no room for it.
        """
        call = self._calls.get(ticket.call)
        if call is not None and ticket.epoch < call.epoch:
            raise CallRefusedError(ErrorCode.STALE_PLACEMENT, "the call was placed anew")
        if call is not None and ticket.epoch > call.epoch:
            self._carry_out(call, call.room.close(CloseReason.MOVED))
            call = None
        if ticket.participant is None:
            return False
        if call is None:
            if not self._accepts_new():
                raise CallRefusedError(ErrorCode.NO_CAPACITY, "this media node takes no new call")
            if self._capacity is not None and self.used() + ticket.cost > self._capacity:
                raise CallRefusedError(ErrorCode.NO_CAPACITY, "this media node is full")
            call = _Call(ticket.call, ticket.epoch, ticket.cost, Room(ticket.max_participants))
            call.room.empty_since = self._now()
            self._calls[ticket.call] = call
            self._changed()
        self._grow(call, ticket.cost)
        before = call.sockets.get(ticket.participant)
        call.sockets[ticket.participant] = socket
        call.socket_lost_at.pop(ticket.participant, None)
        if before is not None:
            before.tell(Closed(reason=CloseReason.REPLACED), last=True)
        return ticket.participant in call.room

    def _grow(self, call: _Call, cost: CapacityUnits) -> None:
        """Let a call become a larger one, if there is room for it."""
        more = max(0, cost - call.cost)
        if more and self._capacity is not None and self.used() + more > self._capacity:
            raise CallRefusedError(ErrorCode.NO_CAPACITY, "this media node is full")
        call.cost = max(call.cost, cost)

    def detach(self, ticket: MediaTicket, socket: Socket) -> None:
        """Note that a socket is gone; its peer lives on for the grace period."""
        call = self._calls.get(ticket.call)
        if call is None or ticket.participant is None:
            return
        if call.sockets.get(ticket.participant) is socket:
            del call.sockets[ticket.participant]
            call.offered_on.pop(ticket.participant, None)
            call.socket_lost_at[ticket.participant] = self._now()

    async def handle(self, ticket: MediaTicket, socket: Socket, frame: ClientFrame) -> None:
        """Take in one frame of an attached socket.

        Raises:
            CallRefusedError: It is not permitted, or not now.
        """
        call = self._calls.get(ticket.call)
        if ticket.participant is None:
            if not isinstance(frame, End | Remove):
                raise CallRefusedError(ErrorCode.NOT_PERMITTED, "this socket may end or remove")
            if call is not None:
                self._carry_out(call, self._acts(call.room, _person(ticket), frame))
            socket.tell(Closed(reason=CloseReason.ENDED), last=True)
            return
        if call is None or call.sockets.get(ticket.participant) is not socket:
            return
        person = _person(ticket)
        match frame:
            case Join():
                self._join(call, person, socket, frame)
            case Resume():
                self._resume(call, person.id, socket)
            case Leave():
                self._carry_out(call, call.room.leave(person.id, CloseReason.LEFT, self._now()))
            case _ if person.id not in call.room:
                raise CallRefusedError(ErrorCode.OUT_OF_ORDER, "join first")
            case Restart():
                self._restart(call, person.id, socket, frame)
            case _:
                self._carry_out(call, self._acts(call.room, person, frame))

    def _acts(self, room: Room, person: Person, frame: ClientFrame) -> list[Effect]:
        """What somebody who is in the call does to itself or all."""
        match frame:
            case Media():
                return room.media(
                    person.id, audio=frame.audio, video=frame.video, screen=frame.screen
                )
            case View():
                return room.shows(person.id, frame.slots)
            case Chat():
                return room.say(person.id, frame.text, self._now())
            case Lock():
                return room.lock(person, on=frame.on)
            case Hold() | Mute() | Remove():
                return self._acts_on(room, person, frame, ParticipantId(frame.participant))
            case _:
                return room.end(person)

    def _acts_on(
        self, room: Room, by: Person, frame: Hold | Mute | Remove, other: ParticipantId
    ) -> list[Effect]:
        match frame:
            case Hold():
                return room.hold(by, other, on=frame.on)
            case Mute():
                return room.mute(by, other)
            case Remove():
                remove = room.remove if by.id else room.take_out  # the gateway itself, for a while
                return remove(by, other, self._now())

    def _join(self, call: _Call, person: Person, socket: Socket, frame: Join) -> None:
        if call.offered_on.get(person.id) is socket:
            raise CallRefusedError(ErrorCode.OUT_OF_ORDER, "one offer a socket")
        call.offered_on[person.id] = socket
        try:
            offer = parse_offer(frame.offer)
        except OfferRefusedError as err:
            raise CallRefusedError(ErrorCode.BAD_OFFER, str(err)) from err
        negotiated = negotiate(offer, lambda: secrets.randbelow(2**32 - 2) + 2)
        effects = call.room.join(person, negotiated)
        call.offers[person.id] = offer
        local = self._transports.open(
            person.id, offer, negotiated, lambda: self._peer_closed(call, person.id, negotiated)
        )
        self._replan(call)
        socket.tell(
            Joined(
                answer=write_answer(offer, negotiated, local), you=person.id,
                participants=call.room.participants(), slots=call.room.slots(person.id),
                encodings=call.room.encodings(person.id), locked=call.room.is_locked,
            )
        )  # fmt: skip
        _bring_up_to_date(call.room, person.id, socket)
        self._carry_out(call, effects, but=person.id)
        self._changed()

    def _restart(
        self, call: _Call, participant: ParticipantId, socket: Socket, frame: Restart
    ) -> None:
        """New ICE credentials for the same DTLS: the certificate and the sections must be those of before."""
        now = self._now()
        bucket = call.restarts.setdefault(
            participant, TokenBucket.full(RESTART_RATE, RESTART_BURST, now)
        )
        if not bucket.allow(now):
            raise CallRefusedError(ErrorCode.TOO_FAST, "restart less often", fatal=False)
        try:
            offer = parse_offer(frame.offer)
        except OfferRefusedError as err:
            raise CallRefusedError(ErrorCode.BAD_OFFER, str(err), fatal=False) from err
        local = None
        if _is_same_peer(offer, call.offers[participant]):
            local = self._transports.restart(participant, offer)
        if local is None:
            raise CallRefusedError(
                ErrorCode.CANNOT_RESTART, "there is no such transport", fatal=False
            )
        answer = write_answer(offer, call.room.negotiated(participant), local)
        socket.tell(Restarted(answer=answer))

    def _resume(self, call: _Call, participant: ParticipantId, socket: Socket) -> None:
        if participant not in call.room or self._transports.heard_at(participant) is None:
            raise CallRefusedError(
                ErrorCode.NOTHING_TO_RESUME, "there is no peer to resume", fatal=False
            )
        socket.tell(
            Resumed(
                you=participant, participants=call.room.participants(),
                slots=call.room.slots(participant), encodings=call.room.encodings(participant),
                locked=call.room.is_locked,
            )
        )  # fmt: skip
        _bring_up_to_date(call.room, participant, socket)

    def _peer_closed(
        self, call: _Call, participant: ParticipantId, negotiated: Negotiated
    ) -> None:
        """A peer has ended; its participant leaves unless it has another one by now."""
        if self._calls.get(call.id) is call and call.room.has_peer(participant, negotiated):
            self._carry_out(call, call.room.leave(participant, CloseReason.LEFT, self._now()))

    # -- time ----------------------------------------------------------------------------------

    def plan(self) -> ForwardingPlan:
        """Who appears where now, over all calls."""
        return self._whole_plan

    def interests(self) -> Interests:
        """How much each receiver cares for what it is shown, over all calls."""
        return self._whole_interests

    def observe(self, seen: Observed, now: Seconds) -> None:
        """Take in what the packet path saw: who is there, who speaks, and whose media has stopped arriving."""
        self._transports.note_alive(seen.alive, now)
        looks_for_stalls = now - self._looked_for_stalls_at >= STALLED_EVERY_S
        if looks_for_stalls:
            self._looked_for_stalls_at = now
        for call in list(self._calls.values()):
            self._carry_out(call, call.room.listen(seen, now))
            for participant in seen.flooding.intersection(call.room.ids()):
                log.warning("participant.removed", reason=CloseReason.FLOODING)
                self._carry_out(call, call.room.leave(participant, CloseReason.FLOODING, now))
            if looks_for_stalls:
                self._carry_out(call, call.room.stall(seen, now))

    def tick(self) -> None:
        """Once a second: who has vanished, which call is empty; reports."""
        now = self._now()
        for call in list(self._calls.values()):
            for participant in call.room.ids():
                heard = self._transports.heard_at(participant)
                if heard is None or now - heard > self._grace_s:
                    self._carry_out(call, call.room.leave(participant, CloseReason.GONE, now))
            self._carry_out(call, call.room.tick(now))
        if now - self._told_quality_at >= QUALITY_EVERY_S:
            self._told_quality_at = now
            self._tell_quality(now)

    def _tell_quality(self, now: Seconds) -> None:
        qualities = self._path.qualities(now)
        for call in self._calls.values():
            for participant, socket in call.sockets.items():
                if participant in qualities and participant in call.room:
                    kind = self._transports.path_kind(participant)
                    socket.tell(_quality(qualities[participant], kind))

    # -- effects -------------------------------------------------------------------------------

    def _carry_out(
        self, call: _Call, effects: list[Effect], but: ParticipantId | None = None
    ) -> None:
        for effect in effects:
            match effect:
                case ClosePeer(participant, reason):
                    self._close_peer(call, participant, reason)
                case Replan():
                    self._replan(call)
                    self._tell(call, lambda p: Slots(slots=call.room.slots(p)), but)
                    self._tell(call, lambda p: Encodings(active=call.room.encodings(p)), but)
                case Reweigh():
                    self._reweigh(call)
                case CloseCall(reason):
                    self._forget(call, reason)
                case _:
                    self._tell_of(call, effect, but)

    def _tell_of(
        self,
        call: _Call,
        effect: TellParticipants | TellSpeaker | TellChat | TellMuted,
        but: ParticipantId | None,
    ) -> None:
        match effect:
            case TellParticipants():
                told = Participants(
                    participants=call.room.participants(), locked=call.room.is_locked
                )
                self._tell(call, lambda _: told, but)
            case TellSpeaker():
                speaker = Speaker(participant=call.room.speaker)
                self._tell(call, lambda _: speaker, but)
            case TellChat(message):
                said = _said(message)
                self._tell(call, lambda p: None if p in message.unseen_by else said, but)
            case TellMuted(participant, by):
                muted = Muted(by=by)
                self._tell(call, lambda p: muted if p == participant else None, but)

    def _tell(
        self,
        call: _Call,
        frame: Callable[[ParticipantId], Frame | None],
        but: ParticipantId | None,
    ) -> None:
        for participant, socket in list(call.sockets.items()):
            if participant != but and participant in call.room:
                told = frame(participant)
                if told is not None:
                    socket.tell(told)

    def _close_peer(self, call: _Call, participant: ParticipantId, reason: CloseReason) -> None:
        self._transports.close(participant)
        call.offers.pop(participant, None)
        call.restarts.pop(participant, None)
        call.socket_lost_at.pop(participant, None)
        call.offered_on.pop(participant, None)
        socket = call.sockets.pop(participant, None)
        if socket is not None:
            socket.tell(Closed(reason=reason), last=True)

    def _replan(self, call: _Call) -> None:
        self._plans[call.id] = call.room.plan()
        self._publish_plan()
        self._reweigh(call)

    def _publish_plan(self) -> None:
        self._whole_plan = {
            source: outputs for plan in self._plans.values() for source, outputs in plan.items()
        }
        self._path.set_plan(self._whole_plan, self._now())

    def _reweigh(self, call: _Call) -> None:
        self._interests[call.id] = call.room.interests()
        self._publish_interests()

    def _publish_interests(self) -> None:
        self._whole_interests = {
            output: cares for one in self._interests.values() for output, cares in one.items()
        }

    def _forget(self, call: _Call, reason: CloseReason) -> None:
        if self._calls.get(call.id) is call:
            del self._calls[call.id]
        for socket in call.sockets.values():
            socket.tell(Closed(reason=reason), last=True)
        call.sockets.clear()
        self._plans.pop(call.id, None)
        self._interests.pop(call.id, None)
        self._publish_plan()
        self._publish_interests()
        self._changed()


def _bring_up_to_date(room: Room, participant: ParticipantId, socket: Socket) -> None:
    """Tell who joins or resumes what the answer does not say."""
    if room.speaker is not None:
        socket.tell(Speaker(participant=room.speaker))
    for message in room.missed(participant):
        socket.tell(_said(message))


def _said(message: Message) -> Said:
    return Said(number=message.number, participant=message.by, text=message.text)


def _is_same_peer(offer: Offer, before: Offer) -> bool:
    """Whether an offer is of the same certificate and the same sections."""
    return offer.fingerprints == before.fingerprints and (
        [(section.kind, section.mid) for section in offer.sections]
        == [(section.kind, section.mid) for section in before.sections]
    )


def _quality(seen: forwarding.Quality, path: str | None) -> Quality:
    return Quality(
        round_trip_ms=_rounded(seen.round_trip_s, 1000, 1),
        up_loss=_rounded(seen.up_loss, 1, 4), up_jitter_ms=round(seen.up_jitter_s * 1000, 1),
        up_bps=round(seen.up_bps),
        down_loss=_rounded(seen.down_loss, 1, 4), down_jitter_ms=round(seen.down_jitter_s * 1000, 1),
        down_bps=round(seen.down_bps), path=path,
    )  # fmt: skip


def _rounded(figure: float | None, times: int, digits: int) -> float | None:
    return None if figure is None else round(figure * times, digits)


def _person(ticket: MediaTicket) -> Person:
    return Person(ticket.participant or ParticipantId(""), ticket.name, ticket.role, ticket.rights)
