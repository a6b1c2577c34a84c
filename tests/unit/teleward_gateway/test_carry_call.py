"""A call costs what it is: whoever makes it larger waits until there is room for that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from teleward_contract.errors import FrameRefusedError
from teleward_contract.placements import Placement
from teleward_contract.signalling import (
    Closed,
    CloseReason,
    Quality,
    QualityView,
    Ready,
    Said,
    Wait,
    WaitReason,
    encode,
    parse_server_frame,
)
from teleward_contract.tickets import MediaTicket
from teleward_contract.units import BootId, MediaNodeId, ParticipantId, PlacementEpoch, call_cost
from teleward_gateway.ports.calls import Control
from teleward_gateway.usecases import carry_call
from teleward_gateway.usecases.carry_call import CallCarrier, Seat
from teleward_testing.routing import POOL, ClockedRouting, call, heartbeat, placed

CALL = call(1)


class Screen:
    """A browser that listens and says nothing."""

    def __init__(self) -> None:
        self.frames: list[object] = []
        self.heard = asyncio.Event()

    async def send_text(self, text: str) -> None:
        with contextlib.suppress(FrameRefusedError):  # a browser passes over what it cannot read
            self.frames.append(parse_server_frame(text))
        self.heard.set()

    async def receive_text(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("never said anything")


class ClosingControl:
    """A media node that ends the call once it has said this."""

    resumable = False

    def __init__(self, *frames: str) -> None:
        self._frames = (*frames, encode(Closed(reason=CloseReason.ENDED)))

    async def send(self, frame: str) -> None: ...
    async def close(self) -> None: ...
    async def frames(self) -> AsyncIterator[str]:
        for frame in self._frames:
            yield frame


class Ports:
    """Opens such a control socket and remembers the placement."""

    def __init__(self, *frames: str) -> None:
        self.opened: list[Placement] = []
        self._frames = frames

    async def open(self, placement: Placement, ticket: MediaTicket) -> Control:
        self.opened.append(placement)
        return ClosingControl(*self._frames)


def seat(participants: int) -> Seat:
    async def is_open() -> bool:
        return True

    ticket = MediaTicket(
        nonce="", media_node=MediaNodeId(""), boot=BootId(""), call=CALL, epoch=PlacementEpoch(0),
        cost=call_cost(participants), max_participants=6, participant=ParticipantId("p"),
    )  # fmt: skip
    return Seat(POOL, ticket, is_open)


@pytest.fixture
async def routing(monkeypatch: pytest.MonkeyPatch) -> ClockedRouting:
    """A pool of one media node of ten units, with a two-party call on it."""
    monkeypatch.setattr(carry_call, "DELAYS_S", (0.0,))
    made = ClockedRouting("memory", None)
    await made.ports.beat(heartbeat())
    await made.recovered()
    await made.ports.beat(heartbeat())
    placed(await made.ports.reserve(POOL, CALL, call_cost(2)))
    return made


async def test_who_makes_the_call_larger_has_it_charged_before_the_socket_opens(
    routing: ClockedRouting,
) -> None:
    screen, ports = Screen(), Ports()

    await CallCarrier(routing.ports, routing.ports, ports, lambda what: None).carry(
        screen, seat(3)
    )

    (placement,) = [await routing.ports.find(POOL, CALL)]
    assert placement is not None
    assert placement.cost == call_cost(3)
    assert len(ports.opened) == 1
    assert [type(frame) for frame in screen.frames] == [Ready, Closed]


async def test_while_there_is_no_room_for_that_they_wait_and_the_call_goes_on_as_it_is(
    routing: ClockedRouting,
) -> None:
    screen, ports = Screen(), Ports()
    carrier = CallCarrier(routing.ports, routing.ports, ports, lambda what: None)
    coming = asyncio.create_task(carrier.carry(screen, seat(6)))
    await screen.heard.wait()

    assert screen.frames == [Wait(reason=WaitReason.NO_CAPACITY)]
    assert ports.opened == []
    before = await routing.ports.find(POOL, CALL)
    assert before is not None
    assert before.cost == call_cost(2)

    await routing.ports.beat(heartbeat(capacity=100))
    await coming
    assert len(ports.opened) == 1


async def test_the_page_is_told_for_how_many_to_offer_slots(routing: ClockedRouting) -> None:
    screen = Screen()

    await CallCarrier(routing.ports, routing.ports, Ports(), lambda what: None).carry(
        screen, seat(2)
    )

    (ready,) = [frame for frame in screen.frames if isinstance(frame, Ready)]
    assert ready.max_participants == 6


async def test_a_report_on_the_path_reaches_the_browser_and_whoever_keeps_it(
    routing: ClockedRouting,
) -> None:
    screen, kept = Screen(), list[QualityView]()
    report = Quality(round_trip_ms=40.5, up_loss=0.25, down_bps=900_000)
    said = Said(number=1, participant="p", text='{"type":"quality"}')
    frames = (encode(said), '{"type":"quality","up_loss":"?"}', encode(report))
    carrier = CallCarrier(routing.ports, routing.ports, Ports(*frames), lambda what: None)

    await carrier.carry(screen, replace(seat(2), reported=kept.append))

    assert kept == [QualityView(round_trip_ms=40.5, up_loss=0.25, down_bps=900_000)]
    assert report in screen.frames


async def test_who_makes_it_no_larger_changes_no_cost(routing: ClockedRouting) -> None:
    screen, ports = Screen(), Ports()

    await CallCarrier(routing.ports, routing.ports, ports, lambda what: None).carry(
        screen, seat(2)
    )

    assert [placement.cost for placement in ports.opened] == [call_cost(2)]
