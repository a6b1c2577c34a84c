"""Everybody is shown what they can decode: H.264 alone, VP8 alone, and both in one call."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from playwright.async_api import Page
from teleward_contract.signalling import Leave
from teleward_testing.browser import until
from teleward_testing.families import frames
from teleward_testing.families.aio import AiortcPeer
from teleward_testing.families.call import Someone, all_see_and_hear, see_and_hear
from teleward_testing.families.page import PagePeer
from teleward_testing.families.pion import PionPeer
from teleward_testing.families.seen import AnyPeer

ComeIn = Callable[[str, AnyPeer], Awaitable[Someone]]
PION_VP8, PION_H264 = 100, 102
"""Payload types of the Pion peer when it offers both."""


def pion_peer(folder: Path, codec: str, *, slots: int = 1) -> PionPeer:
    """A Pion peer that knows this codec alone."""
    video = frames.write_frames(folder / f"sent.{codec}", frames.encoded(codec))
    audio = frames.write_frames(folder / "sent.opus", frames.spoken())
    codecs = (codec.upper(),)
    return PionPeer(folder / "seen", codecs=codecs, video=video, audio=audio, slots=slots)


async def test_three_families_that_know_h264_alone_see_one_another(
    empty_page: Page, pion: None, come_in: ComeIn, tmp_path: Path
) -> None:
    chromium = PagePeer(empty_page.evaluate, "h264", codecs=("H264", "RTX"), slots=2)
    people = [
        await come_in("chromium", chromium),
        await come_in("pion", pion_peer(tmp_path / "pion", "h264", slots=2)),
        await come_in("aiortc", AiortcPeer(slots=2, codecs=frozenset({"h264"}))),
    ]

    await all_see_and_hear(people, seconds=30)

    assert {s.codec for s in (await chromium.look()).slots.values()} == {"opus", "h264"}


async def test_in_a_mixed_call_each_is_shown_what_they_can_decode_and_of_the_rest_the_voice(
    empty_page: Page, pion: None, come_in: ComeIn, tmp_path: Path
) -> None:
    only_h264 = pion_peer(tmp_path / "h264", "h264", slots=2)
    ann = await come_in("only-h264", only_h264)
    ben = await come_in("only-vp8", AiortcPeer(slots=2, codecs=frozenset({"vp8"})))
    both = PagePeer(empty_page.evaluate, "both", codecs=("H264", "VP8", "RTX"), slots=2)
    cam = await come_in("both", both)

    await see_and_hear([(cam, [ann, ben]), (ben, [cam])], seconds=30)

    seen = await ann.peer.look()
    assert [seen.slots[ann.slot_of(one, "audio")].energy > 0 for one in (ben, cam)] == [True, True]
    assert [ann.slot_of(one, "video") in seen.slots for one in (ben, cam)] == [False, False]
    assert {kind for kinds in only_h264.payload_types.values() for kind in kinds} == {111}
    vp8_of_ann = (await ben.peer.look()).slots[ben.slot_of(ann, "video")]
    assert vp8_of_ann.frames == 0


async def test_one_slot_shows_one_persons_h264_then_anothers_then_vp8(
    empty_page: Page, pion: None, come_in: ComeIn, tmp_path: Path
) -> None:
    present = [
        await come_in("ann", pion_peer(tmp_path / "ann", "h264")),
        await come_in("ben", pion_peer(tmp_path / "ben", "h264")),
        await come_in("cem", pion_peer(tmp_path / "cem", "vp8")),
    ]
    page = PagePeer(empty_page.evaluate, "watching", sends=False)
    program = PionPeer(tmp_path / "watching", codecs=("VP8", "H264"))
    watchers = [await come_in("page", page), await come_in("program", program)]
    slots = set()

    while present:
        for watcher in watchers:
            await until(
                "somebody in the slot", partial(_shows_one_of, watcher, present), seconds=10
            )
        shown = next(one for one in present if watchers[0].shows(one))
        await see_and_hear([(watcher, [shown]) for watcher in watchers], seconds=30)
        slots |= {watcher.slot_of(shown, "video") for watcher in watchers}
        present.remove(shown)
        await shown.send(Leave())

    assert len(slots) == 1, "the picture moved to another slot"
    (slot,) = slots
    seen = await program.look()
    assert seen.slots[slot].codec == "h264+vp8"
    assert sorted(program.payload_types[slot]) == [PION_VP8, PION_H264]


async def _shows_one_of(watcher: Someone, people: list[Someone]) -> bool:
    return any(watcher.shows(one) for one in people)
