"""The calls of clinics, as the gateway places, widens and ends them."""

import asyncio

from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.placements import Full, FullReason, Placement, Placements, Recovering
from teleward_contract.signalling import End, ParticipantRole, Remove, Right, encode
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import (
    BootId,
    CallId,
    CapacityUnits,
    MediaNodeId,
    ParticipantId,
    PoolId,
    call_cost,
)

from teleward_gateway.core.visits import call_of_room, room_uid
from teleward_gateway.errors import (
    ControlLostError,
    ControlRefusedError,
    RefusedError,
    not_found,
    one_moment,
)
from teleward_gateway.ports.calls import ControlPorts
from teleward_gateway.usecases.clinics import Found

FIRST_TWO = 2
"""A consultation begins with a patient and who called in."""
MAX_CONSULTATION_PARTICIPANTS = 6
END_WITHIN_S = 2.0
"""How long a media node may take to end a call before it is left to its heartbeat."""


async def place(
    placements: Placements, pool: PoolId, call: CallId, cost: CapacityUnits
) -> Placement | Full | Recovering:
    """Place a call unless it is placed, and have it cost this much at least; what does not fit changes nothing."""
    answer = await placements.reserve(pool, call, cost)
    if isinstance(answer, Full | Recovering):
        return answer
    placement = answer.placement
    if placement.cost >= cost:
        return placement
    resized = await placements.resize(pool, call, placement.epoch, cost)
    return resized if isinstance(resized, Full) else placement


class Calls:
    """What is done with a call from outside of it."""

    def __init__(self, placements: Placements, control_ports: ControlPorts) -> None:
        self._placements = placements
        self._control_ports = control_ports

    async def widen(self, found: Found, call: CallId, people: int) -> Placement:
        """Have a call placed, with room for so many people.

        Raises:
            RefusedError: 409 `full` when they may not be so many, or no media node has room for them; 503.
        """
        limit, cost = bounds(found, call, people)
        if people > limit:
            raise RefusedError(409, "full", "As many people are in this call as may be.")
        pool = found[0].pool
        answer = Full(reason=FullReason.NO_MEDIA_NODES) if pool is None else await place(
            self._placements, pool, call, cost
        )  # fmt: skip
        if isinstance(answer, Full):
            raise _full()
        if isinstance(answer, Recovering):
            raise one_moment()
        return answer

    async def take_out(self, found: Found, call: CallId, participant: ParticipantId) -> None:
        """Have the media node drop somebody, whether or not their page is still connected."""
        placement = await self._find(found, call)
        if placement is not None:
            await self._command(placement, Right.REMOVE, Remove(participant=participant))

    async def end(self, found: Found, call: CallId) -> None:
        """Free the placement and tell the media node to close the call."""
        placement = await self._find(found, call)
        if placement is None:
            return
        try:
            await self._placements.release(placement.pool, call, placement.epoch)
        except RoutingUnavailableError:
            return  # its participants leave; the media node closes an empty call by itself
        await self._command(placement, Right.END, End())

    async def _find(self, found: Found, call: CallId) -> Placement | None:
        """Where a call is; None when it is nowhere, or that cannot be known now."""
        pool = found[0].pool
        if pool is None:
            return None
        try:
            return await self._placements.find(pool, call)
        except RoutingUnavailableError:
            return None

    async def _command(self, placement: Placement, right: Right, frame: End | Remove) -> None:
        """Tell a media node what is to be done in a call, in the gateway's own name."""
        ticket = MediaTicket(
            nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=placement.call,
            epoch=placement.epoch, cost=placement.cost, max_participants=0,
            participant=None, role=ParticipantRole.STAFF, rights=frozenset({right}),
        )  # fmt: skip
        try:
            control = await self._control_ports.open(placement, ticket)
        except (ControlLostError, ControlRefusedError):
            return  # a released placement fences the call at the media node's next heartbeat
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await control.send(encode(frame))
                async for _ in control.frames():
                    break
        except (ControlLostError, TimeoutError):
            return
        finally:
            await control.close()


def bounds(found: Found, call: CallId, people: int) -> tuple[int, CapacityUnits]:
    """How many may be in a call, and what it costs with so many; a room is charged for all it may hold.

    Raises:
        RefusedError: 404 when there is no such room (any more).
    """
    if not room_uid(call):
        return MAX_CONSULTATION_PARTICIPANTS, call_cost(people)
    for room in found[0].rooms:
        if call_of_room(room.uid) == call:
            return room.max_participants, call_cost(room.max_participants)
    raise not_found()


def _full() -> RefusedError:
    return RefusedError(
        409, "full", "All places for calls are taken. The patient keeps the place; try again soon."
    )
