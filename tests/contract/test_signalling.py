"""Every frame of the wire is read as it was always written, and anything else is refused by its code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_contract import signalling
from teleward_contract.errors import FrameRefusedError
from teleward_contract.signalling import (
    MAX_CHAT,
    MAX_FRAME_BYTES,
    MAX_VIEW,
    ErrorCode,
    Frame,
    encode,
    parse_client_frame,
    parse_control_frame,
    parse_server_frame,
)

Parse = Callable[[str | bytes], Frame]

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
PARSE: dict[str, Parse] = {
    "client": parse_client_frame,
    "server": parse_server_frame,
    "control": parse_control_frame,
}

REFUSED = {
    "empty": ("", ErrorCode.NOT_JSON),
    "not JSON": ("{", ErrorCode.NOT_JSON),
    "not UTF-8": (b'{"type":"end\xff"}', ErrorCode.NOT_JSON),
    "a lone surrogate": ('{"type":"end\ud800"}', ErrorCode.NOT_JSON),
    "an escaped lone surrogate": (r'{"type":"join","offer":"\ud800"}', ErrorCode.NOT_JSON),
    "a list": ("[]", ErrorCode.BAD_FRAME),
    "a number": ("7", ErrorCode.BAD_FRAME),
    "no type": ("{}", ErrorCode.UNKNOWN_TYPE),
    "an unknown type": ('{"type":"dance"}', ErrorCode.UNKNOWN_TYPE),
    "another direction's type": ('{"type":"joined"}', ErrorCode.UNKNOWN_TYPE),
    "a type that is no text": ('{"type":7}', ErrorCode.UNKNOWN_TYPE),
    "a field missing": ('{"type":"join"}', ErrorCode.BAD_FRAME),
    "an empty offer": ('{"type":"join","offer":""}', ErrorCode.BAD_FRAME),
    "a field of the wrong type": (
        '{"type":"hold","participant":[],"on":true}',
        ErrorCode.BAD_FRAME,
    ),
    "a chat message of nothing": ('{"type":"chat","text":""}', ErrorCode.BAD_FRAME),
    "a chat message with a control character": (
        r'{"type":"chat","text":"a\u0007"}',
        ErrorCode.BAD_FRAME,
    ),
    "a chat message with a line feed": (r'{"type":"chat","text":"a\n"}', ErrorCode.BAD_FRAME),
    "a chat message with a C1 control": (r'{"type":"chat","text":"\u009b"}', ErrorCode.BAD_FRAME),
    "a chat message too long": (
        json.dumps({"type": "chat", "text": "x" * (MAX_CHAT + 1)}),
        ErrorCode.BAD_FRAME,
    ),
    "a view of a negative height": (
        '{"type":"view","slots":[{"mid":"8","height":-1}]}',
        ErrorCode.BAD_FRAME,
    ),
    "a view of more slots than a frame may have": (
        json.dumps({"type": "view", "slots": [{"mid": "8", "height": 1}] * (MAX_VIEW + 1)}),
        ErrorCode.BAD_FRAME,
    ),
    "too large": ('{"type":"join","offer":"' + "x" * MAX_FRAME_BYTES, ErrorCode.FRAME_TOO_LARGE),
    "too large in bytes alone": (
        json.dumps({"type": "join", "offer": "é" * (MAX_FRAME_BYTES // 2)}, ensure_ascii=False),
        ErrorCode.FRAME_TOO_LARGE,
    ),
    "nested without end": ("[" * 60_000, ErrorCode.NOT_JSON),
}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_frame_of_any_time_is_read(path: Path) -> None:
    parse = PARSE[path.stem.split(".")[0]]

    frame = parse(path.read_text())

    now = json.loads(encode(frame))
    golden = json.loads(path.read_text())
    assert says(now, golden)
    assert parse(encode(frame)) == frame


def says(now: object, golden: object) -> bool:
    """Whether all that was written then is written now; fields may have been added at any depth."""
    if isinstance(golden, dict) and isinstance(now, dict):
        return all(key in now and says(now[key], golden[key]) for key in golden)
    if isinstance(golden, list) and isinstance(now, list):
        return len(now) == len(golden) and all(map(says, now, golden))
    return now == golden


def test_every_type_of_frame_has_a_golden_file() -> None:
    unions = {
        "client": (signalling.ClientFrame,),
        "server": (signalling.MediaNodeFrame, signalling.GatewayFrame),
        "control": (signalling.ControlFrame,),
    }
    types = {
        f"{direction}.{frame.model_fields['type'].default}"
        for direction, annotated in unions.items()
        for union in annotated
        for frame in get_args(get_args(union)[0])
    }

    assert types <= {path.stem for path in GOLDEN}


def test_fields_of_tomorrow_are_ignored() -> None:
    assert parse_client_frame('{"type":"end","why":"tomorrow"}') == signalling.End()


@pytest.mark.parametrize(("data", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_frame_is_refused_by_its_code(data: str | bytes, code: ErrorCode) -> None:
    with pytest.raises(FrameRefusedError) as refusal:
        parse_client_frame(data)

    assert refusal.value.code == code


def test_a_refusal_names_fields_and_never_their_content() -> None:
    with pytest.raises(FrameRefusedError) as refusal:
        parse_server_frame('{"type":"participants","participants":[{"id":"p","name":["Canary"]}]}')

    assert "Canary" not in str(refusal.value)
    assert "participants.0.name" in str(refusal.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
TYPES = [path.stem.split(".")[1] for path in GOLDEN]
FRAME_LIKE = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional=dict.fromkeys(
        (
            "offer",
            "participant",
            "participants",
            "slots",
            "on",
            "audio",
            "video",
            "text",
            "number",
            "by",
            "round_trip_ms",
            "locked",
        ),
        ANYTHING,
    ),
).map(json.dumps)


@pytest.mark.parametrize("parse", PARSE.values(), ids=PARSE.keys())
@given(data=st.binary(max_size=200) | st.text(max_size=200) | FRAME_LIKE)
def test_fuzz_anything_is_a_frame_or_is_refused(parse: Parse, data: str | bytes) -> None:
    try:
        frame = parse(data)
    except FrameRefusedError as refusal:
        ErrorCode(refusal.code)
    else:
        assert parse(encode(frame)) == frame
