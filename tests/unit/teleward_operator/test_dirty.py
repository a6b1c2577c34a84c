"""A key waits once, is worked on once at a time, and comes back later after a failure."""

from teleward_operator.core.cache import Unit
from teleward_operator.core.dirty import BACKOFF_S, DirtyKeys, Urgency

KEY = (Unit.CLINIC, "harbour-health", "cardiology")


def test_a_key_that_waits_is_queued_once() -> None:
    dirty = DirtyKeys()

    assert dirty.mark(KEY)
    assert not dirty.mark(KEY)
    assert dirty.depth == 1


def test_a_key_marked_while_it_is_worked_on_is_queued_again_when_that_ends() -> None:
    dirty = DirtyKeys()
    dirty.mark(KEY)
    dirty.begin(KEY)

    assert not dirty.mark(KEY)
    assert dirty.succeed(KEY) is Urgency.CHANGED
    dirty.begin(KEY)
    assert dirty.succeed(KEY) is None
    assert dirty.depth == 0


def test_what_waits_for_a_look_and_is_changed_is_queued_again_before_it() -> None:
    dirty = DirtyKeys()
    assert dirty.mark(KEY, Urgency.LOOK)

    assert dirty.mark(KEY, Urgency.CHANGED)
    assert not dirty.mark(KEY, Urgency.LOOK)

    assert dirty.begin(KEY)
    assert not dirty.begin(KEY), "the later entry of the queue is stale"


def test_a_change_during_a_look_keeps_its_urgency() -> None:
    dirty = DirtyKeys()
    dirty.mark(KEY, Urgency.LOOK)
    dirty.begin(KEY)

    dirty.mark(KEY, Urgency.LOOK)
    dirty.mark(KEY, Urgency.CHANGED)

    assert dirty.succeed(KEY) is Urgency.CHANGED


def test_failures_on_end_wait_longer_and_longer_up_to_a_limit() -> None:
    dirty = DirtyKeys()
    pauses = []
    for _ in range(len(BACKOFF_S) + 2):
        dirty.mark(KEY)
        dirty.begin(KEY)
        pauses.append(dirty.fail(KEY))

    assert pauses == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]
    assert dirty.failures(KEY) == len(pauses)


def test_a_success_forgets_the_failures_before_it() -> None:
    dirty = DirtyKeys()
    dirty.begin(KEY)
    dirty.fail(KEY)
    dirty.begin(KEY)
    dirty.succeed(KEY)
    dirty.begin(KEY)

    assert dirty.failures(KEY) == 0
    assert dirty.fail(KEY) == BACKOFF_S[0]


def test_a_mark_during_a_failing_reconcile_is_seen_by_its_retry() -> None:
    dirty = DirtyKeys()
    dirty.mark(KEY)
    dirty.begin(KEY)
    dirty.mark(KEY)

    dirty.fail(KEY)

    assert dirty.mark(KEY), "the retry queues it"
    dirty.begin(KEY)
    assert dirty.succeed(KEY) is None, "and nothing is left to do"
