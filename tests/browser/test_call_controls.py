"""In a call people write, pin, mute and lock, and the pages ask for no larger picture than they show."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from playwright.async_api import expect
from teleward_testing.browser import until
from teleward_testing.builders import House
from teleward_testing.pages import SMALL, Staff
from teleward_testing.running import Running

NewStaff = Callable[[str], Awaitable[Staff]]


async def _meet(teleward: Running, house: House, staff: NewStaff, count: int) -> list[Staff]:
    room = (
        f"{teleward.gateway}/staff/{house.namespace}/{house.clinic}/meeting/{house.meeting_room}"
    )
    people = []
    for user in house.team(count):
        person = await staff(user)
        people.append(person)
        await person.sign_in(teleward.gateway, user)
        await person.page.goto(room + SMALL)
        await person.sees("call")
    for person in people:
        await expect(person.page.get_by_test_id("tile")).to_have_count(count - 1, timeout=30_000)
    return people


async def test_two_write_to_one_another_mute_and_lock(
    teleward: Running, house: House, staff: NewStaff
) -> None:
    ada, ben = await _meet(teleward, house, staff, 2)

    await ada.page.get_by_test_id("open-chat").click()
    await ada.page.get_by_label("Write to everybody").fill("Can you <b>read</b> this?")
    await ada.page.get_by_role("button", name="Send").click()
    await expect(ada.page.get_by_test_id("chat-line")).to_have_count(1)
    await expect(ben.page.get_by_test_id("open-chat")).to_have_text(re.compile("Chat .*1"))
    await ben.page.get_by_test_id("open-chat").click()
    await expect(ben.page.get_by_test_id("chat-line")).to_contain_text("Can you <b>read</b> this?")

    await ada.page.get_by_test_id("open-chat").click()  # on a small screen it covers the pictures
    await ada.page.get_by_role("button", name=re.compile("^Mute .")).click()
    await expect(ben.page.get_by_test_id("call-status")).to_contain_text("muted your microphone")
    await expect(ada.page.get_by_test_id("tile")).to_contain_text("Muted")
    await ben.page.get_by_role("button", name="Unmute").click()
    await expect(ada.page.get_by_test_id("tile")).not_to_contain_text("Muted")

    await ada.page.get_by_role("button", name="Lock", exact=True).click()
    await expect(ben.page.get_by_test_id("call-status")).to_contain_text("locked")
    eve = await staff("eve")
    await eve.sign_in(teleward.gateway, house.team(3)[-1])
    await eve.page.goto(ben.page.url)
    await expect(eve.page.get_by_role("heading", name="This call is locked")).to_be_visible(
        timeout=30_000
    )
    await ben.page.reload()
    await expect(ben.page.get_by_test_id("tile")).to_have_count(1, timeout=30_000)
    await expect(ben.page.get_by_test_id("call-status")).to_contain_text("locked")
    await ben.page.get_by_test_id("open-chat").click()
    await expect(ben.page.get_by_test_id("chat-line")).to_have_count(1)
    await ben.page.get_by_role("button", name="Unlock").click()


async def test_a_restart_of_ice_keeps_the_connection_and_its_pictures(
    teleward: Running, house: House, staff: NewStaff
) -> None:
    ada, ben = await _meet(teleward, house, staff, 2)
    await until("pictures", partial(_decodes_more_than, ada, 0), seconds=30)
    before = await ada.page.evaluate(STATS)

    await ada.page.evaluate("dispatchEvent(new Event('online'))")

    await until("new credentials", partial(_has_restarted, ada, before["iceUfrag"]), seconds=15)
    for person in (ada, ben):
        shown = _frames(await person.page.evaluate(STATS))
        await until("pictures go on", partial(_decodes_more_than, person, shown), seconds=15)
    after = await ada.page.evaluate(STATS)
    assert _frames(after) > _frames(before), "a new connection would have begun to count anew"
    assert after["connectionState"] == "connected"


A_DRAWN_SCREEN = """
navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 800, height: 320 });
  const pen = canvas.getContext("2d");
  setInterval(() => { pen.fillStyle = `hsl(${Date.now() / 20 % 360} 80% 50%)`; pen.fillRect(0, 0, 800, 320); }, 50);
  return canvas.captureStream(20);
};
"""
"""Headless browsers have no screen to share; what is sent of it is as real as from one."""


async def test_a_shared_screen_is_shown_in_place_of_the_camera_until_it_is_no_longer_shared(
    teleward: Running, house: House, staff: NewStaff
) -> None:
    ada, ben = await _meet(teleward, house, staff, 2)
    await ada.page.evaluate(A_DRAWN_SCREEN)

    await ada.page.get_by_test_id("share-screen").click()

    await expect(ben.page.get_by_test_id("tile")).to_contain_text("shows a screen")
    await until("the screen at the other", partial(_shows, ben, 800 / 320), seconds=20)
    await ada.page.get_by_test_id("share-screen").click()
    await expect(ben.page.get_by_test_id("tile")).not_to_contain_text("shows a screen")
    await until("the camera again", partial(_shows_another, ben, 800 / 320), seconds=20)


async def _shape(person: Staff) -> float:
    """Width of the shown picture by its height; 0 while there is none."""
    script = "(v) => v && v.videoHeight ? v.videoWidth / v.videoHeight : 0"
    return float(
        await person.page.locator("video[data-testid=remote-video]").first.evaluate(script)
    )


async def _shows(person: Staff, shape: float) -> bool:
    return abs(await _shape(person) - shape) < 0.1


async def _shows_another(person: Staff, shape: float) -> bool:
    return 0 < await _shape(person) < shape - 0.1


STATS = "teleward.stats()"


def _frames(stats: dict[str, Any]) -> int:
    return max((one["framesDecoded"] for one in stats.get("participants", {}).values()), default=0)


async def _decodes_more_than(person: Staff, frames: int) -> bool:
    return _frames(await person.page.evaluate(STATS)) > frames + 5


async def _has_restarted(person: Staff, ufrag: str) -> bool:
    return bool((await person.page.evaluate(STATS)).get("iceUfrag") != ufrag)
