"""A script that enters ten thousand times is bounded, and a hospital behind one address comes in meanwhile.

The buckets hold for the memory implementation and on a real store of each kind; the rest is tried at a real gateway.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters.limits_memory import MOST, MemoryLimits
from teleward_gateway.adapters.limits_redis import RedisLimits
from teleward_gateway.core.limits import BY_ADDRESS, BY_BROWSER, WITHOUT_PASS, Bucket, Door
from teleward_gateway.core.tickets import PASS_COOKIE
from teleward_gateway.ports.doors import Limits
from teleward_testing.front_door import HERE, FrontDoor, front_door
from teleward_testing.routing import Clock
from teleward_testing.valkey import RunningValkey
from teleward_testing.visiting import every_key

SLOW = 1 / 3600
"""Of a bucket that nothing is added to while a test lasts."""
SCRIPT, PATIENTS = 10_000, 50
BODY = {"name": "Ann", "fields": {}, "locale": "en"}


class ClockedLimits:
    """One implementation, and the means to move its time."""

    def __init__(self, store: Store | None) -> None:
        self._clock = Clock()
        self.store = store
        self.ports: Limits = MemoryLimits(self._clock) if store is None else RedisLimits(store)

    async def pass_s(self, seconds: float) -> None:
        self._clock.ms += round(seconds * 1000)
        if self.store is not None:
            for key in await every_key(self.store.redis):
                await self.store.redis.incrbyfloat(key, -seconds * 1000)


@pytest.fixture
def limits(held_in: Store | None) -> ClockedLimits:
    return ClockedLimits(held_in)


# ── buckets ───────────────────────────────────────────────────────────────────────────────────


async def test_a_bucket_gives_what_it_holds_at_once_and_then_says_how_long_to_wait(
    limits: ClockedLimits,
) -> None:
    bucket = [("door", Bucket(3, SLOW))]

    waits = [await limits.ports.take("address:a", bucket) for _ in range(5)]

    assert waits[:3] == [0, 0, 0]
    assert waits[3:] == [pytest.approx(3600, abs=30)] * 2


async def test_tokens_come_back_one_by_one_up_to_what_the_bucket_holds(
    limits: ClockedLimits,
) -> None:
    bucket = [("door", Bucket(2, SLOW))]
    for _ in range(2):
        await limits.ports.take("address:a", bucket)

    await limits.pass_s(3600)
    assert await limits.ports.take("address:a", bucket) == 0
    assert await limits.ports.take("address:a", bucket) > 0
    await limits.pass_s(100 * 3600)
    waits = [await limits.ports.take("address:a", bucket) for _ in range(3)]
    assert [wait > 0 for wait in waits] == [False, False, True]


async def test_one_bucket_that_is_empty_takes_nothing_out_of_the_others(
    limits: ClockedLimits,
) -> None:
    small, large = ("small", Bucket(1, SLOW)), ("large", Bucket(2, SLOW))
    assert await limits.ports.take("address:a", [large, small]) == 0
    for _ in range(20):
        assert await limits.ports.take("address:a", [large, small]) > 0

    assert await limits.ports.take("address:a", [large]) == 0
    assert await limits.ports.take("address:a", [large]) > 0


async def test_who_comes_at_once_takes_no_more_than_there_is_and_nobody_elses(
    limits: ClockedLimits,
) -> None:
    bucket = [("door", Bucket(7, SLOW))]

    waits = await asyncio.gather(*(limits.ports.take("address:a", bucket) for _ in range(40)))

    assert waits.count(0) == 7
    assert await limits.ports.take("address:b", bucket) == 0


async def test_a_bucket_that_is_full_again_is_forgotten(store: Store) -> None:
    await RedisLimits(store).take("address:a", [("door", Bucket(3, 2.0))])

    (key,) = await every_key(store.redis)
    assert 0 < await store.redis.pttl(key) <= 500


async def test_what_one_gateway_remembers_is_bounded() -> None:
    limits = MemoryLimits(Clock())
    for number in range(MOST + 10):
        limits.take_now(f"address:{number}", [("door", Bucket(1, SLOW))])

    assert limits.take_now("address:0", [("door", Bucket(1, SLOW))]) == 0
    assert limits.take_now(f"address:{MOST}", [("door", Bucket(1, SLOW))]) > 0


# ── at the doors ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def door(valkey: RunningValkey, tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(valkey, tmp_path, limit_factor="1") as made:
        yield made


async def get_pass(door: FrontDoor) -> str:
    """What a browser does first: it opens the page."""
    answer = await door.ask("GET", f"/c/{HERE}")
    (cookie,) = [one for one in answer.cookies if one.startswith(PASS_COOKIE)]
    assert {"HttpOnly", "Secure", "SameSite=lax"} <= set(cookie.split("; "))
    return cookie.partition(";")[0]


async def test_a_script_is_bounded_and_fifty_patients_of_its_address_come_in_meanwhile(
    door: FrontDoor, valkey: RunningValkey, record_property: Callable[[str, object], None]
) -> None:
    statuses: Counter[int] = Counter()
    all_came = asyncio.Event()

    async def script(http: aiohttp.ClientSession) -> None:
        while sum(statuses.values()) < SCRIPT or not all_came.is_set():
            async with http.post(
                f"{door.gateway.url}/api/clinics/{HERE}/visits", json=BODY,
                headers={"Origin": door.origin},
            ) as answer:  # fmt: skip
                statuses[answer.status] += 1

    async def patient() -> int:
        answer = await door.ask(
            "POST", f"/api/clinics/{HERE}/visits", body=BODY, cookie=await get_pass(door)
        )
        return answer.status

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        scripts = [asyncio.create_task(script(http)) for _ in range(8)]
        came: list[int] = []
        for _ in range(PATIENTS):
            came.append(await patient())
            await asyncio.sleep(0.05)
        all_came.set()
        await asyncio.gather(*scripts)

    record_property("entries of the script that came in, of ten thousand", statuses[201])
    assert came == [201] * PATIENTS
    assert set(statuses) == {201, 429}
    assert sum(statuses.values()) >= SCRIPT
    assert WITHOUT_PASS[Door.ENTER].burst <= statuses[201] <= 3 * WITHOUT_PASS[Door.ENTER].burst
    async with open_store(valkey.url) as store:
        held = await every_key(store.redis)
    assert not [key for key in held if "127.0.0.1" in key], "addresses are hashed"


async def test_one_browser_enters_a_few_times_and_hears_when_to_try_again(door: FrontDoor) -> None:
    cookie = await get_pass(door)
    path = f"/api/clinics/{HERE}/visits"
    answers = [
        await door.ask("POST", path, body=BODY, cookie=cookie)
        for _ in range(BY_BROWSER[Door.ENTER].burst + 1)
    ]

    assert [one.status for one in answers] == [201] * (len(answers) - 1) + [429]
    assert answers[-1].code == "too_many"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert json.loads(answers[-1].text)["error"]["message"]
    assert (await door.ask("POST", path, body=BODY, cookie=await get_pass(door))).status == 201


async def test_who_has_a_place_is_not_counted(door: FrontDoor) -> None:
    ticket, cookie = await door.enter(), await get_pass(door)
    for _ in range(3 * BY_BROWSER[Door.ENTER].burst):
        answer = await door.ask(
            "POST", f"/api/clinics/{HERE}/visits", body=BODY, cookie=f"{ticket}; {cookie}"
        )
        assert answer.status == 201


@pytest.mark.parametrize("name", ["forged", "", "A" * 4000])
async def test_a_pass_that_is_not_ours_is_none(door: FrontDoor, name: str) -> None:
    statuses = [
        (
            await door.ask(
                "POST", f"/api/clinics/{HERE}/visits", body=BODY, cookie=f"{PASS_COOKIE}={name}{n}"
            )
        ).status
        for n in range(WITHOUT_PASS[Door.ENTER].burst + 40)
    ]

    assert 429 in statuses


async def test_a_page_without_a_socket_reports_no_more_than_one_with_it(door: FrontDoor) -> None:
    cookies = await door.enter("Ann"), await door.enter("Ben")
    ann, ben = [
        [
            (await door.ask("POST", f"/api/clinics/{HERE}/report", body={}, cookie=cookie)).status
            for _ in range(many)
        ]
        for cookie, many in zip(cookies, (60, 10), strict=True)
    ]

    assert ann[:30] == [204] * 30
    assert ann[-1] == 429
    assert ben == [204] * 10, "of one address each visit has its own"


async def test_guessing_at_the_sign_in_is_bounded(door: FrontDoor) -> None:
    statuses = [
        (await door.ask("POST", "/api/sign-in/development", body={"user": f"{n}@x.org"})).status
        for n in range(BY_ADDRESS[Door.SIGN_IN].burst + 20)
    ]

    assert statuses[: BY_ADDRESS[Door.SIGN_IN].burst] == [403] * BY_ADDRESS[Door.SIGN_IN].burst
    assert 429 in statuses


async def test_sockets_and_streams_of_one_address_are_bounded_before_anything_is_asked(
    valkey: RunningValkey, tmp_path: Path
) -> None:
    async with front_door(valkey, tmp_path, limit_factor="0.01") as door:
        statuses: list[int] = []
        for _ in range(2 * round(BY_ADDRESS[Door.CONNECT].burst * 0.01)):
            try:
                async with door.socket(f"/ws/visit/{HERE}") as ws:
                    await ws.receive_json()
            except aiohttp.WSServerHandshakeError as err:
                statuses.append(err.status)
        answer = await door.ask(
            "POST", f"/stream/staff/{HERE}", headers={"Accept": "text/event-stream"}
        )

    assert set(statuses) == {429}
    assert answer.status == 429
    assert answer.code == "too_many"


@pytest.mark.parametrize(("trusted", "is_believed"), [("", False), ("127.0.0.0/8", True)])
async def test_what_a_proxy_says_is_believed_if_it_is_trusted_and_from_nobody_else(
    valkey: RunningValkey, tmp_path: Path, trusted: str, is_believed: bool
) -> None:
    async with front_door(valkey, tmp_path, limit_factor="1", trusted_proxies=trusted) as door:
        statuses = {
            (
                await door.ask(
                    "POST", f"/api/clinics/{HERE}/visits", body=BODY,
                    headers={"X-Forwarded-For": f"203.0.113.{n % 250}"},
                )
            ).status
            for n in range(WITHOUT_PASS[Door.ENTER].burst + 60)
        }  # fmt: skip

    assert (429 not in statuses) is is_believed
    assert door.gateway.log.read_text().count("forwarding.ignored") == (not is_believed)
