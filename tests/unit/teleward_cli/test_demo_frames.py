"""The synthetic people read whatever the gateway's own types can say, and nothing that it cannot."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from teleward_cli.demo import frames as read
from teleward_contract.signalling import WaitReason
from teleward_gateway.core import frames as written
from teleward_gateway.core import queue
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.visits import Speaker, VisitState

ARRIVED = "2026-03-01T10:00:00.000Z"


def entry(state: VisitState = VisitState.WAITING, name: str = "ليلى") -> queue.Entry:
    return queue.Entry(
        visit="v1", name=name, arrived_at=ARRIVED, state=state, fields={"phone": "+1 555"},
        locale="ar", connected=False, called_by="Ada", noticed=False, confirmed=True,
        came_from="Eyes", consultation="c", room="r", speaker=Speaker(name="Mia", role="carer"),
        appointment=ARRIVED, device=DeviceReport(camera="on"),
    )  # fmt: skip


def is_within(part: Any, whole: Any) -> bool:
    """Whether everything that was read is what was written."""
    if isinstance(part, dict):
        return all(key in whole and is_within(one, whole[key]) for key, one in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(is_within, part, whole))
    return bool(part == whole)


PATIENT: dict[str, tuple[BaseModel, type]] = {
    "a visit": (written.VisitFrame(state=VisitState.WAITING, arrived_at=ARRIVED), read.Visit),
    "a message": (
        written.VisitFrame(
            state=VisitState.REFUSED,
            arrived_at=ARRIVED,
            message=written.MessageShown(text="قريبا", at=ARRIVED),
        ),
        read.Visit,
    ),
    "last words": (
        written.VisitFrame(
            state=VisitState.ENDED,
            arrived_at=ARRIVED,
            closing=written.ClosingShown(message="سلامتك", link="https://x.org"),
        ),
        read.Visit,
    ),
    "a moment": (written.WaitFrame(reason=WaitReason.RECOVERING), read.OneMoment),
    "another tab": (written.ReplacedFrame(), read.Replaced),
    "another clinic": (
        written.TransferredFrame(clinic="eyes", display_name="Eyes"),
        read.Transferred,
    ),
    "no such visit": (written.UnknownFrame(), read.Unknown),
}

STAFF: dict[str, tuple[BaseModel, type]] = {
    "the queue": (
        written.QueueFrame(
            version=3,
            order="Priority",
            long_after_minutes=5,
            very_long_after_minutes=20,
            visits=(entry(),),
            rooms=(written.RoomCount(uid="r", participants=2),),
        ),
        read.Queue,
    ),
    "a change": (
        written.QueueDelta(version=4, upsert=(entry(),), remove=("v0",), rooms=()),
        read.QueueDelta,
    ),
    "a moment": (written.WaitFrame(reason=WaitReason.UNAVAILABLE), read.OneMoment),
}


@pytest.mark.parametrize("case", PATIENT)
def test_a_patient_reads_what_the_gateway_writes(case: str) -> None:
    frame, kind = PATIENT[case]

    found = read.VISIT_FRAME.validate_json(frame.model_dump_json())

    told = frame.model_dump(mode="json")
    assert type(found) is kind
    assert is_within(found.model_dump(mode="json"), told)


@pytest.mark.parametrize("case", STAFF)
def test_staff_read_what_the_gateway_writes(case: str) -> None:
    frame, kind = STAFF[case]

    found = read.QUEUE_FRAME.validate_json(frame.model_dump_json())

    told = frame.model_dump(mode="json")
    assert type(found) is kind
    assert is_within(found.model_dump(mode="json"), told)


@pytest.mark.parametrize("state", [one for one in VisitState if one is not VisitState.LEFT])
def test_every_state_of_a_visit_that_is_told_is_read(state: VisitState) -> None:
    frame = written.VisitFrame(state=state, arrived_at=ARRIVED)

    visit = read.VISIT_FRAME.validate_json(frame.model_dump_json())
    row = read.Entry.model_validate_json(entry(state).model_dump_json())

    assert isinstance(visit, read.Visit)
    assert (visit.state.value, row.state.value) == (state.value, state.value)


@pytest.mark.parametrize("reason", WaitReason)
def test_every_reason_to_wait_is_read(reason: WaitReason) -> None:
    frame = {"type": "wait", "reason": reason.value}

    assert read.VISIT_FRAME.validate_python(frame) == read.OneMoment(type="wait", reason=reason)


def test_the_first_frame_of_a_page_is_one_the_gateway_reads() -> None:
    hello = read.Hello(name="ليلى", fields={"phone": "+1 555"}, locale="ar")

    taken = written.Hello.model_validate_json(hello.model_dump_json())

    assert is_within(hello.model_dump(), taken.model_dump())


def test_what_is_as_usual_in_a_row_is_left_out_and_read_as_usual() -> None:
    usual = entry().model_copy(
        update={
            "noticed": True, "confirmed": False, "speaker": None, "appointment": "", "device": None,
        }
    )  # fmt: skip

    told = usual.model_dump_json()

    assert not any(
        field in told for field in ("noticed", "confirmed", "speaker", "appointment", "device")
    )
    row = read.Entry.model_validate_json(told)
    assert (row.noticed, row.confirmed, row.speaker, row.device) == (True, False, None, None)


def test_a_refusal_is_fatal_unless_it_says_otherwise() -> None:
    text = json.dumps({"type": "error", "code": "frame_too_large", "message": "too large"})
    mild = json.dumps({"type": "error", "code": "rate_limited", "fatal": False})

    for frame in (read.VISIT_FRAME, read.QUEUE_FRAME):
        fatal: Any = frame.validate_json(text)
        gentle: Any = frame.validate_json(mild)
        assert (fatal.code, fatal.fatal, gentle.fatal) == ("frame_too_large", True, False)


def test_fields_of_a_newer_gateway_are_ignored() -> None:
    frame = {"type": "unknown", "of_tomorrow": 1}

    assert read.VISIT_FRAME.validate_python(frame) == read.Unknown(type="unknown")


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"type": "queue"},
        {"type": "of_tomorrow"},
        {"type": "visit", "state": "waiting"},
        {"type": "wait", "reason": "boredom"},
        {
            "type": "visit",
            "state": "asleep",
            "arrived_at": ARRIVED,
            "clinic": {"display_name": ""},
        },
    ],
)
def test_a_frame_that_the_gateway_cannot_send_is_an_error(frame: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read.VISIT_FRAME.validate_python(frame)


def test_an_answer_cannot_be_changed() -> None:
    body = read.ErrorAnswer.model_validate({"error": {"code": "visit_gone", "extra": 1}}).error

    assert (body.code, body.message) == ("visit_gone", "")
    with pytest.raises(ValidationError, match="frozen"):
        body.code = "other"  # type: ignore[misc]  # that is the point
