"""Media nodes are the truth about live calls, and no silence but their own makes them dead.

The rules of `test_placements.py` go on here with failures in them; both implementations obey.
"""

import pytest
from teleward_contract.errors import StaleLeaderError
from teleward_contract.media_nodes import MediaNodeState, MediaNodeView
from teleward_contract.placements import Full, FullReason, Gone, Placed, Recovering
from teleward_contract.projections import PoolPolicy
from teleward_contract.units import BootId, LeaderEpoch, MediaNodeId
from teleward_testing.routing import (
    LEADER,
    POOL,
    ClockedRouting,
    call,
    epoch,
    heartbeat,
    live,
    placed,
    units,
)

NODE = MediaNodeId("default-0")


async def test_the_table_shows_what_the_heartbeat_said(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat("default-1", "boot-1"))
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.beat(heartbeat(calls=(live(placement),)))

    views = await routing.ports.views(POOL)

    assert [view.media_node for view in views] == ["default-0", "default-1"]
    assert views[0] == MediaNodeView(
        pool=POOL,
        media_node=NODE,
        boot=BootId("boot-0"),
        control_url="ws://127.0.0.1:1/default-0",
        udp="127.0.0.1:2",
        state=MediaNodeState.ACTIVE,
        capacity=units(10),
        used=units(2),
        calls=1,
        loop_lag_ms=0.0,
        alive=True,
    )


