"""A bad frame or offer is a typed error to whoever sent it, counted where it was refused, and harms nobody."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from teleward_cli.demo.client import CallSocket, Socket, SocketEndedError, Visitor, WaitingSocket
from teleward_contract.signalling import MAX_FRAME_BYTES, Error, ErrorCode, Join, Media, Ready
from teleward_testing.builders import House
from teleward_testing.doors import first
from teleward_testing.recording import Recording, canary
from teleward_testing.running import Running

NewVisitor = Callable[[Recording | None], Visitor]

BAD_FRAMES = {
    "too large": ("{" + " " * MAX_FRAME_BYTES + "}", "frame_too_large", 1009),
    "not JSON": ("{", "not_json", 1008),
    "JSON without a type": ('{"kind": "knock"}', "unknown_type", 1008),
    "of unknown type": ('{"type": "knock"}', "unknown_type", 1008),
}

BAD_OFFERS = {
    "no SDP at all": "hello",
    "an answerless void": "v=0\r\n",
    "no audio and no video": (
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
    ),
    "audio without credentials": (
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
    ),
    "noise": "".join(chr(random.Random(7).randrange(32, 0x2FFF)) for _ in range(4000)),
}


# -- frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", sorted(BAD_FRAMES))
@pytest.mark.parametrize("where", ["waiting", "queue", "call"])
async def test_a_bad_frame_gets_a_typed_error_and_a_close_is_counted_and_harms_nobody(
    where: str, what: str, teleward: Running, house: House, visitor: NewVisitor
) -> None:
    text, code, close_code = BAD_FRAMES[what]
    bystander = visitor(None)
    await bystander.enter(house.namespace, house.clinic, canary("Bystander"), {})
    counted = _frames_refused(teleward, code)
    async with asyncio.timeout(15), await bystander.wait("Bystander", {}) as waiting:
        await waiting.receive()
        async with _socket(where, house, visitor) as bad:
            await bad.send_text(text)

            assert await _refusal(bad) == (code, close_code)
        assert _frames_refused(teleward, code) == counted + 1
        await _is_served(waiting)


async def test_a_waiting_socket_that_does_not_begin_with_hello_is_out_of_order(
    teleward: Running, house: House, visitor: NewVisitor
) -> None:
    person = visitor(None)
    await person.enter(house.namespace, house.clinic, canary("Name"), {})
    counted = _frames_refused(teleward, "out_of_order")

    path = f"/ws/visit/{person.waits_at}"
    async with asyncio.timeout(10), await person.connect(WaitingSocket, path) as bad:
        await bad.send_text('{"type": "leave"}')

        assert await _refusal(bad) == ("out_of_order", 1008)
    assert _frames_refused(teleward, "out_of_order") == counted + 1


async def test_a_frame_before_join_is_out_of_order_and_counted_by_the_media_node(
    teleward: Running, house: House, visitor: NewVisitor
) -> None:
    counted = _refused_by_media_nodes(house, "out_of_order")
    async with asyncio.timeout(15), _room(house, visitor) as call:
        await first(call, Ready)
        await call.send(Media(audio=True, video=True))

        assert (await first(call, Error)).code is ErrorCode.OUT_OF_ORDER
    assert _refused_by_media_nodes(house, "out_of_order") == counted + 1


# -- offers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", sorted(BAD_OFFERS))
async def test_a_bad_offer_is_one_typed_error_to_that_participant(
    what: str, teleward: Running, house: House, visitor: NewVisitor
) -> None:
    counted = _refused_by_media_nodes(house, "bad_offer")
    async with asyncio.timeout(15), _room(house, visitor) as call:
        await first(call, Ready)
        await call.send(Join(offer=BAD_OFFERS[what]))

        error = await first(call, Error)
        assert (error.code, error.fatal) == (ErrorCode.BAD_OFFER, True)
        with pytest.raises(SocketEndedError):
            await call.receive()
    assert _refused_by_media_nodes(house, "bad_offer") == counted + 1


# -- steps ----------------------------------------------------------------------------------------


@asynccontextmanager
async def _room(house: House, visitor: NewVisitor) -> AsyncIterator[CallSocket]:
    member = visitor(None)
    await member.sign_in(house.clinician)
    async with await member.call(house.meeting_room_path) as call:
        yield call


@asynccontextmanager
async def _socket(where: str, house: House, visitor: NewVisitor) -> AsyncIterator[Socket]:
    person = visitor(None)
    match where:
        case "waiting":
            await person.enter(house.namespace, house.clinic, canary("Name"), {})
            async with await person.wait("Name", {}) as waiting:
                await waiting.receive()
                yield waiting
        case "queue":
            await person.sign_in(house.clinician)
            async with await person.watch(house.namespace, house.clinic) as queue:
                await queue.receive()
                yield queue
        case _:
            async with _room(house, visitor) as call:
                await first(call, Ready)
                yield call


async def _refusal(bad: Socket) -> tuple[str, int | None]:
    """Code of the typed error and of the close that follows it."""
    code = ""
    while True:
        try:
            frame = json.loads(await bad.receive_text())
        except SocketEndedError as err:
            return code, err.close_code
        if frame["type"] == "error":
            assert frame.get("fatal", True)
            code = frame["code"]


async def _is_served(waiting: WaitingSocket) -> None:
    """The bystander's socket lives: leaving it is answered."""
    await waiting.leave()
    with contextlib.suppress(SocketEndedError):
        while True:
            await waiting.receive()


def _frames_refused(teleward: Running, code: str) -> float:
    return teleward.metric("gateway", "teleward_gateway_frames_refused_total", code=code)


def _refused_by_media_nodes(house: House, code: str) -> float:
    return house.media_metric("teleward_media_refusals_total", code=code)
