"""STUN of any bytes becomes a binding or nothing; ours is what another implementation reads, and vice versa."""

import struct

import pytest
from aioice import stun as oracle
from hypothesis import given
from hypothesis import strategies as st
from teleward_media.core import stun

PASSWORD = b"a-password-of-22-chars"
TRANSACTION = bytes(range(12))


def request(username: str = "ours:theirs", *, nominates: bool = False) -> bytes:
    message = oracle.Message(
        oracle.Method.BINDING, oracle.Class.REQUEST, transaction_id=TRANSACTION
    )
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(PASSWORD)
    message.add_fingerprint()
    return bytes(message)


def believed(datagram: bytes) -> oracle.Message:
    """Read by the other implementation, which checks fingerprint and integrity."""
    message = oracle.parse_message(datagram)
    assert message.check_message_integrity(PASSWORD)
    return message


@pytest.mark.parametrize("nominates", [True, False])
def test_a_check_of_another_implementation_is_read_and_believed(nominates: bool) -> None:
    datagram = request(nominates=nominates)

    binding = stun.read_binding(datagram)

    assert binding is not None
    assert (binding.kind, binding.transaction) == (stun.REQUEST, TRANSACTION)
    assert (binding.username, binding.nominates) == ("ours:theirs", nominates)
    assert stun.is_authentic(datagram, binding, PASSWORD)
    assert not stun.is_authentic(datagram, binding, b"another")


@pytest.mark.parametrize(
    ("family", "packed", "text"),
    [(4, bytes([192, 0, 2, 7]), "192.0.2.7"), (6, bytes([0x20, 1] + 13 * [0] + [9]), "2001::9")],
)
def test_an_answer_of_ours_tells_another_implementation_its_address(
    family: int, packed: bytes, text: str
) -> None:
    answer = stun.write_answer(TRANSACTION, family, 4242, packed, PASSWORD, 200)

    message = believed(answer)

    assert message.attributes["XOR-MAPPED-ADDRESS"] == (text, 4242)
    assert (message.message_class, message.transaction_id) == (oracle.Class.RESPONSE, TRANSACTION)
    assert "FINGERPRINT" in message.attributes


def test_a_check_of_ours_is_one_that_another_implementation_believes() -> None:
    check = stun.write_check(TRANSACTION, "theirs:ours", bytes(8), PASSWORD)

    message = believed(check)

    assert message.attributes["USERNAME"] == "theirs:ours"
    assert {"PRIORITY", "ICE-CONTROLLED", "FINGERPRINT"} <= message.attributes.keys()
    assert "USE-CANDIDATE" not in message.attributes


@pytest.mark.parametrize(("at_most", "length"), [(64, 64), (63, 56), (56, 56), (55, 0)])
def test_an_answer_is_never_longer_than_it_may_be(at_most: int, length: int) -> None:
    answer = stun.write_answer(TRANSACTION, 4, 1, bytes(4), PASSWORD, at_most)

    assert len(answer) == length
    if answer:
        believed(answer)


def attribute(kind: int, value: bytes, *, says: int | None = None) -> bytes:
    return struct.pack("!HH", kind, len(value) if says is None else says) + value


def message(*attributes: bytes, kind: int = stun.REQUEST, cookie: int = 0x2112A442) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI", kind, len(body), cookie) + TRANSACTION + body


INTEGRITY = attribute(0x0008, bytes(20))


@pytest.mark.parametrize(
    "datagram",
    {
        "nothing": b"",
        "a header alone": message(),
        "no integrity": message(attribute(0x0006, b"a" * 24)),
        "an integrity of another size": message(attribute(0x0008, bytes(24))),
        "a value that ends behind the datagram": message(attribute(0x0006, bytes(24), says=99)),
        "half an attribute": message(attribute(0x0006, bytes(20)), b"\x00\x08") + b"\x00\x14",
        "another cookie": message(INTEGRITY, cookie=1),
        "another method": message(INTEGRITY, kind=0x0003),
        "an error answer": message(INTEGRITY, kind=0x0111),
        "a length that is another": message(INTEGRITY)[:-4],
        "a length that is odd": message(INTEGRITY) + b"\x00",
        "more than any check has": message(attribute(0x0006, bytes(1300)), INTEGRITY),
    }.values(),
)
def test_what_is_no_binding_with_integrity_is_nothing(datagram: bytes) -> None:
    assert stun.read_binding(datagram) is None


def test_what_stands_behind_the_integrity_is_not_believed() -> None:
    behind = message(
        attribute(0x0006, b"name"), INTEGRITY, attribute(0x0006, b"else"), attribute(0x0025, b"")
    )

    binding = stun.read_binding(behind)

    assert binding is not None
    assert (binding.username, binding.nominates) == ("name", False)


@given(st.binary(max_size=1100))
def test_any_bytes_are_a_binding_or_nothing(noise: bytes) -> None:
    for datagram in (noise, message(noise + bytes(-len(noise) % 4))):
        binding = stun.read_binding(datagram)
        assert binding is None or not stun.is_authentic(datagram, binding, PASSWORD)
