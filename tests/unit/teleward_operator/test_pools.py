"""A pool runs what is wanted, empties the emptiest first, and never stops a media node under its calls."""

from dataclasses import replace
from typing import Any

import pytest
from teleward_contract.media_nodes import MediaNodeState, MediaNodeView
from teleward_contract.projections import PoolPolicy, PoolProjection
from teleward_contract.resources import MediaPool
from teleward_contract.units import CapacityUnits, MediaNodeId, PoolId
from teleward_operator.core.pools import (
    PoolPlan,
    PoolSnapshot,
    RunningMediaNode,
    Runtime,
    busy,
    desired_replicas,
    plan_pool,
    project_pool,
)
from teleward_testing.declared import NAMESPACE, NOW, media_pool, view

DELETED: dict[str, Any] = {"deletionTimestamp": NOW}
CORDONED = MediaNodeState.CORDONED


def ids(*numbers: int) -> tuple[MediaNodeId, ...]:
    return tuple(MediaNodeId(f"default-{number}") for number in numbers)


def runs(*numbers: int) -> Runtime:
    return Runtime(tuple(RunningMediaNode(one) for one in ids(*numbers)))


def wants(replicas: int) -> MediaPool:
    return media_pool({"replicas": replicas})


def seen(pool: MediaPool, *running: int) -> PoolSnapshot:
    """A pool whose running media nodes are all idle."""
    return PoolSnapshot(pool, runs(*running), tuple(view(n) for n in running), NOW)


def reason(plan: PoolPlan) -> str:
    assert plan.status is not None
    listed = plan.status.status["conditions"]
    assert isinstance(listed, list)
    return next(str(c["reason"]) for c in listed if c["type"] == "Ready")


@pytest.mark.parametrize(
    ("what", "pool", "wanted"),
    [
        ("nothing said", media_pool(), 1),
        ("replicas", wants(3), 3),
        ("none", wants(0), 0),
        ("autoscaling", media_pool({"autoscaling": {"min": 2, "max": 5}}), 2),
        ("deletion", media_pool({"replicas": 3}, **DELETED), 0),
    ],
)
def test_how_many_are_wanted(what: str, pool: MediaPool, wanted: int) -> None:
    assert desired_replicas(pool)[0] == wanted, what


def test_missing_media_nodes_take_the_smallest_free_numbers() -> None:
    plan = plan_pool(seen(wants(4), 1, 2))

    assert plan.run == ids(0, 1, 2, 3)
    assert plan.is_changed


def test_what_runs_as_wanted_is_left_alone() -> None:
    plan = plan_pool(seen(wants(2), 0, 1))

    assert (plan.run, plan.cordon, plan.uncordon) == (ids(0, 1), (), ())
    assert not plan.is_changed
    assert reason(plan) == "Ready"


def test_one_that_has_not_beaten_yet_counts_as_running_but_not_as_ready() -> None:
    plan = plan_pool(PoolSnapshot(wants(2), runs(0, 1), (view(0),), NOW))

    assert plan.run == ids(0, 1)
    assert reason(plan) == "MediaNodesStarting"


def test_the_emptiest_is_cordoned_first_and_stays_for_one_more_look() -> None:
    busy = (view(0, used=2, calls=1), view(1, used=8, calls=4), view(2, used=4, calls=2))
    plan = plan_pool(PoolSnapshot(wants(1), runs(0, 1, 2), busy, NOW))

    assert set(plan.cordon) == set(ids(0, 2))
    assert plan.leaving == frozenset(ids(0, 2))
    assert plan.run == ids(0, 1, 2), "a call may have come since it was looked at"
    assert not plan.is_changed


def test_among_equals_the_highest_number_goes() -> None:
    assert plan_pool(seen(wants(1), 0, 1, 2)).cordon == ids(1, 2)


def test_a_cordoned_one_goes_when_it_is_empty() -> None:
    views = (view(0), view(1, state=CORDONED), view(2, state=CORDONED, used=2, calls=1))
    plan = plan_pool(PoolSnapshot(wants(1), runs(0, 1, 2), views, NOW))

    assert plan.run == ids(0, 2)
    assert plan.is_changed
    assert plan.cordon == ()
    assert plan.status is not None
    assert plan.status.status["draining"] == 1


def test_a_reservation_keeps_a_cordoned_one_as_a_call_does() -> None:
    views = (view(0), view(1, state=CORDONED, used=2))

    assert plan_pool(PoolSnapshot(wants(1), runs(0, 1), views, NOW)).run == ids(0, 1)


def test_one_that_is_overdue_goes_with_its_calls() -> None:
    views = (view(0), view(1, state=CORDONED, used=2, calls=1))
    late = PoolSnapshot(wants(1), runs(0, 1), views, NOW, overdue=frozenset(ids(1)))

    assert plan_pool(late).run == ids(0)


@pytest.mark.parametrize(
    ("what", "views"),
    [("it never beat", (view(0),)), ("it is dead", (view(0), view(1, used=2, alive=False)))],
)
def test_a_surplus_one_that_holds_no_calls_goes_at_once(
    what: str, views: tuple[MediaNodeView, ...]
) -> None:
    snapshot = replace(seen(wants(1), 0), runtime=runs(0, 1), views=views)

    assert plan_pool(snapshot).run == ids(0), what


