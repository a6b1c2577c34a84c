"""What visits leave in a real store: nothing personal after the end, and a TTL on every key."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot
from teleward_cli.store import free_port
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.redis_store import Store, open_store
from teleward_gateway.adapters import keys
from teleward_gateway.adapters.books import AUDIT_KEEP_S, REPORT_KEEP_S
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.accounts import DAY_S
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.visits import (
    OVER,
    Carried,
    Personal,
    Speaker,
    Visit,
    VisitAction,
    VisitState,
    Words,
)
from teleward_testing.valkey import RunningValkey
from teleward_testing.visiting import (
    ADA,
    HARBOUR,
    KEEP_S,
    PATHS,
    RETENTION_S,
    SOON,
    VisitsAndQueues,
    visit,
)

METHODS: dict[str, Callable[[VisitsAndQueues], Coroutine[object, object, object]]] = {
    "life": lambda ports: ports.life(),
    "enter": lambda ports: ports.enter(visit(), ADA, KEEP_S),
    "get": lambda ports: ports.get(HARBOUR, "v"),
    "personal": lambda ports: ports.personal(HARBOUR, "v"),
    "change": lambda ports: ports.change(HARBOUR, "v", VisitAction.CALL_IN, "grace"),
    "words": lambda ports: ports.words(HARBOUR, "v"),
    "tell_all": lambda ports: ports.tell_all(HARBOUR, "uid-1", SOON),
    "count_message": lambda ports: ports.count_message(HARBOUR, "uid-1", 60),
    "claim": lambda ports: ports.claim(HARBOUR, "v", "socket-1", KEEP_S),
    "heard": lambda ports: ports.heard(HARBOUR, "v", "socket-1", KEEP_S),
    "report": lambda ports: ports.report(HARBOUR, "v", "uid-1", DeviceReport(camera="on")),
    "waiting": lambda ports: ports.waiting(HARBOUR, "uid-1"),
    "sweep": lambda ports: ports.sweep(HARBOUR),
}
BOOKS = {
    keys.due(HARBOUR): keys.QUEUE_TTL_S + keys.SWEEP_WITHIN_S,
    keys.audit(HARBOUR): AUDIT_KEEP_S,
    keys.reported(HARBOUR): REPORT_KEEP_S,
    keys.report(HARBOUR, "cardiology", int(time.time()) // DAY_S): REPORT_KEEP_S,
}
"""What is written of all visits together, and how long it stays."""


@pytest.fixture
def own_valkey() -> Iterator[RunningValkey]:
    with RunningValkey() as running:
        yield running


@pytest.mark.parametrize("state", [state for state in VisitState if state in OVER])
async def test_nothing_that_a_patient_said_stays_in_the_store_after_the_end(
    store: Store, state: VisitState
) -> None:
    canaries = [
        "Canary-Náme", "canary-label", "canary-answer", "canary-locale", "canary-word", "canary-speaker",
        "canary-appointment", "blocked_by_system",
    ]  # fmt: skip
    name, label, answer, locale, word, speaker, appointment, camera = canaries
    personal = Personal(
        name=name, fields={label: answer}, locale=locale, appointment=appointment,
        speaker=Speaker(name=speaker, role="relative"),
    )  # fmt: skip
    device = DeviceReport.model_validate({"camera": camera})
    ports = RedisVisits(store, RETENTION_S)
    await ports.life()
    await ports.enter(visit(), personal, KEEP_S)
    await ports.claim(HARBOUR, "v", "socket-1", KEEP_S)
    await ports.report(HARBOUR, "v", "uid-1", device)
    words = Words(texts={"en": word}, at_ms=1)
    await ports.change(HARBOUR, "v", VisitAction.MESSAGE, "grace", Carried(words=words))
    await ports.waiting(HARBOUR, "uid-1")
    held = await everything(store)
    assert [canary for canary in canaries if canary not in held] == []

    for action in PATHS[state]:
        assert (await ports.change(HARBOUR, "v", action, "grace"))[0]
    assert (await ports.enter(visit(), personal, KEEP_S)).state is state
    await ports.claim(HARBOUR, "v", "socket-2", KEEP_S)
    await ports.heard(HARBOUR, "v", "socket-1", KEEP_S)
    await ports.report(HARBOUR, "v", "uid-1", device)

    held = await everything(store)
    assert state in held
    assert [canary for canary in canaries if canary in held] == []


async def test_no_reader_ever_finds_a_visit_that_is_over_beside_its_personal_data(
    store: Store,
) -> None:
    ports = RedisVisits(store, RETENTION_S)
    names = [f"v{n}" for n in range(40)]
    for name in names:
        await ports.enter(visit(name), ADA, KEEP_S)
    where = [key(HARBOUR, name) for name in names for key in (keys.visit, keys.personal)]

    async def pairs() -> list[tuple[bool, bool]]:
        found = await store.redis.mget(where)
        states = [Visit.model_validate_json(str(text)).state for text in found[::2]]
        return [
            (state in OVER, said is not None)
            for state, said in zip(states, found[1::2], strict=True)
        ]

    async def end(name: str) -> None:
        await ports.change(HARBOUR, name, VisitAction.END)

    seen = set(await pairs())
    ending = asyncio.gather(*(end(name) for name in names))
    while not ending.done():
        seen.update(await pairs())
    await ending
    seen.update(await pairs())

    assert seen == {(False, True), (True, False)}


async def test_every_key_of_a_visit_expires_in_the_store(store: Store) -> None:
    ports = RedisVisits(store, RETENTION_S)
    await ports.life()
    await ports.enter(visit("stays"), ADA, KEEP_S)
    await ports.claim(HARBOUR, "stays", "socket-1", KEEP_S)
    await ports.change(HARBOUR, "stays", VisitAction.MESSAGE, "grace", Carried(words=SOON))
    await ports.change(HARBOUR, "stays", VisitAction.CALL_IN, "grace")
    await ports.count_message(HARBOUR, "uid-1", 60)
    await ports.enter(visit("refused"), ADA, KEEP_S)
    await ports.change(HARBOUR, "refused", VisitAction.REFUSE, "grace", Carried(words=SOON))
    await ports.enter(visit("goes"), ADA, KEEP_S)
    await ports.change(HARBOUR, "goes", VisitAction.LEAVE)

    left = {str(key): await store.redis.ttl(key) for key in await store.redis.keys("*")}

    assert left.pop(keys.LIFE) == -1
    unseen_s = KEEP_S + keys.SWEEP_WITHIN_S
    assert left == {
        **{key: pytest.approx(ttl, abs=30) for key, ttl in BOOKS.items()},
        keys.visit(HARBOUR, "stays"): pytest.approx(unseen_s, abs=30),
        keys.account(HARBOUR, "stays"): pytest.approx(unseen_s, abs=30),
        keys.personal(HARBOUR, "stays"): pytest.approx(KEEP_S, abs=30),
        keys.words(HARBOUR, "stays"): pytest.approx(KEEP_S, abs=30),
        keys.messages(HARBOUR, "uid-1"): pytest.approx(60, abs=30),
        keys.visit(HARBOUR, "refused"): pytest.approx(RETENTION_S, abs=30),
        keys.words(HARBOUR, "refused"): pytest.approx(RETENTION_S, abs=30),
        keys.queue(HARBOUR, "uid-1"): pytest.approx(keys.QUEUE_TTL_S, abs=30),
        keys.visit(HARBOUR, "goes"): pytest.approx(RETENTION_S, abs=30),
    }
    assert await store.redis.zrange(keys.queue(HARBOUR, "uid-1"), 0, -1) == ["stays"]


async def test_a_gateway_that_comes_late_to_name_the_stores_life_takes_the_name_it_has(
    store: Store, valkey: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_about_to_name, is_named = asyncio.Event(), asyncio.Event()
    async with open_store(valkey.url) as late:
        at_once = late.redis.set

        async def wait_and_set(key: str, value: str, nx: bool = False) -> object:
            is_about_to_name.set()
            await is_named.wait()
            return await at_once(key, value, nx=nx)

        monkeypatch.setattr(late.redis, "set", wait_and_set)
        naming = asyncio.create_task(RedisVisits(late, RETENTION_S).life())
        await asyncio.wait_for(is_about_to_name.wait(), 10)
        name = await RedisVisits(store, RETENTION_S).life()
        is_named.set()

        assert await naming == name
    assert await RedisVisits(store, RETENTION_S).life() == name


async def test_all_visits_of_an_organisation_live_in_one_slot_of_a_cluster(store: Store) -> None:
    ports = RedisVisits(store, RETENTION_S)
    await ports.enter(visit("a"), ADA, KEEP_S)
    await ports.enter(visit("b", clinic_uid="uid-2"), ADA, KEEP_S)

    found = [str(key) for key in await store.redis.keys("*")]

    assert len(found) == 6 + len(BOOKS) + 2  # … and each visit's account
    assert len({key_slot(key.encode()) for key in found}) == 1


@pytest.fixture
async def nowhere() -> AsyncIterator[RedisVisits]:
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as store:
        yield RedisVisits(store, RETENTION_S)


@pytest.mark.parametrize("method", METHODS)
async def test_a_store_that_is_not_there_is_unavailable_to_every_method(
    nowhere: RedisVisits, method: str
) -> None:
    with pytest.raises(RoutingUnavailableError):
        await METHODS[method](nowhere)


async def test_a_silent_store_is_unavailable_to_every_method_and_serves_when_it_is_back(
    own_valkey: RunningValkey,
) -> None:
    async with open_store(own_valkey.url) as store:
        ports = RedisVisits(store, RETENTION_S)
        for method in METHODS.values():
            await method(ports)
        own_valkey.pause()

        answers = await asyncio.gather(
            *(method(ports) for method in METHODS.values()), return_exceptions=True
        )

        own_valkey.resume()
        assert [type(answer) for answer in answers] == [RoutingUnavailableError] * len(METHODS)
        told = ADA.model_copy(update={"device": DeviceReport(camera="on")})
        assert await ports.personal(HARBOUR, "v") == told


async def test_a_restarted_store_has_another_life_and_serves_at_once(
    own_valkey: RunningValkey,
) -> None:
    async with open_store(own_valkey.url) as store:
        ports = RedisVisits(store, RETENTION_S)
        before = await ports.life()
        await ports.enter(visit(), ADA, KEEP_S)

        own_valkey.restart()

        assert await ports.life() != before
        assert await ports.get(HARBOUR, "v") is None
        assert (await ports.enter(visit(), ADA, KEEP_S)).state is VisitState.WAITING


READ: dict[str, Callable[[Redis, str], Awaitable[object]]] = {
    "string": lambda redis, key: redis.get(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1),
    "hash": lambda redis, key: redis.hgetall(key),
    "stream": lambda redis, key: redis.xrange(key),
}


async def everything(store: Store) -> str:
    """All keys of the store and all that they hold, as one text."""
    found: list[object] = []
    for key in await store.redis.keys("*"):
        kind = await store.redis.type(key)
        found += [key, await READ[str(kind)](store.redis, str(key))]
    return "\n".join(map(str, found))


async def test_what_stands_beside_a_visit_is_no_visit(store: Store) -> None:
    visits = RedisVisits(store, RETENTION_S)
    await visits.enter(visit(), ADA, KEEP_S)

    for beside in ("v:personal", "v:account"):
        assert await visits.get(HARBOUR, beside) is None
        assert await visits.change(HARBOUR, beside, VisitAction.END, "grace") == (False, None)
    assert await visits.personal(HARBOUR, "v") == ADA
