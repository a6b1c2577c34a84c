"""Carry one browser's call: find the media node, proxy frames, follow the call when it moves.

The browser's socket outlives media nodes: when the control socket breaks and one reconnect fails, the media node
is suspect, the call is re-placed, and the browser hears `move` and a `ready` with a new epoch.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from teleward_contract import signalling
from teleward_contract.errors import FrameRefusedError, RoutingUnavailableError
from teleward_contract.media_nodes import MediaNodes
from teleward_contract.placements import Full, Placed, Placement, Placements, Recovering
from teleward_contract.signalling import (
    Closed,
    CloseReason,
    End,
    Error,
    ErrorCode,
    Frame,
    Join,
    Leave,
    Move,
    Quality,
    QualityView,
    Ready,
    Remove,
    Resume,
    Wait,
    WaitReason,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import PoolId

from teleward_gateway.errors import BrowserGoneError, ControlLostError, ControlRefusedError
from teleward_gateway.ports.calls import BrowserSocket, Control, ControlPorts
from teleward_gateway.usecases.place_calls import place

log = structlog.get_logger()

DELAYS_S = (0.0, 0.1, 0.3, 1.0, 3.0)
"""Pauses between attempts that come to nothing; the last one repeats."""
STEADY_AFTER_S = 5.0
"""A control socket that lived this long starts the pauses anew."""
LAST_WORDS_S = 0.5
"""How long what a browser sent last may take to the media node after the browser is gone."""
MAX_PENDING = 64
"""Frames of a browser held while its call moves; who sends more is refused."""

_ELSEWHERE = frozenset({CloseReason.MOVED, CloseReason.SHUTDOWN})
_ASK_AGAIN = frozenset({ErrorCode.STALE_PLACEMENT, ErrorCode.TICKET_REFUSED})
_BEGINNINGS = (Join, Resume, Leave)


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a call: whose, and where the call is placed."""

    pool: PoolId
    ticket: MediaTicket
    """Claims without nonce, media node, boot and epoch, which each socket fills in."""
    is_open: Callable[[], Awaitable[bool]]
    """Asked before each (re)connect: whether this person may still be in this call."""
    ended: Callable[[], Awaitable[None]] | None = None
    """Told when this person ends the call for all, before the media node is; None: may not, or nothing to do."""
    removed: Callable[[str], Awaitable[bool]] | None = None
    """Told whom this person removes from the call, before the media node is, which is not when this answers True."""
    reported: Callable[[QualityView], None] | None = None
    """Told how this person's path does, as the media node says; must not wait."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why a call socket is done; `error` was told to the browser."""

    error: ErrorCode | None = None
    is_ours: bool = False
    """Whether the gateway refused a frame; else the media node did, and has counted it."""