def test_growing_again_takes_back_the_fullest_of_the_cordoned_before_it_starts_new_ones() -> None:
    views = (
        view(0), view(1, state=CORDONED, used=2, calls=1), view(2, state=CORDONED, used=6, calls=3),
    )  # fmt: skip
    plan = plan_pool(PoolSnapshot(wants(2), runs(0, 1, 2), views, NOW))

    assert plan.uncordon == ids(2)
    assert plan.leaving == frozenset(ids(1))
    assert plan.run == ids(0, 1, 2)


def test_one_that_is_stopping_keeps_its_number_and_is_not_counted_on() -> None:
    stopping = RunningMediaNode(ids(1)[0], is_stopping=True)
    running = Runtime((*runs(0).media_nodes, stopping))
    plan = plan_pool(PoolSnapshot(wants(2), running, (view(0), view(1)), NOW))

    assert plan.run == ids(0, 2)


def test_while_the_runtime_is_silent_nothing_new_is_planned() -> None:
    plan = plan_pool(PoolSnapshot(wants(3), "No answer.", (view(0),), NOW))

    assert not plan.is_changed
    assert reason(plan) == "RuntimeUnavailable"


@pytest.mark.parametrize(
    ("what", "running", "views", "is_gone"),
    [
        ("media nodes run", runs(0), (view(0),), False),
        ("one still beats", runs(), (view(0),), False),
        ("only a dead one is remembered", runs(), (view(0, alive=False),), True),
        ("nothing is left", runs(), (), True),
        ("the runtime is silent", "No answer.", (), False),
    ],
)
def test_a_deleted_pool_is_gone_when_nothing_of_it_runs(
    what: str, running: Runtime | str, views: tuple[MediaNodeView, ...], is_gone: bool
) -> None:  # fmt: skip
    pool = media_pool(**DELETED)
    snapshot = PoolSnapshot(pool, running, views, NOW)

    assert plan_pool(snapshot).is_gone is is_gone, what
    assert not plan_pool(replace(snapshot, pool=wants(0))).is_gone


def test_a_deleted_pool_says_that_it_drains() -> None:
    views = (view(0, state=CORDONED, used=2, calls=1),)
    plan = plan_pool(PoolSnapshot(media_pool(**DELETED), runs(0), views, NOW))

    assert plan.run == ids(0)
    assert reason(plan) == "Draining"


def test_the_status_adds_up_what_lives() -> None:
    views = (
        view(0, used=6, calls=3), view(1, state=CORDONED, used=2, calls=1),
        view(2, used=9, alive=False),
    )  # fmt: skip
    plan = plan_pool(PoolSnapshot(wants(2), runs(0, 1), views, NOW))

    assert plan.status is not None
    assert {k: v for k, v in plan.status.status.items() if k != "conditions"} == {
        "observedGeneration": 1, "replicas": 2, "ready": 1, "draining": 0,
        "capacityUnits": 240, "usedUnits": 8, "calls": 4, "desiredReplicas": 2,
        "lastScaleReason": "spec.replicas", "selector": "teleward.io/pool=default",
        "units": "8/240",
    }  # fmt: skip


def test_a_silent_routing_state_is_said_by_a_pool_it_never_held() -> None:
    silent = PoolSnapshot(wants(1), "", (), NOW, is_routing_up=False)
    standing = plan_pool(seen(wants(1), 0)).status
    assert standing is not None
    known = media_pool({"replicas": 1}, status=standing.status)

    assert reason(plan_pool(silent)) == "RoutingUnavailable"
    assert plan_pool(replace(silent, pool=known)).status is None


def test_a_media_node_without_a_number_is_left_as_it_is() -> None:
    odd = Runtime((RunningMediaNode(MediaNodeId("default-x")),))

    assert plan_pool(PoolSnapshot(wants(2), odd, (), NOW)).run == (
        MediaNodeId("default-x"), MediaNodeId("default-1"),
    )  # fmt: skip


def test_a_pool_is_projected_with_its_policy() -> None:
    pool = media_pool({"scheduling": {"policy": "Spread"}, "capacity": {"unitsPerMediaNode": 40}})

    assert project_pool(pool) == PoolProjection(
        pool=PoolId(f"{NAMESPACE}/default"), uid="uid-MediaPool-default", generation=1,
        policy=PoolPolicy.SPREAD, units_per_media_node=CapacityUnits(40),
    )  # fmt: skip


def test_a_runtime_that_drifted_is_told_again_what_to_run() -> None:
    drifted = replace(runs(0), is_settled=False)

    plan = plan_pool(PoolSnapshot(wants(1), drifted, (view(0),), NOW))

    assert (plan.is_changed, plan.run) == (True, ids(0))


def test_the_first_trouble_of_a_media_node_is_in_the_message() -> None:
    stuck = Runtime(
        (
            RunningMediaNode(ids(0)[0]),
            RunningMediaNode(ids(1)[0], trouble="Unschedulable: no room"),
        )
    )

    plan = plan_pool(PoolSnapshot(wants(2), stuck, (view(0),), NOW))

    assert plan.status is not None
    assert "default-1: Unschedulable: no room" in str(plan.status.status["conditions"])


def test_an_annotation_ends_the_calls_of_a_deleted_pool() -> None:
    views = (view(0, used=2, calls=1),)
    skipping = {**DELETED, "annotations": {"teleward.io/skip-drain": "true"}}

    plan = plan_pool(PoolSnapshot(media_pool(**skipping), runs(0), views, NOW))

    assert plan.run == ()


def test_a_media_node_is_busy_with_a_call_or_a_reservation() -> None:
    views = (view(0), view(1, calls=1), view(2, used=2), view(3, calls=1, alive=False))

    assert busy(views) == frozenset(ids(1, 2))
