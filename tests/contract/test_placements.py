"""A call has one live placement, capacity is never exceeded, and nothing is lost with a media node.

Every clause holds for the memory implementation and for the scripts on a real store.
"""

from teleward_contract.media_nodes import MediaNodeState
from teleward_contract.placements import Full, FullReason, Gone, Placed, Recovering
from teleward_contract.units import BootId, MediaNodeId
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


async def test_a_call_is_placed_on_a_media_node_that_beats(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())

    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    assert (placement.media_node, placement.boot, placement.cost) == ("default-0", "boot-0", 2)
    assert not placement.confirmed


async def test_reserving_again_answers_the_same_placement(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    first = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    again = await routing.ports.reserve(POOL, call(1), units(2))

    assert again == Placed(placement=first, existing=True)
    assert await routing.ports.find(POOL, call(1)) == first


async def test_a_pool_without_media_nodes_is_full_and_says_so(routing: ClockedRouting) -> None:
    assert await routing.ports.reserve(POOL, call(1), units(2)) == Full(
        reason=FullReason.NO_MEDIA_NODES
    )


async def test_capacity_is_a_bound(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat(capacity=5))
    answers = [await routing.ports.reserve(POOL, call(n), units(2)) for n in range(3)]

    assert [isinstance(answer, Placed) for answer in answers] == [True, True, False]
    assert answers[2] == Full(reason=FullReason.NO_CAPACITY)
    assert [view.used for view in await routing.ports.views(POOL)] == [4]


async def test_packing_fills_one_media_node_up_to_four_fifths_then_spreads(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat("default-0"))
    await routing.ports.beat(heartbeat("default-1", "boot-1"))

    where = [
        placed(await routing.ports.reserve(POOL, call(n), units(2))).media_node for n in range(9)
    ]

    assert where[:8] == ["default-0"] * 4 + ["default-1"] * 4
    assert where[8] == "default-0"


async def test_after_the_store_was_emptied_nothing_is_placed_for_two_heartbeats(
    routing: ClockedRouting,
) -> None:
    await routing.empty()
    await routing.ports.beat(heartbeat())

    assert await routing.ports.reserve(POOL, call(1), units(2)) == Recovering(retry_after_s=2.0)
    routing.pass_ms(1000)
    await routing.ports.beat(heartbeat())
    assert await routing.ports.reserve(POOL, call(1), units(2)) == Recovering(retry_after_s=1.0)
    routing.pass_ms(1000)
    assert isinstance(await routing.ports.reserve(POOL, call(1), units(2)), Placed)


async def test_a_live_call_is_published_again_after_the_store_was_emptied(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.empty()

    await routing.ports.beat(heartbeat(calls=(live(placement),)))

    assert await routing.ports.find(POOL, call(1)) == placement.model_copy(
        update={"confirmed": True}
    )


async def test_the_higher_epoch_wins_when_two_media_nodes_publish_one_call(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    old = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    new = old.model_copy(update={"epoch": epoch(old.epoch + 1)})
    await routing.empty()
    await routing.ports.beat(heartbeat(calls=(live(old),)))

    answer = await routing.ports.beat(heartbeat("default-1", "boot-1", calls=(live(new),)))

    assert answer.fenced == ()
    found = await routing.ports.find(POOL, call(1))
    assert found is not None
    assert (found.media_node, found.epoch) == ("default-1", new.epoch)
    late = await routing.ports.beat(heartbeat(calls=(live(old),)))
    assert late.fenced == (call(1),)
    assert [view.used for view in await routing.ports.views(POOL)] == [0, 2]


async def test_a_reservation_that_nobody_confirms_is_freed(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    placed(await routing.ports.reserve(POOL, call(1), units(2)))
    expired: tuple[str, ...] = ()
    for _ in range(20):
        routing.pass_ms(1000)
        await routing.ports.beat(heartbeat())
        expired += (await routing.ports.reap(POOL)).expired

    assert expired == (call(1),)
    assert await routing.ports.find(POOL, call(1)) is None
    assert [view.used for view in await routing.ports.views(POOL)] == [0]


async def test_a_confirmed_call_stays_while_its_media_node_lists_it(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    for _ in range(30):
        routing.pass_ms(1000)
        await routing.ports.beat(heartbeat(calls=(live(placement),)))
        assert (await routing.ports.reap(POOL)).expired == ()

    found = await routing.ports.find(POOL, call(1))
    assert found is not None
    assert found.confirmed


async def test_a_call_that_its_media_node_no_longer_lists_is_freed_after_three_beats(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    assert await routing.ports.confirm(POOL, call(1), placement.epoch)
    for _ in range(2):
        routing.pass_ms(1000)
        await routing.ports.beat(heartbeat())
    assert await routing.ports.find(POOL, call(1)) is not None

    routing.pass_ms(1000)
    await routing.ports.beat(heartbeat())

    assert await routing.ports.find(POOL, call(1)) is None


async def test_a_released_call_cannot_be_brought_back_by_a_late_beat(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    assert await routing.ports.release(POOL, call(1), placement.epoch)
    answer = await routing.ports.beat(heartbeat(calls=(live(placement),)))

    assert answer.fenced == (call(1),)
    assert await routing.ports.find(POOL, call(1)) is None
    assert not await routing.ports.release(POOL, call(1), placement.epoch)


async def test_the_epoch_rises_with_each_placing(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    first = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.release(POOL, call(1), first.epoch)

    second = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    assert second.epoch == first.epoch + 1


async def test_a_suspect_media_nodes_call_moves_once(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat("default-0"))
    old = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.beat(heartbeat("default-1", "boot-1"))
    still = await routing.ports.replace(POOL, call(1), old.epoch)
    assert still == Placed(placement=old, existing=True)
    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))

    first = placed(await routing.ports.replace(POOL, call(1), old.epoch))
    second = await routing.ports.replace(POOL, call(1), old.epoch)

    assert (first.media_node, first.epoch > old.epoch) == ("default-1", True)
    assert second == Placed(placement=first, existing=True)


async def test_a_beat_clears_a_wrong_suspicion(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))
    assert [view.alive for view in await routing.ports.views(POOL)] == [False]

    await routing.ports.beat(heartbeat())

    assert [view.alive for view in await routing.ports.views(POOL)] == [True]


async def test_suspicion_of_an_earlier_boot_says_nothing_of_this_one(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat(boot="boot-1"))

    await routing.ports.suspect(POOL, NODE, BootId("boot-0"))

    assert [view.alive for view in await routing.ports.views(POOL)] == [True]


async def test_three_missed_beats_make_a_media_node_dead_and_its_calls_orphans(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.confirm(POOL, call(1), placement.epoch)
    for _ in range(2):
        routing.pass_ms(1000)
        assert (await routing.ports.reap(POOL)).orphaned == ()

    routing.pass_ms(1000)
    orphaned = (await routing.ports.reap(POOL)).orphaned

    assert [orphan.call for orphan in orphaned] == [call(1)]


async def test_silence_of_the_store_itself_counts_against_nobody(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.confirm(POOL, call(1), placement.epoch)

    routing.pass_ms(60_000)
    found = await routing.ports.reap(POOL)

    assert (found.orphaned, found.expired) == ((), ())
    assert [view.alive for view in await routing.ports.views(POOL)] == [True]


async def test_a_new_boot_makes_the_old_boots_calls_orphans_at_once(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.confirm(POOL, call(1), placement.epoch)

    await routing.ports.beat(heartbeat(boot="boot-9"))

    assert [o.call for o in (await routing.ports.reap(POOL)).orphaned] == [call(1)]
    moved = placed(await routing.ports.replace(POOL, call(1), placement.epoch))
    assert (moved.boot, moved.epoch > placement.epoch) == ("boot-9", True)


async def test_a_cordoned_media_node_keeps_its_calls_and_gets_no_new_ones(
    routing: ClockedRouting,
) -> None:
    await routing.ports.beat(heartbeat())
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))
    await routing.ports.cordon(POOL, NODE, LEADER, cordoned=True)

    assert (await routing.ports.beat(heartbeat())).cordoned
    assert [view.state for view in await routing.ports.views(POOL)] == [MediaNodeState.CORDONED]
    assert placed(await routing.ports.reserve(POOL, call(1), units(2))) == placement
    assert isinstance(await routing.ports.reserve(POOL, call(2), units(2)), Full)
    await routing.ports.cordon(POOL, NODE, LEADER, cordoned=False)
    assert isinstance(await routing.ports.reserve(POOL, call(2), units(2)), Placed)


async def test_resizing_is_bound_by_capacity(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat(capacity=10))
    placement = placed(await routing.ports.reserve(POOL, call(1), units(2)))

    grown = await routing.ports.resize(POOL, call(1), placement.epoch, units(6))
    refused = await routing.ports.resize(POOL, call(1), placement.epoch, units(12))

    assert placed(grown).cost == 6
    assert refused == Full(reason=FullReason.NO_CAPACITY)
    assert await routing.ports.resize(POOL, call(1), epoch(1), units(2)) == Gone()
    assert [view.used for view in await routing.ports.views(POOL)] == [6]


async def test_what_is_not_placed_at_that_epoch_is_gone(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())

    assert await routing.ports.replace(POOL, call(1), epoch(1)) == Gone()
    assert await routing.ports.find(POOL, call(1)) is None
    assert not await routing.ports.confirm(POOL, call(1), epoch(1))


async def test_a_media_node_that_retires_leaves_the_table(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    await routing.ports.retire(POOL, NODE, BootId("another"))
    assert len(await routing.ports.views(POOL)) == 1

    await routing.ports.retire(POOL, NODE, BootId("boot-0"))

    assert await routing.ports.views(POOL) == ()


async def test_a_media_node_silent_for_a_minute_is_forgotten(routing: ClockedRouting) -> None:
    await routing.ports.beat(heartbeat())
    for _ in range(60):
        routing.pass_ms(1000)
        await routing.ports.reap(POOL)

    assert await routing.ports.views(POOL) == ()
