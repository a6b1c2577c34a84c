"""A visit moves along its table and no other way; its call's name does not tell the visit's."""

import pytest
from teleward_contract.units import Namespace
from teleward_gateway.core.visits import (
    NOTHING_CARRIED,
    OVER,
    TRANSITIONS,
    Carried,
    Destination,
    Personal,
    Speaker,
    Visit,
    VisitAction,
    VisitState,
    call_of,
    call_of_room,
    next_state,
    room_uid,
    take,
    takes_in,
)

LEADS_TO = {
    (VisitState.WAITING, VisitAction.CALL_IN): VisitState.CALLED,
    (VisitState.WAITING, VisitAction.REFUSE): VisitState.REFUSED,
    (VisitState.WAITING, VisitAction.END): VisitState.ENDED,
    (VisitState.WAITING, VisitAction.LEAVE): VisitState.LEFT,
    (VisitState.CALLED, VisitAction.JOIN): VisitState.IN_CONSULTATION,
    (VisitState.CALLED, VisitAction.RETURN): VisitState.WAITING,
    (VisitState.CALLED, VisitAction.END): VisitState.ENDED,
    (VisitState.CALLED, VisitAction.LEAVE): VisitState.LEFT,
    (VisitState.IN_CONSULTATION, VisitAction.JOIN): VisitState.IN_CONSULTATION,
    (VisitState.IN_CONSULTATION, VisitAction.RETURN): VisitState.WAITING,
    (VisitState.IN_CONSULTATION, VisitAction.END): VisitState.ENDED,
    (VisitState.IN_CONSULTATION, VisitAction.LEAVE): VisitState.LEFT,
    (VisitState.IN_CONSULTATION, VisitAction.HOLD): VisitState.ON_HOLD,
    (VisitState.ON_HOLD, VisitAction.RESUME): VisitState.CALLED,
    (VisitState.ON_HOLD, VisitAction.RETURN): VisitState.WAITING,
    (VisitState.ON_HOLD, VisitAction.END): VisitState.ENDED,
    (VisitState.ON_HOLD, VisitAction.LEAVE): VisitState.LEFT,
    (VisitState.CALLED, VisitAction.HAND_OVER): VisitState.CALLED,
    (VisitState.IN_CONSULTATION, VisitAction.HAND_OVER): VisitState.IN_CONSULTATION,
    (VisitState.ON_HOLD, VisitAction.HAND_OVER): VisitState.ON_HOLD,
    (VisitState.WAITING, VisitAction.TRANSFER): VisitState.WAITING,
    (VisitState.CALLED, VisitAction.TRANSFER): VisitState.WAITING,
    (VisitState.IN_CONSULTATION, VisitAction.TRANSFER): VisitState.WAITING,
    (VisitState.ON_HOLD, VisitAction.TRANSFER): VisitState.WAITING,
    (VisitState.WAITING, VisitAction.ADD): VisitState.CALLED,
    (VisitState.WAITING, VisitAction.MESSAGE): VisitState.WAITING,
    (VisitState.ON_HOLD, VisitAction.MESSAGE): VisitState.ON_HOLD,
    (VisitState.WAITING, VisitAction.PRIORITISE): VisitState.WAITING,
    (VisitState.WAITING, VisitAction.NOTICE): VisitState.WAITING,
    (VisitState.WAITING, VisitAction.DELAY): VisitState.WAITING,
    (VisitState.ON_HOLD, VisitAction.DELAY): VisitState.ON_HOLD,
}


@pytest.mark.parametrize("action", list(VisitAction))
@pytest.mark.parametrize("state", list(VisitState))
def test_each_action_leads_where_the_table_says_or_nowhere(
    state: VisitState, action: VisitAction
) -> None:
    assert next_state(state, action) is LEADS_TO.get((state, action))


def test_nothing_leads_out_of_a_visit_that_is_over() -> None:
    assert not any(state in OVER for moves in TRANSITIONS.values() for state in moves)


def test_the_calls_name_is_the_visits_own_and_does_not_tell_it() -> None:
    one, other = visit("one"), visit("other")

    assert one.call == visit("one").call
    assert one.call != other.call
    assert one.call.startswith("visit:")
    assert "one" not in one.call


def test_who_calls_in_owns_the_visit_until_it_is_returned() -> None:
    called = take(visit("v"), VisitAction.CALL_IN, "ada", NOTHING_CARRIED)
    assert called is not None
    joined = take(called, VisitAction.JOIN, "", NOTHING_CARRIED)
    assert joined is not None
    returned = take(joined, VisitAction.RETURN, "ben", NOTHING_CARRIED)

    steps = [(v and v.called_by, v and v.changed_by) for v in (called, joined, returned)]
    assert steps == [("ada", "ada"), ("ada", "ada"), ("", "ben")]


def test_handing_over_changes_the_owner_and_takes_who_owns_it_still() -> None:
    called = visit("v").model_copy(update={"state": VisitState.ON_HOLD, "called_by": "ada"})
    to_ben = Carried(owner="ben", owned_by="ada")

    given = take(called, VisitAction.HAND_OVER, "eve", to_ben)

    assert given == called.model_copy(update={"called_by": "ben", "changed_by": "eve"})
    assert take(given, VisitAction.HAND_OVER, "ada", Carried(owner="cem", owned_by="ada")) is None
    resumed = take(given, VisitAction.RESUME, "ada", NOTHING_CARRIED)
    assert resumed is not None
    assert resumed.called_by == "ben"


