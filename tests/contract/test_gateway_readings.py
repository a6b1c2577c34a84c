"""Looking again costs what changed since: a queue is not parsed again, and pools are read without the clinics."""

import gc

from teleward_contract.projections_redis import RedisProjections
from teleward_contract.redis_store import Store
from teleward_contract.units import LeaderEpoch
from teleward_gateway.adapters.visits_redis import RedisVisits
from teleward_gateway.core.visits import Personal, VisitAction
from teleward_testing.front_door import CARDIOLOGY
from teleward_testing.visiting import HARBOUR, KEEP_S, RETENTION_S, visit


async def test_what_was_read_before_and_is_still_held_is_the_same_object(store: Store) -> None:
    visits = RedisVisits(store, RETENTION_S)
    for name in ("changes", "stays"):
        await visits.enter(visit(name), Personal(name=name), KEEP_S)
    before = {item.visit.id: item for item in await visits.waiting(HARBOUR, "uid-1")}

    await visits.change(HARBOUR, "changes", VisitAction.CALL_IN, "grace")

    after = {item.visit.id: item for item in await visits.waiting(HARBOUR, "uid-1")}
    assert after["stays"] is before["stays"]
    assert after["changes"].visit.called_by == "grace"
    assert before["changes"].visit.called_by == ""


async def test_what_nobody_holds_any_more_is_not_kept(store: Store) -> None:
    visits = RedisVisits(store, RETENTION_S)
    await visits.enter(visit("v"), Personal(name="Ann"), KEEP_S)
    held = await visits.waiting(HARBOUR, "uid-1")
    assert len(visits._held) == 1

    await visits.change(HARBOUR, "v", VisitAction.END)
    del held
    gc.collect()

    assert len(visits._held) == 0
    assert await visits.waiting(HARBOUR, "uid-1") == ()


async def test_reading_the_pools_reads_no_clinic(store: Store) -> None:
    projections = RedisProjections(store)
    await projections.put(CARDIOLOGY, LeaderEpoch(1))
    await store.redis.config_resetstat()

    assert await projections.pools() == ()

    told = await store.redis.info("commandstats")
    assert "cmdstat_hgetall" not in told
    assert await projections.clinics() == (CARDIOLOGY,)
