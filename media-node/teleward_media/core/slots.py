"""Who appears in which slot of a receiver, and of what use each picture is to it.

Slots stand still: an assignment stays while its source deserves a slot, and who returns finds its old place where
that is free. Who deserves one is said by an order that the room makes.
"""

from collections.abc import Iterable, Mapping, Sequence

from teleward_contract.units import MOST_SHOWN

from teleward_media.core.answer import SlotSection, SourceKind
from teleward_media.core.forwarding import HIDDEN, Interest, SourceId

SMALL_HEIGHT, MIDDLE_HEIGHT = 180, 360
"""Device pixels. The pages send a camera of 720 lines as a quarter, a half and the whole of them, so up to this height
a picture gains nothing by the next layer."""
BEST = 2
"""The highest of three layers."""

_SLOT_KINDS: dict[SourceKind, str] = {
    "microphone": "audio", "camera": "video", "screen": "video",
}  # fmt: skip


def assign(
    slots: Sequence[SlotSection], present: Mapping[str, SourceId], last: Mapping[str, SourceId],
    deserving: Iterable[SourceId],
) -> dict[str, SourceId]:  # fmt: skip
    """Give each source that deserves a slot one.

    Args:
        slots: The receiver's slots, in the order of its offer.
        present: mid → source, as it stands.
        last: mid → who stood there last, for places that are free now.
        deserving: Every source that the receiver may get, who deserves a slot most first.
    """
    wanted = _wanted(slots, deserving)
    mids = {slot.mid: slot.kind for slot in slots}
    given = {mid: source for mid, source in present.items() if mid in mids and source in wanted}
    homeless = [source for source in wanted if source not in given.values()]
    for source in homeless:
        home = next((mid for mid in mids if last.get(mid) == source and mid not in given), None)
        if home is not None:
            given[home] = source
    for source in homeless:
        if source in given.values():
            continue
        kind = _SLOT_KINDS[source.kind]
        given[next(m for m in mids if mids[m] == kind and m not in given)] = source
    return given


def _wanted(slots: Sequence[SlotSection], deserving: Iterable[SourceId]) -> list[SourceId]:
    """The first of each kind, as many as there are slots of it."""
    left = {kind: sum(slot.kind == kind for slot in slots) for kind in ("audio", "video")}
    cameras = MOST_SHOWN
    wanted = []
    for source in deserving:
        kind = _SLOT_KINDS[source.kind]
        if not left[kind] or (source.kind == "camera" and not cameras):
            continue
        left[kind] -= 1
        cameras -= source.kind == "camera"
        wanted.append(source)
    return wanted


def interest(source: SourceId, height: int | None, *, pinned: bool, speaks: bool) -> Interest:
    """Say of what use a picture is to its receiver.

    Args:
        source: A camera or a screen.
        height: At which it is shown, in device pixels; 0 is hidden, None is not known.
        pinned: The receiver wants this one above all.
        speaks: Its participant is the speaker.
    """
    rank = 0 if pinned else 1 if speaks else 2
    if source.kind == "screen" or height is None or height > MIDDLE_HEIGHT:
        return Interest(rank, BEST)  # A screen has one layer, and is shared to be read.
    if height == 0:
        return Interest(rank, HIDDEN)
    return Interest(rank, 0 if height <= SMALL_HEIGHT else 1)
