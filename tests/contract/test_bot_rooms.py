"""Rooms of packet bots on a bare media node: encodings as the room grows, and what a narrow path is used for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from teleward_contract.signalling import Joined, ShownSlot, View
from teleward_testing.bots.bot import Bot
from teleward_testing.bots.company import Come, company
from teleward_testing.bots.film import SIZES
from teleward_testing.impairment import Conditions, relay
from teleward_testing.media_node import RunningMediaNode

HIGH = SIZES["f"].height
ROOM_FOR_ONE = Conditions(rate_bps=900_000)
"""Three voices, three pictures in the lowest layer, and one of them in the highest; never two."""

FAR = Conditions(delay_s=0.05)
"""A handshake over it takes three round trips, which is longer than the gap may be."""
GAP_S = 0.2
"""At the most in anybody's media while one connection replaces another."""
PACKETS_PER_S = 50
"""Of a voice."""


@pytest.fixture
async def come(node: RunningMediaNode, request: pytest.FixtureRequest) -> AsyncIterator[Come]:
    async with company(node, f"visit:{request.node.name}", slots=3) as come:
        yield come


async def test_of_two_each_sends_one_encoding_and_the_third_starts_the_others(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    await _until("a whole picture", lambda: _height(ann, ben) == HIGH)
    await _frames(ann, ben, 15)
    assert [rid for rid, one in ben.camera.encodings.items() if one.stream.packets] == ["q"]

    cem = await come("cem")
    for bot in (ann, ben, cem):
        await _until("three encodings", partial(_is_asked_for, bot, *SIZES))
    await _frames(ann, ben, 45)

    assert all(encoding.stream.packets for encoding in ben.camera.encodings.values())
    picture = ann.showing(ben.you)
    assert picture is not None
    assert (picture.seams, picture.freezes, picture.lost) == (0, 0, 0)
    for bot in (ann, ben):
        answers = [frame for frame in bot.frames if isinstance(frame, Joined)]
        assert len(answers) == 1, "negotiated again"


async def test_when_the_third_leaves_one_encoding_carries_the_whole_picture_again(
    come: Come,
) -> None:
    ann, ben, cem = await come("ann"), await come("ben"), await come("cem")
    await _until("three encodings", lambda: ben.camera.active == tuple(SIZES))
    await _until("the whole picture", lambda: _height(ann, ben) == HIGH)
    await cem.leave()

    for bot in (ann, ben):
        await _until("one encoding", partial(_is_asked_for, bot, "q"))
    await _frames(ann, ben, 45)

    picture = ann.showing(ben.you)
    assert picture is not None
    assert (picture.height, picture.seams, picture.freezes) == (HIGH, 0, 0)


async def test_a_narrow_path_gives_the_pinned_picture_its_highest_layer_and_all_their_lowest(
    node: RunningMediaNode, come: Come
) -> None:
    others = [await come(name) for name in ("ann", "ben", "cem")]
    with relay(others[0].media_port, down=ROOM_FOR_ONE) as path:
        dot = await come("dot", through=path.port)
        for pinned in (others[2], others[0]):
            await _pin(dot, pinned)
            await _until("only that one whole", partial(_is_only_whole, dot, pinned, others), 30)

        seen = [dot.showing(one.you) for one in others]
        assert [one.seams for one in seen if one is not None] == [0, 0, 0]


async def test_a_second_connection_of_a_participant_takes_over_within_a_fifth_of_a_second(
    come: Come,
) -> None:
    old, ben = await come("ann"), await come("ben")
    await _frames(ben, old, 30)
    await _frames(old, ben, 30)
    voice = ben.showing(old.you, "audio")
    assert voice is not None
    ben.mark()
    begun, heard = time.monotonic(), voice.frames

    with relay(ben.media_port, up=FAR, down=FAR) as path:
        new = await come("ann", through=path.port)
        await _until("the others are seen here", lambda: _height(new, ben) > 0)
        await _frames(new, ben, 30)
        await _until("nothing more comes over the old one", lambda: _is_still(old))
        await _frames(ben, new, 30)

        for kind in ("audio", "video"):
            at_others = ben.showing(new.you, kind)
            before, after = old.showing(ben.you, kind), new.showing(ben.you, kind)
            assert at_others is not None
            assert before is not None
            assert after is not None
            assert at_others.longest_gap_s <= GAP_S, f"{kind} at the others"
            assert after.first_at - before.last_at <= GAP_S, f"{kind} at itself"
            assert (at_others.seams, at_others.lost) == (0, 0)
        expected = (time.monotonic() - begun - GAP_S) * PACKETS_PER_S
        assert voice.frames - heard >= expected, "audio was lost beyond the gap"


def _is_asked_for(bot: Bot, *encodings: str) -> bool:
    return bot.camera.active == encodings


def _is_still(bot: Bot) -> bool:
    newest = max(seen.last_at for seen in bot.seen.values())
    return time.monotonic() - newest > 0.5


async def _pin(bot: Bot, whom: Bot) -> None:
    pictures = [slot for slot in bot.shows.values() if slot.kind == "video"]
    shown = [
        ShownSlot(mid=slot.mid, height=HIGH, pinned=slot.participant == whom.you)
        for slot in pictures
    ]
    await bot.say(View(slots=tuple(shown)))


def _is_only_whole(bot: Bot, pinned: Bot, others: list[Bot]) -> bool:
    return [one for one in others if _height(bot, one) == HIGH] == [pinned]


def _height(bot: Bot, other: Bot) -> int:
    seen = bot.showing(other.you)
    return seen.height if seen is not None else 0


async def _frames(bot: Bot, other: Bot, frames: int) -> None:
    """Wait until a bot has seen so many frames more of another."""
    seen = bot.showing(other.you)
    assert seen is not None
    before = seen.frames
    await _until(f"{frames} frames", lambda: seen.frames >= before + frames)


async def _until(what: str, is_so: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
