"""Run the calls of this media node: sockets and time in, rooms decide, effects carried out."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from teleward_contract.media_nodes import LiveCall
from teleward_contract.signalling import (
    ClientFrame,
    Closed,
    CloseReason,
    Encodings,
    End,
    ErrorCode,
    Hold,
    Join,
    Joined,
    Leave,
    Media,
    Participants,
    Remove,
    Resume,
    Resumed,
    Slots,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import CallId, ParticipantId, PlacementEpoch, Seconds

from teleward_media.core.answer import negotiate, write_answer
from teleward_media.core.forwarding import ForwardingPlan, Interests, Observed
from teleward_media.core.offer import parse_offer
from teleward_media.core.room import (
    CloseCall,
    ClosePeer,
    Effect,
    Person,
    Replan,
    Room,
    TellParticipants,
)
from teleward_media.errors import CallRefusedError, OfferRefusedError
from teleward_media.ports import PacketPath, Socket, Transports

log = structlog.get_logger()


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


class Calls:
    """Every call of this media node."""

    def __init__(
        self, transports: Transports, path: PacketPath, now: Callable[[], Seconds],
        *, grace_s: float, accepts_new: Callable[[], bool], changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._transports, self._path, self._now = transports, path, now
        self._grace_s = grace_s
        self._accepts_new = accepts_new
        self._changed = changed
        self._calls: dict[CallId, _Call] = {}
        self._plan: dict[CallId, ForwardingPlan] = {}

    # -- what the heartbeat needs --------------------------------------------------------------

    def live(self) -> tuple[LiveCall, ...]:
        """List the calls held here."""
        return tuple(
            LiveCall(call=c.id, epoch=c.epoch, cost=c.cost, participants=len(c.room))
            for c in self._calls.values()
        )

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
            CallRefusedError: The placement is stale, or this media node takes no new call.
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
            call = _Call(ticket.call, ticket.epoch, ticket.cost, Room(ticket.max_participants))
            call.room.empty_since = self._now()
            self._calls[ticket.call] = call
            self._changed()
        call.cost = max(call.cost, ticket.cost)
        before = call.sockets.get(ticket.participant)
        call.sockets[ticket.participant] = socket
        call.socket_lost_at.pop(ticket.participant, None)
        if before is not None:
            before.tell(Closed(reason=CloseReason.REPLACED), last=True)
        return ticket.participant in call.room

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
            if isinstance(frame, End):
                if call is not None:
                    self._carry_out(call, call.room.end(_person(ticket)))
                socket.tell(Closed(reason=CloseReason.ENDED), last=True)
                return
            raise CallRefusedError(ErrorCode.NOT_PERMITTED, "this socket may only end the call")
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
            case _:
                self._in_call(call, person, frame)

    def _in_call(self, call: _Call, person: Person, frame: ClientFrame) -> None:
        if person.id not in call.room:
            raise CallRefusedError(ErrorCode.OUT_OF_ORDER, "join first")
        match frame:
            case Media():
                effects = call.room.media(
                    person.id, audio=frame.audio, video=frame.video, screen=frame.screen
                )
            case Hold():
                effects = call.room.hold(person, ParticipantId(frame.participant), on=frame.on)
            case Remove():
                effects = call.room.remove(person, ParticipantId(frame.participant), self._now())
            case _:
                effects = call.room.end(person)
        self._carry_out(call, effects)

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
        local = self._transports.open(
            person.id, offer, negotiated, lambda: self._peer_closed(call, person.id)
        )
        self._replan(call)
        socket.tell(
            Joined(
                answer=write_answer(offer, negotiated, local), you=person.id,
                participants=call.room.participants(), slots=call.room.slots(person.id),
                encodings=call.room.encodings(person.id),
            )
        )  # fmt: skip
        self._carry_out(call, effects, but=person.id)
        self._changed()

    def _resume(self, call: _Call, participant: ParticipantId, socket: Socket) -> None:
        if participant not in call.room or self._transports.heard_at(participant) is None:
            raise CallRefusedError(
                ErrorCode.NOTHING_TO_RESUME, "there is no peer to resume", fatal=False
            )
        socket.tell(
            Resumed(
                you=participant, participants=call.room.participants(),
                slots=call.room.slots(participant), encodings=call.room.encodings(participant),
            )
        )  # fmt: skip

    def _peer_closed(self, call: _Call, participant: ParticipantId) -> None:
        if self._calls.get(call.id) is call:
            self._carry_out(call, call.room.leave(participant, CloseReason.LEFT, self._now()))

    # -- time ----------------------------------------------------------------------------------

    def plan(self) -> ForwardingPlan:
        """Who appears where now, over all calls."""
        whole: ForwardingPlan = {}
        for plan in self._plan.values():
            whole.update(plan)
        return whole

    def interests(self) -> Interests:
        """How much each receiver cares for what it is shown."""
        return {}

    def observe(self, seen: Observed, now: Seconds) -> None:
        """Take in what the packet path saw."""

    def tick(self) -> None:
        """Once a second: who has vanished, which call is empty; reports."""
        now = self._now()
        for call in list(self._calls.values()):
            for participant in call.room.ids():
                heard = self._transports.heard_at(participant)
                lost = call.socket_lost_at.get(participant, now)
                quiet = heard is None or now - heard > self._grace_s
                if quiet and (lost + self._grace_s < now or heard is not None):
                    self._carry_out(call, call.room.leave(participant, CloseReason.GONE, now))
            self._carry_out(call, call.room.tick(now))

    # -- effects -------------------------------------------------------------------------------

    def _carry_out(
        self, call: _Call, effects: list[Effect], but: ParticipantId | None = None
    ) -> None:
        for effect in effects:
            match effect:
                case ClosePeer(participant, reason):
                    self._transports.close(participant)
                    socket = call.sockets.pop(participant, None)
                    if socket is not None:
                        socket.tell(Closed(reason=reason), last=True)
                case TellParticipants():
                    self._tell(call, lambda _: _participants(call), but)
                case Replan():
                    self._replan(call)
                    self._tell(call, lambda p: Slots(slots=call.room.slots(p)), but)
                    self._tell(call, lambda p: Encodings(active=call.room.encodings(p)), but)
                case CloseCall(reason):
                    self._forget(call, reason)

    def _tell(
        self,
        call: _Call,
        frame: Callable[[ParticipantId], Participants | Slots | Encodings],
        but: ParticipantId | None,
    ) -> None:
        for participant, socket in list(call.sockets.items()):
            if participant != but and participant in call.room:
                socket.tell(frame(participant))

    def _replan(self, call: _Call) -> None:
        self._plan[call.id] = call.room.plan()
        self._publish_plan()

    def _publish_plan(self) -> None:
        self._path.set_plan(self.plan(), self._now())

    def _forget(self, call: _Call, reason: CloseReason) -> None:
        if self._calls.get(call.id) is call:
            del self._calls[call.id]
        for socket in call.sockets.values():
            socket.tell(Closed(reason=reason), last=True)
        call.sockets.clear()
        self._plan.pop(call.id, None)
        self._publish_plan()
        self._changed()


def _participants(call: _Call) -> Participants:
    return Participants(participants=call.room.participants())


def _person(ticket: MediaTicket) -> Person:
    return Person(ticket.participant or ParticipantId(""), ticket.name, ticket.role, ticket.rights)
