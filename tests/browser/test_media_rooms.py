"""Rooms of six and of twenty, two people of each in Chromium: who is sent, and in which layer."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest
import pytest_asyncio
from teleward_testing.bots.crowd import Crowd, crowd
from teleward_testing.bots.film import FRAMES_PER_S, SIZES
from teleward_testing.bots.sending import SILENT
from teleward_testing.browser import until
from teleward_testing.builders import House, build_house, document
from teleward_testing.page_slots import TAP, Reception, receives, set_visible, show
from teleward_testing.pages import SMALL, Staff
from teleward_testing.running import Running

NewStaff = Callable[[str], Awaitable[Staff]]

LOW, MIDDLE, HIGH = (size.height for size in SIZES.values())
TILE, HALF, WHOLE = 90, 300, 700
"""Device pixels at which the lowest, the middle and the highest layer are of use."""
HALL = "hall"
"""The meeting room of twenty."""
PATIENCE_S = 30
"""Of what needs the other processes of a busy machine."""
SWITCHES = 100
CONTROL_S = 10
"""About as long as the changes take."""
QUIET = 34
"""-dBov: speech, and quieter than a bot's by 14 dB."""
LOUDEST = 0
"""-dBov."""


@pytest.fixture(scope="module")
def house(teleward: Running) -> House:
    """A clinic whose team of twenty has a room that holds them all."""
    pool = {"replicas": 1, "capacity": {"unitsPerMediaNode": 1000}}  # twenty people cost 380
    house = build_house(teleward, f"org-{uuid.uuid4().hex[:6]}", pool=pool)
    team = [{"user": user, "role": "Clinician"} for user in _team(house, 20)]
    hall = {"clinicRef": {"name": house.clinic}, "displayName": "Hall", "maxParticipants": 20}
    house.apply(
        [
            *house.documents(clinic={"team": team}, pool=pool),
            document("MeetingRoom", house.namespace, HALL, hall),
        ]
    )
    teleward.kubectl(
        "wait", "--for=condition=Ready", f"meetingroom/{HALL}", "-n", house.namespace,
        "--timeout=20s",
    )  # fmt: skip
    return house


def _team(house: House, size: int) -> list[str]:
    return [house.clinician, *(f"member{n}@{house.namespace}.example" for n in range(1, size))]


@pytest_asyncio.fixture(loop_scope="session")
async def bots() -> AsyncIterator[Crowd]:
    async with crowd() as started:
        yield started


@dataclass(frozen=True, slots=True)
class Gathering:
    """Everybody in a room."""

    ann: Staff
    ben: Staff
    bots: Crowd
    ids: dict[str, str]
    """Name of a bot → participant."""

    @property
    def others(self) -> list[str]:
        """The bots' participants, in order of arrival."""
        return list(self.ids.values())

    async def seen(self) -> Reception:
        """What Ann's page receives."""
        return await receives(self.ann.page)

    async def show(self, heights: dict[str, int], pinned: Sequence[str] = ()) -> None:
        """Let Ann's page show participants at these heights, and everybody else as a tile."""
        mids = (await self.seen()).pictures
        await show(
            self.ann.page,
            {mid: heights.get(who, TILE) for who, mid in mids.items()},
            [mids[who] for who in pinned],
        )

    async def decodes(self, wanted: dict[str, int], what: str) -> Reception:
        """Wait until Ann's page decodes these heights of these participants."""

        deadline = time.monotonic() + PATIENCE_S
        while True:
            seen = await self.seen()
            heights = seen.heights()
            if all(heights.get(who) == height for who, height in wanted.items()):
                return seen
            assert time.monotonic() < deadline, f"{what}: {heights} in place of {wanted}"
            await asyncio.sleep(0.05)


