"""Nothing about one patient reaches another, whatever happens to either; nor any log, metric or file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
import redis
from teleward_cli.demo.client import SocketEndedError, Visitor, WaitingSocket
from teleward_cli.demo.frames import QueueDelta, Visit, VisitState
from teleward_testing.builders import House, build_house
from teleward_testing.doors import (
    NOT_FOUND,
    knock_at_call,
    knock_at_queue,
    knock_at_request,
    knock_at_waiting,
)
from teleward_testing.pages import Patient
from teleward_testing.recording import Recording, canary, files_with
from teleward_testing.running import Running

NewVisitor = Callable[[Recording | None], Visitor]
NewPatient = Callable[[str], Awaitable[Patient]]

KINDS = "organisations,clinics,waitingareas,meetingrooms,userrooms,mediapools,events"


@dataclass(slots=True)
class Waiter:
    """A patient without a browser, everything that reached them recorded."""

    name: str
    reason: str
    visitor: Visitor
    recording: Recording
    socket: WaitingSocket | None = None

    @property
    def words(self) -> tuple[str, str]:
        return self.name, self.reason

    @property
    def fields(self) -> dict[str, str]:
        return {"reason": self.reason}

    async def enter(self, house: House) -> None:
        await self.visitor.enter(house.namespace, house.clinic, self.name, self.fields)
        await self.reload()

    async def reload(self) -> None:
        """Open the waiting socket, in place of an earlier one."""
        before, self.socket = self.socket, await self.visitor.wait(self.name, self.fields)
        await self.until(VisitState.WAITING)
        if before is not None:
            await before.close()

    async def until(self, state: VisitState) -> None:
        assert self.socket is not None
        async with asyncio.timeout(10):
            while True:
                frame = await self.socket.receive()
                if isinstance(frame, Visit) and frame.state is state:
                    return

    async def listen(self, seconds: float) -> None:
        """Take in whatever still comes."""
        assert self.socket is not None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.socket.receive()
        except (TimeoutError, SocketEndedError):
            pass


@pytest.fixture(scope="module")
def asking(house: House) -> House:
    """A clinic that asks for the reason of the visit."""
    reason = {"name": "reason", "label": {"en": "Reason"}, "kind": "Text"}
    house.apply(house.documents(waiting_area={"entryFields": [reason]}))
    return house


@pytest_asyncio.fixture(loop_scope="session")
async def waiters(visitor: NewVisitor) -> AsyncIterator[Callable[[], Waiter]]:
    async with AsyncExitStack() as stack:

        def arrive() -> Waiter:
            recording = Recording("patient")
            one = Waiter(canary("Name"), canary("Reason"), visitor(recording), recording)
            stack.push_async_callback(lambda: one.socket.close() if one.socket else _nothing())
            return one

        yield arrive


async def _nothing() -> None:
    return


async def test_no_patient_receives_a_byte_about_another_while_all_come_and_go(
    teleward: Running, asking: House, waiters: Callable[[], Waiter], visitor: NewVisitor,
    patient: NewPatient,
) -> None:  # fmt: skip
    elsewhere = build_house(teleward, f"{asking.namespace}-b")
    first, second, third, other = (waiters() for _ in range(4))
    await first.enter(asking)
    await second.enter(asking)
    await other.enter(elsewhere)
    name, reason = canary("Name"), canary("Reason")
    guest = await patient("patient in a browser")
    await guest.enter(asking.patient_url, name, {"Reason": reason})
    clinician = visitor(None)
    await clinician.sign_in(asking.clinician)
    async with await clinician.watch(asking.namespace, asking.clinic) as queue:
        async with asyncio.timeout(10):
            called = await queue.find(lambda entry: entry.name == first.name)
            await queue.find(lambda entry: entry.name == name)
        act = clinician.act
        await third.enter(asking)
        await second.reload()
        await guest.page.reload()
        await guest.waits()
        await act(asking.namespace, asking.clinic, called.visit, "call-in")
        await first.until(VisitState.CALLED)
        await act(asking.namespace, asking.clinic, called.visit, "end")
        await first.until(VisitState.ENDED)
        await third.visitor.leave()
    await asyncio.gather(*(one.listen(2) for one in (second, other)))

    everybody = {one.name: (one.words, one.recording) for one in (first, second, third, other)}
    everybody[name] = ((name, reason), guest.recording)
    visits = {called.visit: first.name}
    for owner, (_, recording) in everybody.items():
        others = [w for who, (words, _) in everybody.items() if who != owner for w in words]
        others += [visit for visit, who in visits.items() if who != owner]
        assert recording.leaks(others) == []
        assert recording.heard, "an empty recording proves nothing"


async def test_a_patients_ticket_opens_nothing_but_the_own_visit(
    asking: House, waiters: Callable[[], Waiter], visitor: NewVisitor
) -> None:
    one, other = waiters(), waiters()
    await one.enter(asking)
    await other.enter(asking)
    clinician = visitor(None)
    await clinician.sign_in(asking.clinician)
    async with (
        await clinician.watch(asking.namespace, asking.clinic) as queue,
        asyncio.timeout(10),
    ):
        foreign = (await queue.find(lambda entry: entry.name == other.name)).visit
    staff, api = (f"{base}/staff/{asking.namespace}/{asking.clinic}" for base in ("", "/api"))
    door, thief = f"/ws/call/room/{asking.namespace}/{asking.clinic}", one.visitor

    answers = {
        "another's call": await knock_at_call(thief, f"/ws/call/visit/{foreign}"),
        "the meeting room": await knock_at_call(thief, f"{door}/meeting/{asking.meeting_room}"),
        "a user room": await knock_at_call(thief, f"{door}/user/{asking.user_room}"),
        "the queue": await knock_at_queue(thief, asking.namespace, asking.clinic),
        "who am I": await knock_at_request(thief, "GET", "/api/staff/me"),
        "calling in": await knock_at_request(thief, "POST", f"{api}/visits/{foreign}/call-in"),
        "ending": await knock_at_request(thief, "POST", f"{api}/visits/{foreign}/end"),
    }
    assert answers == dict.fromkeys(answers, NOT_FOUND)
    status, text = await thief.request("GET", staff)
    assert status in (303, 404), text
    assert await knock_at_call(thief, thief.patient_call) != "ready", "not called in yet"


async def test_a_ticket_that_was_tampered_with_is_an_unknown_one(
    asking: House, waiters: Callable[[], Waiter], visitor: NewVisitor
) -> None:
    one = waiters()
    await one.enter(asking)
    ((cookie, ticket),) = one.visitor.cookies.items()
    for forged in (ticket[:-2] + ("AA" if ticket[-2:] != "AA" else "BB"), ticket[:20], "x", ""):
        thief = visitor(None)
        thief.cookies[cookie] = forged
        thief.waits_at = one.visitor.waits_at
        assert await knock_at_waiting(thief, one.name) == NOT_FOUND


async def test_no_patients_word_is_in_logs_metrics_objects_slowlog_or_files(
    teleward: Running, asking: House, waiters: Callable[[], Waiter], visitor: NewVisitor
) -> None:
    with redis.Redis.from_url(str(teleward.status().redis), decode_responses=True) as store:
        store.config_set("slowlog-log-slower-than", "0")  # as if every command were slow
        one = waiters()
        await one.enter(asking)
        clinician = visitor(None)
        await clinician.sign_in(asking.clinician)
        async with (
            await clinician.watch(asking.namespace, asking.clinic) as queue,
            asyncio.timeout(10),
        ):
            entry = await queue.find(lambda entry: entry.name == one.name)
            await clinician.act(asking.namespace, asking.clinic, entry.visit, "call-in")
            while not isinstance(await queue.receive(), QueueDelta):
                pass
        slow = str(store.slowlog_get(1000))
    words = one.words

    status = teleward.status()
    shown = {
        f"/metrics of {p.name}": teleward.metrics(p.name) for p in status.processes if p.metrics
    }
    shown["objects"] = teleward.kubectl("get", KINDS, "-A", "-o", "json")
    shown["status"] = status.model_dump_json()
    shown["output"] = teleward.output.read_text("utf-8", "replace")
    shown["SLOWLOG"] = slow
    assert [where for where, text in shown.items() if any(w in text for w in words)] == []
    assert files_with(teleward.data, words) == []
    logs = list(teleward.data.rglob("*.log"))
    assert logs, "no logs under --data: this test would prove nothing"
