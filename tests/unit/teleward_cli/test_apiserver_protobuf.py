"""The one protobuf body that kubectl sends, a new Namespace, is read; anything else is refused."""

import pytest
from teleward_cli.apiserver.protobuf import read_namespace


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def entry(key: str, value: str) -> bytes:
    return field(1, key) + field(2, value)


def envelope(meta: bytes, kind: str = "Namespace", version: str = "v1") -> bytes:
    type_meta = field(1, version) + field(2, kind)
    return (
        b"k8s\x00" + field(1, type_meta) + field(2, field(1, meta)) + field(3, "") + field(4, "")
    )


def test_a_name_is_read() -> None:
    assert read_namespace(envelope(field(1, "harbour-health"))) == {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "harbour-health"},
    }  # fmt: skip


def test_labels_annotations_and_a_generated_name_are_read() -> None:
    meta = (
        field(2, "house-")
        + field(11, entry("tier", "gold")) + field(11, entry("empty", ""))
        + field(12, entry("note", "ä" * 100))
    )  # fmt: skip

    assert read_namespace(envelope(meta))["metadata"] == {
        "generateName": "house-", "labels": {"tier": "gold", "empty": ""},
        "annotations": {"note": "ä" * 100},
    }  # fmt: skip


def test_fields_of_other_wire_types_are_passed_over() -> None:
    generation = varint(7 << 3) + varint(300)
    fixed = varint(30 << 3 | 1) + bytes(8) + varint(31 << 3 | 5) + bytes(4)

    read = read_namespace(envelope(generation + fixed + field(1, "harbour-health")))

    assert read["metadata"] == {"name": "harbour-health"}


def test_every_cut_is_noticed() -> None:
    whole = b"k8s\x00" + field(1, field(1, "v1") + field(2, "Namespace"))
    whole += field(2, field(1, field(1, "harbour-health")))

    for length in range(len(whole)):
        try:
            read = read_namespace(whole[:length])
        except ValueError:
            continue
        assert read["metadata"] == {}, "a cut may only lose what follows a whole field"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not a Kubernetes protobuf envelope"),
        (b'{"kind":"Namespace"}', "not a Kubernetes protobuf envelope"),
        (envelope(field(1, "x"), kind="Pod"), "v1 Pod is not served"),
        (envelope(field(1, "x"), version="v2"), "v2 Namespace is not served"),
        (b"k8s\x00\x0a\x7f", "cut off"),
        (b"k8s\x00\x80\x80", "cut off"),
        (b"k8s\x00\x0b", "wire type 3"),
        (envelope(field(1, b"\xff")), "decode"),
    ],
)
def test_what_is_no_namespace_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_namespace(body)