async def _gather(
    house: House, staff: NewStaff, bots: Crowd, room: str, size: int, *, ben_sends: str = SMALL
) -> Gathering:
    """Fill a room: Ann and Ben with their pages, everybody else a bot."""
    gateway = house.teleward.gateway
    team = _team(house, size)
    pair: list[Staff] = []
    for user, options in zip(team[:2], (SMALL, ben_sends), strict=True):
        person = await staff(user)
        await person.page.add_init_script(TAP)
        await person.sign_in(gateway, user)
        await person.page.goto(
            f"{gateway}/staff/{house.namespace}/{house.clinic}/meeting/{room}{options}"
        )
        await person.sees("call")
        pair.append(person)
    path = f"/ws/call/room/{house.namespace}/{house.clinic}/meeting/{room}"
    ids = {
        user: await bots.come(user, gateway, user, path, voices=min(5, size - 1), pictures=min(9, size - 1))
        for user in team[2:]
    }  # fmt: skip
    return Gathering(pair[0], pair[1], bots, ids)


@pytest_asyncio.fixture(loop_scope="session")
async def six(house: House, staff: NewStaff, bots: Crowd) -> Gathering:
    """The meeting room of six."""
    return await _gather(house, staff, bots, house.meeting_room, 6)


async def test_a_picture_comes_in_the_layer_of_the_size_at_which_it_is_shown(
    six: Gathering,
) -> None:
    first, second, third, hidden = six.others
    await six.show({first: WHOLE, second: HALF, third: TILE, hidden: 0})

    await six.decodes({first: HIGH, second: MIDDLE, third: LOW}, "a layer for each size")
    before = (await six.seen()).picture(hidden)
    now = (await _frames_pass(six, first, 30)).picture(hidden)

    assert now.packets == before.packets, "something hidden was sent"
    told = await six.bots.look()
    assert {one.active for one in told.values()} == {tuple(SIZES)}
    assert await _seams(six) == 0


async def test_a_page_asks_for_what_it_shows_pins_and_hides(six: Gathering) -> None:
    page = six.ann.page
    tiles = dict.fromkeys(six.others, LOW)
    await six.decodes(tiles, "tiles")
    pinned = six.others[1]
    name = re.escape((await six.seen()).names[pinned])

    await page.get_by_role("button", name=re.compile(f"Show .*{name}.* large")).click()
    await six.decodes(tiles | {pinned: MIDDLE}, "one as large as a window of 480 lines lets it be")

    await set_visible(page, is_visible=False)
    await until("nothing is sent", partial(_is_still, six), seconds=10)

    await set_visible(page, is_visible=True)
    await _frames_pass(six, pinned, 15)
    await page.get_by_role("button", name=re.compile(f"Show .*{name}.* like")).click()
    await six.decodes(tiles, "tiles again")
    assert await _seams(six) == 0


async def _is_still(room: Gathering) -> bool:
    """Whether Ann's page received no packet of a picture while the bots saw a second of pictures."""
    before, frames = await room.seen(), await _frames_of_bots(room)
    await until("a second", partial(_bots_saw, room, frames + FRAMES_PER_S), seconds=PATIENCE_S)
    after = await room.seen()
    mids = set(before.pictures.values()) & set(after.pictures.values())
    return all(after.slots[mid].packets == before.slots[mid].packets for mid in mids)


async def _bots_saw(room: Gathering, frames: int) -> bool:
    return await _frames_of_bots(room) >= frames


async def _frames_of_bots(room: Gathering) -> int:
    """The most frames that any bot saw of anybody."""
    told = await room.bots.look()
    return max(seen.frames for one in told.values() for seen in one.pictures().values())


async def _seams(room: Gathering) -> int:
    told = await room.bots.look()
    return sum(seen.seams for one in told.values() for seen in one.seen.values())


async def _frames_pass(room: Gathering, who: str, frames: int) -> Reception:
    """Wait until Ann's page has decoded so many frames more of somebody."""
    before = (await room.seen()).picture(who).frames

    async def so() -> bool:
        return (await room.seen()).picture(who).frames >= before + frames

    await until(f"{frames} frames", so, seconds=PATIENCE_S)
    return await room.seen()