_DONE = Outcome()


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

    async def carry(self, browser: BrowserSocket, seat: Seat) -> Outcome:
        """Carry until the browser is gone, the call is over for it, or it broke the protocol."""
        inbox = _Inbox(browser)
        reader = asyncio.create_task(inbox.read())
        trip = asyncio.create_task(self._travel(browser, seat, inbox))
        try:
            await asyncio.wait((reader, trip), return_when=asyncio.FIRST_COMPLETED)
            if not trip.done():
                await asyncio.wait((trip,), timeout=LAST_WORDS_S)
            if reader.done() and reader.result() is not None:
                return await self._refuse(browser, reader.result())
            return trip.result() if trip.done() else _DONE
        except BrowserGoneError:
            return _DONE
        finally:
            for task in (reader, trip):
                task.cancel()
            await asyncio.gather(reader, trip, return_exceptions=True)

    @staticmethod
    async def _refuse(browser: BrowserSocket, refusal: FrameRefusedError | None) -> Outcome:
        assert refusal is not None
        code = ErrorCode(refusal.code)
        await _tell(browser, Error(code=code, message=str(refusal)))
        return Outcome(code, is_ours=True)

    async def _travel(self, browser: BrowserSocket, seat: Seat, inbox: "_Inbox") -> Outcome:
        """From media node to media node, as the call moves."""
        pace = _Pace()
        last: Placement | None = None
        while True:
            await pace.wait()
            placement = await self._place(browser, seat, last)
            if placement is None:
                await _tell(browser, Closed(reason=CloseReason.ENDED))
                return _DONE
            control = await self._connect(browser, seat, placement)
            if isinstance(control, Outcome):
                return control
            if control is None:
                continue
            stay = _Stay(browser, inbox, control, seat)
            try:
                await self._announce(browser, inbox, control, placement, last, seat)
                outcome = await stay.proxy(is_first=last is None)
            finally:
                await control.close()
            if outcome is not None:
                return outcome
            pace.note(stay.lasted_s)
            last = placement

    async def _place(
        self, browser: BrowserSocket, seat: Seat, last: Placement | None
    ) -> Placement | None:
        """Find where the call is, placing it if need be; says `wait` while that cannot be.

        With the store away a call that was placed stays where it was. None when the person may not be in it any more.
        """
        told: WaitReason | None = None
        pace = _Pace()
        while True:
            await pace.wait()
            try:
                if not await seat.is_open():
                    return None
                answer = await self._reserve(seat)
            except RoutingUnavailableError:
                if last is not None:
                    return last
                answer = WaitReason.UNAVAILABLE
            if isinstance(answer, Placement):
                return answer
            if answer is not told:
                await _tell(browser, Wait(reason=answer))
                told = answer

    async def _reserve(self, seat: Seat) -> Placement | WaitReason:
        """Place the call, and have it cost what this person's coming makes of it; or why that cannot be."""
        ticket = seat.ticket
        answer = await place(self._placements, seat.pool, ticket.call, ticket.cost)
        if isinstance(answer, Recovering):
            return WaitReason.RECOVERING
        return WaitReason.NO_CAPACITY if isinstance(answer, Full) else answer

    async def _connect(
        self, browser: BrowserSocket, seat: Seat, placement: Placement
    ) -> Control | Outcome | None:
        """Open the control socket, with one more try; None when the call must be found anew."""
        ticket = seat.ticket.model_copy(update={"epoch": placement.epoch})
        for _ in range(2):
            try:
                return await self._control_ports.open(placement, ticket)
            except ControlLostError:
                continue
            except ControlRefusedError as err:
                return await self._refused(browser, placement, err.code)
        await self._give_up(browser, placement)
        return None

    async def _refused(
        self, browser: BrowserSocket, placement: Placement, code: ErrorCode
    ) -> Outcome | None:
        """The media node refused the socket: whether that is final, and what to do about it if not."""
        log.warning("control.refused", code=code.value, media_node=placement.media_node)
        if code in _ASK_AGAIN:
            await _tell(browser, Wait(reason=WaitReason.UNAVAILABLE))
            return None
        if code is not ErrorCode.NO_CAPACITY:
            await _tell(browser, Error(code=code, message="the media node refused"))
            return Outcome(code)
        # It takes no new call (any more), and does not hold this one: another media node may.
        await _tell(browser, Wait(reason=WaitReason.NO_CAPACITY))
        with contextlib.suppress(RoutingUnavailableError):
            await self._placements.release(placement.pool, placement.call, placement.epoch)
        return None

    async def _give_up(self, browser: BrowserSocket, placement: Placement) -> None:
        """The media node does not answer: suspect it and have the call re-placed."""
        self._count("suspected")
        log.warning("media_node.suspected", media_node=placement.media_node, boot=placement.boot)
        try:
            await self._media_nodes.suspect(placement.pool, placement.media_node, placement.boot)
            answer = await self._placements.replace(
                placement.pool, placement.call, placement.epoch
            )
        except RoutingUnavailableError:
            await _tell(browser, Wait(reason=WaitReason.UNAVAILABLE))
            return
        if isinstance(answer, Placed) and answer.placement.epoch != placement.epoch:
            self._count("replaced")
            log.info("call.replaced", call=placement.call, epoch=answer.placement.epoch)

    @staticmethod
    async def _announce(
        browser: BrowserSocket, inbox: "_Inbox", control: Control, placement: Placement,
        last: Placement | None, seat: Seat,
    ) -> None:  # fmt: skip
        if last is not None:
            inbox.drop_stale()
            if last.epoch != placement.epoch:
                await _tell(browser, Move())
        ready = Ready(
            resumable=control.resumable, call=placement.call, epoch=placement.epoch,
            media_node=placement.media_node, max_participants=seat.ticket.max_participants,
        )  # fmt: skip
        await _tell(browser, ready)


