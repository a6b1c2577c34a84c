"""A header is what stands before anything that a person said, showed or is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.core.headers import header_bytes

RTP = bytes([0x80, 96]) + bytes(10)


@pytest.mark.parametrize(
    ("datagram", "size"),
    {
        "nothing": (b"", 0),
        "STUN, without its attributes": (bytes([0, 1]) + bytes(98), 20),
        "STUN that is cut short": (bytes([0, 1]), 2),
        "a DTLS record": (bytes([22]) + bytes(99), 13),
        "RTP": (RTP + bytes(50), 12),
        "RTP with contributors": (bytes([0x82]) + RTP[1:] + bytes(50), 20),
        "RTP with an extension": (
            bytes([0x90]) + RTP[1:] + b"\xbe\xde\x00\x02" + bytes(8) + bytes(50),
            24,
        ),
        "RTP whose extension has no header": (bytes([0x90]) + RTP[1:] + b"\xbe\xde", 12),
        "RTP that claims more than there is": (
            bytes([0x90]) + RTP[1:] + b"\xbe\xde\xff\xff" + bytes(8),
            12,
        ),
        "RTCP": (bytes([0x80, 200]) + bytes(50), 8),
        "too short for either": (b"\x80\x60", 0),
        "something else": (b"\x60" + bytes(50), 0),
    }.values(),
)
def test_a_header_ends_where_its_standard_says(datagram: bytes, size: int) -> None:
    assert header_bytes(memoryview(datagram)) == size


@given(st.binary(max_size=200))
def test_any_bytes_have_a_header_that_is_within_them(datagram: bytes) -> None:
    assert 0 <= header_bytes(memoryview(datagram)) <= len(datagram)
