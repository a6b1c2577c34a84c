"""A meeting room holds as many as it may and no more; a user room is its owner's alone."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from playwright.async_api import expect
from teleward_cli.demo.client import Visitor
from teleward_testing.browser import look, until
from teleward_testing.builders import House
from teleward_testing.doors import NOT_FOUND, knock_at_call
from teleward_testing.pages import SMALL, Staff
from teleward_testing.recording import Recording
from teleward_testing.running import Running

NewStaff = Callable[[str], Awaitable[Staff]]
NewVisitor = Callable[[Recording | None], Visitor]

SIX = 6
CAMERA_WIDTH = 1280
"""What the pages ask of a camera."""


async def test_six_see_five_others_and_a_seventh_is_told_that_the_room_is_full(
    teleward: Running, house: House, staff: NewStaff
) -> None:
    room = (
        f"{teleward.gateway}/staff/{house.namespace}/{house.clinic}/meeting/{house.meeting_room}"
    )
    people: list[Staff] = []
    for user in house.team(SIX):
        person = await staff(user)
        people.append(person)
        await person.sign_in(teleward.gateway, user)
        await person.page.goto(room + SMALL)
        await person.sees("call")

    for person in people:
        await until(
            "five pictures decoded and five tiles", partial(_decodes, person, 5), seconds=60
        )
    seventh = await staff("seventh")
    await seventh.sign_in(teleward.gateway, house.team(SIX + 1)[-1])
    await seventh.page.goto(room + SMALL)
    await expect(seventh.page.get_by_role("heading", name="This room is full")).to_be_visible(
        timeout=40_000
    )

    for person in people:
        assert await _decodes(person, 5), "somebody noticed the seventh"


async def test_two_see_each_others_whole_picture(
    teleward: Running, house: House, staff: NewStaff
) -> None:
    room = f"{house.namespace}/{house.clinic}/meeting/{house.meeting_room}"
    pair: list[Staff] = []
    for user in house.team(2):
        person = await staff(user)
        pair.append(person)
        await person.sign_in(teleward.gateway, user)
        await person.page.goto(f"{teleward.gateway}/staff/{room}")
        await person.sees("call")

    for person in pair:
        await until(
            "a picture wider than a quarter of the camera's",
            partial(_is_wider, person, CAMERA_WIDTH // 4), seconds=30,
        )  # fmt: skip


async def _is_wider(person: Staff, width: int) -> bool:
    remote = person.page.get_by_test_id("remote-video")
    widths = await remote.evaluate_all("(found) => found.map((video) => video.videoWidth)")
    return max(widths, default=0) > width


async def test_a_user_room_admits_its_owner(house: House, visitor: NewVisitor) -> None:
    owner = visitor(None)
    me = await owner.sign_in(house.clinician)

    assert [room.name for room in me.clinics[0].rooms if room.kind == "user" and room.mine] == [
        house.user_room
    ]
    async with asyncio.timeout(10), await owner.call(house.user_room_path) as socket:
        assert (await socket.receive()).type == "ready"


@pytest.mark.parametrize("who", ["another team member", "a patient", "a guest without a link"])
async def test_a_user_room_refuses_everybody_else(
    who: str, house: House, visitor: NewVisitor
) -> None:
    person = visitor(None)
    if who == "another team member":
        await person.sign_in(house.colleague)
    if who == "a patient":
        await person.enter(house.namespace, house.clinic, "Somebody", {})

    assert await knock_at_call(person, house.user_room_path) == NOT_FOUND


async def test_a_patient_and_a_stranger_get_into_no_meeting_room(
    house: House, visitor: NewVisitor
) -> None:
    path = house.meeting_room_path
    patient, stranger = visitor(None), visitor(None)
    await patient.enter(house.namespace, house.clinic, "Somebody", {})

    assert await knock_at_call(patient, path) == NOT_FOUND
    assert await knock_at_call(stranger, path) == NOT_FOUND


async def _decodes(person: Staff, others: int) -> bool:
    before = await look(person.page)
    await asyncio.sleep(1)
    now = await look(person.page)
    rising = [
        track for track, frames in now.decoded.items() if frames > before.decoded.get(track, 0)
    ]
    tiles = await person.page.get_by_test_id("tile").count()
    return len(rising) == others == tiles