async def test_a_hundred_changes_of_layer_freeze_nothing(
    house: House, staff: NewStaff, bots: Crowd
) -> None:
    room = await _gather(house, staff, bots, house.meeting_room, 6, ben_sends="")
    ben = (await receives(room.ben.page)).you
    everybody = [*room.others, ben]
    await room.show(dict.fromkeys(everybody, WHOLE))
    await room.decodes(dict.fromkeys(room.others, HIGH), "everybody whole")

    without = await _freezes(room, everybody, lambda: asyncio.sleep(CONTROL_S))
    with_changes = await _freezes(room, everybody, lambda: _swing(room, ben))

    is_slow = (await receives(room.ben.page)).is_short_of_cpu
    judged = {who for who in everybody if not without[who] and not (who == ben and is_slow)}
    assert judged >= set(room.others), "pictures freeze without any change: too busy to tell"
    assert {who: with_changes[who] for who in judged} == dict.fromkeys(judged, 0)


async def _swing(room: Gathering, ben: str) -> None:
    """Show one half of the people large and the other small, by turns, until bots have changed often enough."""
    halves = [*room.others[::2], ben], room.others[1::2]
    for turn in range(SWITCHES // len(room.others)):
        large, small = halves if turn % 2 else halves[::-1]
        await room.show(dict.fromkeys(large, WHOLE) | dict.fromkeys(small, TILE))
        wanted = dict.fromkeys(large, HIGH) | dict.fromkeys(small, LOW)
        wanted.pop(ben)  # what Ben's own page can send is the machine's affair
        await room.decodes(wanted, "the other half large")


async def _freezes(
    room: Gathering, whose: Iterable[str], meanwhile: Callable[[], Awaitable[None]]
) -> dict[str, int]:
    """Freezes of these pictures at Ann's page while something else happens."""
    before = await room.seen()
    await meanwhile()
    after = await room.seen()
    return {who: after.picture(who).freezes - before.picture(who).freezes for who in whose}


async def test_twenty_see_nine_and_hear_the_five_loudest(
    house: House, staff: NewStaff, bots: Crowd
) -> None:
    room = await _gather(house, staff, bots, HALL, 20)
    await until("nine pictures", partial(_is_seated, room, pictures=9, voices=5), seconds=20)
    for person in (room.ann, room.ben):  # whose devices beep
        await person.page.get_by_role("button", name="Mute", exact=True).click()
    pictured, unseen = await _pictured(room)
    loud, other = unseen[:5], unseen[5]
    await room.show({}, pinned=[room.ids[pictured[-1]]])

    for name in loud:
        await bots.speak(name)
    await bots.speak(other, level=QUIET)
    await until("those five are heard", partial(_hears, room, loud), seconds=10)
    await _frames_pass(room, room.ids[pictured[0]], 30)
    assert await _hears(room, loud), "a quieter voice took a place"

    for name in loud:
        await bots.speak(name, level=SILENT)
    await bots.speak(other, level=LOUDEST)
    await until("the sixth is the speaker", partial(_speaks, room, other), seconds=10)
    await _frames_pass(room, room.ids[other], 15)
    now, _ = await _pictured(room)
    assert pictured[-1] in now, "a pinned picture lost its place"
    assert pictured[-2] not in now
    assert room.ids[other] in (await room.seen()).voices

    told = await bots.look()
    assert {len(one.pictures()) for one in told.values()} == {9}
    assert {len(one.voices()) for one in told.values()} == {5}
    assert await _seams(room) == 0


async def _is_seated(room: Gathering, pictures: int, voices: int) -> bool:
    seen = await room.seen()
    decoded = [mid for mid in seen.pictures.values() if seen.slots[mid].frames > 0]
    return len(decoded) == len(seen.pictures) == pictures and len(seen.voices) == voices


async def _pictured(room: Gathering) -> tuple[list[str], list[str]]:
    """Which bots have a slot for their picture at Ann's page, and which have none, in order of arrival."""
    pictures = (await room.seen()).pictures
    names = list(room.ids)
    return (
        [name for name in names if room.ids[name] in pictures],
        [name for name in names if room.ids[name] not in pictures],
    )


async def _hears(room: Gathering, names: Iterable[str]) -> bool:
    """Whether the voices in the slots of Ann's page are these."""
    seen = await room.seen()
    return {room.ids[name] for name in names} == set(seen.voices)


async def _speaks(room: Gathering, name: str) -> bool:
    return (await room.seen()).speaker == room.ids[name]