class _Stay:
    """The time a call socket spends at one media node."""

    def __init__(
        self, browser: BrowserSocket, inbox: "_Inbox", control: Control, seat: Seat
    ) -> None:
        self._browser = browser
        self._inbox = inbox
        self._control = control
        self._seat = seat
        self._began = asyncio.get_running_loop().time()

    @property
    def lasted_s(self) -> float:
        """Seconds since it began."""
        return asyncio.get_running_loop().time() - self._began

    async def proxy(self, *, is_first: bool) -> Outcome | None:
        """Pass frames both ways; None when the media node is lost or sends the call elsewhere."""
        tasks = (
            asyncio.create_task(self._downward()),
            asyncio.create_task(self._upward(has_begun=is_first)),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in tasks if task.done()).result()
        except ControlLostError:
            return None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _downward(self) -> Outcome | None:
        async for text in self._control.frames():
            outcome = _ending(text)
            if outcome is None:
                return None
            if self._seat.reported is not None and '"quality"' in text:
                _report(text, self._seat.reported)
            await self._browser.send_text(text)
            if outcome is not _GOES_ON:
                return outcome
        return None

    async def _upward(self, *, has_begun: bool) -> Outcome | None:
        """Pass the browser's frames on; after a move, nothing that was meant for the peer of before."""
        while True:
            frame, text = await self._inbox.next()
            if frame is None:
                return _DONE
            has_begun = has_begun or isinstance(frame, _BEGINNINGS)
            if isinstance(frame, End) and self._seat.ended is not None:
                await self._seat.ended()
            if isinstance(frame, Remove) and await self._is_seen_to(frame):
                continue
            if has_begun:
                await self._control.send(text)

    async def _is_seen_to(self, frame: Remove) -> bool:
        removed = self._seat.removed
        return removed is not None and await removed(frame.participant)


class _Inbox:
    """The browser's frames, checked, read by one task so that none is lost while the call moves."""

    def __init__(self, browser: BrowserSocket) -> None:
        self._browser = browser
        self._queue: asyncio.Queue[tuple[signalling.ClientFrame | None, str]] = asyncio.Queue()

    async def read(self) -> FrameRefusedError | None:
        """Read until the browser is gone, or breaks the protocol: then why."""
        try:
            while True:
                text = await self._browser.receive_text()
                frame = signalling.parse_client_frame(text)
                if self._queue.qsize() >= MAX_PENDING:
                    raise FrameRefusedError(ErrorCode.TOO_FAST, "wait for an answer")
                self._queue.put_nowait((frame, text))
        except FrameRefusedError as err:
            return err
        except BrowserGoneError:
            return None
        finally:
            self._queue.put_nowait((None, ""))

    async def next(self) -> tuple[signalling.ClientFrame | None, str]:
        """The next frame; None at the end."""
        return await self._queue.get()

    def drop_stale(self) -> None:
        """Forget what was meant for a media node that is gone; goodbyes count wherever they arrive."""
        kept = []
        while not self._queue.empty():
            frame, text = self._queue.get_nowait()
            if frame is None or isinstance(frame, Leave | End):
                kept.append((frame, text))
        for item in kept:
            self._queue.put_nowait(item)


class _Pace:
    """Longer and longer pauses, until something holds."""

    def __init__(self) -> None:
        self._attempt = 0

    async def wait(self) -> None:
        """Wait before the next attempt; the first one comes at once."""
        await asyncio.sleep(DELAYS_S[min(self._attempt, len(DELAYS_S) - 1)])
        self._attempt += 1

    def note(self, lasted_s: float) -> None:
        """Something held for this long."""
        if lasted_s >= STEADY_AFTER_S:
            self._attempt = 0


_GOES_ON = Outcome()


def _report(text: str, reported: Callable[[QualityView], None]) -> None:
    """Pass a media node's report on a path on; what only looks like one is none."""
    try:
        frame = signalling.parse_server_frame(text)
    except FrameRefusedError:
        return
    if isinstance(frame, Quality):
        reported(QualityView.model_validate(frame.model_dump()))


def _ending(text: str) -> Outcome | None:
    """What a media node's frame means for the socket: `_GOES_ON`, an outcome, or None when the call is elsewhere."""
    if '"closed"' not in text and '"error"' not in text:
        return _GOES_ON
    try:
        frame = signalling.parse_server_frame(text)
    except FrameRefusedError:
        return _GOES_ON
    if isinstance(frame, Closed):
        return None if frame.reason in _ELSEWHERE else _DONE
    if isinstance(frame, Error) and frame.fatal:
        return None if frame.code is ErrorCode.STALE_PLACEMENT else Outcome(frame.code)
    return _GOES_ON


async def _tell(browser: BrowserSocket, frame: Frame) -> None:
    await browser.send_text(signalling.encode(frame))
