"""Arrivals to which nobody has reacted, in every clinic of who is signed in: for whichever staff page is open."""

import asyncio
import math
import time

from fastapi import APIRouter, WebSocket
from teleward_contract.errors import FrameRefusedError
from teleward_contract.signalling import ErrorCode

from teleward_gateway.core import admission
from teleward_gateway.core.admission import Action
from teleward_gateway.core.frames import ArrivalsFrame, Arrived
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.errors import RefusedError
from teleward_gateway.web.context import Context, Parts
from teleward_gateway.web.sockets import UNKNOWN, FramedSocket, Refusal, accepted, until_first

router = APIRouter()

TELL_AT_MOST_EVERY_S = 0.5
NAMED_AT_MOST = 50
"""So many visits of a clinic are named; reacting to them brings the next."""


@router.websocket("/ws/alerts")
async def alerts(ws: WebSocket, parts: Parts) -> None:
    """Tell of arrivals as long as the page is open."""
    async with accepted(ws, parts.meter, "alerts") as socket:
        await until_first(_tell(ws, parts, socket), _listen(socket))


async def _listen(socket: FramedSocket) -> None:
    await socket.receive()
    raise FrameRefusedError(ErrorCode.UNKNOWN_TYPE, "nothing can be asked for")


async def _tell(ws: WebSocket, parts: Context, socket: FramedSocket) -> None:
    told: ArrivalsFrame | None = None
    who: StaffSession | None = None
    looked_at = -math.inf
    with parts.watches.hearing() as heard:
        while True:
            heard.clear()
            if time.monotonic() - looked_at >= parts.use_every_s:
                try:
                    who = await parts.staff(ws)
                    looked_at = time.monotonic()
                except RefusedError as err:
                    if not err.is_temporary:
                        parts.meter.refused(err.code)
                        await socket.end(Refusal(code=err.code, message=str(err)), UNKNOWN)
                        return
            frame = await _frame(parts, who) if who else None  # what cannot be judged now holds
            if frame is not None and frame != told:
                told = frame
                await socket.send(frame)
            await asyncio.sleep(TELL_AT_MOST_EVERY_S)
            await until_first(_wait(heard), asyncio.sleep(parts.use_every_s))


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _frame(parts: Context, who: StaffSession) -> ArrivalsFrame:
    """Judge each clinic to which somebody has come; most have nobody, and cost nothing."""
    clinics = []
    for (namespace, name), visits in sorted(parts.watches.arrived.items()):
        try:
            found = await parts.clinics.get(namespace, name)
        except RefusedError:
            continue
        clinic, area = found[0], found[0].waiting_area
        if area is None or not admission.is_permitted(
            admission.standings_of(who, *found), Action.NOTICE
        ):
            continue
        clinics.append(
            Arrived(
                namespace=namespace, clinic=name, display_name=clinic.display_name,
                repeat_s=area.alert_repeat_s, visits=visits[:NAMED_AT_MOST],
            )
        )  # fmt: skip
    return ArrivalsFrame(clinics=tuple(clinics))
