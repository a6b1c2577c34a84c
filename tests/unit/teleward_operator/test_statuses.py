"""A status is written when it differs; counters alone wait until they are due."""

from teleward_contract.resources import Mirror, Unreadable
from teleward_operator.core.conditions import ConditionType, Reason, refuse
from teleward_operator.core.statuses import (
    StatusWrite,
    compose,
    difference,
    plan_unreadable,
    unanswered,
)
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


def test_what_is_not_understood_is_said_and_everything_else_stays() -> None:
    stood = {"url": "u", "observedGeneration": 1, "conditions": []}
    faults = tuple(f"spec.{field}: wrong" for field in "abcd")
    found = Unreadable(
        kind="Clinic", metadata=clinic().metadata, spec=Mirror(), status=stood, faults=faults
    )

    write = plan_unreadable(found, NOW)

    accepted, *_, programmed, ready = statuses_of(write)
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    assert "spec.a: wrong; spec.b: wrong; spec.c: wrong." in accepted["message"]
    assert (programmed["reason"], ready["reason"]) == ("NotProgrammed", "InvalidSpec")
    assert write.status["url"] == "u"


def statuses_of(write: StatusWrite) -> list[dict[str, str]]:
    listed = write.status["conditions"]
    assert isinstance(listed, list)
    return listed
