"""The one protobuf body that `kubectl` sends us: a new Namespace (`kubectl create namespace`).

Source: k8s.io/apimachinery pkg/runtime (`Unknown`, magic number), k8s.io/api core/v1 and meta/v1 `generated.proto`
(field numbers); protobuf encoding guide (wire types).
"""

from collections.abc import Iterator

from teleward_cli.apiserver.documents import Document

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"


def read_namespace(body: bytes) -> Document:
    """Decode a Namespace: its name, labels and annotations.

    Raises:
        ValueError: It is something else, or cut off.
    """
    if not body.startswith(_MAGIC):
        raise ValueError("not a Kubernetes protobuf envelope")
    try:
        envelope = _fields(body[len(_MAGIC) :])
        kind = _fields(_last(envelope, 1))
        api_version, name = _last(kind, 1).decode(), _last(kind, 2).decode()
        if (api_version, name) != ("v1", "Namespace"):
            raise ValueError(f"{api_version} {name} is not served as protobuf")
        meta = _fields(_last(_fields(_last(envelope, 2)), 1))
    except IndexError as err:
        raise ValueError("the body is cut off") from err
    metadata: Document = {"name": _last(meta, 1).decode(), "generateName": _last(meta, 2).decode()}
    for field, number in (("labels", 11), ("annotations", 12)):
        metadata[field] = dict(_entry(one) for one in meta.get(number, ()))
    kept = {key: value for key, value in metadata.items() if value}
    return {"apiVersion": api_version, "kind": name, "metadata": kept}


def _entry(data: bytes) -> tuple[str, str]:
    fields = _fields(data)
    return _last(fields, 1).decode(), _last(fields, 2).decode()


def _last(fields: dict[int, list[bytes]], number: int) -> bytes:
    return fields.get(number, [b""])[-1]


def _fields(data: bytes) -> dict[int, list[bytes]]:
    """Read the length-delimited fields of a message: number → values in order."""
    found: dict[int, list[bytes]] = {}
    for number, value in _walk(data):
        found.setdefault(number, []).append(value)
    return found


def _walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:  # varint
                _, at = _varint(data, at)
            case 1:  # fixed 64 bit
                at += 8
            case 5:  # fixed 32 bit
                at += 4
            case 2:  # length-delimited
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise IndexError
                yield key >> 3, data[at : at + size]
                at += size
            case other:
                raise ValueError(f"wire type {other}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
