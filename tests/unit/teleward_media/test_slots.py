"""Slots stand still, go to whom deserves them, and tell of what use their pictures are."""

import pytest
from teleward_contract.units import MOST_SHOWN, ParticipantId
from teleward_media.core.answer import SlotSection, SourceKind, negotiate
from teleward_media.core.forwarding import HIDDEN, Interest, SourceId
from teleward_media.core.offer import parse_offer
from teleward_media.core.slots import BEST, assign, interest
from teleward_testing.sdp import audio, offer, video


def slots(voices: int, pictures: int) -> tuple[SlotSection, ...]:
    sections = [audio(f"a{n}", "recvonly") for n in range(voices)]
    sections += [video(f"v{n}", "recvonly") for n in range(pictures)]
    return negotiate(parse_offer(offer(*sections)), lambda: 7).slots


def source(who: str, kind: SourceKind = "camera") -> SourceId:
    return SourceId(ParticipantId(who), kind)


A, B, C, D = (source(who) for who in "abcd")


def test_each_kind_stands_in_slots_of_its_own() -> None:
    deserving = [source("a", "microphone"), A, source("a", "screen"), source("b", "microphone")]

    assert assign(slots(1, 2), {}, {}, deserving) == {
        "a0": source("a", "microphone"), "v0": A, "v1": source("a", "screen"),
    }  # fmt: skip


def test_who_deserves_a_slot_keeps_the_one_it_has() -> None:
    assert assign(slots(0, 3), {"v1": A, "v2": B}, {}, [C, B, A]) == {"v1": A, "v2": B, "v0": C}


def test_who_deserves_none_makes_place() -> None:
    assert assign(slots(0, 2), {"v0": A, "v1": B}, {}, [C, B, A]) == {"v1": B, "v0": C}


def test_who_returns_finds_the_old_place_where_it_is_free() -> None:
    last = {"v0": A, "v2": B}

    assert assign(slots(0, 3), {}, last, [C, B]) == {"v2": B, "v0": C}
    assert assign(slots(0, 3), {"v2": C}, last, [C, B]) == {"v2": C, "v0": B}


def test_a_slot_that_is_offered_no_more_is_given_to_nobody() -> None:
    assert assign(slots(0, 1), {"v0": A, "v9": B}, {"v9": B}, [A, B]) == {"v0": A}


def test_nobody_gets_more_cameras_than_a_page_can_draw_and_screens_come_on_top() -> None:
    cameras = [source(f"p{n}") for n in range(20)]

    given = assign(slots(0, 20), {}, {}, [*cameras, source("a", "screen")])

    assert list(given.values()) == [*cameras[:MOST_SHOWN], source("a", "screen")]


@pytest.mark.parametrize(
    ("height", "most"),
    [(None, BEST), (0, HIDDEN), (1, 0), (180, 0), (181, 1), (360, 1), (361, BEST), (2160, BEST)],
)
def test_a_camera_is_of_use_up_to_the_layer_of_its_size(height: int | None, most: int) -> None:
    assert interest(A, height, pinned=False, speaks=False) == Interest(2, most)


def test_a_screen_is_always_of_use() -> None:
    assert interest(source("a", "screen"), 0, pinned=False, speaks=False) == Interest(2, BEST)


def test_the_pinned_come_first_then_who_speaks_then_the_rest() -> None:
    ranks = [
        interest(A, None, pinned=pinned, speaks=speaks).rank
        for pinned, speaks in ((True, True), (True, False), (False, True), (False, False))
    ]

    assert ranks == [0, 0, 1, 2]