async def test_a_draining_media_node_keeps_its_calls_and_gets_no_new_ones(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    await routing.ports.beat(heartbeat(state=MediaNodeState.DRAINING, calls=(live(placement),)))

    assert placed(await routing.ports.reserve(POOL, call(1), units(2))).boot == placement.boot
    assert await routing.ports.reserve(POOL, call(2), units(2)) == Full(
        reason=FullReason.NO_MEDIA_NODES
    )


async def test_a_cordon_outlives_the_boot_it_was_laid_on(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    await routing.ports.cordon(POOL, NODE, LEADER, cordoned=True)

    answer = await routing.ports.beat(heartbeat(boot="boot-1"))

    assert answer.cordoned


async def test_a_leader_that_was_followed_cordons_nothing(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    await routing.set_policy(PoolPolicy.PACK, LeaderEpoch(2))

    with pytest.raises(StaleLeaderError):
        await routing.ports.cordon(POOL, NODE, LEADER, cordoned=True)

    assert not (await routing.ports.beat(heartbeat())).cordoned
    await routing.ports.cordon(POOL, NODE, LeaderEpoch(2), cordoned=True)
    assert (await routing.ports.beat(heartbeat())).cordoned


async def test_a_retired_media_nodes_calls_are_orphans_at_once(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.confirm(POOL, call(1), placement.epoch)

    await routing.ports.retire(POOL, NODE, BootId("boot-0"))

    assert [o.call for o in (await routing.ports.reap(POOL)).orphaned] == [call(1)]


async def test_an_orphan_whose_media_node_comes_back_is_none(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.confirm(POOL, call(1), placement.epoch)
    await routing.ports.retire(POOL, NODE, BootId("boot-0"))
    assert len((await routing.ports.reap(POOL)).orphaned) == 1

    await routing.ports.beat(heartbeat(calls=(live(placement),)))

    assert (await routing.ports.reap(POOL)).orphaned == ()
    assert [view.used for view in await routing.ports.views(POOL)] == [2]


async def test_a_media_node_cut_off_for_minutes_brings_its_call_back(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.confirm(POOL, call(1), placement.epoch)
    expired: tuple[str, ...] = ()
    for _ in range(70):
        routing.pass_ms(1000)
        expired += (await routing.ports.reap(POOL)).expired
    assert expired == (call(1),)

    answer = await routing.ports.beat(heartbeat(calls=(live(placement),)))

    assert answer.fenced == ()
    found = await routing.ports.find(POOL, call(1))
    assert found is not None
    assert found.epoch == placement.epoch


async def test_a_call_that_moved_while_its_media_node_was_cut_off_is_closed_there(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    old = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.beat(heartbeat("default-1", "boot-1"))
    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))
    new = placed(await routing.ports.replace(POOL, call(1), old.epoch))

    answer = await routing.ports.beat(heartbeat(calls=(live(old),)))

    assert answer.fenced == (call(1),)
    assert await routing.ports.find(POOL, call(1)) == new
    assert [view.used for view in await routing.ports.views(POOL)] == [0, 2]


async def test_recovery_begins_anew_when_the_emptied_store_falls_silent(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.empty()
    await routing.ports.reap(POOL)
    routing.pass_ms(60_000)

    assert await routing.ports.reserve(POOL, call(1), units(2)) == Recovering(retry_after_s=2.0)
    await routing.ports.beat(heartbeat(calls=(live(placement),)))
    again = await routing.ports.reserve(POOL, call(1), units(2))
    assert placed(again).epoch == placement.epoch


async def test_a_silence_after_recovery_stops_no_placing(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    routing.pass_ms(60_000)

    assert isinstance(await routing.ports.reserve(POOL, call(1), units(2)), Placed)


async def test_while_recovering_a_call_not_yet_published_is_not_gone(
    routing: ClockedRouting,
) -> None:
    await routing.empty()

    assert await routing.ports.replace(POOL, call(1), epoch(5)) == Recovering(retry_after_s=2.0)
    routing.pass_ms(1000)
    await routing.ports.reap(POOL)
    routing.pass_ms(1000)
    assert await routing.ports.replace(POOL, call(1), epoch(5)) == Gone()


async def test_a_call_released_before_it_was_published_again_stays_released(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.empty()

    assert not await routing.ports.release(POOL, call(1), placement.epoch)
    answer = await routing.ports.beat(heartbeat(calls=(live(placement),)))

    assert answer.fenced == (call(1),)
    assert await routing.ports.find(POOL, call(1)) is None


async def test_releasing_an_old_epoch_leaves_the_new_placement(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    old = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.release(POOL, call(1), old.epoch)
    new = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    assert not await routing.ports.release(POOL, call(1), old.epoch)

    assert await routing.ports.find(POOL, call(1)) == new


async def test_a_tombstone_is_forgotten_after_a_minute(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.release(POOL, call(1), placement.epoch)
    for _ in range(60):
        routing.pass_ms(1000)
        await routing.ports.reap(POOL)

    assert (await routing.ports.beat(heartbeat(calls=(live(placement),)))).fenced == ()


async def test_a_dead_media_nodes_reservation_is_placed_again_by_reserving(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    old = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.beat(heartbeat("default-1", "boot-1"))
    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))

    new = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    assert (new.media_node, new.epoch > old.epoch) == ("default-1", True)


async def test_spreading_takes_the_emptiest(routing: ClockedRouting) -> None:
    await routing.set_policy(PoolPolicy.SPREAD)
    for n in range(3):
        await routing.ports.beat(heartbeat(f"default-{n}", f"boot-{n}"))

    answers = [await routing.ports.reserve(POOL, call(n), units(2)) for n in range(6)]

    assert [placed(a).media_node for a in answers] == ["default-0", "default-1", "default-2"] * 2


async def test_two_choices_fill_a_pool_without_exceeding_anybody(routing: ClockedRouting) -> None:
    await routing.set_policy(PoolPolicy.TWO_CHOICES)
    for n in range(3):
        await routing.ports.beat(heartbeat(f"default-{n}", f"boot-{n}"))

    answers = [await routing.ports.reserve(POOL, call(n), units(2)) for n in range(16)]

    assert [isinstance(answer, Placed) for answer in answers] == [True] * 15 + [False]
    assert [view.used for view in await routing.ports.views(POOL)] == [10, 10, 10]


async def test_a_call_on_a_dead_media_node_cannot_grow(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))

    assert await routing.ports.resize(POOL, call(1), placement.epoch, units(6)) == Gone()


async def test_marking_an_unknown_media_node_does_nothing(routing: ClockedRouting) -> None:
    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))
    await routing.ports.cordon(POOL, NODE, LEADER, cordoned=True)
    await routing.ports.retire(POOL, NODE, BootId("boot-0"))

    assert await routing.ports.views(POOL) == ()
