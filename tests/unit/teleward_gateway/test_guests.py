"""A guest's link: what may happen to it, and when it leads into a call."""

import pytest
from teleward_contract.projections import ClinicProjection, RoomKind, RoomProjection
from teleward_contract.units import Namespace
from teleward_gateway.core.guest_frames import guest_frame
from teleward_gateway.core.guests import (
    GUEST_TRANSITIONS,
    Guest,
    GuestAction,
    GuestPlace,
    GuestState,
    call_for,
    guest_changes,
    guest_entry,
    guest_id,
    is_there,
    room_of,
    runs,
    state_now,
    walks_in,
)
from teleward_gateway.core.participants import Participants
from teleward_gateway.core.visits import CALL_GOES_ON, Visit, VisitState, call_of_room

HARBOUR = Namespace("harbour")
WARD = RoomProjection(
    kind=RoomKind.MEETING_ROOM, name="ward", uid="uid-ward", generation=1, display_name="Ward"
)
CLINIC = ClinicProjection(
    namespace=HARBOUR, name="cardiology", uid="uid-1", generation=1, display_name="Cardiology",
    rooms=(WARD.model_copy(update={"uid": "another"}), WARD),
)  # fmt: skip
VISIT = Visit(
    id="v", namespace=HARBOUR, clinic="cardiology", clinic_uid="uid-1", arrived_ms=0,
    state=VisitState.IN_CONSULTATION, consultation="this",
)  # fmt: skip


def guest(**fields: object) -> Guest:
    known: dict[str, object] = {
        "id": "g", "namespace": HARBOUR, "clinic": "cardiology", "clinic_uid": "uid-1",
        "place": GuestPlace.MEETING, "place_id": "uid-ward", "label": "Interpreter",
        "made_by": "grace", "made_ms": 1_000, "expires_ms": 61_000,
    }  # fmt: skip
    return Guest.model_validate(known | fields)


def of_visit(**fields: object) -> Guest:
    return guest(
        place=GuestPlace.VISIT, place_id="v", state=GuestState.ADMITTED, consultation="this",
        **fields,
    )  # fmt: skip


def test_nobody_is_admitted_who_does_not_knock() -> None:
    to = GuestState.ADMITTED
    ways = [
        (action, before)
        for action, moves in GUEST_TRANSITIONS.items()
        for before, after in moves.items()
        if after is to and before is not to
    ]

    assert ways == [(GuestAction.ADMIT, GuestState.KNOCKING)]


def test_a_refusal_is_final() -> None:
    assert not any(GuestState.REFUSED in moves for moves in GUEST_TRANSITIONS.values())


def test_a_link_is_named_by_a_hash_that_tells_nothing_of_the_secret() -> None:
    assert guest_id("a") != guest_id("b")
    assert len(guest_id("secret")) == 36
    assert guest_id("\ud800") != guest_id("")


@pytest.mark.parametrize("action", list(GuestAction))
def test_who_decides_is_noted_and_a_name_is_kept_only_while_it_is_needed(
    action: GuestAction,
) -> None:
    changed = guest_changes(action, "grace", name="Ida", consultation="this")

    decided = action in (GuestAction.ADMIT, GuestAction.REFUSE, GuestAction.REMOVE)
    assert changed.get("decided_by") == ("grace" if decided else None)
    named = {
        GuestAction.REDEEM: "Ida", GuestAction.KNOCK: "Ida", GuestAction.REFUSE: "",
        GuestAction.LEAVE: "",
    }  # fmt: skip
    assert changed.get("name") == named.get(action)


def test_a_link_leads_to_its_own_room_and_to_no_namesake() -> None:
    assert room_of(guest(), CLINIC) is CLINIC.rooms[1]
    assert room_of(guest(place=GuestPlace.USER), CLINIC) is None, "a room of another kind"
    assert room_of(of_visit(), CLINIC) is None
    assert call_for(guest(), None) == call_of_room("uid-ward")
    assert call_for(of_visit(), VISIT) == VISIT.call


def test_what_is_gone_is_not_there() -> None:
    assert is_there(guest(), CLINIC, None)
    assert not is_there(guest(place_id="gone"), CLINIC, None)
    assert not is_there(guest(clinic_uid="uid-2"), CLINIC, None)
    assert is_there(of_visit(), CLINIC, VISIT)
    assert not is_there(of_visit(), CLINIC, None)
    elsewhere = VISIT.model_copy(update={"clinic_uid": "uid-2"})
    assert not is_there(of_visit(), CLINIC, elsewhere)


@pytest.mark.parametrize("state", list(VisitState))
def test_a_guest_of_a_visit_is_in_only_while_that_very_consultation_runs(
    state: VisitState,
) -> None:
    visit = VISIT.model_copy(update={"state": state})
    later = visit.model_copy(update={"consultation": "another"})
    is_running = state in CALL_GOES_ON

    assert runs(of_visit(), visit) is is_running
    assert (state_now(of_visit(), visit) is GuestState.ADMITTED) is is_running
    assert state_now(of_visit(), later) is GuestState.KNOCKING
    assert state_now(of_visit(), None) is GuestState.KNOCKING


def test_a_room_always_stands() -> None:
    assert runs(guest(), None)
    assert state_now(guest(state=GuestState.ADMITTED), None) is GuestState.ADMITTED


def test_only_an_open_unlocked_room_answers_by_itself_and_not_to_who_was_put_out() -> None:
    knocking = guest(state=GuestState.KNOCKING)
    opened = WARD.model_copy(update={"guest_entry": "Open"})

    assert walks_in(knocking, opened)
    assert not walks_in(knocking, WARD)
    assert not walks_in(knocking, opened.model_copy(update={"locked": True}))
    assert not walks_in(knocking.model_copy(update={"was_removed": True}), opened)
    assert not walks_in(guest(state=GuestState.REMOVED), opened)
    assert not walks_in(knocking, None)


def test_a_guest_is_told_where_they_knock_and_nothing_of_who_is_there() -> None:
    frame = guest_frame(guest(state=GuestState.KNOCKING), CLINIC, None, None)

    assert (frame.state, frame.room, frame.clinic) == ("knocking", "Ward", "Cardiology")
    assert guest_frame(of_visit(), CLINIC, None, VISIT).room == ""


def test_staff_are_told_who_made_a_link_until_when_and_whether_it_was_used() -> None:
    fresh = guest_entry(guest(is_silent=True), None, "Dr Grace")
    used = guest_entry(guest(name="Ida", knocked_ms=2_000), None, "")

    assert (fresh.made_by_name, fresh.expires_at) == ("Dr Grace", "1970-01-01T00:01:01.000Z")
    assert (fresh.knocked_at, fresh.connected) == (None, False)
    assert (used.knocked_at, used.connected) == ("1970-01-01T00:00:02.000Z", True)


def test_nobody_is_called_alike_in_a_call() -> None:
    people = Participants(b"key")
    other = VISIT.model_copy(update={"id": "w", "into": VISIT.call})
    names = [
        people.patient(VISIT), people.patient(other), people.staff(VISIT.call, "v"),
        people.guest(VISIT.call, guest(id="v")), people.staff(call_of_room("r"), "v"),
    ]  # fmt: skip

    assert VISIT.call == other.call
    assert len(set(names)) == len(names)
    assert people.patient(VISIT) == people.patient(VISIT)
