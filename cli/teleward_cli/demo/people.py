"""The demo's patient and clinician: what each does from the door to the end of the consultation."""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from teleward_contract.signalling import CloseReason

from teleward_cli.demo.client import DemoError, RefusedAnswerError, Visitor, WaitingSocket
from teleward_cli.demo.conversation import Conversation, MediaPeer
from teleward_cli.demo.frames import Entry, FieldAsked, Unknown, Visit, VisitState

END_WITHIN_S = 10.0
"""A call that was told to end and has not ended after this time never will."""

CALLED = (VisitState.CALLED, VisitState.IN_CONSULTATION)
OVER = (VisitState.ENDED, VisitState.REFUSED)

Say = Callable[[str], None]
"""Told what happens, line by line, for somebody who watches."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every demo person needs to know."""

    namespace: str
    clinic: str
    seconds: float
    """How long they talk once media flows."""
    patience_s: float
    """How long one waits for the other, first in the queue and then in the call."""
    make_peer: Callable[[], MediaPeer]
    say: Say


@dataclass(frozen=True, slots=True)
class Report:
    """What reached one person."""

    person: Literal["patient", "clinician"]
    join_s: float | None
    """Seconds from the wish to join to the first remote picture; None when there was none."""
    frames_decoded: int
    audio_energy: float
    cipher: str | None
    media_node: str | None
    closed: CloseReason

    @property
    def has_media(self) -> bool:
        """Whether this person has both seen and heard the other."""
        return self.frames_decoded > 0 and self.audio_energy > 0


async def be_patient(visitor: Visitor, plan: Plan, name: str, *, leaves: bool) -> Report:
    """Enter, wait, talk; `leaves`: go after `plan.seconds` and do not wait for the clinician's end.

    Raises:
        DemoError: The way ended before media flowed; the text says where and what to do.
    """
    door = await visitor.door(plan.namespace, plan.clinic)
    if door.state != "open":
        raise DemoError(f"{plan.namespace}/{plan.clinic} is {door.state}; choose an open clinic")
    fields = {asked.name: answer_to(asked) for asked in door.entry_fields if asked.required}
    await visitor.enter(plan.namespace, plan.clinic, name, fields)
    async with await visitor.wait(name, fields) as waiting:
        plan.say(f"the patient waits in {door.display_name}")
        await _until(waiting, CALLED, plan.patience_s)
        conversation = Conversation(visitor, visitor.patient_call, plan.make_peer)
        closed = await _talk(conversation, plan, conversation.leave if leaves else None)
    return _report("patient", conversation, closed)


async def be_clinician(
    visitor: Visitor, plan: Plan, user: str, secret: str | None, wanted: Callable[[Entry], bool]
) -> Report:
    """Sign in, watch the queue, call in the first visit that is `wanted`, talk, end it.

    Raises:
        DemoError: The way ended before media flowed; the text says where and what to do.
    """
    await visitor.sign_in(user, secret)
    async with await visitor.watch(plan.namespace, plan.clinic) as queue:
        plan.say("the clinician watches the queue")
        try:
            async with asyncio.timeout(plan.patience_s):
                entry = await queue.find(
                    lambda entry: entry.state is VisitState.WAITING and wanted(entry)
                )
        except TimeoutError:
            raise DemoError("nobody came to the queue; is the patient's page open?") from None
        await visitor.act(plan.namespace, plan.clinic, entry.visit, "call-in")
        plan.say("the clinician calls the patient in")
        conversation = Conversation(visitor, f"/ws/call/visit/{entry.visit}", plan.make_peer)
        closed = await _talk(conversation, plan, conversation.end)
    try:
        await visitor.act(plan.namespace, plan.clinic, entry.visit, "end")
    except RefusedAnswerError as err:
        if err.code != "not_found":  # it may have ended with its call
            raise
    return _report("clinician", conversation, closed)


def answer_to(asked: FieldAsked) -> str:
    """Answer a question of the entry form with something plainly invented."""
    match asked.kind:
        case "Phone":
            return "+61 491 570 006"  # reserved for fiction by the Australian regulator
        case "Date":
            return datetime.date(1980, 2, 29).isoformat()
        case "Choice":
            return asked.choices[0]
        case "Consent":
            return "true"
        case "Text":
            return "Demonstration"


async def _until(waiting: WaitingSocket, states: tuple[VisitState, ...], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                match await waiting.receive():
                    case Visit(state=state) if state in states:
                        return
                    case Visit(state=state) if state in OVER:
                        raise DemoError(f"the visit was {state.value} before the call")
                    case Unknown():
                        raise DemoError("the gateway does not know this visit any more")
                    case _:
                        pass
    except TimeoutError:
        raise DemoError(f"nobody called the patient in within {seconds:g} s") from None


async def _talk(
    conversation: Conversation, plan: Plan, finish: Callable[[], Awaitable[None]] | None
) -> CloseReason:
    run = asyncio.create_task(conversation.run())
    media = asyncio.create_task(conversation.wait_for_media())
    try:
        await asyncio.wait(
            {run, media}, timeout=plan.patience_s, return_when=asyncio.FIRST_COMPLETED
        )
        if run.done():
            return run.result()
        if not media.done():
            raise DemoError(f"no picture came within {plan.patience_s:g} s; see `teleward status`")
        await asyncio.wait({run}, timeout=plan.seconds)
        if not run.done() and finish is not None:
            await finish()
        async with asyncio.timeout(plan.seconds + END_WITHIN_S):
            return await run
    except TimeoutError:
        raise DemoError("the call did not end when it was told to") from None
    finally:
        for task in (run, media):
            task.cancel()
        await asyncio.gather(run, media, return_exceptions=True)


def _report(
    person: Literal["patient", "clinician"], conversation: Conversation, closed: CloseReason
) -> Report:
    return Report(
        person=person,
        join_s=conversation.join_s,
        frames_decoded=conversation.frames_decoded,
        audio_energy=conversation.audio_energy,
        cipher=conversation.cipher,
        media_node=conversation.media_node,
        closed=closed,
    )
