"""Payload descriptors are read within bounds and as aiortc reads them, and renumbered in place."""

import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.packetpath import payloads

FU_START, FU_MIDDLE = 0x80, 0x00


def vp8(data: bytes) -> payloads.Descriptor | None:
    """The payload stands in the middle of other bytes, which must not matter."""
    return payloads.read_vp8(b"\xff" * 5 + data + b"\xff" * 9, 5, 5 + len(data))


def h264(data: bytes) -> payloads.Descriptor | None:
    return payloads.read_h264(b"\xff" * 5 + data + b"\xff" * 9, 5, 5 + len(data))


@given(st.binary(max_size=12))
def test_vp8_is_read_as_aiortc_reads_it(data: bytes) -> None:
    ours = vp8(data)
    try:
        theirs, rest = VpxPayloadDescriptor.parse(data)
    except ValueError:
        assert ours is None
        return
    if not rest:
        assert ours is None
        return
    assert ours is not None
    assert ours.picture == (-1 if theirs.picture_id is None else theirs.picture_id)
    assert ours.tl0 == (-1 if theirs.tl0picidx is None else theirs.tl0picidx)
    assert ours.key == (-1 if theirs.keyidx is None else theirs.keyidx)
    assert (ours.temporal, ours.is_switch) == (
        (theirs.tid[0], bool(theirs.tid[1])) if theirs.tid else (0, False)
    )
    starts = theirs.partition_start == 1 and theirs.partition_id == 0
    assert (ours.starts_frame, ours.keyframe) == (starts, starts and not rest[0] & 1)


@given(
    st.integers(0, 127) | st.integers(128, 0x7FFF), st.integers(0, 255), st.integers(0, 31),
    st.integers(0, 0x7FFF), st.integers(0, 255), st.integers(0, 31), st.booleans(),
)  # fmt: skip
def test_vp8_is_renumbered_in_place(
    picture: int, tl0: int, key: int, new: int, new_tl0: int, new_key: int, start: bool
) -> None:
    written = bytes(
        VpxPayloadDescriptor(
            partition_start=int(start), partition_id=0, picture_id=picture, tl0picidx=tl0,
            tid=(2, 1), keyidx=key,
        )
    )  # fmt: skip
    out = bytearray(b"before" + written + b"frame")
    descriptor = payloads.read_vp8(out, 6, len(out))
    assert descriptor is not None
    payloads.renumber_vp8(out, 6, descriptor, new, new_tl0, new_key)

    theirs, rest = VpxPayloadDescriptor.parse(bytes(out[6:]))
    assert theirs.picture_id == (new if descriptor.is_long else new & 0x7F)
    assert (theirs.tl0picidx, theirs.keyidx, theirs.tid) == (new_tl0, new_key, (2, 1))
    assert (bytes(out[:6]), rest) == (b"before", b"frame")


def test_numbers_that_are_not_there_are_not_written() -> None:
    out = bytearray(b"\x10\x00frame")
    payloads.renumber_vp8(out, 0, payloads.Descriptor(), 5, 6, 7)

    assert out == b"\x10\x00frame"


@pytest.mark.parametrize(
    ("data", "starts", "key"),
    [
        (b"\x65slice", True, False), (b"\x67sps", True, True), (b"\x41slice", True, False),
        (bytes([0x7C, FU_START | 5]) + b"x", True, False),
        (bytes([0x7C, FU_MIDDLE | 5]) + b"x", False, False),
        (bytes([0x5C, FU_START | 1]) + b"x", True, False),
        (b"\x78\x00\x02\x67a\x00\x02\x68b", True, True),
        (bytes([0x7C, FU_START | 7]) + b"x", True, True),
        (b"\x78\x00\x02\x41a\x00\x02\x41b", True, False),
        (b"\x78\x00\x02\x65a\x00\x02\x65b", True, False),
    ],
)  # fmt: skip
def test_an_h264_keyframe_is_told_by_its_first_units(data: bytes, starts: bool, key: bool) -> None:
    read = h264(data)

    assert read is not None
    assert (read.starts_frame, read.keyframe) == (starts, key)


@pytest.mark.parametrize("data", [b"", b"\x7c", b"\x78\x00", b"\x78\x00\x00", b"\x78\x00\x09a"])
def test_h264_that_is_cut_short_is_malformed(data: bytes) -> None:
    assert h264(data) is None


@given(st.binary(max_size=60))
def test_h264_is_refused_where_aiortc_refuses_it(data: bytes) -> None:
    ours = h264(data)
    try:
        H264PayloadDescriptor.parse(data)
    except ValueError:
        return
    assert ours is not None or data[0] & 0x1F == 24


def test_opus_stands_for_itself_and_nothing_is_no_payload() -> None:
    assert payloads.read_opus(b"x", 0, 1) == payloads.PLAIN
    assert payloads.read_opus(b"x", 1, 1) is None
