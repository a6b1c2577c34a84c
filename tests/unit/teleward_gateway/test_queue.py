"""Staff see the queue in order of arrival, and after each change only what changed."""

from teleward_contract.occupancy import ClinicOccupancy
from teleward_contract.projections import WaitingAreaProjection
from teleward_contract.signalling import QualityView
from teleward_contract.units import Namespace
from teleward_gateway.core.device import DeviceReport
from teleward_gateway.core.queue import (
    Entry,
    QueueRules,
    difference,
    occupancy,
    positions,
    rfc3339,
    rows,
    rules_of,
    unanswered,
)
from teleward_gateway.core.visits import Personal, Speaker, Visit, VisitState, Waiting

NOON_MS = 1_795_000_000_000


def waiting(
    visit: str, arrived_s: int, state: VisitState = VisitState.WAITING, is_silent: bool = False,
    priority: int = 0,
) -> Waiting:  # fmt: skip
    return Waiting(
        visit=Visit(
            id=visit, namespace=Namespace("n"), clinic="c", clinic_uid="u", state=state,
            arrived_ms=NOON_MS + arrived_s * 1000, priority=priority,
            called_by="ada" if state is VisitState.CALLED else "",
        ),
        personal=Personal(name=visit.title(), fields={"reason": "cough"}, locale="ar"),
        is_silent=is_silent,
    )  # fmt: skip


def test_a_row_tells_what_the_wire_says() -> None:
    queue = [waiting("v", 1, VisitState.CALLED)]
    (row,) = rows(queue, {}, name_of=str.title).values()

    assert row == Entry(
        visit="v", name="V", arrived_at="2026-11-18T11:06:41.000Z", state=VisitState.CALLED,
        fields={"reason": "cough"}, locale="ar", connected=True, called_by="ada",
        called_by_name="Ada", noticed=False,
    )  # fmt: skip


def test_a_row_tells_all_that_the_patient_and_the_page_have_told() -> None:
    item = waiting("v", 1)
    personal = item.personal.model_copy(
        update={
            "speaker": Speaker(name="Mia", role="relative"), "device": DeviceReport(camera="on"),
            "appointment": "2026-11-18T11:30:00Z",
        }
    )  # fmt: skip
    visit = item.visit.model_copy(update={"is_noticed": True, "is_confirmed": True})

    (row,) = rows([Waiting(visit=visit, personal=personal)], {}).values()

    assert (row.speaker, row.device) == (personal.speaker, DeviceReport(camera="on"))
    assert (row.appointment, row.noticed, row.confirmed) == (personal.appointment, True, True)


def test_an_arrival_is_unanswered_while_the_patient_waits_is_there_and_nobody_has_reacted() -> (
    None
):
    seen = waiting("seen", 3)
    seen = seen.model_copy(update={"visit": seen.visit.model_copy(update={"is_noticed": True})})
    queue = [
        waiting("new", 1), waiting("called", 2, VisitState.CALLED), seen, waiting("away", 4, is_silent=True),
    ]  # fmt: skip

    assert unanswered(queue, rows(queue, {})) == ("new",)


def test_a_row_tells_how_its_patient_is_heard_and_seen_if_anybody_knows() -> None:
    told = QualityView(round_trip_ms=40, up_loss=0.01)
    shown = rows([waiting("v", 1), waiting("w", 2)], {"v": told, "gone": told})

    assert {visit: row.quality for visit, row in shown.items()} == {"v": told, "w": None}


def test_rows_stand_in_order_of_arrival_and_then_of_name() -> None:
    queue = [waiting("late", 9), waiting("b", 1), waiting("a", 1)]

    assert list(rows(queue, {})) == ["a", "b", "late"]