def test_a_visit_that_is_transferred_waits_elsewhere_as_it_was_and_remembers_where_it_came_from() -> (
    None
):
    called = visit("v").model_copy(
        update={
            "state": VisitState.CALLED, "called_by": "ada", "priority": 3, "is_noticed": True,
            "is_confirmed": True, "is_delayed": True,
        }
    )  # fmt: skip
    to = Destination(
        clinic="d", clinic_uid="w", at_most=1, came_from="Clinic C", came_from_uid="u"
    )

    gone = take(called, VisitAction.TRANSFER, "ada", Carried(at="u", owned_by="ada", to=to))

    assert gone == visit("v").model_copy(
        update={
            "priority": 3, "changed_by": "ada", "clinic": "d", "clinic_uid": "w",
            "came_from": "Clinic C", "came_from_uid": "u",
        }
    )  # fmt: skip


def test_how_urgent_a_visit_is_makes_nobody_come_too_late() -> None:
    urgent = take(visit("v"), VisitAction.PRIORITISE, "ada", Carried(priority=7))

    assert urgent == visit("v").model_copy(update={"priority": 7, "is_noticed": True})


REACTIONS = {
    VisitAction.CALL_IN,
    VisitAction.ADD,
    VisitAction.MESSAGE,
    VisitAction.PRIORITISE,
    VisitAction.NOTICE,
}


@pytest.mark.parametrize(
    "action", [a for a in VisitAction if VisitState.WAITING in TRANSITIONS[a]]
)
def test_an_arrival_is_noticed_when_somebody_does_something_about_it(action: VisitAction) -> None:
    now = take(visit("v"), action, "ada", NOTHING_CARRIED)

    assert now is not None
    assert now.is_noticed is (action in REACTIONS | {VisitAction.DELAY})


def test_whom_one_calls_in_is_confirmed_until_the_patient_waits_again() -> None:
    called = take(visit("v"), VisitAction.CALL_IN, "ada", Carried(is_confirmed=True))
    assert called is not None
    back = take(called, VisitAction.RETURN, "ada", NOTHING_CARRIED)
    assert back is not None

    assert (called.is_confirmed, back.is_confirmed) == (True, False)


def test_a_patient_is_delayed_until_there_is_a_place() -> None:
    delayed = take(visit("v"), VisitAction.DELAY, "ada", NOTHING_CARRIED)
    assert delayed is not None
    called = take(delayed, VisitAction.CALL_IN, "ben", NOTHING_CARRIED)
    assert called is not None

    assert (delayed.is_delayed, delayed.changed_by) == (True, "")
    assert called.is_delayed is False
    held = delayed.model_copy(update={"state": VisitState.ON_HOLD})
    resumed = take(held, VisitAction.RESUME, "ben", NOTHING_CARRIED)
    assert resumed is not None
    assert resumed.is_delayed is False


def test_who_speaks_for_a_patient_comes_first_in_the_calls_name() -> None:
    speaker = Speaker(name="Mia", role="relative")

    assert Personal(name="Ada").call_name == "Ada"
    assert Personal(name="Ada", speaker=speaker).call_name == "Mia (Ada)"


def test_a_step_in_a_clinic_does_not_move_a_visit_that_is_elsewhere() -> None:
    there, here = Carried(at="elsewhere"), Carried(at="u")

    assert take(visit("v"), VisitAction.END, "ada", there) is None
    assert take(visit("v"), VisitAction.END, "ada", here) is not None


def test_a_patient_is_added_to_a_consultation_that_runs_with_its_owner_and_to_no_other() -> None:
    host = visit("host").model_copy(
        update={"state": VisitState.IN_CONSULTATION, "called_by": "ada", "consultation": "this"}
    )
    carried = Carried(at="u", consultation="this", into=host.call, host="host")
    added = take(visit("v"), VisitAction.ADD, "ada", carried)

    assert added is not None
    assert (added.call, added.called_by, added.state) == (host.call, "ada", VisitState.CALLED)
    assert takes_in(host, added)
    assert not takes_in(None, added)
    for changed in (
        {"state": VisitState.ENDED}, {"state": VisitState.WAITING}, {"called_by": "ben"},
        {"consultation": "the next"}, {"clinic_uid": "w"},
    ):  # fmt: skip
        assert not takes_in(host.model_copy(update=changed), added)


def test_a_visit_that_waits_again_is_in_its_own_call() -> None:
    into = Carried(at="u", consultation="this", into=call_of_room("ada"))
    called = take(visit("v"), VisitAction.CALL_IN, "ada", into)
    assert called is not None
    assert room_uid(called.call) == "ada"

    back = take(called, VisitAction.RETURN, "ada", Carried(at="u"))

    assert back is not None
    assert (back.call, back.consultation) == (call_of("v"), "")
    assert room_uid(back.call) == ""


def visit(visit_id: str) -> Visit:
    return Visit(id=visit_id, namespace=Namespace("n"), clinic="c", clinic_uid="u", arrived_ms=1)
