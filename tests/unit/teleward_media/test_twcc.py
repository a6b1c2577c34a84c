"""Transport-wide feedback comes back as it was written, and any bytes are read within bounds."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.packetpath import twcc

arrivals = st.lists(
    st.one_of(st.none(), st.integers(0, 40), st.integers(-2000, 9000)), max_size=300
).map(lambda steps: [0, *steps])


def feedback(packet: bytes) -> twcc.Feedback | None:
    """Leave the common header out, and the padding."""
    padding = packet[-1] if packet[0] & 0x20 else 0
    assert len(packet) == 4 + 4 * int.from_bytes(packet[2:4], "big")
    assert (packet[0] & 0xDF, packet[1]) == (0x8F, 205)
    return twcc.read(packet[4 : len(packet) - padding])


@given(arrivals, st.integers(0, 65535), st.integers(0, 10**9))
def test_what_is_written_is_read(steps: list[int | None], base: int, begin: int) -> None:
    times: list[int | None] = []
    now = begin
    for step in steps:
        if step is not None:
            now = max(0, now + step)
        times.append(None if step is None else now)
    packet, told = twcc.write(1, 2, base, 300, times)

    read = feedback(packet)
    assert read is not None
    assert (read.base, read.count, told) == (base, 300 & 0xFF, len(times))
    wrapped = times[0] // 256 % (1 << 24)  # type: ignore[operator]  # the first one arrived
    reference = wrapped - (1 << 24) if wrapped >> 23 else wrapped
    moved = reference * 256 - times[0] // 256 * 256  # type: ignore[operator]
    assert list(read.arrivals) == [None if t is None else t + moved for t in times]


def test_a_step_that_no_delta_can_tell_begins_a_new_packet() -> None:
    _, told = twcc.write(1, 2, 0, 0, [0, 1, None, 40_000, 40_001])

    assert told == 3


def test_a_feedback_packet_stays_small() -> None:
    packet, told = twcc.write(1, 2, 0, 0, list(range(0, 2_000_000, 1000)))

    assert len(packet) < 1500
    assert 400 < told < 2000


@pytest.mark.parametrize(
    "body",
    [
        b"", bytes(15),
        struct.pack("!IIHH", 1, 2, 0, 65535) + bytes(4) + b"\x1f\xff" * 8,  # 65,535 lost in 16 bytes
        struct.pack("!IIHH", 1, 2, 0, 4) + bytes(4),  # no chunk
        struct.pack("!IIHH", 1, 2, 0, 4) + bytes(4) + b"\x00\x00",  # a run of none
        struct.pack("!IIHH", 1, 2, 0, 4) + bytes(4) + b"\x20\x04" + b"\x01",  # three deltas are missing
        struct.pack("!IIHH", 1, 2, 0, 1) + bytes(4) + b"\x60\x01" + b"\x01\x01\x01",  # reserved status
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_no_feedback(body: bytes) -> None:
    assert twcc.read(body) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error_and_within_the_bound(body: bytes) -> None:
    read = twcc.read(body)

    assert read is None or len(read.arrivals) <= twcc.MAX_STATUSES
