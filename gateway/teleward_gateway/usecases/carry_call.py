"""Carry one browser's call: find the media node, proxy frames, follow the call when it moves.

The browser's socket outlives media nodes: when the control socket breaks and one reconnect fails, the media node
is suspect, the call is re-placed, and the browser hears `move` and a `ready` with a new epoch.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

import structlog
from teleward_contract import signalling
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.media_nodes import MediaNodes
from teleward_contract.placements import Full, Gone, Placed, Placement, Placements, Recovering
from teleward_contract.signalling import (
    Closed,
    CloseReason,
    Error,
    ErrorCode,
    Frame,
    Move,
    Ready,
    Wait,
    WaitReason,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import PoolId

from teleward_gateway.errors import ControlLostError, ControlRefusedError
from teleward_gateway.ports import BrowserSocket, Control, ControlPorts

log = structlog.get_logger()

RETRY_S = 0.5
_MOVES = frozenset({CloseReason.MOVED, CloseReason.SHUTDOWN})


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a call: whose, and where the call is placed."""

    pool: PoolId
    ticket: MediaTicket
    """Claims without nonce, media node, boot and epoch, which each socket fills in."""
    still_open: Callable[[], Awaitable[bool]]
    """Asked before each (re)connect: whether this person may still be in this call."""


class _End(Enum):
    BROWSER_GONE = auto()
    OVER = auto()
    LOST = auto()
    FRAME_REFUSED = auto()


class CallCarrier:
    """Carries call sockets; one instance for the process."""

    def __init__(
        self,
        placements: Placements,
        media_nodes: MediaNodes,
        control_ports: ControlPorts,
        count: Callable[[str], None],
    ) -> None:
        self._placements = placements
        self._media_nodes = media_nodes
        self._control_ports = control_ports
        self._count = count

    async def carry(self, browser: BrowserSocket, seat: Seat) -> ErrorCode | None:
        """Carry until the browser is gone or the call is over for it; the error if it broke the protocol."""
        last: Placement | None = None
        inbox = _Inbox(browser)
        try:
            while not inbox.gone:
                placement = await self._place(browser, seat, last, inbox)
                if placement is None:
                    return None
                control = await self._connect(browser, seat, placement, last, inbox)
                if control is None:
                    last = placement
                    continue
                last = placement
                end = await self._proxy(browser, inbox, control)
                await control.close()
                if end is _End.FRAME_REFUSED:
                    return inbox.refused
                if end is not _End.LOST:
                    return None
        finally:
            inbox.close()
        return None

    async def _place(
        self, browser: BrowserSocket, seat: Seat, last: Placement | None, inbox: "_Inbox"
    ) -> Placement | None:
        """Find where the call is, placing it if need be; says `wait` while that is not possible."""
        told: WaitReason | None = None
        while not inbox.gone:
            try:
                if not await seat.still_open():
                    await _tell(browser, Closed(reason=CloseReason.ENDED))
                    return None
                answer = await self._placements.reserve(
                    seat.pool, seat.ticket.call, seat.ticket.cost
                )
            except RoutingUnavailableError:
                if last is not None:
                    return last
                reason = WaitReason.UNAVAILABLE
            else:
                match answer:
                    case Placed(placement=placement):
                        return placement
                    case Recovering():
                        reason = WaitReason.RECOVERING
                    case Full():
                        reason = WaitReason.NO_CAPACITY
            if reason is not told:
                await _tell(browser, Wait(reason=reason))
                told = reason
            await asyncio.sleep(RETRY_S)
        return None

    async def _connect(
        self,
        browser: BrowserSocket,
        seat: Seat,
        placement: Placement,
        last: Placement | None,
        inbox: "_Inbox",
    ) -> Control | None:
        """Open the control socket, with one more try; None when the call must be found anew."""
        ticket = seat.ticket.model_copy(update={"epoch": placement.epoch})
        for _ in range(2):
            try:
                control = await self._control_ports.open(placement, ticket)
            except ControlLostError:
                continue
            except ControlRefusedError as err:
                if err.code is ErrorCode.TICKET_REFUSED:
                    break
                log.info("control.refused", code=err.code.value, media_node=placement.media_node)
                await asyncio.sleep(RETRY_S)
                return None
            if last is not None and last.epoch != placement.epoch:
                await _tell(browser, Move())
            await _tell(
                browser,
                Ready(
                    resumable=control.resumable, call=placement.call, epoch=placement.epoch,
                    media_node=placement.media_node,
                ),
            )  # fmt: skip
            return control
        await self._give_up(placement)
        if not inbox.gone:
            await asyncio.sleep(RETRY_S / 5)
        return None

    async def _give_up(self, placement: Placement) -> None:
        """The media node does not answer: suspect it and have the call re-placed."""
        self._count("suspected")
        log.warning("media_node.suspected", media_node=placement.media_node, boot=placement.boot)
        try:
            await self._media_nodes.suspect(placement.pool, placement.media_node, placement.boot)
            answer = await self._placements.replace(
                placement.pool, placement.call, placement.epoch
            )
        except RoutingUnavailableError:
            await asyncio.sleep(RETRY_S)
            return
        if isinstance(answer, Placed) and answer.placement.epoch != placement.epoch:
            self._count("replaced")
        elif not isinstance(answer, Gone):
            await asyncio.sleep(RETRY_S)

    async def _proxy(self, browser: BrowserSocket, inbox: "_Inbox", control: Control) -> _End:
        downward = asyncio.create_task(self._downward(browser, control))
        upward = asyncio.create_task(inbox.pump(control))
        done, pending = await asyncio.wait((downward, upward), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if downward in done:
            return downward.result()
        return upward.result()

    async def _downward(self, browser: BrowserSocket, control: Control) -> _End:
        try:
            async for text in control.frames():
                end = _ending(text)
                if end is _End.LOST:
                    return end
                await browser.send(text)
                if end is not None:
                    return end
        except ControlLostError:
            return _End.LOST
        return _End.LOST


class _Inbox:
    """The browser's frames, read by one task so that none is lost while the call moves."""

    def __init__(self, browser: BrowserSocket) -> None:
        self._browser = browser
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(64)
        self.gone = False
        self.refused: ErrorCode | None = None
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            frame = await self._browser.receive()
            if frame is None:
                self.gone = True
            await self._queue.put(frame)
            if frame is None:
                return

    async def pump(self, control: Control) -> _End:
        """Pass the browser's frames on, checked, until it is gone or the control socket is."""
        while True:
            frame = await self._queue.get()
            if frame is None:
                self.gone = True
                return _End.BROWSER_GONE
            try:
                signalling.parse_client_frame(frame)
            except FrameRefusedError as err:
                self.refused = ErrorCode(err.code)
                await _tell(self._browser, Error(code=self.refused, message=str(err)))
                return _End.FRAME_REFUSED
            try:
                await control.send(frame)
            except ControlLostError:
                return _End.LOST

    def close(self) -> None:
        """Stop reading."""
        self._task.cancel()


def _ending(text: str) -> _End | None:
    """Whether a media node's frame ends the call for this browser, or its media node's part in it."""
    if '"closed"' not in text and '"error"' not in text:
        return None
    try:
        frame = signalling.parse_server_frame(text)
    except FrameRefusedError:
        return None
    if isinstance(frame, Closed):
        return _End.LOST if frame.reason in _MOVES else _End.OVER
    if isinstance(frame, Error) and frame.fatal:
        return _End.LOST if frame.code is ErrorCode.STALE_PLACEMENT else _End.OVER
    return None


async def _tell(browser: BrowserSocket, frame: Frame) -> None:
    await browser.send(signalling.encode(frame))