def test_where_the_waiting_area_goes_by_priority_the_urgent_come_first_and_then_who_came_first() -> (
    None
):
    queue = [waiting("first", 1), waiting("urgent", 9, priority=2), waiting("second", 2)]

    assert list(rows(queue, {}, "Priority")) == ["urgent", "first", "second"]
    assert list(rows(queue, {}, "Arrival")) == ["first", "second", "urgent"]
    assert positions(queue, "Priority") == {"urgent": 1, "first": 2, "second": 3}


def test_who_is_silent_is_shown_as_away_and_stays() -> None:
    shown = rows([waiting("there", 0), waiting("away", 0, is_silent=True)], {})

    assert {visit: row.connected for visit, row in shown.items()} == {"there": True, "away": False}


def test_a_delta_holds_what_is_new_or_changed_and_what_is_gone() -> None:
    before = rows([waiting("stays", 0), waiting("changes", 1), waiting("goes", 2)], {})
    after = rows(
        [waiting("stays", 0), waiting("changes", 1, VisitState.CALLED), waiting("comes", 3)],
        {},
    )  # fmt: skip

    changed, gone = difference(before, after)

    assert [row.visit for row in changed] == ["changes", "comes"]
    assert gone == ["goes"]
    assert difference(after, after) == ([], [])


def test_a_row_that_is_as_it_was_is_the_same_object_and_one_that_is_not_is_made_anew() -> None:
    told = QualityView(round_trip_ms=40)
    queue = [waiting(name, 0) for name in ("same", "read again", "away", "heard")]
    first = rows(queue, {})
    queue = [queue[0], waiting("read again", 0), waiting("away", 0, is_silent=True), queue[3]]

    again = rows(
        queue, {"heard": told},
        was={item.visit.id: item for item in queue if item.visit.id in ("same", "heard")}, shown=first,
    )  # fmt: skip

    assert again["same"] is first["same"]
    assert again["read again"] is first["read again"]
    assert (again["away"].connected, again["heard"].quality) == (False, told)
    changed, _ = difference(first, again)
    assert {row.visit for row in changed} == {"away", "heard"}


def test_a_row_whose_owner_is_called_something_else_now_is_made_anew() -> None:
    queue = [waiting("v", 0, VisitState.CALLED)]
    first = rows(queue, {}, name_of=lambda _: "Grace")

    again = rows(queue, {}, name_of=lambda _: "Dr Grace", was={"v": queue[0]}, shown=first)

    assert again["v"].called_by_name == "Dr Grace"


def test_positions_count_those_who_wait_and_nobody_else() -> None:
    queue = [
        waiting("second", 5), waiting("first", 1),
        waiting("called", 0, VisitState.CALLED), waiting("seen", 0, VisitState.IN_CONSULTATION),
    ]  # fmt: skip

    assert positions(queue) == {"first": 1, "second": 2}


def test_counts_tell_how_full_the_doors_are_and_nothing_of_who_it_is() -> None:
    queue = [
        waiting("b", 5), waiting("a", 1), waiting("c", 0, VisitState.CALLED),
        waiting("d", 0, VisitState.IN_CONSULTATION), waiting("e", 0, VisitState.ON_HOLD),
    ]  # fmt: skip

    assert occupancy(Namespace("n"), "c", queue, {"r": 2}) == ClinicOccupancy(
        namespace=Namespace("n"), clinic="c", waiting=2, in_consultation=2, rooms={"r": 2},
        longest_waiting_since="2026-11-18T11:06:41.000Z",
    )  # fmt: skip


def test_with_nobody_waiting_nobody_waits_longest() -> None:
    assert occupancy(Namespace("n"), "c", [], {}).longest_waiting_since is None


def test_times_are_utc_to_the_millisecond() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_a_queue_is_shown_as_its_waiting_area_says_and_without_one_as_by_default() -> None:
    area = WaitingAreaProjection(
        uid="w", generation=1, order="Priority", long_after_minutes=5, very_long_after_minutes=20
    )

    assert rules_of(area) == QueueRules("Priority", 5, 20)
    assert rules_of(WaitingAreaProjection(uid="w", generation=1)) == rules_of(None)
