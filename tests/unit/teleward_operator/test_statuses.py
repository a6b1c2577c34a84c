"""A status is written when it differs; counters alone wait until they are due."""

from teleward_operator.core.conditions import ConditionType, Reason, refuse
from teleward_operator.core.statuses import StatusWrite, compose, difference, unanswered
from teleward_testing.declared import NOW, clinic

SILENT = refuse(ConditionType.PROGRAMMED, Reason.ROUTING_UNAVAILABLE, "Wait.")


def test_what_stands_is_not_written_again() -> None:
    first = compose(clinic(), (), {"rooms": 1}, NOW)

    again = compose(clinic(status=first.status), (), {"rooms": 1}, "later")

    assert difference(again, are_counters_due=True) is None


def test_a_difference_is_written_whole() -> None:
    first = compose(clinic(), (), {"rooms": 1}, NOW)

    changed = compose(clinic(status=first.status), (), {"rooms": 2}, NOW)

    assert difference(changed, are_counters_due=False) == {**first.status, "rooms": 2}


def test_counters_alone_wait_until_they_are_due() -> None:
    write = StatusWrite(clinic(status={"waiting": 1, "url": "u"}), {"waiting": 2, "url": "u"})

    assert difference(write, are_counters_due=False) is None
    assert difference(write, are_counters_due=True) == {"waiting": 2, "url": "u"}


def test_counters_go_along_with_anything_else() -> None:
    write = StatusWrite(clinic(status={"waiting": 1, "url": "u"}), {"waiting": 2, "url": "v"})

    assert difference(write, are_counters_due=False) == {"waiting": 2, "url": "v"}


def test_a_silent_routing_state_is_told_only_of_what_was_never_programmed() -> None:
    programmed = compose(clinic(generation=4), (), {}, NOW)
    old = compose(clinic(generation=4, status=programmed.status), (SILENT,), {}, NOW)
    changed = compose(clinic(generation=5, status=programmed.status), (SILENT,), {}, NOW)
    new = compose(clinic(name="new"), (SILENT,), {}, NOW)

    assert unanswered((old, changed, new)) == (changed, new)
