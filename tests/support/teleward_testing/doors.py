"""Knocking at doors that should stay shut, and saying in one word what came of it."""

import asyncio
from typing import TypeVar

from teleward_cli.demo.client import CallSocket, RefusedAnswerError, SocketEndedError, Visitor
from teleward_cli.demo.frames import Unknown
from teleward_contract.signalling import Error, ErrorCode, Frame

F = TypeVar("F", bound=Frame)

NOT_FOUND = "not found"
"""Unknown, ended and forbidden look alike."""

WITHIN_S = 10.0


async def first(call: CallSocket, kind: type[F]) -> F:
    """The next frame of this kind; others are passed over."""
    while True:
        frame = await call.receive()
        if isinstance(frame, kind):
            return frame


async def knock_at_call(person: Visitor, path: str) -> str:
    """Open a call socket: `not found`, or the type of its first frame."""
    try:
        async with asyncio.timeout(WITHIN_S), await person.call(path) as socket:
            frame = await socket.receive()
    except (SocketEndedError, RefusedAnswerError) as err:
        return _ended(err)
    is_refusal = isinstance(frame, Error) and frame.code is ErrorCode.NOT_FOUND
    return NOT_FOUND if is_refusal else frame.type


async def knock_at_waiting(person: Visitor, name: str) -> str:
    """Open the waiting socket: `not found`, or the type of its first frame."""
    try:
        async with asyncio.timeout(WITHIN_S), await person.wait(name, {}) as socket:
            frame = await socket.receive()
    except (SocketEndedError, RefusedAnswerError) as err:
        return _ended(err)
    return NOT_FOUND if isinstance(frame, Unknown) else frame.type


async def knock_at_guest_socket(person: Visitor, namespace: str, clinic: str) -> str:
    """Open the guest socket: `not found`, or the type of its first frame."""
    try:
        async with (
            asyncio.timeout(WITHIN_S),
            await person.knock(namespace, clinic, "Gus") as socket,
        ):
            frame = await socket.receive()
    except (SocketEndedError, RefusedAnswerError) as err:
        return _ended(err)
    return NOT_FOUND if isinstance(frame, Unknown) else frame.type


async def knock_at_queue(person: Visitor, namespace: str, clinic: str) -> str:
    """Open the queue socket: `not found`, or the type of its first frame."""
    try:
        async with asyncio.timeout(WITHIN_S), await person.watch(namespace, clinic) as socket:
            frame = await socket.receive()
    except (SocketEndedError, RefusedAnswerError) as err:
        return _ended(err)
    refused = frame.type == "error" and frame.code in ("not_found", "sign_in")
    return NOT_FOUND if refused else frame.type


async def knock_at_request(person: Visitor, method: str, path: str, body: object = None) -> str:
    """Make a request: `not found`, or its status."""
    status, _ = await person.request(method, path, body or {} if method == "POST" else None)
    return NOT_FOUND if status in (401, 403, 404) else str(status)


def _ended(err: SocketEndedError | RefusedAnswerError) -> str:
    if isinstance(err, RefusedAnswerError):
        return NOT_FOUND if err.status in (401, 403, 404) else f"HTTP {err.status}"
    return NOT_FOUND if err.close_code in (4004, 1008) else f"closed {err.close_code}"
