"""A patient without an account and a clinician see and hear each other, and then nothing is left."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import redis
from playwright.async_api import Playwright, expect
from teleward_cli.demo.client import Visitor
from teleward_testing.browser import look, moved, open_plain_chromium, sees_and_hears, until
from teleward_testing.builders import House
from teleward_testing.doors import NOT_FOUND, knock_at_call, knock_at_request, knock_at_waiting
from teleward_testing.pages import Patient, Person, Staff
from teleward_testing.recording import Recording, canary
from teleward_testing.running import Running

NewPatient = Callable[[str], Awaitable[Patient]]
NewStaff = Callable[[str], Awaitable[Staff]]

CIPHER = "SRTP_AEAD_AES_128_GCM"
"""As Chromium and the IANA registry of DTLS-SRTP protection profiles write AEAD_AES_128_GCM."""

SAMPLES = 10
"""One a second: the consultation is watched for ten seconds."""

LOOKS_AFTER_S = (0.35, 0.65, 0.35, 0.65, 0.35, 0.65)
"""A sample ends after two looks if the picture changed: it turns round, and may come by just where it was.
On a machine with two busy cores a browser may not paint for a second; a picture that stands stays found out."""

FORGOTTEN_WITHIN_S = 15
"""The shortened retention of the shared instance, and time for keys to expire."""


async def test_patient_and_clinician_see_and_hear_each_other_for_ten_seconds_over_one_port(
    teleward: Running, house: House, patient: NewPatient, staff: NewStaff
) -> None:
    name = canary("Patience")
    guest, clinician = await patient("patient"), await staff("clinician")

    await guest.enter(house.patient_url, name)
    assert await guest.page.evaluate("document.cookie") == "", "the ticket is not for scripts"
    await clinician.sign_in(teleward.gateway, house.clinician)
    await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)
    await clinician.sees_waiting(name)
    row = clinician.page.get_by_role("row").filter(has_text=name)
    await expect(row.get_by_text("just now")).to_be_visible()
    await clinician.call_in(name)

    await asyncio.gather(
        sees_and_hears(guest.page, 1, seconds=20), sees_and_hears(clinician.page, 1, seconds=20)
    )
    await _watch_for_ten_seconds(guest)
    await _watch_for_ten_seconds(clinician)
    for person in (guest, clinician):
        await _uses_only_the_port_of_a_media_node(person, teleward)
        assert person.complaints == []


async def test_a_browser_without_flags_but_fake_devices_holds_a_consultation(
    teleward: Running, house: House, playwright: Playwright, staff: NewStaff, tmp_path: Path
) -> None:
    plain = await open_plain_chromium(playwright, tmp_path / "profile")
    try:
        guest = await Patient.arrive(await plain.browser.new_context(), "patient")
        clinician = await staff("clinician")
        name = canary("Plain")
        await guest.enter(house.patient_url, name)
        await clinician.sign_in(teleward.gateway, house.clinician)
        await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)
        await clinician.call_in(name)

        await sees_and_hears(guest.page, 1, seconds=20)
        await sees_and_hears(clinician.page, 1, seconds=20)
        await _uses_only_the_port_of_a_media_node(guest, teleward)
    finally:
        await plain.close()


async def test_the_end_removes_the_visit_and_what_it_opened(
    teleward: Running, house: House, visitor: Callable[[Recording | None], Visitor],
    patient: NewPatient, staff: NewStaff,
) -> None:  # fmt: skip
    name = canary("Vanishing")
    guest, clinician = await patient("patient"), await staff("clinician")
    await guest.enter(house.patient_url, name)
    await clinician.sign_in(teleward.gateway, house.clinician)
    await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)
    await clinician.call_in(name)
    await sees_and_hears(guest.page, 1, seconds=20)
    visit_page = clinician.page.url
    visit = visit_page.split("/visits/")[1].split("?")[0]
    ticket = {str(c.get("name")): str(c.get("value")) for c in await guest.page.context.cookies()}

    await clinician.end_for_all()
    await guest.sees("ended")
    await clinician.sees("after-ended")

    thief = visitor(None)
    thief.cookies |= ticket
    thief.waits_at = f"{house.namespace}/{house.clinic}"
    async with asyncio.timeout(10):
        assert await knock_at_waiting(thief, name) == NOT_FOUND
        assert await knock_at_call(thief, thief.patient_call) == NOT_FOUND
        colleague = visitor(None)
        await colleague.sign_in(house.colleague)
        for unknown in (visit, "0" * len(visit)):
            assert await knock_at_call(colleague, f"/ws/call/visit/{unknown}") == NOT_FOUND
            base = f"/staff/{house.namespace}/{house.clinic}/visits/{unknown}"
            answers = [
                await knock_at_request(colleague, "POST", f"/api{base}/call-in"),
                await knock_at_request(colleague, "POST", f"/api{base}/end"),
                await knock_at_request(colleague, "POST", f"/api{base}/return"),
                await knock_at_request(colleague, "GET", base),
            ]
            assert answers == [NOT_FOUND] * len(answers)


async def test_nothing_of_the_patient_is_left_in_redis_after_the_retention_time(
    teleward: Running, house: House, visitor: Callable[[Recording | None], Visitor]
) -> None:
    name = canary("Forgotten")
    guest, clinician = visitor(None), visitor(None)
    await guest.enter(house.namespace, house.clinic, name, {})
    await clinician.sign_in(house.clinician)
    async with (
        await guest.wait(name, {}),
        await clinician.watch(house.namespace, house.clinic) as queue,
        asyncio.timeout(10),
    ):
        entry = await queue.find(lambda entry: entry.name == name)
        assert _keys_with(teleward, name), "the name must be found while the visit lasts"
        await clinician.act(house.namespace, house.clinic, entry.visit, "call-in")
        await clinician.act(house.namespace, house.clinic, entry.visit, "end")

    assert not _keys_with(teleward, name), "the name goes with the visit, not later"

    async def only_tombstones_are_left() -> bool:
        # The pool remembers the opaque id of a released call a minute longer: no beat may revive it.
        return all("tombstones" in key for key in _keys_with(teleward, entry.visit))

    await until("the visit is forgotten", only_tombstones_are_left, seconds=FORGOTTEN_WITHIN_S)
    assert await knock_at_waiting(guest, name) == NOT_FOUND
    assert await knock_at_call(guest, guest.patient_call) == NOT_FOUND
    assert not _keys_with(teleward, name), "a finished visit's ticket brought it back"


async def _watch_for_ten_seconds(person: Person) -> None:
    now = await look(person.page)
    for _ in range(SAMPLES):
        first, changed_values = now, 0
        for number, pause_s in enumerate(LOOKS_AFTER_S):
            if number >= 2 and changed_values > 0 and now.energy > first.energy:
                break
            before = now
            await asyncio.sleep(pause_s)
            now = await look(person.page)
            changed = moved(before, now)
            assert len(changed) == 1, "exactly one remote picture"
            changed_values += sum(changed.values())
        assert changed_values > 0, "the picture stands still"
        assert now.energy > first.energy, "no sound arrives"
        assert now.audible == 1, "the sound is not played"


async def _uses_only_the_port_of_a_media_node(person: Person, teleward: Running) -> None:
    seen = await look(person.page)
    ports = {node.udp for node in teleward.status().media_nodes}
    ((host, port, protocol),) = seen.pairs
    assert f"{host}:{port}" in ports
    assert protocol == "udp"
    assert seen.ciphers == [CIPHER]


def _keys_with(teleward: Running, word: str) -> list[str]:
    """Every key whose name or content, whatever its type, contains `word`."""
    with redis.Redis.from_url(str(teleward.status().redis)) as store:
        return [
            repr(key)
            for key in store.scan_iter(count=500)
            if word in repr(key) or word in repr(_content(store, key))
        ]


def _content(store: "redis.Redis", key: bytes) -> object:
    match store.type(key):
        case b"string":
            return store.get(key)
        case b"hash":
            return store.hgetall(key)
        case b"set":
            return store.smembers(key)
        case b"zset":
            return store.zrange(key, 0, -1)
        case b"list":
            return store.lrange(key, 0, -1)
        case b"stream":
            return store.xrange(key)
        case other:
            return other
