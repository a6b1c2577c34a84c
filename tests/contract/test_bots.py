"""Packet bots through a bare media node: what one sends the other sees, whole, in the layer its path carries."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from teleward_contract.signalling import Media
from teleward_testing.bots.bot import Bot
from teleward_testing.bots.company import Come, company
from teleward_testing.bots.film import SIZES
from teleward_testing.bots.receiving import Seen
from teleward_testing.impairment import PERFECT, Conditions, relay
from teleward_testing.media_node import RunningMediaNode

NARROW = Conditions(rate_bps=250_000)
"""Room for a voice, the lowest layer and repairs, and not for the highest."""


@pytest.fixture
async def come(node: RunningMediaNode, request: pytest.FixtureRequest) -> AsyncIterator[Come]:
    async with company(node, f"visit:{request.node.name}", slots=2) as come:
        yield come


async def test_two_bots_see_and_hear_each_other_whole(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    ben.speak()

    picture = await _shown(ann, ben)
    await _until("two seconds of pictures", lambda: picture.frames >= 30)

    voice = ann.showing(ben.you, "audio")
    assert voice is not None
    assert voice.packets >= 90
    assert (picture.width, picture.height) == (SIZES["f"].width, SIZES["f"].height)
    for one in (picture, voice):
        assert (one.seams, one.freezes, one.lost, one.late) == (0, 0, 0, 0)
    assert picture.asked_keyframes == 0


async def test_a_bot_that_loses_a_tenth_has_every_picture_repaired(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    picture = await _shown(ann, ben)
    ann.lose(0.1)

    await _until("twenty repairs", lambda: picture.repaired >= 20, seconds=20)

    voice = ann.showing(ben.you, "audio")
    assert voice is not None
    assert voice.lost > 0, "nothing was lost"
    assert (picture.lost, picture.seams) == (0, 0)


async def test_a_narrow_path_gets_the_lowest_layer_and_a_wide_one_the_highest_without_a_seam(
    node: RunningMediaNode, come: Come
) -> None:
    ann = await come("ann")
    with relay(ann.media_port) as path:
        ben = await come("ben", through=path.port)
        picture = await _shown(ben, ann)
        ann.camera.set_active(SIZES)
        await _until("three layers", lambda: _sends_all(ann))
        await _until("the highest of them", lambda: picture.height == 720, seconds=20)

        path.down.conditions = NARROW
        await _until("the lowest layer", lambda: picture.height == 180, seconds=10)
        path.down.conditions = PERFECT
        await _until("the highest layer again", lambda: picture.height == 720, seconds=30)

        assert picture.seams == 0


async def test_a_camera_that_is_off_is_not_forwarded_though_it_sends(come: Come) -> None:
    ann, ben = await come("ann"), await come("ben")
    picture = await _shown(ann, ben)
    await ben.say(Media(audio=True, video=False))
    await _until("no picture", lambda: _is_off(ann, ben))

    sent, before = ben.camera.encodings["q"].stream.packets, picture.packets
    await _until(
        "a second of packets", lambda: ben.camera.encodings["q"].stream.packets > sent + 30
    )

    assert picture.packets - before <= 5, "more than was on its way"


def _sends_all(bot: Bot) -> bool:
    return all(encoding.stream.packets > 100 for encoding in bot.camera.encodings.values())


def _is_off(bot: Bot, other: Bot) -> bool:
    people = [person for frame in bot.frames for person in getattr(frame, "participants", ())]
    return [person.video for person in people if person.id == other.you][-1:] == [False]


async def _shown(bot: Bot, other: Bot) -> Seen:
    """Wait until a bot sees the other; what it sees."""
    await _until("a slot", lambda: bot.showing(other.you) is not None)
    seen = bot.showing(other.you)
    assert seen is not None
    await _until("a first picture", lambda: seen.frames > 0)
    return seen


async def _until(what: str, is_so: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
