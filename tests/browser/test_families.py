"""Peers of other families join a call and are seen and heard: aiortc, Chromium, Firefox, Pion."""

import statistics
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page
from teleward_testing.browser import WATCH, look, sees_and_hears, until
from teleward_testing.builders import House
from teleward_testing.families import frames
from teleward_testing.families.aio import AiortcPeer
from teleward_testing.families.call import Someone, all_see_and_hear, see_and_hear
from teleward_testing.families.firefox import Firefox
from teleward_testing.families.page import PagePeer
from teleward_testing.families.pion import PionPeer
from teleward_testing.families.seen import AnyPeer
from teleward_testing.pages import SMALL, Staff
from teleward_testing.recording import canary
from teleward_testing.running import Running

ComeIn = Callable[[str, AnyPeer], Awaitable[Someone]]

CIPHER = "SRTP_AEAD_AES_128_GCM"
"""As browsers and the IANA registry of DTLS-SRTP protection profiles write AEAD_AES_128_GCM."""

LIPS_WITHIN_MS = 100
"""People notice a voice 45 ms before its picture or 125 ms behind it, and bear 90 and 185 (ITU-R BT.1359-1)."""
LOOKS = 12
"""At four a second: three seconds, in which browsers send three reports."""


async def test_four_families_see_and_hear_one_another(
    empty_page: Page, firefox: Firefox, pion: None, come_in: ComeIn, tmp_path: Path
) -> None:
    await firefox.goto(empty_page.url)
    video = frames.write_frames(tmp_path / "sent.vp8", frames.encoded("vp8"))
    audio = frames.write_frames(tmp_path / "sent.opus", frames.spoken())
    chromium = PagePeer(empty_page.evaluate, "chromium", slots=3, simulcast=True)
    mozilla = PagePeer(firefox.evaluate, "firefox", slots=3, simulcast=True)
    people = [
        await come_in("chromium", chromium),
        await come_in("firefox", mozilla),
        await come_in("pion", PionPeer(tmp_path / "pion", video=video, audio=audio, slots=3)),
        await come_in("aiortc", AiortcPeer(slots=3)),
    ]

    await all_see_and_hear(people, seconds=30)

    looks = {one.name: await one.peer.look() for one in people}
    assert {name: seen.state for name, seen in looks.items()} == dict.fromkeys(looks, "connected")
    assert {name: seen.cipher for name, seen in looks.items() if seen.cipher} == {
        "chromium": CIPHER, "firefox": CIPHER, "aiortc": CIPHER,
    }  # fmt: skip


@pytest.mark.parametrize(
    "profile",
    ["SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_HMAC_SHA1_80"],
)
async def test_a_peer_that_knows_one_protection_profile_only_is_spoken_to_in_it(
    come_in: ComeIn, pion: None, tmp_path: Path, profile: str
) -> None:
    video = frames.write_frames(tmp_path / "sent.vp8", frames.encoded("vp8"))
    audio = frames.write_frames(tmp_path / "sent.opus", frames.spoken())
    choosy = PionPeer(tmp_path / "pion", video=video, audio=audio, profile=profile)

    await all_see_and_hear(
        [await come_in("pion", choosy), await come_in("aiortc", AiortcPeer())], seconds=20
    )


async def test_a_patient_in_firefox_and_a_clinician_in_chromium_see_and_hear_each_other_on_our_pages(
    teleward: Running, house: House, firefox: Firefox, staff: Callable[[str], Awaitable[Staff]]
) -> None:
    name = canary("Mozilla")
    clinician = await staff("clinician")
    await firefox.goto(house.patient_url + SMALL)
    await firefox.evaluate(WATCH)
    await firefox.fill("//input[@id = //label[contains(., 'Your name')]/@for]", name)
    await firefox.click("//button[contains(., 'Enter the waiting area')]")
    await clinician.sign_in(teleward.gateway, house.clinician)
    await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)
    await clinician.sees_waiting(name)
    await clinician.call_in(name)

    await sees_and_hears(firefox, 1, seconds=30)
    await sees_and_hears(clinician.page, 1, seconds=30)

    seen = await look(firefox)
    ports = {node.udp for node in teleward.status().media_nodes}
    assert {f"{host}:{port}" for host, port, _ in seen.pairs} <= ports
    assert seen.ciphers == [CIPHER]
    await clinician.end_for_all()


async def test_lips_move_with_the_voice_of_everybody_else(
    empty_page: Page, firefox: Firefox, pion: None, come_in: ComeIn, tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    await firefox.goto(empty_page.url)
    video = frames.write_frames(tmp_path / "sent.vp8", frames.encoded("vp8"))
    audio = frames.write_frames(tmp_path / "sent.opus", frames.spoken())
    watcher = PagePeer(empty_page.evaluate, "watcher", slots=2)
    watching = await come_in("watcher", watcher)
    others = [
        await come_in("firefox", PagePeer(firefox.evaluate, "speaker", simulcast=True)),
        await come_in("pion", PionPeer(tmp_path / "pion", video=video, audio=audio)),
    ]
    skews: dict[str, list[float]] = {other.name: [] for other in others}

    async def in_step() -> bool:
        seen = await watcher.look()
        for other in others:
            picture, voice = (
                seen.slots[watching.slot_of(other, kind)].playout_ms for kind in ("video", "audio")
            )
            if picture and voice:
                skews[other.name].append(abs(picture - voice))
        return all(
            len(told) >= LOOKS and statistics.median(told[-LOOKS:]) < LIPS_WITHIN_MS
            for told in skews.values()
        )

    await see_and_hear([(watching, others)], seconds=20)
    # A busy machine plays late for a while; what was translated wrongly would stay apart for good.
    await until("lips that stay with their voices", in_step, seconds=30)

    middle = {name: statistics.median(told[-LOOKS:]) for name, told in skews.items()}
    for name, skew in middle.items():
        record_property(f"between picture and voice of {name}, ms", float(skew))
    assert all(skew < LIPS_WITHIN_MS for skew in middle.values()), middle
